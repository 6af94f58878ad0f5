//! What goes into a lane comes out of it.

use std::sync::Arc;

use logtree_os::{DropReason, LaneIndex, LaneReader, LaneState, RecordHead, Reserve, Told};

use crate::support::{CAPACITY, WHOLE_UNIT, at, attached, drain, fork, payload, wait_until};

#[test]
fn records_of_every_size_come_out_as_they_went_in() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let sizes = [0, 1, 7, 8, 9, 100, WHOLE_UNIT - 1, WHOLE_UNIT, WHOLE_UNIT + 1, 2 * WHOLE_UNIT]
        .into_iter()
        .chain((0..600).map(|n| WHOLE_UNIT / 2 + n))
        // Where a record that spans units ends exactly with one of them.
        .chain((1..4).flat_map(|n| (0..32).map(move |less| WHOLE_UNIT + n * (16 * 1024 - 16) - less)))
        .chain([1 << 20, 0, (1 << 20) + 1, 3]);
    for (number, size) in sizes.enumerate() {
        let bytes = payload(number as u64, size);
        // Pieces of all lengths, empty ones among them.
        let (first, rest) = bytes.split_at(size / 3);
        let (second, third) = rest.split_at(rest.len().min(5));
        let head = RecordHead { time_ns: number as u64, definition: 7 + number as u32, flags: number as u16 };
        let _published = producer.push(head, &[first, &[], second, third], Reserve::Ordinary).unwrap();
        assert_eq!(reader.peek().unwrap(), Some(head));
        assert_eq!(drain(&mut reader), [(head, bytes)], "record {number} of {size} bytes");
        assert_eq!(reader.peek().unwrap(), None);
        if number % 3 == 0 {
            reader.publish_head();
        }
    }
}

#[test]
fn a_lane_that_is_read_needs_no_more_memory() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let bytes = payload(1, 1000);
    for turn in 0..20_000 {
        let _published = producer.push(at(turn), &[&bytes], Reserve::Ordinary).unwrap();
        assert_eq!(drain(&mut reader).len(), 1);
        reader.publish_head();
    }
    // One growth of the file, made for the first unit, has served 20 MB.
    assert!(segment.size_bytes() <= (1 << 20) + (384 << 10), "{}", segment.size_bytes());
}

#[test]
fn neither_end_of_a_lane_makes_a_system_call_while_the_other_keeps_up() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let child = fork(move || {
        let record = payload(1, 100);
        let mut bytes = Vec::with_capacity(1 << 20);
        // From here on all but read, write and exit kill the process, seccomp(2).
        // SAFETY: constants only.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) }, 0);
        let mut failures = 0;
        for turn in 0..100_000 {
            failures += libc::c_long::from(producer.push(at(turn), &[&record], Reserve::Ordinary).is_err());
            // Three units lie between the two at times.
            if turn % 400 == 0 {
                while let Ok(Some(_)) = reader.read(&mut bytes) {
                    bytes.clear();
                }
                reader.publish_head();
            }
        }
        // SAFETY: ends this process, which has one thread; `_exit` would call exit_group, which strict mode forbids.
        unsafe { libc::syscall(libc::SYS_exit, failures) as i32 }
    });
    assert_eq!(child.wait(), 0);
}

/// Page faults of this thread so far that needed no disk.
fn page_faults() -> libc::c_long {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for one `rusage`.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) }, 0);
    // SAFETY: filled by the system; all zeros is a value too.
    unsafe { usage.assume_init() }.ru_minflt
}

#[test]
fn records_into_memory_that_a_lane_has_grown_by_raise_no_page_faults() {
    // SAFETY: no byte is advised on; the answer is whether the advice is known.
    if unsafe { libc::madvise(std::ptr::null_mut(), 0, libc::MADV_POPULATE_WRITE) } != 0 {
        eprintln!("skipped: before Linux 5.14 nobody can ask for pages");
        return;
    }
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let record = payload(1, 100);
    let (mut growths, mut pages, mut faults) = (0, 0, 0);
    while growths < 8 {
        let (size, before) = (segment.size_bytes(), page_faults());
        let _published = producer.push(at(0), &[&record], Reserve::Ordinary).unwrap();
        let (grown, raised) = (segment.size_bytes() - size, page_faults() - before);
        if grown > 0 {
            growths += 1;
            pages += grown / 4096;
        } else if growths > 0 {
            faults += raised;
        }
    }
    // The system may take a page from a process at any time; without the advice each one raises a fault.
    assert!(faults < pages as libc::c_long / 8, "{faults} faults for {pages} pages");
}

