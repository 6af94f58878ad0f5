//! Units: the pieces of a segment that lanes and definitions are made of.
//!
//! One word says who owns a unit: `turn << 12 | tag`, where tag 0 is nobody. Giving back raises the turn, so a listener
//! that takes over can repeat a dead one's give-back without hurting a later owner. A killed process leaves
//! units with its tag, and whoever reclaims its lane or slot frees all of them: there is nothing to repair. A free unit
//! may have no [memory](crate::memory) behind it; whoever takes it asks for some before he touches it.

use crate::index::{LaneIndex, SlotIndex};
use crate::layout::{HEAD_UNITS, LANES, PROCESS_SLOTS, UnitHeader};
use crate::memory::Memory;
use crate::sync::{AtomicU32, Ordering};

const TAG_BITS: u32 = 12;
const TAG_MASK: u32 = (1 << TAG_BITS) - 1;

const _: () = assert!(2 + LANES + PROCESS_SLOTS < TAG_MASK as usize);

/// So many free units are asked in vain for memory, one after the other, before there is said to be none.
const ATTEMPTS: usize = 32;

/// Who a unit belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag(u32);

impl Tag {
    const NOBODY: Self = Self(0);

    /// The listener's, for what it is about to do.
    pub(crate) const TRANSACTION: Self = Self((1 + LANES + PROCESS_SLOTS) as u32);

    /// The listener's, while it takes their memory away.
    pub(crate) const PUNCHING: Self = Self((2 + LANES + PROCESS_SLOTS) as u32);

    pub(crate) fn lane(lane: LaneIndex) -> Self {
        Self(1 + lane.number() as u32)
    }

    pub(crate) fn process(slot: SlotIndex) -> Self {
        Self((1 + LANES + slot.number()) as u32)
    }

    fn of(owner: u32) -> Self {
        Self(owner & TAG_MASK)
    }

    /// The owner word of a unit that passes to `self` and had `owner` before.
    fn after(self, owner: u32) -> u32 {
        let turn = owner >> TAG_BITS;
        let turn = if self == Self::NOBODY { turn.wrapping_add(1) } else { turn };
        turn << TAG_BITS | self.0
    }
}

/// The units of one segment.
#[derive(Clone, Copy)]
pub(crate) struct Units<'a>(pub(crate) &'a Memory);

impl<'a> Units<'a> {
    fn word(self, unit: u32) -> Option<&'a AtomicU32> {
        self.0.head().unit_owners.get(unit as usize)
    }

    /// The owner word of a unit, for [`Units::release`].
    pub(crate) fn owner(self, unit: u32) -> u32 {
        self.word(unit).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Whether the unit exists, belongs to `tag` and can be touched.
    pub(crate) fn belongs_to(self, unit: u32, tag: Tag) -> bool {
        self.0.has_unit(unit) && Tag::of(self.owner(unit)) == tag && self.0.has_memory(unit)
    }

    /// The owner word of a unit that is nobody's.
    pub(crate) fn free_word(self, unit: u32) -> Option<u32> {
        let owner = self.word(unit)?.load(Ordering::Relaxed);
        (Tag::of(owner) == Tag::NOBODY).then_some(owner)
    }

    /// Takes a free unit, `hint` if it is free and known to have memory, and lengthens the file if there is none.
    pub(crate) fn allocate(self, tag: Tag, hint: u32) -> Option<u32> {
        let unit = loop {
            let free = self.find(tag, hint);
            if free.is_some() || !self.0.grow() {
                break free?;
            }
        };
        kill_point!("units: one taken");
        let header = self.0.unit(unit)?;
        header.next.store(0, Ordering::Relaxed);
        header.end.store(0, Ordering::Relaxed);
        Some(unit)
    }

    /// Whether there is a unit to be had, for whoever comes next. If no free one is known to have memory, `tag` takes one for a
    /// moment.
    pub(crate) fn has_another(self, tag: Tag) -> bool {
        let is_ready = |unit: u32| self.free_word(unit).is_some() && self.0.is_known(unit);
        (HEAD_UNITS..self.0.units()).any(is_ready)
            || self.allocate(tag, 0).is_some_and(|unit| self.free(unit, self.owner(unit)).is_some())
    }

    fn find(self, tag: Tag, hint: u32) -> Option<u32> {
        let known = self.0.units();
        // From the hint on, then around: neighbours in time are neighbours in memory.
        let start = if (HEAD_UNITS..known).contains(&hint) { hint } else { HEAD_UNITS };
        let is_ready = |unit: &u32| self.free_word(*unit).is_some() && self.0.is_known(*unit);
        let mut ready = (start..known).chain(HEAD_UNITS..start).filter(is_ready);
        ready.find(|&unit| self.take(unit, tag) && self.keep(unit)).or_else(|| {
            // The lowest first: to them the listener leaves their memory.
            let mut others = (HEAD_UNITS..known).filter(|&unit| self.take(unit, tag)).take(ATTEMPTS);
            others.find(|&unit| self.keep(unit))
        })
    }

    /// Takes a unit, if it is free. It may have no memory.
    pub(crate) fn take(self, unit: u32, tag: Tag) -> bool {
        self.word(unit).zip(self.free_word(unit)).is_some_and(|(word, owner)| {
            // Acquire: what its last owner and reader did with the unit lies before what we do, and so does the taking
            // away of its memory.
            word.compare_exchange(owner, tag.after(owner), Ordering::Acquire, Ordering::Relaxed).is_ok()
        })
    }

    /// Sees to it that a unit just taken has memory, or gives it back. Killed in between, its process leaves a unit as any
    /// other of its own: who frees it need not know whether it has memory.
    fn keep(self, unit: u32) -> bool {
        let has_memory = self.0.has_memory(unit);
        if !has_memory {
            self.free(unit, self.owner(unit));
        }
        has_memory
    }

    /// Gives a unit back, if its owner word still is `owner`; `false` if not: then somebody has done it.
    pub(crate) fn release(self, unit: u32, owner: u32) -> bool {
        let released = self.free(unit, owner).is_some();
        if released {
            self.0.head().header.progress.releases.fetch_add(1, Ordering::Relaxed);
        }
        released
    }

    /// [`release`](Self::release) that is no news to who waits for a unit; the owner word then.
    pub(crate) fn free(self, unit: u32, owner: u32) -> Option<u32> {
        let free = Tag::NOBODY.after(owner);
        // Release: our reads of the unit lie before its next owner's writes.
        let freed = self.word(unit)?.compare_exchange(owner, free, Ordering::AcqRel, Ordering::Relaxed);
        freed.is_ok().then_some(free)
    }

    /// Gives back every unit of `tag`, whose owner must be gone.
    pub(crate) fn release_all(self, tag: Tag) {
        // To the file's end as it is now: the owner may have made it longer than this process has noticed.
        for unit in (HEAD_UNITS..).take_while(|&unit| self.0.has_unit(unit)) {
            let owner = self.owner(unit);
            if Tag::of(owner) == tag {
                self.release(unit, owner);
                kill_point!("units: one freed of many");
            }
        }
    }

    /// The header of a unit.
    #[inline]
    pub(crate) fn header(self, unit: u32) -> Option<&'a UnitHeader> {
        self.0.unit(unit)
    }
}
