//! The producer's end of a lane.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::frame::{FRAME_HEADER, Kind, frame_bytes};
use super::spilled::Waiting;
use super::view::{CUT, DropReason};
use super::{FrameHeader, LaneOwner, LaneState, MAX_RECORD_BYTES, Position, RecordHead};
use crate::index::{LaneIndex, SlotIndex};
use crate::layout::{LaneCell, UNIT_BYTES, UNIT_PAYLOAD, UNIT_START};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::units::Tag;

/// With so many units in a lane, the tail's among them, a napping listener is woken: 128 KiB wait then. At a quarter of
/// that, a thread with 200,000 records a second woke it at most units, to find records too young to be read; a wake-up
/// costs as much as 30 records.
const WAKE_UNITS: u32 = 9;

/// How many records are dropped for want of memory before the file system is asked again, unless units came free.
const STARVED_RECORDS: u32 = 256;

/// Which part of a lane's capacity a record may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reserve {
    /// All but the last eighth.
    Ordinary,
    /// The last eighth too.
    Urgent,
}

/// A record is in the lane, and safe whatever becomes of its process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Published {
    /// There is no more to be done.
    Quietly,
    /// Nobody held the listener's seat: it is for the caller to see that somebody takes it.
    Vacant,
    /// The call took a slow way: it woke the listener, or the lane got new units. A moment for what is due now and then.
    Slowly,
}

/// A record is not in the lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushError(pub(super) DropReason);

impl PushError {
    /// Why: for [`LaneProducer::count_drop`], once the caller gives up on the record.
    #[must_use]
    pub fn reason(self) -> DropReason {
        self.0
    }

    /// Whether the lane will take the record when the listener has made room.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.0 == DropReason::Full
    }

    /// Whether the lane would never take the record: [`LaneProducer::push_spilled`] may.
    #[must_use]
    pub fn is_too_large(self) -> bool {
        self.0 == DropReason::TooLarge
    }

    /// Whether the lane is unusable and the thread needs another one.
    #[must_use]
    pub fn is_retired(self) -> bool {
        self.0 == DropReason::Retired
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            DropReason::Full => "the lane is full",
            DropReason::TooLarge => "the record is larger than the lane",
            DropReason::NoMemory => "there is no shared memory left",
            DropReason::Retired => "the listener has retired the lane",
        })
    }
}

impl std::error::Error for PushError {}

/// No lane for this thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimLaneError {
    no_memory: bool,
}

impl ClaimLaneError {
    /// Whether a lane was free, but no memory for its first unit.
    #[must_use]
    pub fn is_no_memory(self) -> bool {
        self.no_memory
    }
}

impl fmt::Display for ClaimLaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.no_memory { "there is no shared memory left for a lane" } else { "all lanes are taken" })
    }
}

impl std::error::Error for ClaimLaneError {}

/// The one writer of a lane.
///
/// It belongs to the thread that claimed it, in the process that claimed it: after a `fork` the child must forget its
/// copy, which the caller learns from [`crate::ForkGeneration`]. Dropping does nothing, in either of them; a thread that
/// ends says so with [`LaneProducer::detach`], and a lane whose process is dead is reclaimed without.
pub struct LaneProducer {
    pub(super) segment: Arc<Segment>,
    pub(super) lane: LaneIndex,
    /// How often the lane had been claimed.
    pub(super) generation: u32,
    /// Where the next record goes: the shared `tail`, which only this writes.
    pub(super) tail: Position,
    /// How many units the chain had before the tail's.
    ordinal: u32,
    pub(super) capacity_units: u32,
    /// The tail's unit is of the last eighth: what is left of it is for urgent records.
    is_in_reserve: bool,
    /// Records in files that the listener may not have handled yet.
    pub(super) spilled: Vec<Waiting>,
    /// While memory is short: the count of released units at the last vain attempt, and the records dropped since.
    starved: Option<(u64, u32)>,
    /// One thread's: may move to it, not be shared.
    not_sync: PhantomData<Cell<()>>,
}

impl LaneProducer {
    /// Takes a free lane for a process.
    pub(crate) fn claim(
        segment: &Arc<Segment>,
        process: SlotIndex,
        capacity_bytes: usize,
    ) -> Result<Self, ClaimLaneError> {
        let (lane, generation) = LaneIndex::first(LaneIndex::COUNT)
            .find_map(|lane| Some((lane, try_claim(segment.lane(lane), process)?)))
            .ok_or(ClaimLaneError { no_memory: false })?;
        kill_point!("claim: lane taken");
        let life = &segment.head().header.life;
        life.lanes_high.fetch_max(lane.number() as u32 + 1, Ordering::AcqRel);
        kill_point!("claim: lane counted");
        let cell = segment.lane(lane);
        let Some(unit) = segment.units().allocate(Tag::lane(lane), 0) else {
            // Not simply free again: the listener may have seen it claimed, so it is the one to free it.
            detach(cell);
            return Err(ClaimLaneError { no_memory: true });
        };
        if let Some(header) = segment.units().header(unit) {
            header.ordinal.store(0, Ordering::Relaxed);
        }
        kill_point!("claim: first unit taken");
        let tail = Position::start_of(unit);
        cell.consumer.anchor.store(unit, Ordering::Relaxed);
        kill_point!("claim: anchor set");
        cell.producer.tail.store(tail.pack(), Ordering::Release);
        kill_point!("claim: lane begun");
        Ok(Self {
            segment: Arc::clone(segment),
            lane,
            generation,
            tail,
            ordinal: 0,
            capacity_units: (capacity_bytes / UNIT_BYTES as usize).clamp(2, u32::MAX as usize) as u32,
            is_in_reserve: false,
            spilled: Vec::new(),
            starved: None,
            not_sync: PhantomData,
        })
    }

