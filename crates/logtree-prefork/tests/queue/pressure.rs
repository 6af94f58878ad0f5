//! More than the listener takes.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{EmitError, Formatter, Handler, Level, Overflow, QueueLimits, Record, Steps, Timestamp};
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;

use crate::support::{
    DEADLINE, Lines, LogFile, Queue, helper, in_child, kill, stop_helpers, to_file, until, wait_for_exit,
};

/// Stops the listener, and before it the standby, so that nobody reads; and lets them go on.
struct Stopped([Pid; 2]);

impl Stopped {
    fn now() -> Self {
        Self(stop_helpers())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    }
}

fn limited(limits: QueueLimits) -> QueueOptions {
    QueueOptions { limits, ..QueueOptions::default() }
}

/// Lines that tell of drops, as the listener says them: how many each tells of.
fn said(lines: &Lines) -> Vec<u32> {
    let count = |line: &String| line.split(' ').nth(1)?.parse().ok().filter(|_| line.contains(" were dropped: "));
    let said: Vec<_> = lines.other.iter().filter_map(count).collect();
    assert_eq!(said.len(), lines.other.len(), "foreign lines: {:?}", lines.other);
    said
}

/// One whose lanes are soon full, and that has handled one record.
fn small_queue() -> (TempDir, Queue) {
    let directory = tempfile::tempdir().unwrap();
    let options = limited(QueueLimits { capacity_bytes: 128 << 10, ..QueueLimits::default() });
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    queue.log(0);
    assert!(queue.flush());
    (directory, queue)
}

pub(crate) fn what_does_not_fit_is_counted_and_said() {
    const RECORDS: u32 = 5000;
    let (_directory, queue) = small_queue();
    let stopped = Stopped::now();
    // One producer lives on, one is dead before anybody looks.
    let dead = in_child(|| {
        (0..RECORDS).for_each(|number| queue.log(number));
        kill(getpid());
    });
    assert_eq!(wait_for_exit(dead), None);
    (1..RECORDS).for_each(|number| queue.log(number));
    drop(stopped);
    assert!(queue.flush());
    until("the drops of both are said", || said(&Lines::so_far(&queue.log)).len() >= 2);
    let lines = Lines::of(&queue.log);
    let written: Vec<u32> = lines.numbers.values().map(|numbers| numbers.len() as u32).collect();
    assert!(written.iter().all(|written| (100..RECORDS).contains(written)), "{written:?} of {RECORDS} written");
    assert_eq!(written.iter().sum::<u32>() + said(&lines).iter().sum::<u32>(), 2 * RECORDS);
    // What came before the lanes were full is whole.
    assert!(lines.numbers.values().all(|numbers| (0..100).all(|number| numbers.contains_key(&number))));
    // Said once is enough: not again with the next drops, nor by the next listener.
    kill(helper("logtree-listen"));
    until("another one listens", || logtree_prefork::stats()[0].claim_number == 2);
    queue.log(RECORDS);
    assert!(queue.flush());
    let stopped = Stopped::now();
    let dropped = || logtree_prefork::stats()[0].dropped;
    let so_far = dropped();
    // Its owner is dead, and its second not over, when the lane could be freed.
    let dead = in_child(|| {
        while dropped() == so_far {
            queue.log(0);
        }
        kill(getpid());
    });
    assert_eq!(wait_for_exit(dead), None);
    drop(stopped);
    until("the next drops are said", || said(&Lines::so_far(&queue.log)).len() >= 3);
    assert_eq!(said(&Lines::of(&queue.log))[2..], [1]);
}

pub(crate) fn whose_records_are_dropped_sees_that_nobody_listens() {
    let (_directory, queue) = small_queue();
    // They are killed when the lane is full: nothing can be published any more, and nobody flushes.
    let helpers = stop_helpers();
    let stats = || logtree_prefork::stats().remove(0);
    while stats().dropped == 0 {
        queue.log(1);
    }
    helpers.into_iter().for_each(kill);
    until("both are dead", || !stats().has_listener && stats().standby.is_none());
    until("another one listens", || {
        queue.log(1);
        stats().claim_number == 2
    });
    assert!(queue.flush());
}

