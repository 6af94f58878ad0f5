//! Somebody is stopped while he has the claims of a log file, and others come: they join the queue that lives, or are told who
//! keeps them out.

use std::path::Path;
use std::time::{Duration, Instant};

use logtree_os::kill_points;
use rustix::process::Pid;

use super::held::Held;
use super::producer::lines_of;
use crate::support::{Lines, Queue, helper, in_child, wait_for_exit};

const RECORDS: u32 = 20;
/// How long installing waits at the most, on a busy machine.
const INSTALLED_WITHIN: Duration = Duration::from_secs(8);

/// Where a listener is stopped that nobody needs any more, before it has closed its segment.
const LEAVING: [&str; 2] = ["meeting: claim locked", "closing: announced"];
/// Where a process is stopped that makes a queue, once it has one: nobody listens yet, or somebody does.
const MAKING: [&str; 2] = ["join: attached", "join: somebody listens"];
/// Where a listener is stopped that has closed its segment, with its claims as they were or empty.
const CLOSED: [&str; 2] = ["closing: decided", "meeting: claim emptied"];
/// Where a process is stopped whose claims name no queue yet.
const MADE: &str = "join: segment made";

pub(crate) fn who_has_the_claims_of_a_queue_that_lives_keeps_nobody_out() {
    let leaving = LEAVING.map(|point| in_child(|| join_beside(point, leave)));
    let making = MAKING.map(|point| in_child(|| join_beside(point, make)));
    for outcome in leaving.into_iter().chain(making).map(wait_for_exit) {
        assert_eq!(outcome, Some(0));
    }
}

pub(crate) fn who_is_stopped_with_the_claims_of_no_queue_is_named() {
    let closed = CLOSED.map(|point| in_child(|| be_refused_beside(point, leave)));
    let made = in_child(|| be_refused_beside(MADE, make));
    for outcome in closed.into_iter().chain([made]).map(wait_for_exit) {
        assert_eq!(outcome, Some(0));
    }
}

/// A process logs and ends, and its listener is held while it leaves.
fn leave(log: &Path, point: &str) -> Pid {
    let first = in_child(|| {
        log_some(log);
        helper("logtree-standby");
        // Not before: whoever begins comes to the same points.
        kill_points::hold(point);
    });
    assert_eq!(wait_for_exit(first), Some(0), "{point}");
    first
}

/// A process is held while it makes a queue.
fn make(log: &Path, point: &str) -> Pid {
    kill_points::hold(point);
    in_child(|| log_some(log))
}

fn join_beside(point: &str, be_held: fn(&Path, &str) -> Pid) {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let first = be_held(&log, point);
    let held = Held::at(point);
    let claim = || std::fs::read(directory.path().join(".app.log.logtree")).unwrap();
    let claimed = claim();
    let began = Instant::now();
    let (has_joined, joined) = rustix::pipe::pipe().unwrap();
    let newcomer = in_child(|| {
        let queue = Queue::started(&log);
        assert!(began.elapsed() < INSTALLED_WITHIN, "{point}: {:?}", began.elapsed());
        rustix::io::write(&joined, &[0]).unwrap();
        (0..RECORDS).for_each(|number| queue.log(number));
        assert!(queue.flush());
    });
    drop(joined);
    assert_eq!(rustix::io::read(&has_joined, &mut [0]), Ok(1), "{point}: a newcomer is kept out");
    assert_eq!(claim(), claimed, "{point}: there is a second queue");
    drop(held);
    assert_eq!(wait_for_exit(newcomer), Some(0), "{point}");
    // Whoever made the queue was waited for already where its listener was held.
    if MAKING.contains(&point) {
        assert_eq!(wait_for_exit(first), Some(0), "{point}");
    }
    assert_all_is_written(&log, &[first, newcomer]);
}

fn be_refused_beside(point: &str, be_held: fn(&Path, &str) -> Pid) {
    kill_points::share();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let first = be_held(&log, point);
    let held = Held::at(point);
    let process = kill_points::held(point).unwrap().as_raw_nonzero();
    let newcomer = in_child(|| {
        let began = Instant::now();
        let refused = Queue::over(&log, Default::default()).entry.handler.start().unwrap_err().to_string();
        assert!(began.elapsed() < INSTALLED_WITHIN, "{point}: {:?}", began.elapsed());
        for part in [
            &*directory.path().join(".app.log.logtree: process ").display().to_string(),
            &format!("process {process} ("),
            &format!("because it is stopped: continue it with `kill -CONT {process}`, or end it"),
        ] {
            assert!(refused.contains(part), "{point}: {refused}");
        }
    });
    assert_eq!(wait_for_exit(newcomer), Some(0), "{point}");
    // What it is told helps.
    drop(held);
    if point == MADE {
        assert_eq!(wait_for_exit(first), Some(0), "{point}");
    }
    let next = in_child(|| log_some(&log));
    assert_eq!(wait_for_exit(next), Some(0), "{point}");
    assert_all_is_written(&log, &[first, next]);
}

fn log_some(log: &Path) {
    let queue = Queue::started(log);
    (0..RECORDS).for_each(|number| queue.log(number));
    assert!(queue.flush());
}

fn assert_all_is_written(log: &Path, by: &[Pid]) {
    Queue::over(log, Default::default()).wait_until_gone();
    let lines = Lines::of(log);
    assert_eq!(lines.assert_whole(), by.len() as u32 * RECORDS);
    by.iter().for_each(|process| assert_eq!(lines_of(&lines, *process), RECORDS));
}
