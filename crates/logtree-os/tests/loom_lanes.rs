//! Lanes under the model checker: every order in which two threads can meet in them.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p logtree-os --release --test 'loom_*'`
//!
//! The units' bytes are cells that report a race, so a publication without Release or a hand-back without Acquire fails
//! here even where the machine would forgive it. A unit has room for 64 bytes: two small records, or one of 40.

#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use logtree_os::{
    Attachment, LaneProducer, LaneReader, LaneState, ProcessIdentity, RecordHead, Reserve, Segment, Shrinker,
};

const UNIT: usize = 80;
const FULL_UNIT: usize = 40;

fn attached() -> (Arc<Segment>, Attachment) {
    let segment = Segment::model();
    let identity = ProcessIdentity { pid: 1, start_time: 2, namespaces: 3, nonce: 4 };
    let process = segment.attach(&identity).unwrap();
    (segment, process)
}

fn push(producer: &mut LaneProducer, number: u8, length: usize) -> bool {
    let head = RecordHead { time_ns: number.into(), ..RecordHead::default() };
    producer.push(head, &[&vec![number; length]], Reserve::Urgent).is_ok()
}

/// Reads what is there, and checks that it follows on `read`.
fn drain(reader: &mut LaneReader, read: &mut u8) {
    let mut bytes = Vec::new();
    while let Some(record) = reader.read(&mut bytes).unwrap() {
        assert_eq!(record.head.time_ns, u64::from(*read));
        assert!(!bytes.is_empty() && bytes.iter().all(|byte| byte == read));
        bytes.clear();
        *read += 1;
    }
}

#[test]
fn what_is_published_is_whole() {
    loom::model(|| {
        let (segment, process) = attached();
        let mut producer = process.claim_lane(4 * UNIT).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let thread = loom::thread::spawn(move || {
            // One unit, then a record of two.
            assert!(push(&mut producer, 0, 8));
            assert!(push(&mut producer, 1, 80));
        });
        let mut read = 0;
        drain(&mut reader, &mut read);
        thread.join().unwrap();
        drain(&mut reader, &mut read);
        assert_eq!(read, 2);
    });
}

#[test]
fn a_unit_is_written_again_only_after_it_was_read() {
    loom::model(|| {
        let (segment, process) = attached();
        let mut producer = process.claim_lane(2 * UNIT).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let thread = loom::thread::spawn(move || {
            let mut pushed = 0;
            for _ in 0..4 {
                // Two units are all the lane may hold, so the third record needs the first one's unit.
                pushed += u8::from(push(&mut producer, pushed, FULL_UNIT));
            }
            pushed
        });
        let mut read = 0;
        for _ in 0..2 {
            drain(&mut reader, &mut read);
            reader.publish_head();
        }
        let pushed = thread.join().unwrap();
        drain(&mut reader, &mut read);
        assert_eq!(read, pushed);
        assert!(pushed >= 2);
    });
}

#[test]
fn a_freed_lane_begins_anew() {
    loom::model(|| {
        let (segment, process) = attached();
        let mut producer = process.claim_lane(2 * UNIT).unwrap();
        assert!(push(&mut producer, 0, 8));
        let lane = producer.lane();
        producer.detach();
        let claiming = loom::thread::spawn(move || {
            let mut producer = process.claim_lane(2 * UNIT).unwrap();
            assert!(push(&mut producer, 0, FULL_UNIT));
            assert!(push(&mut producer, 1, 8));
            (producer.lane(), process)
        });
        let mut reader = LaneReader::open(&segment, lane).unwrap();
        let mut read = 0;
        drain(&mut reader, &mut read);
        assert_eq!(read, 1);
        reader.publish_head();
        assert!(reader.is_finished());
        assert!(segment.reclaim_lane(lane, false));
        let (claimed, _process) = claiming.join().unwrap();
        let view = segment.lane_view(claimed).unwrap();
        assert_eq!((view.state, view.published, view.consumed), (LaneState::Claimed, 2, 0));
        assert_eq!(view.generation, if claimed == lane { 2 } else { 1 });
        let mut reader = LaneReader::open(&segment, claimed).unwrap();
        let mut read = 0;
        drain(&mut reader, &mut read);
        assert_eq!(read, 2);
    });
}

