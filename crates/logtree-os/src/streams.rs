//! The standard streams as the system knows them: which file is behind them, and writing without std's locks.
//!
//! `std::io::stdout` has a lock and a buffer. A child of `fork` may find the lock held by a thread that it does not
//! have, and has the parent's unflushed bytes in the buffer; so logtree writes to the descriptors themselves.

use std::io;

use rustix::fd::BorrowedFd;
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::stdio;

/// One of the two standard streams that are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandardStream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// The file behind a stream: two processes whose streams have equal ids write to the same terminal, pipe or file.
///
/// Valid until the next boot, and while someone keeps the file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The device that holds the file.
    pub device: u64,
    /// The file's inode there.
    pub inode: u64,
    /// The device that the file is, if it is one: a terminal's number.
    pub special_device: u64,
}

impl StandardStream {
    /// The file behind the stream now; `None` if the descriptor is closed.
    ///
    /// A host that closes all its descriptors may have opened something else under the number since: compare with what
    /// was seen before, and write only to what is the same.
    #[must_use]
    pub fn id(self) -> Option<StreamId> {
        let stat = fstat(self.descriptor()).ok()?;
        Some(StreamId { device: stat.st_dev, inode: stat.st_ino, special_device: stat.st_rdev })
    }

    /// Writes all of `bytes`, however many system calls that takes. A signal does not interrupt it.
    ///
    /// Bytes of others may come between two of those calls. One call, and so one piece, it is for a file or terminal as
    /// a rule, and for up to 4096 bytes (`PIPE_BUF`) into a pipe.
    ///
    /// # Errors
    ///
    /// What write(2) says, after a part may have been written; so on a stream that someone made non-blocking
    /// [`io::ErrorKind::WouldBlock`]. A pipe without reader is [`io::ErrorKind::BrokenPipe`] where SIGPIPE is ignored, as in
    /// Rust programs and helpers.
    pub fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(self.descriptor(), bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => stdio::stdout(),
            Self::Stderr => stdio::stderr(),
        }
    }
}
