//! The walk, taken once more to say what is on it.

use std::sync::Arc;

use super::{Destination, FilterStage, HandlerStage, Outcome, Stage, shown};
use crate::compile::{NOWHERE, Walk};
use crate::{Filter, HandlerEntry, Level, Logger, SpanEvents, Tree};

/// So many handlers are told at most: those that share others many times over may lead to any number.
const MOST_HANDLERS: usize = 10_000;
/// So many handlers are told at most in a row that hands on from one to the next.
const DEEPEST: usize = 64;

/// The stages of a record of this logger, whose name has dots, and level.
pub(super) fn stages(tree: &Tree, name: &str, level: Level) -> Vec<Stage> {
    Explainer { tree, name, level, handlers_left: MOST_HANDLERS }.stages()
}

struct Explainer<'a> {
    tree: &'a Tree,
    name: &'a str,
    level: Level,
    handlers_left: usize,
}

/// A logger on the walk up.
struct Met<'a> {
    name: &'a str,
    level: Level,
    propagates: bool,
    span_events: Option<SpanEvents>,
    /// How many of the handlers on the walk are its own.
    own_handlers: usize,
}

impl<'a> Explainer<'a> {
    fn stages(&mut self) -> Vec<Stage> {
        let route_index = self.tree.route_index(self.name);
        let route = self.tree.route(route_index);
        let (walk, met) = self.walk();
        let mut stages = Vec::new();
        if let Some(nearest) = met.first().filter(|nearest| nearest.name != self.name) {
            stages.push(Stage::Unnamed { below: shown(nearest.name).to_owned() });
        }
        if route_index == NOWHERE {
            stages.push(Stage::Disabled);
            return stages;
        }
        if let (events, Some(of)) = (route.span_events(), met.iter().find(|logger| logger.span_events.is_some()))
            && !events.is_empty()
        {
            stages.push(Stage::SpanEvents { events, of: shown(of.name).to_owned() });
        }
        let (disable, is_not_disabled) = (self.tree.source().disable, route.is_not_disabled(self.level));
        if disable != Level::NOTSET || !is_not_disabled {
            stages.push(Stage::Disable { level: disable, outcome: Outcome::of(is_not_disabled) });
        }
        if !is_not_disabled {
            return stages;
        }
        let of = met.iter().find(|logger| logger.level != Level::NOTSET).map(|logger| shown(logger.name).to_owned());
        let outcome = Outcome::of(route.is_at_level(self.level));
        stages.push(Stage::Level { level: route.level(), of, outcome });
        if outcome == Outcome::Stops {
            return stages;
        }
        let (filters, outcome) = self.filters(route.filters());
        stages.extend(filters.into_iter().map(Stage::Filter));
        if outcome == Outcome::Stops {
            return stages;
        }
        if walk.handlers.is_empty() {
            self.no_propagation(&met, &mut stages);
            stages.push(match route.handlers() {
                [] => Stage::NoHandler,
                [last_resort, ..] => Stage::LastResort(self.on_the_walk(last_resort, outcome)),
            });
            return stages;
        }
        let mut handlers = route.handlers().iter();
        for logger in &met {
            let of = || shown(logger.name).to_owned();
            let own = handlers.by_ref().take(logger.own_handlers);
            stages.extend(own.map(|entry| Stage::Handler { of: of(), handler: self.on_the_walk(entry, outcome) }));
        }
        self.no_propagation(&met, &mut stages);
        stages
    }

    /// The loggers on the walk, up to the root, and what the last of them, from the root down, made of it.
    fn walk(&self) -> (Walk, Vec<Met<'a>>) {
        let none = Walk::above_the_root().handlers;
        let unnamed = Logger::default();
        let mut walk = Walk::above_the_root();
        let mut met = Vec::new();
        let names: Vec<&str> = self.tree.ways_up(self.name).collect();
        for name in names.into_iter().rev() {
            let logger = self.tree.source().loggers.get(name).unwrap_or(&unnamed);
            let above = if logger.propagate { walk.handlers.len() } else { 0 };
            walk = walk.through(logger, &none);
            let own_handlers = walk.handlers.len() - above;
            let Logger { level, propagate: propagates, span_events, .. } = *logger;
            met.push(Met { name, level, propagates, span_events, own_handlers });
        }
        met.reverse();
        (walk, met)
    }

    /// Says where the walk ends before the root, if it does.
    fn no_propagation(&self, met: &[Met<'_>], stages: &mut Vec<Stage>) {
        let Some(at) = met.iter().position(|logger| !logger.propagates && !logger.name.is_empty()) else { return };
        let has_handlers =
            |name: &str| self.tree.source().loggers.get(name).is_some_and(|logger| !logger.handlers.is_empty());
        let above = met[at + 1..].iter().filter(|logger| has_handlers(logger.name));
        let unasked = above.map(|logger| shown(logger.name).to_owned()).collect();
        stages.push(Stage::NoPropagation { of: shown(met[at].name).to_owned(), unasked });
    }

    /// What filters do, as far as the record gets, and what becomes of it.
    fn filters(&self, filters: &[Arc<dyn Filter>]) -> (Vec<FilterStage>, Outcome) {
        let mut stages = Vec::new();
        let mut outcome = Outcome::Passes;
        for (index, filter) in filters.iter().enumerate() {
            let decides = filter.decides(self.name_of_record(), self.level).map_or(Outcome::Depends, Outcome::of);
            let named = self.tree.source().filters.iter().find(|(_, named)| Arc::ptr_eq(named, filter));
            stages.push(FilterStage {
                name: named.map(|(name, _)| name.to_owned()),
                index,
                outcome: decides,
                keeps_name_and_level: filter.keeps_name_and_level(),
            });
            outcome = outcome.and(decides);
            if decides == Outcome::Stops {
                break;
            }
        }
        (stages, outcome)
    }

    /// What `record.name` is.
    fn name_of_record(&self) -> &'a str {
        shown(self.name)
    }

    /// A handler that a route leads to, where `before` became of the record until there.
    fn on_the_walk(&mut self, entry: &HandlerEntry, before: Outcome) -> HandlerStage {
        self.handler(entry, before, true, entry.takes(self.level), 0)
    }

    fn handler(
        &mut self,
        entry: &HandlerEntry,
        before: Outcome,
        is_level_asked: bool,
        is_called: bool,
        depth: usize,
    ) -> HandlerStage {
        self.handlers_left = self.handlers_left.saturating_sub(1);
        let (filters, outcome) = match is_called {
            true => self.filters(&entry.filters),
            false => (Vec::new(), Outcome::Stops),
        };
        let outcome = before.and(outcome);
        let mut stage = HandlerStage {
            name: entry.name.clone(),
            destination: Destination::of(entry),
            level: entry.level(),
            is_level_asked,
            filters,
            outcome,
            children: Vec::new(),
            is_cut: false,
        };
        if outcome != Outcome::Stops {
            for child in entry.handler.children() {
                if self.handlers_left == 0 || depth == DEEPEST {
                    stage.is_cut = true;
                    break;
                }
                let is_called = entry.handler.hands_on(child, self.level);
                let is_level_asked = entry.asks_level_of(child);
                stage.children.push(self.handler(child, outcome, is_level_asked, is_called, depth + 1));
            }
        }
        stage
    }
}
