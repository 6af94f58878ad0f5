//! What stands in a queue, and who is waiting for what.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Instant;

use logtree_core::{HeldRecords, Level, QueueLimits, Record};
use logtree_os::ForkReset;

use super::waiter::Waiter;

/// What came of a record.
pub(super) enum Put {
    /// It is in the queue.
    Done,
    /// There is no room for it.
    Full,
    /// There is no thread to be had: it is to be handled where it was made.
    Direct,
}

/// What stands in the queue.
#[derive(Debug)]
pub(super) enum Waiting {
    Records(HeldRecords),
    /// Files are to be rolled.
    Roll,
}

impl Waiting {
    /// A piece that takes one more record.
    fn open(&mut self) -> Option<&mut HeldRecords> {
        match self {
            Self::Records(piece) if piece.size_bytes() < PIECE_BYTES => Some(piece),
            Self::Records(_) | Self::Roll => None,
        }
    }
}

/// How many bytes records of this level may take in all.
pub(super) fn most_bytes(limits: &QueueLimits, level: Level) -> usize {
    let reserved = if limits.is_urgent(level) { 0 } else { limits.capacity_bytes / 8 };
    limits.capacity_bytes - reserved
}

/// Records wait in pieces of about this size, so that what is handled is free again while more waits.
const PIECE_BYTES: usize = 128 << 10;
/// So many empty pieces are kept for what will come.
const KEPT_PIECES: usize = 4;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The last one is filled, the first one is taken.
    waiting: VecDeque<Waiting>,
    spare: Vec<HeldRecords>,
    waiting_records: usize,
    waiting_bytes: usize,
    /// How many records the listener has taken out and not begun to handle. It counts them down while others log: who looks
    /// at each record waits for its processor.
    pub(super) records_in_hand: Arc<AtomicUsize>,
    /// How many bytes it has taken out, until it has handled them all.
    bytes_in_hand: usize,
    put: u64,
    /// How many of them are handled.
    pub(super) handled: Arc<AtomicU64>,
    listener: Option<Thread>,
    rest: Rest,
    is_stopping: bool,
    waiters: Vec<Arc<Waiter>>,
    /// Since when there is no room; it ends when the listener takes records out. That one finds room in the reserve ends it not.
    outage: Option<Instant>,
    pub(super) drops: Drops,
    /// How many drops were said.
    said: u64,
    /// When a thread could not be had.
    pub(super) no_thread: Option<Instant>,
}

/// What the listener is doing when it is not handling records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    /// It will look by itself.
    #[default]
    None,
    /// It will look soon, and need not be woken but where room is short.
    Nap,
    /// It waits to be woken.
    Sleep,
}

/// Records that were dropped and not said yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drops {
    pub(super) full: u64,
    pub(super) too_large: u64,
    /// Made by handlers on the listener's own thread, too many at once.
    pub(super) own: u64,
}

impl Drops {
    pub(super) fn total(&self) -> u64 {
        self.full + self.too_large + self.own
    }
}

/// A child begins with nothing: what the parent has queued, the parent's thread handles.
impl ForkReset for State {
    fn after_fork(&mut self) {
        *self = Self::default();
    }

    fn torn() -> Self {
        Self::default()
    }
}

impl State {
    pub(super) fn has_listener(&self) -> bool {
        self.listener.is_some()
    }

    /// Whether a record of this level and of so many bytes fits.
    pub(super) fn has_room(&self, limits: &QueueLimits, level: Level, bytes: usize) -> bool {
        self.has_place(limits, level) && bytes <= self.free_bytes(limits, level)
    }

    /// Whether one more record may wait, as their number goes. Like Python's, the one being handled waits no more.
    fn has_place(&self, limits: &QueueLimits, level: Level) -> bool {
        let reserved = if limits.is_urgent(level) { 0 } else { limits.maxsize / 8 };
        let records = || self.waiting_records + self.records_in_hand.load(Ordering::Relaxed);
        limits.maxsize == 0 || records() < (limits.maxsize - reserved) as usize
    }

    fn free_bytes(&self, limits: &QueueLimits, level: Level) -> usize {
        most_bytes(limits, level).saturating_sub(self.waiting_bytes + self.bytes_in_hand)
    }

