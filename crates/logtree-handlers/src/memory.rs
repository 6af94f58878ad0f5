//! `logging.handlers.MemoryHandler`: holds records until something happens, then hands all of them on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{
    Argument, ArgumentError, Direct, EmitError, FormatError, Formatter, Handler, HandlerEntry, HandlerPlan,
    HeldRecords, Kwargs, Level, LevelNames, Record, Steps,
};
use logtree_os::{ForkLock, ForkReset};

/// Holds records, and hands all of them on to its target once there are [`capacity`](MemoryHandlerConfig::capacity) of
/// them or one of [`flush_level`](MemoryHandlerConfig::flush_level) comes (CPython's `MemoryHandler`).
///
/// - The target's filters are asked, its level is not.
/// - What is held stands in this process's memory: it ends with a process that is killed, and a child of `fork` begins
///   with nothing, as its parent hands on what it held then. (`DIFFERENCE`: in Python both do.)
/// - A flush hands on, and so does the end of the program, unless [`flush_on_close`](MemoryHandlerConfig::flush_on_close)
///   is off: then what nothing called for is never written.
/// - A record is handed on once: what the target cannot write, as on a full disk, is lost, and counted there.
/// - A record that comes after the end is lost as in Python, but counted as an error.
/// - Without a target nothing ever comes of a record. (`DIFFERENCE`: Python holds it all the same, until memory ends.)
/// - Behind a queue between processes it hands on at the end of each batch that the listener handles, as the listener
///   may be killed. (`DIFFERENCE`, see [`Handler::settle`].)
#[derive(Debug)]
pub struct MemoryHandler {
    config: MemoryHandlerConfig,
    /// One or none.
    target: Vec<Arc<HandlerEntry>>,
    /// What was given as a target and is none, by Python's name of its type. Python takes it where a config says `()`, and
    /// fails when it hands on; so it is here.
    no_target: Option<&'static str>,
    held: ForkLock<Held>,
    /// Whoever hands on has it, so that no two mix what they hand on; and memory to swap with what is held.
    handing_on: ForkLock<Spare>,
}

/// The arguments of Python's `logging.handlers.MemoryHandler` but the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryHandlerConfig {
    /// So many records are too many to be held; zero, and what lies below, holds none.
    pub capacity: Threshold,
    /// Whatever comes with a record of this level comes at once; ERROR.
    pub flush_level: Threshold,
    /// Whether what is held at the end is handed on; yes.
    pub flush_on_close: bool,
}

/// A number that Python compares another one to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// From this number on.
    From(i64),
    /// Something that is no number, by Python's name of its type. Python takes it, and fails when it compares; so it is
    /// here.
    Invalid(&'static str),
}

impl MemoryHandlerConfig {
    /// What Python does with a capacity and nothing else.
    pub fn new(capacity: i64) -> Self {
        let flush_level = Threshold::From(Level::ERROR.0.into());
        Self { capacity: Threshold::From(capacity), flush_level, flush_on_close: true }
    }

    /// Takes the arguments `capacity`, `flushLevel` and `flushOnClose`. Like Python it refuses none for its type.
    ///
    /// # Errors
    /// CPython's, if the capacity is missing.
    pub fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        let capacity = Threshold::of(&kwargs.required("capacity")?);
        let mut config = Self { capacity, ..Self::new(0) };
        match kwargs.take("flushLevel") {
            None => {}
            // DIFFERENCE: Python looks the name up where a config says `class`; with `()` it fails at each record.
            Some(Argument::Str(name)) if LevelNames::STANDARD.parse(&name).is_some() => {
                config.flush_level = LevelNames::STANDARD.parse(&name).unwrap_or_default().into();
            }
            Some(other) => config.flush_level = Threshold::of(&other),
        }
        config.flush_on_close = kwargs.truth("flushOnClose").unwrap_or(true);
        Ok(config)
    }
}

impl Threshold {
    fn of(argument: &Argument) -> Self {
        match argument {
            Argument::Int(number) => Self::From(*number),
            Argument::Bool(number) => Self::From((*number).into()),
            // Nothing is as large as what is no number.
            Argument::Float(number) if number.is_nan() => Self::From(i64::MAX),
            Argument::Float(number) => Self::From(number.ceil() as i64),
            other => Self::Invalid(other.type_name()),
        }
    }

    /// Whether a number has reached it (CPython's `>=`).
    fn is_reached(self, number: i64) -> Result<bool, FormatError> {
        match self {
            Self::From(least) => Ok(number >= least),
            Self::Invalid(type_name) => Err(FormatError {
                exception: "TypeError",
                message: format!("'>=' not supported between instances of 'int' and '{type_name}'"),
            }),
        }
    }
}

impl From<Level> for Threshold {
    fn from(level: Level) -> Self {
        Self::From(level.0.into())
    }
}

