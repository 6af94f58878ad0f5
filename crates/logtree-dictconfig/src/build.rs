//! From a plan to handlers that are open and running: all of them, or none.

use std::sync::Arc;

use logtree_core::{BuildError, Directives, Handler, HandlerEntry, LevelNames, Table, TreeBuilder};
use logtree_formatters::default_formatter;

use crate::apply::{self, Parts};
use crate::check::{At, EARLIER_HANDLER, no_handler};
use crate::plan::{HandlerAt, HandlerLevel, HandlerSpec, LoggerSpec, Made, Plan};
use crate::problem::{Exception, Problem, Problems, Reason};
use crate::python::repr_str;
use crate::resolve::REGISTERED;
use crate::source::Source;

/// What a handler that is not there could be.
const IN_ITS_PLACE: &str = "a class that the program registers, or logging.NullHandler in its place";

/// A config brought to life: its handlers are open and running, and [`tree`](Self::tree) and [`apply`](Self::apply) say
/// what it makes of loggers.
pub struct Built {
    pub(crate) source: Arc<Source>,
    pub(crate) handlers: Vec<Arc<HandlerEntry>>,
    pub(crate) parts: Parts,
    pub(crate) loggers: Vec<LoggerSpec>,
    pub(crate) handler_levels: Vec<HandlerLevel>,
    pub(crate) levels: LevelNames,
    pub(crate) directives: Directives,
    pub(crate) is_incremental: bool,
    pub(crate) disable_existing: bool,
}

impl Built {
    /// The tree of loggers, as of a process that has configured nothing before; for the caller to add a last resort and
    /// to compile.
    pub fn tree(&self) -> TreeBuilder {
        let mut builder = apply::fresh();
        self.apply_to_loggers(&mut builder);
        builder
    }

    /// What the config makes of the tree that is there: Python's rules for a second `dictConfig`. What they are,
    /// `Guard::apply` of logtree says. The handlers that were there are the caller's to close.
    ///
    /// An incremental config changes the levels of handlers in place: the other tree is to be used no more.
    ///
    /// # Errors
    /// If the config is incremental and names handlers that are not there. Then nothing was changed.
    pub fn apply(&self, mut tree: TreeBuilder) -> Result<TreeBuilder, Problems> {
        let find = |wanted: &HandlerLevel| tree.handlers.iter().find(|entry| entry.name == wanted.name);
        let missing: Vec<_> = self.handler_levels.iter().filter(|wanted| find(wanted).is_none()).collect();
        if !missing.is_empty() {
            return Err(no_handlers(&self.source, &missing));
        }
        for wanted in &self.handler_levels {
            if let (Some(entry), Some(level)) = (find(wanted), wanted.level) {
                entry.set_level(level);
            }
        }
        self.apply_to_loggers(&mut tree);
        Ok(tree)
    }

    fn apply_to_loggers(&self, builder: &mut TreeBuilder) {
        builder.level_names.extend(&self.levels);
        if self.is_incremental {
            apply::apply_incremental(builder, &self.loggers);
        } else {
            builder.handlers.clone_from(&self.handlers);
            builder.filters.clone_from(&self.parts.filters);
            apply::apply(builder, &self.loggers, &self.parts, self.disable_existing);
        }
        apply::set_levels(builder, &self.directives);
    }

