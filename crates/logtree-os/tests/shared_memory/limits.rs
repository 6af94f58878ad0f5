//! Memory is short, or the host has taken the descriptor away.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_os::{
    DropReason, LaneProducer, LaneReader, ProcessIdentity, Reserve, Segment, SegmentOptions, Sleep, Sleeper,
    Transactions,
};

use crate::support::{
    CAPACITY, at, directory, drain, fork, on_file_system, on_small_file_system, payload, segment, wait_until,
};

/// Pushes until nothing goes any more; how much went.
fn fill(segment: &Arc<Segment>) -> (usize, DropReason, LaneProducer) {
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let bytes = payload(1, 5000);
    let mut pushed = 0;
    loop {
        match producer.push(at(pushed as u64), &[&bytes], Reserve::Urgent) {
            Ok(_) => pushed += 1,
            Err(error) => return (pushed, error.reason(), producer),
        }
    }
}

#[test]
fn a_limit_for_file_sizes_is_an_error_not_a_signal() {
    let child = fork(|| {
        let (segment, _directory) = segment();
        let bytes = segment.size_bytes() + (1 << 20);
        let limit = libc::rlimit { rlim_cur: bytes as libc::rlim_t, rlim_max: bytes as libc::rlim_t };
        // SAFETY: the pointer is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
        let (pushed, reason, _producer) = fill(&segment);
        assert_eq!(reason, DropReason::NoMemory);
        // Up to the limit, which is 64 units of three such records away.
        assert_eq!(pushed, 64 * 3);
        let error = Segment::create(segment.path().parent().unwrap(), "second", &SegmentOptions::default());
        assert!(error.is_ok());
        let limit = libc::rlimit { rlim_cur: 1000, rlim_max: 1000 };
        // SAFETY: the pointer is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
        let error = Segment::create(segment.path().parent().unwrap(), "third", &SegmentOptions::default()).unwrap_err();
        assert!(error.is_no_memory() && error.to_string().contains("ulimit -f"), "{error}");
        0
    });
    assert_eq!(child.wait(), 0);
}

#[test]
fn a_producer_without_memory_ends_a_nap() {
    let (segment, _directory) = segment();
    let child = fork(|| {
        wait_until("the nap", || segment.listener_sleep() == Some(Sleep::Nap));
        let bytes = segment.size_bytes() + (64 << 10);
        let limit = libc::rlimit { rlim_cur: bytes as libc::rlim_t, rlim_max: bytes as libc::rlim_t };
        // SAFETY: the pointer is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
        let (pushed, reason, _producer) = fill(&segment);
        // Half of what would end the nap by itself.
        assert_eq!((pushed, reason), (4 * 3, DropReason::NoMemory));
        0
    });
    let begin = Instant::now();
    Sleeper::new(&segment).sleep(Sleep::Nap, Duration::from_secs(30), || false);
    assert!(begin.elapsed() < Duration::from_secs(15));
    assert_eq!(child.wait(), 0);
}

/// On a memory file system without fallocate(2) nobody could tell that a page has memory before it is touched.
#[test]
fn a_file_system_without_fallocate_is_an_error_that_says_so() {
    on_file_system(c"ramfs", "mode=0700", |path| {
        let error = Segment::create(path, "queue", &SegmentOptions::default()).unwrap_err();
        let not_supported = std::io::Error::from_raw_os_error(libc::EOPNOTSUPP);
        let said = format!("{}: set memory aside: {not_supported}", path.join("queue").display());
        assert_eq!(error.to_string(), said);
        assert!(!error.is_no_memory());
        assert_eq!(fs::read_dir(path).unwrap().count(), 0, "nothing is left of it");
    });
}

#[test]
fn a_full_file_system_is_an_error_and_heals() {
    on_small_file_system("2m", |path| {
        let segment = Segment::create(path, "queue", &SegmentOptions::default()).unwrap();
        let (pushed, reason, mut producer) = fill(&segment);
        assert_eq!(reason, DropReason::NoMemory);
        // All but the last page or so of the file system is in use.
        assert!((1 << 20) + (16 << 10) >= (2 << 20) - segment.size_bytes());
        assert!(pushed > 100, "{pushed}");
        let no_room = Segment::create(path, "second", &SegmentOptions::default()).unwrap_err();
        assert!(no_room.is_no_memory(), "{no_room}");
        // What went in comes out, and then there is room again.
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        assert_eq!(drain(&mut reader).len(), pushed);
        reader.publish_head();
        let bytes = payload(1, 5000);
        for _ in 0..pushed - 3 {
            assert!(producer.push(at(0), &[&bytes], Reserve::Ordinary).is_ok());
        }
    });
}

/// Room for a segment's head and so many units.
fn with_units(units: u64) -> String {
    let (segment, _directory) = segment();
    (segment.size_bytes() + units * (16 << 10)).to_string()
}

/// Logs, and listens, many times what there is memory for.
fn go_on(segment: &Arc<Segment>, producer: &mut LaneProducer, transactions: &mut Transactions) {
    let mut reader = LaneReader::open(segment, producer.lane()).unwrap();
    drain(&mut reader);
    reader.publish_head();
    for record in 0..200 {
        assert!(producer.push(at(record), &[&payload(1, 5000)], Reserve::Ordinary).is_ok(), "record {record}");
        assert_eq!(drain(&mut reader).len(), 1);
        let mut staging = transactions.begin();
        staging.stage(&payload(1, 5000)).unwrap();
        let committed = staging.commit(reader.unpublished_head()).unwrap();
        reader.publish_head();
        committed.finish();
        transactions.rest();
    }
}

