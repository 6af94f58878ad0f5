//! Loggers and the root (CPython's `DictConfigurator.common_logger_config`).

use logtree_core::{SpanEvents, logger_name};

use super::scope::{At, Field, Scope};
use super::sections::Section;
use super::{Checker, levels, sections};
use crate::node::{Entry, Kind, Node};
use crate::plan::{HandlerLevel, LoggerSpec};
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::resolve::Value;
use crate::suggest;

/// The keys of a logger; CPython ignores any other. `span_events` is logtree's own.
const KEYS: [&str; 5] = ["level", "handlers", "filters", "propagate", "span_events"];

/// The path of the root's own section.
const ROOT: &str = "root";

/// What a handler must be that an incremental config names.
pub(crate) const EARLIER_HANDLER: &str = "a handler that an earlier config made";

/// What CPython says where it is none.
pub(crate) fn no_handler(name_repr: &str) -> String {
    format!("No handler found with name {name_repr}")
}

/// What CPython raises for a logger or handler that is no dict.
fn no_get(value: Value<'_>) -> Refusal {
    let message = format!("'{}' object has no attribute 'get'", value.type_name());
    Refusal::new("AttributeError", message).expected("an object")
}

impl<'a> Checker<'a> {
    pub(super) fn check_loggers(&mut self) {
        for entered in self.scopes(Section::Loggers) {
            let Some(scope) = self.enter(entered) else { continue };
            let spec = self.logger(&scope, false);
            self.loggers.push(spec);
        }
        if let Some(scope) = self.root_scope() {
            let spec = LoggerSpec { is_root_section: true, ..self.logger(&scope, false) };
            let is_given = scope.field("level").is_some_and(|field| field.node.kind != Kind::None)
                || self.directives.iter().any(|(name, _)| name.is_empty());
            if !is_given && !self.loggers.iter().any(|logger| logger.name.is_empty() && logger.level.is_some()) {
                let expected = Some("a level, such as \"level\": \"INFO\"".to_owned());
                self.warn(&scope.at, "root has no level, and so stays at WARNING".to_owned()).expected = expected;
            }
            self.loggers.push(spec);
        }
    }

    /// What an incremental config says of handlers: levels. In a fresh process there is no handler to speak of.
    /// DIFFERENCE: CPython looks for the handlers first, one by one, and changes levels meanwhile.
    pub(super) fn incremental_handlers(&mut self) {
        let Some(Field { at, node, .. }) = self.field("handlers") else { return };
        match self.converted(None, &at, node) {
            Some(Value::Node(Node { kind: Kind::Dict(entries), .. })) => {
                for entry in entries {
                    match self.is_on_top {
                        true => self.incremental_handler(&at, entry),
                        false => {
                            let message = no_handler(&entry.key.repr());
                            let refusal = Refusal::value_error(message).expected(EARLIER_HANDLER);
                            self.refuse(None, &at.key(entry), refusal);
                        }
                    }
                }
            }
            Some(Value::Node(Node { kind: Kind::List(items), .. })) => {
                for (index, item) in items.iter().enumerate() {
                    let unknown = || Refusal::value_error(no_handler(&item.repr()));
                    let refusal = sections::unhashable(item).unwrap_or_else(unknown);
                    self.refuse(None, &at.index(index, item), refusal);
                }
            }
            Some(Value::Node(Node { kind: Kind::Str(text), .. })) => {
                if let Some(first) = text.chars().next() {
                    let name = repr_str(first.encode_utf8(&mut [0; 4]));
                    self.refuse(None, &at, Refusal::value_error(no_handler(&name)));
                }
            }
            Some(value) => self.refuse(None, &at, sections::not_iterable(value.type_name())),
            None => {}
        }
    }

    /// One handler of an incremental config: a level that is not true (0, null, "") changes nothing.
    fn incremental_handler(&mut self, section: &At, entry: &'a Entry) {
        let name = entry.key.text();
        let (at, value_at) = (section.key(entry), section.value(entry));
        let outer = format!("Unable to configure handler {}", entry.key.repr());
        let level = match self.resolver.convert(&entry.value) {
            Ok(Value::Node(node @ Node { kind: Kind::Dict(_), .. })) => {
                let field =
                    Scope { outer: outer.clone(), name: name.clone(), at: at.clone(), value_at, node }.field("level");
                let level = field.map(|field| (self.resolver.convert(field.node), field.at));
                level.map_or(Ok(None), |(value, at)| match value {
                    Ok(value) if !value.is_truthy() => Ok(None),
                    Ok(value) => levels::parse(&self.levels, value).map(Some).map_err(|refusal| (refusal, at)),
                    Err(refusal) => Err((refusal, at)),
                })
            }
            Ok(value) => Err((no_get(value), value_at)),
            Err(refusal) => Err((refusal, value_at)),
        };
        match level {
            Ok(level) => self.handler_levels.push(HandlerLevel { name, at, level }),
            Err((refusal, at)) => self.refuse(Some(&outer), &at, refusal),
        }
    }

