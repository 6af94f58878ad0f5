//! The far side of [`spawn_helper`](super::spawn_helper): from the clone to the closure.

use std::ffi::{CStr, c_int, c_long, c_ulong};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsRawFd, IntoRawFd, RawFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Pid;

use super::{TERMINATE, note_termination, outcome};
use crate::limits::{Limited, limit_of};
use crate::thread::{restore_signals, signal_set};

/// Whether this process is a helper. Its children by other means would inherit it, but a helper has none.
static IS_HELPER: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_helper() -> bool {
    IS_HELPER.load(Ordering::Relaxed)
}

/// Clones the calling process without an exit signal; `None` in the child.
///
/// The caller has made sure that it has one thread only.
pub(super) fn clone_process(as_sibling: bool) -> io::Result<Option<Pid>> {
    // The low byte is the exit signal: none.
    let flags: c_ulong = if as_sibling { libc::CLONE_PARENT as c_ulong } else { 0 };
    let no_stack: c_ulong = 0;
    // This architecture has the first two arguments the other way round (clone(2), C library/kernel differences).
    let [first, second] = if cfg!(target_arch = "s390x") { [no_stack, flags] } else { [flags, no_stack] };
    // SAFETY: without CLONE_VM the child has a copy of all memory and goes on behind this call on its own copy of the
    // stack, as after `fork`; the pointers are null and their flags absent. The process has one thread, so that no lock
    // and no half-changed value of another one is copied.
    let pid = unsafe { libc::syscall(libc::SYS_clone, first, second, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
    match pid {
        0 => Ok(None),
        pid => {
            let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw);
            pid.map(Some).ok_or_else(io::Error::last_os_error)
        }
    }
}

/// The life of a helper.
pub(super) fn main(name: &CStr, kept: &[RawFd], run: impl FnOnce() -> u8) -> ! {
    IS_HELPER.store(true, Ordering::Relaxed);
    TERMINATE.store(false, Ordering::Relaxed);
    // First of all, as it has its maker's until then. It is for people only.
    let _ = rustix::thread::set_name(name);
    reset_signals();
    close_all_but(kept);
    occupy_standard_numbers();
    let code = outcome(run);
    // SAFETY: `_exit` may be called at any time; it runs no handlers and no destructors.
    unsafe { libc::_exit(code.into()) }
}

/// No disposition of the host stays; then signals are let in.
fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        let handler = match signal {
            libc::SIGTERM => note_termination as extern "C" fn(c_int) as libc::sighandler_t,
            // Faults of this process itself, and what the system ignores by default.
            libc::SIGILL
            | libc::SIGTRAP
            | libc::SIGABRT
            | libc::SIGBUS
            | libc::SIGFPE
            | libc::SIGSEGV
            | libc::SIGSYS => libc::SIG_DFL,
            libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH => libc::SIG_DFL,
            // Whatever else would end or stop it is meant for the host: a terminal's keys, a server's "reload".
            _ => libc::SIG_IGN,
        };
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all fields are integers or optional pointers, for which zero is valid.
        let action = unsafe { action.assume_init_mut() };
        action.sa_sigaction = handler;
        action.sa_mask = signal_set(false);
        // Without SA_RESTART, so that SIGTERM ends a sleep.
        // SAFETY: the action is valid, and its handler does what a handler may. Numbers that cannot be set (SIGKILL,
        // SIGSTOP, the C library's own) are refused and stay as they are.
        unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
    }
    restore_signals(&signal_set(false));
}

/// Closes every descriptor that is not in the sorted list `kept`.
fn close_all_but(kept: &[RawFd]) {
    let mut next = 0;
    for &number in kept {
        if number > next {
            close_range(next, number - 1);
        }
        next = number + 1;
    }
    close_range(next, RawFd::MAX);
}

fn close_range(first: RawFd, last: RawFd) {
    let [from, to] = [first, last].map(c_long::from);
    // SAFETY: nobody in this process uses these descriptors from here on, which `spawn_helper` asks of its caller.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, from, to, 0 as c_long) };
    if closed == 0 {
        return;
    }
    // Before Linux 5.9, or filtered away in an old container.
    close_listed(first, last);
}

fn close_listed(first: RawFd, last: RawFd) {
    for number in open_numbers().into_iter().filter(|number| (first..=last).contains(number)) {
        // SAFETY: as in `close_range`; a number that is free already is refused.
        unsafe { libc::close(number) };
    }
}

/// The open descriptors as `/proc` lists them; without it, all numbers that there may be.
fn open_numbers() -> Vec<RawFd> {
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        let names = entries.flatten().map(|entry| entry.file_name());
        return names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    }
    /// More than programs have, and quickly gone through.
    const PLENTY: u64 = 1 << 20;
    let limit = limit_of(Limited::Descriptors).unwrap_or(PLENTY);
    (0..RawFd::try_from(limit.min(PLENTY)).unwrap_or(RawFd::MAX)).collect()
}

/// Fills what is free of 0, 1 and 2, so that no file opened later gets a number that someone prints to.
fn occupy_standard_numbers() {
    loop {
        let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            // A chroot without devices: a descriptor that can be neither read nor written occupies the number too.
            .or_else(|_| open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()));
        match null {
            // The lowest free number is given first, so that none up to 2 is free now.
            Ok(beyond) if beyond.as_raw_fd() > 2 => return,
            // Never closed: it stands there for as long as the process lives.
            Ok(standard) => _ = standard.into_raw_fd(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn without_close_range_the_listed_descriptors_are_closed() {
        let file = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let [low, high] = [200, 201];
        // SAFETY: asks for flags; no descriptor is touched.
        let is_open = |number| unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
        // In a child, whose descriptors nobody else uses.
        // SAFETY: the child calls what glibc allows after a fork (its allocator), and ends at once.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: both numbers are free in this program.
            let duplicated = [low, high].map(|number| unsafe { libc::dup2(file.as_raw_fd(), number) });
            close_listed(3, low);
            let closed = !is_open(low) && !is_open(file.as_raw_fd()) && is_open(high) && is_open(2);
            // SAFETY: as in `main`.
            unsafe { libc::_exit(i32::from(!(closed && duplicated == [low, high]))) };
        }
        let (_, status) =
            rustix::process::waitpid(Pid::from_raw(pid), rustix::process::WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
    }
}
