//! `logtree.RateLimitFilter`: so many records in so much time.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use logtree_core::{Argument, ArgumentError, FieldName, FieldsBuf, Filter, HeldRecords, Kwargs, Record, Verdict};
use logtree_os::{ForkLock, ForkReset};

use super::held_back::{HeldBack, counted, is_due};
use super::subject::{Subject, hash_value};

/// Passes at most [`rate`](RateLimitFilterConfig::rate) records in [`per`](RateLimitFilterConfig::per) seconds, and says
/// how many it held back: `37 records held back: more than 100 in 1 s`.
///
/// ```yaml
/// filters:
///   calm: {(): logtree.RateLimitFilter, rate: 100, per: 1, burst: 500, by: [name, levelno]}
/// ```
///
/// - Up to `burst` records pass at once after a quiet time; then one each `per / rate`, as a leaking bucket lets them.
/// - With `by` each value of that field or attribute has a limit of its own: `name` for each logger, `[pathname, lineno]`
///   for each place in the code, `user` for each user. There are `max_keys` at most; if more come, the one that could log
///   soonest makes way.
/// - The count has the fields that its limit is by: `37 records held back: more than 100 in 1 s user=ann`.
/// - It is said before the next record that passes by the same limit; for one that logs no more, before any that
///   passes once `per` is over, or at a flush.
/// - Time is that of the records.
#[derive(Debug)]
pub struct RateLimitFilter {
    config: RateLimitFilterConfig,
    /// One record costs so much time.
    cost_ns: i64,
    /// So far ahead of its record the time of a full bucket may be.
    burst_ns: i64,
    per_ns: i64,
    /// What the count is followed by: ` held back: more than 100 in 1 s`.
    rule: String,
    /// Nobody outside chooses keys that meet.
    hasher: RandomState,
    state: ForkLock<State>,
}

/// The arguments of `logtree.RateLimitFilter`.
#[derive(Clone, Debug)]
pub struct RateLimitFilterConfig {
    /// So many records pass in the time; 1 at least.
    pub rate: u32,
    /// In so much time; a second.
    pub per: Duration,
    /// So many may pass at once; as many as the rate.
    pub burst: u32,
    /// What has a limit of its own; nothing: one limit for all.
    pub by: Vec<Subject>,
    /// So many limits are kept; 1024.
    pub max_keys: usize,
}

/// The most that `max_keys` may be.
const MOST_KEYS: i64 = 65_536;

impl RateLimitFilterConfig {
    /// One limit for all records.
    pub fn new(rate: u32, per: Duration) -> Self {
        Self { rate, per, burst: rate, by: Vec::new(), max_keys: 1024 }
    }

    /// Takes the arguments `rate`, `per` (seconds), `burst`, `by` (a name or a list of them) and `max_keys`.
    ///
    /// # Errors
    /// If there is no rate, or an argument is not of its type or size.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let rate = kwargs.required("rate")?;
        let rate = whole(kwargs, "rate", &rate, u32::MAX.into())?;
        let per = kwargs.seconds("per")?.unwrap_or(Duration::from_secs(1));
        if per.is_zero() {
            let error = ArgumentError::new("ValueError", "a rate is so many records in more time than none");
            return Err(error.at("per").expected("a number of seconds above 0"));
        }
        let mut config = Self::new(rate as u32, per);
        if let Some(burst) = kwargs.take("burst").filter(|burst| !matches!(burst, Argument::None)) {
            config.burst = whole(kwargs, "burst", &burst, u32::MAX.into())? as u32;
        }
        config.by = Subject::list(kwargs, "by")?;
        if let Some(max_keys) = kwargs.take("max_keys").filter(|keys| !matches!(keys, Argument::None)) {
            config.max_keys = whole(kwargs, "max_keys", &max_keys, MOST_KEYS)? as usize;
        }
        Ok(config)
    }
}

/// A whole number from 1 on.
pub(super) fn whole(kwargs: &Kwargs, keyword: &str, argument: &Argument, most: i64) -> Result<i64, ArgumentError> {
    match argument {
        Argument::Int(number) if (1..=most).contains(number) => Ok(*number),
        other => Err(kwargs.wrong_type(keyword, other, &format!("a whole number from 1 to {most}"))),
    }
}

#[derive(Debug, Default)]
struct State {
    limits: HashMap<u64, Limit>,
    /// When those are next looked through that have held something back, if any has.
    next_look_ns: Option<i64>,
}

/// A child does not speak of what its parent held back; the limits go on.
impl ForkReset for State {
    fn after_fork(&mut self) {
        self.limits.values_mut().for_each(|limit| limit.held_back.clear());
        self.next_look_ns = None;
    }

    fn torn() -> Self {
        Self::default()
    }
}

