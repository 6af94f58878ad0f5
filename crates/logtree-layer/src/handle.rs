//! The tree that a layer uses, and how it is changed while the program runs.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use logtree_core::{Level, Tree, side};
use logtree_os::{ForkLock, ForkLockGuard, ForkReset};
use tracing_core::{Dispatch, LevelFilter};

use crate::callsite::KnownCallsite;
use crate::leaving::AllLeaving;
use crate::verdicts::Verdicts;
use crate::{Mode, scratch};

/// The tree of a layer, to be swapped for another while the program runs.
#[derive(Clone, Debug)]
pub struct TreeHandle(Arc<Current>);

/// The tree in use.
#[derive(Debug)]
struct Current {
    tree: ArcSwap<Tree>,
    /// The tree's, read without the price of holding on to a tree; 0, which is no tree's, while it is swapped, and for good
    /// in a child that is forked just then.
    generation: AtomicU32,
    /// Whether the tree has records made of spans, so that one that has not pays for no more than the question.
    has_span_events: AtomicBool,
    /// Whether the records of the `log` crate come here, whose own threshold then follows the tree.
    #[cfg(feature = "log")]
    takes_log_records: AtomicBool,
    verdicts: Verdicts,
    /// Held to change them.
    changing: ForkLock<Former>,
    leaving: ForkLock<AllLeaving>,
}

/// The trees of before that may still be in use.
#[derive(Debug, Default)]
struct Former(Vec<Weak<Tree>>);

/// A child has none of the threads that use them.
impl ForkReset for Former {
    fn after_fork(&mut self) {
        self.0.clear();
    }

    fn torn() -> Self {
        Self::default()
    }
}

impl TreeHandle {
    pub(crate) fn new(tree: Arc<Tree>, mode: Mode) -> Self {
        let generation = AtomicU32::new(tree.generation());
        let has_span_events = AtomicBool::new(tree.has_span_events());
        Self(Arc::new(Current {
            tree: ArcSwap::new(tree),
            generation,
            has_span_events,
            #[cfg(feature = "log")]
            takes_log_records: AtomicBool::new(false),
            verdicts: Verdicts::new(mode),
            changing: ForkLock::default(),
            leaving: ForkLock::default(),
        }))
    }

    /// The tree in use.
    pub fn tree(&self) -> Arc<Tree> {
        self.0.tree.load_full()
    }

