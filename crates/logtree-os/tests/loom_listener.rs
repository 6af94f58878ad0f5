//! Sleeping, waking, leaving and attaching under the model checker.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p logtree-os --release --test 'loom_*'`
//!
//! There are no clocks here: a listener that is not woken sleeps for ever, and the checker calls that a deadlock.

#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use logtree_os::{
    Attachment, LaneReader, ProcessIdentity, ProcessState, RecordHead, Reserve, Segment, SegmentState, Sleep, Sleeper,
};

const CAPACITY: usize = 320;
const FOR_EVER: Duration = Duration::from_secs(3600);

fn identity() -> ProcessIdentity {
    ProcessIdentity { pid: 1, start_time: 2, namespaces: 3, nonce: 4 }
}

fn attached() -> (Arc<Segment>, Attachment) {
    let segment = Segment::model();
    let process = segment.attach(&identity()).unwrap();
    (segment, process)
}

#[test]
fn a_record_wakes_the_sleeping_listener() {
    loom::model(|| {
        let (segment, process) = attached();
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let thread = loom::thread::spawn(move || {
            let _published = producer.push(RecordHead::default(), &[b"x"], Reserve::Ordinary).unwrap();
        });
        let sleeper = Sleeper::new(&segment);
        let mut bytes = Vec::new();
        while reader.read(&mut bytes).unwrap().is_none() {
            sleeper.sleep(Sleep::Deep, FOR_EVER, || reader.peek().unwrap().is_some());
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_flush_wakes_a_napping_listener_and_is_answered() {
    loom::model(|| {
        let (segment, _process) = attached();
        let asking = Arc::clone(&segment);
        let thread = loom::thread::spawn(move || {
            asking.request_flush();
            // Progress is told by the heartbeat here.
            assert!(asking.wait_for_progress(FOR_EVER, || asking.heartbeat_ns() == 1));
        });
        let mut sleeper = Sleeper::new(&segment);
        while !sleeper.take_flush_request() {
            sleeper.sleep(Sleep::Nap, FOR_EVER, || false);
        }
        sleeper.announce_progress(1);
        thread.join().unwrap();
    });
}

#[test]
fn a_newcomer_is_seen_or_told() {
    loom::model(|| {
        let segment = Segment::model();
        let attaching = Arc::clone(&segment);
        let thread = loom::thread::spawn(move || attaching.attach(&identity()).map(|process| process.slot()));
        let closed = segment.try_close(|_| false);
        match thread.join().unwrap() {
            Ok(slot) => {
                assert!(!closed, "it is in a segment that nobody reads");
                assert_eq!(segment.process_view(slot).unwrap().state, ProcessState::Attached);
            }
            Err(error) => {
                assert!(error.is_closing() || error.is_closed());
                assert!(closed || !error.is_closed());
                assert_eq!(segment.processes().count(), 0);
            }
        }
    });
}

/// What one of two who would close has opened again, the other does not close by a look from before.
#[test]
fn a_newcomer_is_seen_or_told_by_two_who_would_close() {
    // All orders of three threads take hours.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let (segment, process) = attached();
        let close = |segment: &Segment| segment.try_close(|process| segment.has_left(process));
        let (closing, attaching) = (Arc::clone(&segment), Arc::clone(&segment));
        let first = loom::thread::spawn(move || close(&closing));
        let newcomer = loom::thread::spawn(move || attaching.attach(&identity()).is_ok());
        process.leave();
        close(&segment);
        first.join().unwrap();
        let is_attached = newcomer.join().unwrap();
        assert!(!(is_attached && segment.state() == SegmentState::Closed), "it is in a segment that nobody reads");
    });
}

/// Whoever is stopped while he looks whether he can close does not close what a newcomer has opened again.
#[test]
fn a_newcomer_that_does_not_wait_is_in_a_segment_that_stays() {
    // Two attempts to attach in all orders take too long.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let segment = Segment::model();
        let attaching = Arc::clone(&segment);
        let newcomer = loom::thread::spawn(move || {
            attaching.attach(&identity()).or_else(|_| {
                attaching.reopen();
                attaching.attach(&identity())
            })
        });
        let closed = segment.try_close(|_| false);
        let joined = newcomer.join().unwrap();
        assert_ne!(joined.is_ok(), closed, "a newcomer is in a segment that is closed, or in none");
        assert_eq!(segment.state() == SegmentState::Closed, closed);
    });
}

#[test]
fn two_newcomers_take_two_slots() {
    loom::model(|| {
        let segment = Segment::model();
        let attaching = Arc::clone(&segment);
        let thread = loom::thread::spawn(move || attaching.attach(&identity()).unwrap().slot());
        let here = segment.attach(&identity()).unwrap().slot();
        assert_ne!(thread.join().unwrap(), here);
        assert_eq!(segment.processes().count(), 2);
    });
}

/// A process ends while one of its threads takes a lane: the lane is given up, or the slot is kept.
#[test]
fn a_lane_is_never_kept_in_a_slot_that_was_left() {
    loom::model(|| {
        let (segment, process) = attached();
        let process = Arc::new(process);
        let claiming = Arc::clone(&process);
        let thread = loom::thread::spawn(move || {
            let lane = claiming.claim_lane(CAPACITY).unwrap();
            claiming.is_attached().then_some(lane).is_some()
        });
        process.leave();
        let view = segment.process_view(process.slot()).unwrap();
        let is_freed = segment.has_left(&view);
        let is_kept = thread.join().unwrap();
        assert!(!(is_kept && is_freed), "the lane is another process's by now");
    });
}
