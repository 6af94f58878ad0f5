//! A producer, or a listener, killed at any instant.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use logtree_os::{LaneReader, LaneState, ProcessIdentity, Reserve, Segment};

use crate::support::{CAPACITY, Random, at, attached, drain, fork, payload, segment, wait_until, witness};

/// Mostly small records, some of many units.
fn size(number: u64) -> usize {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    if number.is_multiple_of(50) { (spread % 60_000) as usize } else { (spread % 400) as usize }
}

/// Busy until then: a kill at a random instant, not at a scheduler's tick.
fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

#[test]
fn a_killed_producer_leaves_whole_records_and_all_that_it_published() {
    const ROUNDS: u64 = 400;
    let seed = u64::from(std::process::id()) << 20 | 1;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let (segment, _directory) = segment();
    let witness = witness();
    let mut most = 0;
    for round in 0..ROUNDS {
        witness[0].store(0, Ordering::SeqCst);
        let producing = Arc::clone(&segment);
        let child = fork(move || {
            let process = producing.attach(&ProcessIdentity::current()).unwrap();
            let mut producer = process.claim_lane(CAPACITY).unwrap();
            let mut definitions = process.definitions();
            for number in 0.. {
                // While the lane is full the same record is tried again.
                let bytes = payload(number, size(number));
                while producer.push(at(number), &[&bytes], Reserve::Ordinary).is_err() {}
                witness[0].store(number + 1, Ordering::SeqCst);
                if number % 100 == 0 {
                    definitions.define(&bytes[..bytes.len().min(1000)]).unwrap();
                }
            }
            0
        });
        if round % 4 != 0 {
            wait_until("a first record", || witness[0].load(Ordering::SeqCst) > 0);
        }
        spin(Duration::from_micros(random.below(1500)));
        let mut reader = None;
        let mut number = 0;
        if round % 2 == 0 {
            // Reading while it writes, so that units change hands under the kill.
            reader = read_for(&segment, &mut number, Duration::from_micros(random.below(800)));
        }
        child.kill();
        let published = witness[0].load(Ordering::SeqCst);
        most = most.max(published);
        if reader.is_none() {
            reader = open_reader(&segment);
        }
        if let Some(reader) = &mut reader {
            read_all(reader, &mut number);
            reader.publish_head();
            assert!(reader.is_drained());
        }
        assert!(number == published || number == published + 1, "{number} read of {published} (seed {seed})");
        bury(&segment);
    }
    assert!(most > 100, "the children hardly came to write: {most}");
    assert!(segment.processes().next().is_none());
    assert!(segment.try_close(|_| false), "nothing is left of {ROUNDS} processes");
    // Every unit of every one of them is free again: 16 MiB fit without the file growing.
    let size = segment.size_bytes();
    assert!(size < 64 << 20, "{size}");
}

fn open_reader(segment: &Arc<Segment>) -> Option<LaneReader> {
    segment.lanes().find_map(|lane| LaneReader::open(segment, lane.lane))
}

fn read_all(reader: &mut LaneReader, number: &mut u64) {
    for (head, bytes) in drain(reader) {
        assert_eq!(head.time_ns, *number);
        assert_eq!(bytes, payload(*number, size(*number)), "record {number} is torn");
        *number += 1;
    }
}

fn read_for(segment: &Arc<Segment>, number: &mut u64, time: Duration) -> Option<LaneReader> {
    let mut reader = open_reader(segment)?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        read_all(&mut reader, number);
        reader.publish_head();
    }
    Some(reader)
}

/// What a listener does about processes that are surely dead; here all are.
fn bury(segment: &Arc<Segment>) {
    let lanes: Vec<_> = segment.lanes().filter(|lane| lane.state != LaneState::Free).collect();
    for lane in lanes {
        assert!(segment.reclaim_lane(lane.lane, true));
    }
    let processes: Vec<_> = segment.processes().collect();
    for process in processes {
        assert!(segment.release_process(process.slot));
    }
}