#[test]
fn a_lane_is_full_at_its_capacity_and_not_before() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(8 * 16 * 1024).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let bytes = payload(1, WHOLE_UNIT);
    let mut push = |reserve| producer.push(at(0), &[&bytes], reserve);
    for _ in 0..7 {
        assert!(push(Reserve::Ordinary).is_ok());
    }
    assert!(push(Reserve::Ordinary).unwrap_err().is_full(), "the last eighth is for urgent records");
    assert!(push(Reserve::Urgent).is_ok());
    assert!(push(Reserve::Urgent).unwrap_err().is_full());
    // Two read: the first one's unit is behind the head.
    let mut out = Vec::new();
    assert!(reader.read(&mut out).unwrap().is_some());
    assert!(reader.read(&mut out).unwrap().is_some());
    assert!(push(Reserve::Urgent).unwrap_err().is_full(), "read is not yet done");
    reader.publish_head();
    assert!(push(Reserve::Ordinary).unwrap_err().is_full());
    assert!(push(Reserve::Urgent).is_ok());
    assert_eq!(drain(&mut reader).len(), 7);
}

#[test]
fn a_record_larger_than_the_lane_is_too_large_and_counted() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(8 * 16 * 1024).unwrap();
    let bytes = payload(1, 8 * 16 * 1024);
    let error = producer.push(at(0), &[&bytes], Reserve::Urgent).unwrap_err();
    assert_eq!(error.reason(), DropReason::TooLarge);
    producer.count_drop(error.reason());
    producer.count_drop(DropReason::Full);
    producer.count_drop(DropReason::Full);
    let lane = segment.lane_view(producer.lane()).unwrap();
    assert_eq!(lane.drops.of(DropReason::TooLarge), 1);
    assert_eq!(lane.drops.of(DropReason::Full), 2);
    assert_eq!(lane.drops.total(), 3);
    for reason in [DropReason::TooLarge, DropReason::Full] {
        segment.remember_told(&Told::dropped(&lane, reason));
    }
    producer.count_drop(DropReason::Full);
    let lane = segment.lane_view(producer.lane()).unwrap();
    assert_eq!(lane.drops.since(&lane.reported).total(), 1);
    // The lane itself is unharmed.
    assert!(producer.push(at(0), &[b"small"], Reserve::Ordinary).is_ok());
}

#[test]
fn a_successor_begins_at_the_published_head() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    for number in 0..100 {
        let _published = producer.push(at(number), &[&payload(number, 3000)], Reserve::Ordinary).unwrap();
    }
    let mut first = LaneReader::open(&segment, producer.lane()).unwrap();
    let mut bytes = Vec::new();
    for _ in 0..40 {
        first.read(&mut bytes).unwrap().unwrap();
    }
    first.publish_head();
    for _ in 0..20 {
        first.read(&mut bytes).unwrap().unwrap();
    }
    drop(first);
    let mut second = LaneReader::open(&segment, producer.lane()).unwrap();
    let times: Vec<_> = drain(&mut second).iter().map(|(head, _)| head.time_ns).collect();
    assert_eq!(times, (40..100).collect::<Vec<_>>());
    let view = segment.lane_view(producer.lane()).unwrap();
    assert_eq!((view.published, view.consumed, view.waiting()), (100, 40, 60));
}