#[derive(Debug, Default)]
struct Held {
    records: HeldRecords,
    is_closed: bool,
    /// The thread that is handing on.
    handing_on: Option<usize>,
}

/// A child leaves to its parent what the parent held.
impl ForkReset for Held {
    fn after_fork(&mut self) {
        self.records.clear();
        self.handing_on = None;
    }

    fn torn() -> Self {
        Self::default()
    }
}

#[derive(Debug, Default)]
struct Spare(HeldRecords);

impl ForkReset for Spare {
    fn after_fork(&mut self) {
        self.0.clear();
    }

    fn torn() -> Self {
        Self::default()
    }
}

/// So long a thread waits for another one that hands on; then its records wait for the next one.
const PATIENCE: Duration = Duration::from_secs(1);

impl MemoryHandler {
    /// A handler with this config.
    pub fn new(config: MemoryHandlerConfig, target: Option<Arc<HandlerEntry>>) -> Self {
        let target = target.into_iter().collect();
        Self { config, target, no_target: None, held: ForkLock::default(), handing_on: ForkLock::default() }
    }

    /// Hands on everything that is held, in the order in which it came; answers whether nothing is left.
    fn hand_on(&self, target: &HandlerEntry, steps: &mut dyn Steps, patience: Duration) -> bool {
        let this_thread = this_thread();
        if self.held.lock().handing_on == Some(this_thread) {
            // The target logs to this handler: what it says waits for the next time.
            return false;
        }
        let Some(mut spare) = self.handing_on.lock_within(patience) else { return false };
        {
            let mut held = self.held.lock();
            std::mem::swap(&mut held.records, &mut spare.0);
            held.handing_on = Some(this_thread);
        }
        spare.0.for_each(|record| target.handle(record, steps));
        spare.0.clear();
        let mut held = self.held.lock();
        held.handing_on = None;
        held.records.is_empty()
    }
}

impl Handler for MemoryHandler {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let count = {
            let mut held = self.held.lock();
            if held.is_closed {
                return Err(std::io::Error::other("the handler is closed, and its target forgotten").into());
            }
            if !self.target.is_empty() {
                held.records.push(record);
            }
            held.records.len() as i64
        };
        let level = i64::from(record.level.0);
        let is_due = self.config.capacity.is_reached(count)? || self.config.flush_level.is_reached(level)?;
        match (self.target.first(), self.no_target) {
            _ if !is_due => {}
            (Some(target), _) => {
                self.hand_on(target, steps, PATIENCE);
            }
            (None, None) => {}
            (None, Some(type_name)) => {
                let message = format!("'{type_name}' object has no attribute 'handle'");
                return Err(FormatError { exception: "AttributeError", message }.into());
            }
        }
        Ok(())
    }

    fn flush(&self, deadline: Instant) -> bool {
        // Twice, as the target may have said something meanwhile; not for ever, as it may do so again.
        let flush = |target: &HandlerEntry| {
            let left = || deadline.saturating_duration_since(Instant::now());
            self.hand_on(target, &mut Direct, left()) || self.hand_on(target, &mut Direct, left())
        };
        !self.config.flush_on_close || self.target.first().is_none_or(|target| flush(target))
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        if let Some(target) = self.target.first() {
            self.hand_on(target, steps, PATIENCE);
            target.settle(steps);
        }
        Ok(())
    }

    fn is_unsettled(&self) -> bool {
        self.target.first().is_some_and(|target| target.is_unsettled())
    }

    fn close(&self) {
        self.flush(Instant::now() + PATIENCE);
        let mut held = self.held.lock();
        held.is_closed = true;
        held.records.clear();
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.target
    }
}

/// A number that no other thread has that lives now. Threads that are ending may share one.
fn this_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.try_with(|mark| std::ptr::from_ref(mark) as usize).unwrap_or_default()
}

/// The class `logging.handlers.MemoryHandler`.
pub(crate) fn plan(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let config = MemoryHandlerConfig::from_kwargs(&mut kwargs)?;
    let no_target = match kwargs.take("target").filter(Argument::is_truthy) {
        // The handler itself comes to the plan, built.
        None | Some(Argument::Handler(_)) => None,
        Some(other) => Some(other.type_name()),
    };
    kwargs.finish()?;
    Ok(Box::new(move |target| {
        let target = target.into_iter().next();
        Ok(Box::new(MemoryHandler { no_target, ..MemoryHandler::new(config, target) }))
    }))
}

/// The class `logging.handlers.BufferingHandler`: a `MemoryHandler` without target.
pub(crate) fn plan_buffering(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let capacity = Threshold::of(&kwargs.required("capacity")?);
    kwargs.finish()?;
    let config = MemoryHandlerConfig { capacity, ..MemoryHandlerConfig::new(0) };
    Ok(Box::new(|_| Ok(Box::new(MemoryHandler::new(config, None)))))
}
