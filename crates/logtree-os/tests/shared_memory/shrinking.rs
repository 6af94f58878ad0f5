//! Memory that a burst needed is given back, and asked for again before it is touched.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use logtree_os::{DropReason, LaneProducer, LaneReader, ProcessIdentity, Reserve, Segment, SegmentOptions, Shrinker};

use crate::support::{CAPACITY, at, drain, fork, on_small_file_system, payload, segment};
#[cfg(not(logtree_kill_points))]
use crate::without;

/// Three of these fill a unit.
const BYTES: usize = 5000;
/// Free units that keep their memory. There are none where all kill points are to be come to: two tests are not for that.
#[cfg(not(logtree_kill_points))]
const RESERVE_UNITS: usize = 16;

fn claim(segment: &Arc<Segment>) -> LaneProducer {
    segment.attach(&ProcessIdentity::current()).unwrap().claim_lane(CAPACITY).unwrap()
}

/// Pushes records until there are so many or one is refused; how many were taken, and why the last one was not.
fn push(producer: &mut LaneProducer, count: usize) -> (usize, Option<DropReason>) {
    for number in 0..count {
        let bytes = payload(number as u64, BYTES);
        if let Err(error) = producer.push(at(number as u64), &[&bytes], Reserve::Urgent) {
            return (number, Some(error.reason()));
        }
    }
    (count, None)
}

/// A producer that was refused memory asks again after some records.
fn push_until_taken(producer: &mut LaneProducer) {
    let is_taken = |_| push(producer, 1) == (1, None);
    assert!((0..300).any(is_taken));
}

/// Reads what is in a lane, which [`push`] has put there, and gives it free.
fn consume(segment: &Arc<Segment>, producer: &LaneProducer) -> usize {
    let mut reader = LaneReader::open(segment, producer.lane()).unwrap();
    let records = drain(&mut reader);
    reader.publish_head();
    assert!(records.iter().all(|(head, bytes)| *bytes == payload(head.time_ns, BYTES)));
    records.len()
}

fn shrink(segment: &Arc<Segment>) {
    let mut shrinker = Shrinker::new(segment);
    (0..2).for_each(|_| shrinker.look());
}

fn resident_bytes(segment: &Segment) -> u64 {
    let bytes = fs::metadata(segment.path()).unwrap().blocks() * 512;
    assert_eq!(segment.resident_bytes(), bytes);
    bytes
}

/// Takes all memory there is in the directory's file system.
fn fill_up(directory: &Path) {
    let mut file = File::create(directory.join("filler")).unwrap();
    for bytes in [64 << 10, 4096, 1] {
        while file.write_all(&vec![1; bytes]).is_ok() {}
    }
}

#[cfg(not(logtree_kill_points))]
#[test]
fn what_a_burst_took_is_given_back_and_taken_again() {
    let (segment, _directory) = segment();
    let mut producer = claim(&segment);
    let before = resident_bytes(&segment);
    for _ in 0..3 {
        assert_eq!(push(&mut producer, 3000), (3000, None));
        let burst = resident_bytes(&segment);
        assert!(burst >= before + 3000 * BYTES as u64);
        shrink(&segment);
        assert_eq!(resident_bytes(&segment), burst, "it is all in use");
        assert_eq!(consume(&segment, &producer), 3000);
        shrink(&segment);
        let left = resident_bytes(&segment);
        assert!(left <= before + (16 << 14), "{left} after {burst}, {before} before");
        assert_eq!(logtree_os::SegmentLook::open(segment.path()).unwrap().sight().size_bytes, left);
    }
}

#[test]
fn what_is_used_again_soon_stays() {
    let (segment, _directory) = segment();
    let mut producer = claim(&segment);
    let mut shrinker = Shrinker::new(&segment);
    for _ in 0..5 {
        shrinker.look();
        assert_eq!(push(&mut producer, 300), (300, None));
        assert_eq!(consume(&segment, &producer), 300);
        assert!(resident_bytes(&segment) >= 300 * BYTES as u64);
    }
}

