//! A segment that grew in a burst becomes small again.
//!
//! ```text
//! free ─► punching ─► count raised ─► hole in the file ─► free
//!         └─ killed in here, its successor frees the unit: with memory or without, nobody need know ─┘
//! ```
//!
//! The count says to every process that it no longer knows which units have [memory](crate::memory). It is raised while the
//! units are in the listener's hands, and before the first hole: whoever takes one of them afterwards has seen it.

use std::fmt;
use std::sync::Arc;

use crate::layout::HEAD_UNITS;
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

/// So many free units keep their memory, so that a small burst asks nobody; there may be as many more before any is taken.
const RESERVE_UNITS: usize = if cfg!(any(loom, logtree_kill_points)) { 0 } else { 16 };
/// So many units are out of reach for producers at a time.
const AT_ONCE: usize = 64;
/// So many lose their memory in one look, so that no record waits long: 64 MiB take some milliseconds.
const IN_ONE_LOOK: usize = 4096;

/// Gives memory back that a burst needed. Only the holder of the [seat](Segment::seat) has one.
///
/// ```
/// use logtree_os::{Segment, SegmentOptions, Shrinker};
///
/// # let directory = std::env::temp_dir().join(format!("logtree-doc-shrink-{}", std::process::id()));
/// let segment = Segment::create(&directory, "queue", &SegmentOptions::default())?;
/// let mut shrinker = Shrinker::new(&segment);
/// // Every few seconds:
/// shrinker.look();
/// # segment.unlink()?;
/// # std::fs::remove_dir(&directory)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Shrinker {
    segment: Arc<Segment>,
    /// What the last look met, by unit.
    seen: Vec<Seen>,
}

/// A unit as a look met it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It belonged to somebody, or was not there yet.
    InUse,
    /// It was free, with this owner word: that changes whenever the unit is given back.
    Free(u32),
    /// The same, and its memory was taken away.
    Hole(u32),
}

impl Shrinker {
    /// Begins to look.
    #[must_use]
    pub fn new(segment: &Arc<Segment>) -> Self {
        Self { segment: Arc::clone(segment), seen: Vec::new() }
    }

    /// Takes the memory of units away that nobody has used since the last look, but for a small reserve. To be called every
    /// few seconds; what a burst needed that comes more often than that stays.
    pub fn look(&mut self) {
        let mut idle = self.idle_units();
        let above_reserve = idle.len().saturating_sub(2 * RESERVE_UNITS);
        if above_reserve == 0 || !self.segment.memory().can_punch() {
            return;
        }
        // The lowest keep theirs: they are the first to be used again.
        idle.drain(..RESERVE_UNITS);
        for some in idle[..idle.len().min(IN_ONE_LOOK)].chunks(AT_ONCE) {
            self.punch(some);
        }
    }

    /// Free units that were so at the last look too, and not used in between.
    fn idle_units(&mut self) -> Vec<u32> {
        let units = self.segment.units();
        let known = self.segment.memory().units_by_now();
        self.seen.resize(known as usize, Seen::InUse);
        let mut idle = Vec::new();
        for (unit, seen) in (0..known).zip(&mut self.seen).skip(HEAD_UNITS as usize) {
            match units.free_word(unit) {
                Some(word) if *seen == Seen::Hole(word) => {}
                Some(word) if *seen == Seen::Free(word) => idle.push(unit),
                Some(word) => *seen = Seen::Free(word),
                None => *seen = Seen::InUse,
            }
        }
        idle
    }

    fn punch(&mut self, idle: &[u32]) {
        let segment = Arc::clone(&self.segment);
        let units = segment.units();
        let taken: Vec<u32> = idle.iter().copied().filter(|&unit| units.take(unit, Tag::PUNCHING)).collect();
        kill_point!("shrink: units taken");
        // That the count is seen by whoever takes one of the units is seen to by the Release with which they are freed.
        segment.head().header.life.punches.fetch_add(1, Ordering::Relaxed);
        kill_point!("shrink: announced");
        for run in taken.chunk_by(|before, after| before + 1 == *after) {
            segment.memory().punch(run[0], run.len() as u32);
            kill_point!("shrink: memory taken");
            for &unit in run {
                if let Some(word) = units.free(unit, units.owner(unit)) {
                    self.seen[unit as usize] = Seen::Hole(word);
                }
                kill_point!("shrink: unit freed");
            }
            // A producer that found none free meanwhile is to try again.
            segment.head().header.progress.releases.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Shrinker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shrinker").field("units", &self.seen.len()).finish_non_exhaustive()
    }
}
