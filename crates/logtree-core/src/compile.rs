//! From loggers to routes.
//!
//! A route is a walk up the tree, taken beforehand. Most loggers of a large config differ in nothing but their name, or in
//! their level; so routes are shared: as many are made as there are pairs of a level and a list of handlers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Filter, HandlerEntry, Level, Logger, Needs, Route, SpanEvents, TreeBuilder};

/// Whose the routes of a tree are.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: HashMap<Arc<str>, RouteIndex>,
    /// In bytes. No ancestor that is longer needs to be looked for.
    longest_name: usize,
}

/// The two routes of a logger that the config names: its own records', and those of loggers below it that the config
/// does not name, which have neither its filters nor its `disabled`.
#[derive(Clone, Copy, Debug)]
struct RouteIndex {
    own: u32,
    below: u32,
}

/// The index of no route, for a logger that is disabled; it leaves the highest bit to those who keep indices.
pub(crate) const NOWHERE: u32 = u32::MAX >> 1;

type Handlers = Arc<[Arc<HandlerEntry>]>;

impl Names {
    /// The index of the route of the logger called `name`.
    pub(crate) fn index(&self, name: &str) -> u32 {
        match self.nearest(name) {
            Some((nearest, index)) if nearest.len() == name.len() => index.own,
            Some((_, index)) => index.below,
            None => 0,
        }
    }

    /// The logger of this name, else the nearest one above it that the config names, else the root.
    fn nearest<'n>(&self, name: &'n str) -> Option<(&'n str, RouteIndex)> {
        if let Some(index) = self.names.get(name) {
            return Some((name, *index));
        }
        let mut end = name.len();
        while let Some(dot) = name.as_bytes()[..end.min(self.longest_name + 1)].iter().rposition(|byte| *byte == b'.') {
            end = dot;
            if let Some(index) = self.names.get(&name[..end]) {
                return Some((&name[..end], *index));
            }
        }
        self.names.get("").map(|root| ("", *root))
    }

    /// The names of the loggers on the walk of the logger called `name`, from it up to the root.
    pub(crate) fn ways_up<'n>(&self, name: &'n str) -> impl Iterator<Item = &'n str> {
        let above = |name: &'n str| match name.rfind('.') {
            Some(dot) => self.nearest(&name[..dot]),
            None if name.is_empty() => None,
            None => self.nearest(""),
        };
        let first = self.nearest(name).map(|(nearest, _)| nearest);
        std::iter::successors(first, move |name| above(name).map(|(nearest, _)| nearest))
    }
}

/// Takes the walk of every logger. `handlers` are all that there are, those that others hand on to before those.
pub(crate) fn compile(source: &TreeBuilder, handlers: &[Arc<HandlerEntry>]) -> (Names, Vec<Route>) {
    let mut compiler = Compiler {
        source,
        needs: needs(handlers),
        last_resort: source.last_resort.iter().cloned().collect(),
        names: Names::default(),
        routes: Vec::new(),
        walks: Vec::new(),
        known: HashMap::new(),
    };
    compiler.names.names.reserve(source.loggers.len() + 1);
    let above_the_root = Walk::above_the_root();
    let none = &above_the_root.handlers;
    if !source.loggers.contains_key("") {
        compiler.logger(&Arc::from(""), &Logger::default(), &above_the_root, none);
    }
    // Loggers whose names the present one begins with, the longest last. In the order of names they come before it.
    let mut prefixes: Vec<(&str, u32)> = Vec::new();
    for (name, logger) in &source.loggers {
        while prefixes.last().is_some_and(|(prefix, _)| !name.starts_with(prefix)) {
            prefixes.pop();
        }
        let is_above = |(prefix, _): &&(&str, u32)| name.as_bytes().get(prefix.len()) == Some(&b'.');
        let parent = match prefixes.iter().rev().find(is_above) {
            Some((_, below)) => compiler.walks[*below as usize].clone(),
            None if name.is_empty() => above_the_root.clone(),
            None => compiler
                .names
                .names
                .get("")
                .map_or_else(|| above_the_root.clone(), |root| compiler.walks[root.below as usize].clone()),
        };
        let below = compiler.logger(name, logger, &parent, none);
        if !name.is_empty() {
            prefixes.push((name, below));
        }
    }
    (compiler.names, compiler.routes)
}

