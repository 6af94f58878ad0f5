//! `ForkGeneration` across real forks.

use std::sync::atomic::Ordering::SeqCst;

use logtree_os::ForkGeneration;

use crate::support::{exit, fork, in_a_process_of_its_own, shared};

#[test]
fn every_descendant_has_a_generation_of_its_own() {
    for _ in 0..50 {
        let parent = ForkGeneration::current();
        fork(|| {
            let child = ForkGeneration::current();
            assert_ne!(child, parent);
            fork(|| {
                let grandchild = ForkGeneration::current();
                assert_ne!(grandchild, parent);
                assert_ne!(grandchild, child);
            })
            .succeeds();
            assert_eq!(ForkGeneration::current(), child, "having a child changes nothing");
        })
        .succeeds();
        assert_eq!(ForkGeneration::current(), parent, "having a child changes nothing");
    }
}

#[test]
fn a_generation_that_nobody_looked_at_is_passed_over() {
    let parent = ForkGeneration::current();
    fork(|| {
        // This child does not look before it forks.
        fork(|| assert_ne!(ForkGeneration::current(), parent)).succeeds();
    })
    .succeeds();
}

#[test]
fn a_raw_clone_is_noticed() {
    in_a_process_of_its_own(|| {
        let page = shared();
        let parent = ForkGeneration::current();
        // SAFETY: without CLONE_VM a clone is a fork; this process has one thread.
        let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
        if pid == 0 {
            page.words[0].store(if ForkGeneration::current() == parent { 1 } else { 2 }, SeqCst);
            exit(0);
        }
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap());
        rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap();
        assert_eq!(page.words[0].load(SeqCst), 2);
    });
}
