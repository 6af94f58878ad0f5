//! Two files of one number, as there are where the key `compress` was gone for a while: compressed ones are nobody's then, and
//! others get the same numbers.

use std::io;
use std::path::PathBuf;

use logtree_core::Names;

use super::RotatingFileHandler;
use crate::grace::Grace;
use crate::rolling::{with_form, with_suffix};

/// An old file, and the second of its last change.
#[derive(Clone, Copy, Debug)]
struct Old {
    number: u32,
    form: &'static str,
    changed: i64,
}

impl RotatingFileHandler {
    /// Gives the old files from the second one on numbers in the order of their age, each form among itself as it stood, so that
    /// no two have the same; deletes those for which none is left. Two forms that were changed in the same second are one
    /// file, which somebody was killed compressing.
    pub(super) fn part_twins(
        &self,
        names: &mut dyn Names,
        grace: Grace,
        given: &mut Vec<(PathBuf, PathBuf)>,
    ) -> io::Result<()> {
        let path = |number: u32, form: &str| with_form(&with_suffix(self.path(), number), form);
        let mut numbers = self.numbers(self.backup_count, names);
        numbers.retain(|number| *number > 1);
        // The youngest of each form last.
        let mut forms: Vec<Vec<Old>> = self
            .forms()
            .map(|form| {
                let old = |number: &u32| {
                    let (_, changed) = names.stat(&path(*number, form))?;
                    Some(Old { number: *number, form, changed })
                };
                numbers.iter().filter_map(old).collect()
            })
            .collect();
        let mut next = 2;
        let mut placed: Vec<(Old, u32)> = Vec::new();
        while let Some(youngest) = forms.iter().filter_map(|form| form.last()).max_by_key(|old| old.changed).copied() {
            let is_same = |old: &Old| (old.number, old.changed) == (youngest.number, youngest.changed);
            let number = next.max(youngest.number);
            for form in &mut forms {
                placed.extend(form.pop_if(|old| is_same(old)).map(|old| (old, number)));
            }
            next = number.saturating_add(1);
        }
        // None gets a lower number than it has, so that those behind it have made room.
        for (at, (old, number)) in placed.iter().enumerate().rev() {
            let from = path(old.number, old.form);
            if *number > self.backup_count {
                let younger = at.checked_sub(1).map(|at| path(placed[at].0.number, placed[at].0.form));
                grace.wait(std::slice::from_ref(&from), younger.as_deref());
                names.delete(&from)?;
            } else if *number != old.number {
                let to = path(*number, old.form);
                names.rename(&from, &to)?;
                given.push((from, to));
            }
        }
        Ok(())
    }
}
