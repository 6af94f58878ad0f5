//! The tree: every logger of one config, compiled into routes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::caught::drop_each;
use crate::compile::{Names, compile};
use crate::{HandlerEntry, Level, LevelNames, Needs, Outlets, Route, TreeBuilder, logger_name};

/// All loggers of one config. It never changes; another config is another tree.
#[derive(Debug)]
pub struct Tree {
    generation: u32,
    source: TreeBuilder,
    names: Names,
    /// The routes, and the handlers of the source and those that only loggers still lead to.
    outlets: Outlets,
    needs: Needs,
    has_span_events: bool,
    nowhere: Route,
}

impl Tree {
    /// A builder without loggers.
    pub fn builder() -> TreeBuilder {
        TreeBuilder::default()
    }

    /// Compiles the routes of what a builder holds.
    pub(crate) fn new(source: TreeBuilder) -> Self {
        static GENERATIONS: AtomicU32 = AtomicU32::new(1);
        let handlers = source.all_handlers();
        let (names, routes) = compile(&source, &handlers);
        Self {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            needs: routes.iter().fold(Needs::default(), |needs, route| needs.and(route.needs())),
            has_span_events: routes.iter().any(|route| !route.span_events().is_empty()),
            outlets: Outlets { routes: routes.into(), handlers: handlers.into() },
            source,
            names,
            nowhere: Route::nowhere(),
        }
    }

    /// What it was built from, for another tree that differs in something.
    pub fn source(&self) -> &TreeBuilder {
        &self.source
    }

    /// A number that no other tree of this process has, so that what was found in a tree can be kept beside it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The route of the logger called `name` (dots), by its index.
    pub fn route_index(&self, name: &str) -> u32 {
        self.names.index(name)
    }

    /// The route of that index. An index of another tree leads nowhere.
    pub fn route(&self, index: u32) -> &Route {
        self.outlets.routes.get(index as usize).unwrap_or(&self.nowhere)
    }

    /// The route of the logger called `name`, in dots or colons.
    pub fn find(&self, name: &str) -> &Route {
        self.route(self.route_index(&logger_name(name)))
    }

    /// Whether a record of the logger called `name`, in dots or colons, could have any effect at this level, as far as that can
    /// be [said beforehand](Route::wants_of).
    pub fn wants(&self, name: &str, level: Level) -> bool {
        let name = logger_name(name);
        self.route(self.route_index(&name)).wants_of(&name, level)
    }

    /// The names of the loggers that a record of the logger called `name` (dots) meets on its walk, up to the root.
    pub(crate) fn ways_up<'n>(&self, name: &'n str) -> impl Iterator<Item = &'n str> {
        self.names.ways_up(name)
    }

    /// The lowest level that any route wants; `None` if none wants anything.
    pub fn lowest_wanted(&self) -> Option<Level> {
        self.outlets.routes.iter().filter_map(Route::lowest_wanted).min()
    }

    /// What anything in the tree reads of a record beyond the event itself.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Whether any logger has records made of its spans.
    pub fn has_span_events(&self) -> bool {
        self.has_span_events
    }

    /// Whether spans are of any use: something reads them, or records are made of them.
    pub fn wants_spans(&self) -> bool {
        self.needs.spans || self.has_span_events
    }

    /// The names of levels.
    pub fn level_names(&self) -> &LevelNames {
        &self.source.level_names
    }

    /// Every handler of the config, attached to a logger or not, and those of earlier configs that loggers still have;
    /// those that others hand on to before those.
    pub fn handlers(&self) -> &[Arc<HandlerEntry>] {
        &self.outlets.handlers
    }

    /// What holds something that was logged: it stays when the tree is used no more.
    pub fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    /// Flushes what it [ends in](Outlets::flush).
    pub fn flush(&self, deadline: Instant) -> bool {
        self.outlets.flush(deadline)
    }
}

impl Drop for Tree {
    /// The last one that has it may be a thread that logs, and a filter's panic is not to be its.
    fn drop(&mut self) {
        drop_each(self.source.loggers.values_mut().flat_map(|logger| std::mem::take(&mut logger.filters)));
        drop_each(std::mem::take(&mut self.source.filters).into_values());
    }
}
