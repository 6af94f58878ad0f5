//! A cleaner has removed the claim, the segment, or both: the listener dies while it puts back what can be, and so does its
//! successor.

use logtree_os::kill_points;
use logtree_prefork::QueueOptions;

use super::{Way, arm};
use crate::cleaner::{Clean, Program};
use crate::support::{Lines, Queue, helper, in_child, kill, until, wait_for_exit};

const RECORDS: u32 = 20;

const POINTS: [&str; 6] = [
    "claims: missed",
    "meeting: claim made",
    "meeting: claim locked",
    "meeting: claim half written",
    "meeting: claim written",
    "claims: put back",
];

pub(crate) fn a_listener_killed_while_it_puts_back_its_claims() {
    super::walk(&ways(), die);
}

pub(super) fn ways() -> Vec<Way> {
    let alone = POINTS.iter().map(|point| vec![*point]);
    // The claim that the first one has made is there for the second one.
    let twice = ["claims: missed", "meeting: claim made", "meeting: claim half written"];
    let successors = twice.iter().map(|first| vec![*first, "claims: missed"]);
    let seated = POINTS.iter().map(|point| vec![*point, "standby: seated"]);
    alone.chain(successors).chain(seated).collect()
}

fn die(way: &[&str], round: u32) {
    let place = format!("{way:?}, round {round}");
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), |queue| {
        // Only helpers are to die.
        kill_points::spare();
        helper("logtree-standby");
        queue.log(0);
        assert!(queue.flush());
        std::fs::write(directory.path().join("ready"), "").unwrap();
        let mut number = 1;
        until("all is over", || {
            queue.log(number);
            number += 1;
            directory.path().join("over").exists()
        });
        assert!(queue.flush());
        let stats = &logtree_prefork::stats()[0];
        assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
        assert_eq!(Lines::of(&directory.path().join("app.log")).assert_whole(), number + RECORDS, "{place}");
    });
    until("it is ready", || directory.path().join("ready").exists());
    if round % 3 == 1 {
        program.clean(Clean::Segment);
    }
    arm(way, 1);
    program.clean(if round % 3 == 2 { Clean::Both } else { Clean::Claim });
    if round.is_multiple_of(2) {
        until("all have died", kill_points::is_over);
    }
    let newcomer = in_child(|| {
        kill_points::spare();
        let has_joined = program.begin_another(RECORDS);
        // When both helpers are dead before the claim is back, there may be a second queue, for whose end the first one waits.
        assert!(has_joined || way.contains(&"standby: seated"), "there is a second queue; {place}");
    });
    assert_eq!(wait_for_exit(newcomer), Some(0), "{place}");
    while !kill_points::is_over() {
        // The newcomer may have made the claim itself, or the program a listener, where the standby was to do it.
        program.clean(Clean::Claim);
        until("the claim is back, or all have died", || kill_points::is_over() || program.is_claimed());
        if !kill_points::is_over() {
            kill(program.helper("logtree-listen"));
        }
    }
    std::fs::write(directory.path().join("over"), "").unwrap();
    assert_eq!(wait_for_exit(program.process), Some(0), "{place}");
    Queue::over(&program.log, QueueOptions::default()).wait_until_gone();
}
