//! Processes that the host program does not see, and a safe `fork` for hosts that make workers.
//!
//! A helper is a child of the process that made it, and yet unknown to that program: its end raises no SIGCHLD,
//! `waitpid(-1)` does not return it and does not wait for it (clone(2): an exit signal other than SIGCHLD makes a "clone"
//! child). It holds none of the host's descriptors, runs none of its signal handlers, and stays in the host's
//! session and process group, where a service manager reaches it.

use std::ffi::{CString, c_int};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fd::{AsRawFd, BorrowedFd, RawFd};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::thread::{block_signals, restore_signals};
use crate::{ForkGeneration, thread_count};

mod child;

pub(crate) use child::is_helper;

/// The exit code of a helper whose closure panicked, as of a Rust program that panics.
pub const PANICKED: u8 = 101;

/// What a helper is called and what it may keep.
#[derive(Debug, Clone)]
pub struct HelperOptions<'a> {
    name: CString,
    keep: Vec<BorrowedFd<'a>>,
    keep_stdout: bool,
    keep_stderr: bool,
    sibling: bool,
}

impl<'a> HelperOptions<'a> {
    /// A helper that keeps no descriptor. `ps` and `top` show the first 15 bytes of `name`, up to a NUL.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.split('\0').next().unwrap_or_default();
        // There is no NUL left in it.
        let name = CString::new(name).unwrap_or_default();
        Self { name, keep: Vec::new(), keep_stdout: false, keep_stderr: false, sibling: false }
    }

    /// The helper shares this descriptor; it is to be one above 2.
    #[must_use]
    pub fn keep(mut self, descriptor: BorrowedFd<'a>) -> Self {
        self.keep.push(descriptor);
        self
    }

    /// The helper shares the host's descriptor 1; otherwise its own is `/dev/null`.
    #[must_use]
    pub fn keep_stdout(mut self, yes: bool) -> Self {
        self.keep_stdout = yes;
        self
    }

    /// The helper shares the host's descriptor 2; otherwise its own is `/dev/null`.
    #[must_use]
    pub fn keep_stderr(mut self, yes: bool) -> Self {
        self.keep_stderr = yes;
        self
    }

    /// Called from a helper: the new one is a child of this one's parent (`CLONE_PARENT`), so that it is not
    /// handed to the system's first process, and perhaps to a host that runs as that, when this one ends.
    #[must_use]
    pub fn sibling(mut self, yes: bool) -> Self {
        self.sibling = yes;
        self
    }

    fn kept_numbers(&self) -> Vec<RawFd> {
        let streams = [(self.keep_stdout, 1), (self.keep_stderr, 2)];
        let streams = streams.into_iter().filter_map(|(kept, number)| kept.then_some(number));
        let mut numbers: Vec<RawFd> = self.keep.iter().map(AsRawFd::as_raw_fd).chain(streams).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// A helper process, seen from the process that made it.
#[derive(Debug)]
pub struct Helper {
    pid: Pid,
    /// In a child of the maker the helper is no child.
    made_in: ForkGeneration,
    ended: Option<HelperEnd>,
}

/// Gives the calling helper another name, as its options had given it one.
///
/// # Errors
///
/// What prctl(2) says; a name that is longer than 15 bytes is cut by the kernel.
pub fn rename(name: &str) -> io::Result<()> {
    let name = CString::new(name)?;
    Ok(rustix::thread::set_name(&name)?)
}

/// What [`Helper::reap`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperState {
    /// It runs.
    Running,
    /// It has ended and leaves nothing behind any more.
    Ended(HelperEnd),
    /// It is no helper of this process: made by another one, reaped before, or a sibling.
    NotOurs,
}

/// How a helper ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperEnd {
    /// With this exit code: its closure's result, or [`PANICKED`].
    Exited(u8),
    /// By a signal of this number.
    Killed(u32),
}

