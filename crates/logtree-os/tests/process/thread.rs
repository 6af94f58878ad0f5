//! Threads of logtree's own in children.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use logtree_os::spawn_masked;

use crate::support::{fork, in_a_process_of_its_own, until};

#[test]
fn a_child_has_a_thread_though_threads_of_its_parent_were_beginning_and_ending() {
    const CHILDREN: u32 = 2000;
    in_a_process_of_its_own(|| {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(SeqCst) {
                        std::thread::spawn(|| {}).join().unwrap();
                    }
                });
            }
            for _ in 0..CHILDREN {
                fork(|| {
                    let has_begun = Arc::new(AtomicBool::new(false));
                    let begun = Arc::clone(&has_begun);
                    spawn_masked("logtree-test", move || begun.store(true, SeqCst)).unwrap();
                    until("the thread has begun", || has_begun.load(SeqCst));
                })
                .succeeds();
            }
            is_over.store(true, SeqCst);
        });
    });
}
