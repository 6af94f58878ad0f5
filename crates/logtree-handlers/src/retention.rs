//! How long rolled files are kept.

use std::path::PathBuf;
use std::time::Duration;

use logtree_core::{ArgumentError, Kwargs, Names, Timestamp};

use crate::units;

/// What limits the files that a handler keeps besides their number. Looked at when a file is rolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Files whose last change is longer ago are deleted: the key `maxAge`.
    pub max_age: Option<Duration>,
    /// The oldest files are deleted until the rolled ones together have no more bytes: the key `maxTotalBytes`.
    pub max_total_bytes: Option<u64>,
}

impl Retention {
    /// Takes the arguments `maxAge` and `maxTotalBytes`.
    pub(crate) fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let max_age = units::time_argument("maxAge", kwargs.take("maxAge"))?;
        let max_total_bytes = units::bytes_argument("maxTotalBytes", kwargs.take("maxTotalBytes"))?;
        Ok(Self { max_age, max_total_bytes })
    }

    /// Whether it limits anything.
    pub(crate) fn is_any(&self) -> bool {
        *self != Self::default()
    }

    /// Which of these files are to be deleted, the oldest first.
    pub(crate) fn excess(&self, mut oldest_first: Vec<PathBuf>, names: &dyn Names) -> Vec<PathBuf> {
        let now = Timestamp::now().whole_seconds();
        let stat = |path: &PathBuf| names.stat(path).unwrap_or((0, now));
        let stats: Vec<_> = oldest_first.iter().map(stat).collect();
        let too_old = self.max_age.map_or(i64::MIN, |age| now.saturating_sub(age.as_secs().cast_signed()));
        let mut total: u64 = stats.iter().map(|(size, _)| size).sum();
        let most = self.max_total_bytes.unwrap_or(u64::MAX);
        let is_excess = |(size, changed): &(u64, i64)| {
            let is_excess = *changed < too_old || total > most;
            total -= if is_excess { size } else { &0 };
            is_excess
        };
        let is_excess: Vec<_> = stats.iter().map(is_excess).collect();
        let mut is_excess = is_excess.into_iter();
        oldest_first.retain(|_| is_excess.next() == Some(true));
        oldest_first
    }
}
