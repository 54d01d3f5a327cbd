;; Takes table elements until there are none.
;; expect: asked for more than its 20000 table elements
(table $table 1 funcref)
(func $handle (param i32 i32 i32 i32) (result i32)
  (loop $again
    (drop (table.grow $table (ref.null func) (i32.const 1000)))
    (br $again))
  (i32.const 16))
