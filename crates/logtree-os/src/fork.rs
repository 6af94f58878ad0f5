//! Which side of a `fork` this process is on.
//!
//! A handle that was made before a `fork` must not be used as if nothing had happened in the child: the lane belongs to
//! the parent, the buffer will be flushed by the parent, the listening thread does not exist. Whoever keeps such a
//! handle keeps the [`ForkGeneration`] it was made in beside it and compares before use.
//!
//! On Linux the current generation stands in a page that the kernel hands to a child filled with zeros
//! (`MADV_WIPEONFORK`, madvise(2)), so that looking costs one load and no hook has to run in the child: a raw `clone`
//! is noticed as well as `fork`, which `pthread_atfork` does not do. Elsewhere, and where the kernel refuses the advice,
//! the process id is asked for each time.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// One life of this process' memory: it changes in the child at each `fork`.
///
/// Two generations can be compared within one process only. Along one line of descent no generation comes twice;
/// two children of one parent may well have equal ones.
///
/// What it does **not** notice is a child that shares its parent's memory: `vfork` before the `exec`, and
/// `clone(CLONE_VM)` without `CLONE_THREAD`. Where the kernel does not know
/// `MADV_WIPEONFORK` (added in Linux 4.14) the process id decides, and a descendant that was given the id of a dead ancestor,
/// and whose parents never asked, is taken for that ancestor.
///
/// ```
/// use logtree_os::ForkGeneration;
///
/// let made_in = ForkGeneration::current();
/// assert_eq!(made_in, ForkGeneration::current());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ForkGeneration(NonZeroU32);

impl ForkGeneration {
    /// How many bits a generation has; the rest of a word is free for its users.
    pub(crate) const BITS: u32 = 22;

    /// The generation of the calling process.
    #[inline]
    #[must_use]
    pub fn current() -> Self {
        match wiped::load() {
            Some(generation) => Self(generation),
            None => Self::renew(),
        }
    }

    /// The generation as a number of [`Self::BITS`] bits that is never zero.
    #[inline]
    pub(crate) fn to_bits(self) -> u32 {
        self.0.get()
    }

    /// The first look in a process: claims a generation that no ancestor had.
    #[cold]
    fn renew() -> Self {
        Self(wiped::store(next).unwrap_or_else(of_process_id))
    }
}

/// The last generation that was given out. It is ordinary memory, so that a child counts on from its parent.
static LAST: AtomicU32 = AtomicU32::new(0);

fn next() -> NonZeroU32 {
    loop {
        let candidate = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // The count starts anew after 2^22 forks in one line of descent; zero says "wiped" and is left out.
        if let Some(generation) = NonZeroU32::new(candidate & ((1 << ForkGeneration::BITS) - 1)) {
            return generation;
        }
    }
}

/// The generation where no page can be wiped: a new one whenever the process id differs from the remembered one.
fn of_process_id() -> NonZeroU32 {
    /// The process id in the upper half, its generation in the lower.
    static KNOWN: AtomicU64 = AtomicU64::new(0);

    let process_id = u64::from(std::process::id());
    loop {
        let known = KNOWN.load(Ordering::Relaxed);
        let generation = known & u64::from(u32::MAX);
        if let Some(generation) = u32::try_from(generation).ok().and_then(NonZeroU32::new)
            && known >> 32 == process_id
        {
            return generation;
        }
        let fresh = next();
        let renewed = process_id << 32 | u64::from(fresh.get());
        if KNOWN.compare_exchange(known, renewed, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return fresh;
        }
    }
}

/// The word that the kernel sets to zero in a child.
#[cfg(target_os = "linux")]
mod wiped {
    use std::num::NonZeroU32;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

    /// The kernel rounds it up to its own page.
    const PAGE_BYTES: usize = 4096;

    /// The mapped page, null before the first look.
    ///
    /// Not a `OnceLock`: a child that is forked while another thread fills one waits for that thread for ever.
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());

    /// The kernel has refused the page once; it is not asked again.
    static REFUSED: AtomicBool = AtomicBool::new(false);

    #[inline]
    pub(super) fn load() -> Option<NonZeroU32> {
        let page = PAGE.load(Ordering::Acquire);
        // SAFETY: the pointer is null or that of a mapping that is never unmapped and holds an aligned word; both
        // the program and the kernel's wiping leave it a valid `AtomicU32`.
        let word = unsafe { page.as_ref() }?;
        NonZeroU32::new(word.load(Ordering::Relaxed))
    }

    /// Sets the word if it is zero, and returns what stands there then; `None` where no page can be had.
    pub(super) fn store(next: impl FnOnce() -> NonZeroU32) -> Option<NonZeroU32> {
        let mut page = PAGE.load(Ordering::Acquire);
        if page.is_null() {
            page = map()?;
        }
        // SAFETY: as in `load`.
        let word = unsafe { page.as_ref() }?;
        let fresh = next();
        match word.compare_exchange(0, fresh.get(), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Some(fresh),
            Err(other_threads) => NonZeroU32::new(other_threads),
        }
    }

    fn map() -> Option<*mut AtomicU32> {
        if REFUSED.load(Ordering::Relaxed) {
            return None;
        }
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), PAGE_BYTES, protection, flags, -1, 0) };
        if mapped == libc::MAP_FAILED {
            REFUSED.store(true, Ordering::Relaxed);
            return None;
        }
        // SAFETY: the advice is for the page just mapped, which nobody uses yet.
        if unsafe { libc::madvise(mapped, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
            REFUSED.store(true, Ordering::Relaxed);
            unmap(mapped);
            return None;
        }
        let page = mapped.cast::<AtomicU32>();
        match PAGE.compare_exchange(ptr::null_mut(), page, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(page),
            Err(other_threads) => {
                unmap(mapped);
                Some(other_threads)
            }
        }
    }

    fn unmap(page: *mut core::ffi::c_void) {
        // A page that stayed mapped would cost 4 KiB and harm nobody.
        // SAFETY: only `map` calls this, with a page that it mapped and published to nobody.
        unsafe { libc::munmap(page, PAGE_BYTES) };
    }
}

/// Elsewhere there is no such word, and the process id decides.
#[cfg(not(target_os = "linux"))]
mod wiped {
    use std::num::NonZeroU32;

    #[inline]
    pub(super) fn load() -> Option<NonZeroU32> {
        None
    }

    pub(super) fn store(_next: impl FnOnce() -> NonZeroU32) -> Option<NonZeroU32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_process_agree() {
        let here = ForkGeneration::current();
        let there = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ForkGeneration::current)).collect();
            threads.into_iter().map(|thread| thread.join().ok()).collect::<Vec<_>>()
        });
        assert!(there.iter().all(|generation| *generation == Some(here)), "{here:?} against {there:?}");
    }

    #[test]
    fn the_process_id_gives_a_stable_generation_too() {
        assert_eq!(of_process_id(), of_process_id());
    }

    #[test]
    fn no_generation_comes_twice_and_all_fit_their_bits() {
        let given: std::collections::HashSet<_> = (0..1000).map(|_| next().get()).collect();
        assert_eq!(given.len(), 1000);
        assert!(given.iter().all(|generation| generation >> ForkGeneration::BITS == 0));
    }
}
