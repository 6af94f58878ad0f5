//! The node tree: a config as its text says it, whatever the format, each node with its place.

use crate::python;

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
        match &self.kind {
            Kind::None => "NoneType",
            Kind::Bool(_) => "bool",
            Kind::Int(_) | Kind::BigInt(_) => "int",
            Kind::Float(_) => "float",
            Kind::Str(_) => "str",
            Kind::List(_) => "ConvertingList",
            Kind::Dict(_) => "ConvertingDict",
        }
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
            Kind::None => out.push_str("None"),
            Kind::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
            Kind::Int(value) => out.push_str(&value.to_string()),
            Kind::BigInt(digits) => out.push_str(digits),
            Kind::Float(value) => out.push_str(&python::repr_float(*value)),
            Kind::Str(value) => out.push_str(&python::repr_str(value)),
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

/// Puts an entry into a dict as Python does: a key that is there already keeps its place and takes the new value.
pub(crate) fn insert(entries: &mut Vec<Entry>, key: Node, value: Node) {
    match entries.iter_mut().find(|entry| entry.key.kind == key.kind) {
        Some(entry) => {
            entry.earlier = entry.key.span;
            entry.key.span = key.span;
            entry.value = value;
        }
        None => entries.push(Entry { key, value, earlier: None }),
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
        let mut entries = Vec::new();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            insert(&mut entries, node(Kind::Str(key.into())), node(Kind::Int(value)));
        }
        assert_eq!(node(Kind::Dict(entries)).repr(), "{'a': 3, 'b': 2}");
    }
}
