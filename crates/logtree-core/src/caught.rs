//! Panics that end here.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what a user has written; `None` if it panics. So does nothing of it: what it panics with may panic in its turn when it
/// is dropped, which would be the program's.
pub fn caught<R>(run: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(run)).map_err(drop_caught).ok()
}

#[cold]
fn drop_caught(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // And so on: this one stays.
        std::mem::forget(again);
    }
}

/// Writes what a user's `Display` or `Debug` says, as far as it says it: a failing one leaves what it wrote so far, behind
/// that of one that panics stands `<panicked>`.
pub fn write_caught<W: fmt::Write>(out: &mut W, write: impl FnOnce(&mut W) -> fmt::Result) {
    if caught(|| _ = write(out)).is_none() {
        let _ = out.write_str("<panicked>");
    }
}

/// Drops what a user has written, each by itself: a second panic in the destructor of what holds them all aborts the program.
pub(crate) fn drop_each<T>(all: impl IntoIterator<Item = T>) {
    for one in all {
        _ = caught(|| drop(one));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[test]
    fn a_panic_whose_remains_panic_ends_here() {
        struct Remains(u32);
        impl Drop for Remains {
            fn drop(&mut self) {
                if self.0 > 0 {
                    std::panic::panic_any(Self(self.0 - 1));
                }
            }
        }
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| std::panic::panic_any(Remains(3))), None::<()>);
        drop_each([Remains(1), Remains(0), Remains(2)]);
    }
}
