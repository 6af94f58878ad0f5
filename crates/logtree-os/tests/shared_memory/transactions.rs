//! Transactions, as a successor finds them.

use std::os::unix::fs::FileExt as _;

use logtree_os::{DropReason, LaneReader, MAX_TRANSACTION_BYTES, Reserve, Told, Transactions};

use crate::support::{CAPACITY, at, attached, payload, segment};

/// What a unit of 16 KiB holds beside its header.
const UNIT: usize = 16 * 1024 - 16;

#[test]
fn what_was_committed_is_found_whole_and_once() {
    let (segment, _directory) = segment();
    let mut transactions = Transactions::new(&segment);
    // One byte, a full unit, one byte more, several units, and less again in units that hold old bytes.
    for (number, length) in [1, UNIT, UNIT + 1, 5 * UNIT + 3, 9].into_iter().enumerate() {
        let bytes = payload(number as u64, length);
        let mut staging = transactions.begin();
        staging.stage(&bytes).unwrap();
        assert!(segment.interrupted().is_none(), "nothing before the commit counts");
        let mut committed = staging.commit([]).unwrap();
        committed.step_done();
        let interrupted = segment.interrupted().unwrap();
        assert_eq!(interrupted.bytes().len(), length.next_multiple_of(8));
        assert_eq!((&interrupted.bytes()[..length], interrupted.steps_done()), (&bytes[..], 1));
        committed.finish();
        assert!(segment.interrupted().is_none());
    }
    assert_eq!(segment.refused_transactions(), 0);
}

#[test]
fn a_successor_publishes_the_heads_once() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    for number in 0..3 {
        let _published = producer.push(at(number), &[b"a record"], Reserve::Ordinary).unwrap();
    }
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    assert_eq!(reader.unpublished_head(), None);
    reader.read(&mut Vec::new()).unwrap().unwrap();
    reader.read(&mut Vec::new()).unwrap().unwrap();
    let mut transactions = Transactions::new(&segment);
    let mut staging = transactions.begin();
    staging.stage(b"two lines").unwrap();
    let _killed = staging.commit(reader.unpublished_head()).unwrap();
    let consumed = || segment.lane_view(producer.lane()).unwrap().consumed;
    assert_eq!(consumed(), 0);
    segment.interrupted().unwrap().finish();
    assert_eq!(consumed(), 2);
    let mut successor = LaneReader::open(&segment, producer.lane()).unwrap();
    assert_eq!(successor.read(&mut Vec::new()).unwrap().unwrap().sequence, 2);
}

#[test]
fn a_successor_remembers_what_was_told() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    producer.count_drop(DropReason::Full);
    producer.count_cut();
    process.count_drop_no_lane();
    let view = || segment.lane_view(lane).unwrap();
    let without_lane = || segment.process_view(process.slot()).unwrap();
    let told = [
        Told::dropped(&view(), DropReason::Full),
        Told::cut(&view()),
        Told::no_lane(&without_lane()),
        Told::word(31, 7),
    ];
    let mut transactions = Transactions::new(&segment);
    let mut staging = transactions.begin();
    staging.stage(b"a report").unwrap();
    staging.tell(&told);
    let _killed = staging.commit([]).unwrap();
    assert!(view().reported.is_zero());
    // More come, of which it does not tell.
    producer.count_drop(DropReason::Full);
    process.count_drop_no_lane();
    // Killed when some of it was remembered.
    segment.remember_told(&told[0]);
    segment.interrupted().unwrap().finish();
    let untold = view().drops.since(&view().reported);
    assert_eq!((untold.of(DropReason::Full), untold.total(), untold.cut()), (1, 1, 0));
    assert_eq!((without_lane().drops_no_lane, without_lane().reported_no_lane), (2, 1));
    assert_eq!((segment.word(31), segment.word(30)), (Some(7), Some(0)));
    // The next thread with this lane has dropped nothing that was told.
    producer.detach();
    assert!(segment.reclaim_lane(lane, false));
    producer = process.claim_lane(CAPACITY).unwrap();
    assert_eq!(producer.lane(), lane);
    told.iter().for_each(|told| segment.remember_told(told));
    assert!(view().reported.is_zero());
}

#[test]
fn bytes_that_somebody_wrote_over_are_refused() {
    let (segment, _directory) = segment();
    let mut transactions = Transactions::new(&segment);
    let mut staging = transactions.begin();
    staging.stage(b"these bytes stand nowhere else").unwrap();
    let _killed = staging.commit([]).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(segment.path()).unwrap();
    let bytes = std::fs::read(segment.path()).unwrap();
    let at = bytes.windows(11).position(|window| window == b"these bytes").unwrap();
    file.write_all_at(b"T", at as u64).unwrap();
    assert!(segment.interrupted().is_none());
    assert_eq!(segment.refused_transactions(), 1);
    // It is over: the next one stands alone.
    let mut staging = transactions.begin();
    staging.stage(b"another").unwrap();
    let _killed = staging.commit([]).unwrap();
    assert_eq!(segment.interrupted().unwrap().bytes(), b"another\0");
}

#[test]
fn a_count_of_steps_that_somebody_wrote_is_no_reason_to_leave_them_out() {
    let (segment, _directory) = segment();
    let mut transactions = Transactions::new(&segment);
    let mut staging = transactions.begin();
    staging.stage(b"one step").unwrap();
    let mut killed = staging.commit([]).unwrap();
    killed.step_done();
    let file = std::fs::OpenOptions::new().write(true).open(segment.path()).unwrap();
    // The first transaction, and one step of it.
    let word = [1_u32, 1].map(u32::to_ne_bytes).concat();
    let places = std::fs::read(segment.path()).unwrap();
    let at = places.chunks(8).position(|place| place == word).unwrap() as u64 * 8;
    for (said, steps) in [([1, 1], 1), ([u32::MAX, 1], 0), ([2, 1], 0), ([1, 2], 0)] {
        file.write_all_at(&said.map(u32::to_ne_bytes).concat(), at).unwrap();
        let mut interrupted = segment.interrupted().unwrap();
        assert_eq!(interrupted.steps_done(), steps, "{said:?}");
        interrupted.step_done();
        assert_eq!(interrupted.steps_done(), steps + 1);
    }
}

#[test]
fn a_large_transaction_gives_its_units_back() {
    let (process, segment, _directory) = attached();
    let mut transactions = Transactions::new(&segment);
    let mut commit = |bytes: &[u8]| {
        let mut staging = transactions.begin();
        staging.stage(bytes).unwrap();
        staging.commit([]).unwrap().finish();
    };
    commit(&payload(1, 200 * UNIT));
    let size = segment.size_bytes();
    commit(b"small");
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    for _ in 0..150 {
        let _published = producer.push(at(0), &[&payload(2, crate::support::WHOLE_UNIT)], Reserve::Urgent).unwrap();
    }
    assert_eq!(segment.size_bytes(), size);
}

#[test]
fn what_is_too_large_is_not_begun() {
    let (segment, _directory) = segment();
    let mut transactions = Transactions::new(&segment);
    let mut staging = transactions.begin();
    assert!(staging.stage(&vec![0; MAX_TRANSACTION_BYTES + 1]).is_err());
    assert!(segment.interrupted().is_none());
}
