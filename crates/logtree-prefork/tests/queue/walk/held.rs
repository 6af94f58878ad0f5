//! One process is held in the middle of something, and others come meanwhile.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use logtree_core::{Direct, Handler as _};
use logtree_handlers::{RotatingFileHandler, RotatingFileHandlerConfig};
use logtree_os::claim::Meeting;
use logtree_os::kill_points;
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::Way;
use super::producer::lines_of;
use crate::specimen::{Brackets, with_record};
use crate::support::{DEADLINE, Lines, Queue, helper, in_child, kill, state_of, stop_helpers, until, wait_for_exit};

const RECORDS: u32 = 20;
/// Where a listener is held that leaves: its claims are emptied, and its segment has its name still.
const LEAVING: &str = "segment: to be removed";
/// Where somebody comes who finds a claim locked.
const AWAITING: &str = "meeting: claim awaited";
/// Where a listener is held that has seen nobody who needs it, and is about to look once more.
const LOCKED: &str = "meeting: claim locked";
/// Where somebody is held who has looked whether a file still is the one to write to.
const WRITING: &str = "file: to be written";
/// Where somebody has made a claim, and not locked it yet.
const MAKING: &str = "meeting: claim made";
/// Where it has the claims, and nobody watches over them yet.
const MADE: &str = "join: segment made";
/// Where a standby begins, which has not said yet who it is.
const BEGUN: &str = "standby: begun";

/// Nobody is killed at these, but held.
pub(super) fn ways() -> Vec<Way> {
    vec![vec![LEAVING], vec![AWAITING], vec![LOCKED], vec![WRITING]]
}

/// If it let go of its claims before, a newcomer would make another segment of the same name, and lose it: what is left in a
/// segment without a name when all are killed is nobody's.
pub(crate) fn who_leaves_holds_its_claims_until_the_name_of_its_segment_is_gone() {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let options = QueueOptions { name: Some(format!("held-{}", getpid().as_raw_nonzero())), ..QueueOptions::default() };
    let started = || {
        let queue = Queue::over(&log, options.clone());
        queue.entry.handler.start().unwrap();
        queue
    };
    let log_some = || {
        let queue = started();
        (0..RECORDS).for_each(|number| queue.log(number));
        assert!(queue.flush());
    };
    let first = in_child(|| {
        log_some();
        // Not before: whoever begins removes what others have left.
        kill_points::hold(LEAVING);
    });
    assert_eq!(wait_for_exit(first), Some(0));
    let leaver = Held::at(LEAVING);
    kill_points::hold(AWAITING);
    let (has_joined, joined) = rustix::pipe::pipe().unwrap();
    let newcomer = in_child(|| {
        let queue = started();
        rustix::io::write(&joined, &[0]).unwrap();
        queue.log(0);
        assert!(queue.flush());
        let helpers = stop_helpers();
        (1..RECORDS).for_each(|number| queue.log(number));
        helpers.into_iter().for_each(kill);
        kill(getpid());
    });
    let is_joined = || {
        let ready = &mut [rustix::event::PollFd::new(&has_joined, rustix::event::PollFlags::IN)];
        rustix::event::poll(ready, Some(&Duration::ZERO.try_into().unwrap())).unwrap() > 0
    };
    until("the newcomer has joined, or waits", || is_joined() || kill_points::held(AWAITING).is_some());
    assert!(!is_joined(), "it has joined while the listener leaves");
    drop((leaver, Held::at(AWAITING)));
    assert_eq!(wait_for_exit(newcomer), None);
    let last = in_child(log_some);
    assert_eq!(wait_for_exit(last), Some(0));
    Queue::over(&log, options.clone()).wait_until_gone();
    let lines = Lines::of(&log);
    assert_eq!(lines.assert_whole(), 3 * RECORDS);
    assert_eq!([first, newcomer, last].map(|process| lines_of(&lines, process)), [RECORDS; 3]);
}

/// Somebody comes between the two looks of a listener that is about to leave, so that it stays: then it still watches over its
/// claims, and who finds one missing waits until it is put back.
pub(crate) fn a_listener_that_stays_at_the_last_moment_watches_over_its_claims() {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let [(awaits, come), (has_come, comes), (stays, end)] = [(); 3].map(|()| rustix::pipe::pipe().unwrap());
    let first = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        // It is no process of the queue before it logs.
        in_child(|| {
            rustix::io::read(&awaits, &mut [0]).unwrap();
            queue.log(0);
            rustix::io::write(&comes, &[0]).unwrap();
            rustix::io::read(&stays, &mut [0]).unwrap();
        });
        kill_points::hold(LOCKED);
    });
    assert_eq!(wait_for_exit(first), Some(0));
    let listener = Held::at(LOCKED);
    rustix::io::write(&come, &[0]).unwrap();
    rustix::io::read(&has_come, &mut [0]).unwrap();
    drop(listener);
    until("the listener goes on", || Lines::so_far(&log).numbers.len() == 2);
    let meeting = Meeting::lock(&[&log], DEADLINE).unwrap();
    assert!(meeting.claims()[0].is_watched());
    drop(meeting);
    rustix::io::write(&end, &[0]).unwrap();
    Queue::over(&log, QueueOptions::default()).wait_until_gone();
    assert_eq!(Lines::of(&log).assert_whole(), 2);
}

