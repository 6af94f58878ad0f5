//! A process that installs a queue dies, or the listener and standby that it makes do: where there is no queue yet, and where
//! killed processes have left one behind in the middle of a transaction.

use std::path::Path;

use logtree_core::{Overflow, QueueLimits};
use logtree_os::kill_points;
use logtree_prefork::QueueOptions;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::producer::lines_of;
use super::{Way, Witness, arm};
use crate::support::{DEADLINE, Lines, Queue, helper, in_child, kill, stop_helpers, until, wait_for_exit};

const RECORDS: u32 = 20;
/// What was left behind by killed processes.
const LEFT: u32 = 300;

/// Only who makes a queue comes to these.
const MAKING: [&str; 8] = [
    "segment: made aside",
    "segment: mapped",
    "segment: described",
    "segment: named",
    "join: segment made",
    "meeting: claim made",
    "meeting: claim half written",
    "meeting: claim written",
];
const JOINING: [&str; 17] = [
    "meeting: claim locked",
    "attach: slot taken",
    "attach: life held",
    "attach: introduced",
    "attach: attached",
    "join: attached",
    "join: somebody listens",
    "seat: announced",
    "seat: taken",
    "seat: listed",
    "take over: opened",
    "take over: freed",
    "take over: counted",
    "listener: begun",
    "standby: made",
    "standby: begun",
    "standby: introduced",
];
/// Who listens first to a queue that was left behind comes to these.
const RECOVERING: [&str; 5] = [
    "recovery: read",
    "recovery: completed",
    "recovery: all completed",
    "recovery: head published",
    "units: one freed of many",
];

pub(crate) fn a_process_killed_while_it_installs_keeps_nobody_out() {
    super::walk(&fresh_ways(), |way, round| die(way, round, false));
}

pub(crate) fn a_process_killed_while_it_finds_a_queue_left_behind_keeps_nobody_out() {
    super::walk(&left_ways(), |way, round| die(way, round, true));
}

pub(super) fn ways() -> Vec<Way> {
    [fresh_ways(), left_ways()].concat()
}

fn fresh_ways() -> Vec<Way> {
    MAKING.iter().chain(&JOINING).map(|point| vec![*point]).collect()
}

fn left_ways() -> Vec<Way> {
    JOINING.iter().chain(&RECOVERING).map(|point| vec![*point]).collect()
}

fn die(way: &[&str], round: u32, is_left: bool) {
    let place = format!("{way:?}, round {round}, left behind: {is_left}");
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    // With a name, processes meet at its segment too.
    let name = (round % 2 == 1).then(|| format!("walk-{}-{round}", std::process::id()));
    let limits = QueueLimits { overflow: Overflow::Block(DEADLINE), ..QueueLimits::default() };
    let options = QueueOptions { limits, name: name.clone(), ..QueueOptions::default() };
    let started = || {
        let queue = Queue::over(&log, options.clone());
        queue.entry.handler.start().unwrap();
        queue
    };
    let killed = is_left.then(|| in_child(|| leave_behind(&started())));
    if let Some(killed) = killed {
        assert_eq!(wait_for_exit(killed), None, "{place}");
        assert!(kill_points::is_over());
    }
    let witness = Witness::within(directory.path());
    arm(way, 1);
    let victim = in_child(|| {
        let queue = started();
        if way[0].starts_with("standby") {
            // Whoever has died stands by no more, and another one does: before anybody has called for it.
            until("somebody has died", kill_points::is_over);
            helper("logtree-standby");
        }
        for number in 0..RECORDS {
            queue.log(number);
            witness.published(number + 1);
        }
        assert!(queue.flush());
        // It stays until its helpers have come to all that they do at first.
        until("somebody has died", kill_points::is_over);
    });
    let outcome = wait_for_exit(victim);
    assert!(matches!(outcome, None | Some(0)), "{place}: {outcome:?}");
    assert!(kill_points::is_over(), "{place} was not walked");
    let heir = in_child(|| {
        let queue = started();
        (0..RECORDS).for_each(|number| queue.log(number));
        assert!(queue.flush());
        let stats = &logtree_prefork::stats()[0];
        assert_eq!((stats.bad_lanes, stats.dropped, stats.refused_transactions), (0, 0, 0), "{place}");
        assert_eq!((stats.disturbed_appends, stats.unprotected_batches), (0, 0), "{place}");
    });
    assert_eq!(wait_for_exit(heir), Some(0), "{place}");
    Queue::over(&log, options.clone()).wait_until_gone();
    assert_nothing_left(name.as_deref());
    let lines = Lines::of(&log);
    lines.assert_whole();
    let count = witness.count();
    let may_be = if outcome.is_some() { count..=count } else { count..=count + 1 };
    let written = lines_of(&lines, victim);
    assert!(may_be.contains(&written), "{written} of {count} lines; {place}");
    assert_eq!(lines_of(&lines, heir), RECORDS, "{place}");
    assert_eq!(killed.map(|killed: Pid| lines_of(&lines, killed)), is_left.then_some(LEFT), "{place}");
}

/// Logs, and dies with all helpers, the listener in the middle of a transaction.
fn leave_behind(queue: &Queue) {
    queue.log(0);
    assert!(queue.flush());
    // Both are stopped while it logs: whoever logs while nobody listens makes other helpers after a while.
    let [standby, listener] = stop_helpers();
    (1..LEFT).for_each(|number| queue.log(number));
    arm(&["transaction: committed"], 1);
    kill_process(listener, Signal::CONT).unwrap();
    until("the listener is dead", kill_points::is_over);
    kill(standby);
    kill(getpid());
}

/// The segment of a name goes with its last process.
pub(super) fn assert_nothing_left(name: Option<&str>) {
    let segment = name.map(|name| logtree_os::default_directory().join(format!("queue-{name}")));
    until("the segment is gone", || !segment.as_deref().is_some_and(Path::exists));
}
