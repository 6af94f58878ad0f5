//! Processes come and go.

use std::sync::Arc;

use logtree_os::{ProcessIdentity, ProcessState, SegmentState, SlotIndex};

use crate::support::{CAPACITY, attached, fork, segment};

#[test]
fn a_process_says_who_it_is() {
    let (process, segment, _directory) = attached();
    let view = segment.process_view(process.slot()).unwrap();
    assert_eq!(view.identity, ProcessIdentity::current());
    assert_eq!(view.state, ProcessState::Attached);
    let slot = process.slot();
    process.detach();
    assert_eq!(segment.process_view(slot).unwrap().state, ProcessState::Detached);
}

#[test]
fn a_slot_is_kept_while_a_lane_is() {
    let (process, segment, _directory) = attached();
    let slot = process.slot();
    let producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    process.detach();
    assert!(!segment.release_process(slot));
    producer.detach();
    assert!(!segment.release_process(slot));
    assert!(segment.reclaim_lane(lane, false));
    assert!(segment.release_process(slot));
    assert!(!segment.release_process(slot), "it is free");
}

#[test]
fn a_full_table_refuses_and_counts() {
    let (segment, _directory) = segment();
    let identity = ProcessIdentity::current();
    let all: Vec<_> = (0..SlotIndex::COUNT).map(|_| segment.attach(&identity).unwrap()).collect();
    assert!(segment.attach(&identity).unwrap_err().is_full());
    assert_eq!(segment.refused_processes(), 1);
    assert!(segment.release_process(all[17].slot()));
    assert_eq!(segment.attach(&identity).unwrap().slot(), all[17].slot());
}

#[test]
fn a_segment_closes_when_nobody_needs_it() {
    let (process, segment, _directory) = attached();
    let identity = ProcessIdentity::current();
    assert!(!segment.try_close(|_| false));
    assert_eq!(segment.state(), SegmentState::Open);
    let producer = process.claim_lane(CAPACITY).unwrap();
    assert!(!segment.try_close(|_| true), "a lane may hold records");
    let lane = producer.lane();
    producer.detach();
    assert!(segment.reclaim_lane(lane, false));
    assert!(segment.try_close(|process| process.identity == identity));
    assert_eq!(segment.state(), SegmentState::Closed);
    let error = segment.attach(&identity).unwrap_err();
    assert!(error.is_closed() && !error.is_closing());
    assert!(segment.processes().count() == 1, "a refused process leaves no trace");
    assert_eq!(segment.take_over(), 1);
    assert_eq!(segment.state(), SegmentState::Closed, "what is closed stays closed");
}

#[test]
fn newcomers_and_a_leaving_listener_never_miss_each_other() {
    for _ in 0..50 {
        let (segment, _directory) = segment();
        let children: Vec<_> = (0..2)
            .map(|_| {
                let segment = Arc::clone(&segment);
                fork(move || {
                    loop {
                        match segment.attach(&ProcessIdentity::current()) {
                            Ok(_) => return 0,
                            Err(error) if error.is_closed() => return 1,
                            Err(error) => assert!(error.is_closing()),
                        }
                    }
                })
            })
            .collect();
        let closed = segment.try_close(|_| false);
        let refused: i32 = children.into_iter().map(|child| child.wait()).sum();
        // If it closed, nobody is in; whoever came later was told.
        assert_eq!(refused, if closed { 2 } else { 0 });
        assert_eq!(segment.processes().count(), if closed { 0 } else { 2 });
    }
}
