//! Logging that changes when the world outside does: the config's file, or a signal.

use std::fs;
use std::panic::Location;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use logtree_core::{Level, caught};
use logtree_os::signals::{self, Signal};
use logtree_os::{ForkGeneration, ForkLock, ForkReset, later};

use crate::error::Error;
use crate::guard::{self, DROP_TIMEOUT, Guard, Guarded, LAST_TIMEOUT};
use crate::spawn::{elsewhere, spawn};

/// What a program's logging is to react to, see [`Guard::watch`]. Nothing, unless it is asked for.
///
/// ```no_run
/// use std::time::Duration;
/// use logtree::Watch;
///
/// let guard = logtree::from_file("logging.yaml")?.install()?;
/// guard.watch(Watch::new().reload_on_change(Duration::from_secs(2)).reload_on_sighup().reopen_on_sigusr1())?;
/// # Ok::<(), logtree::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is watched before `Guard::watch`"]
pub struct Watch {
    every: Option<Duration>,
    reloads_on_sighup: bool,
    reopens_on_sigusr1: bool,
    flushes_on_sigterm: bool,
}

impl Watch {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { every: None, reloads_on_sighup: false, reopens_on_sigusr1: false, flushes_on_sigterm: false }
    }

    /// [Reloads](Guard::reload) when the config's file has changed, and has then been the same for `every`, which is how often
    /// it is looked at. A file behind a symbolic link that is set anew has changed. One that is gone, or a pipe by now, is waited
    /// for.
    pub const fn reload_on_change(mut self, every: Duration) -> Self {
        self.every = Some(every);
        self
    }

    /// [Reloads](Guard::reload) on SIGHUP.
    pub const fn reload_on_sighup(mut self) -> Self {
        self.reloads_on_sighup = true;
        self
    }

    /// [Reopens](Guard::reopen) all files on SIGUSR1, as logrotate's `postrotate` asks for.
    pub const fn reopen_on_sigusr1(mut self) -> Self {
        self.reopens_on_sigusr1 = true;
        self
    }

    /// Flushes on SIGTERM, for 5 s at most, or 6 s where a handler does not return, and then ends the program by it, whatever a
    /// reload waits for. A program that ignores SIGTERM before it asks for this, or handles it, is flushed only, and ends as it
    /// sees fit; a handler that is set later must call the one before itself, as those of signal-hook and tokio do.
    /// Where a process has several copies of logtree, as of itself and of an extension module, they flush one after the other, the
    /// last one that asked first; should the program go on behind that, only the first one that asked flushes at the next SIGTERM.
    pub const fn flush_on_sigterm(mut self) -> Self {
        self.flushes_on_sigterm = true;
        self
    }

    /// Whether there is anything to do that may take its time.
    fn has_changes(self) -> bool {
        self.every.is_some() || self.reloads_on_sighup || self.reopens_on_sigusr1
    }

    fn signals(self) -> impl Iterator<Item = Signal> {
        let asked = [
            (self.reloads_on_sighup, Signal::Hangup),
            (self.reopens_on_sigusr1, Signal::User1),
            (self.flushes_on_sigterm, Signal::Terminate),
        ];
        asked.into_iter().filter_map(|(is_asked, signal)| is_asked.then_some(signal))
    }
}

