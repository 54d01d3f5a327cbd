;; Takes memory until there is none, and touches it.
;; expect: asked for more than its 67108864 bytes of memory
(func $handle (param i32 i32 i32 i32) (result i32)
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 64)))
    (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1) (i32.const 4096))
    (br $again))
  (i32.const 16))
