//! The listener's end of a lane.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::frame::{FRAME_HEADER, Kind, frame_bytes};
use super::{FrameHeader, LaneOwner, LaneState, Position, RecordHead};
use crate::index::{LaneIndex, SlotIndex};
use crate::layout::{LaneCell, UNIT_BYTES, UNIT_START};
use crate::segment::Segment;
use crate::spill::Spilled;
use crate::sync::Ordering;
use crate::units::Tag;

/// A record, beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneRecord {
    /// What its producer said.
    pub head: RecordHead,
    /// How many records of this lane came before it, modulo 2³².
    pub sequence: u32,
}

/// A lane's bytes are not what any producer writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CorruptLane {
    what: &'static str,
}

impl fmt::Display for CorruptLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lane cannot be read: {}", self.what)
    }
}

impl std::error::Error for CorruptLane {}

fn corrupt(what: &'static str) -> CorruptLane {
    CorruptLane { what }
}

/// The one reader of a lane: only the listener has any.
///
/// Reading moves a head of its own; [`LaneReader::publish_head`] makes that known, once what was read has reached its
/// handlers. What is in the lane is not trusted: it is copied first, and the copy judged.
pub struct LaneReader {
    segment: Arc<Segment>,
    pub(super) lane: LaneIndex,
    process: SlotIndex,
    pub(super) generation: u32,
    /// The next record to read.
    pub(super) head: Position,
    /// The place in its chain of the head's unit.
    ordinal: u32,
    /// Up to where the producer had published when this last looked.
    tail: Position,
    /// The record at the head, once it was looked at.
    next: Option<FrameHeader>,
    /// Units that lie behind the head, to be given back when it is published.
    passed: VecDeque<u32>,
    /// Records that were read from files, to be deleted then, by their sequence.
    pub(super) spilled: Vec<u32>,
}

impl LaneReader {
    /// Begins where the last listener published its head; `None` if there is nobody's record to read in this lane.
    #[must_use]
    pub fn open(segment: &Arc<Segment>, lane: LaneIndex) -> Option<Self> {
        let cell = segment.lane(lane);
        let owner = LaneOwner::unpack(cell.consumer.owner.load(Ordering::Acquire))?;
        if !matches!(owner.state, LaneState::Claimed | LaneState::Detached) {
            return None;
        }
        let mut reader = Self {
            segment: Arc::clone(segment),
            lane,
            process: owner.slot,
            generation: owner.generation,
            head: Position::NONE,
            ordinal: 0,
            tail: Position::NONE,
            next: None,
            passed: VecDeque::new(),
            spilled: Vec::new(),
        };
        reader.resume();
        Some(reader)
    }

    /// Which lane this is.
    #[must_use]
    pub fn lane(&self) -> LaneIndex {
        self.lane
    }

    /// The process whose lane it is.
    #[must_use]
    pub fn process(&self) -> SlotIndex {
        self.process
    }

    /// How often the lane had been claimed: lane, generation and sequence name a record for good.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The head of the next record, if there is one.
    ///
    /// # Errors
    /// The lane's bytes make no sense: it is to be [retired](LaneReader::retire).
    #[inline]
    pub fn peek(&mut self) -> Result<Option<RecordHead>, CorruptLane> {
        if self.next.is_none() {
            self.next = self.look()?;
        }
        Ok(self.next.map(|frame| frame.head))
    }

    /// Appends the next record's bytes to `into` and moves on behind it; `None` if there is no record, or none that this
    /// process can read now: it has no descriptor left for the file that holds it. Of a record whose file is gone there are
    /// no bytes.
    ///
    /// # Errors
    /// As [`LaneReader::peek`]; `into` is then as it was.
    pub fn read(&mut self, into: &mut Vec<u8>) -> Result<Option<LaneRecord>, CorruptLane> {
        self.peek()?;
        let Some(frame) = self.next else {
            return Ok(None);
        };
        let before = (into.len(), self.head, self.ordinal, self.passed.len());
        let mut copied = self.copy(frame, into).map(|()| Spilled::Read);
        if frame.kind == Kind::Spilled && copied.is_ok() {
            copied = Ok(self.read_spilled(before.0, into));
        }
        if copied.is_err() || copied == Ok(Spilled::NotNow) {
            // What was read until here can still be published.
            into.truncate(before.0);
            (self.head, self.ordinal) = (before.1, before.2);
            self.passed.truncate(before.3);
            return copied.map(|_| None);
        }
        self.next = None;
        let sequence = self.head.sequence;
        self.head.sequence = sequence.wrapping_add(1);
        Ok(Some(LaneRecord { head: frame.head, sequence }))
    }

