//! No files under the model checker: no record is ever spilled.

use crate::index::LaneIndex;
use crate::segment::Segment;

/// None.
pub const MAX_SPILLED_BYTES: u64 = 0;

#[derive(Clone, Copy)]
#[allow(dead_code, reason = "nothing is ever written")]
pub(crate) struct SpillName {
    pub(crate) lane: LaneIndex,
    pub(crate) generation: u32,
    pub(crate) sequence: u32,
}

#[derive(PartialEq, Eq)]
#[allow(dead_code, reason = "nothing is ever read")]
pub(crate) enum Spilled {
    Read,
    Lost,
    NotNow,
}

impl Segment {
    pub(crate) fn spill(&self, _: SpillName, _: &[&[u8]], _: u64) -> bool {
        false
    }

    pub(crate) fn read_spill(&self, _: SpillName, _: u64, _: &mut Vec<u8>) -> Spilled {
        Spilled::Lost
    }

    pub(crate) fn remove_spill(&self, _: SpillName) {}
}
