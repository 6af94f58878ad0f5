//! SIGKILL, to anybody, at any time.

use std::time::{Duration, Instant};

use logtree_core::{Level, Overflow, QueueLimits, Timestamp};
use logtree_os::claim::{ClaimText, Meeting};
use logtree_os::helper::{HelperEnd, HelperOptions, HelperState, spawn_helper};
use logtree_prefork::QueueOptions;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use crate::support::{
    self, DEADLINE, Lines, Logs, Queue, followed_listener, helper, in_child, kill, state_of, stop_helpers,
    threads_named, until, wait_for_exit, zombies,
};

pub(crate) fn a_killed_listener_is_succeeded_by_its_standby() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let mut number = 0;
    let mut taken_over = Vec::new();
    for round in 0..10 {
        // Everything is written, so that what is repeated can only be repeated by the successor.
        (0..100).for_each(|_| {
            queue.log(number);
            number += 1;
        });
        assert!(queue.flush());
        let listener = helper("logtree-listen");
        kill(listener);
        let killed = Instant::now();
        // A signal takes a moment to kill: this record may be the last of the old listener or the first of the new one.
        queue.log(number);
        number += 1;
        until("another one listens", || logtree_prefork::stats()[0].claim_number == round + 2);
        taken_over.push(killed.elapsed());
        assert!(queue.flush(), "round {round}");
        helper("logtree-standby");
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), number);
    taken_over.sort_unstable();
    println!("another one listened after {taken_over:?}");
    assert!(taken_over[taken_over.len() / 2] < Duration::from_millis(50));
}

/// Whoever made helpers takes away what is left of those that were killed, on whatever way into the library it passes; and
/// nothing of the host's.
pub(crate) fn a_killed_helper_leaves_no_zombie() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let mut number = 0;
    let mut log = |more| {
        queue.log_long(number, more);
        number += 1;
    };
    let busily = || {
        // So soon behind each other that the listener stays awake, and more than its lane has room for at first.
        log(4000);
    };
    let rarely = || {
        std::thread::sleep(Duration::from_millis(70));
        queue.log(0);
    };
    let mut ways: [(&str, &mut dyn FnMut()); 4] = [
        ("logging busily", &mut { busily }),
        ("logging now and then", &mut { rarely }),
        ("flushing", &mut || assert!(queue.flush())),
        ("asking for figures", &mut || assert_eq!(logtree_prefork::stats().len(), 1)),
    ];
    // A child as helpers are, of the host's own.
    let waits = || logtree_os::helper::termination_requested();
    let mut stranger = spawn_helper(&HelperOptions::new("stranger"), || {
        until("the stranger is to end", waits);
        3
    })
    .unwrap();
    for (what, way) in &mut ways {
        for _ in 0..3 {
            // The listener, then the one that takes its place, whose pid this process has never heard of.
            for _ in 0..2 {
                let [listener, _] = ["logtree-listen", "logtree-standby"].map(helper);
                kill(listener);
                until("it is one", || zombies().contains(&listener));
            }
            let [_, standby] = ["logtree-listen", "logtree-standby"].map(helper);
            kill(standby);
            until("they are three", || zombies().len() == 3);
            until(&format!("{what} takes zombies away"), || {
                way();
                zombies().is_empty()
            });
            assert_eq!(waitpid(None, WaitOptions::NOHANG).unwrap_err(), Errno::CHILD, "the host sees a child");
        }
    }
    let pid = Pid::from_raw(stranger.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    until("the stranger has ended", || {
        std::fs::read_to_string(format!("/proc/{}/stat", stranger.pid())).unwrap().contains(") Z ")
    });
    ways.iter_mut().for_each(|(_, way)| way());
    assert_eq!(stranger.reap(), HelperState::Ended(HelperEnd::Exited(3)));
}

