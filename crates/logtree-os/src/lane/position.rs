//! A place in a lane, in one word.

use crate::layout::{UNIT_BYTES, UNIT_START};

const OFFSET_BITS: u32 = 12;
const GRAIN: u32 = 8;

const _: () = assert!(UNIT_BYTES / GRAIN < 1 << OFFSET_BITS);

/// A place between two records: `sequence << 32 | unit << 12 | offset / 8`.
///
/// Carrying the count of records in the same word, one store publishes both, and the two can never disagree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    /// 0: no unit yet.
    pub(crate) unit: u32,
    /// From the unit's start, a multiple of 8.
    pub(crate) offset: u32,
    /// How many records lie before this place, modulo 2³².
    pub(crate) sequence: u32,
}

impl Position {
    /// What a fresh lane's words say.
    pub(crate) const NONE: Self = Self { unit: 0, offset: 0, sequence: 0 };

    /// The place of a chain's first record.
    pub(crate) fn start_of(unit: u32) -> Self {
        Self { unit, offset: UNIT_START, sequence: 0 }
    }

    #[inline]
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.sequence) << 32 | u64::from((self.unit << OFFSET_BITS) | (self.offset / GRAIN))
    }

    #[inline]
    pub(crate) fn unpack(word: u64) -> Self {
        let place = word as u32;
        Self {
            unit: place >> OFFSET_BITS,
            offset: (place & ((1 << OFFSET_BITS) - 1)) * GRAIN,
            sequence: (word >> 32) as u32,
        }
    }

    /// How many records lie between `earlier` and this place; `None` if it lies before.
    pub(crate) fn records_since(self, earlier: Self) -> Option<u32> {
        let records = self.sequence.wrapping_sub(earlier.sequence);
        (records <= u32::MAX / 2).then_some(records)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_largest_values_survive_packing() {
        let far = Position { unit: (1 << 20) - 1, offset: UNIT_BYTES, sequence: u32::MAX };
        assert_eq!(Position::unpack(far.pack()), far);
        assert_eq!(Position::unpack(0), Position::NONE);
    }

    #[test]
    fn counting_goes_on_over_the_wrap() {
        let at = |sequence| Position { sequence, ..Position::NONE };
        assert_eq!(at(3).records_since(at(u32::MAX)), Some(4));
        assert_eq!(at(u32::MAX).records_since(at(3)), None);
    }
}
