;; Sets a timer before all time, which sets itself to the same moment again, without end. How it ends is in
;; tests/product/hostile_files.rs.
;; expect: done
;; imports: schedule
(data (i32.const 512) "again")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $schedule_set (i32.const 512) (i32.const 5) (i64.const 0) (i32.const 512) (i32.const 5) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
  (i32.const 16))
;; With the due moment that it was given.
(func $on_timer (param i32 i32 i64 i32 i32) (result i32)
  (call $schedule_set (i32.const 512) (i32.const 5) (local.get 2) (i32.const 512) (i32.const 5) (i32.const 1024))
  (i32.const 16))
