//! What a plugin in Rust wants besides the contract: panics that can be read, an allocator made for short runs, and small
//! questions about a text.
//!
//! It knows nothing of Attune's imports, and does nothing outside WebAssembly.

use std::panic;

pub mod text;

/// Passes the text of a panic, with file and line, to `report`. Without it a panic only shows as a trap, because a
/// plugin has no standard error. Call it first in every handler:
///
/// ```ignore
/// attune_guest::on_panic(|text| log::write(log::Level::Error, text));
/// ```
pub fn on_panic(report: fn(&str)) {
    if cfg!(target_arch = "wasm32") {
        panic::set_hook(Box::new(move |panic| report(&panic.to_string())));
    }
}

/// Every run starts from a fresh memory and lasts milliseconds, so nothing is ever given back: the next block starts
/// where the last one ended. The usual allocator asks for more memory at its first allocation, which costs more than
/// all else it does; this one first uses what is there.
#[cfg(target_arch = "wasm32")]
mod bump {
    #![expect(unsafe_code, reason = "an allocator is unsafe by its signature, and reads a symbol of the linker")]

    use std::alloc::{GlobalAlloc, Layout};
    use std::arch::wasm32::{memory_grow, memory_size};
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const PAGE_BYTES: usize = 65_536;

    unsafe extern "C" {
        /// Set by the linker: behind it there is no stack and no static, up to the end of the memory.
        static __heap_base: u8;
    }

    #[global_allocator]
    static BUMP: Bump = Bump { next: AtomicUsize::new(0) };

    /// `next` is where the next block may start; 0 before the first. There is one thread: the atomic is a plain number.
    struct Bump {
        next: AtomicUsize,
    }

    impl Bump {
        /// Makes everything below `end` usable; false if the host allows no more.
        fn reserve(&self, end: usize) -> bool {
            let missing_bytes = end.saturating_sub(memory_size::<0>() * PAGE_BYTES);
            missing_bytes == 0 || memory_grow::<0>(missing_bytes.div_ceil(PAGE_BYTES)) != usize::MAX
        }
    }

    // SAFETY: blocks never overlap, because `next` only ever rises past the block that was handed out.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let free = match self.next.load(Relaxed) {
                0 => &raw const __heap_base as usize,
                next => next,
            };
            let Some(start) = free.checked_next_multiple_of(layout.align()) else { return ptr::null_mut() };
            let Some(end) = start.checked_add(layout.size()) else { return ptr::null_mut() };
            if !self.reserve(end) {
                return ptr::null_mut();
            }
            self.next.store(end, Relaxed);
            start as *mut u8
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // Fresh memory is zero, and no block is used twice.
            unsafe { self.alloc(layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            let start = block as usize;
            if new_size <= layout.size() {
                return block;
            }
            // The last block grows where it is: a string that is being written is never copied.
            if start + layout.size() == self.next.load(Relaxed) {
                let Some(end) = start.checked_add(new_size) else { return ptr::null_mut() };
                if !self.reserve(end) {
                    return ptr::null_mut();
                }
                self.next.store(end, Relaxed);
                return block;
            }
            let Ok(wider) = Layout::from_size_align(new_size, layout.align()) else { return ptr::null_mut() };
            unsafe {
                let new = self.alloc(wider);
                if !new.is_null() {
                    ptr::copy_nonoverlapping(block, new, layout.size());
                }
                new
            }
        }
    }
}
