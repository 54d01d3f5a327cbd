// Package wit_runtime is how the host puts values into this module's memory.
package wit_runtime

import (
	"runtime"
	"unsafe"
)

// Holds what the host wrote until the call that it was written for is over.
var written runtime.Pinner

// Allocate gives memory that stays where it is as long as the pinner holds it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Words of eight bytes, because nothing in the component model wants to stand at rounder addresses.
	block := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(block)
	return block
}

// Unpin lets go of what the host wrote.
func Unpin() {
	written.Unpin()
}

// The host asks for memory, for example for a text that a call gives.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	block := Allocate(&written, size, align)
	if old != nil {
		copy(unsafe.Slice((*byte)(block), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return block
}
