//! The sections of `logging.config.fileConfig`, as the config that `dictConfig` would take for them.
//!
//! What CPython evaluates is read as a literal, and positional arguments get the names that the class gives them. What
//! differs from dictConfig besides: `propagate` is an integer and true where it is not given, levels are names, and nothing is
//! wrapped around an exception. DIFFERENCE: strings that begin with `ext://` or `cfg://` mean here what they mean there,
//! and handlers whose target leads back to them are refused.

mod slip;

use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use super::{Ini, Value, literal};
use crate::catalog::{self, Item, Signature};
use crate::found::Found;
use crate::node::{Entry, Kind, Node, Span};
use crate::problem::{Exception, Problem};
use crate::python::{repr_str, trim};
use crate::refusal::Refusal;
use crate::source::Source;
use crate::suggest;

const FORMATTER_OPTIONS: &[&str] = &["format", "datefmt", "style", "defaults", "class", "escape", "timespec"];
const HANDLER_OPTIONS: &[&str] = &["class", "level", "formatter", "args", "kwargs", "target"];
const LOGGER_OPTIONS: &[&str] = &["level", "handlers", "qualname", "propagate"];

/// What the keys of a handler mean in dictConfig, so that no argument can be called so.
const OWN_KEYS: &[&str] = &["class", "()", ".", "formatter", "filters"];

/// The class of what stands for a handler that is refused, so that those who name it are not.
const STAND_IN: &str = "logging.NullHandler";

/// The config as dictConfig has it, and what is wrong with how it is written.
pub(crate) fn nodes(source: &Arc<Source>, ini: &Ini<'_>) -> (Node, Vec<Problem>) {
    let mut translation = Translation { ini, found: Found::new(source), refusals: 0, used: HashSet::new() };
    let span = Span { start: 0, end: source.text.len() };
    let entries = vec![
        entry("version", span, Kind::Int(1)),
        entry("formatters", span, translation.formatters()),
        entry("handlers", span, translation.handlers()),
        entry("loggers", span, translation.loggers()),
    ];
    translation.unused();
    (Node::new(Kind::Dict(entries), span), translation.found.finish())
}

/// A problem as fileConfig has it, which wraps nothing around its exceptions.
pub(crate) fn unwrapped(mut problem: Problem) -> Problem {
    while !problem.causes.is_empty()
        && (problem.message.starts_with("Unable to ") || problem.message.starts_with("Cannot "))
    {
        let Exception { kind, message } = problem.causes.remove(0);
        (problem.exception, problem.message) = (Some(kind), message);
    }
    problem
}

struct Translation<'a> {
    ini: &'a Ini<'a>,
    found: Found,
    /// How many problems are errors.
    refusals: usize,
    /// The sections that others name.
    used: HashSet<String>,
}

/// A name in a list of names.
struct Name {
    text: String,
    span: Span,
}

impl<'a> Translation<'a> {
    /// CPython's `_create_formatters`.
    fn formatters(&mut self) -> Kind {
        let mut entries = Vec::new();
        for name in self.keys("formatters") {
            let Some((section, span)) = self.section("formatter_", &name) else {
                entries.push(entry(&name.text, name.span, Kind::Dict(Vec::new())));
                continue;
            };
            let mut own = Vec::new();
            for option in ["format", "datefmt", "style", "escape", "timespec"] {
                own.extend(self.ini.raw(&section, option).map(|value| text_entry(option, value)));
            }
            if let Some(value) = self.get(&section, "class").filter(|value| !value.text.is_empty()) {
                own.push(text_entry("class", value));
            }
            if let Some(value) = self.ini.raw(&section, "defaults")
                && let Some(node) = self.literal(&section, "defaults", &value)
            {
                own.push(Entry { key: key("defaults", value.span), value: node, earlier: None });
            }
            entries.push(Entry { key: key(&name.text, span), value: Node::new(Kind::Dict(own), span), earlier: None });
        }
        Kind::Dict(entries)
    }

