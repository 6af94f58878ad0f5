//! Marks on a file that say who has it open.

use std::io;

use rustix::fd::{AsRawFd as _, BorrowedFd};

use crate::ofd_lock::{self, Kind};

/// Marks an open file as one that is written to, until it is closed for the last time, in whatever process that has it from this
/// one. Each needs a byte `at` of its own, which need not be there.
///
/// It is a lock of the open file description (fcntl(2), `F_OFD_SETLK`), which nobody waits for. `file` must be open for writing.
///
/// # Errors
///
/// `WouldBlock` if the byte is another's; those of fcntl(2) where the file system has no such locks.
pub fn mark(file: BorrowedFd<'_>, at: u64) -> io::Result<()> {
    ofd_lock::lock(file.as_raw_fd(), at, Kind::Exclusive)
}

/// Whether anybody's mark but those of `file` itself is on the file.
///
/// # Errors
///
/// Those of fcntl(2) where the file system has no such locks.
pub fn is_marked(file: BorrowedFd<'_>) -> io::Result<bool> {
    ofd_lock::is_locked_anywhere(file.as_raw_fd())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_mark_is_seen_until_the_last_one_closes_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let open = || File::options().append(true).create(true).open(&path).unwrap();
        let (one, other) = (open(), open());
        let asking = File::open(&path).unwrap();
        assert!(!is_marked(asking.as_fd()).unwrap());
        mark(one.as_fd(), 1 << 61).unwrap();
        mark(other.as_fd(), 1 << 40).unwrap();
        assert_eq!(mark(other.as_fd(), 1 << 61).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // As a child of fork has it.
        let inherited = one.try_clone().unwrap();
        drop((one, other));
        assert!(is_marked(asking.as_fd()).unwrap() && is_marked(open().as_fd()).unwrap());
        assert!(!is_marked(inherited.as_fd()).unwrap());
        drop(inherited);
        assert!(!is_marked(asking.as_fd()).unwrap());
    }
}
