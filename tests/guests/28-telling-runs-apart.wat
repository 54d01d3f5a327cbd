;; Looks for what an earlier run left in a global, in memory and in a table.
;; expect: done
;; runs: 4
(global $been (mut i32) (i32.const 0))
(table $table 4 funcref)
(elem declare func $mark)
(func $mark)
(func $handle (param i32 i32 i32 i32) (result i32)
  (if (i32.or (global.get $been) (i32.load (i32.const 60000))) (then (unreachable)))
  (if (i32.eqz (ref.is_null (table.get $table (i32.const 3)))) (then (unreachable)))
  (global.set $been (i32.const 1))
  (i32.store (i32.const 60000) (i32.const 1))
  (table.set $table (i32.const 3) (ref.func $mark))
  (i32.const 16))
