//! The rights to the value of a [`ForkLock`].

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{FREE, ForkLock, LOCKED, READER, READERS, READERS_SLEEP, SLEEPERS, STATE_MASK, sleep};

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
    pub(super) fn new(lock: &'a ForkLock<T>, generation: u32) -> Self {
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
        let (word, left) = (&self.lock.word, self.generation | FREE);
        if word.compare_exchange(self.generation | LOCKED, left, Ordering::Release, Ordering::Relaxed).is_err() {
            free(word, self.generation, LOCKED);
        }
    }
}

/// The right to read a [`ForkLock`]'s value; dropping it frees the lock, unless others read on.
#[must_use = "the lock is free again as soon as the guard is dropped"]
pub struct ForkReadGuard<'a, T> {
    lock: &'a ForkLock<T>,
    value: *const T,
    /// The shifted generation in which it was taken.
    generation: u32,
    /// As std's guards: to be dropped by the thread that made it.
    _not_send: PhantomData<*const T>,
}

// SAFETY: `&ForkReadGuard` gives `&T` and nothing else.
unsafe impl<T: Sync> Sync for ForkReadGuard<'_, T> {}

impl<'a, T> ForkReadGuard<'a, T> {
    #[inline]
    pub(super) fn new(lock: &'a ForkLock<T>, generation: u32) -> Self {
        Self { lock, value: lock.value(), generation, _not_send: PhantomData }
    }
}

impl<T> Deref for ForkReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard's existence keeps away whoever would change the value; a child that replaces it does so in
        // another place.
        unsafe { &*self.value }
    }
}

impl<T> Drop for ForkReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let (word, left) = (&self.lock.word, self.generation | FREE);
        if word.compare_exchange(self.generation | READER, left, Ordering::Release, Ordering::Relaxed).is_err() {
            free(word, self.generation, READER);
        }
    }
}

/// Takes back what one holder has added to the word, where others hold the lock beside it or sleep.
#[cold]
fn free(lock: &AtomicU32, generation: u32, held: u32) {
    loop {
        let word = lock.load(Ordering::Relaxed);
        // In a child the word may be someone else's by now: then it is left as it is.
        if word & !STATE_MASK != generation || word & (LOCKED | READERS) < held {
            return;
        }
        let is_held = (word - held) & (LOCKED | READERS) != 0;
        let left = if is_held { word - held } else { generation | FREE };
        if lock.compare_exchange_weak(word, left, Ordering::Release, Ordering::Relaxed).is_err() {
            continue;
        }
        match word & (SLEEPERS | READERS_SLEEP) {
            _ if is_held => {}
            0 => {}
            SLEEPERS => sleep::wake_one(lock),
            _ => sleep::wake_all(lock),
        }
        return;
    }
}

impl<T: fmt::Debug> fmt::Debug for ForkReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for ForkLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}
