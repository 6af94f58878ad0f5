//! Signals that a thread of logtree acts on.
//!
//! A handler of a signal may do next to nothing (signal-safety(7)). This one notes the signal in a word and wakes whoever
//! waits for it. The word and the wake-up are of the process alone: a pipe, as signals are usually handed to threads by, is
//! shared with a child of `fork`, whose signals would then reach its parent.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1};
use signal_hook::low_level;

use crate::fork::ForkGeneration;

/// What can be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
    /// SIGTERM. A process in which nobody waits for it, a child of `fork` to begin with, is ended by it as usual, unless the
    /// program had a handler of its own, or ignored it, when it was noted first.
    Terminate,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Hangup, Self::User1, Self::Terminate];

    const fn number(self) -> i32 {
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

/// What came and was not taken yet.
static NOTED: AtomicU32 = AtomicU32::new(0);

/// The signals that are noted.
static NOTING: AtomicU32 = AtomicU32::new(0);

/// The generation in which somebody waits, as bits; 0 is none.
static WAITING_IN: AtomicU32 = AtomicU32::new(0);

/// Whether SIGTERM would have ended the program.
static ENDS: AtomicBool = AtomicBool::new(false);

/// Has a signal noted from now on, beside the program's own handler if it has one. What the signal does to a program that has
/// none, it does not do any more. Asked for twice it is noted once.
///
/// # Errors
/// What keeps the system from it.
pub fn note_signal(signal: Signal) -> io::Result<()> {
    if NOTING.fetch_or(signal.bit(), Ordering::SeqCst) & signal.bit() != 0 {
        return Ok(());
    }
    if signal == Signal::Terminate {
        ENDS.store(is_default(signal.number()), Ordering::SeqCst);
    }
    // SAFETY: the handler may run in any thread at any time: it touches atomics, and asks the kernel to wake a thread or to end
    // the process. `ForkGeneration::current` takes no lock; its page was mapped by the call of `waits_here`, or is now.
    let registered = unsafe { low_level::register(signal.number(), move || handle(signal)) };
    registered.map(drop).inspect_err(|_| {
        NOTING.fetch_and(!signal.bit(), Ordering::SeqCst);
    })
}

fn handle(signal: Signal) {
    let is_waited_for = WAITING_IN.load(Ordering::SeqCst) == ForkGeneration::current().to_bits();
    if signal == Signal::Terminate && !is_waited_for {
        end_by_termination();
    }
    NOTED.fetch_or(signal.bit(), Ordering::SeqCst);
    wake();
}

fn is_default(number: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: it asks alone, and fills the action.
    if unsafe { libc::sigaction(number, std::ptr::null(), action.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: filled by the successful call.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction == libc::SIG_DFL
}

/// Says that a thread of this process is about to wait for signals. That SIGTERM came to a parent says nothing to a child.
pub fn waits_here() {
    let generation = ForkGeneration::current().to_bits();
    if WAITING_IN.load(Ordering::SeqCst) != generation {
        NOTED.fetch_and(!Signal::Terminate.bit(), Ordering::SeqCst);
        WAITING_IN.store(generation, Ordering::SeqCst);
    }
}

/// Waits until a signal is noted, somebody [calls](call_waiter), or `timeout` is over, and answers with what was noted.
pub fn wait_for_signals(timeout: Option<Duration>) -> impl Iterator<Item = Signal> {
    let mut noted = NOTED.swap(0, Ordering::SeqCst);
    if noted == 0 {
        // Whatever ends the wait: what there is then is taken, and the caller looks at its clock.
        wait(timeout.unwrap_or(Duration::MAX));
        noted = NOTED.swap(0, Ordering::SeqCst);
    }
    Signal::ALL.into_iter().filter(move |signal| noted & signal.bit() != 0)
}

/// Has the thread that waits look at what it waits for.
pub fn call_waiter() {
    NOTED.fetch_or(CALLED, Ordering::SeqCst);
    wake();
}

/// Ends the process as SIGTERM does, if SIGTERM would have ended it before it was noted; else the program's own handler has
/// it in hand.
pub fn end_by_termination() {
    if ENDS.load(Ordering::SeqCst) {
        if std::process::id() == 1 {
            // The first process of a container has no default that ends it: it would live through the signal, and crash where
            // the emulation then aborts. This is what shells and container engines say of who was ended by it.
            low_level::exit(128 + SIGTERM);
        }
        // It lets this thread have the signal, whatever the thread blocks.
        let _ = low_level::emulate_default_handler(SIGTERM);
    }
}

#[cfg(target_os = "linux")]
fn wait(timeout: Duration) {
    use rustix::thread::futex::{Flags, Timespec, wait};
    // Far beyond any timeout in use, and far from the kernel's own limit.
    let seconds = timeout.as_secs().min(1 << 31) as i64;
    let timeout = Timespec { tv_sec: seconds, tv_nsec: timeout.subsec_nanos().into() };
    // Woken, changed, interrupted or over: the caller looks.
    let _ = wait(&NOTED, Flags::PRIVATE, 0, Some(&timeout));
}

#[cfg(target_os = "linux")]
fn wake() {
    use rustix::thread::futex::{Flags, wake};
    // A system call and nothing else, as a handler's must be.
    let _ = wake(&NOTED, Flags::PRIVATE, 1);
}

/// Elsewhere nothing that a handler may do wakes a thread without a pipe, so that it looks ten times a second.
#[cfg(not(target_os = "linux"))]
fn wait(timeout: Duration) {
    std::thread::sleep(timeout.min(Duration::from_millis(100)));
}

#[cfg(not(target_os = "linux"))]
fn wake() {}