impl Guard {
    /// Starts a thread that changes the logging as `watch` says, and one for SIGTERM; they receive no signals themselves. A second
    /// call replaces what the first one asked for; a signal that was asked for once is never again left to its default.
    ///
    /// What it does it says in the log, by the logger `logtree`: at INFO what was done, at ERROR what was refused and why,
    /// when the logging stays as it is. The program's own handlers of these signals are called too.
    ///
    /// A child of `fork` watches from its first record on. Until then SIGTERM ends it at once, and other signals wait.
    ///
    /// # Errors
    /// If there is no [file](crate::from_file) to read again, or the system has no thread or handler to give.
    pub fn watch(&self, watch: Watch) -> Result<(), Error> {
        if (watch.every.is_some() || watch.reloads_on_sighup) && self.0.origin.is_none() {
            return Err(Error::not_of_a_file());
        }
        let mut watching = WATCHING.lock();
        watching.all.retain(|watched| watched.of.strong_count() > 0 && !watched.is_of(&self.0));
        watching.all.push(Watched { of: Arc::downgrade(&self.0), watch });
        let is_running = watching.running_in == Some(ForkGeneration::current());
        let is_to_run = is_running || watch.has_changes();
        watching.running_in = is_to_run.then(ForkGeneration::current);
        drop(watching);
        if is_running {
            signals::call_waiter();
        } else if is_to_run {
            start().map_err(|error| {
                *WATCHING.lock() = Watching::torn();
                Error::watch(error)
            })?;
        }
        if watch.flushes_on_sigterm {
            start_for_termination().map_err(Error::watch)?;
        }
        for signal in watch.signals() {
            signals::note_signal(signal).map_err(Error::watch)?;
        }
        logtree_os::at_first_record_of_child(watch_in_child);
        Ok(())
    }
}

/// What is watched, and in which process.
static WATCHING: ForkLock<Watching> = ForkLock::new(Watching { all: Vec::new(), running_in: None });

struct Watching {
    all: Vec<Watched>,
    /// Where the thread is that sees to changes.
    running_in: Option<ForkGeneration>,
}

/// What is to react, as long as it is there, and to what.
#[derive(Clone)]
struct Watched {
    of: Weak<Guarded>,
    watch: Watch,
}

impl Watched {
    fn is_of(&self, guarded: &Arc<Guarded>) -> bool {
        self.of.as_ptr() == Arc::as_ptr(guarded)
    }
}

/// A child is to watch for the same.
impl ForkReset for Watching {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self { all: Vec::new(), running_in: None }
    }
}

fn watch_in_child() {
    let mut watching = WATCHING.lock();
    let here = ForkGeneration::current();
    // Unless it has asked for something itself.
    let is_to_run = watching.running_in.is_some_and(|running_in| running_in != here);
    if is_to_run {
        watching.running_in = Some(here);
    }
    drop(watching);
    let watched = watched();
    let started = if is_to_run { start() } else { Ok(()) };
    let is_terminated = watched.iter().any(|(_, watch)| watch.flushes_on_sigterm);
    let started = started.and(if is_terminated { start_for_termination() } else { Ok(()) });
    if let Err(error) = started {
        let message = format!("nobody watches the config and its signals in this process: {error}");
        watched.iter().for_each(|(guarded, _)| say(guarded, Level::ERROR, &message));
    }
}

/// What is watched and still there.
fn watched() -> Vec<(Arc<Guarded>, Watch)> {
    let all = WATCHING.lock().all.clone();
    all.into_iter().filter_map(|Watched { of, watch }| Some((of.upgrade()?, watch))).collect()
}

fn start() -> std::io::Result<()> {
    spawn("logtree-watch", run).map(drop)
}

/// On a thread of its own: a file that a reload opens may be a pipe that nobody reads, or on a volume that does not answer.
fn start_for_termination() -> std::io::Result<()> {
    signals::with_waiter_for_termination(|| spawn("logtree-term", run_for_termination).map(drop))
}

fn run_for_termination() {
    loop {
        signals::wait_for_termination();
        if watched().iter().any(|(_, watch)| watch.flushes_on_sigterm) {
            elsewhere(DROP_TIMEOUT + LAST_TIMEOUT, guard::flush_all);
        }
        signals::end_by_termination();
    }
}

/// Never ends: a signal that was asked for once is not left to its default when nobody asks any more.
fn run() {
    let mut files: Vec<WatchedFile> = Vec::new();
    loop {
        let watched = watched();
        files.retain(|file| watched.iter().any(|(guarded, _)| file.is_of(guarded)));
        for (guarded, watch) in &watched {
            let at = files.iter().position(|file| file.is_of(guarded)).unwrap_or_else(|| {
                files.push(WatchedFile::new(guarded));
                files.len() - 1
            });
            files[at].every = watch.every;
            files[at].look_if_due(guarded);
        }
        // What is watched may be dropped while nothing happens.
        drop(watched);
        let next_look = files.iter().filter_map(WatchedFile::next_look).min();
        for signal in signals::wait_for_signals(next_look.map(|next| next.saturating_duration_since(Instant::now()))) {
            react(signal, &self::watched(), &mut files);
        }
    }
}

