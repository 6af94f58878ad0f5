//! Where the check is: a path, a place, and the entry whose keys are being read.

use crate::node::{Entry, Node, Span};

/// How many characters of a key a path shows.
const MAX_KEY_LEN: usize = 200;

/// A place in the config.
#[derive(Clone, Debug, Default)]
pub(crate) struct At {
    pub(crate) path: String,
    pub(crate) span: Option<Span>,
}

impl At {
    pub(crate) fn root(node: &Node) -> Self {
        Self { path: String::new(), span: node.span }
    }

    /// The place of a key below this one.
    pub(crate) fn key(&self, entry: &Entry) -> Self {
        Self { path: self.path_below(&entry.key.text()), span: entry.key.span }
    }

    /// The place of its value.
    pub(crate) fn value(&self, entry: &Entry) -> Self {
        Self { path: self.path_below(&entry.key.text()), span: entry.value.span }
    }

    /// A key of the dict that stands here, if it is there.
    pub(super) fn field<'a>(&self, dict: &'a Node, key: &str) -> Option<Field<'a>> {
        let entry = dict.entry(key)?;
        Some(Field { key_at: self.key(entry), at: self.value(entry), node: &entry.value })
    }

    /// The path of a key below this place, as `cfg://` writes it.
    fn path_below(&self, key: &str) -> String {
        // There is one path for each key, and a key may be as long as the text.
        let key = key.char_indices().nth(MAX_KEY_LEN).map_or(key, |(end, _)| &key[..end]);
        let is_word = !key.is_empty() && key.chars().all(|char| char.is_alphanumeric() || char == '_');
        match (is_word, self.path.is_empty()) {
            (true, true) => key.to_owned(),
            (true, false) => format!("{}.{key}", self.path),
            (false, _) => format!("{}[{key}]", self.path),
        }
    }

    /// The place of an item of the list at this one.
    pub(crate) fn index(&self, index: usize, item: &Node) -> Self {
        Self { path: format!("{}[{index}]", self.path), span: item.span }
    }

    /// The first character of what stands here, for problems about what does not stand in it.
    pub(super) fn start(&self) -> Self {
        let span = self.span.map(|span| Span { start: span.start, end: span.end.min(span.start + 1) });
        Self { path: self.path.clone(), span }
    }
}

/// One entry of a section, whose keys are being read.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    /// What CPython wraps around every exception in it: `Unable to configure handler 'file'`.
    pub(super) outer: String,
    /// The name under which it stands.
    pub(super) name: String,
    /// The place of the name.
    pub(super) at: At,
    /// The place of the value.
    pub(super) value_at: At,
    /// Its dict.
    pub(super) node: &'a Node,
}

impl<'a> Scope<'a> {
    /// The key's node, its place and that of its value.
    pub(super) fn field(&self, key: &str) -> Option<Field<'a>> {
        self.value_at.field(self.node, key)
    }

    /// The places of the values of all keys.
    pub(super) fn values_at(&self) -> Vec<(String, At)> {
        self.node.entries().iter().map(|entry| (entry.key.text(), self.value_at.value(entry))).collect()
    }

    /// What to mark for a problem with the arguments as a whole: the class that they are for, else the name.
    pub(super) fn class_at(&self) -> At {
        self.field("()").or_else(|| self.field("class")).map_or_else(|| self.at.clone(), |field| field.at)
    }
}

/// One key of an entry.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    pub(super) key_at: At,
    pub(super) at: At,
    pub(super) node: &'a Node,
}
