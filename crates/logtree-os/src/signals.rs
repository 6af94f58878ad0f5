//! Signals that threads of logtree act on.
//!
//! A handler of a signal may do next to nothing (signal-safety(7)). This one notes the signal in a word and wakes whoever
//! waits for it. The word and the wake-up are of the process alone: a pipe, as signals are usually handed to threads by, is
//! shared with a child of `fork`, whose signals would then reach its parent.
//!
//! SIGTERM has a word of its own, and a thread: what the others ask for may take long, or for ever.
//!
//! A process may have several copies of this code, as of a program and of an extension module that it loads. Each knows the others'
//! handlers by the signals that these block, and who was noted last hands SIGTERM on when it has done its part: so the first one
//! ends the process when all have.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{SIGHUP, SIGTERM, SIGUSR1};

use crate::fork::ForkGeneration;

/// What can be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
    /// SIGTERM. A process in which nobody waits for it, a child of `fork` to begin with, is ended by it as usual, unless the
    /// program handles it, or ignored it when it was noted first.
    Terminate,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Hangup, Self::User1, Self::Terminate];

    const fn number(self) -> c_int {
        match self {
            Self::Hangup => SIGHUP,
            Self::User1 => SIGUSR1,
            Self::Terminate => SIGTERM,
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A reason to stop waiting that is no signal.
const CALLED: u32 = 1 << 31;

/// What came and was not taken yet, but SIGTERM.
static NOTED: AtomicU32 = AtomicU32::new(0);

/// Whether SIGTERM did.
static TERMINATED: AtomicU32 = AtomicU32::new(0);

/// The signals that are noted.
static NOTING: AtomicU32 = AtomicU32::new(0);

/// The generation in which somebody waits for SIGTERM, as bits; 0 is none.
static WAITING_IN: AtomicU32 = AtomicU32::new(0);

/// The signals of real time that a handler of ours blocks while it runs, for some microseconds: what nobody else blocks. Those below
/// are the C library's own.
const MARK: [c_int; 8] = [37, 41, 43, 47, 53, 54, 59, 61];

/// What was done at each signal before it was noted.
static BEFORE: [OnceLock<libc::sigaction>; Signal::ALL.len()] = [const { OnceLock::new() }; Signal::ALL.len()];

/// Has a signal noted from now on, beside the program's own handler if it has one. What the signal does to a program that has
/// none, it does not do any more. Asked for twice it is noted once.
///
/// # Errors
/// What keeps the system from it.
pub fn note_signal(signal: Signal) -> io::Result<()> {
    if NOTING.fetch_or(signal.bit(), Ordering::SeqCst) & signal.bit() != 0 {
        return Ok(());
    }
    // Mapped here, as the handler must not.
    let _ = ForkGeneration::current();
    let noted = action_at(signal.number()).and_then(|before| {
        BEFORE[signal as usize].get_or_init(|| before);
        set_action(signal.number())
    });
    noted.inspect_err(|_| {
        NOTING.fetch_and(!signal.bit(), Ordering::SeqCst);
    })
}

/// Notes a signal, and calls who was there before.
///
/// It may run in any thread at any time: it touches atomics, and asks the kernel to wake a thread or to end the process.
extern "C" fn on_signal(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(signal) = Signal::ALL.into_iter().find(|signal| signal.number() == number) else { return };
    let is_waited_for = || WAITING_IN.load(Ordering::SeqCst) == ForkGeneration::current().to_bits();
    match signal {
        Signal::Terminate if is_waited_for() => {
            TERMINATED.store(1, Ordering::SeqCst);
            wake(&TERMINATED);
        }
        Signal::Terminate => end_by_termination(),
        Signal::Hangup | Signal::User1 => {
            NOTED.fetch_or(signal.bit(), Ordering::SeqCst);
            wake(&NOTED);
        }
    }
    let is_handed_on_later = |before: &libc::sigaction| {
        signal == Signal::Terminate && is_another_copy(before) && action_at(number).is_ok_and(|now| is_ours(&now))
    };
    let before = BEFORE[signal as usize].get().filter(|before| is_function(before));
    if let Some(before) = before.filter(|before| !is_handed_on_later(before)) {
        if before.sa_flags & libc::SA_SIGINFO != 0 {
            // SAFETY: it was the program's handler, set with this flag, and so takes what a handler of it is given, which is
            // passed on as it came.
            let before = unsafe {
                std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)>(
                    before.sa_sigaction,
                )
            };
            before(number, info, context);
        } else {
            // SAFETY: as above, without the flag, and so of the number alone.
            let before =
                unsafe { std::mem::transmute::<libc::sighandler_t, extern "C" fn(c_int)>(before.sa_sigaction) };
            before(number);
        }
    }
}

fn is_function(action: &libc::sigaction) -> bool {
    ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction)
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == on_signal as *const () as libc::sighandler_t
}

/// Whether a handler is that of another copy of this code.
fn is_another_copy(action: &libc::sigaction) -> bool {
    let blocks = |number| {
        // SAFETY: a whole set, and a number that is looked at alone.
        unsafe { libc::sigismember(&raw const action.sa_mask, number) == 1 }
    };
    is_function(action) && !is_ours(action) && (35..=62).all(|number| blocks(number) == MARK.contains(&number))
}

