//! A log file on disk: opened late, appended to, known again.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use logtree_core::{AppendFile, FileEnd};
use logtree_os::{ForkLock, ForkReset};
use rustix::fs::{Mode, OFlags, ftruncate};

use crate::OpenMode;
use crate::line_writer::{LineWriter, Unwritten};
use crate::look::Look;

/// A file that lines are appended to, from any thread and any child of `fork`.
///
/// - Each [`append`](AppendFile::append) is one write(2) to a descriptor opened with `O_APPEND`, so that several
///   processes may write the same file. A reader sees a line whole as soon as the call returns, and after a crash of
///   the program; after a crash of the system only what the system had written back.
/// - The descriptor is looked at before each write. A program that closes all descriptors, as daemons do, may have opened
///   something else under the number since: then the file is opened anew, and the number left alone.
/// - When the disk is full, half a line that was written is taken back; where that is impossible, the next line begins
///   on a line of its own.
/// - A file that was moved or deleted is written to as before, until [`reopen`](Self::reopen).
/// - A pipe with a name needs a reader when it is opened, and is waited for a second at the longest.
pub struct LogFile {
    path: PathBuf,
    mode: OpenMode,
    state: ForkLock<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// It is emptied, or must be new, only the first time.
    was_opened: bool,
    lines: LineWriter,
}

/// A child shares its parent's open file, which is right for appending.
impl ForkReset for State {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self { open: None, was_opened: true, lines: LineWriter::torn() }
    }
}

impl State {
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.close();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.close();
    }
}

impl LogFile {
    /// The file at `path`, which is not opened yet.
    pub fn new(path: impl Into<PathBuf>, mode: OpenMode) -> Self {
        Self { path: path.into(), mode, state: ForkLock::default() }
    }

    /// Opens the file, unless it is open.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let (open, _) = self.take_open(&mut state)?;
        state.open = Some(open);
        Ok(())
    }

    /// Closes the file; the next append opens it again.
    pub fn reopen(&self) {
        self.state.lock().close();
    }

    /// Takes the open file, which is ours for sure, out of the state, with what a look at it says just now.
    fn take_open(&self, state: &mut State) -> io::Result<(Open, Look)> {
        if let Some(open) = state.open.take() {
            match open.look() {
                Some(look) => return Ok((open, look)),
                None => open.close(),
            }
        }
        let open = Open::new(&self.path, if state.was_opened { OpenMode::Append } else { self.mode })?;
        state.was_opened = true;
        state.lines = LineWriter::default();
        let look = open.opened;
        Ok((open, look))
    }
}

impl AppendFile for LogFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let (open, before) = self.take_open(&mut state)?;
        let was_torn = state.lines.torn;
        let outcome = state.lines.write(open.descriptor(), bytes);
        if let Err(unwritten) = &outcome
            && unwritten.written > 0
            && open.cut_back(&before, unwritten.written)
        {
            state.lines.torn = was_torn;
        }
        state.open = Some(open);
        outcome.map_err(|Unwritten { error, .. }| error)
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        let mut state = self.state.lock();
        let (open, look) = self.take_open(&mut state)?;
        state.open = Some(open);
        Ok(look.end())
    }
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile").field("path", &self.path).field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// A descriptor, and what was behind it when it was opened.
#[derive(Debug)]
struct Open {
    descriptor: OwnedFd,
    opened: Look,
}

impl Open {
    fn new(path: &Path, mode: OpenMode) -> io::Result<Self> {
        let usual = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
        // Without it a pipe with a name would be waited for until somebody reads it.
        let usual = usual | OFlags::NONBLOCK;
        let flags = match mode {
            OpenMode::Append => usual,
            OpenMode::Truncate => usual | OFlags::TRUNC,
            OpenMode::Create => usual | OFlags::EXCL,
        };
        // What the program's umask leaves of it, as with Python's `open`.
        let descriptor = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))?;
        let opened = Look::at(descriptor.as_fd())?;
        Ok(Self { descriptor, opened })
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// A look at the file; `None` if something else, or nothing, is behind the number.
    fn look(&self) -> Option<Look> {
        let look = Look::at(self.descriptor()).ok()?;
        look.is_same_file(&self.opened).then_some(look)
    }

    /// Takes back what was written of a line: for sure nobody else's, as nothing more was appended since `before`.
    fn cut_back(&self, before: &Look, written: usize) -> bool {
        let is_last = || self.look().is_some_and(|after| after.size == before.size + written as u64);
        before.is_regular && is_last() && ftruncate(self.descriptor(), before.size).is_ok()
    }

    /// Closes the descriptor, unless the program has closed it long ago and given the number to something else.
    fn close(self) {
        if self.look().is_none() {
            // Its owner closes it.
            let _ = self.descriptor.into_raw_fd();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_child_that_cannot_know_whether_it_was_opened_does_not_empty_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "the parent's\n").unwrap();
        let file = LogFile { state: ForkLock::new(State::torn()), ..LogFile::new(&path, OpenMode::Truncate) };
        file.append(b"the child's\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the parent's\nthe child's\n");
    }

    #[test]
    fn its_end_is_where_the_next_line_begins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "of an earlier run\n").unwrap();
        let file = LogFile::new(&path, OpenMode::Truncate);
        let size = || file.end().unwrap().map(|end| end.size);
        assert_eq!(size(), Some(0), "it is emptied before");
        file.append(b"12345\n").unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().set_len(3).unwrap();
        assert_eq!(size(), Some(3));
        assert_eq!(LogFile::new("/dev/null", OpenMode::Append).end().unwrap(), None);
    }
}
