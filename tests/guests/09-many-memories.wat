;; Has two memories; the proposal is off.
;; expect: refused: not a WebAssembly component
(memory $second 1)
(func $handle (param i32 i32 i32 i32) (result i32)
  
  (i32.const 16))
