;; Gives its answer where there is no memory.
;; expect: broke off: 
(func $handle (param i32 i32 i32 i32) (result i32) (i32.const 0x7ffffff0))
