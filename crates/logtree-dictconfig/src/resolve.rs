//! What strings stand for: `cfg://` and `ext://` in values, and dotted names of classes.

use std::cell::Cell;
use std::collections::HashSet;

use logtree_core::{Object, Registry};

use crate::catalog::{self, Item};
use crate::node::{Kind, Node};
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::suggest;

/// A value after conversion (CPython's `BaseConfigurator.convert`).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// What stands there, or what `cfg://` leads to.
    Node(&'a Node),
    /// A handler of the same config, by `cfg://handlers.name`.
    Handler(&'a str),
    /// What `ext://name` stands for.
    Named(&'a str, Known<'a>),
}

/// What a dotted name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    /// An object that the program registered.
    Object(&'a Object),
    /// A class or factory that the program registered.
    Registered,
    /// Something that Python has and logtree has not, or not yet.
    Item(Item),
    /// Something that the caller says the program will register.
    Assumed,
}

/// How many `cfg://` may lead to one another.
const MAX_HOPS: usize = 64;
/// How many `cfg://` may be followed for one value: each part of a path may lead to another path.
const MAX_STEPS: usize = 10_000;

/// What a class that is not there should have been.
pub(crate) const REGISTERED: &str = "a class or object that logtree or the program registers";

pub(crate) struct Resolver<'a> {
    root: &'a Node,
    registry: &'a Registry,
    assumed: &'a [String],
    /// How many `cfg://` may still be followed for the value at hand.
    steps_left: Cell<usize>,
}

impl<'a> Value<'a> {
    pub(crate) fn is_truthy(self) -> bool {
        match self {
            Self::Node(node) => node.is_truthy(),
            Self::Named(_, Known::Item(Item::Int(value))) => value != 0,
            Self::Handler(_) | Self::Named(..) => true,
        }
    }

    pub(crate) fn is_none(self) -> bool {
        matches!(self, Self::Node(Node { kind: Kind::None, .. }))
    }

    /// Python's `repr`, but for addresses.
    pub(crate) fn repr(self) -> String {
        match self {
            Self::Node(node) => node.repr(),
            Self::Handler(name) => format!("<handler {name}>"),
            Self::Named(_, Known::Item(Item::Int(value))) => value.to_string(),
            Self::Named(name, known) if known.is_callable() => format!("<class '{name}'>"),
            Self::Named(name, _) => format!("<{name}>"),
        }
    }

    /// Python's name of the type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Node(node) => node.type_name(),
            Self::Named(_, Known::Item(Item::Int(_))) => "int",
            Self::Named(_, known) if known.is_callable() => "type",
            Self::Handler(_) | Self::Named(..) => "object",
        }
    }
}

