//! The node tree: a config as its text says it, whatever the format, each node with its place.

use std::collections::HashMap;

use logtree_core::Value;
use logtree_formatters::push_repr;

/// A range of bytes in the text of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// One value of a config. Configs that never were text have no spans.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Option<Span>,
}

/// What a value is, in Python's types.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, in decimal digits; Python knows no bound.
    BigInt(Box<str>),
    Float(f64),
    Str(String),
    List(Vec<Node>),
    Dict(Vec<Entry>),
}

impl Kind {
    /// As [`Node::type_name`].
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "ConvertingList",
            Self::Dict(_) => "ConvertingDict",
        }
    }
}

/// One key of a dict with its value. YAML's keys need not be strings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
    /// Where the key stood before, if it stands twice; the last one wins, as in Python.
    pub(crate) earlier: Option<Span>,
}

impl Node {
    pub(crate) fn new(kind: Kind, span: Span) -> Self {
        Self { kind, span: Some(span) }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The entry of a dict under a string key; nothing if this is no dict.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.as_str() == Some(key))
    }

    /// The entries of a dict; none if this is no dict.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Dict(entries) => entries,
            _ => &[],
        }
    }

    /// Python's name of the type, as its messages have it: dictConfig wraps every dict and list of a config.
    pub(crate) fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }

    /// Whether Python takes it for true.
    pub(crate) fn is_truthy(&self) -> bool {
        match &self.kind {
            Kind::None => false,
            Kind::Bool(value) => *value,
            Kind::Int(value) => *value != 0,
            Kind::BigInt(_) => true,
            Kind::Float(value) => *value != 0.0,
            Kind::Str(value) => !value.is_empty(),
            Kind::List(value) => !value.is_empty(),
            Kind::Dict(value) => !value.is_empty(),
        }
    }

    /// Python's `repr`.
    pub(crate) fn repr(&self) -> String {
        let mut out = String::new();
        self.write_repr(&mut out);
        out
    }

    /// Python's `str`: a string is itself, anything else its `repr`.
    pub(crate) fn text(&self) -> String {
        self.as_str().map_or_else(|| self.repr(), str::to_owned)
    }

    fn write_repr(&self, out: &mut String) {
        match &self.kind {
            Kind::None => push_repr(out, Value::None),
            Kind::Bool(value) => push_repr(out, Value::Bool(*value)),
            Kind::Int(value) => push_repr(out, Value::I64(*value)),
            Kind::BigInt(digits) => out.push_str(digits),
            Kind::Float(value) => push_repr(out, Value::F64(*value)),
            Kind::Str(value) => push_repr(out, Value::Str(value)),
            Kind::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.write_repr(out);
                }
                out.push(']');
            }
            Kind::Dict(entries) => {
                out.push('{');
                for (index, entry) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    entry.key.write_repr(out);
                    out.push_str(": ");
                    entry.value.write_repr(out);
                }
                out.push('}');
            }
        }
    }
}

/// The entries of a dict being read. As in Python a key that is there already keeps its place and takes the new value.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    entries: Vec<Entry>,
    places: HashMap<Key, usize>,
}

/// What makes two keys of a Python dict the same: 1, 1.0 and True are.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    None,
    Int(i64),
    BigInt(Box<str>),
    Float(u64),
    Str(Box<str>),
}

impl Key {
    /// Nothing for what equals nothing, itself included, or what Python cannot hash.
    fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::None => Self::None,
            Kind::Bool(value) => Self::Int((*value).into()),
            Kind::Int(value) => Self::Int(*value),
            Kind::BigInt(digits) => Self::BigInt(digits.clone()),
            Kind::Float(value) if value.is_nan() => return None,
            // In the range of integers the cast is exact, and beyond it nothing equals it.
            Kind::Float(value) if *value as i64 as f64 == *value && *value != 2_f64.powi(63) => {
                Self::Int(*value as i64)
            }
            Kind::Float(value) => Self::Float(value.to_bits()),
            Kind::Str(text) => Self::Str(text.as_str().into()),
            Kind::List(_) | Kind::Dict(_) => return None,
        })
    }
}

