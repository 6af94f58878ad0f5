//! The plan: a config that was checked, with nothing opened yet.

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

use logtree_core::{Argument, Directives, Filter, Formatter, HandlerPlan, Level, LevelNames, SpanEvents, Table};

use crate::check::At;
use crate::format::Format;
use crate::problem::Problem;
use crate::source::Source;

/// A config that was checked: every class is known and every argument is good, but nothing was opened or changed.
///
/// [`build`](Self::build) brings it to life.
pub struct Plan {
    pub(crate) source: Arc<Source>,
    pub(crate) levels: LevelNames,
    /// What the environment says of loggers, on top of what the config says.
    pub(crate) directives: Directives,
    pub(crate) formatters: Vec<(String, Made<Arc<dyn Formatter>>)>,
    pub(crate) filters: Vec<(String, Made<Arc<dyn Filter>>)>,
    /// Those that others hand on to before those.
    pub(crate) handlers: Vec<HandlerSpec>,
    /// In the order in which they are applied, the root's section last.
    pub(crate) loggers: Vec<LoggerSpec>,
    /// What an incremental config says of handlers that are there.
    pub(crate) handler_levels: Vec<HandlerLevel>,
    pub(crate) is_incremental: bool,
    pub(crate) disable_existing: bool,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) read: Read,
}

/// What a plan was read from, but for the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    pub(crate) format: Format,
    /// As JSON, if it never was text.
    pub(crate) value: Option<String>,
    /// The variables that it names and that are set.
    pub(crate) environment: Table<OsString>,
}

/// What a class made of its arguments.
pub(crate) enum Made<T> {
    /// What was asked for.
    Ready(T),
    /// Nothing, for the class is not in this program: where it is named, and why.
    Unavailable(At, String),
    /// Nothing, for it was refused; the problem says why.
    Refused,
}

/// One handler of a [`Plan`].
pub struct HandlerSpec {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) at: HandlerAt,
    pub(crate) level: Level,
    pub(crate) filters: Vec<String>,
    pub(crate) formatter: Option<String>,
    pub(crate) passed: Passed,
    pub(crate) made: Made<HandlerPlan>,
}

/// Where a handler stands in the text.
#[derive(Clone, Debug)]
pub(crate) struct HandlerAt {
    /// The name of its class.
    pub(crate) class: At,
    /// What its keys say.
    pub(crate) values: Vec<(String, At)>,
}

impl HandlerAt {
    /// What a keyword says; its class if that is not given, as then its absence is what matters.
    pub(crate) fn of(&self, keyword: Option<&str>) -> &At {
        let found = self.values.iter().find(|(known, _)| Some(&**known) == keyword);
        found.map_or(&self.class, |(_, at)| at)
    }
}

/// What the class of a handler is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// By keyword.
    pub(crate) arguments: Vec<(String, Argument)>,
    /// The handlers among them.
    pub(crate) children: Vec<Child>,
}

/// The level that an incremental config gives a handler of an earlier one, if it gives it one.
#[derive(Clone, Debug)]
pub(crate) struct HandlerLevel {
    pub(crate) name: String,
    pub(crate) at: At,
    pub(crate) level: Option<Level>,
}

/// A handler that another one hands on to, and what CPython says if it is not there.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) at: At,
    /// What it is to the other: [`TARGET`](Self::TARGET) or [`REQUIRED`](Self::REQUIRED).
    pub(crate) what: &'static str,
    pub(crate) outer: String,
}

/// What a [`Plan`] says of one logger. What it does not say stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggerSpec {
    pub(crate) name: String,
    pub(crate) level: Option<Level>,
    pub(crate) propagate: Option<bool>,
    pub(crate) handlers: Vec<String>,
    pub(crate) filters: Vec<String>,
    pub(crate) span_events: Option<SpanEvents>,
    /// Whether it is the top-level key `root`, which comes after all loggers.
    pub(crate) is_root_section: bool,
}