    /// Looks for a record at the head.
    fn look(&mut self) -> Result<Option<FrameHeader>, CorruptLane> {
        if self.head == self.tail && !self.look_at_tail()? {
            return Ok(None);
        }
        // A unit without a record is none that a producer leaves behind: one step at most.
        if self.head.unit != self.tail.unit && self.head.offset == self.end()? {
            self.enter_next_unit()?;
        }
        let end = if self.head.unit == self.tail.unit { self.tail.offset } else { self.end()? };
        let mut bytes = [0; FRAME_HEADER as usize];
        if self.head.offset >= end || !self.segment.memory().read(self.head.unit, self.head.offset, &mut bytes) {
            return Err(corrupt("a record begins behind the end of its unit"));
        }
        let frame = FrameHeader::parse(bytes, self.head.offset).ok_or(corrupt("no record begins where one should"))?;
        if frame.sequence != self.head.sequence {
            return Err(corrupt("a record is out of its sequence"));
        }
        if frame.kind != Kind::Spanning && self.head.offset + frame_bytes(frame.length as usize) as u32 > end {
            return Err(corrupt("a record ends behind what is published"));
        }
        Ok(Some(frame))
    }

    /// Looks how far the producer is; whether it is ahead.
    fn look_at_tail(&mut self) -> Result<bool, CorruptLane> {
        // Acquire: everything before the tail was written before it.
        let word = self.cell().producer.tail.load(Ordering::Acquire);
        let tail = Position::unpack(word);
        if tail == self.tail {
            return Ok(false);
        }
        if self.head == Position::NONE {
            self.begin_at(self.cell().consumer.anchor.load(Ordering::Relaxed))?;
        }
        let ahead = tail.records_since(self.head).ok_or(corrupt("the tail went back"))?;
        let in_unit = (UNIT_START..=UNIT_BYTES).contains(&tail.offset) && self.owns(tail.unit);
        let onward = tail.unit != self.head.unit || tail.offset >= self.head.offset;
        if !in_unit || !onward || (ahead == 0) != (tail == self.head) {
            return Err(corrupt("the tail is not in the lane"));
        }
        self.tail = tail;
        Ok(ahead > 0)
    }

    fn begin_at(&mut self, unit: u32) -> Result<(), CorruptLane> {
        if !self.owns(unit) {
            return Err(corrupt("the chain does not begin in the lane"));
        }
        self.head = Position::start_of(unit);
        Ok(())
    }

    /// Where the records of the head's unit end; it is not the last one.
    fn end(&self) -> Result<u32, CorruptLane> {
        let header = self.segment.units().header(self.head.unit);
        let end = header.map_or(0, |header| header.end.load(Ordering::Relaxed));
        let plausible = end <= UNIT_BYTES && end >= self.head.offset;
        plausible.then_some(end).ok_or(corrupt("a unit ends before its records"))
    }

    fn enter_next_unit(&mut self) -> Result<(), CorruptLane> {
        let next = self.segment.next_unit(self.head.unit);
        let ordinal = self.ordinal.wrapping_add(1);
        // Belonging keeps other lanes' bytes out, and is looked at before the unit is touched: nobody's may have no memory.
        // The ordinal makes a chain that bites its tail end here.
        let header = self.owns(next).then(|| self.segment.units().header(next)).flatten();
        if header.is_none_or(|header| header.ordinal.load(Ordering::Relaxed) != ordinal) {
            return Err(corrupt("the chain leaves the lane"));
        }
        self.passed.push_back(self.head.unit);
        self.ordinal = ordinal;
        self.head.unit = next;
        self.head.offset = UNIT_START;
        Ok(())
    }

    /// Copies the record at the head and moves behind it, but for the sequence.
    fn copy(&mut self, frame: FrameHeader, into: &mut Vec<u8>) -> Result<(), CorruptLane> {
        self.head.offset += FRAME_HEADER;
        let mut rest = frame.length as usize;
        loop {
            let room = (UNIT_BYTES - self.head.offset) as usize;
            let bytes = rest.min(room);
            let start = into.len();
            into.resize(start + bytes, 0);
            let copied = self.segment.memory().read(self.head.unit, self.head.offset, &mut into[start..]);
            if !copied {
                return Err(corrupt("a record leaves its unit"));
            }
            self.head.offset += bytes as u32;
            rest -= bytes;
            if rest == 0 {
                break;
            }
            if self.head.unit == self.tail.unit {
                return Err(corrupt("a record goes on behind what is published"));
            }
            self.enter_next_unit()?;
        }
        self.head.offset = self.head.offset.next_multiple_of(8);
        if self.head.unit == self.tail.unit && self.head.offset > self.tail.offset {
            return Err(corrupt("a record ends behind what is published"));
        }
        Ok(())
    }

