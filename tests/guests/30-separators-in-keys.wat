;; Uses keys made of NULs, slashes and control characters: two that differ stay two.
;; expect: done
;; imports: state
(data (i32.const 512) "a\00b")
(data (i32.const 520) "a\00")
(data (i32.const 528) "../../\1f\7f")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $state_set (i32.const 512) (i32.const 3) (i32.const 512) (i32.const 1) (i32.const 1024))
  (call $state_get (i32.const 520) (i32.const 2) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
  (call $state_set (i32.const 528) (i32.const 8) (i32.const 512) (i32.const 1) (i32.const 1024))
  (call $state_get (i32.const 512) (i32.const 3) (i32.const 1024))
  (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (unreachable)))
  (i32.const 16))
