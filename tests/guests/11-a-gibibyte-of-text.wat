;; Says that a text has 1 GiB.
;; expect: broke off: 
;; imports: log
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $log (i32.const 1) (i32.const 0) (i32.const 0x40000000))
  (i32.const 16))
