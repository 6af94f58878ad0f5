//! Who this process is, who another one was, and whether that one is dead.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, test_kill_process};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::{ForkLock, ForkReset};

/// How many threads the calling process has, as the kernel counts them (`num_threads` in proc_pid_stat(5)).
///
/// A thread that was joined a moment ago may still be counted: `pthread_join` returns before the kernel has taken it
/// apart. Where `/proc` does not tell, as in a `chroot`, two stand for more.
///
/// # Errors
///
/// When `/proc` is not mounted or is that of another pid namespace, and the kernel does not say it either.
pub fn thread_count() -> io::Result<usize> {
    match Stat::read("/proc/self/stat") {
        Ok(stat) => Ok(stat.threads),
        Err(error) => match has_one_thread() {
            Some(true) => Ok(1),
            Some(false) => Ok(2),
            None => Err(error),
        },
    }
}

/// Whether this process has one thread only; `None` where a filter forbids the question.
fn has_one_thread() -> Option<bool> {
    // SAFETY: with this flag alone the call changes nothing; it fails with EINVAL if there is another thread (unshare(2)).
    match unsafe { libc::unshare(libc::CLONE_THREAD) } {
        0 => Some(true),
        _ => (io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL)).then_some(false),
    }
}

/// Whether a process of this pid namespace has not ended yet; a zombie has.
#[must_use]
pub fn is_running(pid: u32) -> bool {
    match Stat::read(&format!("/proc/{pid}/stat")) {
        Ok(stat) if proc_is_ours() => !stat.has_ended(),
        Err(error) if is_gone(&error) && proc_is_ours() => false,
        // Without `/proc`, with that of another namespace, or without a descriptor to look.
        _ => is_known_to_run(pid),
    }
}

/// Whether it is for want of the process that its file in `/proc` cannot be read.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// Whether a process of this pid namespace was killed, or has begun to end, and is about to be dead: it does nothing for others any
/// more. `false` where `/proc` does not tell.
#[must_use]
pub fn is_ending(pid: u32) -> bool {
    ends(pid, |_| true)
}

/// [`is_ending`], if whoever has the id is meant.
fn ends(pid: u32, is_meant: impl FnOnce(&Stat) -> bool) -> bool {
    let path = |file: &str| format!("/proc/{pid}/{file}");
    // What is pending shows for as long as the process can be seen, so that between the two looks nobody slips through.
    let is_killed = || std::fs::read(path("status")).is_ok_and(|status| has_pending_kill(&status));
    proc_is_ours() && Stat::read(&path("stat")).is_ok_and(|stat| is_meant(&stat) && (stat.is_exiting || is_killed()))
}

/// [`is_running`] as the kernel itself says it; without pidfds a zombie runs.
fn is_known_to_run(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => has_ended(&pidfd) == Ok(false),
        Err(Errno::SRCH) => false,
        Err(_) => test_kill_process(pid) != Err(Errno::SRCH),
    }
}

/// A pidfd is readable once its whole thread group has ended.
fn has_ended(pidfd: &OwnedFd) -> rustix::io::Result<bool> {
    let mut ends = [PollFd::new(pidfd, PollFlags::IN)];
    poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map(|ended| ended != 0)
}

/// Whether a process of this pid namespace is stopped, by a signal or a debugger (proc_pid_stat(5)). Not by a freezer of control
/// groups: that does not show.
pub(crate) fn is_stopped(pid: u32) -> bool {
    Stat::read(&format!("/proc/{pid}/stat")).is_ok_and(|stat| matches!(stat.state, b'T' | b't'))
}

/// One life of one program in one process: what a process writes down so that others know it again.
///
/// A process id alone is given to another process sooner or later; with the start time it is not. `exec` keeps both,
/// so that the nonce tells a program from the one that ran in its place.
///
/// ```
/// use logtree_os::{Death, ProcessIdentity};
///
/// let myself = ProcessIdentity::current();
/// assert_eq!(myself.death(), Death::Alive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// The process id in its own pid namespace.
    pub pid: u32,
    /// When it started, in clock ticks since the boot (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
    /// The inode of its pid namespace, in which `pid` counts, in the lower half, and of its time namespace, in which
    /// `start_time` counts, in the upper. Zero if `/proc` does not tell: then nobody can judge it.
    pub namespaces: u64,
    /// A random number, drawn anew after `exec` and after `fork`.
    pub nonce: u64,
}

/// What can be said of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Death {
    /// It runs, or is stopped.
    Alive,
    /// It will never run again; it may be a zombie still.
    Dead,
    /// It cannot be told: it lives in another namespace, or `/proc` hides it. **Never** to be taken for dead.
    Unknown,
}

