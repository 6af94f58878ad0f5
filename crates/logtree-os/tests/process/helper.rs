//! Helpers as their host sees them, and as they see themselves.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;

use logtree_os::helper::{self, Helper, HelperEnd, HelperOptions, HelperState, PANICKED, spawn_helper};
use logtree_os::{Fork, fork_single_threaded, thread_count};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::support::{exit, fork, in_a_process_of_its_own, shared, state_of, status_of, until};

fn plain() -> HelperOptions<'static> {
    HelperOptions::new("logtree-test")
}

fn kill(helper: &Helper, signal: Signal) {
    kill_process(Pid::from_raw(helper.pid().cast_signed()).unwrap(), signal).unwrap();
}

/// How it ended, without anyone but us looking.
fn end_of(helper: &mut Helper) -> HelperEnd {
    let mut end = None;
    until("the helper ends", || match helper.reap() {
        HelperState::Running => false,
        HelperState::Ended(with) => {
            end = Some(with);
            true
        }
        HelperState::NotOurs => panic!("the helper is ours"),
    });
    end.unwrap()
}

/// Lives until SIGTERM.
fn until_terminated() -> u8 {
    until("SIGTERM comes", helper::termination_requested);
    7
}

#[test]
fn the_host_sees_neither_the_helper_nor_its_end() {
    in_a_process_of_its_own(|| {
        // Blocked, a SIGCHLD would stay pending.
        let mut chld = std::mem::MaybeUninit::uninit();
        // SAFETY: writes a set to the pointer.
        unsafe { libc::sigemptyset(chld.as_mut_ptr()) };
        // SAFETY: adds to the set written just now.
        unsafe { libc::sigaddset(chld.as_mut_ptr(), libc::SIGCHLD) };
        // SAFETY: the set is valid.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, chld.as_ptr(), std::ptr::null_mut()) };

        let mut helper = spawn_helper(&plain(), until_terminated).unwrap();
        assert_eq!(waitpid(None, WaitOptions::NOHANG).unwrap_err(), Errno::CHILD, "while it runs");
        assert_eq!(helper.reap(), HelperState::Running);
        // Until the helper listens to it, SIGTERM waits.
        kill(&helper, Signal::TERM);
        until("it is a zombie", || state_of(helper.pid(), helper.pid()) == Some('Z'));
        assert_eq!(waitpid(None, WaitOptions::empty()).unwrap_err(), Errno::CHILD, "when it has ended");
        assert_eq!(status_of("self", "ShdPnd"), "0000000000000000", "no SIGCHLD");
        assert_eq!(end_of(&mut helper), HelperEnd::Exited(7));
        assert_eq!(state_of(helper.pid(), helper.pid()), None, "no zombie stays");
        assert_eq!(helper.reap(), HelperState::Ended(HelperEnd::Exited(7)));

        // An ordinary child is seen as ever, with a helper beside it.
        let _beside = spawn_helper(&plain(), || 0).unwrap();
        let worker = fork(|| {});
        let (pid, _) = waitpid(None, WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(pid, worker.pid);
    });
}

#[test]
fn a_helper_that_is_killed_or_panics_says_so() {
    in_a_process_of_its_own(|| {
        let mut killed = spawn_helper(&plain(), until_terminated).unwrap();
        kill(&killed, Signal::KILL);
        assert_eq!(end_of(&mut killed), HelperEnd::Killed(9));
        let mut panicked = spawn_helper(&plain(), || panic!("on purpose")).unwrap();
        assert_eq!(end_of(&mut panicked), HelperEnd::Exited(PANICKED));
    });
}

#[test]
fn a_worker_never_reaps_in_its_parents_place() {
    in_a_process_of_its_own(|| {
        let mut helper = spawn_helper(&plain(), || 3).unwrap();
        fork(|| assert_eq!(helper.reap(), HelperState::NotOurs)).succeeds();
        // An ordinary child is not a helper, whatever its id.
        let worker = fork(|| {});
        until("the worker has ended", || state_of(worker.id(), worker.id()) == Some('Z'));
        assert_eq!(helper::reap(worker.id()), HelperState::NotOurs);
        worker.succeeds();
        assert_eq!(end_of(&mut helper), HelperEnd::Exited(3));
        assert_eq!(helper::reap(0), HelperState::NotOurs);
        assert_eq!(helper::reap(u32::MAX), HelperState::NotOurs);
    });
}

#[test]
fn with_threads_nothing_is_made() {
    in_a_process_of_its_own(|| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || stopped.recv());
        assert_eq!(thread_count().unwrap(), 2);
        let error = spawn_helper(&plain(), || 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(error.to_string(), "the process has 2 threads; a new process needs a single-threaded one");
        assert_eq!(fork_single_threaded().unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(stop);
        let _ = thread.join().unwrap();
        let mut helper = spawn_helper(&plain(), || 0).unwrap();
        assert_eq!(end_of(&mut helper), HelperEnd::Exited(0));
    });
}

#[test]
fn a_thread_that_is_about_to_end_is_no_hindrance() {
    const TRIES: usize = 50;
    in_a_process_of_its_own(|| {
        let made = (0..TRIES).filter(|_| {
            // Still there at the first look, in all likelihood, and gone within the two milliseconds that are waited.
            let thread = std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_micros(300)));
            let made = spawn_helper(&plain(), || 0).map(|mut helper| end_of(&mut helper));
            thread.join().unwrap();
            made.is_ok()
        });
        let made = made.count();
        // A busy machine may let a thread end late; without any waiting hardly one helper would be made.
        assert!(made > TRIES / 2, "{made} of {TRIES}");
    });
}