/// Without a queue: of two processes that roll a file the one is held before its write(2), while the other one rolls the file
/// and then deletes it as the oldest: not in the tick in which the one has looked. Without a look behind a write that took longer the
/// line would be in a file that nobody has.
pub(crate) fn a_line_is_not_lost_whatever_comes_between_look_and_write() {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let config = RotatingFileHandlerConfig::new(&log);
    let config = RotatingFileHandlerConfig { max_bytes: 10, backup_count: 1, ..config };
    let handler = || RotatingFileHandler::new(config.clone()).unwrap();
    let emit = |handler: &RotatingFileHandler, message: &str| {
        with_record(message, |record| handler.emit(record, &Brackets, &mut Direct)).unwrap();
    };
    let inodes = || {
        let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| entry.metadata().unwrap().ino()).collect::<Vec<_>>()
    };
    kill_points::hold(WRITING);
    let writer = in_child(|| emit(&handler(), "of the one"));
    let held = Held::at(WRITING);
    let [opened] = inodes()[..] else { panic!("it has opened one file") };
    let other = handler();
    let mut number = 0;
    until("the file is deleted", || {
        emit(&other, &format!("of the other: {number}"));
        number += 1;
        !inodes().contains(&opened)
    });
    drop(held);
    assert_eq!(wait_for_exit(writer), Some(0));
    let text: String = ["app.log.1", "app.log"]
        .map(|name| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default())
        .concat();
    let last = format!("<of the other: {}>", number - 1);
    assert_eq!(text.lines().collect::<Vec<_>>(), [&*last, "<of the one>"]);
}

/// A claim says whose it is only while it has its name: who makes one holds none before that is sure.
pub(crate) fn a_claim_that_is_swept_away_before_it_is_locked_is_made_anew() {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    // The one beside the log is there already, so that the segment's is the one that is made.
    File::create(directory.path().join(".app.log.logtree")).unwrap();
    let name = format!("made-{}", getpid().as_raw_nonzero());
    let claim = logtree_os::default_directory().join(format!(".queue-{name}.logtree"));
    let log_some = || {
        let queue = Queue::over(&log, QueueOptions { name: Some(name.clone()), ..QueueOptions::default() });
        queue.entry.handler.start().unwrap();
        (0..RECORDS).for_each(|number| queue.log(number));
        assert!(queue.flush());
    };
    kill_points::hold(MAKING);
    let newcomer = in_child(log_some);
    let mut held = Held::at(MAKING);
    // Whoever begins makes claims of what others have left, too, to remove it.
    while !claim.exists() {
        kill_points::hold(MAKING);
        drop(held);
        held = Held::at(MAKING);
    }
    let mut others = (0u32..).map(|number| directory.path().join(format!("other-{number}.log")));
    until("the claim is swept away", || {
        let other = others.next().unwrap();
        let sweeper = in_child(|| {
            let _queue = Queue::started(&other);
        });
        assert_eq!(wait_for_exit(sweeper), Some(0));
        !claim.exists()
    });
    kill_points::hold(MADE);
    drop(held);
    let held = Held::at(MADE);
    // A listener would put it back later on, when another newcomer could have made another segment.
    assert!(claim.exists(), "what it has locked has no name");
    drop(held);
    assert_eq!(wait_for_exit(newcomer), Some(0));
    let next = in_child(log_some);
    assert_eq!(wait_for_exit(next), Some(0));
    until("the claim goes with its queue", || !claim.exists());
    assert_eq!(Lines::of(&log).assert_whole(), 2 * RECORDS);
}

/// One that is made and killed with the listener before it has said who it is: nobody takes it for one who will listen while the
/// kernel takes it apart, which takes the longer the more memory it has.
pub(crate) fn who_dies_before_it_says_that_it_stands_by_is_none() {
    const ROUNDS: u32 = 5;
    kill_points::share();
    let memory = vec![1_u8; 128 << 20];
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    for round in 0..ROUNDS {
        let [standby, listener] = ["logtree-standby", "logtree-listen"].map(helper);
        kill_points::hold(BEGUN);
        kill(standby);
        let Held(next) = *std::mem::ManuallyDrop::new(Held::at(BEGUN));
        let is_named = || logtree_prefork::stats()[0].standby == Some(next.as_raw_nonzero().get().unsigned_abs());
        until("the listener has named it", is_named);
        let claim_number = logtree_prefork::stats()[0].claim_number;
        [next, listener].into_iter().for_each(kill);
        until("the seat is vacant", || {
            let stats = logtree_prefork::stats().swap_remove(0);
            !stats.has_listener || stats.claim_number > claim_number
        });
        queue.log(round);
        let is_written = || Lines::so_far(&queue.log).numbers.values().any(|numbers| numbers.len() as u32 > round);
        until(&format!("the record of round {round} is written"), is_written);
        until("they are gone", || [standby, next, listener].into_iter().all(|helper| state_of(helper).is_empty()));
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), ROUNDS);
    assert_eq!(memory.last(), Some(&1));
}

/// A process that is stopped at a point, and goes on when this is dropped.
pub(super) struct Held(Pid);

impl Held {
    pub(super) fn at(point: &str) -> Self {
        let is_stopped = |process: Pid| state_of(process) == "T";
        until(&format!("somebody is held at {point:?}"), || kill_points::held(point).is_some_and(is_stopped));
        Self(kill_points::held(point).unwrap())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}