impl Helper {
    /// The helper's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Looks whether the helper has ended, and if so takes its zombie away. It never waits.
    pub fn reap(&mut self) -> HelperState {
        if let Some(end) = self.ended {
            return HelperState::Ended(end);
        }
        if self.made_in != ForkGeneration::current() {
            return HelperState::NotOurs;
        }
        let state = reap(self.pid());
        if let HelperState::Ended(end) = state {
            self.ended = Some(end);
        }
        state
    }
}

/// [`Helper::reap`] for a helper that another helper made as this process' child
/// ([`HelperOptions::sibling`]), and of which only the id is known.
///
/// An ordinary child of the host is never touched, should the id be that of one.
#[must_use]
pub fn reap(pid: u32) -> HelperState {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return HelperState::NotOurs;
    };
    // `__WCLONE`: children whose end is not signalled by SIGCHLD, and no others.
    let clones = WaitIdOptions::from_bits_retain(libc::__WCLONE.unsigned_abs());
    loop {
        match waitid(WaitId::Pid(pid), clones | WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) => return HelperState::Running,
            Ok(Some(status)) => {
                return HelperState::Ended(match status.exit_status() {
                    Some(code) => HelperEnd::Exited(u8::try_from(code).unwrap_or(u8::MAX)),
                    None => HelperEnd::Killed(status.terminating_signal().unwrap_or_default().unsigned_abs()),
                });
            }
            Err(Errno::INTR) => {}
            Err(_) => return HelperState::NotOurs,
        }
    }
}

/// [`reap`] for every helper that has ended, known or not, whose name `is_ours` tells: from the first one on that has another
/// name, none is touched, and an ordinary child of the host never. Without `/proc` there are no names.
pub fn reap_ended(is_ours: impl Fn(&str) -> bool) {
    /// More are left to the next call.
    const AT_ONCE: usize = 64;
    for _ in 0..AT_ONCE {
        let Some(pid) = ended_clone() else { return };
        // A zombie has its name still, and nobody else its number.
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if !is_ours(name.trim_end()) || !matches!(reap(pid), HelperState::Ended(_)) {
            return;
        }
    }
}

/// A child that has ended and whose end is not signalled by SIGCHLD, left as it is.
fn ended_clone() -> Option<u32> {
    let flags = libc::__WCLONE | libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut found = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the pointer is to a whole `siginfo_t`.
    let outcome = unsafe { libc::waitid(libc::P_ALL, 0, found.as_mut_ptr(), flags) };
    // SAFETY: it consists of integers, for which zero is valid.
    let found = unsafe { found.assume_init() };
    // SAFETY: waitid(2) fills this part, or leaves it zero if there is no such child.
    let pid = unsafe { found.si_pid() };
    u32::try_from(pid).ok().filter(|pid| outcome == 0 && *pid != 0)
}

/// Makes a helper process that does nothing but `run`, and ends with its result as exit code.
///
/// In the helper, before `run`:
/// * every descriptor is closed but those that the options keep, and 0 to 2 are `/dev/null` unless kept;
/// * all signal dispositions are the system's own, then those that would end or stop the process are ignored, as they
///   are meant for the host; SIGTERM sets [`termination_requested`]; faults (SIGSEGV, SIGABRT, …) keep their effect; no
///   signal is blocked;
/// * the thread, and with it the process, has the options' name.
///
/// The helper keeps the host's working directory, umask, limits, user, session and process group. A panic ends it with
/// [`PANICKED`] after the standard message on its stderr. It ends by `_exit`: neither exit handlers nor destructors of the
/// host's values run, and no buffer of the host is flushed a second time. What `run` has captured is dropped in both
/// processes.
///
/// `run` must not use descriptors of the host that were not kept: their numbers are free in the helper and will name other
/// files. It should stay single-threaded: the C library does not know about this process, so that what it
/// remembers of its main thread is the host's (glibc's cached thread id, its list of robust mutexes; priority-inheriting,
/// robust and process-shared mutexes must not be taken there).
///
/// # Errors
///
/// [`io::ErrorKind::ResourceBusy`] if the calling process has more than one thread: another thread's locks, the memory
/// allocator's to begin with, would stay held in the helper. [`io::ErrorKind::InvalidInput`] for a sibling of a process
/// that is no helper, and while the calling thread panics. Otherwise what clone(2) says, or what keeps
/// the threads from being counted.
pub fn spawn_helper(options: &HelperOptions<'_>, run: impl FnOnce() -> u8) -> io::Result<Helper> {
    if options.sibling && !child::is_helper() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only a helper can make a sibling"));
    }
    if std::thread::panicking() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a panicking thread cannot make a helper"));
    }
    refuse_threads()?;
    let kept = options.kept_numbers();
    let made_in = ForkGeneration::current();
    // No handler of the host may run in the child, so that signals wait until they have been reset.
    let mask = block_signals()?;
    match child::clone_process(options.sibling) {
        Ok(None) => child::main(&options.name, &kept, run),
        Ok(Some(pid)) => {
            restore_signals(&mask);
            Ok(Helper { pid, made_in, ended: None })
        }
        Err(error) => {
            restore_signals(&mask);
            Err(error)
        }
    }
}

