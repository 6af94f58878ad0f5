//! Records that are larger than their lane.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use logtree_os::{
    DropReason, LaneProducer, LaneReader, MAX_SPILLED_BYTES, ProcessIdentity, Reserve, Segment, SegmentOptions,
};

use crate::support::{at, attached, drain, fork, payload, wait_until};

/// The smallest lane that takes records and keeps a unit for what matters.
const CAPACITY: usize = 8 * 16 * 1024;

fn directory_of(segment: &Segment) -> PathBuf {
    let name = format!("spill-{}", segment.path().file_name().unwrap().to_str().unwrap());
    segment.path().with_file_name(name)
}

fn files_of(segment: &Segment) -> Vec<PathBuf> {
    fs::read_dir(directory_of(segment)).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn push(producer: &mut LaneProducer, number: u64, length: usize) -> Result<(), DropReason> {
    let bytes = payload(number, length);
    let (first, second) = bytes.split_at(length / 3);
    let outcome = producer.push(at(number), &[first, second], Reserve::Ordinary);
    let outcome = match outcome {
        Err(error) if error.is_too_large() => producer.push_spilled(at(number), &[first, second], Reserve::Ordinary),
        outcome => outcome,
    };
    outcome.map(drop).map_err(|error| error.reason())
}

#[test]
fn they_come_out_whole_and_in_their_turn() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let sizes = [10, 200_000, 20, 130_000, 115_000, 30];
    for turn in 0..3 {
        for (number, size) in sizes.into_iter().enumerate() {
            push(&mut producer, number as u64, size).unwrap();
        }
        assert_eq!(files_of(&segment).len(), 3);
        let records = drain(&mut reader);
        for (number, size) in sizes.into_iter().enumerate() {
            let (head, bytes) = &records[number];
            assert_eq!(*head, at(number as u64));
            assert!(*bytes == payload(number as u64, size), "record {number} in turn {turn}");
        }
        assert_eq!(records.len(), sizes.len());
        assert_eq!(files_of(&segment).len(), 3, "what was read may have to be read again");
        reader.publish_head();
        assert_eq!(files_of(&segment).len(), 0);
    }
    segment.unlink().unwrap();
    assert!(!directory_of(&segment).exists());
}

#[test]
fn a_successor_reads_what_was_read_and_not_published() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    push(&mut producer, 1, 200_000).unwrap();
    push(&mut producer, 2, 200_000).unwrap();
    for _ in 0..2 {
        let mut killed = LaneReader::open(&segment, producer.lane()).unwrap();
        assert_eq!(drain(&mut killed).len(), 2);
    }
    let mut first = LaneReader::open(&segment, producer.lane()).unwrap();
    first.read(&mut Vec::new()).unwrap().unwrap();
    first.publish_head();
    segment.sweep_spills();
    assert_eq!(files_of(&segment).len(), 1, "the second is waited for");
    let mut second = LaneReader::open(&segment, producer.lane()).unwrap();
    assert!(drain(&mut second) == [(at(2), payload(2, 200_000))]);
    second.publish_head();
}

#[test]
fn what_no_lane_waits_for_is_swept() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let [mut other, mut dead] = [(); 2].map(|()| process.claim_lane(CAPACITY).unwrap());
    push(&mut producer, 0, 10).unwrap();
    push(&mut producer, 1, 200_000).unwrap();
    push(&mut other, 2, 200_000).unwrap();
    push(&mut dead, 3, 200_000).unwrap();
    let spilled = files_of(&segment);
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    assert_eq!(drain(&mut reader).len(), 2);
    // Killed between publishing and deleting; a producer was killed before it published; a stranger's; a lane that died.
    let copies: Vec<_> = spilled.iter().map(|path| (path, fs::read(path).unwrap())).collect();
    reader.publish_head();
    copies.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    let of = |lane: &LaneProducer, sequence: u32| {
        let view = segment.lane_view(lane.lane()).unwrap();
        let name = format!("{}-{}-{}-{sequence}", segment.id(), lane.lane().number(), view.generation);
        directory_of(&segment).join(name)
    };
    let about_to_be_published = of(&other, 1);
    let strange = directory_of(&segment).join(format!("{:032x}-0-1-1", 7));
    [&about_to_be_published, &strange].into_iter().for_each(|path| fs::write(path, b"x").unwrap());
    let (lane, its) = (dead.lane(), of(&dead, 0));
    assert!(its.exists());
    segment.sweep_spills();
    let mut kept = files_of(&segment);
    kept.sort();
    let mut expected = vec![of(&other, 0), about_to_be_published.clone(), its.clone()];
    expected.sort();
    assert_eq!(kept, expected);
    drop(dead);
    assert!(segment.reclaim_lane(lane, true));
    segment.sweep_spills();
    assert!(!its.exists());
    // Nothing of it stays once the segment is gone, also if another one has its name by then.
    fs::rename(segment.path(), segment.path().with_file_name("aside")).unwrap();
    let next = Segment::create(segment.path().parent().unwrap(), "queue", &SegmentOptions::default()).unwrap();
    let mut lane = next.attach(&ProcessIdentity::current()).unwrap().claim_lane(CAPACITY).unwrap();
    push(&mut lane, 4, 200_000).unwrap();
    segment.unlink().unwrap();
    assert_eq!(files_of(&segment).len(), 1);
    next.unlink().unwrap();
    assert!(!directory_of(&next).exists());
}

