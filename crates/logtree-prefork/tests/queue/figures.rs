//! What the queue takes of memory, processor and time. The limits are for a machine that does nothing else, and for optimised
//! code, `cargo test --release -p logtree-prefork --test queue`; what is built for debugging has more room.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::support::{Lines, Queue, helper, in_child, kill, until, wait_for_exit};

/// So many times as long as the figure may take what is not optimised, or shares its processors.
pub(crate) const ROOM: u32 = if cfg!(debug_assertions) { 5 } else { 1 };

/// A number of `/proc/PID/FILE` behind its name.
fn proc_number(pid: Pid, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero())).unwrap();
    let of = |line: &str| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok();
    text.lines().find_map(of).unwrap()
}

pub(crate) fn sleeps(pid: Pid) -> u64 {
    proc_number(pid, "status", "voluntary_ctxt_switches:")
}

pub(crate) fn an_idle_queue_takes_little_memory_and_rarely_wakes() {
    const WATCHED: Duration = Duration::from_secs(3);
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    // What a few workers leave that have logged something.
    for _ in 0..4 {
        let worker = in_child(|| {
            (0..1000).for_each(|number| queue.log(number));
            assert!(queue.flush());
        });
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    queue.log(0);
    assert!(queue.flush());
    until("all lanes but one are free", || logtree_prefork::stats()[0].lanes == 1);
    let helpers = ["logtree-listen", "logtree-standby"].map(helper);
    let claim = std::fs::read_to_string(directory.path().join(".app.log.logtree")).unwrap();
    let segment = claim.lines().find_map(|line| line.strip_prefix("segment ")).map(PathBuf::from).unwrap();
    let segment_bytes = std::fs::metadata(&segment).unwrap().blocks() * 512;
    let own_kib = helpers.map(|pid| proc_number(pid, "smaps_rollup", "Private_Dirty:"));
    println!("{} KiB of shared memory; {own_kib:?} KiB of the listener's and the standby's own", segment_bytes >> 10);
    assert!(segment_bytes <= 2 << 20);

    // The naps behind the last record are over when a second passes without many.
    let mut before = helpers.map(sleeps);
    until("it is idle", || {
        std::thread::sleep(Duration::from_millis(200));
        let now = helpers.map(sleeps);
        let slept = now[0] - before[0];
        before = now;
        slept < 5
    });
    let began = Instant::now();
    std::thread::sleep(WATCHED);
    let now = helpers.map(sleeps);
    let seconds = began.elapsed().as_secs_f64();
    let each_second = [0, 1].map(|at| (now[at] - before[at]) as f64 / seconds);
    println!("the listener woke {:.1} times a second, the standby {:.1} times", each_second[0], each_second[1]);
    assert!(each_second[0] <= 10.0 && each_second[1] <= 5.0, "{each_second:?}");
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

pub(crate) fn a_dead_workers_lane_is_soon_free() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let mut times = Vec::new();
    for _ in 0..15 {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let worker = in_child(|| {
            queue.log(0);
            assert!(queue.flush());
            rustix::io::write(&writer, &[0]).unwrap();
            std::thread::sleep(Duration::from_secs(30));
        });
        assert_eq!(rustix::io::read(&reader, &mut [0]), Ok(1));
        assert_eq!(logtree_prefork::stats()[0].lanes, 1);
        kill(worker);
        let killed = Instant::now();
        assert_eq!(wait_for_exit(worker), None);
        until("its lane is free", || logtree_prefork::stats()[0].lanes == 0);
        times.push(killed.elapsed());
    }
    println!("a dead worker's lane was free within {:?} at most", times.iter().max().unwrap());
    assert!(median(times) <= Duration::from_millis(200));
}

pub(crate) fn the_first_record_after_a_fork_is_quick() {
    const LIMIT: Duration = Duration::from_micros(200);
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    queue.log(0);
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut times = Vec::new();
    for _ in 0..100 {
        let worker = in_child(|| {
            let began = Instant::now();
            queue.log(0);
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
            rustix::io::write(&writer, &took.to_ne_bytes()).unwrap();
        });
        let mut took = [0; 8];
        assert_eq!(rustix::io::read(&reader, &mut took), Ok(8));
        times.push(Duration::from_nanos(u64::from_ne_bytes(took)));
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    let slowest = *times.iter().max().unwrap();
    let median = median(times);
    println!("the first record after a fork took {median:?} in the median, {slowest:?} at most");
    assert!(median <= LIMIT * ROOM);
}

pub(crate) fn a_thousand_threads_in_sixty_four_processes_have_lanes() {
    const PROCESSES: usize = 64;
    const THREADS: usize = 16;
    const RECORDS: u32 = 20;
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let (ready, is_ready) = rustix::pipe::pipe().unwrap();
    let (go, gone) = rustix::pipe::pipe().unwrap();
    let workers: Vec<_> = (0..PROCESSES)
        .map(|_| {
            in_child(|| {
                let all_logged = Barrier::new(THREADS + 1);
                std::thread::scope(|scope| {
                    for _ in 0..THREADS {
                        scope.spawn(|| {
                            (0..RECORDS).for_each(|number| queue.log(number));
                            all_logged.wait();
                            // They stay, each with its lane, until all processes' threads have logged.
                            all_logged.wait();
                        });
                    }
                    all_logged.wait();
                    rustix::io::write(&is_ready, &[0]).unwrap();
                    rustix::io::read(&go, &mut [0]).unwrap();
                    all_logged.wait();
                });
                assert!(queue.flush());
            })
        })
        .collect();
    for _ in 0..PROCESSES {
        assert_eq!(rustix::io::read(&ready, &mut [0]), Ok(1));
    }
    let stats = &logtree_prefork::stats()[0];
    assert_eq!((stats.lanes as usize, stats.dropped), (PROCESSES * THREADS, 0));
    println!("{} lanes hold {} KiB of shared memory", stats.lanes, stats.memory_bytes >> 10);
    rustix::io::write(&gone, &[0; PROCESSES]).unwrap();
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert!(queue.flush());
    assert_eq!(Lines::of(&queue.log).assert_whole(), (PROCESSES * THREADS) as u32 * RECORDS);
    until("all lanes are free", || logtree_prefork::stats()[0].lanes == 0);
    until("all places but this process's are free", || logtree_prefork::stats()[0].processes == 1);
}