fn react(signal: Signal, watched: &[(Arc<Guarded>, Watch)], files: &mut [WatchedFile]) {
    match signal {
        Signal::Hangup => {
            for (guarded, _) in watched.iter().filter(|(_, watch)| watch.reloads_on_sighup) {
                if let Some(file) = files.iter_mut().find(|file| file.is_of(guarded)) {
                    file.read = guarded.stamp();
                }
                reload(guarded, "SIGHUP");
            }
        }
        Signal::User1 => {
            for (guarded, _) in watched.iter().filter(|(_, watch)| watch.reopens_on_sigusr1) {
                guarded.reopen();
                say(guarded, Level::INFO, "the files are opened anew, as SIGUSR1 asks for");
            }
        }
        // It has its own.
        Signal::Terminate => {}
    }
}

/// A config's file, as it was looked at.
struct WatchedFile {
    of: Weak<Guarded>,
    every: Option<Duration>,
    looked: Option<Instant>,
    /// As the logging has it, whether it took it or refused it; `None` before the first change.
    read: Option<Stamp>,
    /// As it was at the last look.
    seen: Option<Stamp>,
}

impl WatchedFile {
    fn new(guarded: &Arc<Guarded>) -> Self {
        Self { of: Arc::downgrade(guarded), every: None, looked: None, read: None, seen: None }
    }

    fn is_of(&self, guarded: &Arc<Guarded>) -> bool {
        self.of.as_ptr() == Arc::as_ptr(guarded)
    }

    /// When it is to be looked at again, if it is.
    fn next_look(&self) -> Option<Instant> {
        Some(later(self.looked?, self.every?))
    }

    /// Looks at it, if that is due, and reads it again when it has changed.
    fn look_if_due(&mut self, guarded: &Guarded) {
        if self.every.is_none() || self.next_look().is_some_and(|next| Instant::now() < next) {
            return;
        }
        if self.has_changed(guarded) {
            reload(guarded, "its change");
        }
        self.looked = Some(Instant::now());
    }

    /// Whether it is another one than was read, and has been for one look: whoever writes it has finished.
    fn has_changed(&mut self, guarded: &Guarded) -> bool {
        let now = guarded.stamp();
        let before = std::mem::replace(&mut self.seen, now);
        let read = self.read.or_else(|| guarded.origin.as_ref()?.stamp());
        let has_changed = now.is_some() && now == before && now != read;
        if has_changed {
            self.read = now;
        }
        has_changed
    }
}

impl Guarded {
    /// The config's file as it is now.
    fn stamp(&self) -> Option<Stamp> {
        Stamp::of(self.origin.as_ref()?.path())
    }
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of a pipe or a device there is none: who opens one may wait for its other end, and signals with it.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let at = fs::metadata(path).ok().filter(|at| at.is_file() || at.is_dir())?;
        Some(Self {
            file: (at.dev(), at.ino()),
            bytes: at.size(),
            modified: (at.mtime(), at.mtime_nsec()),
            changed: (at.ctime(), at.ctime_nsec()),
        })
    }
}

fn reload(guarded: &Guarded, reason: &str) {
    let refused = match caught(|| guarded.reload()) {
        Some(Ok(())) => return say(guarded, Level::INFO, &format!("the config was read again, because of {reason}")),
        Some(Err(error)) => error.to_string(),
        None => "a class of the program panicked".to_owned(),
    };
    let said = format!("the config was read again, because of {reason}, and is refused: {refused}");
    say(guarded, Level::ERROR, &said);
}

fn say(guarded: &Guarded, level: Level, message: &str) {
    guarded.tree.log("logtree", level, &message, &[], Location::caller());
}