#[test]
fn two_threads_never_claim_one_lane_or_unit() {
    loom::model(|| {
        let (segment, process) = attached();
        let process = Arc::new(process);
        let other = Arc::clone(&process);
        let thread = loom::thread::spawn(move || {
            let mut producer = other.claim_lane(2 * UNIT).unwrap();
            assert!(push(&mut producer, 0, 8));
            producer.lane()
        });
        let mut producer = process.claim_lane(2 * UNIT).unwrap();
        assert!(push(&mut producer, 0, 16));
        let theirs = thread.join().unwrap();
        assert_ne!(theirs, producer.lane());
        for lane in [theirs, producer.lane()] {
            let mut read = 0;
            drain(&mut LaneReader::open(&segment, lane).unwrap(), &mut read);
            assert_eq!(read, 1);
        }
    });
}

#[test]
fn a_definition_is_there_before_the_record_that_names_it() {
    loom::model(|| {
        let (segment, process) = attached();
        let slot = process.slot();
        let mut producer = process.claim_lane(2 * UNIT).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let thread = loom::thread::spawn(move || {
            let mut definitions = process.definitions();
            for _ in 0..2 {
                // The second one needs a unit of its own.
                let definition = definitions.define(&[7; 40]).unwrap();
                let head = RecordHead { definition, ..RecordHead::default() };
                assert!(producer.push(head, &[b"x"], Reserve::Urgent).is_ok());
            }
        });
        let mut bytes = Vec::new();
        for _ in 0..2 {
            if let Some(record) = reader.read(&mut bytes).unwrap() {
                let mut definition = Vec::new();
                assert!(segment.definition(slot, record.head.definition, &mut definition));
                assert_eq!(definition, [7; 40]);
            }
        }
        thread.join().unwrap();
    });
}

/// Reads what is there, and gives what it stood in free.
fn consume(reader: &mut LaneReader, read: &mut u8) {
    drain(reader, read);
    reader.publish_head();
}

/// Every order with so many changes of thread that the one who runs did not ask for: all orders take hours here.
fn bounded() -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder
}

/// In the model the file system is full, but for whoever asks: to touch a unit without memory ends the test.
#[test]
fn a_unit_that_has_lost_its_memory_gets_some_before_it_is_touched() {
    bounded().check(|| {
        let (segment, _process) = attached();
        let elsewhere = segment.model_elsewhere();
        let identity = ProcessIdentity { pid: 5, start_time: 2, namespaces: 3, nonce: 4 };
        let mut producer = elsewhere.attach(&identity).unwrap().claim_lane(4 * UNIT).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let mut shrinker = Shrinker::new(&segment);
        shrinker.look();
        let thread = loom::thread::spawn(move || {
            // The second one finds no unit free while the listener has all of them in its hands.
            (0..2).fold(0, |pushed, _| pushed + u8::from(push(&mut producer, pushed, FULL_UNIT)))
        });
        shrinker.look();
        let mut read = 0;
        consume(&mut reader, &mut read);
        let pushed = thread.join().unwrap();
        consume(&mut reader, &mut read);
        assert!(read == pushed && pushed >= 1);
    });
}

/// What a process knew of a unit's memory does not count once that may have been taken away again.
#[test]
fn a_process_forgets_which_units_had_memory() {
    bounded().check(|| {
        let (segment, _process) = attached();
        let elsewhere = segment.model_elsewhere();
        let identity = ProcessIdentity { pid: 5, start_time: 2, namespaces: 3, nonce: 4 };
        let mut producer = elsewhere.attach(&identity).unwrap().claim_lane(4 * UNIT).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let mut shrinker = Shrinker::new(&segment);
        let mut read = 0;
        (0..2).for_each(|_| shrinker.look());
        // Now the process asks for what it takes: three units, by turns.
        for number in [0, 2] {
            assert!(push(&mut producer, number, FULL_UNIT) && push(&mut producer, number + 1, FULL_UNIT));
            consume(&mut reader, &mut read);
        }
        shrinker.look();
        let thread = loom::thread::spawn(move || {
            (0..2).fold(0, |pushed, _| pushed + u8::from(push(&mut producer, 4 + pushed, FULL_UNIT)))
        });
        shrinker.look();
        let pushed = thread.join().unwrap();
        consume(&mut reader, &mut read);
        assert_eq!(read, 4 + pushed);
    });
}
