;; Keeps a note, sets a timer, and breaks off: nothing of it is kept, so the second attempt finds no note.
;; expect: broke off: wasm trap: wasm `unreachable`
;; imports: state schedule
;; attempt: 2
(data (i32.const 512) "half")
(func $handle (param i32 i32 i32 i32) (result i32)
  (call $state_get (i32.const 512) (i32.const 4) (i32.const 1024))
  ;; A note is there: what broke off was kept. Never come back, which is another outcome.
  (if (i32.load8_u (i32.const 1024)) (then (loop $again (br $again))))
  (call $state_set (i32.const 512) (i32.const 4) (i32.const 512) (i32.const 4) (i32.const 1024))
  (call $schedule_set (i32.const 512) (i32.const 4) (i64.const 4102444800000) (i32.const 512) (i32.const 1) (i32.const 1024))
  (unreachable)
  (i32.const 16))
