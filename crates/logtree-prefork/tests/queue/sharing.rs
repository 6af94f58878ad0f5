//! Many processes, one listener.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use logtree_core::{AppendFile, Callsite, EmitError, Formatter, Handler, Level, Record, Steps, Timestamp};
use logtree_os::claim::Meeting;
use logtree_os::{Segment, SegmentState};
use logtree_prefork::QueueOptions;
use rustix::process::{Signal, getpid, kill_process};

use crate::figures::sleeps;
use crate::support::{
    DEADLINE, Lines, LogFile, Queue, helper_of, helpers_of, in_child, kill, state_of, stop_helpers, to_file, until,
    wait_for_exit,
};

pub(crate) fn workers_of_one_master_share_one_listener() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    // The master has a lane, which its children must not take for theirs.
    (0..100).for_each(|number| queue.log(number));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            in_child(|| {
                (0..5000).for_each(|number| queue.log(number));
                assert!(queue.flush());
            })
        })
        .collect();
    (100..200).for_each(|number| queue.log(number));
    assert!(queue.flush());
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), 4 * 5000 + 200);
    let [stats] = &logtree_prefork::stats()[..] else { panic!("one queue") };
    assert_eq!((stats.claim_number, stats.has_listener, stats.dropped, stats.bad_lanes), (1, true, 0, 0));
}

pub(crate) fn a_process_that_was_taken_for_dead_gets_another_place() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let process = in_child(|| {
        let queue = Queue::started(&log);
        let [stats] = &logtree_prefork::stats()[..] else { panic!("one queue") };
        let segment = Segment::open(&stats.path).unwrap();
        let ours = segment.processes().find(|process| process.identity.pid == std::process::id()).unwrap();
        assert!(segment.release_process(ours.slot));
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
    });
    until("it has logged", || state_of(process).is_empty());
    assert_eq!(wait_for_exit(process), Some(0));
    assert_eq!(Lines::of(&log).assert_whole(), 100);
}

pub(crate) fn unrelated_processes_meet_at_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let counted = directory.path().join("counted");
    // Processes of which none has the queue from another one; all start at once, and stay until all have logged.
    let workers: Vec<_> = (0..6)
        .map(|_| {
            in_child(|| {
                let queue = Queue::started(&log);
                (0..1000).for_each(|number| queue.log(number));
                assert!(queue.flush());
                until("all have logged", || {
                    Lines::so_far(&log).numbers.values().filter(|n| n.len() == 1000).count() == 6
                });
                assert_eq!(logtree_prefork::stats()[0].claim_number, 1, "there was more than one listener");
                until("the helpers are counted", || counted.exists());
            })
        })
        .collect();
    until("all have logged", || Lines::so_far(&log).numbers.values().filter(|n| n.len() == 1000).count() == 6);
    let helpers = |name| workers.iter().map(|worker| helpers_of(*worker, name).len()).sum::<usize>();
    until("there is a standby", || helpers("logtree-standby") > 0);
    assert_eq!((helpers("logtree-listen"), helpers("logtree-standby")), (1, 1));
    std::fs::File::create(&counted).unwrap();
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert_eq!(Lines::of(&log).assert_whole(), 6 * 1000);
    Queue::over(&log, Default::default()).wait_until_gone();
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| name == "app.log" || name == "counted"), "{left:?}");
}

pub(crate) fn a_process_with_threads_listens_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let queue = Queue::started(&directory.path().join("app.log"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2000).for_each(|number| queue.log(number)));
        }
    });
    assert!(queue.flush());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 4 * 2000);
    drop(stop);
    let _ = thread.join().unwrap();
}

pub(crate) fn a_worker_that_comes_when_all_have_left_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let master = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        // The worker has the queue from its master, and attaches at its first record only: when all others are gone.
        in_child(|| {
            queue.wait_until_gone();
            (0..100).for_each(|number| queue.log(number));
            assert!(queue.flush());
            assert_eq!(Lines::of(&log).assert_whole(), 101);
            rustix::io::write(&writer, b"done").unwrap();
        });
        kill(getpid());
    });
    assert_eq!(wait_for_exit(master), None);
    drop(writer);
    assert_eq!(rustix::io::read(&reader, &mut [0; 8]), Ok(4));
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
}

