//! Transactions under the model checker: whatever a successor sees of a listener that was stopped anywhere.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p logtree-os --release --test 'loom_*'`
//!
//! The successor looks while the listener goes on, so that it sees each beginning of what that one does, in each order that
//! the memory model allows. A real one comes when the other is dead, and sees no less.

#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use logtree_os::{LaneReader, ProcessIdentity, RecordHead, Reserve, Segment, Transactions};
use loom::sync::atomic::{AtomicU32, Ordering};

const STAGED: &[u8; 8] = b"two step";

#[test]
fn what_is_committed_is_whole() {
    loom::model(|| {
        let segment = Segment::model();
        let listening = Arc::clone(&segment);
        let listener = loom::thread::spawn(move || {
            let mut transactions = Transactions::new(&listening);
            let mut staging = transactions.begin();
            staging.stage(STAGED).unwrap();
            let _killed = staging.commit([]).unwrap();
        });
        if let Some(interrupted) = segment.interrupted() {
            assert_eq!(interrupted.bytes(), STAGED);
            assert_eq!(interrupted.steps_done(), 0);
        }
        assert_eq!(segment.refused_transactions(), 0);
        listener.join().unwrap();
        assert_eq!(segment.interrupted().unwrap().bytes(), STAGED);
    });
}

#[test]
fn a_step_that_counts_is_done() {
    loom::model(|| {
        let segment = Segment::model();
        let listening = Arc::clone(&segment);
        // How many steps stand in the file: nothing orders them but the transaction's own words.
        let file = Arc::new(AtomicU32::new(0));
        let writing = Arc::clone(&file);
        let listener = loom::thread::spawn(move || {
            let mut transactions = Transactions::new(&listening);
            let mut staging = transactions.begin();
            staging.stage(STAGED).unwrap();
            let mut committed = staging.commit([]).unwrap();
            for step in 1..=2 {
                writing.store(step, Ordering::Relaxed);
                committed.step_done();
            }
        });
        if let Some(interrupted) = segment.interrupted() {
            assert!(file.load(Ordering::Relaxed) >= interrupted.steps_done());
        }
        assert_eq!(segment.refused_transactions(), 0);
        listener.join().unwrap();
        assert_eq!(segment.interrupted().unwrap().steps_done(), 2);
    });
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
