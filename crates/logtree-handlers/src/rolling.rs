//! Appending to a file that begins anew when it is full or when its time has come.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use logtree_core::{ArgumentError, EmitError, Names, Steps};
use logtree_os::{ForkLock, ForkLockGuard, ForkReset};
#[cfg(target_os = "linux")]
use rustix::{fs::CWD, io::Errno};

use crate::compression::{self, Compression};
use crate::file::Line;
use crate::grace::Grace;
use crate::namer::{Namer, RolledNames};
use crate::{Compress, FileHandler};

/// So often a record finds the file full and has it rolled, or sees that others have. Then it is written all the same.
const ATTEMPTS: usize = 16;

/// What a handler that rolls has besides its file.
#[derive(Debug)]
pub(crate) struct Rolling {
    names: RolledNames,
    turn: ForkLock<Turn>,
    compression: Option<Compression>,
    /// What somebody who compressed had left half made was looked for.
    is_swept: AtomicBool,
}

/// What gives a full file another name, and deletes others. It notes who has another name.
pub(crate) type RollMoves<'a> = dyn FnMut(&mut dyn Names, Grace, &mut Given) -> io::Result<()> + 'a;

/// The names that files had, and those that they have, in the order in which they got them.
pub(crate) type Given = Vec<(PathBuf, PathBuf)>;

/// Whose turn it is to roll, among the threads of this process.
#[derive(Debug, Default)]
pub(crate) struct Turn;

impl ForkReset for Turn {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self
    }
}

/// The size that a file must not have reached before a record of this text is appended, if none is to reach `max_bytes`
/// (CPython's `RotatingFileHandler.shouldRollover`).
pub(crate) fn limit(max_bytes: u64, text: &str) -> u64 {
    max_bytes.saturating_sub(text.chars().count() as u64 + 1)
}

impl Rolling {
    /// For the files that `file` is rolled to, which `namer` names with a suffix that `is_suffix`.
    ///
    /// # Errors
    /// Those of [`Namer::names`]; if they are to be compressed, without the feature `compress`.
    pub(crate) fn new(
        file: &FileHandler,
        namer: &Namer,
        compress: Option<Compress>,
        is_suffix: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<Self, ArgumentError> {
        let names = namer.names(file.path())?;
        let compression =
            compress.map(|kind| Compression::new(kind, file, names.clone(), Box::new(is_suffix))).transpose()?;
        Ok(Self { names, turn: ForkLock::default(), compression, is_swept: AtomicBool::new(false) })
    }

    /// Appends a line, if the file is empty or ends before `limit`; else `moves` give the file another name first.
    ///
    /// # Errors
    /// If the line could not be written; and if the file could not be rolled: then the line stands in the old one.
    pub(crate) fn append(
        &self,
        file: &FileHandler,
        line: Line<'_>,
        limit: u64,
        steps: &mut dyn Steps,
        moves: &mut RollMoves<'_>,
    ) -> Result<(), EmitError> {
        // As in Python, a record that has no bytes rolls the file all the same.
        let bytes = line.bytes.as_deref().unwrap_or_default();
        if !steps.append_below(file.appended(), bytes, limit)? {
            self.roll_and_append(file, bytes, limit, steps, moves)?;
        }
        Ok(line.bytes.map(|_| ())?)
    }

    /// Has `moves` give the file another name, unless it is empty, however full it is.
    ///
    /// # Errors
    /// Those of opening the file, and if it could not be rolled.
    pub(crate) fn roll(
        &self,
        file: &FileHandler,
        steps: &mut dyn Steps,
        moves: &mut RollMoves<'_>,
    ) -> Result<(), EmitError> {
        let _turn = self.turn();
        // The file that is under the name now, and where it ends.
        if steps.append_below(file.appended(), b"", 1)? {
            return Ok(());
        }
        let rolled = self.try_roll(file, steps, &mut |names, grace, given| {
            // Another process may have rolled it meanwhile.
            let is_begun = names.stat(file.path()).is_some_and(|(size, _)| size > 0);
            if is_begun { moves(names, grace, given) } else { Ok(()) }
        });
        Ok(rolled.map_err(|error| not_rolled(file.path(), &error))?)
    }

    /// Has `moves` give the file another name. Where none can be begun in its place, as on a disk that has room and takes no more
    /// files, all have their names back, and lines go on in this one. (Behind a queue that is seen when the batch is done.)
    ///
    /// # Errors
    /// Those of `moves` and of opening the file.
    pub(crate) fn try_roll(
        &self,
        file: &FileHandler,
        steps: &mut dyn Steps,
        moves: &mut RollMoves<'_>,
    ) -> io::Result<()> {
        let (grace, mut given) = (Grace::of(steps), Given::new());
        let rolled = steps.roll(file.appended(), &mut |names| moves(names, grace, &mut given));
        if rolled.is_err()
            && grace != Grace::Unneeded
            && let Some((path, (from, to))) = given.pop().map(|last| (file.path(), last))
            && path == from
        {
            // Another process may have begun one meanwhile, and rolled it too.
            let is_its = to.metadata().is_ok_and(|found| found.ino() == file.log_file().inode());
            if is_its && rename_to_free_name(&to, path).is_ok() {
                given.iter().rev().for_each(|(from, to)| _ = rename_to_free_name(to, from));
            }
        }
        rolled
    }

    /// Waits until no other thread of this process rolls the file.
    pub(crate) fn turn(&self) -> ForkLockGuard<'_, Turn> {
        self.turn.lock()
    }

    /// The rolled file that this tells from the others.
    pub(crate) fn name(&self, suffix: impl Display) -> PathBuf {
        self.names.path(suffix)
    }

