//! `ForkLock` held by many who read.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Barrier, mpsc};

use logtree_os::{ForkLock, ForkReset, current_thread_id};

use crate::support::{fork, state_of, until};

/// Two numbers that are equal unless someone is between the two changes.
#[derive(Debug, Default)]
struct Pair {
    one: u64,
    other: u64,
    is_replacement: bool,
}

impl Pair {
    fn change(&mut self) {
        self.one += 1;
        std::hint::spin_loop();
        self.other += 1;
    }
}

impl ForkReset for Pair {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self { is_replacement: true, ..Self::default() }
    }
}

/// Waits until the thread that sends its id sleeps.
fn until_asleep(id: &mpsc::Receiver<u32>) {
    let id = id.recv().unwrap();
    until("the thread sleeps", || state_of(std::process::id(), id) == Some('S'));
}

#[test]
fn many_read_at_once() {
    let lock = ForkLock::new(Pair::default());
    let all_read = Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let pair = lock.read();
                all_read.wait();
                assert_eq!(pair.one, 0);
            });
        }
    });
    let (one, other) = (lock.read(), lock.read());
    drop(one);
    assert!(lock.try_lock().is_none(), "one still reads");
    drop(other);
    assert!(lock.try_lock().is_some());
}

#[test]
fn who_reads_waits_for_who_changes() {
    let lock = ForkLock::new(Pair::default());
    let mut changing = lock.lock();
    std::thread::scope(|scope| {
        let (sender, id) = mpsc::channel();
        let lock = &lock;
        scope.spawn(move || {
            sender.send(current_thread_id()).unwrap();
            assert_eq!(lock.read().one, 1);
        });
        until_asleep(&id);
        changing.change();
        drop(changing);
    });
}

#[test]
fn who_changes_is_alone() {
    const EACH: u64 = 20_000;
    let lock = ForkLock::new(Pair::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..EACH).for_each(|_| lock.lock().change()));
            scope.spawn(|| {
                let mut last = 0;
                while last < 2 * EACH {
                    let pair = lock.read();
                    assert_eq!(pair.one, pair.other);
                    assert!(pair.one >= last);
                    last = pair.one;
                }
            });
        }
    });
}

#[test]
fn who_waits_to_change_keeps_out_who_comes_later() {
    let lock = ForkLock::new(Pair::default());
    let reading = lock.read();
    std::thread::scope(|scope| {
        let (sender, id) = mpsc::channel();
        let (writer, reader) = (sender.clone(), sender);
        let lock = &lock;
        scope.spawn(move || {
            writer.send(current_thread_id()).unwrap();
            lock.lock().change();
        });
        until_asleep(&id);
        scope.spawn(move || {
            reader.send(current_thread_id()).unwrap();
            let pair = lock.read();
            assert_eq!(pair.one, pair.other);
        });
        until_asleep(&id);
        assert_eq!(reading.one, 0);
        assert!(lock.try_lock().is_none());
        drop(reading);
    });
    assert_eq!(lock.read().one, 1);
}

#[test]
fn every_sleeper_is_woken_whatever_it_waits_for() {
    let lock = ForkLock::new(Pair::default());
    for is_read_by_holder in [false, true] {
        let (changing, reading) = if is_read_by_holder { (None, Some(lock.read())) } else { (Some(lock.lock()), None) };
        std::thread::scope(|scope| {
            let (sender, id) = mpsc::channel();
            // One who waits to change first, so that those who read have to wait in either case.
            for is_reader in [false, true, false, true] {
                let (lock, sender) = (&lock, sender.clone());
                scope.spawn(move || {
                    sender.send(current_thread_id()).unwrap();
                    if is_reader { drop(lock.read()) } else { lock.lock().change() }
                });
                until_asleep(&id);
            }
            drop((changing, reading));
        });
    }
    assert_eq!(lock.read().one, 4);
}

#[test]
fn the_reader_of_a_parent_holds_nothing_up_in_a_child() {
    let lock = ForkLock::new(Pair { one: 7, other: 7, is_replacement: false });
    drop(lock.read());
    fork(|| {
        assert_eq!(lock.read().one, 7);
        assert_eq!(lock.lock().one, 7);
    })
    .succeeds();
    let reading = lock.read();
    fork(|| {
        // This thread reads on in the parent's value, so that nobody here may change that.
        lock.lock().change();
        assert_eq!((reading.one, lock.read().one), (7, 1));
        let changing = lock.lock();
        assert!(changing.is_replacement);
        drop(changing);
        let new = lock.read();
        drop(reading);
        assert!(lock.try_lock().is_none(), "an old guard frees nothing");
        drop(new);
    })
    .succeeds();
    assert_eq!(lock.read().one, 7);
}

#[test]
fn children_of_threads_that_read_always_get_in() {
    let lock = ForkLock::new(Pair::default());
    drop(lock.lock());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    assert_eq!(lock.read().other, 0);
                }
            });
        }
        let forks = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..100 {
                fork(|| {
                    assert_eq!(lock.read().other, 0);
                    lock.lock().change();
                })
                .succeeds();
            }
        }));
        stop.store(true, SeqCst);
        forks.unwrap();
    });
}
