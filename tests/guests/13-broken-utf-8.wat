;; Writes bytes that are no text.
;; expect: broke off: 
;; imports: log
(data (i32.const 512) "\ff\fe\c0\80")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $log (i32.const 1) (i32.const 512) (i32.const 4))
  (i32.const 16))
