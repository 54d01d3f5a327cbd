;; Sets two hundred timers; a hundred are a customer's limit, and the others are refused. Breaks off if any of it is otherwise.
;; expect: done
;; imports: schedule
(data (i32.const 512) "0000")
(func $handle (param i32 i32 i32 i32) (result i32)
  (local $n i32)
  (loop $again
    (i32.store (i32.const 512) (i32.or (i32.const 0x30303030) (i32.and (local.get $n) (i32.const 0x7))))
    (i32.store8 (i32.const 513) (i32.add (i32.const 0x30) (i32.and (i32.shr_u (local.get $n) (i32.const 3)) (i32.const 7))))
    (i32.store8 (i32.const 514) (i32.add (i32.const 0x30) (i32.and (i32.shr_u (local.get $n) (i32.const 6)) (i32.const 7))))
    (call $schedule_set (i32.const 512) (i32.const 4) (i64.const 4102444800000) (i32.const 512) (i32.const 1) (i32.const 1024))
    (if (i32.ne (i32.load8_u (i32.const 1024)) (i32.ge_u (local.get $n) (i32.const 100))) (then (unreachable)))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 200))))
  (i32.const 16))
