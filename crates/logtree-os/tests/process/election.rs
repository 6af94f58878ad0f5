//! The seat with holders that are killed, at random and at every instruction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use logtree_os::election::{Seat, is_vacant};
use logtree_os::helper::{HelperEnd, HelperOptions, HelperState, spawn_helper, termination_requested};
use rustix::process::{Signal, WaitOptions, waitpid};

use crate::support::{Child, PATIENCE, Shared, exit, fork, in_a_process_of_its_own, now_ns, shared, state_of, until};

/// A word of a page that is never unmapped.
#[derive(Debug)]
struct Word(&'static AtomicU32);

impl AsRef<AtomicU32> for Word {
    fn as_ref(&self) -> &AtomicU32 {
        self.0
    }
}

fn word(page: &'static Shared) -> Arc<Word> {
    Arc::new(Word(&page.words[0]))
}

/// What promise 5 allows for a new listener.
const IN_TIME: Duration = Duration::from_millis(50);

/// A child that takes the seat, marks `page.words[1]`, and keeps it.
fn holder(page: &'static Shared, then: impl FnOnce()) -> Child {
    let child = fork(|| {
        let _seat = Seat::wait_take(&word(page), PATIENCE).unwrap().unwrap();
        page.longs[1].store(now_ns(), SeqCst);
        page.words[1].store(std::process::id(), SeqCst);
        then();
        loop {
            std::thread::park();
        }
    });
    until("the seat is taken", || page.words[1].load(SeqCst) == child.id());
    child
}

#[test]
fn one_at_a_time_and_one_for_each_thread() {
    let page = shared();
    let [one, other] = [word(page), Arc::new(Word(&page.words[1]))];
    assert!(is_vacant(&page.words[0]));
    let seat = Seat::try_take(&one).unwrap().unwrap();
    assert!(!is_vacant(&page.words[0]));
    assert!(Seat::try_take(&one).unwrap().is_none(), "it is taken");
    assert_eq!(Seat::try_take(&other).unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| Seat::try_take(&one).unwrap().is_none());
        assert!(thread.join().unwrap());
    });
    seat.release();
    assert!(is_vacant(&page.words[0]));
    Seat::try_take(&other).unwrap().unwrap().release();
}

#[test]
fn waiting_ends_at_its_time_and_at_a_release() {
    let page = shared();
    let word = word(page);
    let seat = Seat::try_take(&word).unwrap().unwrap();
    std::thread::scope(|scope| {
        let started = Instant::now();
        let thread = scope.spawn(|| Seat::wait_take(&word, Duration::from_millis(60)).unwrap().is_none());
        assert!(thread.join().unwrap());
        assert!(started.elapsed() >= Duration::from_millis(60));
        let waits = scope.spawn(|| Seat::wait_take(&word, PATIENCE).unwrap().is_some());
        seat.release();
        assert!(waits.join().unwrap());
    });
    assert!(is_vacant(&page.words[0]));
}

#[test]
fn a_thread_that_ends_with_a_forgotten_seat_leaves_it() {
    let page = shared();
    let word = word(page);
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(Seat::try_take(&word).unwrap().unwrap()));
    });
    until("the kernel has marked the word", || is_vacant(&page.words[0]));
    assert!(Seat::try_take(&word).unwrap().is_some());
}

#[test]
fn a_forked_child_does_not_vacate_its_parents_seat() {
    let page = shared();
    let mut seat = Seat::try_take(&word(page)).unwrap();
    fork(|| drop(seat.take())).succeeds();
    assert!(!is_vacant(&page.words[0]));
    assert!(seat.is_some());
}

#[test]
fn two_hundred_killed_holders_are_followed_in_time() {
    let page = shared();
    let mut latencies = Vec::new();
    let mut current = holder(page, || {});
    for _ in 0..200 {
        let next = fork(|| {
            let seat = Seat::wait_take(&word(page), PATIENCE).unwrap().unwrap();
            page.longs[1].store(now_ns(), SeqCst);
            // Whoever had the seat before must be one whom the parent has killed.
            assert_eq!(page.words[1].load(SeqCst), page.words[2].load(SeqCst), "two at once");
            page.words[1].store(std::process::id(), SeqCst);
            std::mem::forget(seat);
            loop {
                std::thread::park();
            }
        });
        until("the next one waits", || state_of(next.id(), next.id()) == Some('S'));
        page.words[2].store(current.id(), SeqCst);
        let killed_at = now_ns();
        current.signal(Signal::KILL);
        until("the next one has the seat", || page.words[1].load(SeqCst) == next.id());
        latencies.push(Duration::from_nanos(page.longs[1].load(SeqCst) - killed_at));
        current = next;
    }
    latencies.sort_unstable();
    let (median, worst) = (latencies[latencies.len() / 2], latencies[latencies.len() - 1]);
    eprintln!("taken over after {median:?} (median), {worst:?} (worst of {})", latencies.len());
    assert!(median < Duration::from_millis(10), "woken by the kernel, not found by looking again");
    // On a machine that does nothing else none takes as long; one that is busy elsewhere may stall a process.
    let late = latencies.iter().filter(|latency| **latency > IN_TIME).count();
    assert!(late <= 4, "{late} of {} took longer than {IN_TIME:?}", latencies.len());
}

