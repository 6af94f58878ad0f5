//! Threads: who the calling one is, and those of logtree's own in a host's process.

use std::cell::Cell;
use std::ffi::{CString, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crate::ForkGeneration;

/// The native id of the calling thread (gettid(2)), remembered for each thread and asked for anew in a child.
///
/// It may be called anywhere, in the destructor of a thread-local value too.
#[inline]
#[must_use]
pub fn current_thread_id() -> u32 {
    thread_local! {
        // Constant and without a destructor, so that it outlives every other thread-local value.
        static KNOWN: Cell<Option<(ForkGeneration, u32)>> = const { Cell::new(None) };
    }

    let generation = ForkGeneration::current();
    let ask = || gettid().unsigned_abs();
    KNOWN
        .try_with(|known| match known.get() {
            Some((of, id)) if of == generation => id,
            _ => {
                let id = ask();
                known.set(Some((generation, id)));
                id
            }
        })
        .unwrap_or_else(|_| ask())
}

/// The system's name of the calling thread (`PR_GET_NAME`): at most 15 bytes; what is not UTF-8 in it is replaced.
///
/// The main thread is named after the program's file. Empty if the system does not tell.
#[must_use]
pub fn current_thread_name() -> String {
    let mut name = [0_u8; 16];
    // SAFETY: the call writes at most 16 bytes, the last of which is 0 (prctl(2), `PR_GET_NAME`).
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(0);
    String::from_utf8_lossy(&name[..end]).into_owned()
}

/// The native id of the calling thread. By its number, as older C libraries have no function for it.
pub(crate) fn gettid() -> libc::pid_t {
    // SAFETY: the call takes no arguments, and always succeeds.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    id as libc::pid_t
}

/// Starts a thread that receives no signal of the host's, and waits until it has begun.
///
/// All signals are blocked by `pthread_sigmask` before the thread begins, and so never reach it. Not by the raw system
/// call: the C library keeps two signals for itself, and a thread that does not answer to them would stop the host's
/// `setuid` for ever.
///
/// It is not one of std's: those take a lock of the whole process where they begin and where they end, for what is said of a stack
/// that overflows. A child that is forked in such a moment, of whichever thread, could neither begin one nor end by
/// [`std::process::exit`]. The system knows the thread's name, of which it keeps 15 bytes, and std does not.
///
/// # Errors
///
/// What keeps the system from starting a thread.
pub fn spawn_masked(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    // One function for all threads, and not one for each kind of closure.
    start_masked(name, Box::new(run))
}

fn start_masked(name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<Thread> {
    let thread = Arc::new(OnceLock::new());
    let beginning = Box::new(Beginning { name: CString::new(name)?, run, thread: Arc::clone(&thread) });
    let before = block_signals()?;
    let started = start(beginning);
    restore_signals(&before);
    started?;
    Ok(thread.wait().clone())
}

/// What a thread is begun with.
struct Beginning {
    name: CString,
    run: Box<dyn FnOnce() + Send>,
    /// The thread, told by itself.
    thread: Arc<OnceLock<Thread>>,
}

fn start(beginning: Box<Beginning>) -> io::Result<()> {
    /// That of std's threads. The C library's own may be too small, or as large as a main thread's.
    const STACK_BYTES: usize = 2 << 20;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: it fills the attributes.
    ok(unsafe { libc::pthread_attr_init(attributes) })?;
    // SAFETY: filled just now. Nobody joins the thread.
    let detached = ok(unsafe { libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED) });
    // SAFETY: as above. Where that is too little for the system, the stack is the C library's.
    let _ = unsafe { libc::pthread_attr_setstacksize(attributes, STACK_BYTES) };
    let beginning = Box::into_raw(beginning);
    let create = || {
        let mut id = MaybeUninit::uninit();
        // SAFETY: the attributes are filled, and what `begin` is given is a `Beginning` that nobody else has from then on.
        ok(unsafe { libc::pthread_create(id.as_mut_ptr(), attributes, begin, beginning.cast()) })
    };
    let started = detached.and_then(|()| create());
    // SAFETY: filled, and not used any more.
    unsafe { libc::pthread_attr_destroy(attributes) };
    if started.is_err() {
        // SAFETY: from `Box::into_raw`, and no thread has it.
        drop(unsafe { Box::from_raw(beginning) });
    }
    started
}

extern "C" fn begin(beginning: *mut c_void) -> *mut c_void {
    // SAFETY: `start` made it by `Box::into_raw`, for this thread alone.
    let Beginning { name, run, thread } = *unsafe { Box::from_raw(beginning.cast()) };
    // SAFETY: the call reads a string that ends with 0 (prctl(2), `PR_SET_NAME`).
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    let _ = thread.set(std::thread::current());
    drop(thread);
    // As in a thread of std's a panic ends in it. What it panics with may panic in its turn when it is dropped.
    _ = catch_unwind(AssertUnwindSafe(run)).map_err(std::mem::forget);
    ptr::null_mut()
}

/// What the functions of threads return: 0, or the number of an error.
fn ok(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(outcome)) }
}

/// Gives the calling thread a nice value, from 0 to 19; one below its own it is given only where the system allows that.
///
/// Under Linux each thread has its own (setpriority(2), NOTES).
pub fn let_others_go_before(niceness: i32) {
    // SAFETY: the call takes integers alone; zero is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, niceness) };
}

/// Blocks all signals for this thread but those that the C library keeps for itself; returns what was blocked before.
pub(crate) fn block_signals() -> io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::uninit();
    let all = signal_set(true);
    // SAFETY: both pointers are to sets of this function, one filled, one to be filled.
    ok(unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, before.as_mut_ptr()) })?;
    // SAFETY: filled by the successful call.
    Ok(unsafe { before.assume_init() })
}

pub(crate) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: the set is valid, and the old one is not asked for.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
    debug_assert_eq!(error, 0, "a valid set is always accepted");
}

pub(crate) fn signal_set(full: bool) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    let fill = if full { libc::sigfillset } else { libc::sigemptyset };
    // SAFETY: both functions write a whole set to the pointer.
    unsafe { fill(set.as_mut_ptr()) };
    // SAFETY: written just now; neither function fails for a valid pointer.
    unsafe { set.assume_init() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::thread::Builder;

    use super::*;

    #[test]
    fn threads_are_named_and_told_apart() {
        let named = Builder::new().name("a thread of mine".into());
        let first = named.spawn(|| (current_thread_name(), current_thread_id())).unwrap().join().unwrap();
        assert_eq!(first.0, "a thread of min", "the kernel keeps 15 bytes");
        assert_ne!(first.1, current_thread_id());
        assert_eq!(current_thread_id(), rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs());
    }

    #[test]
    #[cfg(feature = "queue")]
    fn the_calling_thread_alone_lets_others_go_before() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let mine = niceness();
        let others = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let_others_go_before(19);
                niceness()
            });
            other.join().unwrap()
        });
        assert_eq!((others, niceness()), (19, mine));
    }
}
