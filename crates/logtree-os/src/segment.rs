//! The segment: one file in memory that processes share.

#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod look;
#[cfg(not(loom))]
mod place;
#[cfg(not(loom))]
mod removed;

#[cfg(not(loom))]
pub use error::SegmentError;
#[cfg(not(loom))]
pub use look::{LaneFill, SegmentLook, SegmentSight};
#[cfg(not(loom))]
pub use place::{SegmentOptions, default_directory};

use std::fmt;
#[cfg(not(loom))]
use std::path::Path;
use std::sync::atomic::AtomicU32;

use crate::index::{LaneIndex, SlotIndex};
use crate::layout::{LaneCell, ProcessSlot, SegmentHead};
use crate::memory::Memory;
use crate::sync::{AtomicU64, Ordering};
use crate::units::Units;

/// 128 random bits that name one segment for good, however often its path is used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SegmentId(pub u128);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Shared memory for the lanes, definitions and process table of one queue.
///
/// It stays mapped as long as anybody in this process holds it, serves children of `fork` as it is, and outlives the
/// processes: what they published is there for the next one that opens it.
///
/// ```
/// use logtree_os::{LaneReader, ProcessIdentity, RecordHead, Reserve, Segment, SegmentOptions};
///
/// # let directory = std::env::temp_dir().join(format!("logtree-doc-{}", std::process::id()));
/// let segment = Segment::create(&directory, "queue", &SegmentOptions::default())?;
/// let process = segment.attach(&ProcessIdentity::current())?;
/// let mut lane = process.claim_lane(16 << 20)?;
/// let _published = lane.push(RecordHead::default(), &[b"one ", b"record"], Reserve::Ordinary)?;
///
/// let mut reader = LaneReader::open(&segment, lane.lane()).unwrap();
/// let mut bytes = Vec::new();
/// reader.read(&mut bytes)?;
/// assert_eq!(bytes, b"one record");
/// reader.publish_head();
/// # segment.unlink()?;
/// # std::fs::remove_dir(&directory)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Segment {
    memory: Memory,
}

impl Segment {
    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    #[inline]
    pub(crate) fn head(&self) -> &SegmentHead {
        self.memory.head()
    }

    #[inline]
    pub(crate) fn lane(&self, lane: LaneIndex) -> &LaneCell {
        &self.head().lanes[lane.number()]
    }

    #[inline]
    pub(crate) fn slot(&self, slot: SlotIndex) -> &ProcessSlot {
        &self.head().processes[slot.number()]
    }

    pub(crate) fn units(&self) -> Units<'_> {
        Units(&self.memory)
    }

    /// The unit chained to this one; 0 if there is none.
    pub(crate) fn next_unit(&self, unit: u32) -> u32 {
        self.memory.unit(unit).map_or(0, |header| header.next.load(Ordering::Relaxed))
    }

    /// The segment's name for good.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        let [high, low] = &self.head().header.birth.id;
        let half = |word: &AtomicU64| u128::from(word.load(Ordering::Relaxed));
        SegmentId(half(high) << 64 | half(low))
    }

    /// Where its file's first byte is mapped.
    #[cfg(fuzzing)]
    #[must_use]
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self.head()).addr()
    }

    /// The listener's seat, a robust futex word: see [`crate::election`].
    #[must_use]
    pub fn seat(&self) -> &AtomicU32 {
        &self.head().header.listener.seat
    }

    /// One of 32 words that mean something to the caller alone; zero in a new segment. `None` from 32 on.
    #[must_use]
    pub fn word(&self, number: usize) -> Option<u64> {
        let word = self.head().header.words.words.get(number)?;
        Some(word.load(Ordering::Acquire))
    }

    /// Sets one of the caller's words; from 32 on nothing happens.
    pub fn set_word(&self, number: usize, value: u64) {
        if let Some(word) = self.head().header.words.words.get(number) {
            word.store(value, Ordering::Release);
        }
    }

    /// How many lanes were [retired](crate::LaneReader::retire) in the segment's life.
    #[must_use]
    pub fn bad_lanes(&self) -> u64 {
        self.head().header.life.bad_lanes.load(Ordering::Relaxed)
    }

    /// How many attempts to attach met a full process table.
    #[must_use]
    pub fn refused_processes(&self) -> u64 {
        self.head().header.life.refused_processes.load(Ordering::Relaxed)
    }

    /// How many bytes of its memory file system the segment takes.
    #[cfg(not(loom))]
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        // Where the file cannot be reached any more, it is no more than this.
        self.memory.file().resident().unwrap_or_else(|| self.size_bytes())
    }

    /// How long the segment's file is. It has holes where memory was [given back](crate::Shrinker).
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        u64::from(self.memory.units_by_now()) * u64::from(crate::layout::UNIT_BYTES)
    }

    /// Where the segment was found or made; it may have been unlinked since.
    #[cfg(not(loom))]
    #[must_use]
    pub fn path(&self) -> &Path {
        self.memory.file().path()
    }

    /// A segment for the model checker.
    #[cfg(loom)]
    #[must_use]
    pub fn model() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { memory: Memory::new() })
    }

    /// The same segment, as another process has it that came at this moment.
    #[cfg(loom)]
    #[must_use]
    pub fn model_elsewhere(&self) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { memory: self.memory.elsewhere() })
    }
}

/// The [seat](Segment::seat), for [`crate::election::Seat`].
impl AsRef<std::sync::atomic::AtomicU32> for Segment {
    fn as_ref(&self) -> &std::sync::atomic::AtomicU32 {
        self.seat()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("id", &self.id()).finish_non_exhaustive()
    }
}
