//! Sleeping and waking.
//!
//! The listener says AWAKE, NAPPING or SLEEPING in one word. A producer publishes, then looks at it; the listener says that
//! it sleeps, then looks for records once more. Each side does its store before its look, and one of the two looks must
//! see the other's store. That takes a full barrier on both sides, and the listener, who sleeps rarely, pays for both:
//! membarrier(2) makes every producer pass one. Where that is missing, producers fence.
//!
//! A napping listener is woken by a lane that fills up only: its nap is short, and sleeping through a burst's first records
//! is what makes it read many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::lane::Published;
use crate::segment::Segment;
use crate::sync::{self, AtomicU32, Ordering, fence};

const AWAKE: u32 = 0;
const NAPPING: u32 = 1;
const SLEEPING: u32 = 2;

/// The part of a robust futex word that holds its owner's thread, `FUTEX_TID_MASK` in linux/futex.h.
const OWNER_MASK: u32 = 0x3fff_ffff;

/// How a listener sleeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sleep {
    /// Until a lane is filling up, or somebody wants a flush.
    Nap,
    /// Until any record comes.
    Deep,
}

/// What the listener sleeps with. One thread's; the seat's holder has the only one.
#[derive(Debug)]
pub struct Sleeper {
    segment: Arc<Segment>,
    /// How many flushes were asked for when this last looked.
    flushes_seen: u32,
}

impl Sleeper {
    /// For the holder of the seat.
    #[must_use]
    pub fn new(segment: &Arc<Segment>) -> Self {
        Self { segment: Arc::clone(segment), flushes_seen: 0 }
    }

    /// Sleeps at most `timeout`, not at all if `look` finds something to do or a flush was asked for. `look` runs after
    /// the producers can see that this listener sleeps: what they publish later wakes it.
    pub fn sleep(&self, how: Sleep, timeout: Duration, look: impl FnOnce() -> bool) {
        let line = &self.segment.head().header.listener;
        let state = match how {
            Sleep::Nap => NAPPING,
            Sleep::Deep => SLEEPING,
        };
        line.state.store(state, Ordering::SeqCst);
        kill_point!("sleep: announced");
        fence(Ordering::SeqCst);
        // A nap needs no barrier: what a producer's late look misses waits for the nap's end, no longer.
        if how == Sleep::Deep && !sync::heavy_barrier() {
            // From now on the producers fence. Those that have not seen this yet are why every sleep is timed.
            line.fences.store(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
        if !self.flush_waits() && !look() {
            sync::futex_wait(&line.state, state, timeout);
        }
        self.segment.stay_awake();
    }

    /// Whether somebody has asked for a flush since this last said yes.
    pub fn take_flush_request(&mut self) -> bool {
        let requests = self.segment.head().header.listener.flush_requests.load(Ordering::SeqCst);
        let asked = requests != self.flushes_seen;
        self.flushes_seen = requests;
        asked
    }

    /// Says, with the next [progress](Self::announce_progress), that what was asked for by then is done.
    pub fn flushed(&self) {
        self.segment.head().header.progress.flushed.store(self.flushes_seen, Ordering::Release);
    }

    fn flush_waits(&self) -> bool {
        let requests = &self.segment.head().header.listener.flush_requests;
        requests.load(Ordering::SeqCst) != self.flushes_seen
    }

    /// Tells all who wait for it that heads were published, and when this listener was at work.
    pub fn announce_progress(&self, now_ns: u64) {
        let line = &self.segment.head().header.progress;
        line.heartbeat_ns.store(now_ns, Ordering::Relaxed);
        line.progress.fetch_add(1, Ordering::Release);
        kill_point!("progress: counted");
        fence(Ordering::SeqCst);
        if line.wanted.load(Ordering::Relaxed) != 0 {
            line.wanted.store(0, Ordering::Relaxed);
            sync::futex_wake(&line.progress);
        }
    }
}

impl Segment {
    /// The producer's look at the listener, after each record.
    #[inline]
    pub(crate) fn after_publishing(&self) -> Published {
        let line = &self.head().header.listener;
        sync::light_barrier();
        if line.fences.load(Ordering::Relaxed) != 0 {
            fence(Ordering::SeqCst);
        }
        if line.state.load(Ordering::Relaxed) == SLEEPING {
            return self.wake_from_sleep();
        }
        if self.is_vacant() { Published::Vacant } else { Published::Quietly }
    }

    #[cold]
    fn wake_from_sleep(&self) -> Published {
        wake(&self.head().header.listener.state, SLEEPING);
        if self.is_vacant() { Published::Vacant } else { Published::Slowly }
    }

    /// Whether nobody holds the listener's seat.
    #[inline]
    fn is_vacant(&self) -> bool {
        self.seat().load(std::sync::atomic::Ordering::Relaxed) & OWNER_MASK == 0
    }

    /// A lane is filling up.
    pub(crate) fn wake_from_nap(&self) {
        wake(&self.head().header.listener.state, NAPPING);
    }

    pub(crate) fn stay_awake(&self) {
        self.head().header.listener.state.store(AWAKE, Ordering::SeqCst);
    }

    /// Asks the listener to write everything now, and answers with the request's number; [`Segment::wait_for_progress`] waits for
    /// it.
    pub fn request_flush(&self) -> u32 {
        let line = &self.head().header.listener;
        let number = line.flush_requests.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        fence(Ordering::SeqCst);
        wake(&line.state, SLEEPING);
        wake(&line.state, NAPPING);
        number
    }

    /// Whether the listener has written everything since the request of that number.
    #[must_use]
    pub fn is_flushed(&self, number: u32) -> bool {
        // Requests are counted around the end of the numbers.
        self.head().header.progress.flushed.load(Ordering::Acquire).wrapping_sub(number) <= u32::MAX / 2
    }

    /// Waits until `is_done`, which is asked again whenever the listener has made progress; `false` after `timeout`.
    pub fn wait_for_progress(&self, timeout: Duration, mut is_done: impl FnMut() -> bool) -> bool {
        let line = &self.head().header.progress;
        let deadline = Instant::now().checked_add(timeout);
        loop {
            line.wanted.store(1, Ordering::Relaxed);
            // Either the listener sees that somebody waits, or the progress that it made is seen here.
            fence(Ordering::SeqCst);
            let seen = line.progress.load(Ordering::Acquire);
            if is_done() {
                return true;
            }
            // A timeout that ends beyond all clocks is as good as a very long one, taken in turns.
            let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            sync::futex_wait(&line.progress, seen, left);
        }
    }

    /// Whether the listener sleeps, and how; `None` while it is awake.
    #[must_use]
    pub fn listener_sleep(&self) -> Option<Sleep> {
        match self.head().header.listener.state.load(Ordering::SeqCst) {
            NAPPING => Some(Sleep::Nap),
            SLEEPING => Some(Sleep::Deep),
            _ => None,
        }
    }

    /// When the listener last announced progress, as it said.
    #[must_use]
    pub fn heartbeat_ns(&self) -> u64 {
        self.head().header.progress.heartbeat_ns.load(Ordering::Relaxed)
    }
}

/// Wakes the listener if it is in `state`; of many at once, one does.
#[cold]
fn wake(word: &AtomicU32, state: u32) {
    if word.compare_exchange(state, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        kill_point!("wake: due");
        sync::futex_wake(word);
    }
}
