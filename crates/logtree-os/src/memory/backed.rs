//! What one process knows of the memory behind units.
//!
//! The listener takes memory away from units that are nobody's, [`crate::shrink`]. Before it gives such a unit free
//! again it raises a shared count, and a process that finds this count changed knows nothing any more: it asks the
//! kernel for each unit that it takes, once. Nothing that another process writes is believed but that something has
//! changed; and as long as no memory was ever taken away, nothing is asked at all.

use crate::layout::UNITS;
use crate::sync::{AtomicU64, Ordering};

const WORD_BITS: usize = u64::BITS as usize;

/// Units that had memory behind them when this process asked, and have it until the shared count is raised.
pub(crate) struct Backed {
    /// The shared count by which `units` goes; 0 only as long as that was 0 whenever this process looked.
    punches: AtomicU64,
    /// One bit a unit.
    units: Box<[AtomicU64]>,
}

impl Backed {
    pub(crate) fn new() -> Self {
        let units = (0..UNITS.div_ceil(WORD_BITS)).map(|_| AtomicU64::default()).collect();
        Self { punches: AtomicU64::default(), units }
    }

    /// Whether a unit is known to have memory, while the shared count stands at `punches`.
    #[inline]
    pub(crate) fn knows(&self, unit: u32, punches: u64) -> bool {
        // Acquire: with the count, the bits are seen that were cleared for it.
        let known = self.punches.load(Ordering::Acquire);
        let word = self.units.get(unit as usize / WORD_BITS);
        known == punches
            && (known == 0
                || word.is_some_and(|word| word.load(Ordering::Relaxed) >> (unit as usize % WORD_BITS) & 1 == 1))
    }

    /// Remembers that a unit in the caller's hands has memory; `punches` is the shared count as it was before that was
    /// asked for.
    pub(crate) fn note(&self, unit: u32, punches: u64) {
        // A count that went back to 0 was written by nobody who means well, and is no reason to trust anything.
        let punches = punches.max(1);
        if self.punches.load(Ordering::Acquire) != punches {
            // A bit that another thread sets meanwhile may be lost, which costs a question more. One that survives is that
            // of a unit in its hands, and so still true.
            self.units.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            // Release: whoever sees the count sees the bits cleared. In the other order it would believe what was true before
            // the count was raised.
            self.punches.store(punches, Ordering::Release);
        }
        if let Some(word) = self.units.get(unit as usize / WORD_BITS) {
            word.fetch_or(1 << (unit as usize % WORD_BITS), Ordering::Relaxed);
        }
    }
}
