//! A process that logs dies: while it attaches, claims a lane, says what its records name, writes, publishes, lets the lane
//! grow, wakes the listener.

use std::path::Path;
use std::time::Duration;

use logtree_os::kill_points;
use rustix::process::Pid;

use super::{Way, Witness, arm};
use crate::support::{Lines, Logs, Queue, helper, in_child, until, wait_for_exit};

/// By then a producer has come to every point many times.
const MOST_THREADS: u32 = 2000;
const RECORDS_OF_A_THREAD: u32 = 40;

/// After such a pause the listener sleeps until it is woken.
const ASLEEP: Duration = Duration::from_millis(70);

/// A process comes to these once.
const ONCE: [&str; 4] = ["attach: slot taken", "attach: life held", "attach: introduced", "attach: attached"];
/// The listener comes to these too, and may be the one who dies.
const SHARED: [&str; 2] = ["units: one taken", "wake: due"];
const POINTS: [&str; 18] = [
    "claim: lane taken",
    "claim: lane counted",
    "claim: first unit taken",
    "claim: anchor set",
    "claim: lane begun",
    "push: record begun",
    "push: record written",
    "push: record published",
    "grow: unit taken",
    "grow: units chained",
    "grow: unit ended",
    "grow: chain continued",
    "definition: unit taken",
    "definition: chain continued",
    "definition: begun",
    "definition: written",
    "definition: published",
    "detach: due",
];

pub(crate) fn a_producer_killed_at_any_point_loses_nothing_and_blocks_nobody() {
    super::walk(&ways(), die);
}

pub(super) fn ways() -> Vec<Way> {
    let alone = POINTS.iter().chain(&ONCE).chain(&SHARED).chain(&["detach: done"]).map(|point| vec![*point]);
    // The listener dies too, and its successor has both to mend.
    let beside = POINTS.iter().map(|point| vec!["transaction: committed", *point]);
    alone.chain(beside).collect()
}

fn die(way: &[&str], round: u32) {
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 100_000);
    let place = format!("{way:?}, round {round}");
    let master = in_child(|| master(way, round, directory.path(), &logs));
    assert_eq!(wait_for_exit(master), Some(0), "{place}");
    // Nothing that the dead left keeps the listener from leaving.
    Queue::over(&logs.plain, Default::default()).wait_until_gone();
    logs.assert_whole();
}

fn master(way: &[&str], round: u32, directory: &Path, logs: &Logs) {
    let place = format!("{way:?}, round {round}");
    let queue = Queue::started_over(logs);
    helper("logtree-standby");
    let witness = Witness::within(directory);
    arm(way, if ONCE.contains(&way[0]) { 1 } else { 1 + round % 3 });
    let pause = if way.contains(&"wake: due") { ASLEEP } else { Duration::ZERO };
    let victim = in_child(|| log_until_killed(&queue, &witness, pause));
    // From here on it is the victim's turn, and the listener's.
    kill_points::spare();
    let outcome = wait_for_exit(victim);
    assert!(kill_points::is_over(), "{place} was not walked");
    assert!(outcome.is_none() || SHARED.contains(&way[0]), "{place}: {outcome:?}");
    let heir = in_child(|| {
        (0..200).for_each(|number| if number % 50 == 7 { queue.log_bulky(number) } else { queue.log(number) });
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(heir), Some(0), "{place}");
    until("what the dead left is free", || {
        let stats = &logtree_prefork::stats()[0];
        (stats.lanes, stats.processes) == (0, 1)
    });
    let stats = &logtree_prefork::stats()[0];
    assert_eq!((stats.bad_lanes, stats.dropped, stats.refused_transactions), (0, 0, 0), "{place}");
    assert_eq!((stats.disturbed_appends, stats.unprotected_batches), (0, 0), "{place}");
    let lines = Lines::of(&logs.plain);
    let count = witness.count();
    let may_be = if outcome.is_some() { count..=count } else { count..=count + 1 };
    let written = lines_of(&lines, victim);
    assert!(may_be.contains(&written), "{written} of {count} lines; {place}");
    assert_eq!(lines_of(&lines, heir), 200, "{place}");
}

fn log_until_killed(queue: &Queue, witness: &Witness, pause: Duration) {
    let mut published = 0;
    for _ in 0..MOST_THREADS {
        // A thread has a lane of its own, and gives it up when it ends.
        let log = || {
            for number in 0..RECORDS_OF_A_THREAD {
                if number % 20 == 7 {
                    queue.log_bulky(number)
                } else {
                    queue.log(number)
                }
                published += 1;
                witness.published(published);
            }
        };
        std::thread::scope(|scope| scope.spawn(log).join().unwrap());
        if kill_points::is_over() {
            break;
        }
        std::thread::sleep(pause);
    }
    assert!(queue.flush());
}

/// How many lines a process has in a file.
pub(super) fn lines_of(lines: &Lines, process: Pid) -> u32 {
    let process = process.as_raw_nonzero().get();
    let threads = lines.numbers.iter().filter(|((of, _), _)| *of == process);
    threads.map(|(_, numbers)| numbers.len() as u32).sum()
}
