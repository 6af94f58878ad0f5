//! The schema, as CPython reads it (`logging.config.DictConfigurator`), but all of it: a problem does not end the
//! check, and what Python swallows is a warning.

pub(crate) mod absent;
mod arguments;
mod filters;
mod formatters;
mod handlers;
mod levels;
mod loggers;
mod order;
mod queue;
mod scope;
mod sections;

use std::collections::HashSet;
use std::sync::Arc;

use logtree_core::{Directives, Filter, Formatter, LevelNames, Registry};

use crate::found::{Found, clipped};
use crate::node::{Kind, Node};
use crate::plan::{HandlerLevel, HandlerSpec, LoggerSpec, Made, Plan, Read};
use crate::problem::{Exception, Note, Problem};
use crate::refusal::Refusal;
use crate::resolve::{Resolver, Value};
use crate::source::Source;
use crate::suggest;
pub(crate) use loggers::{EARLIER_HANDLER, no_handler};
pub(crate) use scope::At;
use scope::Field;

/// The keys of a config. `levels`, `env`, `directives` and `env_levels` are logtree's own; `$schema` is for editors.
const KEYS: [&str; 13] = [
    "$schema",
    "version",
    "incremental",
    "disable_existing_loggers",
    "levels",
    "env",
    "directives",
    "env_levels",
    "formatters",
    "filters",
    "handlers",
    "loggers",
    "root",
];

/// A check under way.
pub(crate) struct Checker<'a> {
    source: Arc<Source>,
    root: &'a Node,
    registry: &'a Registry,
    resolver: Resolver<'a>,
    levels: LevelNames,
    directives: Directives,
    formatters: Vec<(String, Made<Arc<dyn Formatter>>)>,
    filters: Vec<(String, Made<Arc<dyn Filter>>)>,
    handlers: Vec<HandlerSpec>,
    turn: handlers::Turn,
    loggers: Vec<LoggerSpec>,
    handler_levels: Vec<HandlerLevel>,
    /// Whether an incremental config may name handlers that are not here.
    is_on_top: bool,
    /// The names of entries, by section, as far as they were asked for.
    names: [Option<HashSet<String>>; 4],
    /// The paths of what is in use, to tell what nobody uses.
    used: HashSet<String>,
    problems: Found,
}

/// Checks a config: a plan, and every problem found, in the order in which CPython would meet them.
pub(crate) fn check(
    source: Arc<Source>,
    root: &Node,
    registry: &Registry,
    assumed: &[String],
    is_on_top: bool,
) -> (Plan, Vec<Problem>) {
    let problems = Found::new(&source);
    let mut checker = Checker {
        source,
        root,
        registry,
        resolver: Resolver::new(root, registry, assumed),
        levels: LevelNames::default(),
        directives: Directives::default(),
        formatters: Vec::new(),
        filters: Vec::new(),
        handlers: Vec::new(),
        turn: handlers::Turn::default(),
        loggers: Vec::new(),
        handler_levels: Vec::new(),
        is_on_top,
        names: Default::default(),
        used: HashSet::new(),
        problems,
    };
    let (is_incremental, disable_existing) = checker.config();
    let Checker {
        source, levels, directives, formatters, filters, handlers, loggers, handler_levels, problems, ..
    } = checker;
    let plan = Plan {
        source,
        levels,
        directives,
        formatters,
        filters,
        handlers,
        loggers,
        handler_levels,
        is_incremental,
        disable_existing,
        warnings: Vec::new(),
        read: Read::default(),
    };
    (plan, problems.finish())
}

impl<'a> Checker<'a> {
    /// The whole config (CPython's `DictConfigurator.configure`): whether it is incremental, and whether it disables
    /// the loggers that it does not name.
    fn config(&mut self) -> (bool, bool) {
        let at = At::root(self.root);
        // DIFFERENCE: a list of pairs, of which CPython makes a dict, is a config without a version.
        if let Some(refusal) = sections::not_a_dict(&self.root.kind) {
            self.refuse(None, &at.start(), refusal.expected("an object"));
            return (false, true);
        }
        self.duplicates(self.root, &at);
        self.version(&at);
        self.level_names();
        self.directives();
        // What the environment says is on top.
        self.env_levels();
        let is_incremental = self.switch("incremental", false);
        let disable_existing = is_incremental || self.switch("disable_existing_loggers", true);
        if is_incremental {
            self.incremental_handlers();
            self.incremental_loggers();
        } else {
            self.check_formatters();
            self.check_filters();
            self.check_handlers();
            self.check_loggers();
            self.unused();
        }
        self.unknown_keys(&at);
        (is_incremental, disable_existing)
    }

    fn version(&mut self, at: &At) {
        let Some(entry) = self.root.entry("version") else {
            let refusal = Refusal::value_error("dictionary doesn't specify a version").expected("\"version\": 1");
            self.refuse(None, &at.start(), refusal);
            self.note_of_inner_config();
            return;
        };
        let at = at.value(entry);
        match self.converted(None, &at, &entry.value) {
            None | Some(Value::Node(Node { kind: Kind::Int(1) | Kind::Bool(true) | Kind::Float(1.0), .. })) => {}
            Some(value) => {
                let text = if let Value::Node(node) = value { node.text() } else { value.repr() };
                let refusal = Refusal::value_error(format!("Unsupported version: {text}")).expected("the number 1");
                self.refuse(None, &at, refusal);
            }
        }
    }

