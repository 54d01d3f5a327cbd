;; Answers with a case that the contract does not have.
;; expect: broke off: 
(func $handle (param i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 77))
  (i32.const 16))
