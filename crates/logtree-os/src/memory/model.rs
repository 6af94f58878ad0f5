//! A segment's bytes under the model checker: each word of a unit is a cell that reports two threads using it at
//! once without an order between them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use loom::cell::UnsafeCell;

use super::backed::Backed;
use crate::layout::{
    HEAD_UNITS, Header, LANES, LaneCell, PROCESS_SLOTS, ProcessSlot, SegmentHead, TextArea, UNIT_BYTES, UNIT_START,
    UNITS, UnitHeader,
};
use crate::sync::{AtomicU8, AtomicU32, Ordering};

const WORD: usize = 8;

/// All units exist from the start: growth is the kernel's, and tested with it.
pub(crate) struct Memory {
    shared: Arc<Shared>,
    /// This process's.
    backed: Backed,
}

struct Shared {
    head: SegmentHead,
    units: Vec<Unit>,
}

struct Unit {
    header: UnitHeader,
    words: Vec<UnsafeCell<[u8; WORD]>>,
    /// The kernel's. To touch it is SIGBUS: the file system is full whenever nobody asks.
    is_hole: AtomicBool,
}

// SAFETY: the cells are reached by `with` and `with_mut` alone, where the checker fails the test on a race.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) fn new() -> Self {
        let text = || TextArea {
            length: AtomicU32::default(),
            reserved: AtomicU32::default(),
            bytes: std::array::from_fn(|_| AtomicU8::default()),
        };
        let head = SegmentHead {
            header: Header::default(),
            texts: [text(), text()],
            processes: (0..PROCESS_SLOTS).map(|_| ProcessSlot::default()).collect(),
            lanes: (0..LANES).map(|_| LaneCell::default()).collect(),
            unit_owners: (0..UNITS).map(|_| AtomicU32::default()).collect(),
        };
        let unit = |_| Unit {
            header: UnitHeader::default(),
            words: (0..UNIT_BYTES as usize / WORD).map(|_| UnsafeCell::new([0; WORD])).collect(),
            is_hole: AtomicBool::new(false),
        };
        let units = (0..UNITS).map(unit).collect();
        Self { shared: Arc::new(Shared { head, units }), backed: Backed::new() }
    }

    /// The same bytes, as another process has them.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), backed: Backed::new() }
    }

    pub(crate) fn head(&self) -> &SegmentHead {
        &self.shared.head
    }

    /// The kernel has no locks here, and so nothing is concluded from them.
    pub(crate) fn hold_for_life(&self, _byte: u64) -> bool {
        false
    }

    pub(crate) fn is_held(&self, _byte: u64) -> bool {
        true
    }

    /// The unit, which is about to be touched.
    fn touched(&self, unit: u32) -> &Unit {
        let unit = &self.shared.units[unit as usize];
        assert!(!unit.is_hole.load(Ordering::SeqCst), "SIGBUS");
        unit
    }

    pub(crate) fn units(&self) -> u32 {
        UNITS as u32
    }

    pub(crate) fn units_by_now(&self) -> u32 {
        self.units()
    }

    pub(crate) fn has_unit(&self, unit: u32) -> bool {
        (HEAD_UNITS..UNITS as u32).contains(&unit)
    }

    pub(crate) fn unit(&self, unit: u32) -> Option<&UnitHeader> {
        self.has_unit(unit).then(|| &self.touched(unit).header)
    }

    fn is_payload(&self, unit: u32, offset: u32, length: usize) -> bool {
        self.has_unit(unit) && (UNIT_START..=UNIT_BYTES).contains(&offset) && length <= (UNIT_BYTES - offset) as usize
    }

    pub(crate) fn write(&self, unit: u32, offset: u32, bytes: &[u8]) -> bool {
        if !self.is_payload(unit, offset, bytes.len()) {
            return false;
        }
        for (at, &byte) in (offset as usize..).zip(bytes) {
            self.touched(unit).words[at / WORD].with_mut(|word| {
                // SAFETY: the checker has just ruled out that anybody else uses this cell.
                unsafe { (*word)[at % WORD] = byte }
            });
        }
        true
    }

    pub(crate) fn read(&self, unit: u32, offset: u32, into: &mut [u8]) -> bool {
        if !self.is_payload(unit, offset, into.len()) {
            return false;
        }
        for (at, byte) in (offset as usize..).zip(into) {
            self.touched(unit).words[at / WORD].with(|word| {
                // SAFETY: the checker has just ruled out that anybody else writes this cell.
                *byte = unsafe { (*word)[at % WORD] };
            });
        }
        true
    }

    pub(crate) fn grow(&self) -> bool {
        false
    }

    pub(crate) fn is_known(&self, unit: u32) -> bool {
        self.backed.knows(unit, self.head().header.life.punches.load(Ordering::Relaxed))
    }

    pub(crate) fn has_memory(&self, unit: u32) -> bool {
        if !self.is_known(unit) {
            let punches = self.head().header.life.punches.load(Ordering::Relaxed);
            self.shared.units[unit as usize].is_hole.store(false, Ordering::SeqCst);
            self.backed.note(unit, punches);
        }
        true
    }

    pub(crate) fn can_punch(&self) -> bool {
        true
    }

    pub(crate) fn punch(&self, first: u32, count: u32) {
        for unit in &self.shared.units[first as usize..][..count as usize] {
            unit.header.next.store(0, Ordering::Relaxed);
            for word in &unit.words {
                word.with_mut(|word| {
                    // SAFETY: the checker has just ruled out that anybody else uses this cell.
                    unsafe { *word = [0; WORD] }
                });
            }
            unit.is_hole.store(true, Ordering::SeqCst);
        }
    }
}