    /// What an incremental config says of loggers: level and propagate.
    pub(super) fn incremental_loggers(&mut self) {
        for entered in self.scopes(Section::Loggers) {
            let Some(scope) = self.enter(entered) else { continue };
            let spec = self.logger(&scope, true);
            self.loggers.push(spec);
        }
        if let Some(scope) = self.root_scope() {
            let spec = LoggerSpec { is_root_section: true, ..self.logger(&scope, true) };
            self.loggers.push(spec);
        }
    }

    /// The section `root`, if it is there and true.
    fn root_scope(&mut self) -> Option<Scope<'a>> {
        let Field { key_at: at, at: value_at, node } = self.field("root")?;
        let outer = "Unable to configure root logger".to_owned();
        // CPython converts the section before it wraps anything around it.
        let value = self.converted(None, &value_at, node).filter(|value| value.is_truthy())?;
        if let Value::Node(node @ Node { kind: Kind::Dict(_), .. }) = value {
            return Some(Scope { outer, name: String::new(), at, value_at, node });
        }
        self.refuse(Some(&outer), &value_at, no_get(value));
        None
    }

    fn logger(&mut self, scope: &Scope<'a>, is_incremental: bool) -> LoggerSpec {
        let level = self.level(scope);
        let (mut handlers, mut filters, mut span_events) = (Vec::new(), Vec::new(), None);
        if !is_incremental {
            if let Some(field) = scope.field("handlers") {
                handlers = self.references(scope, &field, Section::Handlers);
            }
            if let Some(field) = scope.field("filters") {
                filters = self.references(scope, &field, Section::Filters);
            }
            span_events = scope.field("span_events").and_then(|field| self.span_events(scope, &field));
        }
        // CPython reads the key for named loggers only.
        let propagate = if scope.at.path == ROOT { None } else { self.propagate(scope) };
        self.unknown_logger_keys(scope, is_incremental);
        let name = logger_name(&scope.name).into_owned();
        LoggerSpec { name, level, propagate, handlers, filters, span_events, is_root_section: false }
    }

    /// Our own key `span_events`: a name, or a list of them.
    fn span_events(&mut self, scope: &Scope<'a>, field: &Field<'a>) -> Option<SpanEvents> {
        let expected = "new, enter, exit, close, active, full or none, or a list of them";
        let one = |name: &Node| {
            let events = name.as_str().and_then(SpanEvents::parse);
            events.ok_or_else(|| {
                let known = SpanEvents::NAMES.map(|(name, _)| name);
                let guess = name.as_str().and_then(|name| suggest::closest(name, &known));
                let refusal = Refusal::value_error(format!("{} is no event of a span", name.repr()));
                refusal.expected(expected).guess(guess)
            })
        };
        let events = self.resolver.convert(field.node).and_then(|value| match value {
            value if value.is_none() => Ok(None),
            Value::Node(Node { kind: Kind::List(items), .. }) => {
                items.iter().try_fold(SpanEvents::NONE, |events, item| Ok(events | one(item)?)).map(Some)
            }
            Value::Node(node) => one(node).map(Some),
            value => Err(Refusal::value_error(format!("{} is no event of a span", value.repr())).expected(expected)),
        });
        self.accepted(Some(&scope.outer), &field.at, events)?
    }

    fn propagate(&mut self, scope: &Scope<'a>) -> Option<bool> {
        let field = scope.field("propagate")?;
        let value = self.converted(Some(&scope.outer), &field.at, field.node).filter(|value| !value.is_none())?;
        self.warn_of_truthy_text(&field.at, value);
        Some(value.is_truthy())
    }

    fn unknown_logger_keys(&mut self, scope: &Scope<'a>, is_incremental: bool) {
        for entry in scope.node.entries() {
            let name = entry.key.text();
            let at = scope.value_at.key(entry);
            if scope.at.path == ROOT && name == "propagate" {
                self.warn(&at, "the root has nowhere to propagate to; the key is ignored".to_owned());
            } else if is_incremental && matches!(&*name, "handlers" | "filters" | "span_events") {
                self.warn(&at, format!("an incremental config does not change {name}; the key is ignored"));
            } else if !KEYS.contains(&&*name) {
                let guess = suggest::closest(&name, &KEYS).map(str::to_owned);
                let message = format!("unknown key {} of a logger is ignored", entry.key.repr());
                self.warn(&at, message).guess = guess;
            }
        }
    }
}
