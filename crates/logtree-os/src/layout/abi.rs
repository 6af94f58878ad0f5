//! How programs know that they mean the same by a segment's bytes.

use std::mem::offset_of;

use super::{Header, LANES, LaneCell, PROCESS_SLOTS, ProcessSlot, SegmentHead, TEXT_BYTES, UNIT_BYTES, UNITS};

/// The bytes "logtree\0", in this machine's order: a segment never travels to another.
pub(crate) const MAGIC: u64 = u64::from_ne_bytes(*b"logtree\0");

/// Raised when the meaning of a word changes without its place, or what the bytes in the lanes mean: the layout of records
/// (`codec::VERSION` in logtree-core) and what their flags ask for.
const ABI_VERSION: u64 = 7;

/// One number for everything two programs must agree on before they share a segment.
pub(crate) const ABI: u64 = {
    let facts = [
        ABI_VERSION,
        PROCESS_SLOTS as u64,
        LANES as u64,
        UNITS as u64,
        UNIT_BYTES as u64,
        TEXT_BYTES as u64,
        size_of::<Header>() as u64,
        size_of::<ProcessSlot>() as u64,
        size_of::<LaneCell>() as u64,
        offset_of!(SegmentHead, processes) as u64,
        offset_of!(SegmentHead, lanes) as u64,
        offset_of!(SegmentHead, unit_owners) as u64,
        offset_of!(Header, listener) as u64,
        offset_of!(Header, words) as u64,
        offset_of!(Header, transaction) as u64,
        offset_of!(LaneCell, consumer) as u64,
    ];
    // FNV-1a over the facts, http://www.isthe.com/chongo/tech/comp/fnv/.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < facts.len() {
        hash = (hash ^ facts[at]).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
};
