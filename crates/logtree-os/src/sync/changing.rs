//! The same names for the fuzzer, which changes shared memory before any look at it, as a broken process would.
//!
//! What a look sees is decided by what was written before it, so that whatever another process could do while this one reads
//! can be done at these places; and done again, change for change, which with a second thread it cannot.

use std::cell::RefCell;
use std::sync::atomic;
use std::time::Duration;

use super::real;

pub(crate) use super::real::{Ordering, Table, fence, heavy_barrier, light_barrier, register_barrier};

/// Called with the address and the length of what is about to be read.
type Hook = Box<dyn FnMut(usize, usize)>;

thread_local! {
    static BEFORE_LOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Has `hook` called, with the address and the length in bytes, before each look of this thread at shared memory; or nothing
/// any more. It must not look itself.
pub fn before_looks(hook: Option<Hook>) {
    BEFORE_LOOK.set(hook);
}

pub(crate) fn before_look<T>(place: *const T, bytes: usize) {
    BEFORE_LOOK.with_borrow_mut(|hook| {
        if let Some(hook) = hook {
            hook(place.addr(), bytes);
        }
    });
}

/// An atomic of the machine, but for the looks.
macro_rules! atomic {
    ($name:ident, $value:ty) => {
        #[derive(Default, Debug)]
        #[repr(transparent)]
        pub(crate) struct $name(atomic::$name);

        #[allow(dead_code, reason = "not all of them have all of it done to them")]
        impl $name {
            fn looked_at(&self) -> &atomic::$name {
                before_look(self, size_of::<Self>());
                &self.0
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.looked_at().load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
            }

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.looked_at().fetch_add(value, order)
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.looked_at().fetch_or(value, order)
            }

            pub(crate) fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.looked_at().fetch_max(value, order)
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.looked_at().compare_exchange(current, new, success, failure)
            }
        }
    };
}

atomic!(AtomicU8, u8);
atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

/// Returns early, as it may: nobody is there to wake anybody.
pub(crate) fn futex_wait(_word: &AtomicU32, _expected: u32, _timeout: Duration) {}

pub(crate) fn futex_wake(word: &AtomicU32) {
    real::futex_wake(&word.0);
}
