//! A lock that ends with this process's memory: by its death, also by SIGKILL, and by `exec`; in whatever namespace it lives.
//!
//! It belongs to an open file that has no descriptor any more, but one mapped page. So the kernel keeps it for as long as it keeps
//! the page, whatever descriptors the host closes; and as children do not inherit the page, it ends with this process alone.
//! That nobody holds it proves that its process is gone. That somebody does proves little: a thread may have forked a child
//! while the descriptor was open.

use std::os::fd::AsRawFd as _;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::BackingFile;
use crate::ForkGeneration;
use crate::ofd_lock::{self, Kind};

/// The kernel rounds it up to a page.
const PAGE: usize = 1;

/// The locks of one mapping of a segment. They end with it at the latest: who has it no more does nothing with it.
pub(super) struct Lives(AtomicPtr<Life>);

struct Life {
    page: NonNull<std::ffi::c_void>,
    /// A child does not have the page: something else may be there.
    held_in: ForkGeneration,
    next: *mut Life,
}

impl Lives {
    pub(super) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    fn keep(&self, page: NonNull<std::ffi::c_void>) {
        let life = Box::into_raw(Box::new(Life { page, held_in: ForkGeneration::current(), next: ptr::null_mut() }));
        let mut first = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: the box was made above, and nobody else knows of it yet.
            unsafe { (*life).next = first };
            match self.0.compare_exchange_weak(first, life, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => first = found,
            }
        }
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        let mut next = *self.0.get_mut();
        while !next.is_null() {
            // SAFETY: from `Box::into_raw` in `keep`, and the list is this value's alone.
            let life = unsafe { Box::from_raw(next) };
            if life.held_in == ForkGeneration::current() {
                // SAFETY: the page is this process's, made in `hold_for_life`, and nothing refers to it.
                let _gone = unsafe { rustix::mm::munmap(life.page.as_ptr(), PAGE) };
            }
            next = life.next;
        }
    }
}

impl BackingFile {
    /// Locks a byte for as long as this process has this memory. `false` if that cannot be: without a way to the file, or where
    /// the kernel's locks are others.
    pub(crate) fn hold_for_life(&self, byte: u64) -> bool {
        let Some(file) = self.open_apart() else { return false };
        if ofd_lock::lock(file.as_raw_fd(), byte, Kind::Exclusive).is_err() {
            return false;
        }
        // SAFETY: a null hint lets the kernel choose a free range, so no memory in use is touched.
        let mapped = unsafe { rustix::mm::mmap(ptr::null_mut(), PAGE, ProtFlags::empty(), MapFlags::SHARED, &file, 0) };
        let Some(page) = mapped.ok().and_then(NonNull::new) else { return false };
        // SAFETY: the range is the page just made, which nobody touches.
        let not_inherited = unsafe { rustix::mm::madvise(page.as_ptr(), PAGE, Advice::LinuxDontFork) };
        if not_inherited.is_err() {
            // SAFETY: as above.
            let _gone = unsafe { rustix::mm::munmap(page.as_ptr(), PAGE) };
            return false;
        }
        self.lives.keep(page);
        drop(file);
        // Where it did not outlive its descriptor, nothing must be concluded from it. This kernel is asked once, not by each child.
        static OUTLIVES_DESCRIPTOR: AtomicBool = AtomicBool::new(false);
        let is_held =
            || self.trusted().is_some_and(|file| ofd_lock::is_locked(file.as_raw_fd(), byte).unwrap_or(false));
        let outlives = OUTLIVES_DESCRIPTOR.load(Ordering::Relaxed) || is_held();
        OUTLIVES_DESCRIPTOR.store(outlives, Ordering::Relaxed);
        outlives
    }

    /// Whether somebody holds a byte, or it cannot be told.
    pub(crate) fn is_held(&self, byte: u64) -> bool {
        self.trusted().is_none_or(|file| ofd_lock::is_locked(file.as_raw_fd(), byte).unwrap_or(true))
    }

    /// The same file, opened once more.
    fn open_apart(&self) -> Option<rustix::fd::OwnedFd> {
        self.open_path().or_else(|| {
            // Its name was taken away.
            let held = format!("/proc/self/fd/{}", self.trusted()?.as_raw_fd());
            let file = rustix::fs::open(held, OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
            self.is_ours(file.as_raw_fd()).then_some(file)
        })
    }
}
