;; Answers with HTML, line ends and headers of a mail: by a template, in subject and text, and as a text. What becomes of it by mail is in
;; tests/product/hostile_files.rs. Breaks off if the message is not taken.
;; expect: answered
;; imports: message
(data (i32.const 512) "reply")
(data (i32.const 520) "words")
(data (i32.const 2048) "<script>alert(1)</script>\0d\0aBcc: mallory@example.com\0d\0a\0d\0a.\0d\0aMAIL FROM:<mallory@example.com>\0d\0a\1b[2J")
;; The draft: its purpose, and the template `words` with one value.
(data (i32.const 600) "\00\02\00\00\05\00\00\00" "\01\00\00\00\08\02\00\00\05\00\00\00\00\03\00\00\01\00\00\00")
;; The value: its name, that it is a text, and the text's 95 bytes.
(data (i32.const 768) "\08\02\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00\00\08\00\00\5f\00\00\00")
;; The other draft: its purpose, and the text.
(data (i32.const 896) "\00\02\00\00\05\00\00\00" "\00\00\00\00\00\08\00\00\5f\00\00\00")
(func $on_message (param i32) (result i32)
  (call $message_send (i32.const 600) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
  (call $message_send (i32.const 896) (i32.const 1024))
  (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
  (i32.const 16))