impl Known<'_> {
    /// Whether Python could call it.
    pub(crate) fn is_callable(self) -> bool {
        !matches!(self, Self::Object(_) | Self::Item(Item::Int(_)))
    }
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(root: &'a Node, registry: &'a Registry, assumed: &'a [String]) -> Self {
        Self { root, registry, assumed, steps_left: Cell::new(0) }
    }

    /// Whether the caller says that the program will register the name.
    pub(crate) fn is_assumed(&self, name: &str) -> bool {
        self.assumed.iter().any(|assumed| match assumed.strip_suffix(".*") {
            Some(package) => name != package && is_below(name, package),
            None => assumed == name,
        })
    }

    /// The top-level keys that `known` ones lead to, and those that these lead to, by `cfg://`. What the arguments of a class that
    /// is not there lead to is among them, though nobody follows it.
    pub(crate) fn referenced(&self, known: &[&'a str]) -> HashSet<String> {
        let mut referenced = HashSet::new();
        let mut to_look: Vec<&str> = known.to_vec();
        while let Some(key) = to_look.pop() {
            if referenced.insert(key.to_owned())
                && let Some(entry) = self.root.entry(key)
            {
                add_references(&entry.value, &mut to_look);
            }
        }
        referenced
    }

    /// The value of a node: strings that begin with `ext://` or `cfg://` stand for something else.
    ///
    /// # Errors
    /// What CPython raises for a name that leads nowhere.
    pub(crate) fn convert(&self, node: &'a Node) -> Result<Value<'a>, Refusal> {
        self.steps_left.set(MAX_STEPS);
        self.convert_within(node, MAX_HOPS)
    }

    fn convert_within(&self, node: &'a Node, hops: usize) -> Result<Value<'a>, Refusal> {
        let text = node.as_str().unwrap_or_default();
        // CPython matches `^([a-z]+)://(.*)$`, where `.` is no newline and `$` may stand before a last one.
        let suffix = |scheme| Some(text.strip_prefix(scheme)?.strip_suffix('\n').unwrap_or(text.strip_prefix(scheme)?));
        let suffix = |scheme| suffix(scheme).filter(|suffix| !suffix.contains('\n'));
        if let Some(name) = suffix("ext://") {
            return Ok(Value::Named(name, self.lookup(name)?));
        }
        match suffix("cfg://") {
            Some(path) => self.follow(path, hops),
            None => Ok(Value::Node(node)),
        }
    }

    /// What a dotted name stands for (CPython's `BaseConfigurator.resolve`).
    ///
    /// # Errors
    /// As CPython would if its modules had just the names that are known here.
    pub(crate) fn lookup(&self, name: &str) -> Result<Known<'a>, Refusal> {
        if let Some(object) = self.registry.find_object(name) {
            return Ok(Known::Object(object));
        }
        if self.registry.names().any(|known| known == name) {
            return Ok(Known::Registered);
        }
        if let Some(item) = catalog::find(name) {
            return Ok(Known::Item(item));
        }
        if self.is_assumed(name) {
            return Ok(Known::Assumed);
        }
        Err(self.unresolved(name))
    }

    /// The same for the `class` of a formatter, whose errors CPython does not wrap (`logging.config._resolve`).
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup), without the outermost exception.
    pub(crate) fn lookup_formatter(&self, name: &str) -> Result<Known<'a>, Refusal> {
        self.lookup(name).map_err(|mut refusal| {
            if refusal.causes.len() > 1 {
                refusal.causes.remove(0);
            }
            refusal
        })
    }

    /// What CPython says to a name that does not exist: at which part of it the import fails, and how.
    fn unresolved(&self, name: &str) -> Refusal {
        let names = self.names();
        let is_known = |prefix: &str| names.iter().any(|known| is_below(known, prefix));
        let mut used = String::new();
        for part in name.split('.') {
            let parent = used.clone();
            used.push_str(if used.is_empty() { "" } else { "." });
            used.push_str(part);
            if !used.is_empty() && (catalog::module(&used).is_some() || is_known(&used)) {
                continue;
            }
            let guess = suggest::closest(name, &names);
            if used.is_empty() {
                return Refusal::value_error("Empty module name").expected(REGISTERED);
            }
            let plain = format!("No module named '{used}'");
            let refusal = |missing: &str| {
                Refusal::value_error(format!("Cannot resolve {}: {missing}", repr_str(name)))
                    .because("ModuleNotFoundError", missing)
                    .expected(REGISTERED)
                    .guess(guess)
            };
            return match catalog::module(&parent) {
                Some(true) => {
                    refusal(&plain).because("AttributeError", format!("module '{parent}' has no attribute '{part}'"))
                }
                Some(false) => refusal(&format!("{plain}; '{parent}' is not a package")),
                None => refusal(&plain),
            };
        }
        // The name of a module, or of something that only has registered names below it.
        Refusal::type_error(format!("'{name}' is a module")).expected("a class or object")
    }

    /// Every name that means something, for suggestions.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = self.registry.names().collect();
        names.extend(catalog::names().map(|name| -> &'a str { name }));
        names.extend(self.assumed.iter().map(String::as_str).filter(|name| !name.ends_with(".*")));
        names
    }

    /// Where a `cfg://` path leads (CPython's `BaseConfigurator.cfg_convert`).
    fn follow(&self, path: &'a str, hops: usize) -> Result<Value<'a>, Refusal> {
        let steps_left = self.steps_left.get().checked_sub(1);
        self.steps_left.set(steps_left.unwrap_or(0));
        let hops = steps_left.and_then(|_| hops.checked_sub(1)).ok_or_else(|| {
            Refusal::new("RecursionError", "maximum recursion depth exceeded")
                .expected("a path that does not lead to itself")
        })?;
        let unable = || Refusal::value_error(format!("Unable to convert {}", repr_str(path)));
        let (first, mut rest) =
            word(path).ok_or_else(|| unable().expected("a path such as cfg://handlers.file.level"))?;
        let top = self.root.entry(first).ok_or_else(|| {
            Refusal::new("KeyError", repr_str(first)).guess(suggest::closest(first, &keys(self.root)))
        })?;
        let mut value = self.convert_within(&top.value, hops)?;
        let mut keys_walked = 0;
        while !rest.is_empty() {
            let (key, is_index, after) = segment(rest).ok_or_else(|| {
                Refusal::value_error(format!("Unable to convert {} at {}", repr_str(path), repr_str(rest)))
            })?;
            keys_walked += 1;
            if first == "handlers"
                && keys_walked == 1
                && after.is_empty()
                && self.root.entry(first).is_some_and(|section| section.value.entry(key).is_some())
            {
                return Ok(Value::Handler(key));
            }
            value = self.convert_within(item(value, key, is_index)?, hops)?;
            rest = after;
        }
        Ok(value)
    }
}

/// Appends the top-level keys that a `cfg://` anywhere in `node` leads to.
fn add_references<'a>(node: &'a Node, keys: &mut Vec<&'a str>) {
    match &node.kind {
        Kind::Str(text) => keys.extend(text.strip_prefix("cfg://").and_then(word).map(|(key, _)| key)),
        Kind::List(items) => items.iter().for_each(|item| add_references(item, keys)),
        Kind::Dict(entries) => entries.iter().for_each(|entry| add_references(&entry.value, keys)),
        _ => {}
    }
}