impl Plan {
    /// What Python would have swallowed silently, and classes that are not there yet.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The text that it was read from, as another process would read it again: with [`format`](Self::format) and
    /// [`environment`](Self::environment).
    pub fn text(&self) -> &str {
        self.read.value.as_ref().unwrap_or(&self.source.text)
    }

    /// The format of its [text](Self::text).
    pub fn format(&self) -> Format {
        self.read.format
    }

    /// The environment variables that the text names and that were set when it was read.
    pub fn environment(&self) -> &Table<OsString> {
        &self.read.environment
    }

    /// The plan of one handler and of those that it hands on to, with no loggers.
    #[must_use]
    pub fn only(mut self, handler: &str) -> Self {
        let mut wanted = HashSet::new();
        wanted.insert(handler.to_owned());
        // Who hands on stands behind those that he hands on to.
        for spec in self.handlers.iter().rev() {
            if wanted.contains(&spec.name) {
                wanted.extend(spec.children().map(str::to_owned));
            }
        }
        self.handlers.retain(|spec| wanted.contains(&spec.name));
        let uses = |name: &String| self.handlers.iter().any(|spec| spec.formatter.as_ref() == Some(name));
        self.formatters.retain(|(name, _)| uses(name));
        let uses = |name: &String| self.handlers.iter().any(|spec| spec.filters.contains(name));
        self.filters.retain(|(name, _)| uses(name));
        self.loggers.clear();
        self
    }

    /// The handlers, those that others hand on to before those.
    pub fn handlers(&self) -> &[HandlerSpec] {
        &self.handlers
    }

    /// The loggers in the order in which they are applied; the root may be among them twice, once as a logger.
    pub fn loggers(&self) -> &[LoggerSpec] {
        &self.loggers
    }

    /// The names of levels, those of the key `levels` included.
    pub fn level_names(&self) -> &LevelNames {
        &self.levels
    }

    /// Whether the config only changes levels and `propagate` of what is there.
    pub fn is_incremental(&self) -> bool {
        self.is_incremental
    }

    /// Whether loggers that are there already and not named by the config are disabled.
    pub fn disables_existing_loggers(&self) -> bool {
        self.disable_existing
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("handlers", &self.handlers).field("loggers", &self.loggers).finish_non_exhaustive()
    }
}

impl HandlerSpec {
    /// The name in the config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key `class` or `()` says.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Records below it are not handled.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The names of the filters.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// The name of the formatter, if it has one.
    pub fn formatter(&self) -> Option<&str> {
        self.formatter.as_deref()
    }

    /// The names of the handlers that it hands records on to.
    pub fn children(&self) -> impl Iterator<Item = &str> {
        self.passed.children.iter().map(|child| child.name.as_str())
    }

    /// The keyword argument of its class, if the config gives it.
    pub fn argument(&self, keyword: &str) -> Option<&Argument> {
        self.passed.arguments.iter().find(|(name, _)| name == keyword).map(|(_, argument)| argument)
    }

    /// Whether this program has its class.
    pub fn is_available(&self) -> bool {
        matches!(self.made, Made::Ready(_))
    }
}

impl std::fmt::Debug for HandlerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandlerSpec").field("name", &self.name).field("class", &self.class).finish_non_exhaustive()
    }
}

impl Child {
    /// The `target` of a MemoryHandler.
    pub(crate) const TARGET: &'static str = "target";
    /// One of the `handlers` of a QueueHandler, or any other argument.
    pub(crate) const REQUIRED: &'static str = "required";
}

impl LoggerSpec {
    /// The name with dots; empty for the root.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The level, if the config gives one.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// Whether records go on to the parent's handlers, if the config says so.
    pub fn propagate(&self) -> Option<bool> {
        self.propagate
    }

    /// The names of its handlers.
    pub fn handlers(&self) -> &[String] {
        &self.handlers
    }

    /// The names of its filters.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// At which points of their lives there are records of its spans, if the config says so.
    pub fn span_events(&self) -> Option<SpanEvents> {
        self.span_events
    }
}
