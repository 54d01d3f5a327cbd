;; Keeps 250 notes a run. A thousand are the limit, so after four runs the next is refused with `too-many`, and one that is
;; there can still be changed. Breaks off if it is otherwise.
;; expect: done
;; imports: state
;; runs: 6
(data (i32.const 544) "too-many")
;; Writes a number as the key at 512.
(func $key (param $n i32)
  (i32.store8 (i32.const 512) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 1000))))
  (i32.store8 (i32.const 513) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 100)) (i32.const 10))))
  (i32.store8 (i32.const 514) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $n) (i32.const 10)) (i32.const 10))))
  (i32.store8 (i32.const 515) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
(func $set (param $n i32)
  (call $key (local.get $n))
  (call $state_set (i32.const 512) (i32.const 4) (i32.const 512) (i32.const 4) (i32.const 1024)))
(func $handle (param i32 i32 i32 i32) (result i32)
  (local $n i32)
  (local $end i32)
  ;; How far did earlier runs come?
  (block $found
    (loop $further
      (call $key (local.get $n))
      (call $state_get (i32.const 512) (i32.const 4) (i32.const 1024))
      (br_if $found (i32.eqz (i32.load8_u (i32.const 1024))))
      (local.set $n (i32.add (local.get $n) (i32.const 250)))
      (br_if $further (i32.lt_u (local.get $n) (i32.const 1000)))))
  (local.set $end (i32.add (local.get $n) (i32.const 250)))
  (if (i32.eq (local.get $n) (i32.const 1000))
    (then
      (call $set (i32.const 1000))
      (if (i32.eqz (i32.load8_u (i32.const 1024))) (then (unreachable)))
      (if (i32.ne (i32.load (i32.const 1032)) (i32.const 8)) (then (unreachable)))
      (if (i64.ne (i64.load (i32.load (i32.const 1028))) (i64.load (i32.const 544))) (then (unreachable)))
      (call $set (i32.const 999))
      (if (i32.load8_u (i32.const 1024)) (then (unreachable))))
    (else
      (loop $again
        (call $set (local.get $n))
        (if (i32.load8_u (i32.const 1024)) (then (unreachable)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (local.get $end))))))
  (i32.const 16))
