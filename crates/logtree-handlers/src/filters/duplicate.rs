//! `logtree.DuplicateFilter`: a message once.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use logtree_core::{Argument, ArgumentError, Fields, Filter, HeldRecords, Kwargs, Record, Verdict};
use logtree_os::{ForkLock, ForkReset};

use super::held_back::{HeldBack, counted, is_due};
use super::rate_limit::whole;
use super::subject::hash_value;

/// Passes a message, holds its repetitions back, and then says how many those were: `last message repeated 5 times`.
///
/// ```yaml
/// filters:
///   once: {(): logtree.DuplicateFilter, interval: 60, remember: 100, ignore: [attempt]}
/// ```
///
/// - Two records are the same if logger, level, message, error and fields are, but for the fields that `ignore` names. Their
///   spans, places and times may differ.
/// - As syslogd's do, it compares with the last message. With `remember` it compares with so many of the last, as where
///   threads log in turns, and then says which one it speaks of: `message repeated 5 times: [connection refused]`.
/// - The count is said when another message comes (with `remember`: one that takes its place, or any after the interval), at
///   a flush, and before the message itself, which passes anew once in `interval`.
/// - The first `allowed` of them pass.
#[derive(Debug)]
pub struct DuplicateFilter {
    config: DuplicateFilterConfig,
    interval_ns: i64,
    /// Nobody outside chooses messages that meet.
    hasher: RandomState,
    state: ForkLock<State>,
}

/// The arguments of `logtree.DuplicateFilter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateFilterConfig {
    /// So long a message is held back after it passed; 30 s.
    pub interval: Duration,
    /// With so many messages the next one is compared; 1.
    pub remember: usize,
    /// So often it passes; once.
    pub allowed: u32,
    /// Fields that may differ; none.
    pub ignore: Vec<String>,
}

/// The most that `remember` may be: they are looked through for each record.
const MOST_REMEMBERED: i64 = 1000;

impl Default for DuplicateFilterConfig {
    fn default() -> Self {
        Self { interval: Duration::from_secs(30), remember: 1, allowed: 1, ignore: Vec::new() }
    }
}

impl DuplicateFilterConfig {
    /// Takes the arguments `interval` (seconds), `remember`, `allowed` and `ignore` (a name or a list of them).
    ///
    /// # Errors
    /// If one is not of its type or size.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        config.interval = kwargs.seconds("interval")?.unwrap_or(config.interval);
        if let Some(remember) = kwargs.take("remember").filter(|given| !matches!(given, Argument::None)) {
            config.remember = whole(kwargs, "remember", &remember, MOST_REMEMBERED)? as usize;
        }
        if let Some(allowed) = kwargs.take("allowed").filter(|given| !matches!(given, Argument::None)) {
            config.allowed = whole(kwargs, "allowed", &allowed, u32::MAX.into())? as u32;
        }
        config.ignore = kwargs.strings("ignore")?;
        Ok(config)
    }
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    /// Counts the records: which message was met last.
    turn: u64,
    /// When a message is next due that was held back, if any was.
    next_due_ns: Option<i64>,
}

/// A child does not speak of what its parent held back, and still knows which messages were logged.
impl ForkReset for State {
    fn after_fork(&mut self) {
        self.messages.iter_mut().for_each(|message| message.held_back.clear());
        self.next_due_ns = None;
    }

    fn torn() -> Self {
        Self::default()
    }
}

/// A message that passed.
#[derive(Debug, Default)]
struct Message {
    hash: u64,
    /// When it passed as the first.
    since_ns: i64,
    /// When it was met last.
    turn: u64,
    passed: u32,
    held_back: HeldBack,
    /// What it says, once it was held back.
    text: String,
}

impl Message {
    /// Makes it another one, in the same memory.
    fn begin(&mut self, hash: u64, now_ns: i64) {
        (self.hash, self.since_ns, self.passed) = (hash, now_ns, 1);
    }
}

