//! Writing lines to a descriptor: whole, at once, and without waiting for long.

use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};

use logtree_os::ForkReset;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

/// So long a writer waits for a pipe or terminal that takes no more, once; then not at all until it takes some again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is to be remembered between two lines of one file, pipe or terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineWriter {
    /// Half a line stands at the end. The next one must not go on in it.
    pub(crate) torn: bool,
    /// It took nothing for as long as patience lasts.
    stalled: bool,
}

/// How a line was not written.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// So many bytes stand there, those included that ended a torn line.
    pub(crate) written: usize,
    pub(crate) error: io::Error,
}

impl LineWriter {
    /// Nothing was written yet.
    pub(crate) const NEW: Self = Self { torn: false, stalled: false };

    /// Writes a line with its terminator: by one write(2), if the system takes it whole.
    pub(crate) fn write(&mut self, descriptor: BorrowedFd<'_>, line: &[u8]) -> Result<(), Unwritten> {
        self.write_by(|bytes| rustix::io::write(descriptor, bytes), descriptor, line)
    }

    /// The same by another call than write(2).
    #[inline]
    pub(crate) fn write_by(
        &mut self,
        mut write: impl FnMut(&[u8]) -> rustix::io::Result<usize>,
        descriptor: BorrowedFd<'_>,
        line: &[u8],
    ) -> Result<(), Unwritten> {
        if *self == Self::NEW {
            let first = write(line);
            if first == Ok(line.len()) { Ok(()) } else { self.go_on(first, &mut write, descriptor, line) }
        } else {
            let bytes = if self.torn { Cow::Owned([b"\n", line].concat()) } else { Cow::Borrowed(line) };
            let first = write(&bytes);
            self.go_on(first, &mut write, descriptor, &bytes)
        }
    }

    /// Goes on behind the first attempt to write some bytes.
    #[cold]
    pub(crate) fn go_on(
        &mut self,
        first: rustix::io::Result<usize>,
        write: &mut Write<'_>,
        descriptor: BorrowedFd<'_>,
        bytes: &[u8],
    ) -> Result<(), Unwritten> {
        let patience = if self.stalled { Duration::ZERO } else { PATIENCE };
        let outcome = write_all(first, write, descriptor, bytes, patience);
        match &outcome {
            Ok(()) => *self = Self::NEW,
            Err(Unwritten { written, error }) => {
                self.torn = match written {
                    0 => self.torn,
                    1 => !self.torn,
                    _ => true,
                };
                self.stalled = error.kind() == io::ErrorKind::WouldBlock;
            }
        }
        outcome
    }
}

/// A child goes on where the parent stood. Half a line that another thread of the parent was writing is that thread's
/// to finish.
impl ForkReset for LineWriter {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self::default()
    }
}

/// What write(2), or a call that is like it, does with bytes.
pub(crate) type Write<'a> = dyn FnMut(&[u8]) -> rustix::io::Result<usize> + 'a;

fn write_all(
    first: rustix::io::Result<usize>,
    write: &mut Write<'_>,
    descriptor: BorrowedFd<'_>,
    bytes: &[u8],
    patience: Duration,
) -> Result<(), Unwritten> {
    let (mut written, mut deadline, mut outcome) = (0, None, first);
    let failed = |written, error| Err(Unwritten { written, error });
    loop {
        match outcome {
            Ok(0) if !bytes.is_empty() => return failed(written, io::ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + patience);
                let left = deadline.saturating_duration_since(Instant::now());
                match wait_until_writable(descriptor, left) {
                    Ok(true) => {}
                    Ok(false) => return failed(written, io::ErrorKind::WouldBlock.into()),
                    Err(error) => return failed(written, error.into()),
                }
            }
            Err(error) => return failed(written, error.into()),
        }
        if written == bytes.len() {
            return Ok(());
        }
        outcome = write(&bytes[written..]);
    }
}

/// Waits until a write would not block, `patience` at the longest; `false` if it would still.
fn wait_until_writable(descriptor: BorrowedFd<'_>, patience: Duration) -> rustix::io::Result<bool> {
    if patience.is_zero() {
        return Ok(false);
    }
    let timeout = Timespec::try_from(patience).ok();
    match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], timeout.as_ref()) {
        Ok(0) => Ok(false),
        // Interrupted: the caller tries again and comes back with what is left of its patience.
        Ok(_) | Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    use super::*;

    /// A pipe whose writing end does not block, full to the last byte.
    fn full_pipe() -> (io::PipeReader, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
        while rustix::io::write(&writer, b".").is_ok() {}
        (reader, writer)
    }

    #[test]
    fn a_pipe_that_takes_nothing_is_waited_for_once() {
        let (_reader, writer) = full_pipe();
        let mut lines = LineWriter::default();
        let start = Instant::now();
        let unwritten = lines.write(writer.as_fd(), b"a line\n").unwrap_err();
        assert_eq!((unwritten.written, unwritten.error.kind()), (0, io::ErrorKind::WouldBlock));
        let first = start.elapsed();
        assert!((PATIENCE..3 * PATIENCE).contains(&first), "{first:?}");
        let start = Instant::now();
        lines.write(writer.as_fd(), b"a line\n").unwrap_err();
        let second = start.elapsed();
        assert!(second < PATIENCE / 2, "{second:?}");
    }

    #[test]
    fn a_reader_that_comes_late_gets_the_line() {
        let (mut reader, writer) = full_pipe();
        let start = Instant::now();
        let reading = std::thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            reader.read_exact(&mut bytes).unwrap();
            (reader, bytes)
        });
        LineWriter::default().write(writer.as_fd(), b"a line\n").unwrap();
        assert!(start.elapsed() < PATIENCE);
        let (mut reader, _) = reading.join().unwrap();
        drop(writer);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"a line\n"));
    }

    #[test]
    fn the_line_behind_half_a_line_stands_on_its_own() {
        let (mut reader, writer) = full_pipe();
        // A pipe takes from a line longer than PIPE_BUF what it has room for.
        let mut room = vec![0; 4096];
        reader.read_exact(&mut room).unwrap();
        let mut lines = LineWriter::default();
        let long = [b'x'; 8192];
        let unwritten = lines.write(writer.as_fd(), &long).unwrap_err();
        assert!(unwritten.written > 0 && lines.torn);
        let mut seen = vec![0; 65_536];
        reader.read_exact(&mut seen).unwrap();
        lines.write(writer.as_fd(), b"next\n").unwrap();
        assert!(!lines.torn);
        drop(writer);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        seen.extend(rest);
        assert!(seen.ends_with(b"x\nnext\n"));
    }
}
