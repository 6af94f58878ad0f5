//! A listener dies in its work, its successor goes on, also one that dies in its turn: while it takes over, while it finishes
//! what the last one was killed in, while it makes a standby.

use std::time::{Duration, Instant};

use logtree_core::{Level, Timestamp};
use logtree_os::kill_points;

use super::{Way, arm};
use crate::support::{self, DEADLINE, Logs, Queue, helper, in_child, until, wait_for_exit};

/// So many records fill several units of a lane, and several of a transaction.
const BURST: u32 = 1500;
/// Where a listener comes in its daily work.
const POINTS: [&str; 35] = [
    "transaction: unit taken",
    "transaction: staged",
    "transaction: heads staged",
    "transaction: described",
    "transaction: committed",
    "transaction: unit given back",
    "file: created",
    "file: half written",
    "batch: planned",
    "batch: appended",
    "batch: renamed",
    "batch: deleted",
    "batch: replacing",
    "batch: replaced",
    "compression: begun",
    "compression: written",
    "transaction: step done",
    "batch: carried out",
    "lane: head stored",
    "lane: unit announced",
    "lane: anchor moved",
    "lane: unit given back",
    "lane: passed stored",
    "batch: heads published",
    "transaction: finished",
    "sleep: announced",
    "progress: counted",
    "spill: written",
    "spill: handled",
    "spill: deleted",
    "shrink: units taken",
    "shrink: announced",
    "shrink: memory taken",
    "shrink: unit freed",
    "shrink: memory asked for",
];
/// Where the next one comes, when the last one was killed in a transaction.
const RECOVERING: [&str; 6] = [
    "recovery: read",
    "recovery: half written",
    "recovery: completed",
    "recovery: all completed",
    "recovery: head published",
    "lane: resumed",
];
/// Where the next one comes anyway, and the standby that it makes.
const SUCCEEDING: [&str; 11] = [
    "seat: announced",
    "seat: taken",
    "seat: listed",
    "standby: seated",
    "take over: opened",
    "take over: freed",
    "take over: counted",
    "listener: begun",
    "standby: made",
    "standby: begun",
    "standby: introduced",
];
/// Not every batch gives files other names.
const MOVES: [&str; 2] = ["recovery: renamed", "recovery: deleted"];
/// Nor has every one a compressed file to put in its place.
const REPLACES: [&str; 2] = ["recovery: replacing", "recovery: replaced"];
/// So large are files that roll: a burst rolls them more than once, in one batch.
const MAX_BYTES: u64 = 10_000;
/// By then a listener has come to every point many times; and a pipe holds as many bytes.
const MOST: u32 = 40_000;

pub(crate) fn a_listener_killed_at_any_point_writes_each_line_once() {
    super::walk(&ways(), die);
}

pub(super) fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = POINTS.iter().map(|point| vec![*point]).collect();
    // In a batch that appends: others may do no more than put a compressed file in its place.
    for first in ["batch: planned", "file: half written"] {
        ways.extend(RECOVERING.iter().map(|point| vec![first, *point]));
    }
    for first in ["batch: appended", "sleep: announced"] {
        ways.extend(SUCCEEDING.iter().map(|point| vec![first, *point]));
    }
    ways.push(vec!["transaction: step done", "recovery: all completed"]);
    for first in ["batch: appended", "batch: heads published"] {
        ways.push(vec![first, "recovery: all completed"]);
        ways.push(vec![first, "recovery: head published"]);
    }
    for first in ["batch: replacing", "batch: replaced"] {
        for name in REPLACES {
            ways.push(vec![first, name]);
            ways.push(vec![first, name, name]);
        }
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
    // The successor frees what the dead had in its hands, and takes memory away in its turn.
    for second in ["take over: freed", "shrink: units taken", "shrink: memory taken", "shrink: memory asked for"] {
        ways.push(vec!["shrink: memory taken", second]);
    }
    ways.push(vec!["batch: planned", "recovery: half written", "recovery: half written"]);
    ways.push(vec!["file: half written", "recovery: half written", "recovery: completed"]);
    ways
}

/// A process logs until all have died; then each of its lines must stand in each file once.
fn die(way: &[&str], round: u32) {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), MAX_BYTES);
    let (published, publish) = rustix::pipe::pipe().unwrap();
    let victim = in_child(|| {
        let queue = Queue::started_over(&logs);
        helper("logtree-standby");
        // Not always the first time, so that the lines before are there; but where one rename is to have another behind it.
        let nth = if way.iter().any(|name| MOVES.contains(name)) { 1 } else { 1 + round % 3 };
        arm(way, nth);
        let mut number: u32 = 0;
        let (mut newest, mut late) = (Timestamp(0), 0);
        let mut log = |created: Timestamp, more| {
            late += u64::from(created < newest);
            newest = newest.max(created);
            queue.log_padded(Level::INFO, created, number, more);
            number += 1;
            rustix::io::write(&publish, &[0]).unwrap();
            number
        };
        let mut logged = 0;
        while !kill_points::is_over() && logged < MOST {
            // In time's future, so that all of them are one batch; but some are late.
            let soon = Timestamp(Timestamp::now().0 + 3_000_000);
            for at in 0..BURST {
                let is_late = at % 100 == 99;
                log(Timestamp(soon.0 - i64::from(is_late)), 0);
            }
            assert!(queue.flush());
            // A small batch behind a large one, and one record that is larger than its lane.
            for more in [0, support::LANE_BYTES] {
                log(Timestamp::now(), more);
                assert!(queue.flush());
            }
            logged = log(Timestamp::now(), 0);
        }
        // Whoever was killed behind a flush, somebody listens now.
        let logged = log(Timestamp::now(), 0);
        assert!(queue.flush());
        let counted = || {
            let stats = &logtree_prefork::stats()[0];
            (stats.handled, stats.late)
        };
        let began = Instant::now();
        while counted() != (logged.into(), late) && began.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(counted(), (logged.into(), late), "handled and late; {way:?}, round {round}");
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
        logs.wait_until_packed();
    });
    assert_eq!(wait_for_exit(successor), Some(0), "{way:?}, round {round}");
    // What is swept may be so when all records are written.
    until(&format!("{way:?} is walked, round {round}"), kill_points::is_over);
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
