;; Starts with 128 MiB of memory.
;; expect: refused: 
(memory (export "memory") 2048)
(func $handle (param i32 i32 i32 i32) (result i32)
  
  (i32.const 16))
