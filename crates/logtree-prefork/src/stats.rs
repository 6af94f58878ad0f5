//! What can be said of the queues of this process.

use std::sync::{Arc, Weak};

use logtree_os::election::is_vacant;
use logtree_os::{ForkLock, ForkReset, LaneState, ProcessState, SegmentId};

use crate::queue::{Joined, Queue};
use crate::recovery;

/// What can be said of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// The name of the `QueueHandler` in the config.
    pub name: String,
    /// The segment's name for good.
    pub segment: SegmentId,
    /// How many listeners there have been; it names the one of now.
    pub claim_number: u64,
    /// Whether somebody listens.
    pub has_listener: bool,
    /// Processes that are attached.
    pub processes: u32,
    /// Lanes that are taken.
    pub lanes: u32,
    /// Records that wait for the listener.
    pub waiting: u64,
    /// Records dropped, by lanes that are taken.
    pub dropped: u64,
    /// Records put in with less text than they had, by lanes that are taken: there was no place for all of it.
    pub cut: u64,
    /// Lanes given up because their bytes made no sense.
    pub bad_lanes: u64,
    /// Transactions of killed listeners that made no sense; their records were handled again.
    pub refused_transactions: u64,
    /// Steps that a killed listener had begun and whose file was replaced, cut or unreadable when they were finished.
    pub disturbed_appends: u64,
    /// Batches written without a transaction, for want of shared memory.
    pub unprotected_batches: u64,
    /// Bytes of shared memory in use.
    pub memory_bytes: u64,
}

/// What can be said of each queue of this process that is in shared memory.
pub fn stats() -> Vec<QueueStats> {
    queues().iter().filter_map(|queue| queue.stats()).collect()
}

/// The queues of this process.
pub(crate) fn queues() -> Vec<Arc<Queue>> {
    QUEUES.lock().0.iter().filter_map(Weak::upgrade).collect()
}

static QUEUES: ForkLock<Queues> = ForkLock::new(Queues(Vec::new()));

struct Queues(Vec<Weak<Queue>>);

impl ForkReset for Queues {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(Vec::new())
    }
}

/// Has a queue that was started counted among those of this process.
pub(crate) fn remember(queue: &Arc<Queue>) {
    let mut queues = QUEUES.lock();
    queues.0.retain(|queue| queue.strong_count() > 0);
    queues.0.push(Arc::downgrade(queue));
}

impl Queue {
    fn stats(&self) -> Option<QueueStats> {
        let Joined::Segment(segment) = self.joined() else { return None };
        let (disturbed_appends, unprotected_batches) = recovery::counts(&segment);
        let mut stats = QueueStats {
            name: self.listener.name.clone(),
            segment: segment.id(),
            claim_number: segment.claim_number(),
            has_listener: !is_vacant(segment.seat()),
            processes: 0,
            lanes: 0,
            waiting: 0,
            dropped: 0,
            cut: 0,
            bad_lanes: segment.bad_lanes(),
            refused_transactions: segment.refused_transactions(),
            disturbed_appends,
            unprotected_batches,
            memory_bytes: segment.size_bytes(),
        };
        for process in segment.processes().filter(|process| process.state == ProcessState::Attached) {
            stats.processes += 1;
            stats.dropped += process.drops_no_lane;
        }
        for lane in segment.lanes().filter(|lane| lane.state != LaneState::Free) {
            stats.lanes += 1;
            stats.waiting += u64::from(lane.waiting());
            stats.dropped += lane.drops.total();
            stats.cut += lane.drops.cut();
        }
        Some(stats)
    }
}
