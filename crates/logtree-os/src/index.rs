//! Numbers that are in range by construction.

use crate::layout::{LANES, PROCESS_SLOTS};

/// A lane of a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneIndex(u16);

impl LaneIndex {
    /// How many lanes a segment has.
    pub const COUNT: usize = LANES;

    /// The lane with this number, if a segment has so many.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        (number < LANES).then_some(Self(number as u16))
    }

    /// Its number, below [`LaneIndex::COUNT`].
    #[inline]
    #[must_use]
    pub fn number(self) -> usize {
        self.0.into()
    }

    /// The first `count` lanes.
    pub(crate) fn first(count: usize) -> impl Iterator<Item = Self> {
        (0..count.min(LANES)).map(|number| Self(number as u16))
    }
}

/// A slot of a segment's process table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotIndex(u16);

impl SlotIndex {
    /// How many processes can be attached at once.
    pub const COUNT: usize = PROCESS_SLOTS;

    /// The slot with this number, if a segment has so many.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        (number < PROCESS_SLOTS).then_some(Self(number as u16))
    }

    /// Its number, below [`SlotIndex::COUNT`].
    #[inline]
    #[must_use]
    pub fn number(self) -> usize {
        self.0.into()
    }

    /// All slots.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..PROCESS_SLOTS).map(|number| Self(number as u16))
    }
}