    /// CPython's `_install_handlers`.
    fn handlers(&mut self) -> Kind {
        let mut entries = Vec::new();
        for name in self.keys("handlers") {
            let Some((section, span)) = self.section("handler_", &name) else {
                entries.push(stand_in(&name));
                continue;
            };
            let Some((class, class_span)) = self.handler_class(&section, span) else {
                entries.push(stand_in(&name));
                continue;
            };
            // What cannot be read hides nothing else that is wrong.
            let arguments = self.arguments(&section, &class);
            let class = if arguments.is_some() { class } else { STAND_IN.to_owned() };
            let mut own = Vec::new();
            for option in ["level", "formatter"] {
                let value = self.get(&section, option);
                // No formatter has no name.
                let value = value.filter(|value| option == "level" || !value.text.is_empty());
                own.extend(value.map(|value| text_entry(option, value)));
            }
            if class == "logging.handlers.MemoryHandler" {
                let target = self.get(&section, "target").filter(|target| !target.text.is_empty());
                own.extend(target.map(|target| text_entry("target", target)));
            }
            own.push(entry("class", class_span, Kind::Str(class)));
            for argument in arguments.into_iter().flatten() {
                // Whatever the section says besides comes after the call, and wins.
                if !own.iter().any(|own| own.key.kind == argument.key.kind) {
                    own.push(argument);
                }
            }
            entries.push(Entry { key: key(&name.text, span), value: Node::new(Kind::Dict(own), span), earlier: None });
        }
        Kind::Dict(entries)
    }

    fn handler_class(&mut self, section: &str, span: Span) -> Option<(String, Span)> {
        let Value { text, span, .. } = self.required(section, span, "class")?;
        let name = class_name(&text);
        if name.is_none() {
            let message = format!("not the dotted name of a class: {}", repr_str(&text));
            self.refuse(section, "class", span, None, message);
            self.expected_by_indent(&text);
        }
        name.map(|name| (name, span))
    }

    /// `args` and `kwargs` as keyword arguments; nothing if one of them cannot be read.
    fn arguments(&mut self, section: &str, class: &str) -> Option<Vec<Entry>> {
        let before = self.refusals;
        let mut literal = |option| {
            let value = self.get(section, option)?;
            Some((self.literal(section, option, &value)?, value.span))
        };
        let (args, kwargs) = (literal("args"), literal("kwargs"));
        if self.refusals > before {
            return None;
        }
        let signature = catalog::signature(class);
        let (args, args_span) =
            args.unwrap_or((Node { kind: Kind::List(Vec::new()), span: None }, Span { start: 0, end: 0 }));
        let items = self.positional(section, class, args, args_span).unwrap_or_default();
        // What Python has and is no class of handlers is refused as such.
        let is_unknown = catalog::find(class).is_none() && catalog::module(class).is_none() && !items.is_empty();
        let too_many = signature.and_then(|signature| signature.too_many(items.len()));
        let named = signature.map(Signature::positional).unwrap_or_default().into_iter().zip(items);
        // The target of a MemoryHandler is the option of that name.
        let named = named.filter(|(name, item)| *name != "target" || item.kind != Kind::None);
        let argument = |(name, item): (&str, Node)| Entry {
            key: key(name, item.span.unwrap_or(args_span)),
            value: item,
            earlier: None,
        };
        let mut arguments = named.map(argument).collect();
        if let Some((node, span)) = kwargs {
            self.keywords(section, class, node, span, &mut arguments);
        }
        if is_unknown {
            let message = format!("the arguments of {class} have no order that is known here: give them as kwargs");
            self.refuse(section, "args", args_span, None, message);
        }
        if let Some(message) = too_many {
            self.refuse(section, "args", args_span, Some("TypeError"), message);
        }
        if class == "logging.handlers.RotatingFileHandler" {
            self.warn_of_mode(section, args_span, &arguments);
        }
        Some(arguments)
    }