/// As before Linux 5.14, and under filters: the kernel is asked for memory in another way.
#[cfg(not(logtree_kill_points))]
#[test]
fn who_may_not_have_the_kernel_touch_pages_gets_memory_all_the_same() {
    let (segment, _directory) = segment();
    let mut producer = claim(&segment);
    assert_eq!(push(&mut producer, 3000), (3000, None));
    assert_eq!(consume(&segment, &producer), 3000);
    shrink(&segment);
    let before = resident_bytes(&segment);
    let child = fork(|| {
        if without::deny(&[libc::SYS_madvise], libc::EINVAL).is_err() {
            return 77;
        }
        let mut producer = claim(&segment);
        assert_eq!(push(&mut producer, 2000), (2000, None));
        assert_eq!(consume(&segment, &producer), 2000);
        0
    });
    match child.wait() {
        77 => eprintln!("skipped: no filter can be set here"),
        code => assert_eq!(code, 0),
    }
    assert!(resident_bytes(&segment) >= before + 1900 * BYTES as u64, "it is the memory that was given back");
}

/// Whoever logs then finds no memory, and dies of nothing: the process that was there all the time, one that was forked
/// from it, one that has come since, one that has lost its descriptors and the way to the file.
#[cfg(not(logtree_kill_points))]
#[test]
fn a_file_system_that_fills_up_meanwhile_is_an_error_not_a_signal() {
    on_small_file_system("4m", |path| {
        let segment = Segment::create(path, "queue", &SegmentOptions::default()).unwrap();
        let (mut old, mut forgetful) = (claim(&segment), claim(&segment));
        for producer in [&mut old, &mut forgetful] {
            let (pushed, why) = push(producer, usize::MAX);
            assert_eq!(why, Some(DropReason::NoMemory));
            assert_eq!(consume(&segment, producer), pushed);
            shrink(&segment);
        }
        fill_up(path);
        // There is room in what has kept its memory: the reserve, but for the last units of four lanes, and those.
        let room = 3 * (RESERVE_UNITS - 4)..3 * (RESERVE_UNITS + 4);
        let assert_refused = |producer: &mut LaneProducer| {
            let (pushed, why) = push(producer, usize::MAX);
            assert_eq!(why, Some(DropReason::NoMemory));
            assert!(room.contains(&pushed), "{pushed} records are none of {room:?}");
        };
        let child = fork(|| {
            let mut producer = claim(&segment);
            assert_refused(&mut producer);
            consume(&segment, &producer);
            0
        });
        assert_eq!(child.wait(), 0);
        let newcomer = Segment::open(&path.join("queue")).unwrap();
        let mut new = claim(&newcomer);
        assert_refused(&mut new);
        consume(&segment, &new);
        assert_refused(&mut old);
        consume(&segment, &old);
        let child = fork(|| {
            segment.unlink().unwrap();
            // SAFETY: nothing of this child uses a descriptor by anything but number.
            assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
            assert_refused(&mut forgetful);
            consume(&segment, &forgetful);
            fs::remove_file(path.join("filler")).unwrap();
            push_until_taken(&mut forgetful);
            assert_eq!(push(&mut forgetful, 300), (300, None));
            0
        });
        assert_eq!(child.wait(), 0);
        // And everybody else's records are whole.
        assert_eq!(push(&mut old, 50), (50, None));
        assert_eq!(consume(&segment, &old), 50);
    });
}

/// Killed in it, the listener leaves units that may have memory or not.
#[cfg(logtree_kill_points)]
#[test]
fn a_listener_killed_while_it_takes_memory_away_leaves_no_trap() {
    use logtree_os::kill_points;

    for point in ["shrink: units taken", "shrink: announced", "shrink: memory taken", "shrink: unit freed"] {
        on_small_file_system("4m", |path| {
            kill_points::share();
            let segment = Segment::create(path, "queue", &SegmentOptions::default()).unwrap();
            let mut producer = claim(&segment);
            assert_eq!(push(&mut producer, 400), (400, None));
            assert_eq!(consume(&segment, &producer), 400);
            let bytes = segment.size_bytes();
            let killed = || {
                let child = fork(|| {
                    shrink(&segment);
                    0
                });
                assert_eq!(child.wait(), -libc::SIGKILL, "{point}");
            };
            kill_points::arm(&[(point, 1), (point, 2)]);
            (0..2).for_each(|_| killed());
            segment.take_over();
            fill_up(path);
            let (pushed, why) = push(&mut producer, usize::MAX);
            assert_eq!(why, Some(DropReason::NoMemory), "{point}");
            assert_eq!(consume(&segment, &producer), pushed);
            fs::remove_file(path.join("filler")).unwrap();
            push_until_taken(&mut producer);
            assert_eq!(consume(&segment, &producer), 1);
            assert_eq!(push(&mut producer, 397), (397, None), "{point}");
            assert_eq!(segment.size_bytes(), bytes, "units are lost, {point}");
        });
    }
}