/// Has the queue before it open its files anew at each record.
struct Reopens;

static REOPENED: OnceLock<Queue> = OnceLock::new();

impl Handler for Reopens {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        REOPENED.get().unwrap().entry.reopen();
        Ok(())
    }
}

/// A listener with a lane would be one of those for whom it stays.
pub(crate) fn a_handler_that_reopens_its_own_queue_keeps_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let last = in_child(|| {
        let make = || Queue::before(vec![to_file(&log), Box::new(Reopens)], &log, QueueOptions::default());
        let queue = REOPENED.get_or_init(make);
        queue.entry.handler.start().unwrap();
        // Those who come next are made by a process that has joined the queue, which its first ones are not.
        stop_helpers().into_iter().for_each(kill);
        queue.log(0);
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(last), Some(0));
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    assert_eq!(Lines::of(&log).assert_whole(), 1);
}

/// Whoever holds the claims may be about to join: its queue is not closed meanwhile.
pub(crate) fn a_queue_whose_claim_is_held_is_not_left() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let [ready, held] = ["ready", "held"].map(|name| directory.path().join(name));
    let last = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        std::fs::write(&ready, "").unwrap();
        until("the claim is held", || held.exists());
    });
    until("it has started", || ready.exists());
    let listener = helper_of(last, "logtree-listen");
    let meeting = Meeting::lock(&[&log], DEADLINE).unwrap();
    std::fs::write(&held, "").unwrap();
    assert_eq!(wait_for_exit(last), Some(0));
    let before = sleeps(listener);
    // Naps behind the last record are a fourth of them.
    until("the listener has tried some times", || sleeps(listener) >= before + 200);
    let claim = meeting.claims()[0].text().unwrap();
    let segment = Segment::open(claim.segment()).unwrap();
    assert_eq!((segment.id().0, segment.state()), (claim.segment_id(), SegmentState::Open));
    drop(meeting);
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    assert!(!segment.is_linked(), "its name goes before the claim's");
}

fn stdout_to(file: &std::path::Path) {
    rustix::stdio::dup2_stdout(std::fs::File::create(file).unwrap()).unwrap();
}

pub(crate) fn processes_share_a_queue_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let console = directory.path().join("console");
    stdout_to(&console);
    let options = QueueOptions { name: Some(format!("test-{}", std::process::id())), ..QueueOptions::default() };
    let go = directory.path().join("go");
    let workers = [(); 8].map(|()| {
        in_child(|| {
            let queue = Queue::before_the_console(options.clone());
            until("all go", || go.exists());
            queue.entry.handler.start().unwrap();
            (0..1000).for_each(|number| queue.log(number));
            assert!(queue.flush());
            let all = || Lines::so_far(&console).numbers.values().filter(|numbers| numbers.len() == 1000).count() == 8;
            until("all have logged", all);
            assert_eq!(logtree_prefork::stats()[0].claim_number, 1, "there was more than one listener");
        })
    });
    std::fs::File::create(&go).unwrap();
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
}

pub(crate) fn each_process_keeps_its_own_console() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
    stdout_to(&first);
    let queue = Queue::before_the_console(QueueOptions::default());
    queue.entry.handler.start().unwrap();
    let worker = in_child(|| {
        stdout_to(&second);
        (0..100).for_each(|number| queue.log(number));
        assert!(queue.flush());
    });
    (0..50).for_each(|number| queue.log(number));
    assert!(queue.flush());
    assert_eq!(wait_for_exit(worker), Some(0));
    assert_eq!(Lines::of(&first).assert_whole(), 50);
    assert_eq!(Lines::of(&second).assert_whole(), 100);
}

pub(crate) fn a_console_that_nobody_reads_stops_no_file() {
    // More than a pipe holds.
    const RECORDS: u32 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::stdio::dup2_stdout(&writer).unwrap();
    let queue = Queue::before_the_console_and(&directory.path().join("app.log"));
    queue.entry.handler.start().unwrap();
    (0..RECORDS).for_each(|number| queue.log(number));
    assert!(queue.flush());
    assert_eq!(Lines::so_far(&queue.log).assert_whole(), RECORDS);
    drop(reader);
}