/// What a record meets from one logger up.
#[derive(Clone)]
pub(crate) struct Walk {
    /// The first level that is set.
    pub(crate) level: Level,
    pub(crate) span_events: SpanEvents,
    pub(crate) handlers: Handlers,
}

impl Walk {
    /// Where the root's parent would be.
    pub(crate) fn above_the_root() -> Self {
        Self { level: Level::NOTSET, span_events: SpanEvents::NONE, handlers: Arc::new([]) }
    }

    /// The walk from a logger up, whose parent's is this one. Without `propagate` it goes on to `none`.
    pub(crate) fn through(&self, logger: &Logger, none: &Handlers) -> Self {
        let level = if logger.level == Level::NOTSET { self.level } else { logger.level };
        let above = if logger.propagate { &self.handlers } else { none };
        let handlers = match &*logger.handlers {
            [] => Arc::clone(above),
            own => {
                let mut handlers: Vec<Arc<HandlerEntry>> = Vec::with_capacity(own.len() + above.len());
                for entry in own {
                    if !handlers.iter().any(|known| Arc::ptr_eq(known, entry)) {
                        handlers.push(Arc::clone(entry));
                    }
                }
                handlers.extend_from_slice(above);
                handlers.into()
            }
        };
        Self { level, span_events: logger.span_events.unwrap_or(self.span_events), handlers }
    }
}

struct Compiler<'a> {
    source: &'a TreeBuilder,
    needs: HashMap<*const HandlerEntry, Needs>,
    last_resort: Handlers,
    names: Names,
    routes: Vec<Route>,
    /// The walk of each route.
    walks: Vec<Walk>,
    /// Routes without filters, by what else they consist of and the address of their list of handlers, which the walk keeps
    /// alive.
    known: HashMap<(Level, SpanEvents, *const Arc<HandlerEntry>), u32>,
}

impl Compiler<'_> {
    /// Adds a logger; answers with the index of the route of those below it.
    fn logger(&mut self, name: &Arc<str>, logger: &Logger, parent: &Walk, none: &Handlers) -> u32 {
        let walk = parent.through(logger, none);
        let key = (walk.level, walk.span_events, walk.handlers.as_ptr());
        let below = match self.known.get(&key) {
            Some(index) => *index,
            None => {
                let index = self.route(&walk, Box::new([]));
                self.known.insert(key, index);
                index
            }
        };
        let own = match () {
            () if logger.disabled => NOWHERE,
            () if logger.filters.is_empty() => below,
            () => self.route(&walk, logger.filters.clone().into()),
        };
        self.names.longest_name = self.names.longest_name.max(name.len());
        self.names.names.insert(Arc::clone(name), RouteIndex { own, below });
        below
    }

    fn route(&mut self, walk: &Walk, filters: Box<[Arc<dyn Filter>]>) -> u32 {
        let handlers = if walk.handlers.is_empty() { &self.last_resort } else { &walk.handlers };
        let index = self.routes.len() as u32;
        let of_filters = Needs { spans: !filters.is_empty() };
        let needs = handlers.iter().fold(of_filters, |needs, entry| match self.needs.get(&Arc::as_ptr(entry)) {
            Some(of_entry) => needs.and(*of_entry),
            // The last resort.
            None => needs.and(entry.own_needs()),
        });
        self.routes.push(
            Route::new(walk.level, self.source.disable, filters, Arc::clone(handlers), needs)
                .with_span_events(walk.span_events),
        );
        self.walks.push(walk.clone());
        index
    }
}

/// What each handler reads, and those that it hands on to. Looked at once each: handlers may share others many times over.
fn needs(handlers: &[Arc<HandlerEntry>]) -> HashMap<*const HandlerEntry, Needs> {
    let mut all = HashMap::with_capacity(handlers.len());
    for entry in handlers {
        let of_children = entry.handler.children().iter().filter_map(|child| all.get(&Arc::as_ptr(child)));
        let needs = of_children.fold(entry.own_needs(), |needs, of_child: &Needs| needs.and(*of_child));
        all.insert(Arc::as_ptr(entry), needs);
    }
    all
}