    /// Adds what `kwargs` says to the arguments.
    fn keywords(&mut self, section: &str, class: &str, node: Node, span: Span, arguments: &mut Vec<Entry>) {
        let signature = catalog::signature(class);
        let Kind::Dict(entries) = node.kind else {
            let message = format!("{class}() argument after ** must be a mapping, not {}", plain_type(&node));
            self.refuse(section, "kwargs", span, Some("TypeError"), message);
            return;
        };
        let call = signature.map_or_else(|| format!("{class}()"), |signature| signature.call.to_owned());
        for entry in entries {
            let span = entry.key.span.unwrap_or(span);
            let Some(name) = entry.key.as_str().map(str::to_owned) else {
                self.refuse(section, "kwargs", span, Some("TypeError"), "keywords must be strings".to_owned());
                continue;
            };
            let takes_level = signature.is_some_and(|signature| signature.keywords().contains(&"level"));
            if OWN_KEYS.contains(&&*name) || (name == "level" && !takes_level) {
                let message = format!("{call} got an unexpected keyword argument '{name}'");
                self.refuse(section, "kwargs", span, Some("TypeError"), message);
            } else if arguments.iter().any(|other: &Entry| other.key.as_str() == Some(&name)) {
                let message = format!("{call} got multiple values for argument '{name}'");
                self.refuse(section, "kwargs", span, Some("TypeError"), message);
            } else {
                arguments.push(entry);
            }
        }
    }

    /// The positional arguments: Python takes a string apart, and the keys of a dict.
    fn positional(&mut self, section: &str, class: &str, node: Node, span: Span) -> Option<Vec<Node>> {
        match node.kind {
            Kind::List(items) => Some(items),
            // DIFFERENCE: a string that begins so and is no name of a stream is taken for one.
            Kind::Str(text) if text.starts_with("ext://sys.") => {
                self.refuse(section, "args", span, Some("UnsupportedOperation"), "not readable".to_owned());
                self.expected(&format!("a comma behind a single argument: ({},)", &text["ext://".len()..]));
                None
            }
            Kind::Str(text) => {
                if text.chars().nth(1).is_some() {
                    let message = "each character of this string is an argument of its own".to_owned();
                    self.warn(section, "args", span, message);
                    self.expected(&format!("a comma behind a single argument: ({},)", repr_str(&text)));
                }
                let char = |char: char| Node { kind: Kind::Str(char.into()), span: Some(span) };
                Some(text.chars().map(char).collect())
            }
            Kind::Dict(entries) => Some(entries.into_iter().map(|entry| entry.key).collect()),
            _ => {
                let message = format!("{class}() argument after * must be an iterable, not {}", plain_type(&node));
                self.refuse(section, "args", span, Some("TypeError"), message);
                None
            }
        }
    }

    /// CPython's `_install_loggers`: the root first.
    fn loggers(&mut self) -> Kind {
        let mut entries = Vec::new();
        let mut names = self.keys("loggers");
        let Some(at) = names.iter().position(|name| name.text == "root") else {
            if let Some(value) = self.ini.raw("loggers", "keys") {
                let message = "list.remove(x): x not in list".to_owned();
                self.refuse("loggers", "keys", value.span, Some("ValueError"), message);
                self.expected("root among the keys");
            }
            return Kind::Dict(entries);
        };
        let root = names.remove(at);
        for (is_root, name) in std::iter::once((true, root)).chain(names.into_iter().map(|name| (false, name))) {
            let Some((section, span)) = self.section("logger_", &name) else { continue };
            let mut own = Vec::new();
            let qualname = match is_root {
                true => Some(Value { text: "root".to_owned(), span, is_verbatim: false }),
                false => self.required(&section, span, "qualname"),
            };
            if !is_root {
                let propagate = self.propagate(&section);
                own.push(entry("propagate", propagate.1.unwrap_or(span), Kind::Bool(propagate.0)));
            }
            let level = self.get(&section, "level");
            if is_root && level.is_none() {
                let message = "root has no level, and so stays at WARNING".to_owned();
                self.warn(&section, "level", span, message);
            }
            own.extend(level.map(|level| text_entry("level", level)));
            if let Some(handlers) = self.required(&section, span, "handlers") {
                let names = split(&handlers).into_iter();
                let names = names.map(|name| Node::new(Kind::Str(name.text), name.span)).collect();
                own.push(entry("handlers", handlers.span, Kind::List(names)));
            }
            let key = qualname.map_or_else(|| key(&name.text, name.span), |name| key(&name.text, name.span));
            entries.push(Entry { key, value: Node::new(Kind::Dict(own), span), earlier: None });
        }
        Kind::Dict(entries)
    }

