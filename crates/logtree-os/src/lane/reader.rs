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
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::layout::HEAD_UNITS;
    use crate::{LaneProducer, ProcessIdentity, Reserve, SegmentOptions};

    /// Payload of a record that fills a unit.
    const WHOLE_UNIT: usize = (UNIT_BYTES - UNIT_START - FRAME_HEADER) as usize;

    /// A lane of four full units, with a listener that has read three of them and is about to publish its head.
    fn three_of_four_read() -> (LaneReader, LaneProducer, tempfile::TempDir) {
        let ours_alone = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().permissions(ours_alone).tempdir().unwrap();
        let segment = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        let mut producer = process.claim_lane(1 << 20).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        for _ in 0..4 {
            let _published = producer.push(RecordHead::default(), &[&[7; WHOLE_UNIT]], Reserve::Ordinary).unwrap();
        }
        let mut bytes = Vec::new();
        for _ in 0..3 {
            reader.read(&mut bytes).unwrap().unwrap();
        }
        assert_eq!(reader.passed.len(), 2);
        assert_eq!(units_of(&reader), 4);
        (reader, producer, directory)
    }

    fn units_of(reader: &LaneReader) -> usize {
        (HEAD_UNITS..reader.segment.memory().units()).filter(|&unit| reader.owns(unit)).count()
    }

    /// What the successor finds must be what a listener that was not killed leaves.
    fn assert_taken_up(successor: &mut LaneReader) {
        assert_eq!(units_of(successor), 2, "the third one's, which the head is in, and the fourth one's");
        let consumer = &successor.cell().consumer;
        assert_eq!(consumer.passed.load(Ordering::Relaxed), 2);
        assert_eq!(consumer.anchor.load(Ordering::Relaxed), successor.head.unit);
        let record = successor.read(&mut Vec::new()).unwrap().unwrap();
        assert_eq!(record.sequence, 3);
        assert_eq!(successor.peek().unwrap(), None);
    }

    /// One lie of a lane's words or bytes, told by whoever writes the segment.
    type Lie<'a> = &'a dyn Fn(&LaneReader, &[u32]);

    /// What is said of a lane with a small record, one that fills a unit, one of a third of a unit, one of two units, and one
    /// more, if a lie is told after the first two were read.
    fn refusal(lie: Lie) -> CorruptLane {
        let ours_alone = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().permissions(ours_alone).tempdir().unwrap();
        let segment = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        let mut producer = process.claim_lane(1 << 20).unwrap();
        // The units of the two lanes lie among each other.
        let mut other = process.claim_lane(1 << 20).unwrap();
        let lanes = [producer.lane(), other.lane()];
        let mut push = |lengths: &[usize]| {
            for &length in lengths {
                for lane in [&mut producer, &mut other] {
                    let bytes = vec![7; length];
                    let _published = lane.push(RecordHead::default(), &[&bytes], Reserve::Ordinary).unwrap();
                }
            }
        };
        push(&[8, WHOLE_UNIT]);
        let mut reader = LaneReader::open(&segment, lanes[0]).unwrap();
        (0..2).for_each(|_| assert!(reader.read(&mut Vec::new()).unwrap().is_some()));
        push(&[5000, WHOLE_UNIT + 1, 8]);
        let mut units = vec![reader.cell().consumer.anchor.load(Ordering::Relaxed)];
        units.extend(
            std::iter::successors(Some(segment.next_unit(units[0])), |unit| Some(segment.next_unit(*unit))).take(4),
        );
        let theirs = segment.lane(lanes[1]).consumer.anchor.load(Ordering::Relaxed);
        units.push(theirs);
        let read_to_the_end = |reader: &mut LaneReader| loop {
            match reader.read(&mut Vec::new()) {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert_eq!(read_to_the_end(&mut LaneReader::open(&segment, lanes[0]).unwrap()), None);
        lie(&reader, &units);
        let refused = read_to_the_end(&mut reader).unwrap();
        reader.retire();
        assert_eq!(segment.bad_lanes(), 1);
        assert_eq!(segment.lane_view(lanes[0]).unwrap().state, LaneState::Retired);
        refused
    }

    /// The head is at the end of the second unit of five. The sixth in the list is another lane's.
    #[test]
    fn what_no_producer_writes_is_refused_each_thing_for_itself() {
        let at = |reader: &LaneReader| Position::unpack(reader.cell().producer.tail.load(Ordering::Relaxed));
        let frame = |reader: &LaneReader, unit: u32, length: u32, kind: u16, sequence: u32| {
            let header = FrameHeader { length, kind: Kind::Whole, head: RecordHead::default(), sequence };
            let mut bytes = header.to_bytes();
            bytes[6..8].copy_from_slice(&kind.to_ne_bytes());
            assert!(reader.segment.memory().write(unit, UNIT_START, &bytes));
        };
        let set_tail = |reader: &LaneReader, position: Position| {
            reader.cell().producer.tail.store(position.pack(), Ordering::Release)
        };
        let whole = WHOLE_UNIT as u32;
        let lies: [(&str, Lie); 15] = [
            ("the tail went back", &|reader, _| set_tail(reader, Position { sequence: 1, ..at(reader) })),
            ("the tail is not in the lane", &|reader, units| {
                set_tail(reader, Position { unit: units[5], ..at(reader) })
            }),
            ("the tail is not in the lane", &|reader, _| set_tail(reader, Position { offset: 0, ..at(reader) })),
            ("the tail is not in the lane", &|reader, _| set_tail(reader, Position { sequence: 2, ..at(reader) })),
            ("the tail is not in the lane", &|reader, units| {
                set_tail(reader, Position { unit: units[1], offset: UNIT_START, sequence: 3 })
            }),
            ("a unit ends before its records", &|reader, units| {
                reader.segment.units().header(units[1]).unwrap().end.store(UNIT_START, Ordering::Relaxed)
            }),
            ("the chain leaves the lane", &|reader, units| {
                let units_of = reader.segment.units();
                units_of.header(units[1]).unwrap().next.store(units[5], Ordering::Relaxed);
                units_of.header(units[5]).unwrap().ordinal.store(2, Ordering::Relaxed);
            }),
            ("the chain leaves the lane", &|reader, units| {
                reader.segment.units().header(units[1]).unwrap().next.store(units[0], Ordering::Relaxed)
            }),
            ("no record begins where one should", &|reader, units| frame(reader, units[2], whole, 4, 2)),
            ("no record begins where one should", &|reader, units| frame(reader, units[2], whole + 1, 1, 2)),
            ("a record is out of its sequence", &|reader, units| frame(reader, units[2], whole, 1, 3)),
            ("a record ends behind what is published", &|reader, units| frame(reader, units[2], 5001, 1, 2)),
            ("a record ends behind what is published", &|reader, units| {
                set_tail(reader, Position { unit: units[2], offset: UNIT_START + 64, sequence: 3 })
            }),
            ("a record begins behind the end of its unit", &|reader, units| {
                set_tail(reader, Position { unit: units[2], offset: UNIT_START, sequence: 3 })
            }),
            ("a record goes on behind what is published", &|reader, units| {
                set_tail(reader, Position { unit: units[3], offset: UNIT_BYTES, sequence: 4 })
            }),
        ];
        for (number, (what, lie)) in lies.into_iter().enumerate() {
            assert_eq!(refusal(lie), CorruptLane { what }, "lie {number}");
        }
    }

    #[test]
    fn killed_before_anything_was_given_back() {
        let (reader, producer, _directory) = three_of_four_read();
        reader.cell().consumer.head.store(reader.head.pack(), Ordering::Release);
        assert_taken_up(&mut LaneReader::open(&reader.segment, producer.lane()).unwrap());
    }

    #[test]
    fn killed_between_two_units() {
        let (mut reader, producer, _directory) = three_of_four_read();
        reader.cell().consumer.head.store(reader.head.pack(), Ordering::Release);
        let first = reader.passed.pop_front().unwrap();
        reader.give_back(first, reader.passed[0]);
        assert_taken_up(&mut LaneReader::open(&reader.segment, producer.lane()).unwrap());
    }

    #[test]
    fn killed_around_moving_the_anchor() {
        for moved in [false, true] {
            let (reader, producer, _directory) = three_of_four_read();
            let consumer = &reader.cell().consumer;
            consumer.head.store(reader.head.pack(), Ordering::Release);
            let owner = reader.segment.units().owner(reader.passed[0]);
            let returning = u64::from(owner) << 32 | u64::from(reader.passed[0]);
            consumer.returning.store(returning, Ordering::Release);
            if moved {
                consumer.anchor.store(reader.passed[1], Ordering::Release);
            }
            assert_taken_up(&mut LaneReader::open(&reader.segment, producer.lane()).unwrap());
        }
    }

    #[test]
    fn killed_after_giving_back_a_unit_that_the_producer_took_again() {
        let (mut reader, mut producer, _directory) = three_of_four_read();
        reader.publish_head();
        // The last unit given back is the first to be taken; what `returning` says of it is past.
        let again = reader.cell().consumer.spare.load(Ordering::Relaxed);
        let _published = producer.push(RecordHead::default(), &[&[8; WHOLE_UNIT]], Reserve::Ordinary).unwrap();
        assert!(reader.owns(again));
        let mut successor = LaneReader::open(&reader.segment, producer.lane()).unwrap();
        assert!(successor.owns(again), "a unit in use was given back");
        for sequence in 3..5 {
            assert_eq!(successor.read(&mut Vec::new()).unwrap().unwrap().sequence, sequence);
        }
    }
}
