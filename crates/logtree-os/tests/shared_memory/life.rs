//! Who is gone is known by a lock that ends with the memory of its process, and with nothing else.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use logtree_os::{Death, ProcessIdentity, ProcessView, Segment};

use crate::support::{CAPACITY, fork, segment, wait_until, witness};

/// The one process that there is.
fn only(segment: &Segment) -> Option<ProcessView> {
    let mut processes = segment.processes().filter(|process| process.identity.start_time != 0);
    let first = processes.next();
    assert!(processes.next().is_none());
    first
}

/// Until it is killed; or, if the test fails, for longer than that takes.
fn live() -> i32 {
    std::thread::sleep(Duration::from_secs(30));
    0
}

fn close_all_descriptors() {
    // SAFETY: nothing of this child trusts a descriptor from here on, which is what is tested.
    (3..1024).for_each(|number| _ = unsafe { libc::close(number) });
}

#[test]
fn who_lives_is_not_over_whatever_it_closes_and_who_is_killed_is_though_its_children_live() {
    let (segment, _directory) = segment();
    let page = witness();
    let child = fork(|| {
        let process = segment.attach(&ProcessIdentity::current()).unwrap();
        let _lane = process.claim_lane(CAPACITY).unwrap();
        close_all_descriptors();
        let _grandchild = fork(|| {
            page[1].store(std::process::id().into(), SeqCst);
            live()
        });
        wait_until("the grandchild lives", || page[1].load(SeqCst) != 0);
        page[0].store(1, SeqCst);
        wait_until("it was looked at", || page[2].load(SeqCst) != 0);
        // It has left; but its thread may log into its lane still.
        process.detach();
        page[0].store(2, SeqCst);
        live()
    });
    for step in 1..=2 {
        wait_until("it has come so far", || page[0].load(SeqCst) == step);
        let view = only(&segment).unwrap();
        assert!((0..100).all(|_| !segment.is_over(&view)), "it lives, in step {step}");
        page[2].store(1, SeqCst);
    }
    let view = only(&segment).unwrap();
    child.kill();
    wait_until("it is over", || segment.is_over(&view));
    let grandchild = page[1].load(SeqCst) as libc::pid_t;
    // SAFETY: a signal to a process that nobody else ends.
    assert_eq!(unsafe { libc::kill(grandchild, libc::SIGKILL) }, 0, "its child lives");
}

#[test]
fn who_becomes_another_program_is_over() {
    let (segment, _directory) = segment();
    // There is a way to the file without its name too.
    segment.unlink().unwrap();
    let child = fork(|| {
        let _process = segment.attach(&ProcessIdentity::current()).unwrap();
        panic!("{}", Command::new("sleep").arg("30").exec());
    });
    wait_until("it is over", || only(&segment).is_some_and(|process| segment.is_over(&process)));
    let view = only(&segment).unwrap();
    assert_eq!(view.identity.death(), Death::Alive);
    child.kill();
}

#[test]
fn whose_place_was_taken_by_another_process_is_not_judged_by_that_one() {
    let (segment, _directory) = segment();
    let child = fork(|| {
        let _process = segment.attach(&ProcessIdentity::current()).unwrap();
        0
    });
    assert_eq!(child.wait(), 0);
    let former = only(&segment).unwrap();
    wait_until("it is over", || segment.is_over(&former));
    assert!(segment.release_process(former.slot));
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    let view = only(&segment).unwrap();
    assert_eq!((process.slot(), view.slot), (former.slot, former.slot));
    assert!(!segment.is_over(&view));
    assert!(!segment.is_over(&former), "it is nobody's any more");
}
