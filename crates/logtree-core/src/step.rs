//! Steps: what a handler does to files, said before it is done.
//!
//! A handler whose effect is a file does not write; it says what shall be written, to whoever runs it. In this
//! process that is [`Direct`], which does it at once. Behind a cross-process queue it is the listener, which gathers
//! the steps of a batch, so that many records cost one `write(2)` and a successor can take up what a killed listener
//! had begun. Handlers know nothing of queues and queues nothing of files' rules: this is all they share.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A file that grows at its end, and that can be given another name to begin anew.
pub trait AppendFile: Send + Sync {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Appends bytes, all of them or none that a reader could take for a whole line.
    ///
    /// # Errors
    /// Those of opening and writing the file.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// The same for bytes that are many lines, whose writer finds out which of them stand there before it tries again: where not
    /// all can be written, lines that are whole stay.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn append_lines(&self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes)
    }

    /// Appends bytes if the file is empty, ends before `limit`, or is no regular file and so has no end. Answers whether it
    /// did.
    ///
    /// # Errors
    /// Those of opening and writing the file.
    fn append_below(&self, bytes: &[u8], limit: u64) -> io::Result<bool> {
        let is_full = self.end()?.is_some_and(|end| end.is_full(limit));
        if !is_full {
            self.append(bytes)?;
        }
        Ok(!is_full)
    }

    /// Where the next append would begin, if nobody else appends before; `None` if it is no regular file, and so has no
    /// end. Opens the file if it is not open.
    ///
    /// # Errors
    /// Those of opening the file.
    fn end(&self) -> io::Result<Option<FileEnd>>;

    /// Lets go of what is open: the next append goes to what is under the name then.
    fn reopen(&self) {}

    /// Has `moves` give the file another name, with no other process doing the same meanwhile, and lets go of it. If someone
    /// else has moved it already, nothing more is done than that.
    ///
    /// # Errors
    /// Those of `moves`, and if the others take too long.
    fn roll(&self, moves: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let outcome = moves();
        self.reopen();
        outcome
    }
}

/// The end of a file, and which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEnd {
    /// stat(2)'s `st_dev`.
    pub device: u64,
    /// stat(2)'s `st_ino`.
    pub inode: u64,
    /// In bytes.
    pub size: u64,
}

impl FileEnd {
    /// Whether nothing more is to be appended, if files end before `limit`. An empty file is never full.
    pub fn is_full(&self, limit: u64) -> bool {
        self.size > 0 && self.size >= limit
    }
}

/// The names of files, as they are when the steps before are done.
pub trait Names {
    /// Whether there is something under this name (Python's `os.path.exists`).
    fn exists(&self, path: &Path) -> bool;

    /// The size of a file in bytes, and the second of its last change, of what a link leads to; `None` if there is none.
    fn stat(&self, path: &Path) -> Option<(u64, i64)>;

    /// The file under a name, and its end; `None` if there is none, or if earlier steps are yet to make it.
    fn find(&self, path: &Path) -> Option<FileEnd>;

    /// Every name in a directory, in no order.
    ///
    /// # Errors
    /// Those of reading the directory.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Gives a file another name, under which nothing is.
    ///
    /// # Errors
    /// Those of the system, where the step is done at once.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Deletes a file.
    ///
    /// # Errors
    /// Those of the system, where the step is done at once.
    fn delete(&mut self, path: &Path) -> io::Result<()>;

    /// Puts another form of a file, such as a compressed one, in its place: `made` gets the name `to`, under which nothing
    /// is; then, and only then, `from` is deleted. Stopped in between, both forms stand there. With `is_synced` the new name is
    /// on the disk before that.
    ///
    /// # Errors
    /// Those of the system, where the step is done at once.
    fn replace(&mut self, from: &Path, made: &Path, to: &Path, is_synced: bool) -> io::Result<()>;
}

/// Takes the steps of a handler: what it does to files.
pub trait Steps {
    /// Appends bytes to a file: at once, or together with what the batch holds for that file already.
    ///
    /// # Errors
    /// Those of writing, where the step is done at once.
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()>;

    /// The same as [`AppendFile::append_below`], with what is still to be appended by earlier steps counted.
    ///
    /// # Errors
    /// Those of opening the file, and of writing, where the step is done at once.
    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool>;

    /// Has `moves` give a file another name: see [`AppendFile::roll`].
    ///
    /// # Errors
    /// Those of `moves`, and if others take too long.
    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()>;

    /// In which batch the steps are gathered before any is done, by a number that no other batch of the process has; none, if each
    /// is done at once.
    fn batch(&self) -> Option<u64> {
        None
    }

    /// Whether many steps are gathered before any is done: then nobody needs to hold bytes back to write them together.
    fn is_gathering(&self) -> bool {
        self.batch().is_some()
    }
}

/// What gives files other names.
pub type Moves<'a> = dyn FnMut(&mut dyn Names) -> io::Result<()> + 'a;

/// The [`Steps`] of a handler that nobody gathers: each is done at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Steps for Direct {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        file.append(bytes)
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        file.append_below(bytes, limit)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        file.roll(&mut || moves(&mut Direct))
    }
}

impl Names for Direct {
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn stat(&self, path: &Path) -> Option<(u64, i64)> {
        let metadata = std::fs::metadata(path).ok()?;
        let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some((metadata.len(), i64::try_from(changed.as_secs()).ok()?))
    }

    fn find(&self, path: &Path) -> Option<FileEnd> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        Some(FileEnd { device: metadata.dev(), inode: metadata.ino(), size: metadata.len() })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn delete(&mut self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn replace(&mut self, from: &Path, made: &Path, to: &Path, is_synced: bool) -> io::Result<()> {
        // A second name is given only where nothing is, which rename(2) does not promise.
        match std::fs::hard_link(made, to) {
            Ok(()) => std::fs::remove_file(made)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // A file system whose files have one name each.
            Err(_) if to.symlink_metadata().is_err() => std::fs::rename(made, to)?,
            Err(error) => return Err(error),
        }
        if is_synced {
            sync_name(to)?;
        }
        std::fs::remove_file(from)
    }
}

/// Brings the name of a file to the disk, which is its directory's matter (fsync(2)). Who may not read the directory cannot.
///
/// # Errors
/// Those of open(2) and fsync(2).
pub fn sync_name(path: &Path) -> io::Result<()> {
    match File::open(path.parent().unwrap_or(Path::new("/"))) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        directory => directory?.sync_all(),
    }
}
