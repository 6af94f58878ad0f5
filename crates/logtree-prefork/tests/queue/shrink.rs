//! What a burst took of shared memory, and what becomes of it.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::support::{Lines, Queue, in_child, stop_helpers, until, wait_for_exit};

const RECORDS: u32 = 100_000;
/// What an idle queue takes at most.
const IDLE_BYTES: u64 = 2 << 20;

/// The memory behind the segment's file.
fn resident_bytes() -> u64 {
    let path: PathBuf = logtree_prefork::stats()[0].path.clone();
    std::fs::metadata(path).unwrap().blocks() * 512
}

/// Logs while nobody reads, so that all of it is in memory at once; the bytes it took then, and the time.
fn burst(queue: &Queue, threads: u32) -> (u64, Duration) {
    let helpers = stop_helpers();
    let began = Instant::now();
    let each = RECORDS / threads;
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| _ = scope.spawn(|| (0..each).for_each(|number| queue.log(number))));
    });
    let took = began.elapsed();
    let bytes = resident_bytes();
    helpers.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    assert!(queue.flush());
    (bytes, took)
}

pub(crate) fn what_a_burst_took_is_given_back() {
    for threads in [1, 16] {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        let child = in_child(|| {
            let queue = Queue::started(&log);
            for turn in 1..=2 {
                let (bytes, took) = burst(&queue, threads);
                assert!(bytes > 5 << 20, "{bytes} bytes for {RECORDS} records");
                let drained = Instant::now();
                let left = resident_bytes();
                println!(
                    "{threads} threads, burst {turn}: {took:?}, {} KiB, {} KiB when drained",
                    bytes >> 10,
                    left >> 10
                );
                until("the memory is given back", || resident_bytes() <= IDLE_BYTES);
                println!("{} KiB {:?} later", resident_bytes() >> 10, drained.elapsed());
            }
            assert_eq!(logtree_prefork::stats()[0].dropped, 0);
        });
        assert_eq!(wait_for_exit(child), Some(0));
        Queue::over(&log, Default::default()).wait_until_gone();
        assert_eq!(Lines::of(&log).assert_whole(), 2 * RECORDS);
    }
}
