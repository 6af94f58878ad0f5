//! What a config does to loggers (CPython's `DictConfigurator.configure`, from "do loggers" on).

use std::sync::Arc;

use logtree_core::{Directives, Filter, HandlerEntry, Level, Logger, Table, TreeBuilder};
use logtree_formatters::default_formatter;
use logtree_handlers::{StreamHandler, StreamHandlerConfig};

use crate::plan::LoggerSpec;

/// The handlers and filters of a config by name.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub(crate) handlers: Table<Arc<HandlerEntry>>,
    pub(crate) filters: Table<Arc<dyn Filter>>,
}

/// The loggers of a process that has configured nothing: a root at WARNING.
pub(crate) fn fresh() -> TreeBuilder {
    let mut fresh = TreeBuilder::default();
    fresh.logger_mut("").level = Level::WARNING;
    fresh
}

/// Python's `logging.lastResort`: the bare message of a warning that met no handler, to stderr.
pub fn last_resort() -> Arc<HandlerEntry> {
    // As Python's, the default stream is stderr.
    let stderr = StreamHandler::new(StreamHandlerConfig::default());
    let entry = HandlerEntry::new("lastResort", Box::new(stderr), default_formatter());
    entry.set_level(Level::WARNING);
    Arc::new(entry)
}

/// What a config does to a logger that is there.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is not named, nor is one above it.
    Disabled,
    /// One above it is named: it logs on, by that one's rules.
    Spared,
    /// It is named.
    Configured,
}

/// Applies a config to the loggers that are there.
pub(crate) fn apply(tree: &mut TreeBuilder, specs: &[LoggerSpec], parts: &Parts, disable_existing: bool) {
    // In order, as the map is.
    let mut existing: Vec<(Arc<str>, Fate)> =
        tree.loggers.keys().filter(|name| !name.is_empty()).map(|name| (Arc::clone(name), Fate::Disabled)).collect();
    let (root, named): (Vec<_>, Vec<_>) = specs.iter().partition(|spec| spec.is_root_section);
    for spec in named {
        if let Ok(at) = existing.binary_search_by(|(name, _)| (**name).cmp(&*spec.name)) {
            existing[at].1 = Fate::Configured;
        }
        // Also below a name that is no logger yet: in CPython a placeholder has it by then.
        let below = format!("{}.", spec.name);
        let from = existing.partition_point(|(name, _)| **name < *below);
        for (_, fate) in existing[from..].iter_mut().take_while(|(name, _)| name.starts_with(&below)) {
            if *fate == Fate::Disabled {
                *fate = Fate::Spared;
            }
        }
        let logger = tree.logger_mut(&spec.name);
        replace(logger, spec, parts);
        logger.disabled = false;
        logger.propagate = spec.propagate.unwrap_or(logger.propagate);
    }
    for (name, fate) in existing {
        let logger = tree.logger_mut(&name);
        match fate {
            Fate::Configured => {}
            Fate::Spared => {
                (logger.level, logger.propagate, logger.span_events) = (Level::NOTSET, true, None);
                logger.handlers.clear();
            }
            Fate::Disabled => logger.disabled = disable_existing,
        }
    }
    for spec in root {
        replace(tree.logger_mut(""), spec, parts);
    }
}

/// Applies an incremental config: levels and `propagate`, nothing else.
pub(crate) fn apply_incremental(tree: &mut TreeBuilder, specs: &[LoggerSpec]) {
    for spec in specs {
        let logger = tree.logger_mut(&spec.name);
        logger.level = spec.level.unwrap_or(logger.level);
        if !spec.is_root_section {
            logger.disabled = false;
            logger.propagate = spec.propagate.unwrap_or(logger.propagate);
        }
    }
}

/// Sets the levels that directives give, as Python's `setLevel` would.
pub(crate) fn set_levels(tree: &mut TreeBuilder, directives: &Directives) {
    for (name, level) in directives.iter() {
        tree.logger_mut(name).level = level;
    }
}