#[test]
fn a_waiter_whose_waking_was_lost_looks_for_itself() {
    let page = shared();
    let current = holder(page, || {});
    // The first in the kernel's queue: it takes the only waking, and does nothing with it.
    let thief = fork(|| {
        use rustix::thread::futex::{Flags, wait};
        wait(&page.words[0], Flags::empty(), page.words[0].load(SeqCst), None).unwrap();
    });
    until("the thief waits", || state_of(thief.id(), thief.id()) == Some('S'));
    let next = fork(|| {
        let seat = Seat::wait_take(&word(page), PATIENCE).unwrap();
        page.longs[1].store(now_ns(), SeqCst);
        assert!(seat.is_some());
    });
    until("the next one waits", || state_of(next.id(), next.id()) == Some('S'));
    let killed_at = now_ns();
    current.kill();
    thief.succeeds();
    next.succeeds();
    let latency = Duration::from_nanos(page.longs[1].load(SeqCst) - killed_at);
    eprintln!("taken over without a waking after {latency:?}");
    assert!(latency < PATIENCE / 10);
}

#[test]
fn a_helper_that_waits_hears_sigterm() {
    in_a_process_of_its_own(|| {
        let page = shared();
        let seat = Seat::try_take(&word(page)).unwrap();
        let mut helper = spawn_helper(&HelperOptions::new("waits"), || {
            let mut rounds = 0;
            while !termination_requested() {
                // Each round ends at the latest after `PATIENCE`: the signal is what ends the first.
                assert!(Seat::wait_take(&word(page), PATIENCE).unwrap().is_none());
                rounds += 1;
            }
            rounds
        })
        .unwrap();
        until("the helper waits", || state_of(helper.pid(), helper.pid()) == Some('S'));
        let pid = rustix::process::Pid::from_raw(helper.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        until("the helper has ended", || helper.reap() != HelperState::Running);
        assert_eq!(helper.reap(), HelperState::Ended(HelperEnd::Exited(1)));
        drop(seat);
    });
}

#[test]
fn neither_children_nor_closed_descriptors_of_the_holder_matter() {
    let page = shared();
    let current = holder(page, || {
        let child = fork(|| {
            loop {
                std::thread::park();
            }
        });
        page.words[3].store(child.id(), SeqCst);
        std::mem::forget(child);
        // SAFETY: this process uses no descriptor from here on.
        unsafe { libc::syscall(libc::SYS_close_range, 0, i32::MAX, 0) };
        page.words[4].store(1, SeqCst);
    });
    until("it has closed all descriptors", || page.words[4].load(SeqCst) == 1);
    let orphan = page.words[3].load(SeqCst);
    current.kill();
    let next = holder(page, || {});
    assert_ne!(state_of(orphan, orphan), None, "the holder's child still lives");
    next.kill();
    let orphan = rustix::process::Pid::from_raw(orphan.cast_signed()).unwrap();
    rustix::process::kill_process(orphan, Signal::KILL).unwrap();
}

#[test]
fn a_holder_in_another_pid_namespace_is_followed() {
    in_a_process_of_its_own(|| {
        let page = shared();
        let next = fork(|| {
            until("the other one has the seat", || page.words[1].load(SeqCst) == 1);
            page.words[2].store(1, SeqCst);
            assert!(Seat::wait_take(&word(page), PATIENCE).unwrap().is_some());
        });
        // SAFETY: only the namespace of later children changes.
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWPID) } {
            eprintln!("skipped: no pid namespace can be made here: {error}");
            return;
        }
        let current = fork(|| {
            let _seat = Seat::try_take(&word(page)).unwrap().unwrap();
            page.words[1].store(std::process::id(), SeqCst);
            loop {
                std::thread::park();
            }
        });
        until("the next one waits", || page.words[2].load(SeqCst) == 1);
        assert_eq!(page.words[1].load(SeqCst), 1, "the first process of its namespace");
        current.kill();
        next.succeeds();
    });
}

