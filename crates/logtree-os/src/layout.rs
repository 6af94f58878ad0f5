//! What stands where in a segment.
//!
//! ```text
//! ┌────────┬───────┬───────────┬───────┬─────────────┬──────┬──────┬─ ─
//! │ header │ texts │ processes │ lanes │ unit owners │ unit │ unit │      (the file grows here)
//! └────────┴───────┴───────────┴───────┴─────────────┴──────┴──────┴─ ─
//! ```
//!
//! Every shared word is an atomic of one of these structs, with the one who writes it named beside it. All of them
//! start as zero, as the file does, and every bit pattern is a valid value: whoever reads one judges it.

#[cfg(not(loom))]
mod abi;

#[cfg(not(loom))]
pub(crate) use abi::{ABI, MAGIC};

use crate::sync::{AtomicU8, AtomicU32, AtomicU64, Table};

/// The sizes of a real segment.
#[cfg(not(loom))]
mod sizes {
    pub(crate) const PROCESS_SLOTS: usize = 256;
    pub(crate) const LANES: usize = 2048;
    pub(crate) const UNITS: usize = 1 << 16;
    pub(crate) const UNIT_BYTES: u32 = 16 * 1024;
    pub(crate) const TEXT_BYTES: usize = 16 * 1024 - 8;
    pub(crate) const HEAD_UNITS: u32 = size_of::<super::SegmentHead>().div_ceil(UNIT_BYTES as usize) as u32;
}

/// The sizes of a segment under the model checker: enough to meet, few enough to walk.
#[cfg(loom)]
mod sizes {
    pub(crate) const PROCESS_SLOTS: usize = 2;
    pub(crate) const LANES: usize = 2;
    pub(crate) const UNITS: usize = 5;
    pub(crate) const UNIT_BYTES: u32 = 80;
    pub(crate) const TEXT_BYTES: usize = 1;
    pub(crate) const HEAD_UNITS: u32 = 1;
}

pub(crate) use sizes::*;

/// Where the payload of a unit begins.
pub(crate) const UNIT_START: u32 = size_of_unit_header();
/// What a unit holds.
pub(crate) const UNIT_PAYLOAD: u32 = UNIT_BYTES - UNIT_START;

const fn size_of_unit_header() -> u32 {
    // Not `size_of`: the model checker's atomics are larger than the machine's.
    16
}

/// Everything before the first unit.
#[repr(C)]
pub(crate) struct SegmentHead {
    pub(crate) header: Header,
    pub(crate) texts: [TextArea; 2],
    pub(crate) processes: Table<ProcessSlot, PROCESS_SLOTS>,
    pub(crate) lanes: Table<LaneCell, LANES>,
    /// Who owns each unit: see [`crate::units`].
    pub(crate) unit_owners: Table<AtomicU32, UNITS>,
}

/// What the segment is, and what all its processes share.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) birth: Birth,
    pub(crate) life: Life,
    pub(crate) listener: ListenerLine,
    pub(crate) progress: ProgressLine,
    /// Words that mean something to the caller alone.
    pub(crate) words: CallerWords,
    pub(crate) transaction: TransactionLine,
}

/// Written by the creator before the segment has a name, never again.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct Birth {
    pub(crate) magic: AtomicU64,
    pub(crate) abi: AtomicU64,
    /// 128 random bits.
    pub(crate) id: [AtomicU64; 2],
    /// How much address space every process maps.
    pub(crate) reserve_bytes: AtomicU64,
}

/// Changes rarely.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct Life {
    /// Open, closing or closed: see [`crate::closing`].
    pub(crate) state: AtomicU32,
    /// One more than the highest lane that was ever claimed; only rises.
    pub(crate) lanes_high: AtomicU32,
    /// How many listeners there have been; the listener raises it when it takes over.
    pub(crate) claim_number: AtomicU64,
    /// How often the text was replaced; its last bit says which area holds it.
    pub(crate) text_turn: AtomicU64,
    /// Lanes retired because their bytes made no sense.
    pub(crate) bad_lanes: AtomicU64,
    /// Processes that found no free slot.
    pub(crate) refused_processes: AtomicU64,
    /// How often memory of free units was given back; the listener raises it before: see [`crate::memory`].
    pub(crate) punches: AtomicU64,
}

/// What a producer looks at after each record; nothing that changes while the listener is awake stands here.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct ListenerLine {
    /// The listener's seat, a robust futex word. Not part of the model: the kernel writes it.
    pub(crate) seat: std::sync::atomic::AtomicU32,
    /// Awake, napping or sleeping; the listener sleeps on this word.
    pub(crate) state: AtomicU32,
    /// Not zero once a process could not take part in membarrier(2): then producers fence each record.
    pub(crate) fences: AtomicU32,
    /// Raised by whoever wants everything written now.
    pub(crate) flush_requests: AtomicU32,
}