    /// Takes a record in, if there is room.
    #[inline]
    pub(super) fn push(&mut self, limits: &QueueLimits, record: &Record<'_>) -> bool {
        let free_bytes = self.free_bytes(limits, record.level);
        if !self.has_place(limits, record.level) {
            return false;
        }
        if self.waiting.back_mut().and_then(Waiting::open).is_none() {
            self.waiting.push_back(Waiting::Records(self.spare.pop().unwrap_or_default()));
        }
        let Some(piece) = self.waiting.back_mut().and_then(Waiting::open) else { return false };
        let before = piece.size_bytes();
        if !piece.push_within(record, free_bytes) {
            return false;
        }
        self.waiting_bytes += piece.size_bytes() - before;
        self.waiting_records += 1;
        self.put += 1;
        true
    }

    /// Takes in that files are to be rolled.
    pub(super) fn push_roll(&mut self) {
        self.waiting.push_back(Waiting::Roll);
        self.put += 1;
    }

    /// The listener, if it has to be woken for what was put in.
    #[inline]
    pub(super) fn whom_to_wake(&mut self, limits: &QueueLimits) -> Option<Thread> {
        let is_crowded = || {
            2 * self.waiting_bytes >= limits.capacity_bytes
                || (limits.maxsize != 0 && 2 * self.waiting_records >= limits.maxsize as usize)
        };
        match self.rest {
            Rest::None => return None,
            Rest::Nap if !is_crowded() => return None,
            Rest::Nap | Rest::Sleep => {}
        }
        self.wake()
    }

    fn wake(&mut self) -> Option<Thread> {
        self.rest = Rest::None;
        self.listener.clone()
    }

    /// Notes who waits for the listener to get on, and answers with whom to wake.
    pub(super) fn wait_with(&mut self, waiter: &Arc<Waiter>) -> Option<Thread> {
        if !self.waiters.iter().any(|known| Arc::ptr_eq(known, waiter)) {
            self.waiters.push(Arc::clone(waiter));
        }
        self.wake()
    }

    /// Whether somebody waits who wants drops to be said now.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_stopping || !self.waiters.is_empty()
    }

    pub(super) fn take_waiters(&mut self) -> Vec<Arc<Waiter>> {
        std::mem::take(&mut self.waiters)
    }

    /// When the queue was first found full, of this time.
    pub(super) fn outage_began(&mut self) -> Instant {
        *self.outage.get_or_insert_with(Instant::now)
    }

    /// How many records were dropped so far, whether said or not.
    pub(super) fn dropped(&self) -> u64 {
        self.said + self.drops.total()
    }

    /// These drops were said, and so many more that handlers had made of what was said before.
    pub(super) fn said(&mut self, drops: &Drops, own: u64) {
        self.said += drops.total() + own;
        self.drops.full -= drops.full;
        self.drops.too_large -= drops.too_large;
        self.drops.own -= drops.own;
    }

    pub(super) fn put_so_far(&self) -> u64 {
        self.put
    }

    /// From now on there is a thread, which will look by itself.
    pub(super) fn begin(&mut self, listener: Thread) {
        self.listener = Some(listener);
        self.rest = Rest::None;
        self.is_stopping = false;
    }

    /// Keeps the memory of a piece that was handled, unless there is enough.
    pub(super) fn give_back(&mut self, handled: HeldRecords) {
        self.bytes_in_hand = 0;
        if self.spare.len() < KEPT_PIECES {
            self.spare.push(handled);
        }
    }

    /// Takes what has waited longest.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        self.rest = Rest::None;
        let next = self.waiting.pop_front()?;
        self.outage = None;
        if let Waiting::Records(piece) = &next {
            self.waiting_records -= piece.len();
            self.waiting_bytes -= piece.size_bytes();
            self.records_in_hand.store(piece.len(), Ordering::Relaxed);
            self.bytes_in_hand = piece.size_bytes();
        }
        Some(next)
    }

    /// Notes how the thread is about to rest; `false` if there is something to do.
    pub(super) fn rest(&mut self, rest: Rest) -> bool {
        let may_rest = self.waiting.is_empty() && !self.is_stopping;
        if may_rest {
            self.rest = rest;
        }
        may_rest
    }

    /// Asks the thread to end once the queue is empty.
    pub(super) fn stop(&mut self) {
        if let Some(thread) = self.listener.as_ref() {
            self.is_stopping = true;
            self.rest = Rest::None;
            thread.unpark();
        }
    }

    /// Whether the thread is to end now; then there is none from now on.
    pub(super) fn end(&mut self) -> bool {
        let is_over = self.is_stopping && self.waiting.is_empty();
        if is_over {
            self.listener = None;
            self.is_stopping = false;
        }
        is_over
    }
}
