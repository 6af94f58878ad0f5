//! Routes against the walk that they were made from: what CPython's `Logger.isEnabledFor`, `getEffectiveLevel`, `filter`
//! and `callHandlers` do at each record, step by step.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use logtree_core::{
    EmitError, Filter, FormatError, Formatter, Handler, HandlerEntry, Level, Logger, NameFilter, Needs, Record, Steps,
    Tree, TreeBuilder,
};
use proptest::prelude::*;

struct Nothing;

impl Handler for Nothing {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }
}

impl Formatter for Nothing {
    fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), FormatError> {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// Python's walk: the logger's own `disabled`, the effective level, and the handlers of each logger on the way up.
fn walk(builder: &TreeBuilder, name: &str) -> (bool, Level, Vec<String>) {
    let mut is_disabled = false;
    let mut level = Level::NOTSET;
    let mut handlers = Vec::new();
    let mut propagates = true;
    let mut next = Some(name);
    while let Some(name_above) = next {
        if let Some(logger) = builder.loggers.get(name_above) {
            is_disabled |= name_above == name && logger.disabled;
            level = if level == Level::NOTSET { logger.level } else { level };
            if propagates {
                let mut own: Vec<&Arc<HandlerEntry>> = Vec::new();
                for entry in &logger.handlers {
                    // `addHandler` attaches a handler once.
                    if !own.iter().any(|known| Arc::ptr_eq(known, entry)) {
                        own.push(entry);
                    }
                }
                handlers.extend(own.into_iter().map(|entry| entry.name.clone()));
                propagates = logger.propagate;
            }
        }
        next = match name_above.rsplit_once('.') {
            Some((above, _)) => Some(above),
            None => (!name_above.is_empty()).then_some(""),
        };
    }
    if handlers.is_empty() {
        handlers.push("last resort".to_owned());
    }
    (is_disabled, level, handlers)
}

fn entry(name: &str) -> Arc<HandlerEntry> {
    Arc::new(HandlerEntry::new(name, Box::new(Nothing), Arc::new(Nothing)))
}

/// Names that begin like one another, with and without a dot between; some with dots where none should be.
fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(vec!["a", "b", ".", ".", "-", "a/", "é"]), 0..6)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_route_is_the_walk_taken_beforehand(
        loggers in proptest::collection::vec(
            (name(), -1..4_i32, any::<bool>(), any::<bool>(), any::<bool>(), proptest::collection::vec(0..3_usize, 0..3)),
            0..12,
        ),
        names in proptest::collection::vec(name(), 20),
        disable in 0..3_i32,
    ) {
        let handlers = ["h0", "h1", "h2"].map(entry);
        let mut builder = Tree::builder();
        builder.last_resort(entry("last resort")).disable(Level(disable));
        for (name, level, propagate, disabled, has_filter, attached) in &loggers {
            let filters: Vec<Arc<dyn Filter>> =
                if *has_filter { vec![Arc::new(NameFilter::default())] } else { Vec::new() };
            let handlers = attached.iter().map(|index| Arc::clone(&handlers[*index])).collect();
            let logger = Logger { level: Level(*level), propagate: *propagate, disabled: *disabled, filters, handlers, span_events: None };
            builder.logger(name, logger);
        }
        let tree = builder.build();
        for name in names.iter().chain(loggers.iter().map(|(name, ..)| name)) {
            let (is_disabled, effective, expected) = walk(&builder, name);
            let route = tree.find(name);
            for level in (-1..4).map(Level) {
                let enabled = !is_disabled && level > Level(disable) && level >= effective;
                prop_assert_eq!(route.is_enabled_for(level), enabled, "{:?} at {:?}", name, level);
            }
            if !is_disabled {
                let found: Vec<&str> = route.handlers().iter().map(|entry| entry.name.as_str()).collect();
                prop_assert_eq!(found, expected, "{:?}", name);
                // Nothing else here reads spans: so it has this very logger's filters, and no other's.
                let has_filter = builder.loggers.get(&**name).is_some_and(|logger| !logger.filters.is_empty());
                prop_assert_eq!(route.needs().spans, has_filter, "{:?}", name);
            }
        }
    }
}