/// Written by the listener after each batch.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct ProgressLine {
    /// Raised after heads were published; whoever waits for the listener sleeps on this word.
    pub(crate) progress: AtomicU32,
    /// Set by a waiter, taken by the listener, so that no wake-up is paid for when nobody waits.
    pub(crate) wanted: AtomicU32,
    /// The newest [request](ListenerLine::flush_requests) after which all was written, and said.
    pub(crate) flushed: AtomicU32,
    /// When the listener was last seen at work, CLOCK_MONOTONIC.
    pub(crate) heartbeat_ns: AtomicU64,
    /// How many units were given back so far: a starving producer tries again when this moves.
    pub(crate) releases: AtomicU64,
}

/// How many [words](Header::words) there are.
pub(crate) const CALLER_WORDS: usize = 32;

/// See [`Header::words`].
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct CallerWords {
    pub(crate) words: [AtomicU64; CALLER_WORDS],
}

/// What the listener is about to do, in its own words: see [`crate::transaction`].
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct TransactionLine {
    /// The number of the last transaction that was committed.
    pub(crate) committed: AtomicU64,
    /// The number of the last one that was finished: the same, or one less.
    pub(crate) finished: AtomicU64,
    /// How many steps are done: `number << 32 | steps`.
    pub(crate) steps: AtomicU64,
    /// How many bytes were staged.
    pub(crate) bytes: AtomicU64,
    /// Of the bytes, and of the heads and counters behind them.
    pub(crate) checksum: AtomicU64,
    /// How many heads of lanes stand behind the bytes.
    pub(crate) heads: AtomicU32,
    /// How many counters of what the log has told stand behind the heads.
    pub(crate) told: AtomicU32,
    /// Where the chain of units begins.
    pub(crate) first_unit: AtomicU32,
    /// Transactions that were not taken up because their bytes made no sense.
    pub(crate) refused: AtomicU64,
}

/// One of two places for the segment's text; see [`crate::text`].
#[repr(C)]
pub(crate) struct TextArea {
    pub(crate) length: AtomicU32,
    pub(crate) reserved: AtomicU32,
    pub(crate) bytes: [AtomicU8; TEXT_BYTES],
}

/// One process. All words but `owner` are its own until the listener frees the slot.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct ProcessSlot {
    /// State, generation and process number in one word: see [`crate::attach`].
    pub(crate) owner: AtomicU64,
    pub(crate) start_time: AtomicU64,
    pub(crate) namespaces: AtomicU64,
    pub(crate) nonce: AtomicU64,
    /// Where the next definition goes; published with Release.
    pub(crate) definitions: AtomicU64,
    /// Records that found no lane.
    pub(crate) drops_no_lane: AtomicU64,
    /// How many of those the log has told of; the listener's: see [`crate::transaction`].
    pub(crate) reported_no_lane: AtomicU64,
    pub(crate) words: [AtomicU64; 4],
    /// The owner word of the attachment that has a lock which ends with its process. Of another one, or zero: this one has none.
    pub(crate) holds: AtomicU64,
}

/// One thread's lane. Producer and consumer write different pairs of cache lines (the prefetcher fetches pairs).
#[derive(Default)]
#[repr(C)]
pub(crate) struct LaneCell {
    pub(crate) producer: ProducerLine,
    pub(crate) consumer: ConsumerLine,
}

/// Written by the producer.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct ProducerLine {
    /// Up to where records are published: see [`crate::lane::Position`].
    pub(crate) tail: AtomicU64,
    /// Dropped records by [`crate::DropReason`], then those that were cut to fit.
    pub(crate) drops: [AtomicU64; 5],
    /// The place in its chain of the tail's unit, for who looks from outside and must touch no unit.
    pub(crate) ordinal: AtomicU32,
}

/// Written by the consumer, but for `owner`, which changes hands, and `anchor`, which the producer sets first.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct ConsumerLine {
    /// State, process slot and generation: see [`crate::lane`].
    pub(crate) owner: AtomicU64,
    /// Up to where records have reached their handlers.
    pub(crate) head: AtomicU64,
    /// The unit that is being given back, with the owner word it had: a successor finishes what this says.
    pub(crate) returning: AtomicU64,
    /// The oldest unit of the chain that was not given back.
    pub(crate) anchor: AtomicU32,
    /// A unit that was just given back, for the producer to try first.
    pub(crate) spare: AtomicU32,
    /// How many units of the chain lie behind the head.
    pub(crate) passed: AtomicU32,
    /// How many of the producer's `drops` the log has told of.
    pub(crate) reported: [AtomicU64; 5],
}

/// The start of each unit; written by its owner.
#[derive(Default)]
#[repr(C, align(16))]
pub(crate) struct UnitHeader {
    /// The unit after this one, once this one is full.
    pub(crate) next: AtomicU32,
    /// Where the records of this unit end, once it is full.
    pub(crate) end: AtomicU32,
    /// Its place in its chain, counted from 0.
    pub(crate) ordinal: AtomicU32,
    pub(crate) reserved: AtomicU32,
}
