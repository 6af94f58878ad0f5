//! Children, memory shared with them, and patience with an end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

use logtree_os::streams::StandardStream;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

/// Far longer than anything here takes; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `condition` holds, and fails if it never does.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The exit code of a child whose work panicked: another one than a helper's, which must not come from here.
const FAILED: i32 = 99;

/// A forked child; killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
    reaped: bool,
}

/// Forks; the child does `work` and ends, by a code that says so if it panicked.
#[track_caller]
pub(crate) fn fork(work: impl FnOnce()) -> Child {
    // SAFETY: the children here take no lock that another thread of the tests holds, but those under test; glibc
    // keeps its allocator usable. A child that hangs all the same is killed after `PATIENCE`, and fails its test.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            let code = outcome.map_or_else(
                |panic| {
                    let message = panic.downcast_ref::<String>().map(String::as_str);
                    let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
                    // Not by `eprintln!`: another thread may have held its lock.
                    let _ = StandardStream::Stderr.write_all(format!("in a child: {message}\n").as_bytes());
                    FAILED
                },
                |()| 0,
            );
            exit(code)
        }
        pid => Child { pid: Pid::from_raw(pid).unwrap(), reaped: false },
    }
}

/// Runs `test` in a child, and so in a process with one thread and no other children; fails as it fails.
#[track_caller]
pub(crate) fn in_a_process_of_its_own(test: impl FnOnce()) {
    fork(test).succeeds();
}

/// Ends the process at once.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` runs nothing and may be called at any time.
    unsafe { libc::_exit(code) }
}

impl Child {
    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> WaitStatus {
        let mut status = None;
        until("the child ends", || {
            status = waitpid(Some(self.pid), WaitOptions::NOHANG).unwrap();
            status.is_some()
        });
        self.reaped = true;
        status.unwrap().1
    }

    #[track_caller]
    pub(crate) fn succeeds(self) {
        let status = self.wait();
        assert_eq!(status.exit_status(), Some(0), "{status:?}");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    #[track_caller]
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
        assert_eq!(self.wait().terminating_signal(), Some(libc::SIGKILL));
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = waitpid(Some(self.pid), WaitOptions::empty());
        }
    }
}

/// A page that children share with their parent, all zero at first. It stays mapped.
#[repr(C)]
pub(crate) struct Shared {
    pub(crate) words: [AtomicU32; 64],
    pub(crate) longs: [AtomicU64; 64],
}

pub(crate) fn shared() -> &'static Shared {
    const _: () = assert!(size_of::<Shared>() <= 4096);
    // SAFETY: a new anonymous mapping touches no other memory.
    let page =
        unsafe { mmap_anonymous(std::ptr::null_mut(), 4096, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED) };
    // SAFETY: the page is aligned, large enough, zeroed, never unmapped, and atomics are valid for all bytes.
    unsafe { &*page.unwrap().cast::<Shared>() }
}

/// One letter of `/proc/PID/task/TID/stat`: `S` sleeps, `Z` is a zombie; `None` is gone.
pub(crate) fn state_of(pid: u32, tid: u32) -> Option<char> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    line.rsplit_once(") ")?.1.chars().next()
}

/// One line of `/proc/PID/status`.
pub(crate) fn status_of(pid: &str, key: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

/// `CLOCK_MONOTONIC`, which all processes share.
pub(crate) fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
