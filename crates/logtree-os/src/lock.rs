//! A lock whose holder may be on the far side of a `fork`.
//!
//! A `fork` copies the memory of all threads and only one of the threads. A [`std::sync::Mutex`] that another thread
//! held at that moment stays held in the child for ever, and what it guards may be half changed. A [`ForkLock`] carries
//! the [`ForkGeneration`] of its last holder in its word, so that a child can tell the two cases apart:
//!
//! * nobody held it: the value is whole, and [`ForkReset::after_fork`] makes it the child's own;
//! * someone held it: the value is left alone for good, neither read nor dropped, and [`ForkReset::torn`] gives another.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::ForkGeneration;

/// What a [`ForkLock`] guards: it knows how to live on in a child.
///
/// Neither function may take the lock that it serves, and neither should panic: the panic would come out of
/// [`ForkLock::lock`].
pub trait ForkReset: Sized {
    /// Makes a whole value the child's own, before the child first sees it: drops what the parent will do (a buffer
    /// that the parent flushes), keeps what both may use.
    fn after_fork(&mut self);

    /// The child's value where the parent's was being changed at the moment of the `fork`.
    fn torn() -> Self;
}

/// Nothing to reset: the lock alone is wanted.
impl ForkReset for () {
    fn after_fork(&mut self) {}

    fn torn() -> Self {}
}

/// A mutual exclusion that outlives a `fork`, and is not poisoned by a panic.
///
/// A value that no process has ever locked is taken as it was constructed, in a child too.
///
/// It is not reentrant: [`lock`](Self::lock) on a thread that already holds the guard waits for ever. Where that may
/// happen (a handler that logs), use [`try_lock`](Self::try_lock) or [`lock_within`](Self::lock_within).
///
/// A thread that forks while it holds a guard keeps its guard, and its value, in the child; the next one to lock there
/// gets a value of its own if that guard still lives, and the same value, after [`ForkReset::after_fork`], if not.
///
/// ```
/// use logtree_os::{ForkLock, ForkReset};
///
/// struct Unwritten(Vec<u8>);
///
/// impl ForkReset for Unwritten {
///     // The parent still has these bytes and will write them.
///     fn after_fork(&mut self) {
///         self.0.clear();
///     }
///
///     fn torn() -> Self {
///         Unwritten(Vec::new())
///     }
/// }
///
/// static BUFFER: ForkLock<Unwritten> = ForkLock::new(Unwritten(Vec::new()));
/// BUFFER.lock().0.extend_from_slice(b"a line\n");
/// assert_eq!(BUFFER.lock().0, b"a line\n");
/// ```
pub struct ForkLock<T> {
    /// The generation of the last holder shifted left by [`STATE_BITS`], and the state. Zero: never locked.
    word: AtomicU32,
    /// The value, as long as `replacement` is null. Dropped by hand, since a torn one never is.
    original: UnsafeCell<ManuallyDrop<T>>,
    /// A boxed value that replaced a torn one. A new place, and not the old one written over, because a guard that went
    /// through the `fork` may still refer to the old one. Changed by the lock's holder only.
    replacement: AtomicPtr<T>,
}

const STATE_BITS: u32 = u32::BITS - ForkGeneration::BITS;
const STATE_MASK: u32 = (1 << STATE_BITS) - 1;
const FREE: u32 = 0;
/// Held, and nobody sleeps.
const LOCKED: u32 = 1;
/// Held, and whoever frees it must wake a sleeper.
const CONTENDED: u32 = 2;

/// A holder is usually done within a microsecond; only then is sleeping cheaper.
const SPINS: u32 = 100;

// SAFETY: the lock gives access to `T` to one thread at a time, which is what `T: Send` allows; `&ForkLock` alone gives
// no shared access to `T`, so that `T: Sync` is not asked for.
unsafe impl<T: Send> Sync for ForkLock<T> {}