#[test]
fn an_ordinary_fork_is_one() {
    in_a_process_of_its_own(|| match fork_single_threaded().unwrap() {
        Fork::Child => exit(9),
        Fork::Parent(pid) => {
            let (waited, status) = waitpid(None, WaitOptions::empty()).unwrap().unwrap();
            assert_eq!((waited, status.exit_status()), (pid, Some(9)));
        }
    });
}

/// What every open descriptor of this process refers to.
fn descriptors() -> BTreeMap<i32, PathBuf> {
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    // The directory's own descriptor is closed when its link is read.
    let numbers: Vec<i32> =
        numbers.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let target = |number| Some((number, std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?));
    numbers.into_iter().filter_map(target).collect()
}

#[test]
fn a_helper_holds_what_was_kept_and_nothing_else() {
    in_a_process_of_its_own(|| {
        let [kept, other] = [tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap()];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // SAFETY: 700 is a number that nobody uses here.
        assert_eq!(unsafe { libc::dup2(other.as_file().as_raw_fd(), 700) }, 700);
        rustix::stdio::dup2_stdout(other.as_file().as_fd()).unwrap();
        rustix::stdio::dup2_stderr(other.as_file().as_fd()).unwrap();
        let null = PathBuf::from("/dev/null");

        let number = kept.as_file().as_raw_fd();
        let options = plain().keep(kept.as_file().as_fd()).keep_stderr(true);
        let expected = BTreeMap::from([
            (0, null.clone()),
            (1, null.clone()),
            (2, other.path().to_owned()),
            (number, kept.path().to_owned()),
        ]);
        let check = move || u8::from(descriptors() != expected);
        assert_eq!(end_of(&mut spawn_helper(&options, check).unwrap()), HelperEnd::Exited(0));

        let expected = BTreeMap::from([0, 1, 2].map(|number| (number, null.clone())));
        let check = move || u8::from(descriptors() != expected);
        assert_eq!(end_of(&mut spawn_helper(&plain(), check).unwrap()), HelperEnd::Exited(0));

        // A server can be started anew while its helper lives.
        let helper = spawn_helper(&plain(), until_terminated).unwrap();
        drop(listener);
        until("the helper has let go of the port", || TcpListener::bind(address).is_ok());
        kill(&helper, Signal::KILL);
    });
}

extern "C" fn of_the_host(_signal: c_int) {}

