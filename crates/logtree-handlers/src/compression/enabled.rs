//! The handler's side of compression, and what it shares with its thread.

mod codec;
mod worker;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use logtree_core::{ArgumentError, FileEnd, Names, Steps};
use logtree_os::{ForkLock, ForkReset};

pub(super) use self::codec::encode;
use super::made::Made;
use super::{Compress, IsSuffix};
use crate::namer::RolledNames;
use crate::rolling::with_form;
use crate::spawn::spawn;
use crate::{FileHandler, LogFile};

pub(super) const IS_THERE: bool = true;

/// Held while a compressed file gets its name and the other one is deleted.
static PLACING: ForkLock<()> = ForkLock::new(());

pub(super) fn end() {
    /// A file system that stands still is not waited for.
    const PATIENCE: Duration = Duration::from_secs(1);
    if let Some(placing) = PLACING.lock_within(PATIENCE) {
        // Never given back.
        std::mem::forget(placing);
    }
}

/// What a handler that rolls has if it compresses.
pub(crate) struct Compression(Arc<Shared>);

/// What the handler and its thread share.
struct Shared {
    kind: Compress,
    file: Arc<LogFile>,
    names: RolledNames,
    is_suffix: Box<IsSuffix>,
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
    /// The batch for which it was settled last.
    batch: Option<u64>,
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
    /// For the files that `file` is rolled to, which have these names with a suffix that `is_suffix`.
    ///
    /// # Errors
    /// None, with the feature.
    pub(crate) fn new(
        kind: Compress,
        file: &FileHandler,
        names: RolledNames,
        is_suffix: Box<IsSuffix>,
    ) -> Result<Self, ArgumentError> {
        let file = Arc::clone(file.log_file());
        let (has_news, has_rolled, is_closed) = (AtomicBool::new(true), AtomicBool::new(false), AtomicBool::new(false));
        let state = ForkLock::default();
        Ok(Self(Arc::new(Shared { kind, file, names, is_suffix, has_news, has_rolled, is_closed, state })))
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
        match steps.batch() {
            Some(batch) => self.0.settle(batch, steps),
            None => self.attend(steps),
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
    fn settle(self: &Arc<Self>, batch: u64, steps: &mut dyn Steps) -> io::Result<()> {
        let mut state = self.state.lock();
        state.is_gathering = true;
        if state.batch.replace(batch) != Some(batch) {
            // The batch before is done.
            state.placed.clear();
            if std::mem::take(&mut state.is_being_rolled) {
                self.ask(&mut state);
            }
        }
        // A listener is to make its standby before it has a thread, and that comes between the first batch and the second.
        state.is_being_rolled |= state.begins() | self.has_rolled.swap(false, Ordering::Relaxed);
        self.has_news.store(state.is_being_rolled, Ordering::Relaxed);
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
        let is_own = |name: &OsString| self.names.suffix(name).is_some_and(&self.is_suffix);
        let directory = self.names.directory();
        Ok(names.list(directory)?.into_iter().filter(is_own).map(|name| directory.join(name)).collect())
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

fn with_extension(path: &Path, kind: Compress) -> PathBuf {
    with_form(path, &format!(".{}", kind.extension()))
}
