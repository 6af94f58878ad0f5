//! A sleeping listener is woken, and only when it should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logtree_os::{LaneProducer, LaneReader, Published, Reserve, Segment, Sleep, Sleeper};

use crate::support::{CAPACITY, WHOLE_UNIT, at, attached, fork, payload, wait_until};

/// Longer than any test takes: a lost wake-up does not heal.
const FOR_EVER: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads and sleeps until it has read `records`.
fn listen(segment: &Arc<Segment>, producer: &LaneProducer, how: Sleep, records: u64) {
    let mut reader = LaneReader::open(segment, producer.lane()).unwrap();
    let mut sleeper = Sleeper::new(segment);
    let mut bytes = Vec::new();
    let mut read = 0;
    while read < records {
        while reader.read(&mut bytes).unwrap().is_some() {
            read += 1;
        }
        bytes.clear();
        reader.publish_head();
        sleeper.announce_progress(read);
        sleeper.take_flush_request();
        if read < records {
            sleeper.sleep(how, FOR_EVER, || reader.peek().unwrap().is_some());
        }
    }
}

#[test]
fn a_sleeping_listener_in_another_process_misses_no_record() {
    const RECORDS: u64 = 20_000;
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let listening = Arc::clone(&segment);
    let of = &producer;
    let child = fork(move || {
        listen(&listening, of, Sleep::Deep, RECORDS);
        0
    });
    for number in 0..RECORDS {
        let _published = producer.push(at(number), &[b"wake up"], Reserve::Ordinary).unwrap();
        // One by one, and sometimes a few, so that it falls asleep under all kinds of records.
        if number % 7 != 0 {
            let ticket = segment.tickets(process.slot())[0];
            assert!(segment.wait_for_progress(PATIENCE, || segment.is_consumed(&ticket)), "record {number}");
        }
    }
    assert_eq!(child.wait(), 0);
    assert_eq!(segment.heartbeat_ns(), RECORDS);
}

#[test]
fn a_nap_is_ended_by_a_lane_filling_up_or_a_flush_and_not_by_a_record() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let naps = &AtomicU64::new(0);
    thread::scope(|scope| {
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let napping = Arc::clone(&segment);
        let listener = scope.spawn(move || {
            let mut sleeper = Sleeper::new(&napping);
            let mut flushes = 0;
            for _ in 0..2 {
                sleeper.sleep(Sleep::Nap, FOR_EVER, || false);
                flushes += u64::from(sleeper.take_flush_request());
                naps.fetch_add(1, Ordering::SeqCst);
            }
            flushes
        });
        let is_napping = || segment.listener_sleep() == Some(Sleep::Nap);
        wait_until("the nap", is_napping);
        let bytes = payload(1, WHOLE_UNIT);
        for _ in 0..8 {
            let _published = producer.push(at(0), &[&bytes], Reserve::Ordinary).unwrap();
            assert!(is_napping(), "no more than 128 KiB wait");
        }
        let _published = producer.push(at(0), &[&bytes], Reserve::Ordinary).unwrap();
        wait_until("the end of the nap", || naps.load(Ordering::SeqCst) == 1);
        wait_until("the second nap", is_napping);
        // The lane is empty again.
        let mut out = Vec::new();
        while reader.read(&mut out).unwrap().is_some() {}
        reader.publish_head();
        let _published = producer.push(at(0), &[b"small"], Reserve::Ordinary).unwrap();
        assert!(is_napping());
        let begin = Instant::now();
        segment.request_flush();
        assert_eq!(listener.join().unwrap(), 1);
        assert!(begin.elapsed() < PATIENCE);
    });
}

#[test]
fn a_listener_with_something_to_do_does_not_sleep() {
    let (_process, segment, _directory) = attached();
    let mut sleeper = Sleeper::new(&segment);
    let begin = Instant::now();
    sleeper.sleep(Sleep::Deep, FOR_EVER, || true);
    segment.request_flush();
    sleeper.sleep(Sleep::Deep, FOR_EVER, || panic!("a flush waits"));
    assert!(sleeper.take_flush_request());
    assert!(!sleeper.take_flush_request());
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(segment.listener_sleep(), None);
}

#[test]
fn sleeping_and_waiting_end_in_time_when_nobody_wakes() {
    let (_process, segment, _directory) = attached();
    let short = Duration::from_millis(20);
    let begin = Instant::now();
    Sleeper::new(&segment).sleep(Sleep::Deep, short, || false);
    assert!(begin.elapsed() >= short);
    assert!(!segment.wait_for_progress(short, || false));
    assert!(begin.elapsed() >= 2 * short && begin.elapsed() < PATIENCE);
}

#[test]
fn a_vacant_seat_is_seen_and_a_dead_holder_too() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut is_vacant = || producer.push(at(0), &[b"?"], Reserve::Ordinary).unwrap() == Published::Vacant;
    assert!(is_vacant());
    segment.seat().store(4711, Ordering::Relaxed);
    assert!(!is_vacant());
    // FUTEX_WAITERS | FUTEX_OWNER_DIED, as the kernel leaves it, get_robust_list(2).
    segment.seat().store(0xc000_0000, Ordering::Relaxed);
    assert!(is_vacant());
}
