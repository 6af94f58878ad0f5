//! Which of many processes listens: a seat that is free again as soon as its holder is dead.
//!
//! The seat is one word in memory that the processes share. Its holder's thread registers the word with the kernel
//! (`set_robust_list`), and when that thread ends in whatever way, by SIGKILL too, the kernel marks the word and wakes one
//! of those who wait for it. No descriptor, no file and no signal takes part: the holder may close all descriptors,
//! its forked children keep nothing alive, and the processes may live in different pid namespaces.
//!
//! The word is zero, or the holder's thread id with `FUTEX_WAITERS`, or `FUTEX_OWNER_DIED` as the kernel left it. All
//! steps follow the kernel's `Documentation/locking/robust-futex-ABI.rst`: the word is announced as pending before it
//! is changed, so that the kernel knows of it at every instruction.

use std::cell::Cell;
use std::ffi::c_long;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::futex::{self, Flags, OWNER_DIED, WAITERS};

use crate::ForkGeneration;
use crate::helper::termination_requested;

/// The bits of the word that hold a thread id (`FUTEX_TID_MASK`).
const THREAD_ID: u32 = !(OWNER_DIED | WAITERS);

/// A waiter looks this often for itself. The kernel wakes one waiter only; should that one be killed before it takes the
/// seat, the others sleep on, until [somebody wakes them](wake_waiters) who notices that the seat is vacant, or until then.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Whether nobody holds the seat: one load, for the hot path of producers.
#[inline]
#[must_use]
pub fn is_vacant(word: &AtomicU32) -> bool {
    word.load(Ordering::Relaxed) & THREAD_ID == 0
}

/// The thread that holds the seat, as it is numbered in its pid namespace.
#[must_use]
pub fn holder(word: &AtomicU32) -> Option<u32> {
    Some(word.load(Ordering::Relaxed) & THREAD_ID).filter(|thread| *thread != 0)
}

/// Why nobody can take any seat here, if that is so: the kernel, or a filter of system calls, offers no robust futexes.
///
/// # Errors
///
/// What `get_robust_list` or `set_robust_list` says.
pub fn supported() -> io::Result<()> {
    let (head, bytes) = registered()?;
    // What is registered already is registered again, which changes nothing.
    set_robust_list(head, bytes.max(HEAD_BYTES))
}

/// Wakes everybody who waits for the seat: for whoever finds it vacant for longer than a waiter takes to sit down.
pub fn wake_waiters(word: &AtomicU32) {
    // It fails only for an address that is none.
    let _ = futex::wake(word, Flags::empty(), i32::MAX.unsigned_abs());
}

/// The seat, held by the calling thread until it is dropped or the thread ends.
///
/// To be taken on a thread of logtree's own (a helper's main thread, a listening thread): while it is held, the thread's
/// robust mutexes of the C library, if it locks any, are not looked after by the kernel. A thread holds one seat at a
/// time. In a forked child the value is without effect.
///
/// The word is reached through an [`Arc`], so that the memory stays mapped for as long as the kernel may write to it.
#[derive(Debug)]
#[must_use = "the seat is vacant again as soon as it is dropped"]
pub struct Seat<W: AsRef<AtomicU32> + ?Sized> {
    /// A box, but for the drop: should the kernel not let go of it, it must not be freed.
    registration: *mut Registration,
    memory: Arc<W>,
    taken_in: ForkGeneration,
    /// The kernel's list belongs to the thread.
    _not_send: PhantomData<*mut ()>,
}

thread_local! {
    /// The generation in which this thread took a seat that it still holds.
    static SEATED: Cell<Option<ForkGeneration>> = const { Cell::new(None) };
}

impl<W: AsRef<AtomicU32> + ?Sized> Seat<W> {
    /// Takes the seat if it is vacant.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ResourceBusy`] if this thread holds a seat already; otherwise what `set_robust_list` says, where
    /// a kernel or a filter of system calls does not offer it.
    pub fn try_take(word: &Arc<W>) -> io::Result<Option<Self>> {
        // Looked at first, because announcing the word under its holder's eyes could free it: were this thread
        // to die then, and had the holder in another pid namespace the same id, the kernel would take one for the other.
        if !is_vacant((**word).as_ref()) {
            return Ok(None);
        }
        let generation = ForkGeneration::current();
        if SEATED.get() == Some(generation) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "this thread holds a seat already"));
        }
        let memory = Arc::clone(word);
        let registration = Registration::install((*memory).as_ref())?;
        if !registration.take((*memory).as_ref()) {
            registration.withdraw();
            return Ok(None);
        }
        SEATED.set(Some(generation));
        let registration = Box::into_raw(registration);
        Ok(Some(Self { registration, memory, taken_in: generation, _not_send: PhantomData }))
    }

    /// Takes the seat as soon as it is vacant, but waits no longer than `patience`.
    ///
    /// In a helper SIGTERM ends the wait early, with `None`: see [`termination_requested`].
    ///
    /// # Errors
    ///
    /// As [`try_take`](Self::try_take).
    pub fn wait_take(word: &Arc<W>, patience: Duration) -> io::Result<Option<Self>> {
        let started = Instant::now();
        loop {
            if let Some(seat) = Self::try_take(word)? {
                return Ok(Some(seat));
            }
            let remaining = patience.saturating_sub(started.elapsed());
            if remaining.is_zero() || termination_requested() {
                return Ok(None);
            }
            let seen = (**word).as_ref().load(Ordering::Relaxed);
            if seen & THREAD_ID == 0 {
                continue;
            }
            let nap = futex::Timespec::try_from(remaining.min(LOOK_AGAIN)).ok();
            // Not `PRIVATE`: the other side is another process. Woken, timed out or interrupted: look again.
            let _ = futex::wait((**word).as_ref(), Flags::empty(), seen, nap.as_ref());
        }
    }

    /// Leaves the seat and wakes one who waits for it; dropping does the same.
    pub fn release(self) {
        drop(self);
    }
}

