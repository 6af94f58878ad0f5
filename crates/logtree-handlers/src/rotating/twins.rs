//! Two files of one number, as there are where the key `compress` was gone for a while: compressed ones are nobody's then, and
//! others get the same numbers.

use std::cmp::Reverse;
use std::io;
use std::path::PathBuf;

use logtree_core::Names;

use super::RotatingFileHandler;
use crate::grace::Grace;
use crate::rolling::{Given, Rolling, with_form};

/// An old file.
#[derive(Debug)]
struct Old {
    number: u32,
    /// The second of its last change.
    changed: i64,
    /// One, or several of the same second: then somebody was killed compressing it.
    forms: Vec<&'static str>,
}

impl Old {
    fn paths(&self, rolling: &Rolling, number: u32) -> impl Iterator<Item = PathBuf> {
        let path = rolling.name(number);
        self.forms.iter().map(move |form| with_form(&path, form))
    }
}

impl RotatingFileHandler {
    /// Gives the old files from the second one on numbers in the order of their age, each form among itself as it stood, so that
    /// no two have the same; deletes those for which none is left.
    pub(super) fn part_twins(&self, names: &mut dyn Names, grace: Grace, given: &mut Given) -> io::Result<()> {
        let mut next = 2;
        let mut numbered: Vec<(Old, u32)> = Vec::new();
        for old in self.youngest_first(names) {
            let number = next.max(old.number);
            next = number.saturating_add(1);
            numbered.push((old, number));
        }
        // None gets a lower number than it has, so that those behind it have made room.
        while let Some((old, number)) = numbered.pop() {
            let from: Vec<_> = old.paths(&self.rolling, old.number).collect();
            if number > self.backup_count {
                let younger = numbered.last().and_then(|(old, _)| old.paths(&self.rolling, old.number).next());
                grace.wait(&from, younger.as_deref());
                from.iter().try_for_each(|path| names.delete(path))?;
            } else if number != old.number {
                for (from, to) in from.into_iter().zip(old.paths(&self.rolling, number)) {
                    names.rename(&from, &to)?;
                    given.push((from, to));
                }
            }
        }
        Ok(())
    }

    /// The old files from the second one on.
    fn youngest_first(&self, names: &dyn Names) -> Vec<Old> {
        let mut numbers = self.numbers(self.backup_count, names);
        numbers.retain(|number| *number > 1);
        // By number, the lowest last.
        let mut files: Vec<Old> = Vec::new();
        for number in numbers {
            let before = files.len();
            for form in self.forms() {
                let Some((_, changed)) = names.stat(&with_form(&self.rolling.name(number), form)) else {
                    continue;
                };
                match files[before..].iter_mut().find(|old| old.changed == changed) {
                    Some(same) => same.forms.push(form),
                    None => files.push(Old { number, changed, forms: vec![form] }),
                }
            }
        }
        let mut ordered = Vec::with_capacity(files.len());
        while !files.is_empty() {
            // Those before which none of their forms stands: one for each form at most, the last of all among them.
            let mut forms = Vec::new();
            let mut firsts = Vec::new();
            for (at, old) in files.iter().enumerate().rev() {
                if !old.forms.iter().any(|form| forms.contains(form)) {
                    firsts.push(at);
                }
                forms.extend_from_slice(&old.forms);
                if self.forms().all(|form| forms.contains(&form)) {
                    break;
                }
            }
            // Of one second the one of the lower number.
            let youngest = firsts.into_iter().max_by_key(|at| (files[*at].changed, Reverse(files[*at].number)));
            ordered.extend(youngest.map(|at| files.remove(at)));
        }
        ordered
    }
}
