//! Filters: what lets a record pass.

use crate::Record;

/// Lets records pass or not; of a logger or of a handler.
///
/// ```
/// use logtree_core::{Filter, Record, Verdict};
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
}

/// What a filter decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The record goes on.
    Pass,
    /// The record ends here.
    Reject,
}

impl From<bool> for Verdict {
    fn from(pass: bool) -> Self {
        if pass { Self::Pass } else { Self::Reject }
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
        let below = |rest: &str| rest.is_empty() || rest.starts_with('.');
        (self.name.is_empty() || record.name.strip_prefix(&*self.name).is_some_and(below)).into()
    }
}
