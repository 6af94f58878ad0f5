//! The sections of a config: what stands in them, and references from one into another.

use super::Checker;
use super::scope::{At, Field, Scope};
use crate::node::{Entry, Kind, Node};
use crate::python::repr_str;
use crate::refusal::Refusal;
use crate::resolve::Value;
use crate::suggest;

/// A part of the config with named entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Formatters,
    Filters,
    Handlers,
    Loggers,
}

/// An entry of a section, and why it is none if it is none.
pub(super) struct Entered<'a> {
    pub(super) scope: Scope<'a>,
    refusal: Option<Refusal>,
}

impl Section {
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Formatters => "formatters",
            Self::Filters => "filters",
            Self::Handlers => "handlers",
            Self::Loggers => "loggers",
        }
    }

    /// What one entry is, in messages.
    pub(super) fn kind(self) -> &'static str {
        self.key().trim_end_matches('s')
    }

    fn outer(self, name: &str) -> String {
        format!("Unable to configure {} {name}", self.kind())
    }

    /// What CPython raises for an entry that is no dict: each section asks something else of it first.
    fn refuse_entry(self, value: Value<'_>) -> Refusal {
        let type_name = value.type_name();
        let no_attribute =
            |name| Refusal::new("AttributeError", format!("'{type_name}' object has no attribute '{name}'"));
        let kind = if let Value::Node(node) = value { Some(&node.kind) } else { None };
        let refusal = match (self, kind) {
            (Self::Loggers, _) | (Self::Formatters | Self::Filters, Some(Kind::Str(_) | Kind::List(_))) => {
                no_attribute("get")
            }
            (Self::Formatters | Self::Filters, _) => {
                Refusal::type_error(format!("argument of type '{type_name}' is not iterable"))
            }
            (Self::Handlers, Some(kind)) => not_a_dict(kind).unwrap_or_else(|| match kind {
                Kind::Str(_) => no_attribute("pop"),
                _ => {
                    let given = "takes from 1 to 2 positional arguments but 3 were given";
                    Refusal::type_error(format!("{type_name}.pop() {given}"))
                }
            }),
            (Self::Handlers, _) => not_iterable(type_name),
        };
        refusal.expected("an object")
    }
}

/// What Python raises when it looks for a name in a dict and the name is itself a dict or a list.
pub(super) fn unhashable(name: &Node) -> Option<Refusal> {
    let type_name = match name.kind {
        Kind::Dict(_) => "dict",
        Kind::List(_) => "list",
        _ => return None,
    };
    Some(Refusal::type_error(format!("unhashable type: '{type_name}'")))
}

/// What Python raises when it makes a dict of something that is none; nothing if it would succeed, as it does with what
/// is empty and with lists of pairs.
pub(super) fn not_a_dict(kind: &Kind) -> Option<Refusal> {
    let not_a_pair = |len| {
        let message = format!("dictionary update sequence element #0 has length {len}; 2 is required");
        (len != 2).then(|| Refusal::value_error(message))
    };
    match kind {
        Kind::Dict(_) => None,
        Kind::Str(text) if text.is_empty() => None,
        Kind::Str(_) => not_a_pair(1),
        Kind::List(items) => match &items.first()?.kind {
            Kind::Str(text) => not_a_pair(text.chars().count()),
            Kind::List(items) => not_a_pair(items.len()),
            Kind::Dict(entries) => not_a_pair(entries.len()),
            _ => Some(Refusal::type_error("cannot convert dictionary update sequence element #0 to a sequence")),
        },
        _ => Some(not_iterable(kind.type_name())),
    }
}

/// What Python raises when it walks through something that has no items.
pub(super) fn not_iterable(type_name: &str) -> Refusal {
    Refusal::type_error(format!("'{type_name}' object is not iterable"))
}

