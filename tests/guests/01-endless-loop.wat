;; Never comes back.
;; expect: used up its 200 ms of computing
(func $handle (param i32 i32 i32 i32) (result i32)
  (loop $again (br $again))
  (i32.const 16))
