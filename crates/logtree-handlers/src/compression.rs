//! `compress`: rolled files are compressed, by a thread beside the program.
//!
//! | file | concept |
//! |---|---|
//! | `compression.rs` | the key, and the handler's side |
//! | `worker.rs` | the thread: what there is to do, and one file after the other |
//! | `made.rs` | the compressed file while it is made |
//! | `enabled.rs`, `disabled.rs` | the formats; the second without the feature `compress` |
//!
//! What is to be done stands nowhere but in the directory: a rolled file that is not compressed. So it does not matter who
//! began it and was killed, and who finishes it.
//!
//! ```text
//! app.log.1 ──► .app.log.INODE.gz.part ──► app.log.1.gz, then app.log.1 is deleted
//!        written by whoever has locked it    under the lock of rolling, or as a step of the listener's batch
//! ```

#[cfg_attr(feature = "compress", path = "compression/enabled.rs")]
#[cfg_attr(not(feature = "compress"), path = "compression/disabled.rs")]
mod codec;
mod made;
mod worker;

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Instant;

use logtree_core::{AppendFile as _, ArgumentError, FileEnd, Kwargs, Names, Steps};
use logtree_os::{ForkLock, ForkReset};

use self::made::Made;
pub(crate) use self::made::sweep;
use crate::rolling::with_suffix;
use crate::spawn::spawn;
use crate::{FileHandler, LogFile};

/// How rolled files are compressed: the key `compress` of the handlers that roll, with the feature `compress`.
///
/// `app.log.1` becomes `app.log.1.gz` or `app.log.1.zst`, as gzip(1) and zstd(1) read them. For the operator:
///
/// - A thread does it, `logtree-pack`, which is there while there is something to compress and begins not before the first
///   record; what takes long does another, `logtree-codec`, with a tenth of the processor's time where others want it (`nice`
///   10). Behind a queue between processes they are the listener's.
/// - A compressed file keeps the place, rights, owner and times of the one that it replaces. It is counted and deleted as
///   that one, whichever of the two forms was chosen when it was made.
/// - Until it is whole it stands beside the log as `.app.log.INODE.gz.part`; only then it gets its name, and only then the
///   other one is deleted. Killed at any moment, the next process that logs to the file goes on there: it deletes half a
///   file, and of two whole ones the one that is not compressed, if both say the same. If it has not the key `compress` any more it
///   deletes it when it first rolls. With the key `fsync` it is on the disk
///   before the other one is deleted.
/// - Of many processes one does it. A file is compressed when no process has it open for writing any more, as then no late
///   line can come. A process that does not log keeps the one file open that it has written last: that one waits, for the
///   process to log or to end. Where the system does not tell (the file of another user without `CAP_LEASE`, other systems than
///   Linux) a file rests for a second, and a line that comes later yet may stand in it twice.
/// - Where there is no room, or no right, the file stays as it is, the next record counts as an error, and it is tried again
///   when the next one is rolled. The last 64th of a disk is left to the log.
/// - A file of another origin that has the name already is left alone, and with it the one that would get it.
/// - Without the key compressed files are nobody's: as in Python they keep their numbers, and are neither counted nor deleted. A
///   handler that rolls by size, lost the key and gets it back may find two files of one number: at the first roll all get
///   numbers in the order of their age, and those that are too many are deleted. Until then it is an error of each start that
///   the one cannot be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// `gz`: for gzip(1), RFC 1952.
    Gzip,
    /// `zst`: for zstd(1), RFC 8878; smaller and several times faster.
    Zstd,
}

impl Compress {
    /// What the names of compressed files end with, behind a full stop; and the key's value.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// Takes the argument `compress`.
    pub(crate) fn from_kwargs(kwargs: &mut Kwargs) -> Result<Option<Self>, ArgumentError> {
        let Some(word) = kwargs.string("compress")? else { return Ok(None) };
        let compress = word.parse()?;
        Self::is_there().map(|()| Some(compress))
    }