pub(crate) fn a_producer_that_may_wait_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = limited(QueueLimits {
        capacity_bytes: 64 << 10,
        overflow: Overflow::Block(DEADLINE),
        ..QueueLimits::default()
    });
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    let stopped = Stopped::now();
    let waker = in_child(|| {
        std::thread::sleep(Duration::from_millis(100));
        drop(stopped);
    });
    (0..20_000).for_each(|number| queue.log(number));
    assert!(queue.flush());
    assert_eq!(wait_for_exit(waker), Some(0));
    assert_eq!(Lines::of(&queue.log).assert_whole(), 20_000);
}

/// Others find room meanwhile, in lanes of their own.
pub(crate) fn producers_wait_once_for_a_whole_outage() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let directory = tempfile::tempdir().unwrap();
    let options =
        limited(QueueLimits { capacity_bytes: 64 << 10, overflow: Overflow::Block(TIMEOUT), ..QueueLimits::default() });
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    for _outage in 0..2 {
        queue.log(0);
        assert!(queue.flush());
        let stopped = Stopped::now();
        let dropped = || logtree_prefork::stats()[0].dropped;
        let (before, began) = (dropped(), Instant::now());
        while dropped() == before {
            queue.log(1);
        }
        assert!(began.elapsed() >= TIMEOUT, "the first one waits");
        let gave_up = Instant::now();
        for _ in 0..3 {
            std::thread::scope(|scope| _ = scope.spawn(|| queue.log(2)));
            queue.log(3);
        }
        assert!(gave_up.elapsed() < TIMEOUT, "{:?}: others wait as well", gave_up.elapsed());
        assert_eq!(dropped() - before, 4);
        drop(stopped);
        assert!(queue.flush());
    }
}

/// Takes its time with each record, for as long as there is such a file.
struct Slow(PathBuf);

impl Handler for Slow {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if self.0.exists() {
            std::thread::sleep(Duration::from_millis(50));
            // A few of them are a batch.
            steps.append(&(Arc::new(LogFile("/dev/null".into())) as _), &[b'\n'; 64 << 10])?;
        }
        Ok(())
    }
}

/// It takes records all the time, but many of them go before there is room.
pub(crate) fn a_producer_waits_no_longer_for_a_listener_that_is_slow() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let directory = tempfile::tempdir().unwrap();
    let (log, slow) = (directory.path().join("app.log"), directory.path().join("slow"));
    let limits = QueueLimits { capacity_bytes: 64 << 10, overflow: Overflow::Block(TIMEOUT), ..QueueLimits::default() };
    let queue = Queue::before(vec![to_file(&log), Box::new(Slow(slow.clone()))], &log, limited(limits));
    queue.entry.handler.start().unwrap();
    std::fs::write(&slow, "").unwrap();
    let stats = || logtree_prefork::stats().swap_remove(0);
    let handled = || stats().handled;
    let began = Instant::now();
    let mut number = 0;
    let (mut before, mut called) = (0, Instant::now());
    while stats().dropped == 0 {
        (before, called) = (handled(), Instant::now());
        queue.log(number);
        number += 1;
        assert!(began.elapsed() < DEADLINE);
    }
    let took = called.elapsed();
    assert!(handled() > before, "the listener stood still");
    // There is room after eight seconds.
    assert!((TIMEOUT..4 * TIMEOUT).contains(&took), "{took:?}");
    std::fs::remove_file(slow).unwrap();
    until("the drop is said", || said(&Lines::so_far(&log)) == [1]);
}

