;; Logs at a level that does not exist.
;; expect: broke off: 
;; imports: log
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $log (i32.const 99) (i32.const 0) (i32.const 0))
  (i32.const 16))
