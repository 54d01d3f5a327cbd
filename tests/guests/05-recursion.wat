;; Calls itself without end.
;; expect: called itself too deeply
(func $down (param i64) (result i64) (i64.add (call $down (local.get 0)) (i64.const 1)))
(func $handle (param i32 i32 i32 i32) (result i32)
  (drop (call $down (i64.const 0)))
  (i32.const 16))
