;; Hands the host 4 MiB in one call, which it does not copy.
;; expect: broke off: 
;; imports: log
(memory (export "memory") 128)
(func $handle (param i32 i32 i32 i32) (result i32)
  (memory.fill (i32.const 65536) (i32.const 97) (i32.const 4194304))
  (call $log (i32.const 1) (i32.const 65536) (i32.const 4194304))
  (i32.const 16))
