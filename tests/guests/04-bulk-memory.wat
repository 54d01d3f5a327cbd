;; Copies 32 MiB back and forth, one instruction each: bulk instructions cost by the byte.
;; expect: used up its 200 ms of computing
(memory (export "memory") 1024)
(func $handle (param i32 i32 i32 i32) (result i32)
  (loop $again
    (memory.copy (i32.const 33554432) (i32.const 0) (i32.const 33554432))
    (memory.fill (i32.const 0) (i32.const 7) (i32.const 33554432))
    (br $again))
  (i32.const 16))
