//! `ForkLock` with threads, and across forks in the middle of everything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use logtree_os::{ForkLock, ForkReset, current_thread_id};

use crate::support::{Shared, fork, shared, state_of, until};

/// Two numbers that are equal unless someone is between the two changes.
#[derive(Debug, Default)]
struct Pair {
    one: u64,
    other: u64,
    resets: u32,
    is_replacement: bool,
}

impl ForkReset for Pair {
    fn after_fork(&mut self) {
        self.resets += 1;
    }

    fn torn() -> Self {
        Self { is_replacement: true, ..Self::default() }
    }
}

#[test]
fn threads_exclude_each_other() {
    const EACH: u64 = 50_000;
    let lock = ForkLock::new(Pair::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let mut pair = lock.lock();
                    pair.one += 1;
                    assert_eq!(pair.other, pair.one - 1);
                    pair.other += 1;
                }
            });
        }
    });
    assert_eq!(lock.lock().one, 4 * EACH);
    assert_eq!(lock.lock().resets, 0, "nobody forked in between");
}

#[test]
fn a_held_lock_is_waited_for_as_long_as_was_said() {
    let lock = ForkLock::new(());
    let guard = lock.lock();
    assert!(lock.try_lock().is_none());
    let started = Instant::now();
    assert!(lock.lock_within(Duration::from_millis(30)).is_none());
    assert!(started.elapsed() >= Duration::from_millis(30));
    drop(guard);
    assert!(lock.try_lock().is_some());
    assert!(lock.lock_within(Duration::ZERO).is_some());
    assert!(lock.lock_within(Duration::MAX).is_some());
}

#[test]
fn every_sleeper_is_woken() {
    let lock = ForkLock::new(());
    let guard = lock.lock();
    std::thread::scope(|scope| {
        let (sender, ids) = mpsc::channel();
        let sleepers: Vec<_> = (0..3)
            .map(|_| {
                let (lock, sender) = (&lock, sender.clone());
                scope.spawn(move || {
                    sender.send(current_thread_id()).unwrap();
                    lock.lock_within(Duration::from_secs(20)).is_some()
                })
            })
            .collect();
        for _ in &sleepers {
            let id = ids.recv().unwrap();
            until("the thread sleeps", || state_of(std::process::id(), id) == Some('S'));
        }
        let started = Instant::now();
        drop(guard);
        assert!(sleepers.into_iter().all(|sleeper| sleeper.join().unwrap()));
        assert!(started.elapsed() < Duration::from_secs(10), "woken, not timed out");
    });
}

#[test]
fn a_panic_poisons_nothing() {
    let lock = ForkLock::new(Pair::default());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.lock();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(panicked.is_err());
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_free_value_is_reset_once_in_each_generation() {
    let lock = ForkLock::new(Pair::default());
    lock.lock().one = 7;
    fork(|| {
        let pair = lock.lock();
        assert_eq!((pair.one, pair.resets), (7, 1));
        drop(pair);
        fork(|| assert_eq!(lock.lock().resets, 2)).succeeds();
        assert_eq!(lock.lock().resets, 1);
    })
    .succeeds();
    assert_eq!(lock.lock().resets, 0);
}

#[test]
fn a_value_that_was_never_locked_needs_no_reset() {
    let lock = ForkLock::new(Pair::default());
    fork(|| assert_eq!(lock.lock().resets, 0)).succeeds();
}

#[test]
fn children_of_busy_threads_always_get_in_and_never_see_a_torn_value() {
    const FORKS: u32 = 300;
    let page = shared();
    let lock = ForkLock::new(Pair::default());
    // A lock that nobody ever held would need no reset in the first child.
    drop(lock.lock());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let mut pair = lock.lock();
                    pair.one += 1;
                    // Long enough for many a fork to fall in between.
                    (0..2_000).for_each(|_| std::hint::spin_loop());
                    pair.other += 1;
                    drop(pair);
                    (0..2_000).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        let forks = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..FORKS {
                fork(|| in_the_child(&lock, page)).succeeds();
            }
        }));
        stop.store(true, SeqCst);
        forks.unwrap();
    });
    let [whole, torn] = [&page.words[0], &page.words[1]].map(|count| count.load(SeqCst));
    eprintln!("{FORKS} forks: {whole} found the lock free, {torn} held");
    assert_eq!(whole + torn, FORKS);
    assert!(whole > 0 && torn > 0, "both cases were met: {whole}, {torn}");
}

fn in_the_child(lock: &ForkLock<Pair>, page: &Shared) {
    let mut pair = lock.lock();
    assert_eq!(pair.one, pair.other);
    if pair.is_replacement {
        assert_eq!((pair.one, pair.resets), (0, 0));
    } else {
        assert_eq!(pair.resets, 1);
    }
    page.words[usize::from(pair.is_replacement)].fetch_add(1, SeqCst);
    // From here on it is a lock like any other.
    pair.one += 1;
    pair.other += 1;
    drop(pair);
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_guard_that_goes_through_the_fork_keeps_its_value() {
    let lock = ForkLock::new(Pair::default());
    let mut guard = lock.lock();
    guard.one = 3;
    fork(|| {
        guard.other = 3;
        drop(guard);
        let pair = lock.lock();
        assert_eq!((pair.one, pair.other, pair.resets, pair.is_replacement), (3, 3, 1, false));
    })
    .succeeds();
}

#[test]
fn a_guard_that_goes_through_the_fork_and_a_new_one_do_not_meet() {
    let lock = ForkLock::new(Pair::default());
    let mut guard = lock.lock();
    fork(|| {
        let mut new = lock.lock();
        assert!(new.is_replacement);
        guard.one = 1;
        new.one = 2;
        assert_eq!((guard.one, new.one), (1, 2));
        // The old guard must not free the lock that the new one holds.
        drop(guard);
        assert!(lock.try_lock().is_none());
        drop(new);
        assert_eq!(lock.lock().one, 2);
    })
    .succeeds();
}

/// Counts its drops in memory that the child shares.
struct Dropped {
    counter: &'static AtomicU32,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.counter.fetch_add(1, SeqCst);
    }
}

static REPLACEMENTS: std::sync::OnceLock<&'static AtomicU32> = std::sync::OnceLock::new();

impl ForkReset for Dropped {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self { counter: REPLACEMENTS.get().unwrap() }
    }
}

#[test]
fn a_torn_value_is_never_dropped_and_all_others_are() {
    let [original, replacement] = [&shared().words[0], &shared().words[1]];
    REPLACEMENTS.set(replacement).unwrap();
    let lock = ForkLock::new(Dropped { counter: original });
    std::thread::scope(|scope| {
        let (held, is_held) = mpsc::channel();
        let (let_go, wait) = mpsc::channel::<()>();
        let lock = &lock;
        scope.spawn(move || {
            let _guard = lock.lock();
            held.send(()).unwrap();
            let _ = wait.recv();
        });
        is_held.recv().unwrap();
        // SAFETY: the child alone drops this bitwise copy of the lock, and the parent's is dropped by the parent alone.
        let in_child = || drop(unsafe { std::ptr::read(lock) });
        fork(in_child).succeeds();
        assert_eq!((original.load(SeqCst), replacement.load(SeqCst)), (0, 0), "dropped while torn");
        fork(|| {
            drop(lock.lock());
            in_child();
        })
        .succeeds();
        assert_eq!((original.load(SeqCst), replacement.load(SeqCst)), (0, 1), "dropped after it was replaced");
        drop(let_go);
    });
    drop(lock);
    assert_eq!((original.load(SeqCst), replacement.load(SeqCst)), (1, 1));
}