    /// Whether records go on to the parent's handlers, and where it says so.
    fn propagate(&mut self, section: &str) -> (bool, Option<Span>) {
        let Some(value) = self.get(section, "propagate") else { return (true, None) };
        let text = trim(&value.text).replace('_', "");
        let Ok(number) = text.parse::<i64>() else {
            let message = format!("invalid literal for int() with base 10: {}", repr_str(&value.text));
            self.refuse(section, "propagate", value.span, Some("ValueError"), message);
            self.expected("1 or 0");
            return (true, Some(value.span));
        };
        (number != 0, Some(value.span))
    }

    /// The names that the option `keys` of a section lists.
    fn keys(&mut self, section: &str) -> Vec<Name> {
        if self.ini.section(section).is_none() {
            let start = Span { start: 0, end: 0 };
            self.refuse(section, "keys", start, Some("KeyError"), repr_str(section));
            self.expected(&format!("a section [{section}]"));
            return Vec::new();
        }
        let span = self.ini.section(section).and_then(|section| section.span).unwrap_or(Span { start: 0, end: 0 });
        self.required(section, span, "keys").map(|value| split(&value)).unwrap_or_default()
    }

    /// The section of a name in a list of keys, and its place.
    fn section(&mut self, prefix: &str, name: &Name) -> Option<(String, Span)> {
        let section = format!("{prefix}{}", name.text);
        match self.ini.section(&section) {
            Some(found) => {
                self.used.insert(section.clone());
                Some((section, found.span.unwrap_or(name.span)))
            }
            None => {
                self.refuse(&section, "", name.span, Some("KeyError"), repr_str(&section));
                self.expected(&format!("a section [{section}]"));
                self.guess(self.meant_section(prefix, name).as_deref());
                None
            }
        }
    }

    /// An option that must be there. `span` is the place of its section.
    fn required(&mut self, section: &str, span: Span, option: &str) -> Option<Value> {
        let is_there = self.ini.raw(section, option).is_some();
        if !is_there {
            self.refuse(section, option, span, Some("KeyError"), repr_str(option));
            self.expected(&format!("an option `{option}`"));
        }
        self.get(section, option)
    }

    /// An option if it is there; what is wrong with its interpolation is a problem.
    fn get(&mut self, section: &str, option: &str) -> Option<Value> {
        self.ini.get(section, option).unwrap_or_else(|(span, Refusal { causes, expected, .. })| {
            for Exception { kind, message } in causes {
                self.refuse(section, option, span, Some(kind), message);
            }
            if let Some(problem) = self.found.last_mut() {
                problem.expected = expected;
            }
            None
        })
    }

    fn literal(&mut self, section: &str, option: &str, value: &Value) -> Option<Node> {
        let refuse = |error: literal::NoLiteral| {
            self.refuse(section, option, error.span, None, error.message);
            self.guess(error.guess);
            self.expected_by_indent(&value.text);
        };
        literal::read(value).map_err(refuse).ok()
    }