pub(crate) fn two_queues_over_one_file_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let named = |name: &str| QueueOptions { name: Some(format!("{name}-{}", getpid())), ..QueueOptions::default() };
    let first = Queue::over(&log, named("first"));
    first.entry.handler.start().unwrap();
    let second = Queue::over(&log, named("second"));
    let refused = second.entry.handler.start().unwrap_err().to_string();
    assert!(refused.contains("first-") && refused.contains("second-") && refused.contains("app.log"), "{refused}");
    first.log(0);
    assert!(first.flush());
    assert_eq!(Lines::of(&log).assert_whole(), 1);
}

pub(crate) fn records_of_several_processes_stand_in_the_order_of_time() {
    const WORKERS: u32 = 4;
    const RECORDS: u32 = 2000;
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    queue.log(0);
    assert!(queue.flush());
    let helpers = stop_helpers();
    let begin = Timestamp::now().0;
    // Each worker has every fourth moment; one after the other they log, and all at once they are read.
    for worker in 0..WORKERS {
        let child = in_child(|| {
            for number in (worker..WORKERS * RECORDS).step_by(WORKERS as usize) {
                queue.log_with(Level::INFO, Timestamp(begin + i64::from(number)), number + 1);
            }
        });
        assert_eq!(wait_for_exit(child), Some(0));
    }
    helpers.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    let in_order = || {
        let text = std::fs::read_to_string(&queue.log).unwrap();
        text.lines().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect::<Vec<u32>>()
    };
    let lines = || std::fs::read(&queue.log).unwrap().iter().filter(|byte| **byte == b'\n').count();
    until("all is written", || lines() == 1 + (WORKERS * RECORDS) as usize);
    assert!(in_order().into_iter().eq(0..=WORKERS * RECORDS));
}

/// What others log meanwhile, in any number, does not go before it for as long as the clock went back.
pub(crate) fn a_record_of_before_the_clock_went_back_is_not_put_off() {
    const HOUR_NS: i64 = 3600 * 1_000_000_000;
    // More than one batch.
    const RECORDS: u32 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    queue.log(0);
    assert!(queue.flush());
    let helpers = stop_helpers();
    let child = in_child(|| (1..=RECORDS).for_each(|number| queue.log(number)));
    assert_eq!(wait_for_exit(child), Some(0));
    queue.log_with(Level::INFO, Timestamp(Timestamp::now().0 + HOUR_NS), RECORDS + 1);
    helpers.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    let text = || std::fs::read_to_string(&queue.log).unwrap();
    until("all is written", || text().lines().count() == RECORDS as usize + 2);
    let text = text();
    let place = text.lines().position(|line| line.ends_with(&format!(" {}", RECORDS + 1)));
    assert_eq!(place, Some(1));
}

/// Writes where a record comes from: of what a process defines, both kinds.
struct Whence(Arc<dyn AppendFile>);

impl Handler for Whence {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let whence = format!("{} of {}\n", record.callsite.name, record.origin.process);
        Ok(steps.append(&self.0, whence.as_bytes())?)
    }

    fn file(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}

pub(crate) fn a_place_that_is_taken_again_has_definitions_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let handler = Whence(Arc::new(LogFile(log.clone())));
    let queue = Queue::before(vec![Box::new(handler)], &log, QueueOptions::default());
    queue.entry.handler.start().unwrap();
    // Both are as long, so that they get the same numbers.
    let written = ["one", "two"].map(|name| {
        let worker = in_child(|| {
            let callsite = Callsite { index: None, name: name.into(), ..Callsite::default() };
            queue.log_from(&callsite, Level::INFO, Timestamp::now(), 0, 0, None);
            assert!(queue.flush());
        });
        assert_eq!(wait_for_exit(worker), Some(0));
        until("its place is free", || logtree_prefork::stats()[0].owners.len() == 1);
        format!("{name} of {}\n", worker.as_raw_nonzero())
    });
    assert_eq!(std::fs::read_to_string(&log).unwrap(), written.concat());
}
