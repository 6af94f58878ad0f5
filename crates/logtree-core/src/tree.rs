//! The tree: every logger of one config, compiled into routes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::{HandlerEntry, Level, LevelNames, Logger, Needs, Route, logger_name};

/// All loggers of one config. It never changes; another config is another tree.
#[derive(Debug)]
pub struct Tree {
    generation: u32,
    names: HashMap<Box<str>, RouteIndex>,
    routes: Box<[Route]>,
    handlers: Vec<Arc<HandlerEntry>>,
    level_names: LevelNames,
    needs: Needs,
    disabled: Route,
}

/// The two routes of a logger that the config names: its own records', and those of loggers below it that the config
/// does not name, which have neither its filters nor its `disabled`.
#[derive(Clone, Copy, Debug)]
struct RouteIndex {
    own: u32,
    below: u32,
}

impl Tree {
    /// A builder without loggers.
    pub fn builder() -> TreeBuilder {
        TreeBuilder::default()
    }

    /// A number that no other tree of this process has, so that what was found in a tree can be kept beside it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The route of the logger called `name` (dots), by its index.
    pub fn route_index(&self, name: &str) -> u32 {
        if let Some(index) = self.names.get(name) {
            return index.own;
        }
        let mut ancestor = name;
        while let Some(dot) = ancestor.rfind('.') {
            ancestor = &ancestor[..dot];
            if let Some(index) = self.names.get(ancestor) {
                return index.below;
            }
        }
        self.names.get("").map_or(0, |root| root.below)
    }

    /// The route of that index. An index of another tree leads nowhere.
    pub fn route(&self, index: u32) -> &Route {
        self.routes.get(index as usize).unwrap_or(&self.disabled)
    }

    /// The route of the logger called `name`, in dots or colons.
    pub fn find(&self, name: &str) -> &Route {
        self.route(self.route_index(&logger_name(name)))
    }

    /// The lowest level that any route wants; `None` if none wants anything.
    pub fn lowest_wanted(&self) -> Option<Level> {
        self.routes.iter().filter_map(Route::lowest_wanted).min()
    }

    /// What anything in the tree reads of a record beyond the event itself.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// The names of levels.
    pub fn level_names(&self) -> &LevelNames {
        &self.level_names
    }

    /// Every handler of the config, attached to a logger or not, those that others hand on to before those.
    pub fn handlers(&self) -> &[Arc<HandlerEntry>] {
        &self.handlers
    }

    /// Flushes every handler until `deadline`, queues first so that what they hold reaches the others.
    pub fn flush(&self, deadline: Instant) -> bool {
        let flush = |flushed, entry: &Arc<HandlerEntry>| entry.handler.flush(deadline) && flushed;
        self.handlers.iter().rev().fold(true, flush)
    }
}

/// Builds a [`Tree`].
#[derive(Clone, Debug, Default)]
pub struct TreeBuilder {
    loggers: BTreeMap<String, Logger>,
    handlers: Vec<Arc<HandlerEntry>>,
    level_names: LevelNames,
    last_resort: Option<Arc<HandlerEntry>>,
    disable: Level,
}

impl TreeBuilder {
    /// Sets the logger called `name`, in dots or colons; `""` and `"root"` are the root.
    pub fn logger(&mut self, name: &str, logger: Logger) -> &mut Self {
        self.loggers.insert(logger_name(name).into_owned(), logger);
        self
    }

    /// The logger called `name`, made if it is new.
    pub fn logger_mut(&mut self, name: &str) -> &mut Logger {
        self.loggers.entry(logger_name(name).into_owned()).or_default()
    }

    /// Names a handler of the config, whether or not a logger has it; dependencies first.
    pub fn handler(&mut self, entry: Arc<HandlerEntry>) -> &mut Self {
        self.handlers.push(entry);
        self
    }

    /// The names of levels.
    pub fn level_names(&mut self, names: LevelNames) -> &mut Self {
        self.level_names = names;
        self
    }

    /// The handler of records that meet no other on their walk (Python's `logging.lastResort`).
    pub fn last_resort(&mut self, entry: Arc<HandlerEntry>) -> &mut Self {
        self.last_resort = Some(entry);
        self
    }

    /// Nothing at or below this level passes anywhere (Python's `logging.disable`).
    pub fn disable(&mut self, level: Level) -> &mut Self {
        self.disable = level;
        self
    }

    /// Compiles the routes.
    pub fn build(&self) -> Tree {
        static GENERATIONS: AtomicU32 = AtomicU32::new(1);
        let root = Logger::default();
        let mut names = HashMap::with_capacity(self.loggers.len() + 1);
        let mut routes = Vec::with_capacity(2 * self.loggers.len() + 2);
        let named = self.loggers.iter().map(|(name, logger)| (name.as_str(), logger));
        let implicit_root = (!self.loggers.contains_key("")).then_some(("", &root));
        for (name, logger) in named.chain(implicit_root) {
            let index = RouteIndex { own: routes.len() as u32, below: routes.len() as u32 + 1 };
            names.insert(name.into(), index);
            routes.push(self.route(name, logger.disabled, &logger.filters));
            routes.push(self.route(name, false, &[]));
        }
        Tree {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            names,
            needs: routes.iter().fold(Needs::default(), |needs, route| needs.and(route.needs())),
            routes: routes.into_boxed_slice(),
            handlers: self.handlers.clone(),
            level_names: self.level_names.clone(),
            disabled: Route::disabled(),
        }
    }

    /// The route of a record that starts at the logger `name`, with what only that logger's own records meet.
    fn route(&self, name: &str, is_disabled: bool, filters: &[Arc<dyn crate::Filter>]) -> Route {
        if is_disabled {
            return Route::disabled();
        }
        let level = self.walk(name).map(|logger| logger.level).find(|level| *level != Level::NOTSET);
        let mut handlers = Vec::new();
        for logger in self.walk(name) {
            let start = handlers.len();
            for entry in &logger.handlers {
                if !handlers[start..].iter().any(|own| Arc::ptr_eq(own, entry)) {
                    handlers.push(Arc::clone(entry));
                }
            }
            if !logger.propagate {
                break;
            }
        }
        if handlers.is_empty() {
            handlers.extend(self.last_resort.clone());
        }
        Route::new(level.unwrap_or(Level::NOTSET), self.disable, filters.into(), handlers.into_boxed_slice())
    }

    /// The named loggers from `name` up to the root.
    fn walk<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Logger> {
        let mut next = Some(name);
        std::iter::from_fn(move || {
            let name = next?;
            next = match name.rfind('.') {
                Some(dot) => Some(&name[..dot]),
                None if name.is_empty() => None,
                None => Some(""),
            };
            Some(self.loggers.get(name))
        })
        .flatten()
    }
}
