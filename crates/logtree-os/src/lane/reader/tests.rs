//! What a reader makes of lies, and of a reader that was killed before it.

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
    let set_tail =
        |reader: &LaneReader, position: Position| reader.cell().producer.tail.store(position.pack(), Ordering::Release);
    let whole = WHOLE_UNIT as u32;
    let lies: [(&str, Lie); 15] = [
        ("the tail went back", &|reader, _| set_tail(reader, Position { sequence: 1, ..at(reader) })),
        ("the tail is not in the lane", &|reader, units| set_tail(reader, Position { unit: units[5], ..at(reader) })),
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