impl Entries {
    /// Adds a key with its value, and remembers where the key stood before.
    pub(crate) fn insert(&mut self, key: Node, value: Node) {
        match self.place(&key) {
            Some(place) => {
                let entry = &mut self.entries[place];
                entry.earlier = entry.key.span;
                entry.key.span = key.span;
                entry.value = value;
            }
            None => self.push(Entry { key, value, earlier: None }),
        }
    }

    /// Adds the entries of another dict, whose values win. A key that is in both does not stand twice.
    #[cfg(feature = "yaml")]
    pub(crate) fn extend(&mut self, other: Self) {
        for entry in other.entries {
            match self.place(&entry.key) {
                Some(place) => {
                    let key = std::mem::replace(&mut self.entries[place], entry).key;
                    self.entries[place].key.kind = key.kind;
                }
                None => self.push(entry),
            }
        }
    }

    /// Whether the key is there.
    #[cfg(feature = "yaml")]
    pub(crate) fn contains(&self, key: &Node) -> bool {
        self.place(key).is_some()
    }

    fn place(&self, key: &Node) -> Option<usize> {
        self.places.get(&Key::of(&key.kind)?).copied()
    }

    fn push(&mut self, entry: Entry) {
        if let Some(key) = Key::of(&entry.key.kind) {
            self.places.insert(key, self.entries.len());
        }
        self.entries.push(entry);
    }
}

#[cfg(feature = "yaml")]
impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Self {
        let mut own = Self::default();
        for entry in entries {
            own.push(Entry { earlier: None, ..entry });
        }
        own
    }
}

impl From<Entries> for Kind {
    fn from(entries: Entries) -> Self {
        Self::Dict(entries.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: Kind) -> Node {
        Node { kind, span: None }
    }

    #[test]
    fn repr_is_pythons() {
        // CPython 3.13: repr([None, True, -5, 10.5, "it's", {'maxsize': 4}])
        let four = Entry { key: node(Kind::Str("maxsize".into())), value: node(Kind::Int(4)), earlier: None };
        let list = vec![
            node(Kind::None),
            node(Kind::Bool(true)),
            node(Kind::Int(-5)),
            node(Kind::Float(10.5)),
            node(Kind::Str("it's".into())),
            node(Kind::Dict(vec![four])),
        ];
        assert_eq!(node(Kind::List(list)).repr(), r#"[None, True, -5, 10.5, "it's", {'maxsize': 4}]"#);
    }

    #[test]
    fn a_key_that_stands_twice_keeps_its_place_and_takes_the_last_value() {
        // CPython 3.13: json.loads('{"a": 1, "b": 2, "a": 3}') == {'a': 3, 'b': 2}, in that order.
        let mut entries = Entries::default();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            entries.insert(node(Kind::Str(key.into())), node(Kind::Int(value)));
        }
        assert_eq!(node(entries.into()).repr(), "{'a': 3, 'b': 2}");
    }

    #[test]
    fn numbers_that_are_equal_are_one_key() {
        // CPython 3.13: {True: 0, 1: 1, 1.0: 2, 0: 3, -0.0: 4, 2.5: 5, "1": 6, None: 7}
        let keys = [
            Kind::Bool(true),
            Kind::Int(1),
            Kind::Float(1.0),
            Kind::Int(0),
            Kind::Float(-0.0),
            Kind::Float(2.5),
            Kind::Str("1".into()),
            Kind::None,
        ];
        let mut entries = Entries::default();
        for (value, key) in (0..).zip(keys) {
            entries.insert(node(key), node(Kind::Int(value)));
        }
        assert_eq!(node(entries.into()).repr(), "{True: 2, 0: 4, 2.5: 5, '1': 6, None: 7}");
    }
}