impl<'a> Checker<'a> {
    /// The entries of a section, for [`enter`](Self::enter) to report in their turn.
    pub(super) fn scopes(&mut self, section: Section) -> Vec<Entered<'a>> {
        let Some(Field { at, node, .. }) = self.field(section.key()) else { return Vec::new() };
        let node = match self.converted(None, &at, node) {
            Some(Value::Node(node)) => node,
            Some(value) => {
                self.refuse(None, &at, not_iterable(value.type_name()));
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let expected = format!("an object with the name of each {}", section.kind());
        match &node.kind {
            Kind::Dict(entries) => entries.iter().map(|entry| self.scope(section, &at, entry)).collect(),
            Kind::List(items) => {
                // CPython takes the items for keys, and fails at the first; handlers it sorts beforehand.
                let is_sorted = section == Section::Handlers;
                let first = if is_sorted { items.iter().min_by_key(|item| item.text()) } else { items.first() };
                if let Some(first) = first {
                    let refusal = match first.kind {
                        Kind::Int(_) | Kind::Bool(_) => Refusal::new("IndexError", "list index out of range"),
                        _ => {
                            let message = format!("list indices must be integers or slices, not {}", first.type_name());
                            Refusal::type_error(message)
                        }
                    };
                    self.refuse(Some(&section.outer(&first.repr())), &at, refusal.expected(expected));
                }
                Vec::new()
            }
            Kind::Str(text) => {
                let first = if section == Section::Handlers { text.chars().min() } else { text.chars().next() };
                if let Some(first) = first {
                    let refusal = Refusal::type_error("string indices must be integers, not 'str'");
                    let name = repr_str(first.encode_utf8(&mut [0; 4]));
                    self.refuse(Some(&section.outer(&name)), &at, refusal.expected(expected));
                }
                Vec::new()
            }
            _ => {
                self.refuse(None, &at, not_iterable(node.type_name()).expected(expected));
                Vec::new()
            }
        }
    }

    fn scope(&self, section: Section, at: &At, entry: &'a Entry) -> Entered<'a> {
        let (at, value_at) = (at.key(entry), at.value(entry));
        let (node, refusal) = match self.resolver.convert(&entry.value) {
            Ok(Value::Node(node @ Node { kind: Kind::Dict(_), .. })) => (node, None),
            Ok(value) => (&entry.value, Some(section.refuse_entry(value))),
            Err(refusal) => (&entry.value, Some(refusal)),
        };
        let is_named = section != Section::Loggers || entry.key.as_str().is_some();
        let refusal = match is_named {
            true => refusal,
            false => Some(Refusal::type_error("A logger name must be a string").expected("a name in quotes")),
        };
        let outer = section.outer(&entry.key.repr());
        Entered { scope: Scope { outer, name: entry.key.text(), at, value_at, node }, refusal }
    }

    /// The scope of an entry, or a problem in its turn.
    pub(super) fn enter(&mut self, Entered { scope, refusal }: Entered<'a>) -> Option<Scope<'a>> {
        let Some(refusal) = refusal else { return Some(scope) };
        self.refuse(Some(&scope.outer), &scope.value_at, refusal);
        None
    }

    /// The entry that a name refers to. An entry that is refused itself is there all the same.
    ///
    /// # Errors
    /// What CPython raises for `self.config[section][name]`.
    pub(super) fn refer(&mut self, section: Section, name: &'a Node) -> Result<&'a str, Refusal> {
        /// What CPython puts in the place of a section that is not there.
        static EMPTY: Node = Node { kind: Kind::Dict(Vec::new()), span: None };
        let key = section.key();
        let root = self.root;
        let node = match root.entry(key).map(|entry| self.resolver.convert(&entry.value)) {
            None => &EMPTY,
            Some(Ok(Value::Node(node))) => node,
            // The section is refused itself.
            Some(Ok(_) | Err(_)) => return Ok(""),
        };
        if let Some(refusal) = unhashable(name) {
            return Err(refusal);
        }
        match (&node.kind, &name.kind) {
            (Kind::Dict(_), Kind::Str(text)) if self.is_named(section, node, text) => {
                self.used.insert(format!("{key}.{text}"));
                Ok(text)
            }
            // DIFFERENCE: a name that is no string finds nothing, also where such a key is.
            (Kind::Dict(entries), _) => {
                let known = || entries.iter().filter_map(|entry| entry.key.as_str()).collect::<Vec<_>>();
                let name_to_guess = name.as_str().filter(|_| !self.problems.is_full());
                let guess = name_to_guess.and_then(|name| suggest::closest(name, &known()));
                let expected = format!("the name of a {} of this config", section.kind());
                Err(Refusal::new("KeyError", name.repr()).expected(expected).guess(guess))
            }
            (Kind::List(_), _) => Err(Refusal::type_error("list indices must be integers or slices, not str")),
            (Kind::Str(_), _) => Err(Refusal::type_error("string indices must be integers, not 'str'")),
            _ => Ok(""),
        }
    }

    /// Whether a section has an entry of this name. There may be many that ask.
    fn is_named(&mut self, section: Section, node: &'a Node, name: &str) -> bool {
        let names = || node.entries().iter().filter_map(|entry| entry.key.as_str().map(str::to_owned)).collect();
        self.names[section as usize].get_or_insert_with(names).contains(name)
    }

    /// A list of names in another section: `filters` and `handlers`. CPython iterates over what stands there, so that
    /// a string is its characters; and it does not look for `ext://` and `cfg://` in the items.
    pub(super) fn references(&mut self, scope: &Scope<'a>, field: &Field<'a>, section: Section) -> Vec<String> {
        let node = match self.converted(Some(&scope.outer), &field.at, field.node) {
            Some(Value::Node(node)) if node.is_truthy() => node,
            Some(value) if value.is_truthy() => {
                self.refuse(Some(&scope.outer), &field.at, not_iterable(value.type_name()));
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        match &node.kind {
            Kind::List(items) => {
                let found = items.iter().enumerate().filter_map(|(index, item)| {
                    let at = field.at.index(index, item);
                    self.reference(scope, &at, section, item)
                });
                found.collect()
            }
            Kind::Dict(entries) => {
                let found = entries.iter().filter_map(|entry| {
                    let at = field.at.key(entry);
                    self.reference(scope, &at, section, &entry.key)
                });
                found.collect()
            }
            Kind::Str(text) => self.characters(scope, field, section, text),
            _ => {
                let expected = format!("a list of {}", section.key());
                self.refuse(Some(&scope.outer), &field.at, not_iterable(node.type_name()).expected(expected));
                Vec::new()
            }
        }
    }

    fn reference(&mut self, scope: &Scope<'a>, at: &At, section: Section, name: &'a Node) -> Option<String> {
        let found = self.refer(section, name);
        let found =
            found.map_err(|refusal| refusal.within(format!("Unable to add {} {}", section.kind(), name.repr())));
        self.accepted(Some(&scope.outer), at, found).map(str::to_owned)
    }

    /// A string where a list belongs: Python reads it as the list of its characters.
    fn characters(&mut self, scope: &Scope<'a>, field: &Field<'a>, section: Section, text: &str) -> Vec<String> {
        let root = self.root;
        let entries = root.entry(section.key()).map_or(&[][..], |entry| entry.value.entries());
        let mut names = Vec::new();
        for char in text.chars() {
            let name = char.to_string();
            if !entries.iter().any(|entry| entry.key.as_str() == Some(&name)) {
                let refusal = Refusal::new("KeyError", repr_str(&name));
                let refusal = refusal.within(format!("Unable to add {} {}", section.kind(), repr_str(&name)));
                let refusal = refusal.expected(format!("a list of {}", section.key()));
                self.refuse(Some(&scope.outer), &field.at, refusal);
                return Vec::new();
            }
            self.used.insert(format!("{}.{name}", section.key()));
            names.push(name);
        }
        self.warn(&field.at, format!("the string {} counts as the list of its characters", repr_str(text))).expected =
            Some(format!("a list of {}", section.key()));
        names
    }
}
