;; Works twice, then never comes back: it counts in its notes.
;; expect: used up its 200 ms of computing
;; imports: state
;; runs: 3
(data (i32.const 512) "ab")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $state_get (i32.const 513) (i32.const 1) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024)) (then (loop $again (br $again))))
  (call $state_get (i32.const 512) (i32.const 1) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024))
    (then (call $state_set (i32.const 513) (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 1024)))
    (else (call $state_set (i32.const 512) (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 1024))))
  (i32.const 16))