    /// Warns of sections that nobody names, and of options that nobody reads.
    fn unused(&mut self) {
        // std's sort is compiled for each type that is sorted, at ten times the size of its heap.
        let sections: BinaryHeap<_> = self.ini.names().map(|(name, span)| (span, name)).collect();
        for (span, name) in sections.into_sorted_vec() {
            let kinds = [
                ("formatter_", "formatters", FORMATTER_OPTIONS),
                ("handler_", "handlers", HANDLER_OPTIONS),
                ("logger_", "loggers", LOGGER_OPTIONS),
            ];
            let Some((_, list, known)) = kinds.into_iter().find(|(prefix, ..)| name.starts_with(prefix)) else {
                continue;
            };
            if !self.used.contains(name) {
                let message = format!("section {} is not among the keys of [{list}]", repr_str(name));
                self.warn(name, "", span.unwrap_or(Span { start: 0, end: 0 }), message);
                continue;
            }
            for (option, span) in self.ini.section(name).into_iter().flat_map(|section| &section.names) {
                if !known.contains(&&*option.to_lowercase()) {
                    self.warn(name, option, *span, format!("unknown option {} is ignored", repr_str(option)));
                    self.guess(suggest::closest(&option.to_lowercase(), known));
                }
            }
        }
    }

    #[cold]
    fn refuse(&mut self, section: &str, option: &str, span: Span, exception: Option<&'static str>, message: String) {
        self.warn(section, option, span, message);
        if let Some(problem) = self.found.last_mut() {
            (problem.is_error, problem.exception) = (true, exception);
        }
        self.refusals += 1;
    }

    #[cold]
    fn warn(&mut self, section: &str, option: &str, span: Span, message: String) {
        let path = if option.is_empty() { format!("[{section}]") } else { format!("[{section}] {option}") };
        self.found.add(false, &path, Some(span), message);
    }

    /// Says what was perhaps meant in the place of the last problem.
    #[cold]
    fn guess(&mut self, guess: Option<&str>) {
        if let Some(problem) = self.found.last_mut() {
            problem.guess = guess.map(str::to_owned);
        }
    }

    /// Says what would have been right in the place of the last problem.
    #[cold]
    fn expected(&mut self, expected: &str) {
        if let Some(problem) = self.found.last_mut() {
            problem.expected = Some(expected.to_owned());
        }
    }
}

fn stand_in(name: &Name) -> Entry {
    let class = entry("class", name.span, Kind::Str(STAND_IN.to_owned()));
    entry(&name.text, name.span, Kind::Dict(vec![class]))
}

fn key(name: &str, span: Span) -> Node {
    Node::new(Kind::Str(name.to_owned()), span)
}

fn entry(name: &str, span: Span, kind: Kind) -> Entry {
    Entry { key: key(name, span), value: Node::new(kind, span), earlier: None }
}

fn text_entry(name: &str, value: Value) -> Entry {
    entry(name, value.span, Kind::Str(value.text))
}

/// The parts of a list of names; none if there is nothing at all.
fn split(value: &Value) -> Vec<Name> {
    if value.text.is_empty() {
        return Vec::new();
    }
    let part = |part: &str| {
        let text = trim(part);
        let start = value.span.start + (text.as_ptr().addr() - value.text.as_ptr().addr());
        let span = if value.is_verbatim { Span { start, end: start + text.len() } } else { value.span };
        Name { text: text.to_owned(), span }
    };
    value.text.split(',').map(part).collect()
}

/// The class that a name stands for in the module `logging`, else the name itself; nothing if it is no dotted name.
fn class_name(text: &str) -> Option<String> {
    let is_name = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && chars.all(|char| char.is_alphanumeric() || char == '_')
    };
    if !text.split('.').all(is_name) {
        return None;
    }
    let in_logging = format!("logging.{text}");
    let is_there = matches!(catalog::find(&in_logging), Some(item) if !matches!(item, Item::Int(_)));
    Some(if is_there { in_logging } else { text.to_owned() })
}

/// Python's name of the type, where nothing has converted it.
fn plain_type(node: &Node) -> &'static str {
    match node.kind {
        Kind::List(_) => "list",
        Kind::Dict(_) => "dict",
        _ => node.type_name(),
    }
}
