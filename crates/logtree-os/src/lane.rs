//! Lanes: one thread's queue of records to the listener.
//!
//! A lane is a chain of units. The producer writes records one behind the other and publishes them by one Release store
//! of `tail`; the listener copies them out and, once a batch has reached its handlers, publishes `head` and gives the
//! units behind it back. Records never wrap; one that is larger than a unit continues in the next ones.
//!
//! ```text
//!   anchor          head                         tail
//!     ▼              ▼                            ▼
//! ┌─────────┐   ┌─────────┐   ┌─────────┐   ┌─────────┐
//! │ passed  │──►│░░░▓▓▓▓▓▓│──►│▓▓▓▓▓▓▓▓▓│──►│▓▓▓      │
//! └─────────┘   └─────────┘   └─────────┘   └─────────┘
//! ```
//!
//! Who may do what is in the owner word: FREE → CLAIMED by a producer's compare-and-swap; then DETACHED by its thread when
//! it ends, or RETIRED by a listener that cannot read it; then RECLAIMING by the listener while it frees the units; then
//! FREE with the next generation. A listener killed in any of these steps leaves a state from which its successor goes on.

mod frame;
mod head;
mod position;
mod producer;
mod reader;
mod reclaim;
mod spilled;
mod view;

pub(crate) use frame::FrameHeader;
pub use frame::{MAX_RECORD_BYTES, RecordHead};
pub use head::LaneHead;
pub(crate) use position::Position;
pub use producer::{ClaimLaneError, LaneProducer, Published, PushError, Reserve};
pub use reader::{CorruptLane, LaneReader, LaneRecord};
pub(crate) use view::CUT;
pub use view::{DropCounts, DropReason, LaneState, LaneTicket, LaneView};

use crate::index::SlotIndex;

/// The owner word of a lane, taken apart: `state << 56 | slot << 32 | generation`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LaneOwner {
    pub(crate) state: LaneState,
    pub(crate) slot: SlotIndex,
    /// Rises with each claim, so that whoever remembers a lane knows whether it still is the same.
    pub(crate) generation: u32,
}

impl LaneOwner {
    pub(crate) fn pack(self) -> u64 {
        (self.state as u64) << 56 | (self.slot.number() as u64) << 32 | u64::from(self.generation)
    }

    /// `None` for a word that no code of ours writes.
    pub(crate) fn unpack(word: u64) -> Option<Self> {
        Some(Self {
            state: LaneState::from_byte((word >> 56) as u8)?,
            slot: SlotIndex::new((word >> 32) as usize & 0xff_ffff)?,
            generation: word as u32,
        })
    }

    pub(crate) fn with(self, state: LaneState) -> Self {
        Self { state, ..self }
    }
}