#[test]
fn a_helper_takes_no_signal_that_is_meant_for_the_host() {
    in_a_process_of_its_own(|| {
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(libc::SIGUSR1, of_the_host as extern "C" fn(c_int) as libc::sighandler_t) };
        // SAFETY: as above; a fault stays a fault in the helper.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_IGN) };
        let (_, blocked_before) = (status_of("self", "SigIgn"), status_of("self", "SigBlk"));
        let page = shared();
        let mut helper = spawn_helper(&plain(), || {
            page.words[0].store(1, SeqCst);
            until_terminated()
        })
        .unwrap();
        assert_eq!(status_of("self", "SigBlk"), blocked_before, "the host's mask is as it was");
        until("the helper is ready", || page.words[0].load(SeqCst) == 1);

        let mask = |key: &str| u64::from_str_radix(&status_of(&helper.pid().to_string(), key), 16).unwrap();
        let bits = |signals: &[c_int]| signals.iter().fold(0_u64, |bits, signal| bits | 1 << (signal - 1));
        // The C library keeps 32 and 33 for itself, and musl 34.
        let of_libc = bits(&[32, 33, 34]);
        assert_eq!(mask("SigBlk"), 0);
        assert_eq!(mask("SigCgt") & !of_libc, bits(&[libc::SIGTERM]));
        let not_ignored = [
            [libc::SIGKILL, libc::SIGSTOP, libc::SIGTERM, libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH],
            [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS],
        ];
        assert_eq!(mask("SigIgn") & !of_libc, !(bits(&not_ignored.concat()) | of_libc));

        for signal in [Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::PIPE, Signal::TSTP] {
            kill(&helper, signal);
        }
        assert_eq!(helper.reap(), HelperState::Running);
        kill(&helper, Signal::TERM);
        assert_eq!(end_of(&mut helper), HelperEnd::Exited(7));
    });
}

#[test]
fn a_helper_is_named_and_outlives_its_host() {
    let page = shared();
    let host = fork(|| {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
        let helper = spawn_helper(&HelperOptions::new("logtree-listen-and-more\0x"), || {
            let signal = rustix::process::parent_process_death_signal().unwrap();
            page.words[1].store(u32::from(signal.is_none()), SeqCst);
            until_terminated();
            page.words[2].store(1, SeqCst);
            0
        })
        .unwrap();
        page.words[0].store(helper.pid(), SeqCst);
    });
    host.succeeds();
    let pid = page.words[0].load(SeqCst);
    until("the helper is ready", || page.words[1].load(SeqCst) == 1);
    assert_eq!(status_of(&pid.to_string(), "Name"), "logtree-listen-");
    assert_eq!(page.words[2].load(SeqCst), 0);
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
    until("the helper has drained", || page.words[2].load(SeqCst) == 1);
}

#[test]
fn nothing_of_the_host_runs_at_a_helpers_end() {
    struct Flushes(&'static std::sync::atomic::AtomicU32);
    impl Drop for Flushes {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    static EXITED: std::sync::OnceLock<&'static std::sync::atomic::AtomicU32> = std::sync::OnceLock::new();
    extern "C" fn at_exit() {
        EXITED.get().unwrap().fetch_add(1, SeqCst);
    }

    in_a_process_of_its_own(|| {
        let page = shared();
        EXITED.set(&page.words[1]).unwrap();
        // SAFETY: the handler lives as long as the program.
        unsafe { libc::atexit(at_exit) };
        let _hosts = Flushes(&page.words[0]);
        let mut helper = spawn_helper(&plain(), || 0).unwrap();
        assert_eq!(end_of(&mut helper), HelperEnd::Exited(0));
        assert_eq!((page.words[0].load(SeqCst), page.words[1].load(SeqCst)), (0, 0));
    });
}

#[test]
fn a_sibling_is_the_hosts_child_and_as_invisible() {
    in_a_process_of_its_own(|| {
        assert_eq!(spawn_helper(&plain().sibling(true), || 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let host = std::process::id();
        let page = shared();
        let mut first = spawn_helper(&plain(), || {
            let second = spawn_helper(&plain().sibling(true), || {
                page.words[1].store(1, SeqCst);
                until_terminated()
            });
            page.words[0].store(second.unwrap().pid(), SeqCst);
            0
        })
        .unwrap();
        assert_eq!(end_of(&mut first), HelperEnd::Exited(0));
        let second = page.words[0].load(SeqCst);
        until("the sibling is ready", || page.words[1].load(SeqCst) == 1);
        assert_eq!(status_of(&second.to_string(), "PPid"), host.to_string());
        assert_eq!(waitpid(None, WaitOptions::NOHANG).unwrap_err(), Errno::CHILD);
        assert_eq!(helper::reap(second), HelperState::Running);
        kill_process(Pid::from_raw(second.cast_signed()).unwrap(), Signal::TERM).unwrap();
        until("the sibling is reaped", || helper::reap(second) == HelperState::Ended(HelperEnd::Exited(7)));
        assert_eq!(state_of(second, second), None);
    });
}
