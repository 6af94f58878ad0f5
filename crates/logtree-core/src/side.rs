//! Records that are made by a queue's listener itself, or by a handler that it runs.
//!
//! They must not enter the queue that their thread drains: a full one would wait for its own reader. They wait in a short
//! list of the thread, which the listener empties in each round, straight into its handlers. What these say to that is
//! dropped and counted: a handler that logs at each record would never come to an end.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{HeldRecords, Record};

/// How many records may wait.
const KEPT_MAX: usize = 1024;

thread_local! {
    /// The queue that this thread listens to.
    static LISTENING: Cell<Option<u32>> = const { Cell::new(None) };
    static KEPT: RefCell<Option<HeldRecords>> = const { RefCell::new(None) };
    /// What is being handled was made on this thread.
    static HANDLING_OWN: Cell<bool> = const { Cell::new(false) };
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// A number that tells a queue from all others of this process.
pub fn next_queue_number() -> u32 {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// From now on the calling thread listens to the queue of this number.
pub fn begin_listening(queue: u32) {
    LISTENING.set(Some(queue));
}

/// The calling thread listens no more.
pub fn end_listening() {
    LISTENING.set(None);
}

/// Whether the calling thread listens to the queue of this number.
#[inline]
pub fn is_listening(queue: u32) -> bool {
    LISTENING.try_with(Cell::get).is_ok_and(|listening| listening == Some(queue))
}

/// Whether the calling thread listens to any queue.
pub fn is_listener() -> bool {
    LISTENING.try_with(Cell::get).is_ok_and(|listening| listening.is_some())
}

/// What the calling thread is to its queue, for another one that does something in its place.
#[derive(Debug)]
pub struct StandIn {
    listening: Option<u32>,
    is_own: bool,
}

/// What a thread has kept that stood in for a listener's.
#[derive(Debug)]
pub struct Kept {
    records: Option<HeldRecords>,
    dropped: u64,
}

/// What it takes to stand in for the calling thread.
pub fn stand_in() -> StandIn {
    let is_own = HANDLING_OWN.try_with(Cell::get) != Ok(false);
    StandIn { listening: LISTENING.try_with(Cell::get).ok().flatten(), is_own }
}

impl StandIn {
    /// Does something on the calling thread, which ends with it, as if on the other one.
    pub fn run(self, act: impl FnOnce()) -> Kept {
        LISTENING.set(self.listening);
        HANDLING_OWN.set(self.is_own);
        act();
        Kept { records: KEPT.take(), dropped: DROPPED.take() }
    }
}

impl Kept {
    /// Keeps here what was kept there.
    pub fn keep_here(&self) {
        if let Some(records) = &self.records {
            records.for_each(keep);
        }
        count_dropped(self.dropped);
    }
}

/// Records of the calling thread were dropped.
pub fn count_dropped(records: u64) {
    let _ = DROPPED.try_with(|dropped| dropped.set(dropped.get() + records));
}

/// Keeps a record for the listener's next round.
#[cold]
pub fn keep(record: &Record<'_>) {
    let is_own = HANDLING_OWN.try_with(Cell::get) != Ok(false);
    let has_room = KEPT.try_with(|kept| match kept.try_borrow_mut() {
        Ok(mut kept) if !is_own && kept.as_ref().is_none_or(|kept| kept.len() < KEPT_MAX) => {
            kept.get_or_insert_default().push(record);
            true
        }
        _ => false,
    });
    if has_room != Ok(true) {
        count_dropped(1);
    }
}

/// Lends what was kept since the last call; answers how many records that were.
pub fn handle_kept(use_it: impl FnMut(&Record<'_>)) -> usize {
    let Some(kept) = KEPT.try_with(RefCell::take).ok().flatten() else { return 0 };
    handle_own(|| kept.for_each(use_it));
    kept.len()
}

/// Has something handled that the listener itself has made.
pub fn handle_own(handle: impl FnOnce()) {
    let _ = HANDLING_OWN.try_with(|handling| handling.set(true));
    handle();
    let _ = HANDLING_OWN.try_with(|handling| handling.set(false));
}

/// How many were not kept since the last call.
pub fn take_dropped() -> u64 {
    DROPPED.try_with(Cell::take).unwrap_or_default()
}