/// What is done at a signal now.
fn action_at(number: c_int) -> io::Result<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: it asks alone, and fills the action.
    match unsafe { libc::sigaction(number, ptr::null(), action.as_mut_ptr()) } {
        // SAFETY: filled by the successful call.
        0 => Ok(unsafe { action.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has a signal handled by `on_signal`.
fn set_action(number: c_int) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all fields are integers or optional pointers, for which zero is valid.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
    action.sa_mask = no_signals();
    for number in MARK {
        // SAFETY: a whole set, and a number; one that there is not is refused.
        unsafe { libc::sigaddset(&raw mut action.sa_mask, number) };
    }
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the action is valid, and its handler lasts as long as the program's code and does what a handler may.
    match unsafe { libc::sigaction(number, action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: it writes a whole set, and does not fail for a valid pointer.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: written just now.
    unsafe { set.assume_init() }
}

/// Has a thread started that [waits for SIGTERM](wait_for_termination), unless this process has it. That SIGTERM came to a
/// parent says nothing to a child.
///
/// # Errors
/// Those of `start`; then SIGTERM ends the process as before.
pub fn with_waiter_for_termination(start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let generation = ForkGeneration::current().to_bits();
    if WAITING_IN.load(Ordering::SeqCst) != generation {
        TERMINATED.store(0, Ordering::SeqCst);
        start()?;
        WAITING_IN.store(generation, Ordering::SeqCst);
    }
    Ok(())
}

/// Waits until SIGTERM is noted.
pub fn wait_for_termination() {
    while TERMINATED.swap(0, Ordering::SeqCst) == 0 {
        wait(&TERMINATED, Duration::MAX);
    }
}

/// Waits until another signal is noted, somebody [calls](call_waiter), or `timeout` is over, and answers with what was noted.
pub fn wait_for_signals(timeout: Option<Duration>) -> impl Iterator<Item = Signal> {
    let mut noted = NOTED.swap(0, Ordering::SeqCst);
    if noted == 0 {
        // Whatever ends the wait: what there is then is taken, and the caller looks at its clock.
        wait(&NOTED, timeout.unwrap_or(Duration::MAX));
        noted = NOTED.swap(0, Ordering::SeqCst);
    }
    Signal::ALL.into_iter().filter(move |signal| noted & signal.bit() != 0)
}

/// Has the thread that waits look at what it waits for.
pub fn call_waiter() {
    NOTED.fetch_or(CALLED, Ordering::SeqCst);
    wake(&NOTED);
}

/// Ends the process as SIGTERM does, if SIGTERM would have ended it before it was noted, and nobody has set a handler since who
/// hands it on; else the program has it in hand. Another copy of this code that noted it before gets it from here on, and at once.
pub fn end_by_termination() {
    let Some(before) = BEFORE[Signal::Terminate as usize].get() else { return };
    let is_handed_on = is_another_copy(before);
    let is_ended = before.sa_sigaction == libc::SIG_DFL;
    if !is_ended && !is_handed_on || !action_at(SIGTERM).is_ok_and(|now| is_ours(&now)) {
        return;
    }
    // SAFETY: it was the action before, and its handler, if it is none of the system's, lasts as long as the code that has set it.
    unsafe { libc::sigaction(SIGTERM, before, ptr::null_mut()) };
    let mut set = no_signals();
    // SAFETY: a whole set, and a number that there is.
    unsafe { libc::sigaddset(&raw mut set, SIGTERM) };
    // SAFETY: the set is that one, and the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut()) };
    // SAFETY: it takes an integer. What the signal does to this process happens before it returns.
    unsafe { libc::raise(SIGTERM) };
    if is_handed_on {
        return;
    }
    // The first process of a container has no default that ends it. This is what shells and container engines say of who was
    // ended by it.
    // SAFETY: `_exit` may be called at any time; it runs no handlers and no destructors.
    unsafe { libc::_exit(128 + SIGTERM) };
}

#[cfg(target_os = "linux")]
fn wait(word: &AtomicU32, timeout: Duration) {
    use rustix::thread::futex::{Flags, Timespec, wait};
    // Far beyond any timeout in use, and far from the kernel's own limit.
    let seconds = timeout.as_secs().min(1 << 31) as i64;
    let timeout = Timespec { tv_sec: seconds, tv_nsec: timeout.subsec_nanos().into() };
    // Woken, changed, interrupted or over: the caller looks.
    let _ = wait(word, Flags::PRIVATE, 0, Some(&timeout));
}

#[cfg(target_os = "linux")]
fn wake(word: &AtomicU32) {
    use rustix::thread::futex::{Flags, wake};
    // A system call and nothing else, as a handler's must be.
    let _ = wake(word, Flags::PRIVATE, 1);
}

/// Elsewhere nothing that a handler may do wakes a thread without a pipe, so that it looks ten times a second.
#[cfg(not(target_os = "linux"))]
fn wait(_: &AtomicU32, timeout: Duration) {
    std::thread::sleep(timeout.min(Duration::from_millis(100)));
}

#[cfg(not(target_os = "linux"))]
fn wake(_: &AtomicU32) {}