pub(crate) fn listeners_killed_at_random_write_each_line_once() {
    const KILLS: u32 = 200;
    let directory = tempfile::tempdir().unwrap();
    let logs = Logs::within(directory.path(), 200_000);
    let queue = Queue::started_over(&logs);
    let (until_told, tell) = rustix::pipe::pipe().unwrap();
    let worker = in_child(|| {
        let is_told = || rustix::io::read(&until_told, &mut [0]) == Ok(1);
        rustix::io::ioctl_fionbio(&until_told, true).unwrap();
        let mut number = 0;
        let began = Instant::now();
        // Nobody tells it if this test fails.
        while !is_told() && began.elapsed() < 4 * support::DEADLINE {
            (0..200).for_each(|_| {
                queue.log(number);
                number += 1;
            });
            std::thread::sleep(Duration::from_micros(500));
        }
        assert!(queue.flush());
        rustix::io::write(&tell, &number.to_ne_bytes()).unwrap();
    });
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let stats = || logtree_prefork::stats().swap_remove(0);
    for round in 0..KILLS {
        let listener = followed_listener();
        let claim_number = stats().claim_number;
        // Fibonacci hashing of the round: no two wait alike, and none more than 2 ms.
        let wait = (seed + u64::from(round)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 43;
        std::thread::sleep(Duration::from_nanos(wait));
        kill(listener);
        until("another one listens", || stats().claim_number > claim_number);
    }
    rustix::io::write(&tell, &[0]).unwrap();
    assert_eq!(wait_for_exit(worker), Some(0));
    let mut number = [0; 4];
    assert_eq!(rustix::io::read(&until_told, &mut number), Ok(4));
    let stats = stats();
    assert_eq!((stats.refused_transactions, stats.disturbed_appends, stats.unprotected_batches), (0, 0, 0));
    logs.wait_until_packed();
    for lines in logs.assert_whole() {
        assert_eq!(lines.assert_whole(), u32::from_ne_bytes(number));
    }
}

pub(crate) fn when_all_helpers_are_killed_a_process_makes_them_anew() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    for round in 0..5 {
        let killed = kill_both_helpers();
        (100 * round..100 * (round + 1)).for_each(|number| queue.log(number));
        assert!(queue.flush());
        assert!(!killed.contains(&helper("logtree-listen")) && !killed.contains(&helper("logtree-standby")));
        assert_eq!(threads_named("logtree-listen"), 0, "a program of one thread stays one");
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), 500);
}

/// The listener's seat is vacant at once, and both are alive until the kernel has taken them apart, which takes the longer the
/// more memory they have. A record that is logged meanwhile, and the last one, is written all the same.
pub(crate) fn who_logs_while_all_helpers_are_being_killed_makes_them_anew() {
    const ROUNDS: u32 = 20;
    // Not all zero, which would take no memory. The helpers have it too.
    let memory = vec![1_u8; 128 << 20];
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    for round in 0..ROUNDS {
        let killed = ["logtree-standby", "logtree-listen"].map(helper);
        let claim_number = logtree_prefork::stats()[0].claim_number;
        killed.into_iter().for_each(kill);
        // The listener may have made another standby in between.
        until("the seat is vacant", || {
            let stats = logtree_prefork::stats().swap_remove(0);
            !stats.has_listener || stats.claim_number > claim_number
        });
        let dying = killed.into_iter().filter(|helper| !state_of(*helper).is_empty()).count();
        queue.log(round);
        until(&format!("the record of round {round}, logged beside {dying} who die, is written"), || {
            std::fs::read_to_string(&queue.log).is_ok_and(|log| log.lines().count() == round as usize + 1)
        });
        until("they are gone", || killed.iter().all(|helper| is_gone(*helper)));
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), ROUNDS);
    assert_eq!(memory.last(), Some(&1));
}

pub(crate) fn when_all_helpers_are_killed_a_process_with_threads_listens() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    kill_both_helpers();
    (0..1000).for_each(|number| queue.log(number));
    assert!(queue.flush());
    assert_eq!(threads_named("logtree-listen"), 1);
    drop(stop);
    assert!(thread.join().unwrap().is_err());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 1000);
}

/// The standby first, so that it does not take the listener's place.
fn kill_both_helpers() -> [Pid; 2] {
    let helpers = ["logtree-standby", "logtree-listen"].map(helper);
    helpers.iter().for_each(|pid| kill(*pid));
    until("they are gone", || helpers.iter().all(|helper| is_gone(*helper)));
    helpers
}

fn is_gone(helper: Pid) -> bool {
    logtree_os::helper::reap(helper.as_raw_nonzero().get().unsigned_abs()) != HelperState::Running
}