impl<T> ForkLock<T> {
    /// A free lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self {
            word: AtomicU32::new(0),
            original: UnsafeCell::new(ManuallyDrop::new(value)),
            replacement: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Where the value stands now. Only the holder's answer stays true.
    fn value(&self) -> *mut T {
        let replacement = self.replacement.load(Ordering::Relaxed);
        // `ManuallyDrop<T>` is `repr(transparent)`.
        if replacement.is_null() { self.original.get().cast() } else { replacement }
    }
}

impl<T: ForkReset> ForkLock<T> {
    /// Waits for the lock, as long as it takes.
    pub fn lock(&self) -> ForkLockGuard<'_, T> {
        match self.acquire(LOCKED) {
            Ok(guard) => guard,
            Err(_) => loop {
                if let Some(guard) = self.lock_contended(None) {
                    break guard;
                }
            },
        }
    }

    /// The lock if it is free or stands as a parent left it; `None` if a thread of this process holds it.
    pub fn try_lock(&self) -> Option<ForkLockGuard<'_, T>> {
        self.acquire(LOCKED).ok()
    }

    /// Waits for the lock, `patience` at the longest.
    pub fn lock_within(&self, patience: Duration) -> Option<ForkLockGuard<'_, T>> {
        match self.acquire(LOCKED) {
            Ok(guard) => Some(guard),
            // A deadline that no clock reaches is none.
            Err(_) => match Instant::now().checked_add(patience) {
                Some(deadline) => self.lock_contended(Some(deadline)),
                None => Some(self.lock()),
            },
        }
    }

    #[cold]
    fn lock_contended(&self, deadline: Option<Instant>) -> Option<ForkLockGuard<'_, T>> {
        for _ in 0..SPINS {
            match self.acquire(LOCKED) {
                Ok(guard) => return Some(guard),
                Err(word) if word & STATE_MASK == CONTENDED => break,
                Err(_) => std::hint::spin_loop(),
            }
        }
        loop {
            // Others may sleep beside this thread, so that it takes the lock as one that has sleepers.
            let word = match self.acquire(CONTENDED) {
                Ok(guard) => return Some(guard),
                Err(word) => word,
            };
            let contended = word & !STATE_MASK | CONTENDED;
            let marked = word == contended
                || self.word.compare_exchange(word, contended, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            if !marked {
                continue;
            }
            let remaining = match deadline {
                None => None,
                Some(deadline) => {
                    let remaining = deadline.saturating_duration_since(Instant::now());
                    if remaining.is_zero() {
                        return None;
                    }
                    Some(remaining)
                }
            };
            sleep::wait(&self.word, contended, remaining);
        }
    }

    /// One attempt; `state` is what the word will say. The error is the word of a lock that this process holds.
    #[inline]
    fn acquire(&self, state: u32) -> Result<ForkLockGuard<'_, T>, u32> {
        let generation = ForkGeneration::current().to_bits() << STATE_BITS;
        let free = generation | FREE;
        match self.word.compare_exchange(free, generation | state, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(ForkLockGuard::new(self, generation)),
            Err(word) if word & !STATE_MASK == generation => Err(word),
            Err(_) => self.acquire_foreign(generation, state),
        }
    }

    /// The word is of another generation: nobody ever locked it, or an ancestor did last.
    #[cold]
    fn acquire_foreign(&self, generation: u32, state: u32) -> Result<ForkLockGuard<'_, T>, u32> {
        let mut spare = None;
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & !STATE_MASK == generation && word & STATE_MASK != FREE {
                return Err(word);
            }
            let torn = word & STATE_MASK != FREE;
            if torn && spare.is_none() {
                // Made before the lock is taken: should it panic, the lock is as it was.
                spare = Some(Box::new(T::torn()));
            }
            if self.word.compare_exchange_weak(word, generation | state, Ordering::Acquire, Ordering::Relaxed).is_err()
            {
                continue;
            }
            if torn && let Some(replacement) = spare.take() {
                // What stood there before is leaked, as promised.
                self.replacement.store(Box::into_raw(replacement), Ordering::Relaxed);
            }
            let mut guard = ForkLockGuard::new(self, generation);
            let inherited = word != 0 && word & !STATE_MASK != generation;
            if inherited && !torn {
                guard.after_fork();
            }
            return Ok(guard);
        }
    }
}

