;; Breaks off.
;; expect: broke off: 
(func $handle (param i32 i32 i32 i32) (result i32)
  (unreachable)
  (i32.const 16))