impl DuplicateFilter {
    /// A filter with this config.
    pub fn new(config: DuplicateFilterConfig) -> Self {
        let interval_ns = i64::try_from(config.interval.as_nanos()).unwrap_or(i64::MAX);
        Self { config, interval_ns, hasher: RandomState::new(), state: ForkLock::default() }
    }

    fn hash(&self, record: &Record<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        (record.name, record.level, record.message, record.exc_text).hash(&mut hasher);
        if self.config.ignore.is_empty() && !record.fields.is_empty() {
            record.fields.as_bytes().hash(&mut hasher);
            // Their names may be numbers, which mean something at one place only.
            record.callsite.field_names.hash(&mut hasher);
        } else {
            for field in record.fields {
                let name = record.callsite.field_name(field.name);
                if !self.config.ignore.iter().any(|ignored| ignored == name) {
                    name.hash(&mut hasher);
                    hash_value(field.value, &mut hasher);
                }
            }
        }
        hasher.finish()
    }

    fn say(&self, message: &mut Message, say: &mut dyn FnMut(&Record<'_>)) {
        let Message { held_back, text, .. } = message;
        let is_last = self.config.remember == 1;
        held_back.say(
            |count| match is_last {
                true => format!("last message repeated {}", counted(count, "time")),
                false => format!("message repeated {}: [{text}]", counted(count, "time")),
            },
            Fields::EMPTY,
            say,
        );
    }

    /// Whether the interval of a message is over; or the clock was set back by more.
    fn is_over(&self, message: &Message, now_ns: i64) -> bool {
        now_ns.saturating_sub(message.since_ns).saturating_abs() >= self.interval_ns
    }
}

impl Filter for DuplicateFilter {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let now_ns = record.created.0;
        let hash = self.hash(record);
        let mut state = self.state.lock();
        let State { messages, turn, next_due_ns } = &mut *state;
        *turn += 1;
        let mut first = None;
        let mut say = |record: &Record<'_>| first.get_or_insert_with(Box::<HeldRecords>::default).push(record);
        let at = match messages.iter().position(|message| message.hash == hash) {
            Some(at) => {
                let message = &mut messages[at];
                message.turn = *turn;
                if self.is_over(message, now_ns) {
                    self.say(message, &mut say);
                    message.begin(hash, now_ns);
                } else if message.passed < self.config.allowed {
                    message.passed += 1;
                } else {
                    if message.held_back.count() == 0 {
                        message.text.clear();
                        message.text.push_str(record.message);
                    }
                    message.held_back.add(record);
                    let due_ns = message.since_ns.saturating_add(self.interval_ns);
                    *next_due_ns = Some(next_due_ns.map_or(due_ns, |next| next.min(due_ns)));
                    return Verdict::Reject;
                }
                at
            }
            None if messages.len() < self.config.remember => {
                messages.push(Message::default());
                messages.len() - 1
            }
            // The one that was met longest ago makes way.
            None => messages.iter().enumerate().min_by_key(|(_, message)| message.turn).map_or(0, |(at, _)| at),
        };
        let message = &mut messages[at];
        if message.hash != hash || message.passed == 0 {
            self.say(message, &mut say);
            message.begin(hash, now_ns);
            message.turn = *turn;
        }
        if next_due_ns.is_some_and(|next| is_due(next, now_ns, self.interval_ns)) {
            *next_due_ns = None;
            for message in messages.iter_mut() {
                if self.is_over(message, now_ns) {
                    self.say(message, &mut say);
                }
            }
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
            state.next_due_ns = None;
            state.messages.iter_mut().for_each(|message| self.say(message, &mut |record| held.push(record)));
        }
        // The lock is not held while others have it: a handler may log.
        held.for_each(say);
    }
}

/// The class `logtree.DuplicateFilter`.
pub(super) fn plan(mut kwargs: Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> {
    let config = DuplicateFilterConfig::from_kwargs(&mut kwargs)?;
    kwargs.finish()?;
    Ok(Arc::new(DuplicateFilter::new(config)))
}
