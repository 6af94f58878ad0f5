//! One process is held in the middle of something, and others come meanwhile.

use std::time::Duration;

use logtree_os::kill_points;
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::Way;
use super::producer::lines_of;
use crate::support::{Lines, Queue, in_child, kill, state_of, stop_helpers, until, wait_for_exit};

const RECORDS: u32 = 20;
/// Where a listener is held that leaves: its claims are emptied, and its segment has its name still.
const LEAVING: &str = "segment: to be removed";
/// Where somebody comes who finds a claim locked.
const AWAITING: &str = "meeting: claim awaited";

/// Nobody is killed at these, but held.
pub(super) fn ways() -> Vec<Way> {
    vec![vec![LEAVING], vec![AWAITING]]
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
    kill_points::hold(LEAVING);
    let first = in_child(log_some);
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

/// A process that is stopped at a point, and goes on when this is dropped.
struct Held(Pid);

impl Held {
    fn at(point: &str) -> Self {
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