    /// Says where a config stands in what is none: programs keep theirs under a key of their settings.
    fn note_of_inner_config(&mut self) {
        let has = |node: &Node, key| node.entry(key).is_some();
        let is_config = |node: &Node| has(node, "version") && (has(node, "handlers") || has(node, "loggers"));
        let Some(entry) = self.root.entries().iter().find(|entry| is_config(&entry.value)) else { return };
        let text = format!("a config stands under {}: it has to be a file of its own", entry.key.repr());
        let place = entry.key.span.map(|span| self.source.place(span));
        if let Some(problem) = self.problems.last_mut() {
            problem.notes.push(Note { text, place });
        }
    }

    /// A top-level key of which only the truth counts.
    fn switch(&mut self, key: &str, default: bool) -> bool {
        let Some(Field { at, node, .. }) = self.field(key) else { return default };
        let Some(value) = self.converted(None, &at, node) else { return default };
        self.warn_of_truthy_text(&at, value);
        value.is_truthy()
    }

    /// Warns of `"false"` where only the truth counts: a string is true unless it is empty.
    fn warn_of_truthy_text(&mut self, at: &At, value: Value<'_>) {
        if let Value::Node(node @ Node { kind: Kind::Str(text), .. }) = value {
            let truth = if text.is_empty() { "False" } else { "True" };
            let message = format!("the string {} counts as {truth}", node.repr());
            self.warn(at, message).expected = Some("true or false".to_owned());
        }
    }

    fn unknown_keys(&mut self, at: &At) {
        let referenced = self.resolver.referenced(&KEYS);
        for entry in self.root.entries() {
            let name = entry.key.text();
            if referenced.contains(&*name) {
                continue;
            }
            let guess = suggest::closest(&name, &KEYS).map(str::to_owned);
            self.warn(&at.key(entry), format!("unknown key {} is ignored", entry.key.repr())).guess = guess;
        }
    }

    /// Warns of keys that stand twice, wherever they stand.
    fn duplicates(&mut self, node: &'a Node, at: &At) {
        for entry in node.entries() {
            if let Some(earlier) = entry.earlier.filter(|_| !self.problems.is_full()) {
                let earlier = self.source.place(earlier);
                let message = format!("key {} stands twice; the last one counts", entry.key.repr());
                let text = format!("first on line {}", earlier.line);
                self.warn(&at.key(entry), message).notes.push(Note { text, place: Some(earlier) });
            }
            self.duplicates(&entry.value, &at.value(entry));
        }
        if let Kind::List(items) = &node.kind {
            for (index, item) in items.iter().enumerate() {
                self.duplicates(item, &at.index(index, item));
            }
        }
    }

    /// Warns of formatters, filters and handlers that nothing uses.
    fn unused(&mut self) {
        for section in ["formatters", "filters", "handlers"] {
            let Some(Field { at, node, .. }) = self.field(section) else { continue };
            for entry in node.entries() {
                let Some(name) = entry.key.as_str() else { continue };
                if !self.used.contains(&format!("{section}.{name}")) {
                    let kind = &section[..section.len() - 1];
                    self.warn(&at.key(entry), format!("{kind} {} is not used", entry.key.repr()));
                }
            }
        }
    }

    /// A top-level key, if it is there.
    fn field(&self, key: &str) -> Option<Field<'a>> {
        At::root(self.root).field(self.root, key)
    }

    /// What `cfg://` and `ext://` make of a value; nothing if it is refused.
    fn converted(&mut self, outer: Option<&str>, at: &At, node: &'a Node) -> Option<Value<'a>> {
        let value = self.resolver.convert(node);
        self.accepted(outer, at, value)
    }

    /// What was found; nothing if it is refused.
    fn accepted<T>(&mut self, outer: Option<&str>, at: &At, found: Result<T, Refusal>) -> Option<T> {
        found.map_err(|refusal| self.refuse(outer, at, refusal)).ok()
    }

    /// Records that the config is refused. `outer` is the message of the exception that CPython wraps around it.
    #[cold]
    fn refuse(&mut self, outer: Option<&str>, at: &At, refusal: Refusal) {
        let refusal = match outer.filter(|_| !self.problems.is_full()) {
            Some(outer) => refusal.within(outer),
            None => refusal,
        };
        let Refusal { causes, expected, guess } = refusal;
        let mut causes = causes.into_iter();
        let (exception, message) = causes.next().map_or((None, String::new()), |e| (Some(e.kind), e.message));
        let problem = self.problem(true, at, message);
        (problem.exception, problem.expected, problem.guess) = (exception, expected, guess);
        problem.causes = causes.map(|e| Exception { message: clipped(e.message), ..e }).collect();
    }

    /// Records a warning.
    #[cold]
    fn warn(&mut self, at: &At, message: String) -> &mut Problem {
        self.problem(false, at, message)
    }

    #[cold]
    fn problem(&mut self, is_error: bool, at: &At, message: String) -> &mut Problem {
        self.problems.add(is_error, &at.path, at.span, message)
    }
}
