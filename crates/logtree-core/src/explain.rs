//! What a record would pass, told: whose settings hold for it, who has it in the end, and what stops it.
//!
//! Nothing is decided here. The verdicts are those of the [`Route`](crate::Route) that the record would take, and of the
//! handlers on it; whose they are, the walk says that the route was made from.

mod text;
mod walk;

use std::path::PathBuf;

use crate::{HandlerEntry, Level, LevelNames, SpanEvents, StdStream, Tree, logger_name};

/// What a record of one logger and level would pass, step by step, and why it stops.
///
/// It prints as text for people. Filters that look at more than name and level are told as depending on the record. Of one
/// that may put a record of another name or level in its place it is told that it may: what follows is for records that
/// keep both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The name of the logger, with dots; `root` for the root.
    pub logger: String,
    /// The level of the record.
    pub level: Level,
    /// What the record meets, in order; the last stage is where it stops, if it does.
    pub stages: Vec<Stage>,
    /// How levels are called.
    level_names: LevelNames,
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It passes.
    Passes,
    /// It stops.
    Stops,
    /// Filters decide, which look at the record itself.
    Depends,
}

/// One stage of an [`Explanation`]. Loggers are called by their names with dots, the root `root`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// No config and no code has named the logger. It goes as one below the nearest that was, whose filters and whose
    /// `disabled` are not its own.
    Unnamed {
        /// That logger.
        below: String,
    },
    /// Records are also made of the logger's spans. Those at this level go the same way as any other record.
    SpanEvents {
        /// At which points of their lives.
        events: SpanEvents,
        /// The logger that says so.
        of: String,
    },
    /// The logger is disabled, as a config has it for those that it does not name. The record stops.
    Disabled,
    /// `logging.disable`.
    Disable {
        /// What it was given: neither that nor what lies below passes.
        level: Level,
        /// Whether the record passes.
        outcome: Outcome,
    },
    /// The logger's effective level.
    Level {
        /// Below it a record stops.
        level: Level,
        /// The logger that it was set on; none if it was set nowhere.
        of: Option<String>,
        /// Whether the record passes.
        outcome: Outcome,
    },
    /// A filter of the logger.
    Filter(FilterStage),
    /// A handler on the walk up.
    Handler {
        /// Whose it is.
        of: String,
        /// What it does.
        handler: HandlerStage,
    },
    /// A logger without `propagate`: the handlers of those above are not asked.
    NoPropagation {
        /// The logger.
        of: String,
        /// Those above it that have handlers.
        unasked: Vec<String>,
    },
    /// The record has met no handler on its walk, and goes to that of last resort.
    LastResort(HandlerStage),
    /// The record has met no handler on its walk, and there is none of last resort.
    NoHandler,
}

/// What a filter does with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterStage {
    /// The filter's name in the config, if it has one.
    pub name: Option<String>,
    /// Where it stands among the filters beside it, from 0 on.
    pub index: usize,
    /// Whether the record passes.
    pub outcome: Outcome,
    /// Whether the record has the name and level behind it that it had before, for sure.
    pub keeps_name_and_level: bool,
}

/// What a handler does with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerStage {
    /// The handler's name in the config.
    pub name: String,
    /// Where it writes, as far as it says so.
    pub destination: Option<Destination>,
    /// Its level.
    pub level: Level,
    /// Whether its level is looked at: on the walk, and by a queue's listener that was told to.
    pub is_level_asked: bool,
    /// Its filters, as far as the record gets.
    pub filters: Vec<FilterStage>,
    /// Whether it has the record in the end, all before it included.
    pub outcome: Outcome,
    /// The handlers that it hands on to, if it has the record.
    pub children: Vec<HandlerStage>,
    /// Whether they are left out, because too many were told already.
    pub is_cut: bool,
}

/// Where a handler writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// A file.
    File(PathBuf),
    /// A standard stream.
    Stream(StdStream),
    /// A queue, as configs call its class.
    Queue(String),
}

impl Destination {
    /// Where a handler writes, if it says so.
    pub fn of(entry: &HandlerEntry) -> Option<Self> {
        let handler = &entry.handler;
        let file = handler.file().map(|path| Self::File(path.to_owned()));
        let stream = || handler.std_stream().map(Self::Stream);
        file.or_else(stream).or_else(|| handler.queue().map(|queue| Self::Queue(queue.to_owned())))
    }
}

impl Outcome {
    fn of(passes: bool) -> Self {
        if passes { Self::Passes } else { Self::Stops }
    }

    /// What becomes of a record that has both before it.
    fn and(self, then: Self) -> Self {
        match (self, then) {
            (Self::Stops, _) | (_, Self::Stops) => Self::Stops,
            (Self::Passes, Self::Passes) => Self::Passes,
            _ => Self::Depends,
        }
    }
}

impl Explanation {
    /// The handlers that would have the record, or may, in the order in which they are called; those that others hand on
    /// to right behind these.
    pub fn reached(&self) -> Vec<(&str, Outcome)> {
        fn add<'a>(handler: &'a HandlerStage, reached: &mut Vec<(&'a str, Outcome)>) {
            if handler.outcome != Outcome::Stops {
                reached.push((&handler.name, handler.outcome));
                handler.children.iter().for_each(|child| add(child, reached));
            }
        }
        let mut reached = Vec::new();
        for stage in &self.stages {
            if let Stage::Handler { handler, .. } | Stage::LastResort(handler) = stage {
                add(handler, &mut reached);
            }
        }
        reached
    }
}

impl Tree {
    /// What a record of the logger called `name`, in dots or colons, would pass at this level, and why it stops.
    ///
    /// ```
    /// # use logtree_core as logtree;
    /// use logtree::{Level, Tree};
    ///
    /// let mut builder = Tree::builder();
    /// builder.logger_mut("my_app").level = Level::WARNING;
    /// let explanation = builder.build().explain("my_app::db", Level::INFO);
    /// assert!(explanation.reached().is_empty());
    /// assert!(explanation.to_string().contains("- level WARNING of my_app\n"));
    /// ```
    pub fn explain(&self, name: &str, level: Level) -> Explanation {
        let name = logger_name(name);
        let stages = walk::stages(self, &name, level);
        Explanation { logger: shown(&name).to_owned(), level, stages, level_names: self.level_names().clone() }
    }
}

/// How a logger is called.
fn shown(name: &str) -> &str {
    if name.is_empty() { "root" } else { name }
}
