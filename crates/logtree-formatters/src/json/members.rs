//! The members of one object, as a Python dict has them: a key that comes again keeps its first place and takes the last
//! value.

use std::collections::HashMap;

#[derive(Debug)]
pub(crate) struct Members<'a, T> {
    list: Vec<(&'a str, T)>,
    /// Where each key stands, once there are many.
    places: HashMap<&'a str, usize>,
}

/// So many keys are looked through one by one.
const FEW: usize = 32;

impl<'a, T> Members<'a, T> {
    /// No members, in the memory of an empty list.
    pub(crate) fn new(memory: Vec<(&'a str, T)>) -> Self {
        Self { list: memory, places: HashMap::default() }
    }

    /// The list again, empty.
    pub(crate) fn into_memory(mut self) -> Vec<(&'a str, T)> {
        self.list.clear();
        self.list
    }

    pub(crate) fn list(&self) -> &[(&'a str, T)] {
        &self.list
    }

    /// The list in the order of its keys.
    pub(crate) fn sorted(&mut self) -> &[(&'a str, T)] {
        self.places.clear();
        self.list.sort_unstable_by_key(|(key, _)| *key);
        &self.list
    }

    #[inline]
    pub(crate) fn insert(&mut self, key: &'a str, value: T) {
        match self.place(key) {
            Some(at) => self.list[at].1 = value,
            None => self.list.push((key, value)),
        }
    }

    pub(crate) fn insert_missing(&mut self, key: &'a str, value: T) {
        if self.place(key).is_none() {
            self.list.push((key, value));
        }
    }

    #[inline]
    fn place(&mut self, key: &str) -> Option<usize> {
        if self.list.len() < FEW {
            return self.list.iter().position(|(known, _)| *known == key);
        }
        self.place_among_many(key)
    }

    #[cold]
    fn place_among_many(&mut self, key: &str) -> Option<usize> {
        for (at, (key, _)) in self.list.iter().enumerate().skip(self.places.len()) {
            self.places.insert(key, at);
        }
        self.places.get(key).copied()
    }
}
