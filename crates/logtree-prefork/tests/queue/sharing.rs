//! Many processes, one listener.

use crate::support::{Lines, Queue, in_child, until, wait_for_exit};

pub(crate) fn workers_of_one_master_share_one_listener() {
    let directory = tempfile::tempdir().unwrap();
    let queue = Queue::started(&directory.path().join("app.log"));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            in_child(|| {
                (0..5000).for_each(|number| queue.log(number));
                assert!(queue.flush());
            })
        })
        .collect();
    (0..100).for_each(|number| queue.log(number));
    assert!(queue.flush());
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert_eq!(Lines::of(&queue.log).assert_whole(), 4 * 5000 + 100);
    let [stats] = &logtree_prefork::stats()[..] else { panic!("one queue") };
    assert_eq!((stats.claim_number, stats.has_listener, stats.dropped, stats.bad_lanes), (1, true, 0, 0));
}

pub(crate) fn unrelated_processes_meet_at_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");
    // Processes of which none has the queue from another one; all start at once, and stay until all have logged.
    let workers: Vec<_> = (0..6)
        .map(|_| {
            in_child(|| {
                let queue = Queue::started(&log);
                (0..1000).for_each(|number| queue.log(number));
                assert!(queue.flush());
                until("all have logged", || Lines::of(&log).numbers.values().filter(|n| n.len() == 1000).count() == 6);
                assert_eq!(logtree_prefork::stats()[0].claim_number, 1, "there was more than one listener");
            })
        })
        .collect();
    for worker in workers {
        assert_eq!(wait_for_exit(worker), Some(0));
    }
    assert_eq!(Lines::of(&log).assert_whole(), 6 * 1000);
    Queue::over(&log, Default::default()).wait_until_gone();
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["app.log"]);
}

pub(crate) fn a_process_with_threads_listens_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let queue = Queue::started(&directory.path().join("app.log"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2000).for_each(|number| queue.log(number)));
        }
    });
    assert!(queue.flush());
    assert_eq!(Lines::of(&queue.log).assert_whole(), 4 * 2000);
    drop(stop);
    let _ = thread.join().unwrap();
}