#[test]
fn a_file_that_is_gone_or_another_is_one_record_lost() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    let spoil: [fn(&PathBuf); 6] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"short").unwrap(),
        |path| fs::write(path, [fs::read(path).unwrap(), vec![b'x']].concat()).unwrap(),
        |path| {
            // The very file, but by way of a link.
            let aside = path.parent().unwrap().with_file_name("aside");
            fs::rename(path, &aside).unwrap();
            std::os::unix::fs::symlink(aside, path).unwrap();
        },
        |path| {
            if std::os::unix::fs::chown(path, Some(65534), None).is_err() {
                eprintln!("not root: the owner's check was not tried");
                fs::remove_file(path).unwrap();
            }
        },
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for spoil in spoil {
        push(&mut producer, 1, 200_000).unwrap();
        push(&mut producer, 2, 10).unwrap();
        spoil(&files_of(&segment)[0]);
        assert!(drain(&mut reader) == [(at(1), vec![]), (at(2), payload(2, 10))]);
        reader.publish_head();
        files_of(&segment).iter().for_each(|left| fs::remove_dir(left).unwrap());
    }
}

#[test]
fn a_lane_spills_no_more_than_four_times_its_capacity() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
    // Alone, a record may be larger than that.
    push(&mut producer, 0, 5 * CAPACITY).unwrap();
    assert_eq!(push(&mut producer, 1, CAPACITY), Err(DropReason::Full));
    assert_eq!(drain(&mut reader).len(), 1);
    assert_eq!(push(&mut producer, 1, CAPACITY), Err(DropReason::Full), "read is not yet done");
    reader.publish_head();
    (0..4).for_each(|number| push(&mut producer, number, CAPACITY).unwrap());
    assert_eq!(push(&mut producer, 1, CAPACITY), Err(DropReason::Full));
    assert_eq!(files_of(&segment).len(), 4);
    assert_eq!(drain(&mut reader).len(), 4);
}

#[test]
fn what_cannot_be_spilled_leaves_nothing() {
    let (process, segment, _directory) = attached();
    let mut producer = process.claim_lane(CAPACITY).unwrap();
    assert_eq!(push(&mut producer, 0, MAX_SPILLED_BYTES as usize + 1), Err(DropReason::TooLarge));
    assert_eq!(push(&mut producer, 0, 10), Ok(()));
    let child = fork(|| {
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        let limit = libc::rlimit { rlim_cur: 150_000, rlim_max: 150_000 };
        // SAFETY: the pointer is valid.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }, 0);
        assert_eq!(push(&mut producer, 0, 150_001), Err(DropReason::NoMemory));
        assert_eq!(push(&mut producer, 0, 150_000), Ok(()));
        0
    });
    assert_eq!(child.wait(), 0);
    assert_eq!(files_of(&segment).len(), 1);
    // No descriptor: for the one who writes, and for the one who reads.
    let child = fork(|| {
        let mut producer = process.claim_lane(CAPACITY).unwrap();
        push(&mut producer, 0, 150_000).unwrap();
        let mut reader = LaneReader::open(&segment, producer.lane()).unwrap();
        let limit = |number| {
            let limit = libc::rlimit { rlim_cur: number, rlim_max: 1000 };
            // SAFETY: the pointer is valid.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        };
        limit(3);
        assert_eq!(push(&mut producer, 1, 150_000), Err(DropReason::NoMemory));
        let mut bytes = vec![7];
        assert_eq!(reader.read(&mut bytes).unwrap(), None, "not now");
        assert_eq!(bytes, [7]);
        limit(1000);
        assert!(drain(&mut reader) == [(at(0), payload(0, 150_000))]);
        reader.publish_head();
        0
    });
    assert_eq!(child.wait(), 0);
    // A directory that others can write to is not trusted, and a segment without its name is not found.
    let before = files_of(&segment).len();
    fs::set_permissions(directory_of(&segment), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(push(&mut producer, 0, 150_000), Err(DropReason::NoMemory));
    fs::set_permissions(directory_of(&segment), fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(segment.path(), segment.path().with_file_name("aside")).unwrap();
    assert_eq!(push(&mut producer, 0, 150_000), Err(DropReason::NoMemory));
    assert_eq!(files_of(&segment).len(), before);
    fs::rename(segment.path().with_file_name("aside"), segment.path()).unwrap();
    segment.unlink().unwrap();
    assert!(!directory_of(&segment).exists());
}

/// As much of a producer's life as it takes to be killed in it, at a place that differs from round to round.
#[test]
fn a_producer_killed_while_it_spills_leaves_whole_records_or_none() {
    let (process, segment, _directory) = attached();
    let process = Arc::new(process);
    for round in 0..30_u32 {
        let lane = process.claim_lane(CAPACITY).unwrap();
        let number = lane.lane();
        let child = fork(move || {
            let mut lane = lane;
            let mut record = 0;
            loop {
                record += u64::from(push(&mut lane, record, 200_000).is_ok());
            }
        });
        let mut reader = LaneReader::open(&segment, number).unwrap();
        let mut read = 0;
        let mut bytes = Vec::new();
        wait_until("records of the producer", || {
            while let Some(record) = reader.read(&mut bytes).unwrap() {
                assert!(record.head == at(read) && bytes == payload(read, 200_000), "record {read} in round {round}");
                bytes.clear();
                read += 1;
            }
            reader.publish_head();
            read > u64::from(round % 7)
        });
        (0..round * 3000).for_each(|_| std::hint::spin_loop());
        child.kill();
        for (head, bytes) in drain(&mut reader) {
            assert!(head == at(read) && bytes == payload(read, 200_000), "record {read} in round {round}");
            read += 1;
        }
        reader.publish_head();
        assert!(reader.is_drained());
        assert!(segment.reclaim_lane(number, true));
        segment.sweep_spills();
        assert_eq!(files_of(&segment).len(), 0, "round {round}");
    }
}