impl<W: AsRef<AtomicU32> + ?Sized> Drop for Seat<W> {
    fn drop(&mut self) {
        if self.taken_in != ForkGeneration::current() {
            // The parent's thread holds the seat; this process' kernel list never knew of it, and its copy of the
            // registration is leaked.
            return;
        }
        // SAFETY: the pointer is from `Box::into_raw` in `try_take`, and only a drop takes it back.
        let registration = unsafe { Box::from_raw(self.registration) };
        registration.leave((*self.memory).as_ref());
        registration.withdraw();
        SEATED.set(None);
    }
}

/// `struct robust_list_head` of the kernel, followed by its only entry.
///
/// The kernel finds a word at `entry + futex_offset`. With one entry the entry can stand here, and the offset leads from
/// it to the word, wherever that is mapped.
#[derive(Debug)]
#[repr(C)]
struct Registration {
    /// The first entry, or the head itself when there is none.
    list: AtomicPtr<Registration>,
    futex_offset: AtomicIsize,
    /// The entry that is being added or taken away, or null.
    list_op_pending: AtomicPtr<Entry>,
    // Here the kernel's structure ends.
    entry: Entry,
    /// What the thread had registered before (the C library's list), and its length.
    before: (*mut Registration, usize),
}

/// `struct robust_list`: it points to the next entry, which is the head again.
#[derive(Debug)]
#[repr(C)]
struct Entry {
    next: AtomicPtr<Registration>,
}

/// What the kernel insists on as the head's length.
const HEAD_BYTES: usize = 3 * mem::size_of::<usize>();
const _: () = assert!(mem::offset_of!(Registration, entry) == HEAD_BYTES);

impl Registration {
    /// Registers an empty list whose entry stands for `word` with the kernel, for the calling thread.
    fn install(word: &AtomicU32) -> io::Result<Box<Self>> {
        let before = registered()?;
        let registration = Box::new(Self {
            list: AtomicPtr::new(ptr::null_mut()),
            futex_offset: AtomicIsize::new(0),
            list_op_pending: AtomicPtr::new(ptr::null_mut()),
            entry: Entry { next: AtomicPtr::new(ptr::null_mut()) },
            before,
        });
        let head = registration.head();
        registration.list.store(head, Ordering::Relaxed);
        registration.entry.next.store(head, Ordering::Relaxed);
        let offset = ptr::from_ref(word).addr().wrapping_sub(ptr::from_ref(&registration.entry).addr());
        registration.futex_offset.store(offset.cast_signed(), Ordering::Relaxed);
        set_robust_list(head, HEAD_BYTES)?;
        Ok(registration)
    }

    fn head(&self) -> *mut Self {
        ptr::from_ref(self).cast_mut()
    }

    /// Announces the word, changes it, and puts it into the list, in the order in which the kernel must find them.
    ///
    /// The kernel reads the list when this very thread ends, so that program order is all the order there must be;
    /// `SeqCst` keeps the compiler to it.
    fn take(&self, word: &AtomicU32) -> bool {
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        let pending = ptr::from_ref(&self.entry).cast_mut();
        self.list_op_pending.store(pending, Ordering::SeqCst);
        kill_point!("seat: announced");
        // With `WAITERS` always set, the kernel and `leave` wake without anyone having to say that he waits.
        let claim = |seen: u32| (seen & THREAD_ID == 0).then_some(thread | WAITERS);
        let taken = word.fetch_update(Ordering::SeqCst, Ordering::Relaxed, claim).is_ok();
        if taken {
            kill_point!("seat: taken");
            self.list.store(pending.cast(), Ordering::SeqCst);
            kill_point!("seat: listed");
        }
        self.list_op_pending.store(ptr::null_mut(), Ordering::SeqCst);
        taken
    }

    /// The way back. Killed between freeing and waking, the kernel wakes: a pending word that is zero.
    fn leave(&self, word: &AtomicU32) {
        self.list_op_pending.store(ptr::from_ref(&self.entry).cast_mut(), Ordering::SeqCst);
        kill_point!("seat: to be left");
        self.list.store(self.head(), Ordering::SeqCst);
        kill_point!("seat: unlisted");
        word.store(0, Ordering::SeqCst);
        kill_point!("seat: empty");
        // It fails only for an address that is none.
        let _ = futex::wake(word, Flags::empty(), 1);
        self.list_op_pending.store(ptr::null_mut(), Ordering::SeqCst);
    }

    /// Gives the thread its former list back.
    fn withdraw(self: Box<Self>) {
        let (head, bytes) = self.before;
        if set_robust_list(head, bytes.max(HEAD_BYTES)).is_err() {
            // The kernel still reads this one: it must stay.
            Box::leak(self);
        }
    }
}

/// What the calling thread has registered, and its length.
fn registered() -> io::Result<(*mut Registration, usize)> {
    let mut list = (ptr::null_mut(), 0_usize);
    // SAFETY: thread 0 is the calling one, and both pointers are to variables of the right size.
    match unsafe { libc::syscall(libc::SYS_get_robust_list, 0 as c_long, &raw mut list.0, &raw mut list.1) } {
        0 => Ok(list),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_robust_list(head: *mut Registration, bytes: usize) -> io::Result<()> {
    // SAFETY: the head is one that its owner keeps in place until another one is set, or null, which registers nothing.
    match unsafe { libc::syscall(libc::SYS_set_robust_list, head, bytes) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
