;; Keeps the note `secret` at an event whose type begins with `com.`; at any other it takes the type for a key and breaks off
;; if there is such a note. The guesses are in tests/product/hostile_files.rs.
;; expect: done
;; imports: state
(data (i32.const 512) "secret")
(func $handle (param $kind i32) (param $length i32) (param i32 i32) (result i32)
  (if (i32.eq (i32.load (local.get $kind)) (i32.const 0x2e6d6f63))
    (then
      (call $state_set (i32.const 512) (i32.const 6) (i32.const 512) (i32.const 6) (i32.const 1024))
      (if (i32.load8_u (i32.const 1024)) (then (unreachable))))
    (else
      (call $state_get (local.get $kind) (local.get $length) (i32.const 1024))
      (if (i32.load8_u (i32.const 1024)) (then (unreachable)))))
  (i32.const 16))
