//! What there is to draw.

use std::collections::HashMap;
use std::sync::Arc;

use logtree_core::{Argument, Destination, Filter, HandlerEntry, Level, LevelNames, SpanEvents, TreeBuilder};
use logtree_dictconfig::{HandlerSpec, Plan};

/// The loggers and handlers of a config.
pub(super) struct Drawing {
    pub(super) is_incremental: bool,
    pub(super) level_names: LevelNames,
    /// The root first, then each behind its parent.
    pub(super) loggers: Vec<Logger>,
    /// Those that others hand on to before those.
    pub(super) handlers: Vec<Handler>,
}

pub(super) struct Logger {
    /// With dots; `root` for the root.
    pub(super) name: String,
    /// The index of the nearest logger above.
    pub(super) above: Option<usize>,
    /// [`Level::NOTSET`] asks that one.
    pub(super) level: Level,
    pub(super) effective_level: Level,
    pub(super) propagate: bool,
    pub(super) disabled: bool,
    /// At which points of their lives its spans have records, if it says so itself.
    pub(super) span_events: Option<SpanEvents>,
    pub(super) effective_span_events: SpanEvents,
    /// Names.
    pub(super) filters: Vec<String>,
    /// Indices of handlers.
    pub(super) handlers: Vec<usize>,
}

pub(super) struct Handler {
    pub(super) name: String,
    pub(super) class: String,
    pub(super) is_available: bool,
    pub(super) level: Level,
    pub(super) formatter: Option<String>,
    /// Names.
    pub(super) filters: Vec<String>,
    pub(super) destination: Option<Destination>,
    /// The machine or service that it sends to.
    pub(super) address: Option<String>,
    /// The handlers that it hands on to.
    pub(super) children: Vec<Child>,
}

/// A handler that another one hands on to.
pub(super) struct Child {
    /// Its index.
    pub(super) handler: usize,
    /// Whether its level is asked.
    pub(super) is_level_asked: bool,
}

impl Drawing {
    pub(super) fn of(plan: &Plan) -> Self {
        let tree = plan.outline();
        let indices: HashMap<&str, usize> =
            plan.handlers().iter().enumerate().map(|(index, spec)| (spec.name(), index)).collect();
        let made = tree.handlers.iter().zip(plan.handlers());
        let handlers = made.map(|(entry, spec)| Handler::of(entry, spec, &indices)).collect();
        Self {
            is_incremental: plan.is_incremental(),
            level_names: tree.level_names.clone(),
            loggers: loggers(&tree, &indices),
            handlers,
        }
    }

    /// What is not attached to a logger and not handed on to.
    pub(super) fn unattached(&self) -> Vec<usize> {
        let mut is_attached = vec![false; self.handlers.len()];
        let attached = self.loggers.iter().flat_map(|logger| logger.handlers.iter().copied());
        let handed_on = self.handlers.iter().flat_map(|handler| handler.children.iter().map(|child| child.handler));
        attached.chain(handed_on).for_each(|index| is_attached[index] = true);
        (0..self.handlers.len()).filter(|index| !is_attached[*index]).collect()
    }

    /// How a level is called.
    pub(super) fn name(&self, level: Level) -> String {
        self.level_names.name(level).to_string()
    }
}

/// The loggers in the order of their names' parts, in which each comes behind those above it.
fn loggers(tree: &TreeBuilder, indices: &HashMap<&str, usize>) -> Vec<Logger> {
    let mut named: Vec<_> = tree.loggers.iter().collect();
    // By their parts, so that what is below a logger follows it at once; the root's name comes before all others.
    named.sort_by(|(one, _), (other, _)| one.split('.').cmp(other.split('.')));
    let mut loggers: Vec<Logger> = Vec::with_capacity(named.len());
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (name, logger) in named {
        let above = ways_up(name).find_map(|above| known.get(above).copied());
        let inherited = above.map_or(Level::NOTSET, |above| loggers[above].effective_level);
        let inherited_events = above.map_or(SpanEvents::NONE, |above| loggers[above].effective_span_events);
        known.insert(name, loggers.len());
        loggers.push(Logger {
            name: if name.is_empty() { "root".to_owned() } else { name.to_string() },
            above,
            level: logger.level,
            effective_level: if logger.level == Level::NOTSET { inherited } else { logger.level },
            propagate: logger.propagate,
            disabled: logger.disabled,
            span_events: logger.span_events,
            effective_span_events: logger.span_events.unwrap_or(inherited_events),
            filters: logger.filters.iter().filter_map(|filter| filter_name(tree, filter)).collect(),
            handlers: logger.handlers.iter().filter_map(|entry| indices.get(&*entry.name).copied()).collect(),
        });
    }
    loggers
}

/// The names above this one, the nearest first; the root's last.
fn ways_up(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| match name.rsplit_once('.') {
        Some((above, _)) => Some(above),
        None if name.is_empty() => None,
        None => Some(""),
    })
    .skip(1)
}

fn filter_name(tree: &TreeBuilder, filter: &Arc<dyn Filter>) -> Option<String> {
    tree.filters.iter().find(|(_, named)| Arc::ptr_eq(named, filter)).map(|(name, _)| name.to_owned())
}

impl Logger {
    /// `span_events` as it stands in the config, if it does.
    pub(super) fn span_events_note(&self) -> Option<String> {
        let names: Vec<&str> = self.span_events?.names().collect();
        Some(format!("span_events {}", if names.is_empty() { "none".to_owned() } else { names.join(" ") }))
    }
}

impl Handler {
    fn of(entry: &HandlerEntry, spec: &HandlerSpec, indices: &HashMap<&str, usize>) -> Self {
        let children = entry.handler.children().iter().filter_map(|child| {
            Some(Child { handler: *indices.get(&*child.name)?, is_level_asked: entry.asks_level_of(child) })
        });
        Self {
            name: spec.name().to_owned(),
            class: spec.class().to_owned(),
            is_available: spec.is_available(),
            level: entry.level(),
            formatter: spec.formatter().map(str::to_owned),
            filters: spec.filters().to_vec(),
            destination: Destination::of(entry),
            address: address(spec),
            children: children.collect(),
        }
    }
}

/// Where Python's handlers over the network send to, as `host:port`, path or URL.
fn address(spec: &HandlerSpec) -> Option<String> {
    let text = |argument: &Argument| match argument {
        Argument::Str(text) if !text.is_empty() => Some(text.clone()),
        Argument::Int(number) => Some(number.to_string()),
        _ => None,
    };
    let pair = |argument: &Argument| match argument {
        Argument::List(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join(":")),
        other => text(other),
    };
    let given = |keyword| spec.argument(keyword).and_then(pair);
    match (given("host"), given("port"), given("url")) {
        (Some(host), Some(port), _) => Some(format!("{host}:{port}")),
        (Some(host), None, Some(url)) => Some(format!("{host}{url}")),
        (host, ..) => host.or_else(|| given("address")).or_else(|| given("mailhost")),
    }
}
