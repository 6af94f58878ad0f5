//! What is installed or stands beside others, and the guard that flushes it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use logtree_core::Level;
use logtree_layer::TreeHandle;
use logtree_os::{ForkGeneration, ForkLock, ForkLockGuard, ForkReset, later};
use once_cell::race::OnceBox;

use crate::config::Config;
use crate::error::Error;
use crate::logger;
use crate::reload::{self, FileOrigin};
use crate::stats::Stats;

/// How long a guard that is dropped waits for what was logged to be written.
pub(crate) const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of the process waits after a guard has waited in vain: whoever holds it up is likely to do so for ever.
pub(crate) const LAST_TIMEOUT: Duration = Duration::from_secs(1);

/// A guard that was dropped has waited in vain.
static WAITED_IN_VAIN: AtomicBool = AtomicBool::new(false);

/// What the program has installed, and which process did; a child of `fork` has it too.
static INSTALLED: OnceBox<(ForkGeneration, Arc<Guarded>)> = OnceBox::new();

/// Held by whoever makes logging. `()` is not torn by a fork.
static STARTING: ForkLock<()> = ForkLock::new(());

/// The layers that stand beside others, as long as they do.
static LAYERS: ForkLock<Layers> = ForkLock::new(Layers(Vec::new()));

struct Layers(Vec<Weak<Guarded>>);

/// A child has them too.
impl ForkReset for Layers {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(Vec::new())
    }
}

/// What a guard is of.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) tree: TreeHandle,
    /// The file that the logging was read from, if it was.
    pub(crate) origin: Option<FileOrigin>,
}

impl Guarded {
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.tree.flush(later(Instant::now(), timeout))
    }

    pub(crate) fn reload(&self) -> Result<(), Error> {
        self.origin.as_ref().ok_or_else(Error::not_of_a_file)?.reload(&self.tree)
    }

    pub(crate) fn reopen(&self) {
        self.tree.tree().handlers().iter().for_each(|entry| entry.reopen());
    }

    pub(crate) fn roll(&self) {
        self.tree.tree().outlets().roll();
    }
}

/// Whether this process may install.
pub(crate) enum Install {
    New(Starting),
    Inherited(Guard),
}

/// The right to make logging, which nobody else in the process has meanwhile.
pub(crate) struct Starting(#[allow(dead_code, reason = "held")] ForkLockGuard<'static, ()>);

pub(crate) fn begin_install() -> Result<Install, Error> {
    let starting = begin();
    match INSTALLED.get() {
        None => Ok(Install::New(starting)),
        Some((generation, guarded)) if *generation != ForkGeneration::current() => {
            Ok(Install::Inherited(Guard(Arc::clone(guarded))))
        }
        Some(_) => Err(Error::already_installed()),
    }
}

pub(crate) fn begin() -> Starting {
    Starting(STARTING.lock())
}

/// What is installed, in this process or the one it was forked from.
pub(crate) fn installed() -> Option<&'static Arc<Guarded>> {
    INSTALLED.get().map(|(_, guarded)| guarded)
}

/// What is installed, and all layers that there are.
pub(crate) fn all() -> Vec<Arc<Guarded>> {
    let layers: Vec<_> = LAYERS.lock().0.iter().filter_map(Weak::upgrade).collect();
    installed().cloned().into_iter().chain(layers).collect()
}

/// Flushes all that there is, in the time of a guard that is dropped.
pub(crate) fn flush_all() {
    let deadline = deadline();
    for guarded in all() {
        // What is not written by then was said or counted where it happened.
        let _ = guarded.tree.flush(deadline);
    }
}

/// Flushes as a guard that is dropped.
pub(crate) fn flush_in_time(guarded: &Guarded) {
    let deadline = deadline();
    if !guarded.tree.flush(deadline) && Instant::now() >= deadline {
        WAITED_IN_VAIN.store(true, Ordering::Relaxed);
    }
}

fn deadline() -> Instant {
    Instant::now() + if WAITED_IN_VAIN.load(Ordering::Relaxed) { LAST_TIMEOUT } else { DROP_TIMEOUT }
}

/// Flushes where no guard does: that of a program which calls `std::process::exit` is never dropped.
fn flush_at_exit() {
    flush_all();
    logtree_handlers::end_compressing();
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    logtree_prefork::leave();
}

impl Starting {
    /// What was made is what the program has installed.
    pub(crate) fn installed(self, tree: TreeHandle, origin: Option<FileOrigin>) -> Guard {
        let guarded = Arc::new(Guarded { tree, origin });
        // Nobody else has had the right to.
        let _ = INSTALLED.set(Box::new((ForkGeneration::current(), Arc::clone(&guarded))));
        made(&guarded);
        Guard(guarded)
    }

    /// What was made stands beside others.
    pub(crate) fn layered(self, guarded: &Arc<Guarded>) {
        let mut layers = LAYERS.lock();
        layers.0.retain(|layer| layer.strong_count() > 0);
        layers.0.push(Arc::downgrade(guarded));
        drop(layers);
        made(guarded);
    }
}

fn made(guarded: &Guarded) {
    // It may have been called since the tree was built.
    logger::set_disabled(&guarded.tree);
    logtree_os::at_exit(flush_at_exit);
}