impl ProcessIdentity {
    /// The identity of the calling process: found out once, and anew in a child.
    #[must_use]
    pub fn current() -> Self {
        static KNOWN: ForkLock<Known> = ForkLock::new(Known(None));
        KNOWN.lock().0.get_or_insert_with(Self::ask).to_owned()
    }

    fn ask() -> Self {
        let pid = getpid().as_raw_nonzero().get().unsigned_abs();
        let known = Stat::read("/proc/self/stat").and_then(|stat| Ok((stat.start_time, namespaces()?)));
        // Half an answer would be compared with whole ones.
        let (start_time, namespaces) = known.unwrap_or_default();
        Self { pid, start_time, namespaces, nonce: nonce() }
    }

    /// Whether this process is dead.
    ///
    /// The id is pinned down by a pidfd first and its start time compared afterwards, so that an id which is given to
    /// another process between the two steps deceives nobody. Without pidfds (before Linux 5.3, or none to be had)
    /// the start time decides alone. No descriptor outlives the call.
    #[must_use]
    pub fn death(&self) -> Death {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|_| self.namespaces != 0 && namespaces().ok() == Some(self.namespaces)) else {
            return Death::Unknown;
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => match has_ended(&pidfd) {
                Ok(false) => self.compare(pid),
                Ok(true) => Death::Dead,
                Err(_) => Death::Unknown,
            },
            Err(Errno::SRCH) => Death::Dead,
            Err(_) => self.compare(pid),
        }
    }

    /// [`is_ending`] of this process, and of none that has its id by now.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        namespaces().ok() == Some(self.namespaces) && ends(self.pid, |stat| stat.start_time == self.start_time)
    }

    /// Judges by `/proc` whoever has the id now.
    fn compare(&self, pid: Pid) -> Death {
        if !proc_is_ours() {
            return Death::Unknown;
        }
        match Stat::read(&format!("/proc/{}/stat", pid.as_raw_nonzero())) {
            Ok(stat) if stat.start_time != self.start_time || stat.has_ended() => Death::Dead,
            Ok(_) => Death::Alive,
            // `hidepid` hides the living as well; the kernel itself is asked.
            Err(_) if test_kill_process(pid) == Err(Errno::SRCH) => Death::Dead,
            Err(_) => Death::Unknown,
        }
    }
}

/// What [`ProcessIdentity::current`] remembers: nothing that a child could use.
struct Known(Option<ProcessIdentity>);

impl ForkReset for Known {
    fn after_fork(&mut self) {
        self.0 = None;
    }

    fn torn() -> Self {
        Self(None)
    }
}

/// See [`ProcessIdentity::namespaces`].
fn namespaces() -> io::Result<u64> {
    let pid = rustix::fs::stat("/proc/self/ns/pid")?.st_ino;
    // Time namespaces exist since Linux 5.6; before that all processes share one time.
    let time = rustix::fs::stat("/proc/self/ns/time").map_or(0, |stat| stat.st_ino);
    // The kernel numbers namespaces with 32 bits (`proc_alloc_inum`).
    Ok(time << u32::BITS | pid & u64::from(u32::MAX))
}

/// Whether `/proc` counts processes as this process does: a container may see its host's.
fn proc_is_ours() -> bool {
    std::fs::read_link("/proc/self").is_ok_and(|link| link.to_str() == Some(&std::process::id().to_string()))
}

fn nonce() -> u64 {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::NONBLOCK) {
        Ok(8) => u64::from_ne_bytes(bytes),
        // Early in the boot, or under a filter of system calls: as distinct as a clock is.
        _ => {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let since_boot = Duration::try_from(now).unwrap_or_default();
            since_boot.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(40)
        }
    }
}

/// Whether SIGKILL waits for a process, of which `/proc/PID/status` tells in the masks of pending signals (proc_pid_status(5)).
fn has_pending_kill(status: &[u8]) -> bool {
    let lines = status.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let masks = lines.filter_map(|line| line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:")));
    masks.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok()).any(|mask| mask & 1 << (libc::SIGKILL - 1) != 0)
}

/// The fields of `/proc/PID/stat` that are looked at here (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    is_exiting: bool,
    threads: usize,
    start_time: u64,
}

impl Stat {
    fn read(path: &str) -> io::Result<Self> {
        let line = std::fs::read(path)?;
        Self::parse(&line)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not understood")))
    }

