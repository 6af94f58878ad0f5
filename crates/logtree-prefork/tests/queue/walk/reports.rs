//! The listener dies while it says in the log how many records were dropped or could not be read, and its
//! successor goes on: the log tells of each drop once.

use std::time::{Duration, Instant};

use logtree_core::QueueLimits;
use logtree_os::{ProcessIdentity, RecordHead, Reserve, Segment, kill_points};
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Resource, Rlimit, getpid, getrlimit, setrlimit};

use super::held::Held;
use super::producer::lines_of;
use super::{Way, arm};
use crate::support::{DEADLINE, Lines, Queue, in_child, kill, until, wait_for_exit};

/// More than a lane holds.
const RECORDS: u32 = 1500;
/// So many processes drop records.
const DROPPING: usize = 3;
/// So many records make no sense.
const UNREADABLE: u32 = 7;
const CAPACITY_BYTES: usize = 64 << 10;
/// Where a listener is held that is in the middle of nothing, has no claim locked and is not looking whether it can leave; and
/// that will read what there is before it looks for drops.
const AT_REST: &str = "sleep: announced";
/// By then a standby listens, if there was one.
const SUCCEEDED_WITHIN: Duration = Duration::from_millis(50);

/// Where a listener comes in the batch in which the reports stand, and after it.
const POINTS: [&str; 13] = [
    "drops: due",
    "transaction: staged",
    "transaction: heads staged",
    "transaction: described",
    "transaction: committed",
    "file: half written",
    "batch: planned",
    "batch: appended",
    "transaction: step done",
    "batch: carried out",
    "drops: told",
    "batch: heads published",
    "transaction: finished",
];
/// Where its successor comes, when it was killed in that batch.
const RECOVERING: [&str; 3] = ["recovery: read", "recovery: all completed", "drops: told"];

pub(crate) fn a_listener_killed_at_any_point_tells_of_each_drop_once() {
    super::walk(&ways(), die);
}

/// The first who is to tell of drops dies, so that the next point is come to in a batch of reports: what was to be read besides
/// is written by then.
pub(super) fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = POINTS.iter().map(|point| vec!["drops: due", *point]).collect();
    for first in ["batch: planned", "batch: carried out", "drops: told"] {
        ways.extend(RECOVERING.iter().map(|second| vec!["drops: due", first, *second]));
    }
    // Only who appends comes to it.
    ways.push(vec!["drops: due", "batch: planned", "recovery: completed"]);
    ways
}

fn die(way: &[&str], round: u32) {
    let place = format!("{way:?}, round {round}");
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let limits = QueueLimits { capacity_bytes: CAPACITY_BYTES, ..QueueLimits::default() };
    let options = QueueOptions { limits, ..QueueOptions::default() };
    let started = || {
        let queue = Queue::over(&log, options.clone());
        queue.entry.handler.start().unwrap();
        queue
    };
    let (logged, log_count) = rustix::pipe::pipe().unwrap();
    let has_logged = |count: u32| {
        let told = [getpid().as_raw_nonzero().get().unsigned_abs(), count].map(u32::to_ne_bytes);
        rustix::io::write(&log_count, told.as_flattened()).unwrap();
    };
    let master = in_child(|| {
        let queue = started();
        queue.log(0);
        assert!(queue.flush());
        kill_points::hold(AT_REST);
        let listener = Held::at(AT_REST);
        // One lives on, so that its lane is not freed; the others are gone when it is told what they lost.
        (1..RECORDS).for_each(|number| queue.log(number));
        let dead = in_child(|| {
            (0..RECORDS).for_each(|number| queue.log(number));
            has_logged(RECORDS);
            kill(getpid());
        });
        assert_eq!(wait_for_exit(dead), None, "{place}");
        let without_lane = in_child(|| has_logged(log_without_lane(&queue)));
        assert_eq!(wait_for_exit(without_lane), Some(0), "{place}");
        assert_eq!(wait_for_exit(in_child(push_nonsense)), None, "{place}");
        let dropped = || logtree_prefork::stats()[0].dropped;
        let dropped_before = dropped();
        arm(way, 1);
        drop(listener);
        let mut more = RECORDS..;
        let mut log_one = || {
            more.next().into_iter().for_each(|number| queue.log(number));
            assert!(queue.flush());
        };
        let mut listened = Instant::now();
        until("all have died", || {
            if logtree_prefork::stats()[0].has_listener {
                listened = Instant::now();
            } else if listened.elapsed() > SUCCEEDED_WITHIN {
                // Where nobody is left who listens, who logs sees to it that somebody does.
                log_one();
            }
            kill_points::is_over()
        });
        log_one();
        has_logged(more.start);
        let mut is_now = 0;
        let began = Instant::now();
        while is_now != dropped_before && began.elapsed() < DEADLINE {
            is_now = dropped();
        }
        assert_eq!(is_now, dropped_before, "what is told does not count once; {place}");
        let stats = &logtree_prefork::stats()[0];
        assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
    });
    assert_eq!(wait_for_exit(master), Some(0), "{place}");
    let last = in_child(|| assert!(started().flush()));
    assert_eq!(wait_for_exit(last), Some(0), "{place}");
    Queue::over(&log, options.clone()).wait_until_gone();
    let lines = Lines::of(&log);
    for _ in 0..DROPPING {
        let [mut process, mut count] = [[0; 4]; 2];
        for number in [&mut process, &mut count] {
            assert_eq!(rustix::io::read(&logged, number).unwrap(), 4);
        }
        let (process, count) = (Pid::from_raw(i32::from_ne_bytes(process)).unwrap(), u32::from_ne_bytes(count));
        let written = lines_of(&lines, process);
        assert!(written < count, "all {count} are written, and none dropped; {place}");
        assert_eq!(written + told_of(&lines, process), count, "{:?}; {place}", lines.other);
    }
    let unreadable =
        format!("0 records were dropped that the listener made itself, and {UNREADABLE} that it could not read");
    assert_eq!(lines.other.iter().filter(|line| line.contains(&unreadable)).count(), 1, "{:?}; {place}", lines.other);
    assert_eq!(lines.other.len(), DROPPING + 1, "{:?}; {place}", lines.other);
}

/// Puts records into the queue that are none, and dies.
fn push_nonsense() {
    let segment = Segment::open(&logtree_prefork::stats()[0].path).unwrap();
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    let mut lane = process.claim_lane(CAPACITY_BYTES).unwrap();
    for _ in 0..UNREADABLE {
        let _published = lane.push(RecordHead::default(), &[b"no record"], Reserve::Ordinary).unwrap();
    }
    kill(getpid());
}

/// Of how many dropped records of a process the log tells.
fn told_of(lines: &Lines, process: Pid) -> u32 {
    let of_process = format!(" records of process {} were dropped: ", process.as_raw_nonzero());
    let reports = lines.other.iter().filter_map(|line| line.split_once(&of_process));
    // The process of the listener stands before the count.
    reports.map(|(before, _)| before.split(' ').nth(1).unwrap().parse::<u32>().unwrap()).sum()
}

/// Logs from one thread after the other, while the segment cannot grow, until there is no unit for another lane; how much.
fn log_without_lane(queue: &Queue) -> u32 {
    let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Fsize) };
    setrlimit(Resource::Fsize, limit).unwrap();
    let mut logged = 0;
    while logtree_prefork::stats()[0].drops.no_lane < 3 {
        std::thread::scope(|scope| scope.spawn(|| queue.log(logged)).join().unwrap());
        logged += 1;
    }
    logged
}
