//! Records that are made by the listener itself, or by a handler that it runs.
//!
//! They must not enter the queue that their thread drains: a full lane would wait for its own reader. They wait in a
//! short list of the thread, which the listener empties in each round, straight into its handlers.

use std::cell::{Cell, RefCell};

use logtree_core::codec::Encoded;
use logtree_core::{Callsite, Origin, Record};

/// How many records may wait.
const KEPT_MAX: usize = 1024;

/// A record with all that it needs, since what it borrowed ends with the logging call.
pub(crate) struct Kept {
    pub(crate) callsite: Callsite,
    pub(crate) origin: Origin,
    pub(crate) bytes: Vec<u8>,
}

thread_local! {
    /// The queue that this thread listens to.
    static LISTENING: Cell<Option<u32>> = const { Cell::new(None) };
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// From now on the calling thread listens to the queue of this number.
pub(crate) fn begin_listening(queue: u32) {
    LISTENING.set(Some(queue));
}

/// The calling thread listens no more.
pub(crate) fn end_listening() {
    LISTENING.set(None);
}

/// Whether the calling thread listens to the queue of this number.
#[inline]
pub(crate) fn is_listening(queue: u32) -> bool {
    LISTENING.try_with(Cell::get).is_ok_and(|listening| listening == Some(queue))
}

/// Keeps a record for the listener's next round.
#[cold]
pub(crate) fn keep(record: &Record<'_>) {
    let bytes = Encoded::new(record, 0).slices().concat();
    let kept = Kept { callsite: record.callsite.clone(), origin: record.origin.clone(), bytes };
    let has_room = KEPT.try_with(|all| match all.try_borrow_mut() {
        Ok(mut all) if all.len() < KEPT_MAX => {
            all.push(kept);
            true
        }
        _ => false,
    });
    if has_room != Ok(true) {
        let _ = DROPPED.try_with(|dropped| dropped.set(dropped.get() + 1));
    }
}

/// What was kept since the last call.
pub(crate) fn take() -> Vec<Kept> {
    KEPT.try_with(RefCell::take).unwrap_or_default()
}

/// How many were not kept since the last call.
pub(crate) fn take_dropped() -> u64 {
    DROPPED.try_with(Cell::take).unwrap_or_default()
}
