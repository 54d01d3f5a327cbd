;; Looks at the clock, computes for some 50 ms, and looks again: nothing has passed. So how long anything takes, of this business
;; or of another, cannot be told from inside. Breaks off if the clock has moved.
;; expect: done
;; imports: clock
(func $handle (param i32 i32 i32 i32) (result i32)
  (local $then i64)
  (local $n i32)
  (local.set $then (call $clock_now))
  (loop $again
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 10000000))))
  (if (i64.eqz (local.get $then)) (then (unreachable)))
  (if (i64.ne (local.get $then) (call $clock_now)) (then (unreachable)))
  (i32.const 16))
