//! A file while it is open: what is behind the descriptor, and whether that still is the file.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use logtree_os::{beyond_standard_numbers, kill_point, limits_file_size, without_sigxfsz};
use rustix::fs::{Mode, OFlags, ftruncate};
use rustix::io::{Errno, retry_on_intr};

use crate::OpenMode;
use crate::line_writer::LineWriter;
use crate::look::Look;
use crate::room::Room;
use crate::seal::{self, Seal};

/// So often it is tried to open a file that somebody asks about this moment.
const ATTEMPTS: usize = 16;

/// A descriptor, and what was behind it when it was opened.
#[derive(Debug)]
pub(crate) struct Open {
    descriptor: OwnedFd,
    pub(crate) opened: Look,
    /// How it is known again, if it could be marked.
    pub(crate) seal: Option<Seal>,
    /// Others can see that it is open here.
    pub(crate) is_marked: bool,
    /// It has the rights and owners that it is to have, and its name is where it is to be.
    pub(crate) is_admitted: bool,
    pub(crate) lines: LineWriter,
    pub(crate) room: Room,
    /// It may be at the limit of its size: see [`without_sigxfsz`].
    is_limited: bool,
}

impl Open {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Those of open(2).
    pub(crate) fn new(path: &Path, mode: OpenMode) -> io::Result<Self> {
        let usual = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
        // Without it a pipe with a name would be waited for until somebody reads it.
        let usual = usual | OFlags::NONBLOCK;
        let flags = match mode {
            OpenMode::Append => usual,
            OpenMode::Truncate => usual | OFlags::TRUNC,
            OpenMode::Create => usual | OFlags::EXCL,
        };
        // What the program's umask leaves of it, as with Python's `open`.
        let mut attempts = 0;
        let descriptor = loop {
            match retry_on_intr(|| rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))) {
                // Somebody asks this moment who has it open: see `has_writers`.
                Err(Errno::AGAIN) if attempts < ATTEMPTS => attempts += 1,
                outcome => break outcome?,
            }
            std::thread::sleep(Duration::from_micros(50));
        };
        let descriptor = beyond_standard_numbers(descriptor);
        kill_point!("file: created");
        let opened = Look::at(descriptor.as_fd())?;
        let seal = if opened.is_regular { Seal::set(descriptor.as_fd()) } else { None };
        let (is_marked, is_admitted, lines, room) = (false, false, LineWriter::NEW, Room::seen(&opened));
        Ok(Self { descriptor, opened, seal, is_marked, is_admitted, lines, room, is_limited: limits_file_size() })
    }

    /// Lets others see that it is open here, so that they do not delete it this moment: see [`Grace`](crate::grace::Grace).
    pub(crate) fn mark(&mut self) {
        let mark = |seal: Seal| logtree_os::mark(self.descriptor(), seal.position());
        self.is_marked = self.seal.is_some_and(|seal| mark(seal).is_ok());
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Puts another open file behind the number.
    #[cfg(test)]
    pub(crate) fn replace_descriptor(&mut self, other: &File) {
        rustix::io::dup2(other, &mut self.descriptor).unwrap_or_default();
    }

    /// A look at what is behind the number, if anything is.
    pub(crate) fn look(&self) -> Option<Look> {
        Look::at(self.descriptor()).ok()
    }

    /// Whether it is still this file, and not something else or nothing, that is behind the number.
    pub(crate) fn is_ours(&self) -> bool {
        match self.seal {
            Some(seal) => seal.is_on(self.descriptor()),
            None => self.look().is_some_and(|look| look.is_same_file(&self.opened)),
        }
    }

    /// Appends bytes, or a part of them, by one write(2), beside other threads.
    ///
    /// # Errors
    /// Those of write(2).
    #[inline]
    pub(crate) fn write(&self, bytes: &[u8]) -> rustix::io::Result<usize> {
        write_once(self.descriptor(), self.seal, self.is_limited, bytes)
    }

    /// Appends a line with its terminator, all of it; of one that could not be written nothing stays that a reader could take
    /// for a line. Of many lines those stay that are whole, if `keeps_lines` says so.
    ///
    /// # Errors
    /// Those of write(2).
    pub(crate) fn append(&mut self, bytes: &[u8], keeps_lines: bool, path: &Path) -> io::Result<()> {
        let (was_torn, descriptor, seal) = (self.lines.torn, self.descriptor.as_fd(), self.seal);
        let mut is_limited = self.is_limited;
        let write = |bytes: &[u8]| {
            let outcome = write_once(descriptor, seal, is_limited, bytes);
            // What was not taken whole goes on at a limit perhaps, which there need not have been when it was opened.
            is_limited = true;
            outcome
        };
        let outcome = self.lines.write_by(write, descriptor, bytes);
        if was_torn {
            self.room.append(1);
        }
        outcome.map_err(|unwritten| {
            let written = unwritten.written.saturating_sub(was_torn.into());
            self.take_back(&bytes[..written], keeps_lines, unwritten.error, path)
        })
    }

    /// The same behind a [first attempt](Seal::append) that was not all of it.
    ///
    /// # Errors
    /// Those of write(2).
    pub(crate) fn go_on(
        &mut self,
        first: rustix::io::Result<usize>,
        bytes: &[u8],
        keeps_lines: bool,
        path: &Path,
    ) -> io::Result<()> {
        let (descriptor, seal) = (self.descriptor.as_fd(), self.seal);
        let outcome = self.lines.go_on(first, &mut |rest| write_once(descriptor, seal, true, rest), descriptor, bytes);
        outcome.map_err(|unwritten| self.take_back(&bytes[..unwritten.written], keeps_lines, unwritten.error, path))
    }

    /// Takes back what was written before an error, but for the newline that ended a torn line.
    #[cold]
    fn take_back(&mut self, written: &[u8], keeps_lines: bool, error: io::Error, path: &Path) -> io::Error {
        self.room = Room::default();
        self.is_limited |= error.kind() == io::ErrorKind::FileTooLarge;
        // Whoever holds many back writes all of them again, unless it looks for those that stand there. Then no more is cut than
        // must be: on btrfs without room a file cannot be cut, and what was to be cut, to the end of its page, is lost.
        let whole =
            if keeps_lines { written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
        let half = &written[whole..];
        if !half.is_empty() && self.cut_back(path, half).is_ok() || written.ends_with(b"\n") {
            self.lines.torn = false;
        }
        error
    }

    /// Takes back half a line from the end of the file. It must stand there byte for byte: another process may have written
    /// since, and whole lines of its are not to be cut. What stands there and has no newline is half a line in any case.
    ///
    /// # Errors
    /// If something else stands there, or it cannot be read or cut.
    fn cut_back(&self, path: &Path, half: &[u8]) -> io::Result<()> {
        let reader =
            File::open(format!("/proc/self/fd/{}", self.descriptor.as_raw_fd())).or_else(|_| File::open(path))?;
        let look = Look::at(reader.as_fd())?;
        let start =
            look.size.checked_sub(half.len() as u64).filter(|_| look.is_regular && look.is_same_file(&self.opened));
        let start = start.ok_or(io::ErrorKind::InvalidInput)?;
        let mut last = vec![0; half.len()];
        reader.read_exact_at(&mut last, start)?;
        if last != half {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(retry_on_intr(|| ftruncate(self.descriptor(), start))?)
    }

    /// Closes the descriptor, unless the program has closed it long ago and given the number to something else.
    pub(crate) fn close(self) {
        if !self.is_ours() {
            // Its owner closes it.
            let _ = self.descriptor.into_raw_fd();
        }
    }
}

/// One write(2) to the end of the file.
#[inline]
fn write_once(
    descriptor: BorrowedFd<'_>,
    seal: Option<Seal>,
    is_limited: bool,
    bytes: &[u8],
) -> rustix::io::Result<usize> {
    let write = || match seal {
        Some(_) => seal::append(descriptor, bytes),
        None => rustix::io::write(descriptor, bytes),
    };
    if is_limited { without_sigxfsz(write) } else { write() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn of_many_lines_those_stay_that_are_whole_if_their_writer_looks_for_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let left = |written: &str, keeps_lines| {
            std::fs::write(&path, format!("theirs\n{written}")).unwrap();
            let mut open = Open::new(&path, OpenMode::Append).unwrap();
            open.lines.torn = true;
            open.take_back(written.as_bytes(), keeps_lines, io::ErrorKind::StorageFull.into(), &path);
            assert!(!open.lines.torn, "{written:?}");
            std::fs::read_to_string(&path).unwrap()
        };
        for written in ["one\ntwo\nthr", "thr", "one\ntwo\n"] {
            let whole = written.strip_suffix("thr").unwrap_or(written);
            assert_eq!(left(written, true), format!("theirs\n{whole}"));
            assert_eq!(left(written, false), "theirs\n");
        }
    }

    #[test]
    fn only_half_a_line_at_the_very_end_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "theirs\nhal").unwrap();
        let open = Open::new(&path, OpenMode::Append).unwrap();
        let cut = |half: &str| (open.cut_back(&path, half.as_bytes()).is_ok(), std::fs::read_to_string(&path).unwrap());
        let untouched = || (false, "theirs\nhal".to_owned());
        assert_eq!([cut("half"), cut("hil"), cut("ha"), cut(&"x".repeat(99))], [(); 4].map(|()| untouched()));
        assert_eq!(cut("hal"), (true, "theirs\n".to_owned()));
        // By the number itself where the name leads elsewhere by now.
        std::fs::rename(&path, directory.path().join("a.log.1")).unwrap();
        std::fs::write(&path, "s\n").unwrap();
        assert!(open.cut_back(&path, b"s\n").is_ok() && std::fs::read_to_string(&path).unwrap() == "s\n");
    }
}