#[test]
fn a_crowd_that_is_killed_at_random_never_stops_and_never_sits_together() {
    const KILLS: usize = 300;
    /// Who sits, and how often someone sat down.
    const SITTING: usize = 1;
    const TURNS: usize = 2;
    let page = shared();
    // A member is a slot and the number of its process there; when that was killed, the slot's count goes on.
    let member = |slot: usize| {
        let ticket = page.words[SITTING + 2 + slot].fetch_add(1, SeqCst);
        fork(move || {
            let me = u32::try_from(slot + 1).unwrap() << 16 | ticket;
            let word = word(page);
            loop {
                let Some(seat) = Seat::wait_take(&word, PATIENCE).unwrap() else { continue };
                let before = page.words[SITTING].swap(me, SeqCst);
                if before != 0 {
                    // Left by one who was killed here: then its place has been given to another since.
                    let (slot, ticket) = ((before >> 16) as usize - 1, before & 0xffff);
                    until("the killed one is written down", || {
                        page.words[SITTING + 2 + slot].load(SeqCst) > ticket + 1
                    });
                }
                page.words[TURNS].fetch_add(1, SeqCst);
                assert_eq!(page.words[SITTING].swap(0, SeqCst), me, "two at once");
                seat.release();
            }
        })
    };
    let mut crowd: Vec<Child> = (0..6).map(member).collect();
    // Any sequence does; this one is the same each time (a linear congruential generator).
    let mut random = 12345_u32;
    for kill in 0..KILLS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let slot = (random >> 16) as usize % crowd.len();
        let turns = page.words[TURNS].load(SeqCst);
        crowd[slot].signal(Signal::KILL);
        crowd[slot] = member(slot);
        until(&format!("someone sits down after kill {kill}"), || page.words[TURNS].load(SeqCst) != turns);
        for (slot, child) in crowd.iter().enumerate() {
            let ended = waitpid(Some(child.pid), WaitOptions::NOHANG).unwrap();
            assert!(ended.is_none(), "member {slot} ended by itself");
        }
    }
    eprintln!("{KILLS} kills, {} turns", page.words[TURNS].load(SeqCst));
}

/// Where the walk below kills: the state of the word, and the number of instructions after it was reached.
struct Walked<'a> {
    page: &'static Shared,
    reached: &'a dyn Fn(u32) -> bool,
    further: u32,
}

impl Walked<'_> {
    /// Has a child do `before`, steps it through `work`, instruction by instruction, and kills it at the point; `None`
    /// where stepping is forbidden, otherwise whether the point was reached before the work was done.
    fn kill_there<S>(&self, before: impl FnOnce() -> S, work: impl FnOnce(S)) -> Option<bool> {
        let child = fork(|| {
            let state = before();
            // SAFETY: asks to be traced by the parent; no pointer is looked at.
            let traced = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
            if traced != 0 {
                exit(77);
            }
            // SAFETY: stops this process until its parent lets it go on.
            unsafe { libc::raise(libc::SIGSTOP) };
            work(state);
            exit(78);
        });
        let mut further = None;
        loop {
            let (_, status) = waitpid(Some(child.pid), WaitOptions::UNTRACED).unwrap().unwrap();
            match status.exit_status() {
                Some(77) => return None,
                Some(_) => return Some(false),
                None => {}
            }
            let now = self.page.words[0].load(SeqCst);
            let passed = match further {
                None => (self.reached)(now).then_some(0),
                Some(passed) => Some(passed + 1),
            };
            if passed == Some(self.further) {
                child.kill();
                return Some(true);
            }
            further = passed;
            // SAFETY: the child is stopped and ours; one instruction, and no signal.
            unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, child.pid.as_raw_nonzero().get(), 0, 0) };
        }
    }
}

#[test]
fn killed_at_any_instruction_behind_the_taking_the_seat_is_vacant() {
    for further in 0..80 {
        let page = shared();
        let walked = Walked { page, reached: &|word| word != 0, further };
        let killed = walked.kill_there(|| {}, |()| std::mem::forget(Seat::try_take(&word(page)).unwrap()));
        match killed {
            None => return eprintln!("skipped: tracing is forbidden here"),
            Some(false) if further > 5 => return,
            killed => assert_eq!(killed, Some(true), "the walk has begun"),
        }
        assert!(is_vacant(&page.words[0]), "{further} instructions behind the taking");
        assert!(Seat::try_take(&word(page)).unwrap().is_some());
    }
}

#[test]
fn killed_at_any_instruction_behind_the_leaving_a_waiter_is_woken() {
    for further in 0..40 {
        let page = shared();
        let walked = Walked { page, reached: &|word| word == 0, further };
        // The waiter sleeps on the word as it stands while the seat is held, without looking again by itself.
        let waiter = fork(|| {
            use rustix::thread::futex::{Flags, wait};
            until("the seat is taken", || !is_vacant(&page.words[0]));
            let seen = page.words[0].load(SeqCst);
            page.words[1].store(1, SeqCst);
            while page.words[0].load(SeqCst) == seen {
                let _ = wait(&page.words[0], Flags::empty(), seen, None);
            }
        });
        let taken = || {
            let seat = Seat::try_take(&word(page)).unwrap().unwrap();
            // It sleeps between two looks as well; after the mark it sleeps on the word alone.
            until("the waiter is about to sleep", || page.words[1].load(SeqCst) == 1);
            until("the waiter sleeps", || state_of(waiter.id(), waiter.id()) == Some('S'));
            seat
        };
        let killed = walked.kill_there(taken, Seat::release);
        match killed {
            None => return eprintln!("skipped: tracing is forbidden here"),
            Some(false) if further > 5 => return,
            killed => assert_eq!(killed, Some(true), "the walk has begun"),
        }
        waiter.succeeds();
    }
}