/// Whether `name` is `prefix` or something in it.
fn is_below(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn keys(node: &Node) -> Vec<&str> {
    node.entries().iter().filter_map(|entry| entry.key.as_str()).collect()
}

/// `^\s*(\w+)\s*` of Python: the word and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let rest = text.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
    let word = &text[..text.len() - rest.len()];
    (!word.is_empty()).then(|| (word, rest.trim_start()))
}

/// The next `.key` or `[index]`: what is in it, whether it stands in brackets, and the rest.
fn segment(text: &str) -> Option<(&str, bool, &str)> {
    if let Some(after) = text.strip_prefix('.') {
        return word(after).map(|(key, rest)| (key, false, rest));
    }
    let (index, rest) = text.strip_prefix('[')?.split_once(']')?;
    (!index.contains('[')).then(|| (index, true, rest.trim_start()))
}

/// Python's `value[key]`, where digits in brackets are a number.
fn item<'a>(value: Value<'a>, key: &str, is_index: bool) -> Result<&'a Node, Refusal> {
    let number = if is_index { key.parse::<usize>().ok() } else { None };
    let not_subscriptable = || Refusal::type_error(format!("'{}' object is not subscriptable", value.type_name()));
    let Value::Node(node) = value else { return Err(not_subscriptable()) };
    match (&node.kind, number) {
        (Kind::List(items), Some(number)) => {
            items.get(number).ok_or_else(|| Refusal::new("IndexError", "list index out of range"))
        }
        (Kind::List(_), None) => Err(Refusal::type_error("list indices must be integers or slices, not str")),
        (Kind::Dict(entries), Some(number)) => {
            let number = i64::try_from(number).ok().map(Kind::Int);
            let entry = entries.iter().find(|entry| Some(&entry.key.kind) == number.as_ref());
            entry.map(|entry| &entry.value).ok_or_else(|| Refusal::new("KeyError", key))
        }
        (Kind::Dict(_), None) => node
            .entry(key)
            .map(|entry| &entry.value)
            .ok_or_else(|| Refusal::new("KeyError", repr_str(key)).guess(suggest::closest(key, &keys(node)))),
        (Kind::Str(_), None) => Err(Refusal::type_error("string indices must be integers, not 'str'")),
        // DIFFERENCE: in Python a number leads to a character of a string.
        _ => Err(not_subscriptable()),
    }
}