/// Level if given, handlers anew, filters in addition (CPython's `common_logger_config`).
fn replace(logger: &mut Logger, spec: &LoggerSpec, parts: &Parts) {
    logger.level = spec.level.unwrap_or(logger.level);
    logger.span_events = spec.span_events.or(logger.span_events);
    logger.handlers.clear();
    for entry in spec.handlers.iter().filter_map(|name| parts.handlers.get(name)) {
        logger.add_handler(Arc::clone(entry));
    }
    for filter in spec.filters.iter().filter_map(|name| parts.filters.get(name)) {
        logger.add_filter(Arc::clone(filter));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use logtree_core::NameFilter;
    use logtree_handlers::NullHandler;

    use super::*;

    fn named(name: &str) -> LoggerSpec {
        LoggerSpec { name: name.to_owned(), ..LoggerSpec::default() }
    }

    fn state(tree: &TreeBuilder) -> Vec<(&str, i32, bool, bool)> {
        tree.loggers.iter().map(|(name, l)| (&**name, l.level.0, l.propagate, l.disabled)).collect()
    }

    #[test]
    fn a_second_config_disables_and_spares_whom_python_disables_and_spares() {
        // CPython 3.13: the loggers a, a.b, a.b.c, d at level 10 without propagation; then dictConfig with a.b alone
        // and with disable_existing_loggers true: (level, propagate, disabled) of each.
        let mut tree = fresh();
        for name in ["a", "a.b", "a.b.c", "d"] {
            let logger = Logger { level: Level(10), propagate: false, ..Logger::default() };
            tree.loggers.insert(name.into(), logger);
        }
        apply(&mut tree, &[named("a.b")], &Parts::default(), true);
        let expected = [
            ("", 30, true, false),
            ("a", 10, false, true),
            ("a.b", 10, false, false),
            ("a.b.c", 0, true, false),
            ("d", 10, false, true),
        ];
        assert_eq!(state(&tree), expected);
        // The same without disabling: those not named are enabled again.
        apply(&mut tree, &[named("a.b")], &Parts::default(), false);
        assert!(state(&tree).iter().all(|(_, _, _, disabled)| !disabled));
    }

    #[test]
    fn filters_are_added_and_the_root_keeps_the_level_it_is_not_given() {
        // CPython 3.13: loggers "" at INFO with filter f, then root with filter g, twice, and no level.
        let mut parts = Parts::default();
        for name in ["f", "g"] {
            parts.filters.insert(name.to_owned(), Arc::new(NameFilter::default()));
        }
        let as_logger = LoggerSpec { level: Some(Level::INFO), filters: vec!["f".into()], ..named("") };
        let as_root = LoggerSpec { filters: vec!["g".into(), "g".into()], is_root_section: true, ..named("") };
        let mut tree = fresh();
        apply(&mut tree, &[as_logger, as_root], &parts, true);
        let root = tree.loggers.get("").unwrap();
        assert_eq!((root.level, root.filters.len()), (Level::INFO, 2));
    }

    #[test]
    fn handlers_are_replaced_and_attached_once() {
        // CPython 3.13: root with handlers [h], then root with handlers [i, i]: len(logging.root.handlers) == 1.
        let mut parts = Parts::default();
        for name in ["h", "i"] {
            let entry = HandlerEntry::new(name, Box::new(NullHandler), logtree_formatters::default_formatter());
            parts.handlers.insert(name.to_owned(), Arc::new(entry));
        }
        let mut tree = fresh();
        for handlers in [vec!["h".to_owned()], vec!["i".to_owned(), "i".to_owned()]] {
            let root = LoggerSpec { handlers, is_root_section: true, ..named("") };
            apply(&mut tree, &[root], &parts, true);
        }
        let names: Vec<&str> = tree.loggers[""].handlers.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["i"]);
    }

    #[test]
    fn an_incremental_config_changes_levels_and_propagate_only() {
        let mut tree = fresh();
        let filters = vec![Arc::new(NameFilter::default()) as Arc<dyn Filter>];
        let logger = Logger { filters, disabled: true, ..Logger::default() };
        tree.loggers.insert("a".into(), logger);
        let a = LoggerSpec { level: Some(Level::ERROR), propagate: Some(false), ..named("a") };
        let root = LoggerSpec { level: Some(Level::DEBUG), is_root_section: true, ..named("") };
        apply_incremental(&mut tree, &[a, root]);
        assert_eq!(state(&tree), [("", 10, true, false), ("a", 40, false, false)]);
        assert_eq!(tree.loggers.get("a").unwrap().filters.len(), 1);
    }
}