pub(crate) fn the_reserve_is_for_what_matters() {
    let directory = tempfile::tempdir().unwrap();
    let options = limited(QueueLimits {
        capacity_bytes: 256 << 10,
        reserve_above: Some(Level::WARNING),
        ..QueueLimits::default()
    });
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    queue.log(0);
    assert!(queue.flush());
    let stopped = Stopped::now();
    let dropped = || logtree_prefork::stats()[0].dropped;
    let mut number = 1;
    while dropped() == 0 {
        queue.log(number);
        number += 1;
    }
    queue.log(number);
    assert_eq!(dropped(), 2, "the lane is full for ordinary records");
    queue.log_with(Level::WARNING, Timestamp::now(), number);
    assert_eq!(dropped(), 2, "and has room for a warning");
    // What a warning has begun of the reserve is not for others either.
    for more in 1..=100 {
        queue.log(number);
        queue.log_with(Level::WARNING, Timestamp::now(), number + more);
        assert_eq!(dropped(), 2 + u64::from(more));
    }
    // It has two units, of which those have not filled the first.
    queue.log_padded(Level::WARNING, Timestamp::now(), number + 101, 12 << 10);
    assert_eq!(dropped(), 102, "the second one is for warnings too");
    drop(stopped);
    assert!(queue.flush());
    let lines = Lines::of(&queue.log);
    assert!((number..=number + 101).all(|number| lines.numbers.values().next().unwrap().contains_key(&number)));
    // With what the listener has taken there is room for all again.
    let before = dropped();
    (0..100).for_each(|_| queue.log(0));
    assert!(queue.flush());
    assert_eq!(dropped(), before);
}

pub(crate) fn a_thousand_threads_have_lanes() {
    const THREADS: usize = 1000;
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let all_logged = std::sync::Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                (0..10).for_each(|number| queue.log(number));
                all_logged.wait();
            });
        }
    });
    assert!(queue.flush());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 10 * THREADS as u32);
    until("the threads' lanes are free", || logtree_prefork::stats()[0].lanes == 0);
}

pub(crate) fn what_cannot_be_written_to_the_end_is_said_to_be_lost() {
    let directory = tempfile::tempdir().unwrap();
    let stderr = directory.path().join("stderr");
    let logs = directory.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let last = in_child(|| {
        rustix::stdio::dup2_stderr(std::fs::File::create(&stderr).unwrap()).unwrap();
        let queue = Queue::started(&logs.join("app.log"));
        std::fs::remove_dir_all(&logs).unwrap();
        queue.log(0);
    });
    assert_eq!(wait_for_exit(last), Some(0));
    let loss = "bytes of records of the queue 'queue' could not be written and are lost";
    until("the loss is said", || std::fs::read_to_string(&stderr).unwrap().contains(loss));
}

pub(crate) fn what_cannot_be_written_to_the_end_stays_for_the_next_start() {
    /// No file may be longer, for as long as the disk is full; shared memory needs less.
    const FULL: u64 = 4 << 20;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let fill = std::fs::File::create(&log).unwrap();
    fill.set_len(FULL).unwrap();
    let claim = directory.path().join(".app.log.logtree");
    // Twice: what the first one leaves, the second one cannot write either.
    let pids = [(); 2].map(|()| {
        let (stderr, its_stderr) = rustix::pipe::pipe().unwrap();
        let last = in_child(|| {
            rustix::stdio::dup2_stderr(&its_stderr).unwrap();
            let limit = Rlimit { current: Some(FULL), ..getrlimit(Resource::Fsize) };
            setrlimit(Resource::Fsize, limit).unwrap();
            let queue = Queue::started(&log);
            (0..1000).for_each(|number| queue.log(number));
            assert!(!queue.entry.handler.flush(Instant::now() + Duration::from_millis(50)));
        });
        drop(its_stderr);
        assert_eq!(wait_for_exit(last), Some(0));
        // Everybody has it open who is left: the listener and its standby.
        let mut said = String::new();
        std::fs::File::from(stderr).read_to_string(&mut said).unwrap();
        let stays = said.lines().filter(|line| line.ends_with("stay in memory for the next process that has it"));
        assert_eq!(stays.count(), 1, "{said}");
        assert!(!said.contains("are lost"), "{said}");
        assert_eq!(std::fs::metadata(&log).unwrap().len(), FULL);
        assert!(claim.exists());
        last.as_raw_nonzero().get()
    });
    let next = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(next), Some(0));
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[FULL as usize..]).unwrap();
    let lines = Lines::of(&log);
    assert_eq!(lines.assert_whole(), 2001);
    assert!(pids.iter().all(|pid| lines.numbers[&(*pid, *pid)].len() == 1000));
}
