//! Every kill point, ten times each: a listener dies there, its successor goes on, also a successor that dies in its turn.
//!
//! To be built with `RUSTFLAGS="--cfg logtree_kill_points"`.

use logtree_core::{Level, Timestamp};
use logtree_os::kill_points::{self, NAMES};

use crate::support::{self, Logs, Queue, helper, in_child, until, wait_for_exit};

/// How often each way to die is walked.
const ROUNDS: u32 = 10;
/// So many ways are walked at the same time: mostly they wait.
const GROUPS: usize = 6;
/// So many records fill several units of a lane, and several of a transaction.
const BURST: u32 = 1500;
const MOVES: [&str; 2] = ["recovery: renamed", "recovery: deleted"];
/// So large are files that roll: a burst rolls them more than once, in one batch.
const MAX_BYTES: u64 = 10_000;
/// By then a listener has come to every point many times; and a pipe holds as many bytes.
const MOST: u32 = 40_000;

pub(crate) fn a_listener_killed_at_any_point_writes_each_line_once() {
    let ways = ways();
    for name in NAMES {
        assert!(ways.iter().flatten().any(|point| point == name), "no way leads to {name:?}");
    }
    let walk = |group: usize| {
        kill_points::share();
        for (at, way) in ways.iter().enumerate().filter(|(at, _)| at % GROUPS == group) {
            (0..ROUNDS).for_each(|round| die(way, at as u32, round));
        }
    };
    let groups: Vec<_> = (0..GROUPS).map(|group| in_child(|| walk(group))).collect();
    let outcomes: Vec<_> = groups.into_iter().map(wait_for_exit).collect();
    assert!(outcomes.iter().all(|outcome| *outcome == Some(0)), "{outcomes:?}");
}

/// The points at which one listener after the other dies.
fn ways() -> Vec<Vec<&'static str>> {
    let is_of_recovery = |name: &str| name.starts_with("recovery") || ["lane: resumed", "spill: swept"].contains(&name);
    let alone = NAMES.iter().filter(|name| !is_of_recovery(name)).map(|name| vec![*name]);
    let mut ways: Vec<_> = alone.collect();
    for first in ["transaction: committed", "file: half written"] {
        // Not every batch gives files other names.
        let is_of_every = |name: &&&str| is_of_recovery(name) && !MOVES.contains(*name) && **name != "spill: swept";
        for name in NAMES.iter().filter(is_of_every) {
            ways.push(vec![first, name]);
        }
    }
    for first in ["batch: appended", "transaction: step done", "batch: heads published"] {
        ways.push(vec![first, "recovery: all completed"]);
        ways.push(vec![first, "recovery: head published"]);
    }
    // The other file that rolls stands behind it in the same batch.
    for name in MOVES {
        ways.push(vec!["batch: renamed", name]);
        ways.push(vec!["batch: renamed", name, name]);
    }
    for second in ["lane: unit announced", "lane: anchor moved", "lane: unit given back"] {
        ways.push(vec!["lane: head stored", second]);
    }
    // Only what a killed producer or listener has left is swept.
    for first in ["spill: written", "spill: handled"] {
        ways.push(vec![first, "spill: swept"]);
    }
    ways.push(vec!["transaction: committed", "recovery: half written", "recovery: half written"]);
    ways.push(vec!["file: half written", "recovery: half written", "recovery: completed"]);
    ways
}

/// A process logs until all have died; then each of its lines must stand in each file once.
fn die(way: &[&str], at: u32, round: u32) {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), MAX_BYTES);
    let (published, publish) = rustix::pipe::pipe().unwrap();
    let victim = in_child(|| {
        let queue = Queue::started_over(&logs);
        helper("logtree-standby");
        // Not always the first time, so that the lines before are there; but where one rename is to have another behind it.
        let nth = if way.iter().any(|name| MOVES.contains(name)) { 1 } else { 1 + round % 3 };
        let kills = way.iter().enumerate().map(|(n, name)| (*name, if n == 0 { nth } else { 1 }));
        kill_points::arm(&kills.collect::<Vec<_>>());
        let mut number: u32 = 0;
        while !kill_points::is_over() && number < MOST {
            // In time's future, so that all of them are one batch.
            let soon = Timestamp(Timestamp::now().0 + 3_000_000);
            for _ in 0..BURST {
                queue.log_with(Level::INFO, soon, number);
                number += 1;
                rustix::io::write(&publish, &[0]).unwrap();
            }
            assert!(queue.flush());
            // A small batch behind a large one, and one record that is larger than its lane.
            for more in [0, support::LANE_BYTES] {
                queue.log_long(number, more);
                number += 1;
                rustix::io::write(&publish, &[0]).unwrap();
                assert!(queue.flush());
            }
        }
        let stats = &logtree_prefork::stats()[0];
        assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
    });
    // A process whose helpers were all killed listens itself, and may die of it.
    let outcome = wait_for_exit(victim);
    assert!(matches!(outcome, Some(0) | None), "{way:?}, round {round}");
    let successor = in_child(|| {
        let queue = Queue::started_over(&logs);
        queue.log(0);
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(successor), Some(0), "{way:?}, round {round}");
    // What is swept may be so when all records are written.
    until(&format!("{way:?} is walked, way {at}, round {round}"), kill_points::is_over);
    drop(publish);
    let mut count = 0;
    let mut bytes = [0; 4096];
    while let Ok(more @ 1..) = rustix::io::read(&published, &mut bytes) {
        count += more as u32;
    }
    for lines in logs.assert_whole() {
        let victim = victim.as_raw_nonzero().get();
        let written = lines.numbers.get(&(victim, victim)).map_or(0, |numbers| numbers.len() as u32);
        let may_be = if outcome.is_some() { count..=count } else { count..=count + 1 };
        assert!(may_be.contains(&written), "{written} of {count} lines; {way:?}, round {round}");
    }
}