    /// Whether the formats are in this build.
    ///
    /// # Errors
    /// If they are not.
    pub(crate) fn is_there() -> Result<(), ArgumentError> {
        let message = "'compress' needs logtree's feature `compress`";
        if codec::IS_THERE { Ok(()) } else { Err(ArgumentError::new("RuntimeError", message).at("compress")) }
    }
}

impl FromStr for Compress {
    type Err = ArgumentError;

    /// # Errors
    /// For any other word.
    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        [Self::Gzip, Self::Zstd].into_iter().find(|kind| kind.extension() == word).ok_or_else(|| {
            let message = format!("'compress' must be 'gz' or 'zst', not '{word}'");
            ArgumentError::new("ValueError", message).at("compress").expected("'gz' or 'zst'")
        })
    }
}

/// What the name of a rolled file may end with: nothing, and where files are compressed, the forms.
pub(crate) fn forms(compression: Option<&Compression>) -> &'static [&'static str] {
    if compression.is_some() { &["", ".gz", ".zst"] } else { &[""] }
}

/// A name without its form.
pub(crate) fn without_form<'a>(name: &'a str, forms: &[&str]) -> &'a str {
    forms.iter().filter(|form| !form.is_empty()).find_map(|form| name.strip_suffix(form)).unwrap_or(name)
}

/// Whether this stands behind the name of a file that the handler has rolled, without a form.
pub(crate) type IsRolled = dyn Fn(&str) -> bool + Send + Sync;

/// What a handler that rolls has if it compresses.
pub(crate) struct Compression(Arc<Shared>);

/// What the handler and its thread share.
struct Shared {
    kind: Compress,
    file: Arc<LogFile>,
    is_rolled: Box<IsRolled>,
    /// There is something for the handler to do when a record comes.
    has_news: AtomicBool,
    has_rolled: AtomicBool,
    is_closed: AtomicBool,
    state: ForkLock<State>,
}

#[derive(Default)]
struct State {
    thread: Option<Thread>,
    /// The thread is to look once more what there is to do.
    is_asked: bool,
    /// When it was first seen to, at the first record since it was made or closed.
    begun: Option<Instant>,
    /// It writes for a listener, which puts what is made in its place.
    is_gathering: bool,
    /// A batch that may not be done yet rolls the file, or is the first one.
    is_being_rolled: bool,
    made: Vec<Made>,
    /// Their steps are in the batch. They stay locked until it is done.
    placed: Vec<Made>,
    /// Device and inode of files whose compressed form is in its place already.
    superseded: Vec<(u64, u64)>,
    error: Option<io::Error>,
}

impl State {
    /// Whether this is the first time; it is no more.
    fn begins(&mut self) -> bool {
        let is_first = self.begun.is_none();
        self.begun.get_or_insert_with(Instant::now);
        is_first
    }

    /// Whether a listener of before that was killed may still be dying, and what its threads had asked for last be done yet: a
    /// file may appear behind whoever swept.
    fn has_company(&self) -> bool {
        self.is_gathering && self.begun.is_some_and(|begun| begun.elapsed() < worker::REST)
    }
}

/// A child leaves to its parent what the parent has begun.
impl ForkReset for State {
    fn after_fork(&mut self) {
        *self = Self::default();
    }

    fn torn() -> Self {
        Self::default()
    }
}

impl Compression {
    /// For the files that `file` rolls, which are those whose name goes on with what `is_rolled`.
    ///
    /// # Errors
    /// Without the feature.
    pub(crate) fn new(kind: Compress, file: &FileHandler, is_rolled: Box<IsRolled>) -> Result<Self, ArgumentError> {
        Compress::is_there()?;
        let file = Arc::clone(file.log_file());
        let (has_news, has_rolled, is_closed) = (AtomicBool::new(true), AtomicBool::new(false), AtomicBool::new(false));
        let state = ForkLock::default();
        Ok(Self(Arc::new(Shared { kind, file, is_rolled, has_news, has_rolled, is_closed, state })))
    }

    /// A file was rolled, or is about to be.
    pub(crate) fn rolled(&self) {
        self.0.has_rolled.store(true, Ordering::Relaxed);
        self.0.has_news.store(true, Ordering::Relaxed);
    }