#[test]
fn where_a_segment_can_be_made_a_process_can_log_for_ever() {
    for too_few in 0..4 {
        on_small_file_system(&with_units(too_few), |path| {
            let no_room = Segment::create(path, "queue", &SegmentOptions::default()).unwrap_err();
            assert!(no_room.is_no_memory(), "{no_room}");
        });
    }
    on_small_file_system(&with_units(4), |path| {
        let segment = Segment::create(path, "queue", &SegmentOptions::default()).unwrap();
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        process.definitions().define(b"a callsite").unwrap();
        // What is there for it nobody else takes.
        assert!(fs::write(path.join("other"), [1; 4096]).is_err());
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        go_on(&segment, &mut producer, &mut Transactions::new(&segment));
    });
}

#[test]
fn a_listener_keeps_no_unit_that_is_missing_elsewhere() {
    on_small_file_system(&with_units(15), |path| {
        let segment = Segment::create(path, "queue", &SegmentOptions::default()).unwrap();
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        process.definitions().define(b"a callsite").unwrap();
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        let mut transactions = Transactions::new(&segment);
        {
            let mut staging = transactions.begin();
            while staging.stage(&payload(1, 5000)).is_ok() {}
        }
        transactions.rest();
        // More than the first unit holds.
        for record in 0..4 {
            let outcome = producer.push(at(record), &[&payload(1, 5000)], Reserve::Ordinary);
            assert!(outcome.is_ok(), "record {record}: {outcome:?}");
        }
        go_on(&segment, &mut producer, &mut transactions);
    });
}

/// Closes every descriptor, as a program that daemonises does, and puts others in their place.
fn close_and_reuse(victim: &std::path::Path) -> Vec<File> {
    // SAFETY: nothing of this child uses a descriptor by anything but number.
    assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
    fs::write(victim, b"precious").unwrap();
    let files: Vec<_> = (0..60).map(|_| File::options().read(true).write(true).open(victim).unwrap()).collect();
    assert!(files.iter().any(|file| file.as_raw_fd() == 3));
    files
}

#[test]
fn a_closed_descriptor_is_opened_anew_and_a_reused_one_left_alone() {
    let outside = directory();
    let victim = outside.path().join("victim");
    let child = fork(|| {
        let (segment, _directory) = segment();
        let before = segment.size_bytes();
        let others = close_and_reuse(&victim);
        let (pushed, reason, producer) = fill(&segment);
        assert_eq!((pushed, reason), (1024 * 3, DropReason::Full));
        assert!(segment.size_bytes() >= before + (16 << 20));
        drop(producer);
        drop(segment);
        assert_eq!(fs::metadata(&victim).unwrap().len(), 8);
        // The segment's drop has closed none of them.
        for file in &others {
            assert_eq!(file.metadata().unwrap().len(), 8);
        }
        0
    });
    assert_eq!(child.wait(), 0);
}

#[test]
fn without_descriptor_and_name_a_segment_serves_but_does_not_grow() {
    let outside = directory();
    let victim = outside.path().join("victim");
    let child = fork(|| {
        let (segment, _directory) = segment();
        let empty = segment.size_bytes();
        let first = segment.attach(&ProcessIdentity::current()).unwrap().claim_lane(CAPACITY).unwrap();
        let size = segment.size_bytes();
        segment.unlink().unwrap();
        let _others = close_and_reuse(&victim);
        let (pushed, reason, producer) = fill(&segment);
        // One unit of those that the file grew by is the first lane's.
        let units = (size - empty) as usize / (16 << 10) - 1;
        assert_eq!((pushed, reason), (units * 3, DropReason::NoMemory));
        assert_eq!(segment.size_bytes(), size);
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        assert_eq!(drain(&mut reader).len(), pushed);
        drop(first);
        assert_eq!(fs::metadata(&victim).unwrap().len(), 8);
        0
    });
    assert_eq!(child.wait(), 0);
}

#[test]
fn little_address_space_makes_a_smaller_reserve() {
    let child = fork(|| {
        // What is in use already counts: other tests have mapped segments when this child was made.
        let in_use = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = in_use.split(' ').next().unwrap().parse().unwrap();
        let bytes = pages * 4096 + (900 << 20);
        let limit = libc::rlimit { rlim_cur: bytes as libc::rlim_t, rlim_max: bytes as libc::rlim_t };
        // SAFETY: the pointer is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
        let (segment, _directory) = segment();
        let (pushed, reason, _producer) = fill(&segment);
        assert_eq!((pushed, reason), (1024 * 3, DropReason::Full));
        Segment::open(segment.path()).map(drop).unwrap_err().is_no_address_space().into()
    });
    // 512 MiB are mapped; as much again does not fit.
    assert_eq!(child.wait(), 1);
}

#[test]
fn a_small_reserve_is_filled_to_its_end_whatever_did_not_fit_before() {
    let place = directory();
    let options = SegmentOptions { reserve_bytes: 4 << 20 };
    let segment = Segment::create(place.path(), "queue", &options).unwrap();
    let units = ((4 << 20) - segment.size_bytes() as usize) / (16 << 10);
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    let mut first = process.claim_lane(CAPACITY).unwrap();
    let error = first.push(at(0), &[&payload(0, 4 << 20)], Reserve::Urgent).unwrap_err();
    assert_eq!(error.reason(), DropReason::NoMemory);
    let (pushed, reason, _producer) = fill(&segment);
    // One unit is the first lane's.
    assert_eq!((pushed, reason), ((units - 1) * 3, DropReason::NoMemory));
}
