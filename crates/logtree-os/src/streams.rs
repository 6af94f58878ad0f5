//! The standard streams as the system knows them: which file is behind them, and writing without std's locks.
//!
//! `std::io::stdout` has a lock and a buffer. A child of `fork` may find the lock held by a thread that it does not
//! have, and has the parent's unflushed bytes in the buffer; so logtree writes to the descriptors themselves.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::stdio;

use crate::without_sigxfsz;

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
        Some(StreamId { device: stat.st_dev as u64, inode: stat.st_ino, special_device: stat.st_rdev as u64 })
    }

    /// Writes all of `bytes`, however many system calls that takes. A signal does not interrupt it, and a reader who stands
    /// still is waited for a tenth of a second.
    ///
    /// Bytes of others may come between two of those calls. One call, and so one piece, it is for a file or terminal as
    /// a rule, and for up to 4096 bytes (`PIPE_BUF`) into a pipe.
    ///
    /// # Errors
    ///
    /// What write(2) says, after a part may have been written. A pipe, socket or terminal that takes no more is
    /// [`io::ErrorKind::WouldBlock`]. A pipe without reader is [`io::ErrorKind::BrokenPipe`] where SIGPIPE is ignored, as in
    /// Rust programs and helpers.
    pub fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        let is_regular =
            fstat(self.descriptor()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        while !bytes.is_empty() {
            let outcome = match is_regular {
                true => without_sigxfsz(|| rustix::io::write(self.descriptor(), bytes)).map_err(io::Error::from),
                false => write_now(self.descriptor(), bytes),
            };
            match outcome {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.takes_some() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the stream takes some.
    fn takes_some(self) -> bool {
        match poll(&mut [PollFd::new(&self.descriptor(), PollFlags::OUT)], Some(&PATIENCE)) {
            Ok(ready) => ready > 0,
            // The next attempt comes here again, if it has to.
            Err(error) => error == Errno::INTR,
        }
    }

    fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => stdio::stdout(),
            Self::Stderr => stdio::stderr(),
        }
    }
}

/// So long a reader who stands still is waited for with what logtree itself has to say.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// So much a pipe takes at once, or nothing (limits.h): 4096 on Linux, 512 on macOS and FreeBSD.
const PIECE_BYTES: usize = libc::PIPE_BUF;

/// Writes to a pipe, a socket or a terminal, or a part of it, and waits for nobody: whoever shares a stream decides for all
/// whether write(2) waits for its reader.
///
/// Linux has a flag for that (pwritev2(2), `RWF_NOWAIT`: sockets and, since 6.4, pipes). What does not know it is asked by
/// poll(2) whether it takes some, and is given a piece that a pipe which does takes whole. A terminal whose reader stands still
/// in the middle of a line can be waited for all the same.
///
/// # Errors
///
/// [`io::ErrorKind::WouldBlock`] if nothing is taken now; else what write(2) says.
pub fn write_now(descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::{ReadWriteFlags, pwritev2};

        // This offset stands for none: a pipe has no position.
        match pwritev2(descriptor, &[io::IoSlice::new(bytes)], u64::MAX, ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            outcome => return Ok(outcome?),
        }
    }
    match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], Some(&Timespec::default()))? {
        0 => Err(Errno::AGAIN.into()),
        _ => Ok(rustix::io::write(descriptor, &bytes[..bytes.len().min(PIECE_BYTES)])?),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    use super::*;

    /// Writes until nothing more is taken; how many bytes were.
    fn fill(descriptor: BorrowedFd<'_>) -> usize {
        let mut filled = 0;
        loop {
            match write_now(descriptor, &[b'x'; 1000]) {
                Ok(written) => filled += written,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break filled;
                }
            }
        }
    }

    #[test]
    fn a_full_pipe_or_socket_is_not_waited_for() {
        let (mut reader, pipe) = io::pipe().unwrap();
        // What a pipe of the usual size holds, but for a rest that is too small for a line.
        let filled = fill(pipe.as_fd());
        assert!((65_536 - 4096..=65_536).contains(&filled), "{filled}");
        reader.read_exact(&mut vec![0; 10_000]).unwrap();
        assert!(fill(pipe.as_fd()) > 4096);
        drop(reader);
        // A child that another test starts has the reader too, until it is another program.
        let began = std::time::Instant::now();
        let error = loop {
            match write_now(pipe.as_fd(), b"x") {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => break error.kind(),
                _ => assert!(began.elapsed().as_secs() < 10, "the pipe has a reader"),
            }
            std::thread::yield_now();
        };
        assert_eq!(error, io::ErrorKind::BrokenPipe);
        let (_reader, socket) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(fill(socket.as_fd()) > 0);
    }

    #[test]
    fn what_cannot_be_asked_not_to_wait_is_asked_whether_it_would() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        let file = std::fs::File::create(&path).unwrap();
        assert!(matches!(write_now(file.as_fd(), b"one\n"), Ok(4)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(write_now(full.as_fd(), b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