pub(crate) fn a_killed_worker_harms_nobodys_records() {
    /// What a victim has certainly published when it is killed.
    const PUBLISHED: u32 = 100;
    let directory = tempfile::tempdir().unwrap();
    // They wait for room, so that a number that is missing is a record that was lost.
    let limits = QueueLimits { overflow: Overflow::Block(support::DEADLINE), ..QueueLimits::default() };
    let options = QueueOptions { limits, ..QueueOptions::default() };
    let queue = Queue::over(&directory.path().join("app.log"), options);
    queue.entry.handler.start().unwrap();
    let steady = in_child(|| {
        (0..30_000).for_each(|number| queue.log(number));
        assert!(queue.flush());
    });
    // The listener never has a moment without records.
    let busy = in_child(|| (0..u32::MAX).for_each(|number| queue.log(number)));
    let mut victims = Vec::new();
    for round in 0..20_u32 {
        let (published, publish) = rustix::pipe::pipe().unwrap();
        let victim = in_child(|| {
            (0..PUBLISHED).for_each(|number| queue.log(number));
            rustix::io::write(&publish, &[0]).unwrap();
            (PUBLISHED..1_000_000).for_each(|number| queue.log(number));
        });
        assert_eq!(rustix::io::read(&published, &mut [0]), Ok(1));
        // Somewhere in its work, and each time somewhere else.
        (0..round * 1000).for_each(|_| std::hint::spin_loop());
        kill(victim);
        assert_eq!(wait_for_exit(victim), None, "round {round}");
        victims.push(victim.as_raw_nonzero().get());
    }
    assert_eq!(wait_for_exit(steady), Some(0));
    until("the lanes of the dead are free", || logtree_prefork::stats()[0].lanes == 1);
    kill(busy);
    assert_eq!(wait_for_exit(busy), None);
    until("the last lane is free", || logtree_prefork::stats()[0].lanes == 0);
    let lines = Lines::of(&queue.log);
    lines.assert_whole();
    let steady = steady.as_raw_nonzero().get();
    assert_eq!(lines.numbers[&(steady, steady)].len(), 30_000);
    for victim in victims {
        let written = lines.numbers[&(victim, victim)].len() as u32;
        assert!(written >= PUBLISHED, "{written} of at least {PUBLISHED} records that victim {victim} had published");
    }
    assert_eq!(logtree_prefork::stats()[0].bad_lanes, 0);
}

pub(crate) fn what_all_left_behind_is_written_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    let first = in_child(|| {
        let queue = Queue::started(&log);
        queue.log(0);
        assert!(queue.flush());
        let me = getpid();
        let helpers = stop_helpers();
        (1..5000).for_each(|number| queue.log(number));
        helpers.into_iter().for_each(kill);
        // While one of them is still dying, the next process finds that somebody listens.
        until("they are gone", || helpers.iter().all(|helper| is_gone(*helper)));
        kill(me);
    });
    assert_eq!(wait_for_exit(first), None);
    let second = in_child(|| {
        let queue = Queue::started(&log);
        until("the records are there", || Lines::so_far(&log).numbers.values().any(|numbers| numbers.len() == 5000));
        queue.log(0);
        assert!(queue.flush());
    });
    assert_eq!(wait_for_exit(second), Some(0));
    assert_eq!(Lines::of(&log).assert_whole(), 5001);
}

pub(crate) fn a_dead_workers_last_records_wait_for_their_time() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let victim = in_child(|| {
        queue.log(0);
        assert!(queue.flush());
        // Not due for half a second, by when the victim will have been found dead.
        queue.log_with(Level::INFO, Timestamp(Timestamp::now().0 + 500_000_000), 1);
        kill(getpid());
    });
    assert_eq!(wait_for_exit(victim), None);
    let victim = victim.as_raw_nonzero().get();
    until("its last record is written", || Lines::so_far(&queue.log).numbers[&(victim, victim)].len() == 2);
}

pub(crate) fn what_nobody_needs_is_swept_away() {
    let directory = tempfile::tempdir().unwrap();
    let log = |name: &str| directory.path().join(name);
    let named = |pid: u32| QueueOptions { name: Some(format!("sweep-{pid}")), ..QueueOptions::default() };
    let segment = |pid: u32| logtree_os::default_directory().join(format!("queue-sweep-{pid}")).exists();
    // Two queues whose processes and helpers are killed, one with nothing in it and one with a record.
    let [full, empty] = [true, false].map(|leaves_a_record| {
        let child = in_child(|| {
            let me = std::process::id();
            let queue = Queue::over(&log(&me.to_string()), named(me));
            queue.entry.handler.start().unwrap();
            queue.log(0);
            assert!(queue.flush());
            let helpers = stop_helpers();
            if leaves_a_record {
                queue.log(1);
            }
            helpers.into_iter().for_each(kill);
            kill(getpid());
        });
        assert_eq!(wait_for_exit(child), None);
        child.as_raw_nonzero().get().unsigned_abs()
    });
    // Whoever installs a queue on this machine may have swept the empty one away by now.
    assert!(segment(full));
    let mut installs = 0;
    until("the empty one is gone", || {
        installs += 1;
        let queue = Queue::started(&log(&format!("other-{installs}")));
        queue.log(0);
        assert!(queue.flush(), "a living queue is left alone");
        !segment(empty)
    });
    assert!(segment(full), "its record is for the next process of that queue");
    let queue = Queue::over(&log(&full.to_string()), named(full));
    queue.entry.handler.start().unwrap();
    until("the record is written", || Lines::so_far(&queue.log).numbers.values().any(|numbers| numbers.len() == 2));
}

