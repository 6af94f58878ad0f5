//! From a plan to handlers that are open and running: all of them, or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use logtree_core::{BuildError, Handler, HandlerEntry, LevelNames, Tree, TreeBuilder};
use logtree_formatters::default_formatter;

use crate::apply::{self, Loggers, Parts};
use crate::check::At;
use crate::plan::{HandlerSpec, Made, Plan};
use crate::problem::{Exception, Problem, Problems, Reason};
use crate::python::repr_str;
use crate::source::Source;

/// A config brought to life: its handlers are open and running. What became of the loggers is in
/// [`tree`](Self::tree).
#[derive(Debug)]
pub struct Built {
    loggers: Loggers,
    handlers: Vec<Arc<HandlerEntry>>,
    levels: LevelNames,
}

impl Built {
    /// The tree of loggers, for the caller to add a last resort and to compile.
    pub fn tree(&self) -> TreeBuilder {
        let mut builder = Tree::builder();
        for (name, logger) in &self.loggers {
            builder.logger(name, logger.clone());
        }
        for handler in &self.handlers {
            builder.handler(Arc::clone(handler));
        }
        builder.level_names(self.levels.clone());
        builder
    }

    /// The handlers, those that others hand on to before those.
    pub fn handlers(&self) -> &[Arc<HandlerEntry>] {
        &self.handlers
    }

    /// Closes every handler, those that hand on first.
    pub fn close(&self) {
        close(&self.handlers);
    }
}

impl Plan {
    /// Makes the handlers, opens them all, then starts them all, and applies the config to the loggers of a process
    /// that has configured nothing.
    ///
    /// # Errors
    /// Every class that is not there and every handler that will not be made or opened, or the first that will not
    /// start. Then all that was made is closed again. `Problems::is_not_built` is true.
    pub fn build(self) -> Result<Built, Problems> {
        self.open()?.start()
    }

    /// The first half of [`build`](Self::build): makes the handlers and opens them all. Nothing runs yet, so that a caller
    /// can prepare for what the starting handlers will log.
    ///
    /// # Errors
    /// Every class that is not there and every handler that will not be made or opened. Then all that was made is
    /// closed again. `Problems::is_not_built` is true.
    pub fn open(self) -> Result<Opened, Problems> {
        let Self { source, levels, formatters, filters, handlers, loggers: specs, is_incremental, .. } = self;
        let mut making = Making { source, problems: Vec::new(), entries: Vec::new(), at: Vec::new() };
        let mut parts = Parts::default();
        let mut ready_formatters = BTreeMap::new();
        for (name, made) in formatters {
            if let Some(formatter) = making.ready("formatter", &name, made) {
                ready_formatters.insert(name, formatter);
            }
        }
        for (name, made) in filters {
            if let Some(filter) = making.ready("filter", &name, made) {
                parts.filters.insert(name, filter);
            }
        }
        for spec in handlers {
            let formatter = spec.formatter.as_ref().and_then(|name| ready_formatters.get(name)).cloned();
            let filters = spec.filters.iter().filter_map(|name| parts.filters.get(name)).cloned().collect();
            let (name, level) = (spec.name.clone(), spec.level);
            let at = spec.at.clone();
            let Some(handler) = making.handler(spec, &parts) else { continue };
            let formatter = formatter.unwrap_or_else(default_formatter);
            let mut entry = HandlerEntry::new(&name, handler, formatter);
            entry.set_level(level);
            entry.filters = filters;
            parts.handlers.insert(name, making.entry(entry, at));
        }
        making.open()?;

        let mut loggers = apply::fresh();
        match is_incremental {
            true => apply::apply_incremental(&mut loggers, &specs),
            false => apply::apply(&mut loggers, &specs, &parts, self.disable_existing),
        }
        let built = Built { loggers, handlers: making.entries.clone(), levels };
        Ok(Opened { built, making })
    }
}

/// A config whose handlers are open, but not running yet.
#[derive(Debug)]
#[must_use = "its handlers are not running yet"]
pub struct Opened {
    built: Built,
    making: Making,
}

impl Opened {
    /// The tree of loggers, as [`Built::tree`] will give it.
    pub fn tree(&self) -> TreeBuilder {
        self.built.tree()
    }

    /// The second half of [`Plan::build`]: starts the handlers.
    ///
    /// # Errors
    /// The first handler that will not start. Then all of them are closed. `Problems::is_not_built` is true.
    pub fn start(mut self) -> Result<Built, Problems> {
        self.making.start()?;
        Ok(self.built)
    }
}

/// Handlers being made.
#[derive(Debug)]
struct Making {
    source: Arc<Source>,
    problems: Vec<Problem>,
    entries: Vec<Arc<HandlerEntry>>,
    /// Where the class of each entry is named.
    at: Vec<At>,
}

impl Making {
    fn ready<T>(&mut self, kind: &str, name: &str, made: Made<T>) -> Option<T> {
        match made {
            Made::Ready(made) => return Some(made),
            Made::Unavailable(at, reason) => self.refuse(kind, name, &at, "ImportError", reason),
            Made::Refused => {}
        }
        None
    }

    /// Makes one handler, if what it hands on to was made.
    fn handler(&mut self, spec: HandlerSpec, parts: &Parts) -> Option<Box<dyn Handler>> {
        let HandlerSpec { name, at, children, made, .. } = spec;
        let plan = self.ready("handler", &name, made)?;
        let children: Option<Vec<_>> = children.iter().map(|child| parts.handlers.get(&child.name).cloned()).collect();
        plan(children?).map_err(|error| self.refuse_build(&name, &at, &error)).ok()
    }

    fn entry(&mut self, entry: HandlerEntry, at: At) -> Arc<HandlerEntry> {
        let entry = Arc::new(entry);
        self.entries.push(Arc::clone(&entry));
        self.at.push(at);
        entry
    }

    fn open(&mut self) -> Result<(), Problems> {
        for (entry, at) in self.made() {
            if let Err(error) = entry.handler.open() {
                self.refuse_build(&entry.name, &at, &error);
            }
        }
        self.outcome()
    }

    fn start(&mut self) -> Result<(), Problems> {
        for (entry, at) in self.made() {
            if let Err(error) = entry.handler.start() {
                self.refuse_build(&entry.name, &at, &error);
                // One is enough: the next need not start a process that ends at once.
                break;
            }
        }
        self.outcome()
    }

    fn made(&self) -> Vec<(Arc<HandlerEntry>, At)> {
        self.entries.iter().cloned().zip(self.at.iter().cloned()).collect()
    }

    fn outcome(&mut self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            return Ok(());
        }
        close(&self.entries);
        Err(Problems { reason: Reason::NotBuilt, problems: std::mem::take(&mut self.problems) })
    }

    fn refuse_build(&mut self, name: &str, at: &At, error: &BuildError) {
        self.refuse("handler", name, at, "OSError", error.to_string());
    }

    fn refuse(&mut self, kind: &str, name: &str, at: &At, exception: &'static str, cause: String) {
        let place = at.span.map(|span| self.source.place(span));
        let message = format!("Unable to configure {kind} {}", repr_str(name));
        let cause = Exception { kind: exception, message: cause };
        self.problems.push(Problem::error(&self.source, &at.path, place, message).caused_by("ValueError", cause));
    }
}

fn close(entries: &[Arc<HandlerEntry>]) {
    for entry in entries.iter().rev() {
        entry.handler.close();
    }
}
