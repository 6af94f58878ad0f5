//! `ProcessIdentity` and `Death` of processes that fork, exec, stop and die.

use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;

use logtree_os::{Death, ProcessIdentity, current_thread_id, is_running};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::thread::{UnshareFlags, gettid};

use crate::support::{Shared, fork, in_a_process_of_its_own, shared, state_of, until};

/// Puts the identity of this process where its parent can read it.
fn show(page: &Shared) {
    let ProcessIdentity { pid, start_time, namespaces, nonce } = ProcessIdentity::current();
    for (slot, value) in page.longs.iter().zip([start_time, namespaces, nonce]) {
        slot.store(value, SeqCst);
    }
    page.words[0].store(pid, SeqCst);
}

fn shown(page: &Shared) -> ProcessIdentity {
    until("the child shows its identity", || page.words[0].load(SeqCst) != 0);
    let [start_time, namespaces, nonce] = [0, 1, 2].map(|slot| page.longs[slot].load(SeqCst));
    ProcessIdentity { pid: page.words[0].load(SeqCst), start_time, namespaces, nonce }
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_child_has_an_identity_and_a_thread_id_of_its_own() {
    let parent = (ProcessIdentity::current(), current_thread_id());
    fork(|| {
        let child = (ProcessIdentity::current(), current_thread_id());
        assert_eq!(child.0.pid, std::process::id());
        assert_eq!(child.1, gettid().as_raw_nonzero().get().unsigned_abs());
        assert_ne!(child.0.pid, parent.0.pid);
        assert_ne!(child.0.nonce, parent.0.nonce);
        assert_eq!(child.0.namespaces, parent.0.namespaces);
        assert_eq!(child.0, ProcessIdentity::current());
    })
    .succeeds();
    assert_eq!(parent, (ProcessIdentity::current(), current_thread_id()));
}

#[test]
fn a_thread_has_its_id_to_the_end() {
    struct Last(std::sync::mpsc::Sender<(u32, u32)>);
    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.0.send((current_thread_id(), gettid().as_raw_nonzero().get().unsigned_abs()));
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) });

    let (sender, seen) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || LAST.with_borrow_mut(|last| *last = Some(Last(sender))));
    thread.join().unwrap();
    let (remembered, real) = seen.recv().unwrap();
    assert_eq!(remembered, real);
}

const IDENTITY_FILE: &str = "LOGTREE_OS_TEST_IDENTITY_FILE";

/// No test by itself: what `exec_changes_the_nonce_only` runs.
#[test]
fn writes_its_identity_if_asked() {
    if let Some(path) = std::env::var_os(IDENTITY_FILE) {
        std::fs::write(path, format!("{:?}", ProcessIdentity::current())).unwrap();
    }
}

#[test]
fn exec_changes_the_nonce_only() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("identity");
    let page = shared();
    fork(|| {
        show(page);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "identity::writes_its_identity_if_asked"]).env(IDENTITY_FILE, &file);
        panic!("{}", command.exec());
    })
    .succeeds();
    let before = shown(page);
    let after = std::fs::read_to_string(&file).unwrap();
    assert_ne!(after, format!("{before:?}"));
    let nonce = after.rsplit_once("nonce: ").unwrap().1.trim_end_matches(" }").parse().unwrap();
    assert_eq!(after, format!("{:?}", ProcessIdentity { nonce, ..before }));
}

#[test]
fn a_process_is_alive_until_it_is_dead() {
    let page = shared();
    let child = fork(|| {
        show(page);
        sleep_for_ever();
    });
    let identity = shown(page);
    assert_eq!(identity.death(), Death::Alive);
    child.signal(Signal::STOP);
    until("the child is stopped", || state_of(child.id(), child.id()) == Some('T'));
    assert_eq!(identity.death(), Death::Alive, "a stopped process can go on at any time");
    child.signal(Signal::KILL);
    until("the child is a zombie", || state_of(child.id(), child.id()) == Some('Z'));
    assert_eq!(identity.death(), Death::Dead, "a zombie");
    child.wait();
    assert_eq!(identity.death(), Death::Dead, "reaped");
}

#[test]
fn a_process_lives_on_without_its_main_thread() {
    let page = shared();
    let child = fork(|| {
        show(page);
        std::thread::spawn(|| sleep_for_ever());
        // SAFETY: ends this thread alone, without unwinding; nothing refers to its stack.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    });
    until("the main thread has ended", || state_of(child.id(), child.id()) == Some('Z'));
    assert_eq!(shown(page).death(), Death::Alive);
    child.kill();
    assert_eq!(shown(page).death(), Death::Dead);
}

#[test]
fn an_id_that_was_given_anew_is_not_taken_for_its_former_owner() {
    let page = shared();
    let child = fork(|| {
        show(page);
        sleep_for_ever();
    });
    let identity = shown(page);
    let former_owner = ProcessIdentity { start_time: identity.start_time - 1, ..identity };
    assert_eq!(former_owner.death(), Death::Dead);
    child.kill();
}

#[test]
fn a_process_of_another_pid_namespace_is_not_judged() {
    in_a_process_of_its_own(|| {
        // SAFETY: only the namespace of later children changes; descriptors and memory stay as they are.
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID) } {
            eprintln!("skipped: no pid namespace can be made here: {error}");
            return;
        }
        let page = shared();
        let child = fork(|| {
            show(page);
            sleep_for_ever();
        });
        let identity = shown(page);
        assert_eq!(identity.pid, 1);
        assert_eq!(identity.death(), Death::Unknown, "our process 1 is another one");
        child.kill();
        assert_eq!(identity.death(), Death::Unknown);
    });
}

/// Whoever has as many files open as it may have can look at nobody: that says nothing of them.
#[test]
fn who_cannot_be_looked_at_is_not_dead() {
    in_a_process_of_its_own(|| {
        let me = ProcessIdentity::current();
        // None, and just the one that a directory is read by.
        for free in [0, 1] {
            let limit = getrlimit(Resource::Nofile);
            let next = std::fs::File::open("/dev/null").unwrap().as_raw_fd();
            setrlimit(Resource::Nofile, Rlimit { current: Some(next as u64 + free), ..limit }).unwrap();
            let found = (is_running(me.pid), std::fs::File::open("/dev/null").is_ok());
            setrlimit(Resource::Nofile, limit).unwrap();
            assert_eq!(found, (true, free == 1));
        }
    });
}