#[test]
fn a_thousand_lanes_are_claimed_read_and_reclaimed() {
    let (process, segment, _directory) = attached();
    let mut producers: Vec<_> = (0..1000).map(|_| process.claim_lane(CAPACITY).unwrap()).collect();
    for (number, producer) in (0..).zip(&mut producers) {
        let _published = producer.push(at(number), &[&payload(number, 50)], Reserve::Ordinary).unwrap();
    }
    let tickets = segment.tickets(process.slot());
    assert_eq!(tickets.len(), 1000);
    let mut readers: Vec<_> = segment.lanes().map(|lane| LaneReader::open(&segment, lane.lane).unwrap()).collect();
    assert_eq!(readers.len(), 1000);
    for (number, reader) in (0..).zip(&mut readers) {
        assert_eq!(drain(reader), [(at(number), payload(number, 50))]);
        assert!(!segment.is_consumed(&tickets[number as usize]));
        reader.publish_head();
        assert!(segment.is_consumed(&tickets[number as usize]));
    }
    let size = segment.size_bytes();
    for producer in producers {
        producer.detach();
    }
    for reader in readers {
        assert!(reader.is_finished());
        assert!(segment.reclaim_lane(reader.lane(), false));
    }
    assert!(segment.lanes().all(|lane| lane.state == LaneState::Free));
    // All units are free again: as many lanes once more, and the file stays as long as it was.
    let again: Vec<_> = (0..1000).map(|_| process.claim_lane(CAPACITY).unwrap()).collect();
    assert_eq!(segment.size_bytes(), size);
    drop(again);
}

#[test]
fn all_lanes_taken_is_an_error_and_counted() {
    let (process, segment, _directory) = attached();
    let lanes: Vec<_> = (0..LaneIndex::COUNT).map(|_| process.claim_lane(CAPACITY).unwrap()).collect();
    assert!(!process.claim_lane(CAPACITY).unwrap_err().is_no_memory());
    process.count_drop_no_lane();
    assert_eq!(segment.process_view(process.slot()).unwrap().drops_no_lane, 1);
    drop(lanes);
}

#[test]
fn a_lane_under_a_live_owner_is_left_alone() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    let _published = producer.push(at(1), &[b"here"], Reserve::Ordinary).unwrap();
    assert!(!segment.reclaim_lane(lane, false));
    let reader = LaneReader::open(&segment, lane).unwrap();
    producer.detach();
    assert!(!reader.is_finished(), "a record waits");
    let mut reader = LaneReader::open(&segment, lane).unwrap();
    assert_eq!(drain(&mut reader).len(), 1);
    assert!(!reader.is_finished(), "read is not yet done");
    reader.publish_head();
    assert!(reader.is_finished());
}

#[test]
fn a_retired_lane_tells_its_producer() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    LaneReader::open(&segment, lane).unwrap().retire();
    assert_eq!(segment.bad_lanes(), 1);
    assert!(LaneReader::open(&segment, lane).is_none());
    // It notices when it needs the next unit, at the latest.
    let bytes = payload(1, WHOLE_UNIT);
    let errors: Vec<_> = (0..2).filter_map(|_| producer.push(at(0), &[&bytes], Reserve::Ordinary).err()).collect();
    assert!(errors.len() == 1 && errors[0].is_retired());
    producer.detach();
    assert!(!segment.reclaim_lane(lane, false), "its process lives");
    assert!(segment.reclaim_lane(lane, true));
}

#[test]
fn two_hundred_thousand_records_cross_to_another_process_unharmed() {
    const RECORDS: u64 = 200_000;
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let lane = producer.lane();
    let size = |number: u64| (number * 37 % 300) as usize;
    let listener = {
        let segment = Arc::clone(&segment);
        fork(move || {
            let mut reader = LaneReader::open(&segment, lane).unwrap();
            let mut bytes = Vec::new();
            let mut number = 0;
            while number < RECORDS {
                wait_until("the next record", || reader.peek().unwrap().is_some());
                while let Some(record) = reader.read(&mut bytes).unwrap() {
                    assert_eq!(record.sequence as u64, number);
                    assert_eq!(record.head.time_ns, number);
                    assert_eq!(bytes, payload(number, size(number)));
                    bytes.clear();
                    number += 1;
                }
                reader.publish_head();
            }
            0
        })
    };
    for number in 0..RECORDS {
        let bytes = payload(number, size(number));
        wait_until("room", || match producer.push(at(number), &[&bytes], Reserve::Ordinary) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_full());
                false
            }
        });
    }
    assert_eq!(listener.wait(), 0);
    assert!(segment.is_consumed(&segment.tickets(process.slot())[0]));
}
