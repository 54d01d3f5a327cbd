// Package wit_types has the types of the component model that Go has not.
package wit_types

// Unit is a value that says nothing.
type Unit struct{}

// What Tag says of an Option.
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value, or none. The zero Option is none.
type Option[T any] struct {
	value  T
	isSome bool
}

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{value, true} }

// IsSome tells whether there is a value.
func (option Option[T]) IsSome() bool { return option.isSome }

// IsNone tells whether there is none.
func (option Option[T]) IsNone() bool { return !option.isSome }

// Some gives the value. It panics where there is none.
func (option Option[T]) Some() T {
	if !option.isSome {
		panic("there is no value in this option")
	}
	return option.value
}

// SomeOr gives the value, or another one where there is none.
func (option Option[T]) SomeOr(other T) T {
	if option.isSome {
		return option.value
	}
	return other
}

// Tag is OptionNone or OptionSome.
func (option Option[T]) Tag() uint8 {
	if option.isSome {
		return OptionSome
	}
	return OptionNone
}

// What Tag says of a Result.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is what came of a call, or why nothing did.
type Result[T any, E any] struct {
	ok    T
	err   E
	isErr bool
}

// Ok is what came of a call.
func Ok[T any, E any](value T) Result[T, E] { return Result[T, E]{ok: value} }

// Err is why nothing came of it.
func Err[T any, E any](reason E) Result[T, E] { return Result[T, E]{err: reason, isErr: true} }

// IsOk tells whether something came of it.
func (result Result[T, E]) IsOk() bool { return !result.isErr }

// IsErr tells whether nothing came of it.
func (result Result[T, E]) IsErr() bool { return result.isErr }

// Ok gives what came of it. It panics where nothing did.
func (result Result[T, E]) Ok() T {
	if result.isErr {
		panic("this result is an error")
	}
	return result.ok
}

// Err gives why nothing came of it. It panics where something did.
func (result Result[T, E]) Err() E {
	if !result.isErr {
		panic("this result is no error")
	}
	return result.err
}

// Tag is ResultOk or ResultErr.
func (result Result[T, E]) Tag() uint8 {
	if result.isErr {
		return ResultErr
	}
	return ResultOk
}

// Tuple2 is two values.
type Tuple2[A any, B any] struct {
	F0 A
	F1 B
}

// Tuple3 is three values.
type Tuple3[A any, B any, C any] struct {
	F0 A
	F1 B
	F2 C
}
