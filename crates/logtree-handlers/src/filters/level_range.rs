//! `logtree.LevelRangeFilter`: levels within two bounds.

use std::sync::Arc;

use logtree_core::{ArgumentError, Filter, Kwargs, Level, Record, Verdict};

/// Passes records whose level is neither below [`min_level`](Self::min_level) nor above [`max_level`](Self::max_level).
///
/// What a level of a handler or logger cannot say is the upper bound: warnings and errors to one stream, the rest to
/// another. In a config the bounds are numbers or names, and either may be left out:
///
/// ```yaml
/// filters:
///   chatter: {(): logtree.LevelRangeFilter, max_level: INFO}
/// handlers:
///   out: {class: logging.StreamHandler, stream: ext://sys.stdout, filters: [chatter]}
///   err: {class: logging.StreamHandler, level: WARNING}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRangeFilter {
    /// The lowest level that passes; the lowest there is.
    pub min_level: Level,
    /// The highest level that passes; the highest there is.
    pub max_level: Level,
}

impl Default for LevelRangeFilter {
    fn default() -> Self {
        Self { min_level: Level(i32::MIN), max_level: Level(i32::MAX) }
    }
}

impl LevelRangeFilter {
    /// Takes the arguments `min_level` and `max_level`.
    ///
    /// # Errors
    /// If one is no level, or no level lies between them.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let all = Self::default();
        let min_level = kwargs.level("min_level")?.unwrap_or(all.min_level);
        let max_level = kwargs.level("max_level")?.unwrap_or(all.max_level);
        if min_level > max_level {
            let message = format!("no level is between min_level {} and max_level {}", min_level.0, max_level.0);
            return Err(ArgumentError::new("ValueError", message)
                .at("max_level")
                .expected("a level not below min_level"));
        }
        Ok(Self { min_level, max_level })
    }

    fn passes(&self, level: Level) -> bool {
        (self.min_level..=self.max_level).contains(&level)
    }
}

impl Filter for LevelRangeFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        self.passes(record.level).into()
    }

    fn decides(&self, _: &str, level: Level) -> Option<bool> {
        Some(self.passes(level))
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// The class `logtree.LevelRangeFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let filter = LevelRangeFilter::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(filter))
}