    /// What the name of a rolled file may end with.
    pub(crate) fn forms(&self) -> &'static [&'static str] {
        compression::forms(self.compression.as_ref())
    }

    /// What the rolled files are by their names: `parse` gets what tells one from the others, and the whole name.
    ///
    /// # Errors
    /// Those of reading the directory.
    pub(crate) fn list<T>(&self, names: &dyn Names, parse: impl Fn(&str, &OsStr) -> Option<T>) -> io::Result<Vec<T>> {
        let parse = |name: OsString| parse(self.names.suffix(compression::without_form(&name, self.forms()))?, &name);
        Ok(names.list(self.names.directory())?.into_iter().filter_map(parse).collect())
    }

    /// Deletes the files of `excess`, which are some of `oldest_first` in the same order; behind the youngest of these none was
    /// begun yet.
    ///
    /// # Errors
    /// Those of deleting.
    pub(crate) fn delete(
        &self,
        excess: &[PathBuf],
        oldest_first: &[PathBuf],
        names: &mut dyn Names,
        grace: Grace,
    ) -> io::Result<()> {
        let Some(last) = excess.last() else { return Ok(()) };
        let next = oldest_first.iter().skip_while(|path| *path != last).nth(1);
        grace.wait(excess, next.map(PathBuf::as_path));
        excess.iter().try_for_each(|path| match names.delete(path) {
            // Another process that has rolled the next file finds the same ones too much.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        })
    }

    /// The file was rolled, or is about to be.
    pub(crate) fn rolled(&self, file: &FileHandler) {
        match &self.compression {
            Some(compression) => compression.rolled(),
            // Where nobody compresses any more, nobody else deletes what was being made when its maker was killed.
            None if !self.is_swept.swap(true, Ordering::Relaxed) => _ = compression::sweep(file.log_file()),
            None => {}
        }
    }

    /// [`Compression::attend`].
    #[inline]
    pub(crate) fn attend(&self, steps: &dyn Steps) -> io::Result<()> {
        self.compression.as_ref().map_or(Ok(()), |compression| compression.attend(steps))
    }

    /// [`Compression::settle`].
    pub(crate) fn settle(&self, steps: &mut dyn Steps) -> io::Result<()> {
        self.compression.as_ref().map_or(Ok(()), |compression| compression.settle(steps))
    }

    /// [`Compression::is_unsettled`].
    pub(crate) fn is_unsettled(&self) -> bool {
        self.compression.as_ref().is_some_and(Compression::is_unsettled)
    }

    /// [`Compression::close`].
    pub(crate) fn close(&self) {
        self.compression.iter().for_each(Compression::close);
    }

    #[cold]
    fn roll_and_append(
        &self,
        file: &FileHandler,
        bytes: &[u8],
        limit: u64,
        steps: &mut dyn Steps,
        moves: &mut RollMoves<'_>,
    ) -> io::Result<()> {
        let (_turn, mut is_known_to_be_full) = match self.turn.try_lock() {
            Some(turn) => (turn, true),
            None => (self.turn(), false),
        };
        for _ in 0..ATTEMPTS {
            // Another thread may have rolled it meanwhile, or another process.
            if !std::mem::take(&mut is_known_to_be_full) && steps.append_below(file.appended(), bytes, limit)? {
                return Ok(());
            }
            let rolled = self.try_roll(file, steps, &mut |names, grace, given| {
                // With the lock held it may be another file than the one that was full.
                let is_full = names.stat(file.path()).is_some_and(|(size, _)| size > 0 && size >= limit);
                if is_full { moves(names, grace, given) } else { Ok(()) }
            });
            if let Err(error) = rolled {
                // DIFFERENCE: Python loses the record.
                steps.append(file.appended(), bytes)?;
                return Err(not_rolled(file.path(), &error));
            }
        }
        steps.append(file.appended(), bytes)
    }
}

/// Gives a file a name under which nothing is.
fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::renameat_with(CWD, from, CWD, to, rustix::fs::RenameFlags::NOREPLACE) {
        // A file system that cannot promise it, or a filter of system calls.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => {}
        outcome => return Ok(outcome?),
    }
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

/// Why the file at `path` did not get another name.
pub(crate) fn not_rolled(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot roll '{}': {error}", path.display()))
}

/// A name with one of the endings of [`forms`](crate::compression::forms).
pub(crate) fn with_form(path: &Path, form: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(form);
    path.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use logtree_core::{AppendFile, Direct, Moves};

    use super::*;
    use crate::{FileHandlerConfig, OpenMode};

    /// The file is full when it is asked for, and another process has rolled it before this one does.
    struct Late;

    impl Steps for Late {
        fn append(&mut self, _: &Arc<dyn AppendFile>, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn append_below(&mut self, _: &Arc<dyn AppendFile>, _: &[u8], _: u64) -> io::Result<bool> {
            Ok(false)
        }

        fn roll(&mut self, _: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
            moves(&mut Direct)
        }
    }

    #[test]
    fn a_file_that_others_have_just_begun_is_not_rolled() {
        let directory = tempfile::tempdir().unwrap();
        let config =
            FileHandlerConfig { mode: OpenMode::Append, ..FileHandlerConfig::new(directory.path().join("a.log")) };
        let file = FileHandler::new(config).unwrap();
        let rolling = Rolling::new(&file, &Namer::default(), None, |_| false).unwrap();
        let rolls = |content: &str| {
            std::fs::write(file.path(), content).unwrap();
            let mut rolls = 0;
            let count = &mut |_: &mut dyn Names, _, _: &mut Given| {
                rolls += 1;
                Ok(())
            };
            rolling.roll(&file, &mut Late, count).unwrap();
            rolls
        };
        assert_eq!((rolls(""), rolls("a line\n")), (0, 1));
    }
}