/// Whoever holds the claim of a name may be making another segment of that name at the moment: it is not taken away.
pub(crate) fn a_segment_whose_claim_is_held_is_not_swept() {
    let directory = tempfile::tempdir().unwrap();
    let log = |name: &str| directory.path().join(name);
    let name = format!("held-{}", std::process::id());
    let segment = logtree_os::default_directory().join(format!("queue-{name}"));
    let mut held = None;
    until("an empty segment is left, and its claim is held", || {
        held = None;
        let child = in_child(|| {
            let options = QueueOptions { name: Some(name.clone()), ..QueueOptions::default() };
            let queue = Queue::over(&log("left"), options);
            queue.entry.handler.start().unwrap();
            queue.log(0);
            assert!(queue.flush());
            stop_helpers().into_iter().for_each(kill);
            kill(getpid());
        });
        assert_eq!(wait_for_exit(child), None);
        held = Some(Meeting::lock(&[&segment], DEADLINE).unwrap());
        // Another process on this machine may have swept it away before.
        segment.exists()
    });
    let install = |number| {
        let child = in_child(|| {
            let queue = Queue::started(&log(&format!("other-{number}")));
            queue.log(0);
            assert!(queue.flush());
        });
        assert_eq!(wait_for_exit(child), Some(0));
    };
    (0..3).for_each(install);
    assert!(segment.exists());
    drop(held);
    let mut installs = 3..;
    until("it is gone", || {
        installs.by_ref().take(1).for_each(install);
        !segment.exists()
    });
}

pub(crate) fn claims_that_name_no_segment_are_swept_away() {
    let directory = tempfile::tempdir().unwrap();
    let log = |name: &str| directory.path().join(name);
    let me = std::process::id();
    let queue_of = |role: &str| format!("{role}-{me}");
    let segment = |role: &str| logtree_os::default_directory().join(format!("queue-{}", queue_of(role)));
    let claim = |role: &str| segment(role).with_file_name(format!(".queue-{}.logtree", queue_of(role)));
    let started = |role: &str| {
        let options = QueueOptions { name: Some(queue_of(role)), ..QueueOptions::default() };
        let queue = Queue::over(&log(role), options);
        queue.entry.handler.start().unwrap();
        queue
    };
    let mut installs = 0u32..;
    let mut install = || {
        let number = installs.next().unwrap();
        let child = in_child(|| {
            let _queue = Queue::started(&log(&format!("other-{number}")));
        });
        assert_eq!(wait_for_exit(child), Some(0));
    };
    // The first one makes the directory, if there is none.
    install();
    // Killed while they held a claim that they had made, and one that they had written.
    for (role, writes) in [("made", false), ("written", true)] {
        let killed = in_child(|| {
            let mut meeting = Meeting::lock(&[&segment(role)], DEADLINE).unwrap();
            if writes {
                meeting.write(&ClaimText::new(&queue_of(role), segment(role), 7)).unwrap();
            }
            kill(getpid());
        });
        assert_eq!(wait_for_exit(killed), None);
    }
    // Somebody holds one still.
    let held = Meeting::lock(&[&segment("held")], DEADLINE).unwrap();
    // A queue lives without helpers and without its segment's name, which a cleaner has taken away.
    let (told, tell) = rustix::pipe::pipe().unwrap();
    let living = in_child(|| {
        let queue = started("living");
        queue.log(0);
        assert!(queue.flush());
        stop_helpers().into_iter().for_each(kill);
        std::fs::remove_file(segment("living")).unwrap();
        rustix::io::write(&tell, &[0]).unwrap();
        std::thread::sleep(DEADLINE);
    });
    rustix::io::read(&told, &mut [0]).unwrap();
    until("what nobody holds is gone", || {
        install();
        !claim("made").exists() && !claim("written").exists()
    });
    assert!(claim("held").exists());
    assert!(claim("living").exists());
    drop(held);
    kill(living);
    assert_eq!(wait_for_exit(living), None);
    until("what its queue has left is gone", || {
        install();
        !claim("living").exists()
    });
}
