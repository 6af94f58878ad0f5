//! The listener dies while it frees what a dead process left, and its successor while it finishes that.

use std::time::Duration;

use logtree_os::kill_points;
use rustix::process::{Pid, WaitOptions, getpid, waitpid};

use super::producer::lines_of;
use super::{Way, arm};
use crate::support::{Lines, Logs, Queue, helper, in_child, kill, until, wait_for_exit};

const RECORDS: u32 = 100;

const POINTS: [&str; 8] = [
    "reclaim: lane marked",
    "units: one freed of many",
    "reclaim: units freed",
    "reclaim: words cleared",
    "reclaim: lane freed",
    "release: slot marked",
    "release: units freed",
    "release: slot freed",
];

pub(crate) fn a_listener_killed_while_it_frees_what_the_dead_left_frees_all() {
    super::walk(&ways(), die);
}

pub(super) fn ways() -> Vec<Way> {
    let alone = POINTS.iter().map(|point| vec![*point]);
    let successors = [
        vec!["reclaim: lane marked", "take over: opened"],
        vec!["reclaim: lane marked", "reclaim: units freed", "reclaim: words cleared"],
        vec!["units: one freed of many", "units: one freed of many", "units: one freed of many"],
        vec!["reclaim: words cleared", "reclaim: words cleared"],
        vec!["release: slot marked", "release: units freed"],
        vec!["release: units freed", "release: units freed", "take over: freed"],
    ];
    alone.chain(successors).collect()
}

/// A process that logs, and so sees to it that somebody listens; it may be the one.
struct Resident<'a> {
    queue: &'a Queue,
    process: Pid,
}

impl<'a> Resident<'a> {
    fn of(queue: &'a Queue) -> Self {
        Self { queue, process: Self::begin(queue) }
    }

    fn begin(queue: &Queue) -> Pid {
        in_child(|| {
            for number in 0..u32::MAX {
                queue.log(number);
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    }

    /// Has another one come if this one has died.
    fn keep(&mut self) {
        if waitpid(Some(self.process), WaitOptions::NOHANG).unwrap().is_some() {
            self.process = Self::begin(self.queue);
        }
    }
}

impl Drop for Resident<'_> {
    fn drop(&mut self) {
        kill(self.process);
        // The next process is to find the seat vacant.
        wait_for_exit(self.process);
    }
}

fn die(way: &[&str], round: u32) {
    let place = format!("{way:?}, round {round}");
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 100_000);
    let master = in_child(|| {
        let queue = Queue::started_over(&logs);
        helper("logtree-standby");
        arm(way, 1);
        let victim = in_child(|| {
            (0..RECORDS).for_each(|number| if number % 9 == 7 { queue.log_bulky(number) } else { queue.log(number) });
            if round.is_multiple_of(2) {
                kill(getpid());
            }
        });
        assert_eq!(wait_for_exit(victim).is_none(), round.is_multiple_of(2), "{place}");
        let mut resident = Resident::of(&queue);
        until("all have died", || {
            resident.keep();
            kill_points::is_over()
        });
        let mut is_free = || {
            resident.keep();
            let stats = &logtree_prefork::stats()[0];
            (stats.lanes, stats.processes) == (1, 2)
        };
        until("what the dead left is free", &mut is_free);
        let memory = logtree_prefork::stats()[0].memory_bytes;
        let heir = in_child(|| {
            (0..RECORDS).for_each(|number| if number % 9 == 7 { queue.log_bulky(number) } else { queue.log(number) });
            assert!(queue.flush());
        });
        assert_eq!(wait_for_exit(heir), Some(0), "{place}");
        until("what the heir left is free", &mut is_free);
        let stats = &logtree_prefork::stats()[0];
        assert_eq!((stats.bad_lanes, stats.dropped, stats.refused_transactions), (0, 0, 0), "{place}");
        assert!(stats.memory_bytes <= 2 * memory, "{} after {memory}: units are lost; {place}", stats.memory_bytes);
        let lines = Lines::of(&logs.plain);
        assert_eq!((lines_of(&lines, victim), lines_of(&lines, heir)), (RECORDS, RECORDS), "{place}");
    });
    assert_eq!(wait_for_exit(master), Some(0), "{place}");
    // Where all helpers were killed, and the thread that listened in their place, the next process sees to the rest.
    let last = in_child(|| assert!(Queue::started_over(&logs).flush()));
    assert_eq!(wait_for_exit(last), Some(0), "{place}");
    Queue::over(&logs.plain, Default::default()).wait_until_gone();
    logs.assert_whole();
}
