//! Logging that changes when the world outside does: the config's file, or a signal.

use std::fs;
use std::panic::Location;
use std::path::Path;
use std::time::{Duration, Instant};

use logtree_core::Level;
use logtree_os::signals::{self, Signal};
use logtree_os::{ForkGeneration, ForkLock, ForkReset};

use crate::error::Error;
use crate::guard::{self, DROP_TIMEOUT, Guard, Guarded};

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
    /// it is looked at. A file behind a symbolic link that is set anew has changed. One that is gone is waited for.
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

    /// Flushes on SIGTERM, for 5 s at most, and then ends the program by it. A program that handles or ignores SIGTERM before
    /// it asks for this is flushed only, and ends as it sees fit.
    pub const fn flush_on_sigterm(mut self) -> Self {
        self.flushes_on_sigterm = true;
        self
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
    /// Starts a thread, which receives no signals itself, that changes the logging as `watch` says. A second call replaces
    /// what the first one asked for; a signal that was asked for once is never again left to its default.
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
        let generation = ForkGeneration::current();
        let is_running = watching.0.is_some_and(|(_, running_in)| running_in == generation);
        watching.0 = Some((watch, generation));
        drop(watching);
        signals::waits_here();
        for signal in watch.signals() {
            signals::note_signal(signal).map_err(Error::watch)?;
        }
        logtree_os::at_first_record_of_child(watch_in_child);
        if is_running {
            signals::call_waiter();
            return Ok(());
        }
        start().map_err(|error| {
            WATCHING.lock().0 = None;
            Error::watch(error)
        })
    }
}

/// What is watched, and in which process.
static WATCHING: ForkLock<Watching> = ForkLock::new(Watching(None));

struct Watching(Option<(Watch, ForkGeneration)>);

/// A child is to watch for the same.
impl ForkReset for Watching {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(None)
    }
}

fn watch_in_child() {
    let mut watching = WATCHING.lock();
    let Some((_, running_in)) = &mut watching.0 else { return };
    *running_in = ForkGeneration::current();
    drop(watching);
    signals::waits_here();
    if let (Err(error), Some(installed)) = (start(), guard::installed()) {
        say(&installed, Level::ERROR, &format!("nobody watches the config and its signals in this process: {error}"));
    }
}

#[cfg(target_os = "linux")]
fn start() -> std::io::Result<()> {
    logtree_os::spawn_masked("logtree-watch", run).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn start() -> std::io::Result<()> {
    std::thread::Builder::new().name("logtree-watch".to_owned()).spawn(run).map(drop)
}

fn run() {
    let mut file = WatchedFile::default();
    let mut next_look = Instant::now();
    loop {
        let (Some((watch, _)), Some(installed)) = (WATCHING.lock().0, guard::installed()) else { return };
        let timeout = watch.every.map(|_| next_look.saturating_duration_since(Instant::now()));
        for signal in signals::wait_for_signals(timeout) {
            match signal {
                Signal::Hangup if watch.reloads_on_sighup => {
                    file.read = installed.stamp();
                    reload(&installed, "SIGHUP");
                }
                Signal::User1 if watch.reopens_on_sigusr1 => {
                    installed.reopen();
                    say(&installed, Level::INFO, "the files are opened anew, as SIGUSR1 asks for");
                }
                Signal::Terminate if watch.flushes_on_sigterm => {
                    // What is not written by then was said or counted where it happened.
                    let _ = installed.flush(DROP_TIMEOUT);
                    signals::end_by_termination();
                }
                // Asked for once, and not any more.
                Signal::Hangup | Signal::User1 => {}
                Signal::Terminate => signals::end_by_termination(),
            }
        }
        if let Some(every) = watch.every
            && Instant::now() >= next_look
        {
            if file.has_changed(&installed) {
                reload(&installed, "its change");
            }
            next_look = Instant::now() + every;
        }
    }
}

/// The config's file, as it was looked at.
#[derive(Default)]
struct WatchedFile {
    /// As the logging has it, whether it took it or refused it; `None` before the first change.
    read: Option<Stamp>,
    /// As it was at the last look.
    seen: Option<Stamp>,
}

impl WatchedFile {
    /// Whether it is another one than was read, and has been for one look: whoever writes it has finished.
    fn has_changed(&mut self, installed: &Guarded) -> bool {
        let now = installed.stamp();
        let before = std::mem::replace(&mut self.seen, now);
        let read = self.read.or_else(|| installed.origin.as_ref()?.stamp());
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
    pub(crate) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let at = fs::metadata(path).ok()?;
        Some(Self {
            file: (at.dev(), at.ino()),
            bytes: at.size(),
            modified: (at.mtime(), at.mtime_nsec()),
            changed: (at.ctime(), at.ctime_nsec()),
        })
    }
}

fn reload(installed: &Guarded, reason: &str) {
    match installed.reload() {
        Ok(()) => say(installed, Level::INFO, &format!("the config was read again, because of {reason}")),
        Err(error) => {
            let said = format!("the config was read again, because of {reason}, and is refused: {error}");
            say(installed, Level::ERROR, &said);
        }
    }
}

fn say(installed: &Guarded, level: Level, message: &str) {
    installed.tree.log("logtree", level, &message, &[], Location::caller());
}