    /// To be called behind each record: sees to it that what was rolled is compressed.
    ///
    /// # Errors
    /// What kept an earlier one from being compressed.
    #[inline]
    pub(crate) fn attend(&self, steps: &dyn Steps) -> io::Result<()> {
        if self.0.has_news.load(Ordering::Relaxed) && !steps.is_gathering() { self.0.attend() } else { Ok(()) }
    }

    /// The same behind the records of a batch; what is compressed gets its place in it.
    ///
    /// # Errors
    /// What kept an earlier one from being compressed, or keeps it from getting its place.
    pub(crate) fn settle(&self, steps: &mut dyn Steps) -> io::Result<()> {
        match steps.is_gathering() {
            true => self.0.settle(steps),
            false => self.attend(steps),
        }
    }

    /// Whether something is to be settled without a record.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.0.has_news.load(Ordering::Relaxed) || self.0.state.lock().begun.is_none()
    }

    /// The thread ends as soon as it can; what there is to do, and what others leave meanwhile, is left to the next record.
    pub(crate) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        let mut state = self.0.state.lock();
        if let Some(thread) = &state.thread {
            thread.unpark();
        }
        state.begun = None;
        self.0.has_news.store(true, Ordering::Relaxed);
        // The last batch is done.
        state.placed.clear();
        // No batch is to come that would put it in its place, and perhaps nobody who compresses and would sweep.
        state.made.drain(..).for_each(Made::give_up);
    }
}

impl Drop for Compression {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compression").field(&self.0.kind).finish()
    }
}

impl Shared {
    #[cold]
    fn attend(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.state.lock();
        self.has_news.store(false, Ordering::Relaxed);
        let has_rolled = self.has_rolled.swap(false, Ordering::Relaxed);
        let is_first = state.begins();
        // A thread that has nothing to do would be in the way of a program that forks.
        if has_rolled || is_first && self.has_work() {
            self.ask(&mut state);
        }
        state.error.take().map_or(Ok(()), Err)
    }

    #[cold]
    fn settle(self: &Arc<Self>, steps: &mut dyn Steps) -> io::Result<()> {
        let mut state = self.state.lock();
        self.has_news.store(false, Ordering::Relaxed);
        state.is_gathering = true;
        // The batch before is done.
        state.placed.clear();
        if std::mem::take(&mut state.is_being_rolled) {
            self.ask(&mut state);
        }
        // A listener is to make its standby before it has a thread, and that comes between the first batch and the second.
        let is_first = state.begins();
        if self.has_rolled.swap(false, Ordering::Relaxed) || is_first {
            state.is_being_rolled = true;
            self.has_news.store(true, Ordering::Relaxed);
        }
        let mut outcome = state.error.take().map_or(Ok(()), Err);
        let file = self.file.clone() as Arc<_>;
        for made in std::mem::take(&mut state.made) {
            let mut placed = Placed::Done;
            outcome = outcome.and(steps.roll(&file, &mut |names| self.place(&made, names).map(|what| placed = what)));
            if placed == Placed::Done {
                state.placed.push(made);
            } else {
                // It has changed since it was looked at: to be looked at once more.
                outcome = outcome.and(made.discard());
                self.ask(&mut state);
            }
        }
        for source in std::mem::take(&mut state.superseded) {
            outcome = outcome.and(steps.roll(&file, &mut |names| self.delete_superseded(source, names)));
        }
        outcome
    }

    /// Has the thread look what there is to do.
    fn ask(self: &Arc<Self>, state: &mut State) {
        state.is_asked = true;
        // A record that comes to a closed handler opens it again, as it does its file.
        self.is_closed.store(false, Ordering::Relaxed);
        match &state.thread {
            Some(thread) => thread.unpark(),
            None => {
                let shared = Arc::clone(self);
                // Without a thread it is tried again when the next file is rolled.
                state.thread = spawn("logtree-pack", move || shared.work()).ok();
            }
        }
    }