    /// Declares everything read so far done: it will not be read again, whoever listens. The units behind it are given
    /// back.
    pub fn publish_head(&mut self) {
        if self.head == Position::NONE {
            return;
        }
        let consumer = &self.cell().consumer;
        consumer.head.store(self.head.pack(), Ordering::Release);
        kill_point!("lane: head stored");
        while let Some(unit) = self.passed.pop_front() {
            let next = self.passed.front().copied().unwrap_or(self.head.unit);
            self.give_back(unit, next);
        }
        self.cell().consumer.passed.store(self.ordinal, Ordering::Release);
        kill_point!("lane: passed stored");
        self.remove_spilled();
    }

    /// Gives a unit back so that a listener killed at any point leaves its successor enough to finish, see
    /// [`LaneReader::resume`].
    fn give_back(&self, unit: u32, next: u32) {
        let units = self.segment.units();
        let owner = units.owner(unit);
        let consumer = &self.cell().consumer;
        consumer.returning.store(u64::from(owner) << 32 | u64::from(unit), Ordering::Release);
        kill_point!("lane: unit announced");
        consumer.anchor.store(next, Ordering::Release);
        kill_point!("lane: anchor moved");
        if units.release(unit, owner) {
            consumer.spare.store(unit, Ordering::Relaxed);
        }
        kill_point!("lane: unit given back");
    }

    /// Takes up where the last listener stopped. Errors wait for [`LaneReader::peek`] to meet them again.
    fn resume(&mut self) {
        let units = self.segment.units();
        let consumer = &self.cell().consumer;
        let returning = consumer.returning.load(Ordering::Acquire);
        let (owner, unit) = ((returning >> 32) as u32, returning as u32);
        let mut anchor = consumer.anchor.load(Ordering::Acquire);
        let head = Position::unpack(consumer.head.load(Ordering::Acquire));
        if unit != anchor && self.owns(unit) {
            // Killed between moving the anchor and giving back: the turn in the owner word tells whether it did.
            units.release(unit, owner);
        }
        if head == Position::NONE || !self.owns(head.unit) {
            return;
        }
        // Killed between publishing the head and giving everything behind it back.
        for _ in 0..self.segment.memory().units() {
            if anchor == head.unit || !self.owns(anchor) {
                break;
            }
            let next = self.segment.next_unit(anchor);
            self.give_back(anchor, next);
            anchor = next;
        }
        self.ordinal = units.header(head.unit).map_or(0, |header| header.ordinal.load(Ordering::Acquire));
        self.cell().consumer.passed.store(self.ordinal, Ordering::Release);
        self.head = head;
        self.tail = head;
        kill_point!("lane: resumed");
    }

    /// Whether the thread is gone and everything it left was read and published: then the lane can be
    /// [reclaimed](Segment::reclaim_lane).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let cell = self.cell();
        let owner = LaneOwner::unpack(cell.consumer.owner.load(Ordering::Acquire));
        owner.is_some_and(|owner| owner.state == LaneState::Detached) && self.is_drained()
    }

    /// Whether everything that is in the lane now was read and published.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let cell = self.cell();
        let tail = Position::unpack(cell.producer.tail.load(Ordering::Acquire));
        let published = Position::unpack(cell.consumer.head.load(Ordering::Relaxed));
        tail.sequence == published.sequence
    }

    /// Gives the lane up as unreadable, after which its producer gets an error and its units wait for its death.
    pub fn retire(self) {
        let word = &self.cell().consumer.owner;
        let mut owner = word.load(Ordering::Acquire);
        // Twice at most: the producer may detach meanwhile, nobody else changes it.
        for _ in 0..2 {
            let Some(current) = LaneOwner::unpack(owner) else {
                break;
            };
            let retired = current.with(LaneState::Retired).pack();
            match word.compare_exchange(owner, retired, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(changed) => owner = changed,
            }
        }
        self.segment.head().header.life.bad_lanes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    fn owns(&self, unit: u32) -> bool {
        self.segment.units().belongs_to(unit, Tag::lane(self.lane))
    }

    pub(super) fn cell(&self) -> &LaneCell {
        self.segment.lane(self.lane)
    }
}

impl fmt::Debug for LaneReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneReader")
            .field("lane", &self.lane)
            .field("head", &self.head)
            .field("tail", &self.tail)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
