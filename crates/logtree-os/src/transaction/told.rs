//! What the log has told of drops, and what the caller counts: it travels in a transaction, so that it stands there once when what
//! it is about does.

use super::PUBLISHED_BYTES;
use crate::attach::{ProcessState, ProcessView};
use crate::index::{LaneIndex, SlotIndex};
use crate::lane::{CUT, DropReason, LaneState, LaneView};
use crate::segment::Segment;
use crate::sync::Ordering;

/// A counter of what the log has told, and its value once a transaction is done. It can be set any number of times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    counter: Counter,
    value: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Counter {
    /// The lane's drops of one reason, or those records of it that were cut.
    Lane { lane: LaneIndex, generation: u32, reason: u8 },
    /// The records of a process that found no lane.
    NoLane { slot: SlotIndex, generation: u32 },
    /// A word of the caller's.
    Word(u16),
}

// How they are packed: `generation << 32 | kind << 16 | number`. Each reason of a lane is a kind of its own.
const NO_LANE: u8 = CUT as u8 + 1;
const WORD: u8 = NO_LANE + 1;

impl Told {
    /// All drops of a lane for this reason that were there when it was looked at.
    #[must_use]
    pub fn dropped(lane: &LaneView, reason: DropReason) -> Self {
        Self::of_lane(lane, reason as u8, lane.drops.of(reason))
    }

    /// All records of a lane that had been cut when it was looked at.
    #[must_use]
    pub fn cut(lane: &LaneView) -> Self {
        Self::of_lane(lane, CUT as u8, lane.drops.cut())
    }

    /// All records of a process that had found no lane when it was looked at.
    #[must_use]
    pub fn no_lane(process: &ProcessView) -> Self {
        let counter = Counter::NoLane { slot: process.slot, generation: process.generation };
        Self { counter, value: process.drops_no_lane }
    }

    /// One of the [words](Segment::word) that mean something to the caller alone.
    #[must_use]
    pub fn word(number: usize, value: u64) -> Self {
        Self { counter: Counter::Word(u16::try_from(number).unwrap_or(u16::MAX)), value }
    }

    fn of_lane(lane: &LaneView, reason: u8, value: u64) -> Self {
        Self { counter: Counter::Lane { lane: lane.lane, generation: lane.generation, reason }, value }
    }

    pub(super) fn pack(&self) -> [u8; PUBLISHED_BYTES] {
        let (generation, kind, number) = match self.counter {
            Counter::Lane { lane, generation, reason } => (generation, reason, lane.number()),
            Counter::NoLane { slot, generation } => (generation, NO_LANE, slot.number()),
            Counter::Word(number) => (0, WORD, number.into()),
        };
        let which = u64::from(generation) << 32 | u64::from(kind) << 16 | number as u64;
        let mut bytes = [0; PUBLISHED_BYTES];
        bytes[..8].copy_from_slice(&which.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.value.to_ne_bytes());
        bytes
    }

    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        let (which, value) = bytes.split_first_chunk::<8>()?;
        let which = u64::from_ne_bytes(*which);
        let (generation, number) = ((which >> 32) as u32, which as u16);
        let counter = match u8::try_from(which as u32 >> 16).ok()? {
            reason if reason < NO_LANE => Counter::Lane { lane: LaneIndex::new(number.into())?, generation, reason },
            NO_LANE => Counter::NoLane { slot: SlotIndex::new(number.into())?, generation },
            WORD => Counter::Word(number),
            _ => return None,
        };
        Some(Self { counter, value: u64::from_ne_bytes(*value.first_chunk()?) })
    }
}

impl Segment {
    /// Remembers, for this listener and its successors, what the log has told; unless the lane or the slot is another one's
    /// by now.
    pub fn remember_told(&self, told: &Told) {
        let word = match told.counter {
            Counter::Lane { lane, generation, reason } => {
                let is_same = |view: LaneView| {
                    view.generation == generation && !matches!(view.state, LaneState::Free | LaneState::Reclaiming)
                };
                let reported = self.lane(lane).consumer.reported.get(usize::from(reason));
                reported.filter(|_| self.lane_view(lane).is_some_and(is_same))
            }
            Counter::NoLane { slot, generation } => {
                let is_same = |view: ProcessView| {
                    view.generation == generation && !matches!(view.state, ProcessState::Free | ProcessState::Clearing)
                };
                self.process_view(slot).is_some_and(is_same).then(|| &self.slot(slot).reported_no_lane)
            }
            Counter::Word(number) => self.head().header.words.words.get(usize::from(number)),
        };
        if let Some(word) = word {
            word.store(told.value, Ordering::Release);
        }
        kill_point!("drops: told");
    }
}