    /// Puts what was made in the place of what it was made from, whatever that is called by now. To be called with no other
    /// process rolling the file.
    fn place(&self, made: &Made, names: &mut dyn Names) -> io::Result<Placed> {
        if !made.is_there() {
            return Ok(Placed::Gone);
        }
        let is_source = |end: &FileEnd| (end.device, end.inode) == made.source;
        for path in self.rolled(names)? {
            let Some(end) = names.find(&path).filter(is_source) else { continue };
            if end.size != made.bytes {
                return Ok(Placed::Grown);
            }
            if self.forms_of(&path).iter().any(|form| names.exists(form)) {
                return Ok(Placed::Obstructed);
            }
            names.replace(&path, made.path(), &with_extension(&path, self.kind), self.file.is_synced())?;
            return Ok(Placed::Done);
        }
        Ok(Placed::Gone)
    }

    /// Deletes a file whose compressed form stands beside it.
    fn delete_superseded(&self, source: (u64, u64), names: &mut dyn Names) -> io::Result<()> {
        let is_source = |path: &Path| names.find(path).is_some_and(|end| (end.device, end.inode) == source);
        let has_form = |path: &Path| self.forms_of(path).iter().any(|form| names.exists(form));
        match self.rolled(names)?.into_iter().find(|path| is_source(path) && has_form(path)) {
            Some(path) => names.delete(&path),
            None => Ok(()),
        }
    }

    /// The rolled files that are not compressed.
    fn rolled(&self, names: &dyn Names) -> io::Result<Vec<PathBuf>> {
        let own = |name: &OsStr| {
            let suffix = suffix(name, &self.file)?;
            (self.is_rolled)(std::str::from_utf8(suffix).ok()?).then_some(())
        };
        let directory = directory(&self.file);
        let names = names.list(directory)?.into_iter();
        Ok(names.filter(|name| own(name).is_some()).map(|name| directory.join(name)).collect())
    }

    /// The names that a rolled file can have compressed.
    fn forms_of(&self, path: &Path) -> [PathBuf; 2] {
        [Compress::Gzip, Compress::Zstd].map(|kind| with_extension(path, kind))
    }
}

/// What became of a compressed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Done,
    /// It was deleted meanwhile, or what it was made from.
    Gone,
    /// What it was made from is longer than it was.
    Grown,
    /// Another file has its name.
    Obstructed,
}

fn directory(file: &LogFile) -> &Path {
    file.path().parent().unwrap_or(Path::new("/"))
}

/// What stands behind the log's name and a full stop.
fn suffix<'a>(name: &'a OsStr, file: &LogFile) -> Option<&'a [u8]> {
    name.as_bytes().strip_prefix(file.path().file_name()?.as_bytes())?.strip_prefix(b".")
}

fn with_extension(path: &Path, kind: Compress) -> PathBuf {
    with_suffix(path, kind.extension())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{RotatingFileHandler, RotatingFileHandlerConfig, cpython};

    #[test]
    fn without_the_feature_whoever_asks_for_it_is_told_which() {
        let config = |compress: &str| {
            let given = serde_json::json!({"filename": "a", "backupCount": 1, "compress": compress});
            RotatingFileHandlerConfig::from_kwargs(cpython::kwargs("RotatingFileHandler", &given, Vec::new()))
        };
        let in_code =
            RotatingFileHandlerConfig { compress: Some(Compress::Zstd), ..RotatingFileHandlerConfig::new("a") };
        let outcomes = [config("gz").map(drop), RotatingFileHandler::new(in_code).map(drop)];
        for outcome in outcomes {
            let error = outcome.err().map(|error| (error.keyword.unwrap(), error.message));
            let said = ("compress".to_owned(), "'compress' needs logtree's feature `compress`".to_owned());
            assert_eq!(error, (!cfg!(feature = "compress")).then_some(said));
        }
        assert!(config("bz2").unwrap_err().message.contains("must be 'gz' or 'zst'"));
    }

    #[test]
    fn a_name_has_one_form_at_most() {
        let forms: &[&str] = &["", ".gz", ".zst"];
        let without = |name| without_form(name, forms);
        assert_eq!(
            ["1", "1.gz", "1.zst", "1.gz.zst", "gz", "1.gz.1"].map(without),
            ["1", "1", "1", "1.gz", "gz", "1.gz.1"]
        );
        assert_eq!(without_form("1.gz", &[""]), "1.gz");
    }
}
