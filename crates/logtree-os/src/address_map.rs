//! A map from addresses to values that live as long as the process: looked up without a lock, never shrunk.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// How many slots the first table has; each further one has twice as many as the one before.
const FIRST_SLOTS: usize = 1024;
/// How far an address may lie from where its hash puts it before the next table is tried.
const PROBES: usize = 16;

/// A map from the addresses of `'static` things to what is known about them.
///
/// Values are leaked: an address that was inserted once is found for ever, by any thread, in about a nanosecond,
/// also in a child whose parent was forked in the middle of an insertion.
#[derive(Debug)]
pub struct AddressMap<V: 'static> {
    /// The first table, in which nearly all lie.
    first: [AtomicPtr<Entry<V>>; FIRST_SLOTS],
    next: AtomicPtr<Table<V>>,
}

#[derive(Debug)]
struct Table<V: 'static> {
    slots: Box<[AtomicPtr<Entry<V>>]>,
    next: AtomicPtr<Table<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    address: usize,
    value: V,
}

impl<V: Sync + 'static> AddressMap<V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { first: [const { AtomicPtr::new(ptr::null_mut()) }; FIRST_SLOTS], next: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The value of `address`, if one was inserted.
    // Always: each event asks, and a call costs as much again.
    #[inline(always)]
    pub fn find(&self, address: usize) -> Option<&'static V> {
        let nearest = leaked(&self.first[hash(address) % FIRST_SLOTS])?;
        if nearest.address == address { Some(&nearest.value) } else { self.find_further(address) }
    }

    /// The same where another address lies where its hash puts it. Apart, as the compiler prepares for all probes at once.
    #[inline(never)]
    fn find_further(&self, address: usize) -> Option<&'static V> {
        let (mut slots, mut link) = (self.first.as_slice(), &self.next);
        loop {
            for slot in probe(slots, address) {
                match leaked(slot) {
                    Some(entry) if entry.address == address => return Some(&entry.value),
                    Some(_) => {}
                    None => return None,
                }
            }
            let table = leaked(link)?;
            (slots, link) = (&table.slots, &table.next);
        }
    }

    /// The value of `address`, made by `value` if there is none yet. When two threads meet, one of their values wins.
    pub fn find_or_insert(&self, address: usize, value: impl FnOnce() -> V) -> &'static V {
        if let Some(value) = self.find(address) {
            return value;
        }
        let entry: &'static Entry<V> = Box::leak(Box::new(Entry { address, value: value() }));
        let pointer = ptr::from_ref(entry).cast_mut();
        let (mut slots, mut link) = (self.first.as_slice(), &self.next);
        loop {
            for slot in probe(slots, address) {
                if slot.compare_exchange(ptr::null_mut(), pointer, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    return &entry.value;
                }
                if let Some(taken) = leaked(slot)
                    && taken.address == address
                {
                    return &taken.value;
                }
            }
            let table = leaked_or_insert(link, || Table::new(2 * slots.len()));
            (slots, link) = (&table.slots, &table.next);
        }
    }
}

impl<V: Sync + 'static> Default for AddressMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Table<V> {
    fn new(slots: usize) -> Self {
        let slots = (0..slots).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { slots, next: AtomicPtr::new(ptr::null_mut()) }
    }
}

/// Fibonacci hashing: the high bits of the product depend on every bit of the address.
#[inline]
fn hash(address: usize) -> usize {
    ((address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

/// The slots where `address` may lie, in order.
fn probe<V>(slots: &[AtomicPtr<Entry<V>>], address: usize) -> impl Iterator<Item = &AtomicPtr<Entry<V>>> {
    (0..PROBES).map(move |step| &slots[(hash(address) + step) % slots.len()])
}

/// What the pointer leads to, if it was set.
#[inline]
fn leaked<T>(link: &AtomicPtr<T>) -> Option<&'static T> {
    let pointer = link.load(Ordering::Acquire);
    // SAFETY: every pointer stored in this module is null or comes from `Box::leak`, was published with a release
    // ordering after the value was whole, and is never freed or written again.
    unsafe { pointer.as_ref() }
}

/// What the pointer leads to; set to a leaked `value` if it was not.
fn leaked_or_insert<T>(link: &AtomicPtr<T>, value: impl FnOnce() -> T) -> &'static T {
    if let Some(found) = leaked(link) {
        return found;
    }
    let new: &'static T = Box::leak(Box::new(value()));
    match link.compare_exchange(ptr::null_mut(), ptr::from_ref(new).cast_mut(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        // Two threads met; the loser's value stays leaked, which happens once in a table's life.
        Err(_) => leaked(link).unwrap_or(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_by_all_threads_and_nothing_else_is() {
        let map: &'static AddressMap<usize> = Box::leak(Box::new(AddressMap::new()));
        let addresses = || (1..20_000).map(|n| n * 8);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for address in addresses() {
                        let value = map.find_or_insert(address, || address + 1);
                        assert_eq!((*value, map.find(address)), (address + 1, Some(&(address + 1))));
                    }
                });
            }
        });
        assert!(addresses().all(|address| map.find(address) == Some(&(address + 1))));
        assert_eq!(map.find(4), None);
    }

    #[test]
    fn the_first_value_of_an_address_stays() {
        static MAP: AddressMap<&str> = AddressMap::new();
        assert_eq!(*MAP.find_or_insert(8, || "first"), "first");
        assert_eq!(*MAP.find_or_insert(8, || "second"), "first");
    }
}
