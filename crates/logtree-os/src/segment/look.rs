//! A segment, looked at from outside: by who takes no part in it.

use std::fmt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::thread::futex::{OWNER_DIED, WAITERS};

use super::{Segment, SegmentError, SegmentId};
use crate::attach::ProcessView;
use crate::closing::SegmentState;
use crate::lane::{LaneState, LaneView, Position};
use crate::layout::{CALLER_WORDS, LaneCell, UNIT_PAYLOAD, UNIT_START};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// A segment that is mapped to be read, and cannot be changed through this: whoever looks disturbs nobody, whatever
/// happens to him.
pub struct SegmentLook(Segment);

impl SegmentLook {
    /// Opens a segment that somebody made, for reading alone.
    ///
    /// # Errors
    /// As [`Segment::open`].
    pub fn open(path: &Path) -> Result<Self, SegmentError> {
        Segment::open_for(path, OFlags::RDONLY).map(Self)
    }

    /// Opens the segment of this id whose name was taken away: see [`Segment::open_removed`].
    #[must_use]
    pub fn open_removed(path: &Path, id: SegmentId) -> Option<Self> {
        let of_segment = |segment: Segment| Some(Self(segment)).filter(|look| look.0.id() == id);
        Segment::find_removed(path, OFlags::RDONLY, of_segment)
    }

    /// The segment's name for good.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        self.0.id()
    }

    /// What there is to see now.
    #[must_use]
    pub fn sight(&self) -> SegmentSight {
        self.0.sight()
    }

    /// Where the segment was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether the path still leads to this segment.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.0.is_linked()
    }
}

impl fmt::Debug for SegmentLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be seen of a segment. Its parts are read one after the other, while all goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SegmentSight {
    /// The segment's name for good.
    pub id: SegmentId,
    /// Whether processes may attach.
    pub state: SegmentState,
    /// How many listeners there have been.
    pub claim_number: u64,
    /// The thread that listens, as it is numbered in its pid namespace; `None` if nobody does.
    pub listener: Option<u32>,
    /// The caller's words: see [`Segment::word`].
    pub words: [u64; CALLER_WORDS],
    /// The text: see [`Segment::text`].
    pub text: Vec<u8>,
    /// Every slot that is not free.
    pub processes: Vec<ProcessView>,
    /// Every lane that is not free.
    pub lanes: Vec<LaneFill>,
    /// Bytes of the memory file system that it takes; what was [given back](crate::Shrinker) does not count.
    pub size_bytes: u64,
    /// Lanes given up because their bytes made no sense.
    pub bad_lanes: u64,
    /// Processes that found no free slot.
    pub refused_processes: u64,
    /// Transactions that were not taken up because their bytes made no sense.
    pub refused_transactions: u64,
}

/// A lane, and how much waits in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LaneFill {
    /// The lane.
    pub lane: LaneView,
    /// Bytes between what has reached its handlers and what was published last.
    pub waiting_bytes: u64,
}

impl Segment {
    /// What can be seen of the segment.
    #[must_use]
    pub fn sight(&self) -> SegmentSight {
        let seat = self.seat().load(Ordering::Relaxed) & !(OWNER_DIED | WAITERS);
        let lanes = self.lanes().filter(|lane| lane.state != LaneState::Free);
        SegmentSight {
            id: self.id(),
            state: self.state(),
            claim_number: self.claim_number(),
            listener: (seat != 0).then_some(seat),
            words: std::array::from_fn(|number| self.word(number).unwrap_or_default()),
            text: self.text().unwrap_or_default(),
            processes: self.processes().collect(),
            lanes: lanes.map(|lane| LaneFill { waiting_bytes: self.waiting_bytes(&lane), lane }).collect(),
            size_bytes: self.resident_bytes(),
            bad_lanes: self.bad_lanes(),
            refused_processes: self.refused_processes(),
            refused_transactions: self.refused_transactions(),
        }
    }

    fn waiting_bytes(&self, lane: &LaneView) -> u64 {
        if lane.waiting() == 0 {
            return 0;
        }
        // No unit is touched: its lane may give it back at any moment, and the listener then its memory.
        let LaneCell { producer, consumer } = self.lane(lane.lane);
        let bytes = |ordinal: &AtomicU32, place: &AtomicU64| {
            let before = u64::from(ordinal.load(Ordering::Acquire)) * u64::from(UNIT_PAYLOAD);
            // A head that was never stored stands where the chain begins.
            before + u64::from(Position::unpack(place.load(Ordering::Acquire)).offset.saturating_sub(UNIT_START))
        };
        let read = bytes(&consumer.passed, &consumer.head);
        bytes(&producer.ordinal, &producer.tail).saturating_sub(read).min(self.size_bytes())
    }
}
