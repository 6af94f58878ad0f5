//! The listener of a queue that nobody needs any more dies while it leaves, and somebody comes at that moment or later.

use logtree_os::kill_points;
use logtree_prefork::QueueOptions;

use super::joiner::assert_nothing_left;
use super::producer::lines_of;
use super::{Way, arm};
use crate::support::{Lines, Queue, helper, in_child, until, wait_for_exit};

const RECORDS: u32 = 20;

const POINTS: [&str; 9] = [
    "meeting: claim locked",
    "closing: announced",
    "closing: decided",
    "meeting: claim emptied",
    "meeting: claim removed",
    "segment: removed",
    "seat: to be left",
    "seat: unlisted",
    "seat: empty",
];

pub(crate) fn a_listener_killed_while_it_leaves_keeps_nobody_out() {
    super::walk(&ways(), die);
}

pub(super) fn ways() -> Vec<Way> {
    POINTS.iter().map(|point| vec![*point]).collect()
}

fn die(way: &[&str], round: u32) {
    let place = format!("{way:?}, round {round}");
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let name = (round % 4 < 2).then(|| format!("walk-{}-{round}", std::process::id()));
    let options = QueueOptions { name: name.clone(), ..QueueOptions::default() };
    let log_some = || {
        let queue = Queue::over(&log, options.clone());
        queue.entry.handler.start().unwrap();
        (0..RECORDS).for_each(|number| queue.log(number));
        assert!(queue.flush());
    };
    let first = in_child(|| {
        log_some();
        helper("logtree-standby");
        arm(way, 1);
    });
    assert_eq!(wait_for_exit(first), Some(0), "{place}");
    // This one comes while the listener leaves, or just before, or just after.
    let second = (round % 2 == 1).then(|| {
        in_child(|| {
            kill_points::spare();
            log_some();
        })
    });
    assert!(second.is_none_or(|second| wait_for_exit(second) == Some(0)), "{place}");
    until("the listener is dead", kill_points::is_over);
    let third = in_child(log_some);
    assert_eq!(wait_for_exit(third), Some(0), "{place}");
    Queue::over(&log, options.clone()).wait_until_gone();
    assert_nothing_left(name.as_deref());
    let lines = Lines::of(&log);
    lines.assert_whole();
    for process in [Some(first), second, Some(third)].into_iter().flatten() {
        assert_eq!(lines_of(&lines, process), RECORDS, "{place}");
    }
}
