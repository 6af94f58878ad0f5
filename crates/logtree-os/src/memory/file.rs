//! The file behind a segment, held by a descriptor that the host may close or reuse at any time.

use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::fs::{FallocateFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::life::Lives;
use crate::beyond_standard_numbers;
use crate::limits::{Limited, limit_of};

/// How often an interrupted call is taken up again before it counts as failed: a host with a fast interval timer
/// must not hold a logging call for ever.
const INTERRUPTIONS: usize = 64;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileIdentity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// A file known by identity. Its descriptor is a hint: a program that daemonises closes all descriptors and opens
/// others under the same numbers, so each use compares first, and opens the path anew where that helps.
pub(crate) struct BackingFile {
    /// Not an `OwnedFd`: it would close whatever the host has put in its place.
    descriptor: AtomicI32,
    identity: FileIdentity,
    path: PathBuf,
    pub(super) lives: Lives,
}

impl BackingFile {
    /// Takes over an open file, found under `path` now or soon.
    ///
    /// # Errors
    /// fstat(2)'s.
    pub(crate) fn new(file: OwnedFd, path: PathBuf) -> Result<Self, Errno> {
        let file = beyond_standard_numbers(file);
        let found = rustix::fs::fstat(&file)?;
        Ok(Self {
            descriptor: AtomicI32::new(file.into_raw_fd()),
            identity: FileIdentity { device: found.st_dev, inode: found.st_ino },
            path,
            lives: Lives::new(),
        })
    }

    pub(crate) fn identity(&self) -> FileIdentity {
        self.identity
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The descriptor, if it still is this file's or the path leads to the file again.
    pub(crate) fn trusted(&self) -> Option<BorrowedFd<'_>> {
        let (descriptor, _) = self.look()?;
        // SAFETY: it was this file's a moment ago. The host may close it at any time, even now: then the caller's system call
        // fails, or, should the host open another file within that moment, meets that one. No use of it here writes data.
        Some(unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    /// The file's length; `None` when it cannot be reached.
    pub(crate) fn size(&self) -> Option<u64> {
        let (_, found) = self.look()?;
        u64::try_from(found.st_size).ok()
    }

    /// How many bytes of its file system it takes; `None` when it cannot be reached.
    pub(crate) fn resident(&self) -> Option<u64> {
        let (_, found) = self.look()?;
        // stat(3type): in units of 512 bytes, whatever the file system's blocks are.
        u64::try_from(found.st_blocks).ok()?.checked_mul(512)
    }

    /// How many names the file has, whether this process may look them up or not; `None` when it cannot be reached.
    pub(crate) fn names(&self) -> Option<u64> {
        let (_, found) = self.look()?;
        // The type is another one on each architecture.
        #[allow(clippy::useless_conversion, reason = "not on all of them")]
        Some(u64::from(found.st_nlink))
    }

    /// Makes the file at least `end` bytes long, with memory behind every page from `start` on.
    ///
    /// # Errors
    /// fallocate(2)'s; `FBIG` above the process's limit for file sizes.
    pub(crate) fn allocate(&self, start: u64, end: u64) -> Result<(), Errno> {
        self.allocate_as(FallocateFlags::empty(), start, end)
    }

    /// The same, but that the file stays as long as it is: the memory is there when it becomes longer.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub(crate) fn set_aside(&self, start: u64, end: u64) -> Result<(), Errno> {
        self.allocate_as(FallocateFlags::KEEP_SIZE, start, end)
    }

    fn allocate_as(&self, flags: FallocateFlags, start: u64, end: u64) -> Result<(), Errno> {
        // Above the limit the kernel would send SIGXFSZ, which kills by default.
        match limit_of(Limited::FileSize) {
            Some(limit) if end > limit => Err(Errno::FBIG),
            _ => self.fallocate(flags, start, end - start),
        }
    }

    /// Puts memory behind every page of a range that lies within the file.
    pub(crate) fn fill(&self, start: u64, bytes: u64) -> bool {
        self.fallocate(FallocateFlags::KEEP_SIZE, start, bytes).is_ok()
    }

    /// Takes the memory behind a range away. It reads as zeros then, and whoever touches it has some put there again, or
    /// dies of SIGBUS.
    pub(crate) fn punch(&self, start: u64, bytes: u64) -> bool {
        self.fallocate(FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, start, bytes).is_ok()
    }

    fn fallocate(&self, flags: FallocateFlags, start: u64, bytes: u64) -> Result<(), Errno> {
        let file = self.trusted().ok_or(Errno::BADF)?;
        for _ in 0..INTERRUPTIONS {
            match rustix::fs::fallocate(file, flags, start, bytes) {
                Err(Errno::INTR) => {}
                outcome => return outcome,
            }
        }
        Err(Errno::INTR)
    }

    /// The descriptor as in [`trusted`](Self::trusted), and what the system says of the file.
    fn look(&self) -> Option<(RawFd, Stat)> {
        let known = self.descriptor.load(Ordering::Relaxed);
        if let Some(found) = self.find(known) {
            return Some((known, found));
        }
        let again = self.open_again()?;
        Some((again, self.find(again)?))
    }

    pub(super) fn is_ours(&self, descriptor: RawFd) -> bool {
        self.find(descriptor).is_some()
    }

    /// What a descriptor leads to, if that is this file.
    fn find(&self, descriptor: RawFd) -> Option<Stat> {
        if descriptor < 0 {
            return None;
        }
        // SAFETY: it is no -1, and a number that is no descriptor, or another's, is only looked at.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let found = rustix::fs::fstat(descriptor).ok()?;
        (found.st_dev == self.identity.device && found.st_ino == self.identity.inode).then_some(found)
    }

    /// What the path leads to, if that is this file.
    pub(super) fn open_path(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(&self.path, flags, Mode::empty()).ok()?;
        let file = beyond_standard_numbers(file);
        self.is_ours(file.as_raw_fd()).then_some(file)
    }

    #[cold]
    fn open_again(&self) -> Option<RawFd> {
        let descriptor = self.open_path()?.into_raw_fd();
        // The old number is not closed: it is not ours any more. Of two threads here at once, one leaks a descriptor.
        self.descriptor.store(descriptor, Ordering::Relaxed);
        Some(descriptor)
    }
}

impl Drop for BackingFile {
    fn drop(&mut self) {
        let descriptor = *self.descriptor.get_mut();
        if self.is_ours(descriptor) {
            // SAFETY: the number still names this file, which nobody else was given.
            let _closed = unsafe { libc::close(descriptor) };
        }
    }
}
