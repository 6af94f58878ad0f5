//! Records that are larger than a lane.

use std::path::PathBuf;

use logtree_core::{Overflow, QueueLimits};
use logtree_prefork::QueueOptions;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::support::{DEADLINE, Lines, Queue, followed_listener, in_child, kill, stop_helpers, until, wait_for_exit};

/// A lane that takes a tenth of a mebibyte, and makes its thread wait.
fn small(overflow: Overflow) -> QueueOptions {
    let limits = QueueLimits { capacity_bytes: 128 << 10, overflow, ..QueueLimits::default() };
    QueueOptions { limits, ..QueueOptions::default() }
}

/// Where the queue over a log has its spill files.
fn spill_directory(queue: &Queue) -> PathBuf {
    let claim = queue.log.with_file_name(format!(".{}.logtree", queue.log.file_name().unwrap().to_str().unwrap()));
    let claim = std::fs::read_to_string(claim).unwrap();
    let segment = claim.lines().find_map(|line| line.strip_prefix("segment ")).map(PathBuf::from).unwrap();
    segment.with_file_name(format!("spill-{}", segment.file_name().unwrap().to_str().unwrap()))
}

fn spilled(directory: &PathBuf) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

pub(crate) fn records_larger_than_a_lane_are_written_whole() {
    const SIZES: [usize; 6] = [20 << 20, 0, 15 << 20, 16 << 20, 100, 1 << 20];
    let directory = tempfile::tempdir().unwrap();
    // As it is without a word in the config, but that a lane that the larger ones have filled is waited for: the listener may be
    // slow on a busy machine.
    let limits = QueueLimits { overflow: Overflow::Block(DEADLINE), ..QueueLimits::default() };
    let options = QueueOptions { limits, ..QueueOptions::default() };
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    let log_all = || (0..).zip(SIZES).for_each(|(number, size)| queue.log_long(number, size));
    let worker = in_child(log_all);
    log_all();
    assert!(queue.flush());
    assert_eq!(wait_for_exit(worker), Some(0));
    let lines = || Lines::so_far(&queue.log).numbers.values().map(|numbers| numbers.len()).sum::<usize>();
    until("all is written", || lines() == 2 * SIZES.len());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 2 * SIZES.len() as u32);
    let stats = &logtree_prefork::stats()[0];
    assert_eq!((stats.dropped, stats.cut, stats.unprotected_batches), (0, 0, 0));
    let spill_directory = spill_directory(&queue);
    until("the files are deleted", || spilled(&spill_directory) == 0);
}

pub(crate) fn records_that_have_no_place_are_cut_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::over(&directory.path().join("app.log"), small(Overflow::Drop));
    queue.entry.handler.start().unwrap();
    // Larger than any file may be in this process.
    let worker = in_child(|| {
        let limit = Rlimit { current: Some(2_000_000), ..getrlimit(Resource::Fsize) };
        setrlimit(Resource::Fsize, limit).unwrap();
        queue.log_long(0, 100_000);
        queue.log_long(1, 1_990_000);
        queue.log_long(2, 2_010_000);
        queue.log(3);
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(worker), Some(0));
    // Larger than any that is spilled.
    queue.log_long(0, 65 << 20);
    assert!(queue.flush());
    let pid = worker.as_raw_nonzero().get();
    let said = |pid: i32| format!("1 records of process {pid} were cut: there was no place for all of them");
    let me = std::process::id() as i32;
    let is_said = || {
        let text = std::fs::read_to_string(&queue.log).unwrap();
        [pid, me].iter().all(|pid| text.contains(&said(*pid)))
    };
    until("it is said", is_said);
    let lines = Lines::of(&queue.log);
    assert!(lines.numbers[&(pid, pid)].keys().eq(&[0, 1, 3]));
    let cut: Vec<_> = lines.other.iter().filter(|line| line.contains("… [cut by logtree")).collect();
    assert_eq!((lines.other.len(), cut.len()), (4, 2), "{:?}", lines.other);
    for (line, start) in cut.iter().zip([format!("{pid} {pid} 2 2010000 abcd"), format!("{me} {me} 0 68157440 abcd")]) {
        assert!(line.starts_with(&start), "{line:.99}");
        let whole = line.split("had ").last().unwrap().split(' ').next().unwrap().parse::<usize>().unwrap();
        assert!(whole > 2_000_000 && line.len() > 10_000 && line.len() < 32 << 10, "{whole} of {}", line.len());
    }
    let stats = &logtree_prefork::stats()[0];
    assert_eq!((stats.dropped, stats.cut), (0, 2), "the worker's counts on, whose lane is free again");
}

pub(crate) fn large_records_may_wait_for_room() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::over(&directory.path().join("app.log"), small(Overflow::Block(DEADLINE)));
    queue.entry.handler.start().unwrap();
    queue.log(0);
    assert!(queue.flush());
    let stopped = stop_helpers();
    let waker = in_child(|| {
        let spill_directory = spill_directory(&queue);
        until("four times the capacity waits", || spilled(&spill_directory) == 3);
        stopped.into_iter().for_each(|pid| kill_process(pid, Signal::CONT).unwrap());
    });
    (1..50).for_each(|number| queue.log_long(number, 150_000));
    assert!(queue.flush());
    assert_eq!(wait_for_exit(waker), Some(0));
    assert_eq!(Lines::of(&queue.log).assert_whole(), 50);
}

pub(crate) fn nobody_killed_loses_or_repeats_a_large_record() {
    const KILLS: u32 = 40;
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::over(&directory.path().join("app.log"), small(Overflow::Block(DEADLINE)));
    queue.entry.handler.start().unwrap();
    queue.log(0);
    assert!(queue.flush());
    let spill_directory = spill_directory(&queue);
    let mut published = Vec::new();
    for round in 0..KILLS {
        let listener = followed_listener();
        let claim_number = logtree_prefork::stats()[0].claim_number;
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let worker = in_child(|| {
            for number in 0.. {
                queue.log_long(number, if number % 3 == 0 { 10 } else { 130_000 + 1000 * number as usize });
                rustix::io::write(&writer, &[0]).unwrap();
            }
        });
        drop(writer);
        let mut count = 0;
        let mut bytes = [0; 4096];
        // First one of them, then the other.
        while count < 3 + round as usize % 5 {
            count += rustix::io::read(&reader, &mut bytes).unwrap();
        }
        let [first, second] = if round % 2 == 0 { [listener, worker] } else { [worker, listener] };
        kill(first);
        (0..round * 2000).for_each(|_| std::hint::spin_loop());
        kill(second);
        assert_eq!(wait_for_exit(worker), None);
        while let Ok(more @ 1..) = rustix::io::read(&reader, &mut bytes) {
            count += more;
        }
        published.push((worker.as_raw_nonzero().get(), count));
        until("another one listens", || logtree_prefork::stats()[0].claim_number > claim_number);
    }
    assert!(queue.flush());
    until("all lanes but one are free", || logtree_prefork::stats()[0].lanes == 1);
    until("nothing is left of what was spilled", || spilled(&spill_directory) == 0);
    let lines = Lines::of(&queue.log);
    lines.assert_whole();
    for (worker, count) in published {
        let written = lines.numbers.get(&(worker, worker)).map_or(0, |numbers| numbers.len());
        assert!((count..=count + 1).contains(&written), "{written} of {count} records of {worker}");
    }
    let stats = &logtree_prefork::stats()[0];
    assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
}