/// Holds the program's logging, or that of [a layer](crate::TreeLayer::guard): dropping it flushes, and leaves logging as it is.
/// So does the end of the process by `std::process::exit`, where no guard is dropped. It waits for 5 s at most, and where that was
/// in vain, as with a handler that never returns, the end of the process waits for another one.
///
/// In a child of `fork` it flushes what the child itself has logged. What changes the logging changes it for this process
/// alone, and for those that it forks from then on. What stands behind a `multiprocessing.Queue` [`reload`](Self::reload) and
/// [`apply`](Self::apply) change for all its processes: the listener goes on with the newest config that one of them has
/// brought.
///
/// ```no_run
/// use logtree::Level;
///
/// let guard = logtree::from_file("logging.json")?.install()?;
/// guard.set_level("my_app.db", Level::DEBUG); // at once, for every callsite
/// guard.apply(logtree::from_file("quieter.json")?)?; // on top of it, by Python's rules
/// guard.reload()?; // logging.json again, and nothing else
/// # Ok::<(), logtree::Error>(())
/// ```
#[must_use = "dropped at once it flushes at once, and not at the end of the program"]
pub struct Guard(pub(crate) Arc<Guarded>);

impl Guard {
    /// Waits until everything that this process has logged so far is where it belongs, `timeout` at most; answers
    /// whether it is.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }

    /// Applies a config on top of what stands, by the rules of Python's second `logging.config.dictConfig`, whole or not at
    /// all. While it does, no record is lost or waits.
    ///
    /// - A logger that the config names has its handlers and no others; level and `propagate` stay as they were where the
    ///   config does not say; filters are added to those that it has; it is enabled.
    /// - A logger that it does not name is disabled, unless the config says `"disable_existing_loggers": false`: then it is
    ///   enabled. Its handlers stay with it, closed: a file is opened again by the next record.
    /// - A logger that it does not name, but that is below one that it names, loses level, handlers and its
    ///   `propagate: false`, and stays disabled if it was.
    /// - The root stays as it was if there is no `root`.
    /// - The handlers of before are closed, once the records that other threads are handling are done, and named no more.
    /// - With `"incremental": true` only levels, of handlers too, and `propagate` change.
    ///   (`DIFFERENCE`: levels of handlers behind a `multiprocessing.Queue` stay, as its listener builds them from a whole config,
    ///   and so does the next listener. Such a config changes them.)
    ///
    /// A logger is there once a config or [`get_logger`](crate::get_logger) has named it, or its level was set.
    /// (`DIFFERENCE`: an event's target alone makes none, or whether a callsite was reached before would decide whether
    /// those beside it are disabled. What no one has named goes on as a logger does that Python makes after the config.)
    ///
    /// # Errors
    /// If a handler will not open or start, or an incremental config names one that is not there.
    pub fn apply(&self, config: Config) -> Result<(), Error> {
        reload::apply(config, &self.0.tree)
    }

    /// Reads the config's file again and makes what it says the logging, as if in a fresh process: of what was applied or
    /// set since, nothing stays but [`disable`](crate::disable). Whole or not at all; no record is lost or waits.
    ///
    /// Where the new config writes a file of the old one, records in flight may reach it by either; `mode: w` empties it,
    /// but behind a `multiprocessing.Queue` only once in the queue's life.
    ///
    /// A span that was opened while nothing in the config read spans was switched off, and is in no record after a reload to one
    /// that does: long-lived spans want a format that reads spans from the beginning, such as `%(spans)s` or JSON.
    ///
    /// # Errors
    /// If the logging was not [read from a file](crate::from_file), or as [`from_file`](crate::from_file) and
    /// [`Config::install`]. Then the logging stays as it is.
    pub fn reload(&self) -> Result<(), Error> {
        self.0.reload()
    }

    /// Sets the level of the logger called `name`, in dots or colons (Python's `setLevel`); [`Level::NOTSET`] has it ask its
    /// parent. It holds at once, also for callsites that were switched off.
    pub fn set_level(&self, name: &str, level: Level) {
        reload::set_level(&self.0.tree, name, level);
    }

    /// Has each handler let go of its files and open them anew at its next record, as after they were moved away.
    ///
    /// Behind a `multiprocessing.Queue` the listener does so, for all processes that share it: what this thread has logged before
    /// is in the file that was moved, what it logs later in the new one. A queue that is full takes no such wish.
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Has each handler that rolls begin its file anew, though that is not due (Python's `doRollover`), unless nothing stands
    /// in it. What this thread has logged before stays in the old one, what it logs later goes to the new one, behind a
    /// queue too: there it is done when its turn comes, which [`flush`](Self::flush) waits for.
    ///
    /// Of many processes that write the same files one is to call it. What cannot be rolled is counted and reported as an
    /// error of its handler.
    ///
    /// A program that begins a new file with each start:
    ///
    /// ```no_run
    /// # fn main() -> Result<(), logtree::Error> {
    /// let guard = logtree::from_file("logging.yaml")?.install()?;
    /// guard.roll();
    /// # Ok(())
    /// # }
    /// ```
    pub fn roll(&self) {
        self.0.roll();
    }

    /// What can be said of the logging of this process.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.0.tree)
    }

    /// How many records handlers of this process could not handle because of an error.
    pub fn errors(&self) -> u64 {
        self.stats().handlers.iter().map(|handler| handler.errors).sum()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        flush_in_time(&self.0);
    }
}
