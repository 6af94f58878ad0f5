//! `logtree.SamplingFilter`: a share of all records.

use std::hash::Hasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logtree_core::{Argument, ArgumentError, Filter, Kwargs, Level, Record, Verdict};

use super::subject::{StableHasher, Subject, hash_value, mix};

/// Passes a share of the records: one in ten, by chance, with a [`ratio`](SamplingFilterConfig::ratio) of 0.1.
///
/// ```yaml
/// filters:
///   sample: {(): logtree.SamplingFilter, ratio: 0.1, by: request_id, keep_from: WARNING}
/// ```
///
/// - With `by`, records that say the same of that field pass together or not at all, in every process and on every machine
///   that samples at that ratio: a request is in the log whole or absent. A lower ratio keeps a part of what a higher one
///   keeps. Records that do not have the field are drawn one by one.
/// - Records at or above `keep_from` always pass.
/// - What it leaves out it does not count: how much that is, the ratio says.
#[derive(Debug)]
pub struct SamplingFilter {
    config: SamplingFilterConfig,
    /// A hash below it passes.
    threshold: Threshold,
    /// How many were drawn: each number is drawn once.
    drawn: AtomicU64,
}

/// The arguments of `logtree.SamplingFilter`.
#[derive(Clone, Debug)]
pub struct SamplingFilterConfig {
    /// Which share passes, from 0 to 1.
    pub ratio: f64,
    /// What the records of one draw have in common; nothing: each is drawn by itself.
    pub by: Vec<Subject>,
    /// Records from this level on all pass; none.
    pub keep_from: Option<Level>,
}

#[derive(Clone, Copy, Debug)]
enum Threshold {
    Below(u64),
    All,
}

impl SamplingFilterConfig {
    /// That share of all records, each drawn by itself.
    pub fn new(ratio: f64) -> Self {
        Self { ratio, by: Vec::new(), keep_from: None }
    }

    /// Takes the arguments `ratio`, `by` (a name or a list of them) and `keep_from`.
    ///
    /// # Errors
    /// If there is no ratio from 0 to 1, or another argument is not of its type.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let ratio = match kwargs.required("ratio")? {
            Argument::Float(ratio) if (0.0..=1.0).contains(&ratio) => ratio,
            Argument::Int(ratio @ 0..=1) => ratio as f64,
            other => return Err(kwargs.wrong_type("ratio", &other, "a number from 0 to 1")),
        };
        Ok(Self { ratio, by: Subject::list(kwargs, "by")?, keep_from: kwargs.level("keep_from")? })
    }
}

impl SamplingFilter {
    /// A filter with this config. A ratio that is none passes nothing below 0, and everything above 1.
    pub fn new(config: SamplingFilterConfig) -> Self {
        let threshold = match config.ratio {
            ratio if ratio >= 1.0 => Threshold::All,
            // A float becomes the nearest integer that there is.
            ratio => Threshold::Below((ratio * 2_f64.powi(64)) as u64),
        };
        Self { config, threshold, drawn: AtomicU64::new(0) }
    }

    fn is_kept(&self, level: Level) -> bool {
        self.config.keep_from.is_some_and(|from| level >= from)
    }

    fn draw(&self, record: &Record<'_>) -> u64 {
        let mut hasher = StableHasher::default();
        let mut is_whole = !self.config.by.is_empty();
        for subject in &self.config.by {
            match subject.of(record) {
                Some(value) => hash_value(value, &mut hasher),
                None => is_whole = false,
            }
        }
        // The golden ratio in 64 bits: splitmix64 counts in steps of it.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        if is_whole {
            return hasher.finish();
        }
        // Every run of the program, and every child, would draw the same otherwise: of those that log little, always the same.
        let chance = mix(record.created.0.cast_unsigned() ^ u64::from(record.origin.process).rotate_left(32));
        mix(self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(STEP) ^ chance)
    }
}

impl Filter for SamplingFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let passes = match self.threshold {
            Threshold::All => true,
            Threshold::Below(threshold) => self.is_kept(record.level) || self.draw(record) < threshold,
        };
        passes.into()
    }

    fn decides(&self, _: &str, level: Level) -> Option<bool> {
        match self.threshold {
            Threshold::All => Some(true),
            _ if self.is_kept(level) => Some(true),
            Threshold::Below(0) => Some(false),
            Threshold::Below(_) => None,
        }
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }
}

/// The class `logtree.SamplingFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let config = SamplingFilterConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(SamplingFilter::new(config)))
}
