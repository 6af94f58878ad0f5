//! What `tracing` is told of callsites, where nothing stands beside the layer.
//!
//! `never` switches a callsite off until all are asked again. So it must not be said by who may have looked at a tree that is
//! being swapped for another: a thread that meets a callsite for the first time tells `tracing` what it found at some time
//! after it did, and what a change has told meanwhile would be lost for good. It says `sometimes`, and `tracing` asks at each
//! event; who has all callsites asked again while nothing can change says `never`: each change does, and who sees that it was
//! asked often.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use once_cell::race::OnceBox;
use tracing_core::Dispatch;
use tracing_core::callsite::rebuild_interest_cache;
use tracing_core::dispatcher::{self, WeakDispatch};
use tracing_core::subscriber::Interest;

use crate::callsite::KnownCallsite;
use crate::{Mode, TreeLayer};

#[derive(Debug)]
pub(crate) struct Verdicts {
    mode: Mode,
    /// The subscriber that the layer was put into.
    subscriber: OnceBox<WeakDispatch>,
    /// How often a callsite that was told `sometimes` was refused, since all were asked.
    refusals: AtomicU32,
    /// Whether nothing is wanted before all are asked.
    is_waiting: AtomicBool,
}

/// Fewer refusals are not worth asking all callsites again.
const FEW_REFUSALS: u32 = 16;

thread_local! {
    /// The address of the verdicts that the thread has all callsites asked for, while nothing can change them; or 0.
    static ASKED_FOR: Cell<usize> = const { Cell::new(0) };
}

impl Verdicts {
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, subscriber: OnceBox::new(), refusals: AtomicU32::new(0), is_waiting: AtomicBool::new(false) }
    }

    /// Nothing is wanted until all callsites are asked.
    pub(crate) fn wait(&self) {
        self.is_waiting.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::SeqCst)
    }

    /// The layer was put into that subscriber.
    pub(crate) fn subscribed(&self, subscriber: &Dispatch) {
        // Of several the first will do: that there is more than one `tracing` knows.
        let _ = self.subscriber.set(Box::new(subscriber.downgrade()));
    }

    /// That subscriber, if it is still there. Who changes a tree takes hold of it before, and lets go of it afterwards: nothing
    /// of it may end under a lock.
    pub(crate) fn subscriber(&self) -> Option<Dispatch> {
        self.subscriber.get().and_then(WeakDispatch::upgrade)
    }

    /// The verdict on a callsite that the tree of now does not want.
    pub(crate) fn of_refused(&self, known: &KnownCallsite) -> Interest {
        let is_final = ASKED_FOR.try_with(Cell::get) == Ok(self.address());
        known.is_unsettled.store(!is_final, Ordering::Relaxed);
        if is_final { Interest::never() } else { Interest::sometimes() }
    }

    /// The callsite was asked about and refused; whether it is time to ask all again. That costs as much as refusing each one
    /// once, and so it is when they were refused that often.
    pub(crate) fn is_to_be_settled(&self, known: &KnownCallsite) -> bool {
        known.is_unsettled.load(Ordering::Relaxed)
            && self.refusals.fetch_add(1, Ordering::Relaxed) >= KnownCallsite::count().max(FEW_REFUSALS)
    }

    /// Has `tracing` ask what all callsites are worth by now. The caller holds the lock of changes; `subscriber` is the layer's.
    pub(crate) fn ask_all(&self, subscriber: Option<&Dispatch>) {
        if self.mode == Mode::Shared {
            // Every callsite is on whatever the tree, for the sake of the others.
            return;
        }
        self.refusals.store(0, Ordering::Relaxed);
        self.is_waiting.store(false, Ordering::SeqCst);
        // In a process that has made one subscriber only, `tracing` asks the one that the calling thread has at the moment. That
        // may be none: by `Dispatch::none`, within an event, or where a subscriber is another thread's alone. All would be off.
        let is_own = |layer: &TreeLayer| std::ptr::eq(layer.verdicts(), self);
        let is_asked = |current: &Dispatch| current.downcast_ref().is_some_and(is_own);
        let (Some(subscriber), false) = (subscriber, dispatcher::get_default(is_asked)) else {
            return self.ask_all_here();
        };
        let ask = || dispatcher::with_default(subscriber, || self.ask_all_here());
        std::thread::scope(|scope| {
            if std::thread::Builder::new().spawn_scoped(scope, ask).is_err() {
                ask();
            }
        });
    }

    fn ask_all_here(&self) {
        let outer = ASKED_FOR.try_with(|asked_for| asked_for.replace(self.address()));
        rebuild_interest_cache();
        let _ = ASKED_FOR.try_with(|asked_for| asked_for.set(outer.unwrap_or_default()));
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
