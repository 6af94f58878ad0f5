//! What anybody may know about a lane.

use super::{LaneOwner, Position};
use crate::index::{LaneIndex, SlotIndex};
use crate::segment::Segment;
use crate::sync::{AtomicU64, Ordering};

/// Where a lane stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LaneState {
    /// Nobody's.
    Free = 0,
    /// A living thread's, as far as the lane knows.
    Claimed = 1,
    /// Its thread has ended; what it holds is to be read still.
    Detached = 2,
    /// Its bytes made no sense; nobody reads it any more.
    Retired = 3,
    /// The listener is freeing its units.
    Reclaiming = 4,
}

impl LaneState {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Free,
            1 => Self::Claimed,
            2 => Self::Detached,
            3 => Self::Retired,
            4 => Self::Reclaiming,
            _ => return None,
        })
    }
}

/// Why a record was not queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropReason {
    /// The lane holds its capacity already.
    Full = 0,
    /// The record would never fit, nor into a [spill file](crate::MAX_SPILLED_BYTES).
    TooLarge = 1,
    /// The file system has no memory for another unit, or the segment no place.
    NoMemory = 2,
    /// The lane was retired as unreadable.
    Retired = 3,
}

/// Dropped records by reason, and records that were cut to fit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DropCounts([u64; 5]);

/// The place of the last count.
pub(crate) const CUT: usize = 4;

impl DropCounts {
    /// How many were dropped for this reason.
    #[must_use]
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many were dropped in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0[..CUT].iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// How many were put in with less text than they had: see [`LaneProducer::count_cut`](crate::LaneProducer::count_cut).
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.0[CUT]
    }

    /// Whether nothing was dropped and nothing cut.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|reason| self.0[reason].saturating_sub(earlier.0[reason])))
    }

    fn load(counters: &[AtomicU64; 5]) -> Self {
        Self(std::array::from_fn(|reason| counters[reason].load(Ordering::Acquire)))
    }
}

/// A lane at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneView {
    /// Which lane.
    pub lane: LaneIndex,
    /// Where it stands in its life.
    pub state: LaneState,
    /// The process it belongs, or last belonged, to.
    pub process: SlotIndex,
    /// How often it was claimed.
    pub generation: u32,
    /// Records published since it was claimed, modulo 2³².
    pub published: u32,
    /// Records of those that have reached their handlers, modulo 2³².
    pub consumed: u32,
    /// Records dropped since it was claimed.
    pub drops: DropCounts,
    /// How many of those the log has told of: see [`Told`](crate::Told).
    pub reported: DropCounts,
}

impl LaneView {
    /// Records that wait for the listener.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.published.wrapping_sub(self.consumed)
    }
}

/// Everything that a lane held at one moment; see [`Segment::is_consumed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneTicket {
    pub(super) lane: LaneIndex,
    pub(super) generation: u32,
    pub(super) published: u32,
}

impl Segment {
    /// Every lane that was ever claimed.
    pub fn lanes(&self) -> impl Iterator<Item = LaneView> + '_ {
        let count = self.head().header.life.lanes_high.load(Ordering::Acquire);
        LaneIndex::first(count as usize).filter_map(|lane| self.lane_view(lane))
    }

    /// One lane; `None` if its words make no sense.
    #[must_use]
    pub fn lane_view(&self, lane: LaneIndex) -> Option<LaneView> {
        let cell = self.lane(lane);
        let owner = LaneOwner::unpack(cell.consumer.owner.load(Ordering::Acquire))?;
        // Head before tail: so the head never seems to be the farther one.
        let head = Position::unpack(cell.consumer.head.load(Ordering::Acquire));
        let tail = Position::unpack(cell.producer.tail.load(Ordering::Acquire));
        Some(LaneView {
            lane,
            state: owner.state,
            process: owner.slot,
            generation: owner.generation,
            published: tail.sequence,
            consumed: head.sequence,
            drops: DropCounts::load(&cell.producer.drops),
            reported: DropCounts::load(&cell.consumer.reported),
        })
    }

    /// What the lanes of one process hold now: a flush waits until all of it [is consumed](Segment::is_consumed).
    #[must_use]
    pub fn tickets(&self, process: SlotIndex) -> Vec<LaneTicket> {
        self.lanes()
            .filter(|lane| lane.process == process && matches!(lane.state, LaneState::Claimed | LaneState::Detached))
            .map(|lane| LaneTicket { lane: lane.lane, generation: lane.generation, published: lane.published })
            .collect()
    }

    /// Whether all that a ticket stands for has reached its handlers, or never will.
    #[must_use]
    pub fn is_consumed(&self, ticket: &LaneTicket) -> bool {
        self.lane_view(ticket.lane).is_none_or(|lane| {
            let alive = matches!(lane.state, LaneState::Claimed | LaneState::Detached);
            let ahead = ticket.published.wrapping_sub(lane.consumed);
            lane.generation != ticket.generation || !alive || ahead == 0 || ahead > u32::MAX / 2
        })
    }
}
