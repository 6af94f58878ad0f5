//! The mark by which an open file is known again before each write.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use rustix::fd::BorrowedFd;
use rustix::fs::{SeekFrom, seek, tell};
use rustix::io;

/// An open file's position, put where nobody else's is.
///
/// The position belongs to what open(2) made, not to its number: whoever closes the number and opens something else under
/// it, even the same file, has another one. To ask for it (lseek(2)) is the cheapest question about a descriptor: 120 ns
/// before a write(2) of 400 where statx(2) takes 270, fstat(2) 520, and the flags (fcntl(2)), which say less, 110. Numbers
/// so high that nobody would be given them again cost nothing, but a limit of 1024 leaves too few, and a fork copies the
/// table up to the highest.
///
/// Appending must not move it. So it is done by pwrite(2), which under Linux appends to a file opened with `O_APPEND` and
/// leaves the position alone (pwrite(2), BUGS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal(u64);

/// The powers of two from which on positions are drawn: what file systems have as their largest file is 2^44 (ext4) or more, or
/// a little less (ext4 with small blocks or without extents).
const SCALES: [u32; 3] = [43, 41, 40];

impl Seal {
    /// Marks an open file, if the system appends as said above and the file has positions so far out: not a pipe.
    pub(crate) fn set(descriptor: BorrowedFd<'_>) -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        // Drawn anew each time: two files of one process have different ones, and so have those of two copies of this library in
        // one program. The keys are their parent's in all children of a `fork`, who would draw the same; the process's number
        // is not.
        let random = RandomState::new().hash_one(std::process::id());
        SCALES.into_iter().find_map(|scale| {
            let seal = Self(1 << scale | random & ((1 << scale) - 1));
            (seek(descriptor, SeekFrom::Start(seal.0)) == Ok(seal.0)).then_some(seal)
        })
    }

    /// A position that is no other open file's.
    pub(crate) fn position(self) -> u64 {
        self.0
    }

    /// Whether the open file behind the number is the one that was marked.
    pub(crate) fn is_on(self, descriptor: BorrowedFd<'_>) -> bool {
        tell(descriptor) == Ok(self.0)
    }
}

/// Appends to a file that was opened with `O_APPEND`, and leaves its position.
///
/// # Errors
/// Those of pwrite(2).
pub(crate) fn append(descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // No file is so long: should the descriptor be another's after all, since a moment ago, nothing of his is written over.
    io::pwrite(descriptor, bytes, i64::MAX as u64 - bytes.len() as u64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn it_stays_on_its_own_open_file_and_is_on_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let open = || File::options().append(true).create(true).open(&path).unwrap();
        let (file, again) = (open(), open());
        let (seal, other) = (Seal::set(file.as_fd()).unwrap(), Seal::set(again.as_fd()).unwrap());
        for line in ["one\n", "two\n"] {
            assert_eq!(append(file.as_fd(), line.as_bytes()), Ok(4));
            assert_eq!(append(again.as_fd(), line.as_bytes()), Ok(4));
        }
        assert!(seal.is_on(file.as_fd()) && seal.is_on(file.try_clone().unwrap().as_fd()));
        assert!(other.is_on(again.as_fd()) && !seal.is_on(again.as_fd()) && !seal.is_on(open().as_fd()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\none\ntwo\ntwo\n");
        assert_eq!(Seal::set(std::io::pipe().unwrap().1.as_fd()), None);
    }
}