    /// Whether the config only changes levels and `propagate` of what is there.
    pub fn is_incremental(&self) -> bool {
        self.is_incremental
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
    /// Makes the handlers, opens them all, then starts them all, in a process that has configured nothing before.
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
    /// closed again. `Problems::is_not_built` is true. And an incremental config that names handlers: there are none.
    pub fn open(self) -> Result<Opened, Problems> {
        if !self.handler_levels.is_empty() {
            return Err(no_handlers(&self.source, &self.handler_levels.iter().collect::<Vec<_>>()));
        }
        self.open_on_top()
    }

    /// [`open`](Self::open) for a config that will be [applied](Built::apply) on top of what is there.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for handlers that are not there.
    pub fn open_on_top(self) -> Result<Opened, Problems> {
        let Self { source, levels, directives, formatters, filters, handlers, loggers, handler_levels, .. } = self;
        let mut making =
            Making { source: Arc::clone(&source), problems: Vec::new(), entries: Vec::new(), at: Vec::new() };
        let mut parts = Parts::default();
        let mut ready_formatters = Table::default();
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

        let built = Built {
            source,
            handlers: making.entries.clone(),
            parts,
            loggers,
            handler_levels,
            levels,
            directives,
            is_incremental: self.is_incremental,
            disable_existing: self.disable_existing,
        };
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

    /// The handlers, those that others hand on to before those.
    pub fn handlers(&self) -> &[Arc<HandlerEntry>] {
        self.built.handlers()
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
    /// Where each entry stands.
    at: Vec<HandlerAt>,
}

impl Making {
    fn ready<T>(&mut self, kind: &str, name: &str, made: Made<T>) -> Option<T> {
        match made {
            Made::Ready(made) => return Some(made),
            Made::Unavailable(at, message) => {
                let cause = Exception { kind: "ImportError", message };
                let expected = if kind == "handler" { IN_ITS_PLACE } else { REGISTERED };
                self.refuse(kind, name, &at, cause, Some(expected));
            }
            Made::Refused => {}
        }
        None
    }

    /// Makes one handler, if what it hands on to was made.
    fn handler(&mut self, spec: HandlerSpec, parts: &Parts) -> Option<Box<dyn Handler>> {
        let HandlerSpec { name, at, passed, made, .. } = spec;
        let plan = self.ready("handler", &name, made)?;
        let children: Option<Vec<_>> =
            passed.children.iter().map(|child| parts.handlers.get(&child.name).cloned()).collect();
        plan(children?).map_err(|error| self.refuse_build(&name, &at, &error)).ok()
    }

    fn entry(&mut self, entry: HandlerEntry, at: HandlerAt) -> Arc<HandlerEntry> {
        let entry = Arc::new(entry);
        self.entries.push(Arc::clone(&entry));
        self.at.push(at);
        entry
    }

    fn open(&mut self) -> Result<(), Problems> {
        for (index, entry) in self.entries.clone().iter().enumerate() {
            if let Err(error) = entry.handler.open() {
                self.refuse_build(&entry.name, &self.at[index].clone(), &error);
            }
        }
        self.outcome()
    }

    fn start(&mut self) -> Result<(), Problems> {
        let mut started_by_others = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.handler.starts_children()) {
            add_below(entry, &mut started_by_others);
        }
        for (index, entry) in self.entries.clone().iter().enumerate() {
            if started_by_others.contains(&Arc::as_ptr(entry)) {
                continue;
            }
            if let Err(error) = entry.handler.start() {
                self.refuse_build(&entry.name, &self.at[index].clone(), &error);
                // One is enough: the next need not start a process that ends at once.
                break;
            }
        }
        self.outcome()
    }

    fn outcome(&mut self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            return Ok(());
        }
        close(&self.entries);
        Err(Problems { reason: Reason::NotBuilt, problems: std::mem::take(&mut self.problems) })
    }

    fn refuse_build(&mut self, name: &str, at: &HandlerAt, error: &BuildError) {
        let cause = Exception { kind: error.exception(), message: error.to_string() };
        self.refuse("handler", name, at.of(error.keyword.as_deref()), cause, error.expected.as_deref());
    }

    fn refuse(&mut self, kind: &str, name: &str, at: &At, cause: Exception, expected: Option<&str>) {
        let place = at.span.map(|span| self.source.place(span));
        let message = format!("Unable to configure {kind} {}", repr_str(name));
        let problem = Problem::error(&self.source, &at.path, place, message).caused_by("ValueError", cause);
        self.problems.push(Problem { expected: expected.map(str::to_owned), ..problem });
    }
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built")
            .field("handlers", &self.handlers)
            .field("loggers", &self.loggers)
            .finish_non_exhaustive()
    }
}

fn no_handlers(source: &Arc<Source>, missing: &[&HandlerLevel]) -> Problems {
    let problem = |HandlerLevel { name, at, .. }: &&HandlerLevel| {
        let place = at.span.map(|span| source.place(span));
        let problem = Problem::error(source, &at.path, place, no_handler(&repr_str(name)));
        Problem { exception: Some("ValueError"), expected: Some(EARLIER_HANDLER.to_owned()), ..problem }
    };
    Problems { reason: Reason::Refused, problems: missing.iter().map(problem).collect() }
}

/// All that a handler hands on to, and that those hand on to.
fn add_below(entry: &HandlerEntry, below: &mut Vec<*const HandlerEntry>) {
    for child in entry.handler.children() {
        below.push(Arc::as_ptr(child));
        add_below(child, below);
    }
}

fn close(entries: &[Arc<HandlerEntry>]) {
    for entry in entries.iter().rev() {
        entry.close();
    }
}
