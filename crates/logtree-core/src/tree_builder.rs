//! What a tree is made of.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::{Filter, HandlerEntry, Level, LevelNames, Logger, Table, Tree, logger_name};

/// Builds a [`Tree`], and stays with it: a tree that differs in one thing is built from the other one's.
///
/// ```
/// # use logtree_core as logtree;
/// use logtree::{Level, Tree};
///
/// let mut builder = Tree::builder();
/// builder.logger_mut("my_app::db").level = Level::DEBUG;
/// let tree = builder.build();
/// assert!(tree.find("my_app.db.pool").is_enabled_for(Level::DEBUG));
///
/// let mut builder = tree.source().clone();
/// builder.logger_mut("my_app.db").level = Level::ERROR;
/// assert!(!builder.build().find("my_app.db.pool").is_enabled_for(Level::DEBUG));
/// ```
#[derive(Default)]
pub struct TreeBuilder {
    /// The loggers by their names with dots, the root under the empty one.
    pub loggers: BTreeMap<Arc<str>, Logger>,
    /// The handlers that have a name in the config, whether or not a logger has them; those that others hand on to before
    /// those.
    pub handlers: Vec<Arc<HandlerEntry>>,
    /// The filters of the config by their names, to tell what keeps a record.
    pub filters: Table<Arc<dyn Filter>>,
    /// The names of levels.
    pub level_names: LevelNames,
    /// The handler of records that meet no other on their walk (Python's `logging.lastResort`).
    pub last_resort: Option<Arc<HandlerEntry>>,
    /// Nothing at or below this level passes anywhere (Python's `logging.disable`).
    pub disable: Level,
}

/// By hand, as a derived one is compiled again by each crate that copies a builder, its maps with it.
impl Clone for TreeBuilder {
    fn clone(&self) -> Self {
        Self {
            loggers: self.loggers.clone(),
            handlers: self.handlers.clone(),
            filters: self.filters.clone(),
            level_names: self.level_names.clone(),
            last_resort: self.last_resort.clone(),
            disable: self.disable,
        }
    }
}

impl TreeBuilder {
    /// Sets the logger called `name`, in dots or colons; `""` and `"root"` are the root.
    pub fn logger(&mut self, name: &str, logger: Logger) -> &mut Self {
        self.loggers.insert(logger_name(name).into(), logger);
        self
    }

    /// The logger called `name`, made if it is new.
    pub fn logger_mut(&mut self, name: &str) -> &mut Logger {
        self.loggers.entry(logger_name(name).into()).or_default()
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
        Tree::new(self.clone())
    }

    /// [`build`](Self::build) for a builder that is not needed any more.
    pub fn into_tree(self) -> Tree {
        Tree::new(self)
    }

    /// Every handler that records can reach, or that has a name; those that others hand on to before those.
    pub fn all_handlers(&self) -> Vec<Arc<HandlerEntry>> {
        let mut all = Vec::new();
        let mut met = HashSet::new();
        let attached = self.loggers.values().flat_map(|logger| &logger.handlers);
        // The named ones first: they are in order, so that no long row of handlers is walked by recursion.
        for entry in self.handlers.iter().chain(attached) {
            add_with_children(entry, &mut met, &mut all);
        }
        all
    }
}

impl fmt::Debug for TreeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeBuilder")
            .field("loggers", &self.loggers)
            .field("handlers", &self.handlers)
            .field("last_resort", &self.last_resort)
            .field("disable", &self.disable)
            .finish_non_exhaustive()
    }
}

fn add_with_children(
    entry: &Arc<HandlerEntry>,
    met: &mut HashSet<*const HandlerEntry>,
    all: &mut Vec<Arc<HandlerEntry>>,
) {
    if met.insert(Arc::as_ptr(entry)) {
        for child in entry.handler.children() {
            add_with_children(child, met, all);
        }
        all.push(Arc::clone(entry));
    }
}
