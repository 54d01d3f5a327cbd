;; Floods the log with what clears a terminal.
;; expect: done
;; imports: log
(data (i32.const 512) "\1b[2J\1b[1;1H\07\0d\0aall is well")
(func $handle (param i32 i32 i32 i32) (result i32)
  (local $n i32)
  (loop $again
    (call $log (i32.const 3) (i32.const 512) (i32.const 24))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 900))))
  (i32.const 16))
