;; Sends nine messages; eight are a run's limit, and the ninth is refused with `too-many`. Breaks off if it is otherwise.
;; expect: answered
;; imports: message
(data (i32.const 512) "reply")
(data (i32.const 528) "Buy now!")
(data (i32.const 544) "too-many")
;; The draft: its purpose, and a text.
(data (i32.const 600) "\00\02\00\00\05\00\00\00" "\00\00\00\00\10\02\00\00\08\00\00\00")
(func $on_message (param i32) (result i32)
  (local $n i32)
  (loop $again
    (call $message_send (i32.const 600) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $n) (i32.const 8))))
  (call $message_send (i32.const 600) (i32.const 1024))
  (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (unreachable)))
  (if (i32.ne (i32.load (i32.const 1036)) (i32.const 8)) (then (unreachable)))
  (if (i64.ne (i64.load (i32.load (i32.const 1032))) (i64.load (i32.const 544))) (then (unreachable)))
  (i32.const 16))
