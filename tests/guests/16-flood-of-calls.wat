;; Calls the host without end.
;; expect: made more than 1000 calls
;; imports: state
(func $handle (param i32 i32 i32 i32) (result i32)
  (loop $again
    (call $state_get (i32.const 512) (i32.const 3) (i32.const 1024))
    (br $again))
  (i32.const 16))