#[test]
fn a_killed_listener_loses_no_unit_and_no_record() {
    const ROUNDS: u64 = 300;
    let seed = u64::from(std::process::id()) << 20 | 3;
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    let witness = witness();
    let mut number = 0;
    for _ in 0..ROUNDS {
        let listening = Arc::clone(&segment);
        let child = fork(move || {
            let mut reader = LaneReader::open(&listening, lane).unwrap();
            loop {
                let mut bytes = Vec::new();
                // Small batches: the kill is meant for the publishing.
                for _ in 0..20 {
                    let Some(record) = reader.read(&mut bytes).unwrap() else { break };
                    let number = record.head.time_ns;
                    if bytes != payload(number, size(number)) {
                        witness[1].fetch_add(1, Ordering::SeqCst);
                    }
                    bytes.clear();
                }
                reader.publish_head();
                witness[0].fetch_add(1, Ordering::SeqCst);
            }
        });
        let batches = witness[0].load(Ordering::SeqCst);
        let mut push = || {
            if producer.push(at(number), &[&payload(number, size(number))], Reserve::Ordinary).is_ok() {
                number += 1;
            }
        };
        wait_until("a batch", || {
            push();
            witness[0].load(Ordering::SeqCst) > batches
        });
        let end = Instant::now() + Duration::from_micros(random.below(1000));
        while Instant::now() < end {
            push();
        }
        child.kill();
        assert_eq!(witness[1].load(Ordering::SeqCst), 0, "a listener read a torn record (seed {seed})");
    }
    // The last successor reads on exactly behind the published head.
    let mut reader = LaneReader::open(&segment, lane).unwrap();
    let consumed = segment.lane_view(lane).unwrap().consumed;
    let mut next = u64::from(consumed);
    read_all(&mut reader, &mut next);
    assert_eq!(next, number);
    reader.publish_head();
    leaks_nothing(&segment, reader, producer);
}

/// With the lane empty, all units but the one in use must be free: so much fits without the file growing.
fn leaks_nothing(segment: &Arc<Segment>, mut reader: LaneReader, mut producer: logtree_os::LaneProducer) {
    let size = segment.size_bytes();
    let units = (size - first_unit_at()) / (16 * 1024);
    let bytes = payload(1, crate::support::WHOLE_UNIT);
    for turn in 0..units - 1 {
        let pushed = producer.push(at(0), &[&bytes], Reserve::Urgent);
        assert!(pushed.is_ok(), "unit {turn} of {units}");
    }
    assert_eq!(segment.size_bytes(), size, "some of {units} units were lost");
    assert_eq!(drain(&mut reader).len() as u64, units - 1);
}

/// Where a fresh segment's units begin: its size before the first one was needed.
fn first_unit_at() -> u64 {
    let (segment, _directory) = segment();
    segment.size_bytes()
}

/// The producer uses a unit again at once. A successor that then takes it for the beginning of the chain would free it.
#[cfg(logtree_kill_points)]
#[test]
fn a_listener_killed_while_it_gives_units_back_leaves_no_trap() {
    use logtree_os::kill_points;

    /// Three of these fill a unit.
    const BYTES: usize = 5000;
    let be_killed = |point: &str, nth: u32| {
        kill_points::share();
        let (process, segment, _directory) = attached();
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        let lane = producer.lane();
        let mut number = 0;
        // Four units' worth of records.
        let mut push = || {
            for _ in 0..12 {
                let _ = producer.push(at(number), &[&payload(number, BYTES)], Reserve::Urgent).unwrap();
                number += 1;
            }
            number
        };
        let read = |reader: &mut LaneReader, end: u64| {
            let expected: Vec<_> = (end - 12..end).map(|number| (at(number), payload(number, BYTES))).collect();
            assert!(drain(reader) == expected, "{point}, {nth}");
            reader.publish_head();
        };
        let end = push();
        kill_points::arm(&[(point, nth)]);
        let listener = fork(|| {
            read(&mut LaneReader::open(&segment, lane).unwrap(), end);
            0
        });
        assert_eq!(listener.wait(), -libc::SIGKILL, "{point}, {nth}");
        let end = push();
        segment.take_over();
        let mut reader = LaneReader::open(&segment, lane).unwrap();
        read(&mut reader, end);
        let end = push();
        read(&mut reader, end);
    };
    let each = ["lane: unit announced", "lane: anchor moved", "lane: unit given back"];
    let each = each.iter().flat_map(|point| (1..=3).map(move |nth| (*point, nth)));
    for (point, nth) in each.chain([("lane: head stored", 1), ("lane: passed stored", 1)]) {
        let child = fork(|| {
            be_killed(point, nth);
            0
        });
        assert_eq!(child.wait(), 0);
    }
}
