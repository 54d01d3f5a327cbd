;; Two functions call each other without end.
;; expect: called itself too deeply
(func $tick (param i64) (result i64) (i64.add (call $tock (local.get 0)) (i64.const 1)))
(func $tock (param i64) (result i64) (i64.add (call $tick (local.get 0)) (i64.const 1)))
(func $handle (param i32 i32 i32 i32) (result i32)
  (drop (call $tick (i64.const 0)))
  (i32.const 16))
