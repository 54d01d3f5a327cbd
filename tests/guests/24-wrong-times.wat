;; Sets timers before all time and after it.
;; expect: done
;; imports: schedule
(data (i32.const 512) "12")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $schedule_set (i32.const 512) (i32.const 1) (i64.const 0) (i32.const 512) (i32.const 1) (i32.const 1024))
  (call $schedule_set (i32.const 513) (i32.const 1) (i64.const -1) (i32.const 512) (i32.const 1) (i32.const 1024))
  (i32.const 16))
