//! A lock whose holder may be on the far side of a `fork`.
//!
//! A `fork` copies the memory of all threads and only one of the threads. A [`std::sync::Mutex`] that another thread
//! held at that moment stays held in the child for ever, and what it guards may be half changed. A [`ForkLock`] carries
//! the [`ForkGeneration`] of its last holder in its word, so that a child can tell the two cases apart:
//!
//! * nobody held it: the value is whole, and [`ForkReset::after_fork`] makes it the child's own;
//! * someone held it: the value is left alone for good, neither read nor dropped, and [`ForkReset::torn`] gives another.
//!
//! It can be held by many who only read, as an [`RwLock`](std::sync::RwLock) can. Who wants to change the value keeps those
//! out that come after it.

mod guards;
mod sleep;

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use guards::{ForkLockGuard, ForkReadGuard};

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

/// A mutual exclusion, of all or of those who change something, that outlives a `fork` and is not poisoned by a panic.
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
/// Held by one who may change the value.
const LOCKED: u32 = 1;
/// Whoever frees it must wake a sleeper.
const SLEEPERS: u32 = 2;
/// Whoever frees it must wake all: some of them read, and do not exclude each other.
const READERS_SLEEP: u32 = 4;
/// Held by one who reads. The bits from here on count them.
const READER: u32 = 8;
const READERS: u32 = STATE_MASK & !(READER - 1);

/// A holder is usually done within a microsecond; only then is sleeping cheaper.
const SPINS: u32 = 100;

// SAFETY: `lock` gives access to `T` to one thread at a time, which is what `T: Send` allows; `read`, which gives it to many,
// asks for `T: Sync` itself.
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

    /// Waits until nobody holds the lock to change the value, or waits to, and keeps those out who would. Many may read at
    /// once.
    ///
    /// Where a thread of the parent read at the moment of a `fork`, the child gets a value of its own, as where it held the
    /// lock alone: whoever forked may itself be the one who reads, and goes on.
    ///
    /// What threads may not share they may not read at once:
    ///
    /// ```compile_fail,E0277
    /// # struct Count(std::cell::Cell<u32>);
    /// # impl logtree_os::ForkReset for Count {
    /// #     fn after_fork(&mut self) {}
    /// #     fn torn() -> Self {
    /// #         Count(Default::default())
    /// #     }
    /// # }
    /// let lock = logtree_os::ForkLock::new(Count(Default::default()));
    /// drop(lock.lock());
    /// drop(lock.read());
    /// ```
    #[inline]
    pub fn read(&self) -> ForkReadGuard<'_, T>
    where
        T: Sync,
    {
        let generation = ForkGeneration::current().to_bits() << STATE_BITS;
        let word = self.word.load(Ordering::Relaxed);
        let is_open = word & !STATE_MASK == generation && Self::is_open(word, LOCKED | SLEEPERS);
        let guard = if is_open { self.enter(word) } else { None };
        guard.unwrap_or_else(|| self.read_contended(generation))
    }

    #[cold]
    fn read_contended(&self, generation: u32) -> ForkReadGuard<'_, T> {
        let (mut spins, mut barred) = (0..SPINS, LOCKED | SLEEPERS);
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & !STATE_MASK != generation {
                // An ancestor's: who locks it makes the value this process' own.
                drop(self.lock());
            } else if Self::is_open(word, barred) {
                if let Some(guard) = self.enter(word) {
                    return guard;
                }
            } else if spins.next().is_some() {
                std::hint::spin_loop();
            } else if self.mark(word, SLEEPERS | READERS_SLEEP) {
                sleep::wait(&self.word, word | SLEEPERS | READERS_SLEEP, None);
                // Whoever was let wait once goes before one who waits to change something: or those who read would be let in
                // one by one ever after, each asleep until the other is done.
                barred = LOCKED;
            }
        }
    }

    /// Whether one more may read, where the word is that.
    #[inline]
    fn is_open(word: u32, barred: u32) -> bool {
        word & barred == 0 && word & READERS != READERS
    }

    /// Adds one who reads to the word, unless it has changed since.
    #[inline]
    fn enter(&self, word: u32) -> Option<ForkReadGuard<'_, T>> {
        let entered = self.word.compare_exchange(word, word + READER, Ordering::Acquire, Ordering::Relaxed);
        entered.is_ok().then(|| ForkReadGuard::new(self, word & !STATE_MASK))
    }

    /// Adds to the word, as it was seen, that somebody is about to sleep.
    fn mark(&self, word: u32, sleepers: u32) -> bool {
        let marked = word | sleepers;
        word == marked || self.word.compare_exchange(word, marked, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn lock_contended(&self, deadline: Option<Instant>) -> Option<ForkLockGuard<'_, T>> {
        for _ in 0..SPINS {
            match self.acquire(LOCKED) {
                Ok(guard) => return Some(guard),
                Err(word) if word & SLEEPERS != 0 => break,
                Err(_) => std::hint::spin_loop(),
            }
        }
        loop {
            // Others may sleep beside this thread, so that it takes the lock as one that has sleepers.
            let word = match self.acquire(LOCKED | SLEEPERS) {
                Ok(guard) => return Some(guard),
                Err(word) => word,
            };
            if !self.mark(word, SLEEPERS) {
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
            sleep::wait(&self.word, word | SLEEPERS, remaining);
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
