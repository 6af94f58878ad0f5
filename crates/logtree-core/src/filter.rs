//! Filters: what lets a record pass.

use std::sync::Arc;

use crate::caught::caught;
use crate::{HeldRecords, Level, Record, Replacement};

/// Lets records pass or not, or puts others in their place; of a logger or of a handler.
///
/// What a logger's filter puts in a record's place goes to the filters behind it and to every handler; what a handler's
/// filter does is for that handler alone.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Filter, Record, Verdict};
///
/// /// Passes records whose message is short.
/// struct Short;
///
/// impl Filter for Short {
///     fn filter(&self, record: &Record<'_>) -> Verdict {
///         if record.message.len() < 80 { Verdict::Pass } else { Verdict::Reject }
///     }
/// }
/// ```
pub trait Filter: Send + Sync {
    /// Decides about one record.
    fn filter(&self, record: &Record<'_>) -> Verdict;

    /// What it decides about each and every record of the logger `name` at `level`, for as long as it is in use; `None` if it
    /// looks at more than that, as by default. [`Tree::explain`](crate::Tree::explain) asks; and a callsite whose records every
    /// handler's filters refuse is switched off, so that the filters do not see them. It must not log.
    fn decides(&self, name: &str, level: Level) -> Option<bool> {
        let _ = (name, level);
        None
    }

    /// Whether what it puts in a record's place has the record's name and level, as is so with all filters that logtree
    /// brings. By default nobody knows, and [`Tree::explain`](crate::Tree::explain) says so.
    fn keeps_name_and_level(&self) -> bool {
        false
    }

    /// Lends what the filter still has to say of records that it held back, such as how many; from then on it is said. A
    /// [flush](crate::Tree::flush) asks, and the end of a tree; while the program runs a filter speaks by
    /// [`Verdict::PassAfter`].
    fn unsaid(&self, say: &mut dyn FnMut(&Record<'_>)) {
        let _ = say;
    }
}

/// Any function of a record is a filter, as in Python; what it answers true to passes.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Filter, Record};
///
/// let short = |record: &Record<'_>| record.message.len() < 80;
/// let filter: &dyn Filter = &short;
/// # let _ = filter;
/// ```
impl<F: Fn(&Record<'_>) -> bool + Send + Sync> Filter for F {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        self(record).into()
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// What a filter decided.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The record goes on.
    Pass,
    /// The record ends here.
    Reject,
    /// Another record goes on in its place.
    Replace(Box<Replacement>),
    /// Records of the filter's own go on first, then the record.
    PassAfter(Box<HeldRecords>),
}

impl From<bool> for Verdict {
    fn from(pass: bool) -> Self {
        if pass { Self::Pass } else { Self::Reject }
    }
}

impl From<Replacement> for Verdict {
    fn from(replacement: Replacement) -> Self {
        Self::Replace(Box::new(replacement))
    }
}

/// Hands on what passes all filters: the record, or what one of them put in its place (CPython's `Filterer.filter`), after
/// what they have to say of others.
pub(crate) fn pass<F>(filters: &[Arc<dyn Filter>], record: &Record<'_>, then: &mut F)
where
    F: FnMut(&Record<'_>) + ?Sized,
{
    for (at, filter) in filters.iter().enumerate() {
        let behind = &filters[at + 1..];
        match filter.filter(record) {
            Verdict::Pass => {}
            Verdict::Reject => return,
            Verdict::Replace(replacement) => return pass(behind, &replacement.of(record), then),
            Verdict::PassAfter(first) => {
                let level_names = record.level_names;
                first.for_each(|first| pass(behind, &Record { level_names, ..*first }, then));
            }
        }
    }
    then(record);
}

/// Whether filters are known to refuse each and every record of the logger `name` at `level`, and none that comes before has to
/// see it first, as to count it or to make another of it.
pub(crate) fn refuse_all(filters: &[Arc<dyn Filter>], name: &str, level: Level) -> bool {
    let decide =
        |filter: &Arc<dyn Filter>| match caught(|| (filter.decides(name, level), filter.keeps_name_and_level())) {
            Some((Some(false), _)) => Some(true),
            Some((Some(true), true)) => None,
            _ => Some(false),
        };
    filters.iter().find_map(decide).unwrap_or(false)
}

/// Hands on what filters still have to say, each through those behind it.
pub(crate) fn say_unsaid(filters: &[Arc<dyn Filter>], then: &mut dyn FnMut(&Record<'_>)) {
    for (at, filter) in filters.iter().enumerate() {
        filter.unsaid(&mut |record| pass(&filters[at + 1..], record, then));
    }
}

/// Python's `logging.Filter`: passes the logger `name` and all below it; an empty name passes everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFilter {
    /// The dotted name.
    pub name: String,
}

impl Filter for NameFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        self.passes(record.name).into()
    }

    fn decides(&self, name: &str, _: Level) -> Option<bool> {
        Some(self.passes(name))
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

impl NameFilter {
    fn passes(&self, name: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('.');
        self.name.is_empty() || name.strip_prefix(&*self.name).is_some_and(below)
    }
}
