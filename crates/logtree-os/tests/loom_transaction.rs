//! Transactions under the model checker: whatever a successor sees of a listener that was stopped anywhere.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p logtree-os --release --test 'loom_*'`
//!
//! The successor looks while the listener goes on, so that it sees each beginning of what that one does, in each order that
//! the memory model allows. A real one comes when the other is dead, and sees no less.
//!
//! It is the successor that has a thread of its own. The checker compares each access with the last one of the same word alone, and
//! a listener that looks at its own word before it changes it would hide from it that somebody else had looked before.

#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Counter;

use logtree_os::{LaneReader, ProcessIdentity, RecordHead, Reserve, Segment, Transactions};
use loom::sync::atomic::{AtomicU32, Ordering};

const STAGED: &[u8; 8] = b"two step";

#[test]
fn what_is_committed_is_whole() {
    static FOUND: Counter = Counter::new(0);
    static RUNS: Counter = Counter::new(0);
    loom::model(|| {
        let segment = Segment::model();
        let looked_at = Arc::clone(&segment);
        let successor = loom::thread::spawn(move || {
            if let Some(interrupted) = looked_at.interrupted() {
                assert_eq!(interrupted.bytes(), STAGED);
                assert_eq!(interrupted.steps_done(), 0);
                FOUND.fetch_add(1, Ordering::Relaxed);
            }
            assert_eq!(looked_at.refused_transactions(), 0);
        });
        let mut transactions = Transactions::new(&segment);
        let mut staging = transactions.begin();
        staging.stage(STAGED).unwrap();
        let _killed = staging.commit([]).unwrap();
        successor.join().unwrap();
        assert_eq!(segment.interrupted().unwrap().bytes(), STAGED);
        RUNS.fetch_add(1, Ordering::Relaxed);
    });
    assert_looked_before_and_after(&FOUND, &RUNS);
}

/// Asserts that the checker has tried both: a successor that finds a transaction, and one that comes before it.
fn assert_looked_before_and_after(found: &Counter, runs: &Counter) {
    let (found, runs) = (found.load(Ordering::Relaxed), runs.load(Ordering::Relaxed));
    assert!(0 < found && found < runs, "{found} of {runs}");
}

#[test]
fn a_step_that_counts_is_done() {
    static FOUND: Counter = Counter::new(0);
    static RUNS: Counter = Counter::new(0);
    loom::model(|| {
        let segment = Segment::model();
        // How many steps stand in the file: nothing orders them but the transaction's own words.
        let file = Arc::new(AtomicU32::new(0));
        let (looked_at, read) = (Arc::clone(&segment), Arc::clone(&file));
        let successor = loom::thread::spawn(move || {
            if let Some(interrupted) = looked_at.interrupted() {
                assert!(read.load(Ordering::Relaxed) >= interrupted.steps_done());
                FOUND.fetch_add(u32::from(interrupted.steps_done() > 0), Ordering::Relaxed);
            }
            assert_eq!(looked_at.refused_transactions(), 0);
        });
        let mut transactions = Transactions::new(&segment);
        let mut staging = transactions.begin();
        // More steps than pieces, there are none.
        (0..2).for_each(|_| staging.stage(STAGED).unwrap());
        let mut committed = staging.commit([]).unwrap();
        for step in 1..=2 {
            file.store(step, Ordering::Relaxed);
            committed.step_done();
        }
        successor.join().unwrap();
        assert_eq!(segment.interrupted().unwrap().steps_done(), 2);
        RUNS.fetch_add(1, Ordering::Relaxed);
    });
    assert_looked_before_and_after(&FOUND, &RUNS);
}

#[test]
fn what_is_finished_is_not_read_again() {
    static FOUND: Counter = Counter::new(0);
    static RUNS: Counter = Counter::new(0);
    loom::model(|| {
        let segment = Segment::model();
        let identity = ProcessIdentity { pid: 1, start_time: 2, namespaces: 3, nonce: 4 };
        let process = segment.attach(&identity).unwrap();
        let mut producer = process.claim_lane(160).unwrap();
        let lane = producer.lane();
        let _published = producer.push(RecordHead::default(), &[b"x"], Reserve::Urgent).unwrap();
        let mut reader = LaneReader::open(&segment, lane).unwrap();
        reader.read(&mut Vec::new()).unwrap().unwrap();
        let mut transactions = Transactions::new(&segment);
        let mut staging = transactions.begin();
        staging.stage(STAGED).unwrap();
        let committed = staging.commit(reader.unpublished_head()).unwrap();
        let looked_at = Arc::clone(&segment);
        let successor = loom::thread::spawn(move || match looked_at.interrupted() {
            Some(_) => drop(FOUND.fetch_add(1, Ordering::Relaxed)),
            None => assert_eq!(looked_at.lane_view(lane).unwrap().consumed, 1),
        });
        reader.publish_head();
        committed.finish();
        successor.join().unwrap();
        assert_eq!(segment.refused_transactions(), 0);
        RUNS.fetch_add(1, Ordering::Relaxed);
    });
    assert_looked_before_and_after(&FOUND, &RUNS);
}

#[test]
fn heads_are_published_beside_a_producer_that_goes_on() {
    loom::model(|| {
        let segment = Segment::model();
        let identity = ProcessIdentity { pid: 1, start_time: 2, namespaces: 3, nonce: 4 };
        let process = segment.attach(&identity).unwrap();
        let mut producer = process.claim_lane(160).unwrap();
        let lane = producer.lane();
        let mut push = move || producer.push(RecordHead::default(), &[b"x"], Reserve::Urgent).is_ok();
        assert!(push());
        let mut reader = LaneReader::open(&segment, lane).unwrap();
        reader.read(&mut Vec::new()).unwrap().unwrap();
        let mut transactions = Transactions::new(&segment);
        let mut staging = transactions.begin();
        staging.stage(STAGED).unwrap();
        let _killed = staging.commit(reader.unpublished_head()).unwrap();
        let thread = loom::thread::spawn(move || assert!(push()));
        segment.interrupted().unwrap().finish();
        assert!(segment.interrupted().is_none());
        assert_eq!(segment.lane_view(lane).unwrap().consumed, 1);
        let mut successor = LaneReader::open(&segment, lane).unwrap();
        thread.join().unwrap();
        assert_eq!(successor.read(&mut Vec::new()).unwrap().unwrap().sequence, 1);
        assert!(successor.peek().unwrap().is_none());
    });
}