impl<T> Drop for ForkLock<T> {
    fn drop(&mut self) {
        // Held though nobody borrows it: by a thread on the far side of a `fork`, or by a guard that was forgotten.
        // The value may be half changed; it is leaked.
        if *self.word.get_mut() & STATE_MASK != FREE {
            return;
        }
        let replacement = *self.replacement.get_mut();
        if replacement.is_null() {
            // SAFETY: the value was never replaced, is free and whole, and nobody uses it after this.
            unsafe { ManuallyDrop::drop(self.original.get_mut()) };
        } else {
            // SAFETY: the pointer is from `Box::into_raw` in `acquire_foreign`, and this is its only owner.
            drop(unsafe { Box::from_raw(replacement) });
        }
    }
}

impl<T: Default> Default for ForkLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for ForkLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForkLock").finish_non_exhaustive()
    }
}

/// The right to a [`ForkLock`]'s value; dropping it frees the lock.
#[must_use = "the lock is free again as soon as the guard is dropped"]
pub struct ForkLockGuard<'a, T> {
    lock: &'a ForkLock<T>,
    value: *mut T,
    /// The shifted generation in which it was taken.
    generation: u32,
    /// As std's guards: to be dropped by the thread that made it.
    _not_send: PhantomData<*mut T>,
}

// SAFETY: `&ForkLockGuard` gives `&T` and nothing else.
unsafe impl<T: Sync> Sync for ForkLockGuard<'_, T> {}

impl<'a, T> ForkLockGuard<'a, T> {
    #[inline]
    fn new(lock: &'a ForkLock<T>, generation: u32) -> Self {
        Self { lock, value: lock.value(), generation, _not_send: PhantomData }
    }
}

impl<T> Deref for ForkLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard's existence is the right to the value; a child that replaces it does so in another place.
        unsafe { &*self.value }
    }
}

impl<T> DerefMut for ForkLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` is the only way to this value now.
        unsafe { &mut *self.value }
    }
}

impl<T> Drop for ForkLockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let word = &self.lock.word;
        let free = self.generation | FREE;
        if word.compare_exchange(self.generation | LOCKED, free, Ordering::Release, Ordering::Relaxed).is_ok() {
            return;
        }
        // In a child the word may be someone else's by now: then it is left as it is.
        if word.compare_exchange(self.generation | CONTENDED, free, Ordering::Release, Ordering::Relaxed).is_ok() {
            sleep::wake_one(word);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for ForkLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// Sleeping on the word: by futex.
#[cfg(target_os = "linux")]
mod sleep {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use rustix::thread::futex::{Flags, Timespec, wait as futex_wait, wake as futex_wake};

    /// Returns when woken, after `patience`, or for no reason: the caller looks again.
    pub(super) fn wait(word: &AtomicU32, expected: u32, patience: Option<Duration>) {
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        // Every outcome means the same: look again.
        let _ = futex_wait(word, Flags::PRIVATE, expected, timeout.as_ref());
    }

    pub(super) fn wake_one(word: &AtomicU32) {
        // It fails only for an address that is none.
        let _ = futex_wake(word, Flags::PRIVATE, 1);
    }
}

/// Sleeping on the word, where there is no futex: in short naps.
#[cfg(not(target_os = "linux"))]
mod sleep {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    const NAP: Duration = Duration::from_micros(50);

    pub(super) fn wait(_word: &AtomicU32, _expected: u32, patience: Option<Duration>) {
        std::thread::sleep(patience.map_or(NAP, |patience| patience.min(NAP)));
    }

    pub(super) fn wake_one(_word: &AtomicU32) {}
}