    /// Puts a record, given in pieces, into the lane. No system call, unless the listener sleeps or the lane needs
    /// memory that the file does not have yet.
    ///
    /// # Errors
    /// The lane is full, the record too large, memory short, the lane retired. Nothing is counted yet: a caller that gives up
    /// says so with [`LaneProducer::count_drop`], one that waits for room does not.
    #[inline]
    pub fn push(&mut self, head: RecordHead, pieces: &[&[u8]], reserve: Reserve) -> Result<Published, PushError> {
        self.push_as(Kind::Whole, head, pieces, reserve)
    }

    /// As [`push`](Self::push); a record of another kind than `Whole` must be one that fits into a unit.
    #[inline]
    pub(super) fn push_as(
        &mut self,
        kind: Kind,
        head: RecordHead,
        pieces: &[&[u8]],
        reserve: Reserve,
    ) -> Result<Published, PushError> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        let frame = frame_bytes(length);
        let has_no_room = frame > (UNIT_BYTES - self.tail.offset) as usize;
        if has_no_room || self.is_in_reserve && reserve == Reserve::Ordinary {
            return self.push_into_new_units(kind, head, pieces, length, reserve);
        }
        self.write(self.tail.unit, self.tail.offset, head, kind, length, pieces);
        self.tail.offset += frame as u32;
        Ok(self.publish())
    }

    /// Makes everything up to `self.tail`, and one record more, visible to the listener.
    #[inline]
    fn publish(&mut self) -> Published {
        self.tail.sequence = self.tail.sequence.wrapping_add(1);
        kill_point!("push: record written");
        self.cell().producer.tail.store(self.tail.pack(), Ordering::Release);
        kill_point!("push: record published");
        self.segment.after_publishing()
    }

    /// Writes a record from a place on, from unit to unit along the chain; returns where it ends.
    #[inline]
    fn write(
        &self,
        mut unit: u32,
        mut offset: u32,
        head: RecordHead,
        kind: Kind,
        length: usize,
        pieces: &[&[u8]],
    ) -> (u32, u32) {
        let memory = self.segment.memory();
        let header = FrameHeader { length: length as u32, kind, head, sequence: self.tail.sequence };
        memory.write(unit, offset, &header.to_bytes());
        kill_point!("push: record begun");
        offset += FRAME_HEADER;
        // Most of a usual record's are empty, and each costs a call.
        for &piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            let mut rest = piece;
            while rest.len() > (UNIT_BYTES - offset) as usize {
                let (fits, more) = rest.split_at((UNIT_BYTES - offset) as usize);
                memory.write(unit, offset, fits);
                unit = self.segment.next_unit(unit);
                offset = UNIT_START;
                rest = more;
            }
            memory.write(unit, offset, rest);
            offset += rest.len() as u32;
        }
        (unit, offset)
    }

    #[cold]
    fn push_into_new_units(
        &mut self,
        kind: Kind,
        head: RecordHead,
        pieces: &[&[u8]],
        length: usize,
        reserve: Reserve,
    ) -> Result<Published, PushError> {
        let frame = frame_bytes(length);
        let units = frame.div_ceil(UNIT_PAYLOAD as usize);
        let ordinary_units = self.capacity_units - self.capacity_units / 8;
        let limit = match reserve {
            Reserve::Ordinary => ordinary_units,
            Reserve::Urgent => self.capacity_units,
        } as usize;
        // One unit is always there before the new ones: that of the tail.
        if length > MAX_RECORD_BYTES || units >= limit {
            return Err(PushError(DropReason::TooLarge));
        }
        let owner = LaneOwner::unpack(self.cell().consumer.owner.load(Ordering::Relaxed));
        if owner.is_none_or(|owner| owner.state != LaneState::Claimed) {
            return Err(PushError(DropReason::Retired));
        }
        let held = self.units_held() as usize + units;
        if held > limit {
            return Err(PushError(DropReason::Full));
        }
        let first = self.allocate_chain(units).ok_or(PushError(DropReason::NoMemory))?;
        let kind = if units == 1 { kind } else { Kind::Spanning };
        let (unit, end) = self.write(first, UNIT_START, head, kind, length, pieces);
        if let Some(full) = self.segment.units().header(self.tail.unit) {
            full.end.store(self.tail.offset, Ordering::Relaxed);
            kill_point!("grow: unit ended");
            full.next.store(first, Ordering::Relaxed);
            kill_point!("grow: chain continued");
        }
        self.tail.unit = unit;
        self.tail.offset = end.next_multiple_of(8);
        self.is_in_reserve = held > ordinary_units as usize;
        self.ordinal = self.ordinal.wrapping_add(units as u32);
        self.cell().producer.ordinal.store(self.ordinal, Ordering::Relaxed);
        let published = match self.publish() {
            Published::Quietly => Published::Slowly,
            published => published,
        };
        if self.units_held() >= WAKE_UNITS.min(self.capacity_units / 2) {
            self.segment.wake_from_nap();
        }
        Ok(published)
    }

    /// How many units lie between the listener's head and the tail, both included.
    fn units_held(&self) -> u32 {
        let passed = self.cell().consumer.passed.load(Ordering::Relaxed);
        // A listener that claims to have passed more than there were is not believed.
        self.ordinal.checked_sub(passed).unwrap_or(self.ordinal).saturating_add(1)
    }

    /// Takes units and chains them to each other, not yet to the lane; all or none.
    fn allocate_chain(&mut self, count: usize) -> Option<u32> {
        let releases = self.segment.head().header.progress.releases.load(Ordering::Relaxed);
        if let Some((then, records)) = &mut self.starved
            && *then == releases
            && *records < STARVED_RECORDS
        {
            *records += 1;
            return None;
        }
        let units = self.segment.units();
        let tag = Tag::lane(self.lane);
        let mut hint = self.cell().consumer.spare.load(Ordering::Relaxed);
        let (mut first, mut last) = (0, 0);
        for place in 1..=count as u32 {
            let Some(unit) = units.allocate(tag, hint) else {
                self.give_back_chain(first);
                self.starved = Some((releases, 0));
                // What waits now is all that there is memory for.
                self.segment.wake_from_nap();
                return None;
            };
            kill_point!("grow: unit taken");
            if let Some(header) = units.header(unit) {
                header.ordinal.store(self.ordinal.wrapping_add(place), Ordering::Relaxed);
            }
            match units.header(last) {
                Some(previous) => {
                    previous.end.store(UNIT_BYTES, Ordering::Relaxed);
                    previous.next.store(unit, Ordering::Relaxed);
                    kill_point!("grow: units chained");
                }
                None => first = unit,
            }
            (last, hint) = (unit, unit + 1);
        }
        self.starved = None;
        Some(first)
    }

    fn give_back_chain(&self, mut unit: u32) {
        let units = self.segment.units();
        while units.belongs_to(unit, Tag::lane(self.lane)) {
            let next = self.segment.next_unit(unit);
            units.release(unit, units.owner(unit));
            unit = next;
        }
    }

    /// Counts a record that the caller gave up on.
    #[cold]
    pub fn count_drop(&self, reason: DropReason) {
        self.cell().producer.drops[reason as usize].fetch_add(1, Ordering::Release);
    }

    /// Counts a record that the caller put in with less text than it had, because there was no place for all of it.
    #[cold]
    pub fn count_cut(&self) {
        self.cell().producer.drops[CUT].fetch_add(1, Ordering::Release);
    }

    /// Which lane this is.
    #[must_use]
    pub fn lane(&self) -> LaneIndex {
        self.lane
    }

    /// The thread ends, or takes another lane: what is in the lane will be read, then the lane is free.
    pub fn detach(self) {
        detach(self.cell());
    }

    #[inline]
    pub(super) fn cell(&self) -> &LaneCell {
        self.segment.lane(self.lane)
    }
}

