;; Keeps a note of 500 KB; 65,536 bytes are the limit, and it is refused.
;; expect: done
;; imports: state
(memory (export "memory") 128)
(data (i32.const 512) "note")
(func $handle (param i32 i32 i32 i32) (result i32)
  (memory.fill (i32.const 65536) (i32.const 97) (i32.const 500000))
  (call $state_set (i32.const 512) (i32.const 4) (i32.const 65536) (i32.const 500000) (i32.const 1024))
  (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (unreachable)))
  (i32.const 16))