/// Whether this process is a helper and has received SIGTERM: to drain, and then to leave.
///
/// The signal interrupts a sleep that began before it; a loop should sleep for bounded times only.
#[inline]
#[must_use]
pub fn termination_requested() -> bool {
    TERMINATE.load(Ordering::Relaxed)
}

/// Set by the signal handler of a helper.
static TERMINATE: AtomicBool = AtomicBool::new(false);

/// Which side of [`fork_single_threaded`] the caller is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The process that forked, with the id of its child: to be waited for with `waitpid`.
    Parent(Pid),
    /// The new process.
    Child,
}

/// An ordinary `fork` (SIGCHLD, `pthread_atfork` handlers) that is safe to call, because it is refused unless the process
/// has exactly one thread.
///
/// Both processes go on behind the call with all values and descriptors. Waiting for children and signalling them is
/// safe in rustix already: `rustix::process::{waitpid, wait, kill_process}`.
///
/// ```no_run
/// # mod logtree { pub mod prefork { pub use logtree_os::{Fork, fork_single_threaded as fork}; } }
/// use logtree::prefork::{Fork, fork};
///
/// # fn work() -> i32 { 0 }
/// match fork()? {
///     Fork::Child => std::process::exit(work()),
///     Fork::Parent(worker) => println!("worker {worker} started"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// [`io::ErrorKind::ResourceBusy`] if the process has more than one thread; otherwise what fork(2) says, or what keeps
/// the threads from being counted.
pub fn fork_single_threaded() -> io::Result<Fork> {
    refuse_threads()?;
    // SAFETY: no other thread exists whose locks or half-changed values the child could inherit, so that the child may do
    // all that the parent may.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid => Pid::from_raw(pid).filter(|_| pid > 0).map(Fork::Parent).ok_or_else(io::Error::last_os_error),
    }
}

/// Fails if the process has more than one thread.
///
/// A thread that was just joined is counted for some microseconds more, which are waited for.
fn refuse_threads() -> io::Result<()> {
    const PATIENCE: Duration = Duration::from_millis(2);

    let deadline = Instant::now() + PATIENCE;
    loop {
        match thread_count()? {
            1 => return Ok(()),
            threads if Instant::now() >= deadline => {
                let message = format!("the process has {threads} threads; a new process needs a single-threaded one");
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            _ => std::thread::sleep(PATIENCE / 20),
        }
    }
}

/// Notes SIGTERM. An atomic store is all that it does, which is allowed in a signal handler.
extern "C" fn note_termination(_signal: c_int) {
    TERMINATE.store(true, Ordering::Relaxed);
}

/// Runs the closure; a panic becomes an exit code.
fn outcome(run: impl FnOnce() -> u8) -> u8 {
    // The host's hook may send mail or dump state: it is not for this process, nor is its destructor.
    std::mem::forget(panic::take_hook());
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        // Dropped it may panic in its turn.
        std::mem::forget(payload);
        PANICKED
    })
}