impl fmt::Debug for LaneProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneProducer").field("lane", &self.lane).field("tail", &self.tail).finish_non_exhaustive()
    }
}

fn detach(cell: &LaneCell) {
    let word = &cell.consumer.owner;
    let owner = word.load(Ordering::Relaxed);
    if let Some(claimed) = LaneOwner::unpack(owner)
        && claimed.state == LaneState::Claimed
    {
        // It fails if the listener retires the lane at this moment, which is as good.
        let detached = claimed.with(LaneState::Detached).pack();
        kill_point!("detach: due");
        let _state = word.compare_exchange(owner, detached, Ordering::AcqRel, Ordering::Relaxed);
        kill_point!("detach: done");
    }
}

/// Claims a lane if it is free; the generation that it has now.
fn try_claim(cell: &LaneCell, process: SlotIndex) -> Option<u32> {
    let word = cell.consumer.owner.load(Ordering::Relaxed);
    let free = LaneOwner::unpack(word).filter(|owner| owner.state == LaneState::Free)?;
    let claimed = LaneOwner { state: LaneState::Claimed, slot: process, generation: free.generation.wrapping_add(1) };
    // Acquire: the words that the reclaiming listener cleared are seen cleared.
    let outcome = cell.consumer.owner.compare_exchange(word, claimed.pack(), Ordering::Acquire, Ordering::Relaxed);
    outcome.is_ok().then_some(claimed.generation)
}