#[derive(Debug, Default)]
struct Limit {
    /// When the bucket will be empty.
    empty_ns: i64,
    held_back: HeldBack,
    /// Which limit it is, once it has held something back: the fields that it is by.
    of: FieldsBuf,
}

impl Limit {
    fn say(&mut self, rule: &str, say: &mut dyn FnMut(&Record<'_>)) {
        self.held_back.say(|count| format!("{}{rule}", counted(count, "record")), self.of.as_fields(), say);
    }
}

impl RateLimitFilter {
    /// A filter with this config.
    pub fn new(config: RateLimitFilterConfig) -> Self {
        let per_ns = i64::try_from(config.per.as_nanos()).unwrap_or(i64::MAX).max(1);
        let cost_ns = (per_ns / i64::from(config.rate.max(1))).max(1);
        let burst_ns = cost_ns.saturating_mul(config.burst.max(1).into());
        let rule = format!(" held back: more than {} in {} s", config.rate, config.per.as_secs_f64());
        let (hasher, state) = (RandomState::new(), ForkLock::default());
        Self { config, cost_ns, burst_ns, per_ns, rule, hasher, state }
    }

    fn key(&self, record: &Record<'_>) -> u64 {
        if self.config.by.is_empty() {
            return 0;
        }
        let mut hasher = self.hasher.build_hasher();
        for subject in &self.config.by {
            match subject.of(record) {
                Some(value) => hash_value(value, &mut hasher),
                None => hasher.write_u8(u8::MAX),
            }
        }
        hasher.finish()
    }

    /// Which limit a record is under, as far as its logger does not say it. These are fields once more, so that who is behind may
    /// see to those that are secret.
    fn describe(&self, record: &Record<'_>, of: &mut FieldsBuf) {
        of.clear();
        for subject in self.config.by.iter().filter(|subject| subject.is_field()) {
            if let Some(value) = subject.of(record) {
                of.push(FieldName::Inline(subject.name()), value);
            }
        }
    }
}

impl Filter for RateLimitFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let now_ns = record.created.0;
        let key = self.key(record);
        let mut state = self.state.lock();
        let State { limits, next_look_ns } = &mut *state;
        let mut first = None;
        let mut say = |record: &Record<'_>| first.get_or_insert_with(Box::<HeldRecords>::default).push(record);
        if !limits.contains_key(&key) && limits.len() >= self.config.max_keys {
            make_way(limits, now_ns, &self.rule, &mut say);
        }
        let limit = limits.entry(key).or_default();
        let ahead_ns = limit.empty_ns.saturating_sub(now_ns);
        // No bucket is fuller than full: the clock was set back.
        let ahead_ns = if ahead_ns > self.burst_ns.saturating_mul(2) { 0 } else { ahead_ns.max(0) };
        if ahead_ns.saturating_add(self.cost_ns) > self.burst_ns {
            if limit.held_back.count() == 0 {
                self.describe(record, &mut limit.of);
            }
            limit.held_back.add(record);
            let look_ns = now_ns.saturating_add(self.per_ns);
            *next_look_ns = Some(next_look_ns.map_or(look_ns, |next| next.min(look_ns)));
            return Verdict::Reject;
        }
        limit.empty_ns = now_ns.saturating_add(ahead_ns).saturating_add(self.cost_ns);
        limit.say(&self.rule, &mut say);
        if next_look_ns.is_some_and(|next| is_due(next, now_ns, self.per_ns)) {
            *next_look_ns = None;
            limits.values_mut().for_each(|limit| limit.say(&self.rule, &mut say));
        }
        first.map_or(Verdict::Pass, Verdict::PassAfter)
    }

    fn keeps_name_and_level(&self) -> bool {
        true
    }

    fn unsaid(&self, say: &mut dyn FnMut(&Record<'_>)) {
        let mut held = HeldRecords::default();
        {
            let mut state = self.state.lock();
            state.next_look_ns = None;
            state.limits.values_mut().for_each(|limit| limit.say(&self.rule, &mut |record| held.push(record)));
        }
        // The lock is not held while others have it: a handler may log.
        held.for_each(say);
    }
}

/// Forgets limits that nothing is known of any more that counts, at least one.
fn make_way(limits: &mut HashMap<u64, Limit>, now_ns: i64, rule: &str, say: &mut dyn FnMut(&Record<'_>)) {
    limits.retain(|_, limit| limit.empty_ns > now_ns || limit.held_back.count() > 0);
    let emptiest = limits.iter().min_by_key(|(_, limit)| limit.empty_ns).map(|(key, _)| *key);
    if let Some(mut limit) = emptiest.and_then(|key| limits.remove(&key)) {
        limit.say(rule, say);
    }
}

/// The class `logtree.RateLimitFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let config = RateLimitFilterConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(RateLimitFilter::new(config)))
}