    fn parse(line: &[u8]) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold spaces, parentheses and line ends
        // itself; no later field holds a parenthesis.
        let name_end = line.iter().rposition(|byte| *byte == b')')?;
        let mut fields = std::str::from_utf8(line.get(name_end + 1..)?).ok()?.split_ascii_whitespace();
        /// The kernel's flag of a task that is in do_exit().
        const PF_EXITING: u32 = 4;
        // Field 3; then 9, with 5 between them; then 20, then 22.
        let state = fields.next()?.bytes().next()?;
        let is_exiting = fields.nth(5)?.parse::<u32>().ok()? & PF_EXITING != 0;
        let threads = fields.nth(10)?.parse().ok()?;
        let start_time = fields.nth(1)?.parse().ok()?;
        Some(Self { state, is_exiting, threads, start_time })
    }

    /// A zombie with other threads is a process whose main thread alone has ended.
    fn has_ended(&self) -> bool {
        matches!(self.state, b'X' | b'x') || self.state == b'Z' && self.threads <= 1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// From a Linux 6 machine, the name replaced; field numbers by proc_pid_stat(5).
    fn line(name: &str, state: char, threads: u32) -> Vec<u8> {
        format!(
            "17 ({name}) {state} 1 17 17 34816 17 4194304 1 2 3 4 5 6 7 8 20 0 {threads} 0 98765 8192 1 \
             18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
        .into_bytes()
    }

    #[test]
    fn a_second_thread_is_noticed_without_proc() {
        // The test harness has one of its own.
        std::thread::scope(|scope| assert_eq!(scope.spawn(has_one_thread).join().unwrap(), Some(false)));
    }

    #[test]
    fn any_name_is_stepped_over() {
        for name in ["cat", "a b", ") R 9 9 (", "((", "))) Z 1", "x\n) S 1 2", ""] {
            let stat = Stat::parse(&line(name, 'S', 3)).unwrap();
            assert_eq!(stat, Stat { state: b'S', is_exiting: false, threads: 3, start_time: 98765 }, "{name:?}");
        }
    }

    #[test]
    fn a_cut_or_foreign_line_is_refused() {
        for bad in ["", "17", "17 (cat", "17 (cat) S 1 2 3", "17 (cat) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x 0 y"] {
            assert_eq!(Stat::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn who_is_killed_is_about_to_end() {
        let exiting = String::from_utf8(line("a", 'R', 1)).unwrap().replace(" 4194304 ", " 4194308 ");
        assert!(Stat::parse(exiting.as_bytes()).unwrap().is_exiting);
        assert!(!ProcessIdentity::current().is_ending());
        // In the form of proc_pid_status(5): the 9th bit is SIGKILL's, the 10th SIGUSR1's.
        let status =
            |shared: &str| format!("Name:\ta\nSigQ:\t0/63\nSigPnd:\t0000000000000000\nShdPnd:\t{shared}\nSigBlk:\t1\n");
        assert!(has_pending_kill(status("0000000000040100").as_bytes()));
        assert!(!has_pending_kill(status("0000000000040200").as_bytes()));
    }

    #[test]
    fn a_zombie_with_threads_has_not_ended() {
        assert!(!Stat::parse(&line("a", 'Z', 2)).unwrap().has_ended());
        assert!(Stat::parse(&line("a", 'Z', 1)).unwrap().has_ended());
        assert!(!Stat::parse(&line("a", 'T', 1)).unwrap().has_ended());
    }

    #[test]
    fn the_current_process_is_alive_and_a_stranger_in_its_place_is_dead() {
        let myself = ProcessIdentity::current();
        assert_eq!(myself, ProcessIdentity::current());
        assert_eq!(myself.pid, std::process::id());
        assert_eq!(myself.death(), Death::Alive);
        assert!(is_running(myself.pid) && !is_running(u32::MAX));
        // The id was given anew: whoever had it before is dead.
        let before_me = ProcessIdentity { start_time: myself.start_time.wrapping_sub(1), ..myself };
        assert_eq!(before_me.death(), Death::Dead);
    }

    #[test]
    fn without_a_pidfd_the_start_time_decides() {
        let myself = ProcessIdentity::current();
        let pid = getpid();
        assert_eq!(myself.compare(pid), Death::Alive);
        assert_eq!(ProcessIdentity { start_time: 1, ..myself }.compare(pid), Death::Dead);
    }

    #[test]
    fn what_cannot_be_judged_is_unknown() {
        let myself = ProcessIdentity::current();
        for unknown in [
            ProcessIdentity { namespaces: 0, ..myself },
            ProcessIdentity { namespaces: myself.namespaces + 1, ..myself },
            ProcessIdentity { pid: 0, ..myself },
            ProcessIdentity { pid: u32::MAX, ..myself },
        ] {
            assert_eq!(unknown.death(), Death::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn threads_are_counted() {
        let counted = std::thread::scope(|scope| scope.spawn(thread_count).join().unwrap().unwrap());
        assert!(counted >= 2);
    }
}