    /// The same for the time of a record, at the price of no counter that threads share.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Tree>> {
        self.0.tree.load()
    }

    /// The number of the tree in use; 0 while that is being changed.
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Whether it has records made of spans.
    #[inline]
    pub(crate) fn has_span_events(&self) -> bool {
        self.0.has_span_events.load(Ordering::Relaxed)
    }

    /// Uses another tree from now on and answers with the old one: [`update`](Self::update) whatever is there.
    pub fn swap(&self, tree: Arc<Tree>) -> Arc<Tree> {
        match self.update(|_| Ok::<_, Infallible>(tree)) {
            Ok(old) => old,
        }
    }

    /// Uses what `change` makes of the tree in use from now on, and answers with that one. Callsites are asked again what
    /// they are worth. Changes wait for one another, so that none is lost: `change` must not ask for one.
    ///
    /// The old tree is the caller's to drop: dropping it closes files, which must not happen under a lock of `tracing`.
    /// Other threads may still be handling records in it: see [`wait_for_former`](Self::wait_for_former).
    ///
    /// # Errors
    /// Those of `change`; then the tree in use stays.
    pub fn update<E>(&self, change: impl FnOnce(&Tree) -> Result<Arc<Tree>, E>) -> Result<Arc<Tree>, E> {
        let subscriber = self.0.verdicts.subscriber();
        let changing = self.0.changing.lock();
        let tree = change(&self.0.tree.load())?;
        Ok(self.replace(tree, changing, subscriber.as_ref()))
    }

    /// What [`update`](Self::update) does once the tree is made, compiled once for all who make one.
    fn replace(
        &self,
        tree: Arc<Tree>,
        mut changing: ForkLockGuard<'_, Former>,
        subscriber: Option<&Dispatch>,
    ) -> Arc<Tree> {
        let generation = tree.generation();
        self.0.generation.store(0, Ordering::Release);
        self.0.has_span_events.store(tree.has_span_events(), Ordering::Relaxed);
        let old = self.0.tree.swap(tree);
        self.0.generation.store(generation, Ordering::Release);
        changing.0.retain(|former| former.strong_count() > 0);
        changing.0.push(Arc::downgrade(&old));
        #[cfg(feature = "log")]
        self.set_level_of_log();
        // Under the lock: else, of two changes at once, what the earlier one found could be what callsites are left with.
        self.0.verdicts.ask_all(subscriber);
        drop(changing);
        old
    }

    /// [Flushes](Tree::flush) the tree in use, and those that [leave](crate::Leaving).
    pub fn flush(&self, deadline: Instant) -> bool {
        AllLeaving::flush(&self.0.leaving, &self.tree(), deadline)
    }

    pub(crate) fn leaving(&self) -> &ForkLock<AllLeaving> {
        &self.0.leaving
    }

    /// What `tracing` is told of callsites.
    pub(crate) fn verdicts(&self) -> &Verdicts {
        &self.0.verdicts
    }

    /// The callsite was asked about and refused.
    #[inline]
    pub(crate) fn refused(&self, known: &KnownCallsite) {
        if self.0.verdicts.is_to_be_settled(known) {
            self.settle();
        }
    }

    /// Has callsites that nobody wants switched off, unless there is a change, which does.
    #[cold]
    fn settle(&self) {
        let subscriber = self.0.verdicts.subscriber();
        if let Some(_changing) = self.0.changing.try_lock() {
            self.0.verdicts.ask_all(subscriber.as_ref());
        }
    }

    /// Has `tracing` ask all callsites once more.
    pub fn ask_callsites(&self) {
        let subscriber = self.0.verdicts.subscriber();
        let _changing = self.0.changing.lock();
        self.0.verdicts.ask_all(subscriber.as_ref());
    }

    /// Waits until nobody uses a tree of before, until `deadline` at the latest; answers whether that is so. Then no record is
    /// on its way any more to handlers that the tree in use does not have. The caller must have dropped such trees; a handler
    /// that asks while it handles a record would wait for itself, or behind a queue for who flushes and waits for it, and is told
    /// at once that it is not so.
    pub fn wait_for_former(&self, deadline: Instant) -> bool {
        // A record is handled within microseconds, or it waits for something.
        const TURN: Duration = Duration::from_micros(200);
        if scratch::is_handling() || side::is_listener() {
            return false;
        }
        while self.0.changing.lock().0.iter().any(|former| former.strong_count() > 0) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(TURN);
        }
        true
    }

    /// Has `log`'s own threshold follow the tree from now on.
    #[cfg(feature = "log")]
    pub(crate) fn take_log_records(&self) {
        let _changing = self.0.changing.lock();
        self.0.takes_log_records.store(true, Ordering::Relaxed);
        self.set_level_of_log();
    }

    #[cfg(feature = "log")]
    fn set_level_of_log(&self) {
        if self.0.takes_log_records.load(Ordering::Relaxed) {
            log::set_max_level(tracing_log::AsLog::as_log(&hint(self.0.tree.load().lowest_wanted())));
        }
    }

    /// Records that were dropped because a handler logged while records that had waited were being handled.
    pub fn dropped_inside_handlers(&self) -> u64 {
        scratch::dropped()
    }
}

/// The least verbose of `tracing`'s levels that still lets `lowest` through. An event of level ERROR may carry any
/// level above in the field `logtree.level`.
pub(crate) fn hint(lowest: Option<Level>) -> LevelFilter {
    match lowest {
        None => LevelFilter::OFF,
        Some(level) if level <= Level::TRACE => LevelFilter::TRACE,
        Some(level) if level <= Level::DEBUG => LevelFilter::DEBUG,
        Some(level) if level <= Level::INFO => LevelFilter::INFO,
        Some(level) if level <= Level::WARNING => LevelFilter::WARN,
        Some(_) => LevelFilter::ERROR,
    }
}
