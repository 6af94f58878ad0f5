//! YAML to nodes, as PyYAML's `safe_load` does it: YAML 1.1, whose plain scalars mean other things than those of 1.2.
//!
//! serde-saphyr hands out typed values: scalars by its own rules, and keys that are strings. So the parser under it is used,
//! granit-parser, which gives the scalars as they stand, each with its place; what they mean is decided here. It is
//! a third of the dependencies, too.
//!
//! DIFFERENCE from PyYAML:
//! - Refused, because no config needs them: dates, times, bytes, sets, lists of pairs, aliases inside what they stand for, and
//!   what YAML 1.1 and 1.2 read differently (line breaks other than those of every text file, a bare `?` or `:` before
//!   a scalar in brackets, names of anchors with other characters than letters, digits, `-` and `_`).
//! - Accepted, because YAML 1.2 does: tabs between tokens, and keys that are not there.
//! - Aliases are copies, and there is a bound to how much they may copy.
//! - In `<<: [*a, *b]` the first one that has a key wins, as YAML has it and PyYAML had it up to 6.0.2; since then it
//!   depends on how long the key is.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod corpus;
mod input;
mod scalar;
mod slip;

use std::collections::HashSet;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag, options};

use self::scalar::{Scalar, Unreadable};
use crate::format::{MAX_DEPTH, SyntaxError, too_deep};
use crate::node::{Entries, Kind, Node, Span};

/// How many bytes aliases may copy: some, and so many for each byte of the text.
const COPIED_BYTES: usize = 1 << 20;
const COPIED_FOR_EACH_BYTE: usize = 16;

/// The nodes of a YAML text; `None`, as PyYAML has it, if there is no document in it.
///
/// # Errors
/// Where it is not YAML, has what `safe_load` does not know or logtree does not want, or has two documents.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut options = options! {
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // Another crate of the program may have switched the parser's comments on.
    options.set_emit_comments(false);
    refuse_line_breaks(text)?;
    let mut reader = Reader::new(text);
    for event in Parser::with_options(input::Text::new(text), options) {
        let (event, span) = event.map_err(|error| reader.syntax_error(&error))?;
        reader.event(event, span)?;
    }
    let end = Span { start: text.len(), end: text.len() };
    Ok(reader.root.unwrap_or_else(|| Node::new(Kind::None, end)))
}

struct Reader<'t> {
    text: &'t str,
    /// The collections around the place of reading, the innermost last.
    open: Vec<Open>,
    /// By the numbers that the parser gives them; nothing while a collection is open.
    anchors: Vec<Option<Anchored>>,
    names: HashSet<String>,
    copied_bytes: usize,
    root: Option<Node>,
    has_document: bool,
}

/// A collection being read.
struct Open {
    what: Collection,
    /// Whether it stands in brackets.
    is_flow: bool,
    start: usize,
    /// The end of what was read of it.
    end: usize,
    anchor: usize,
    /// How many levels it is deep.
    depth: usize,
    bytes: usize,
}

enum Collection {
    List(Vec<Node>),
    Dict { own: Entries, inherited: Entries, key: Option<Key> },
}

/// A key that waits for its value.
enum Key {
    Node(Node),
    /// `<<`
    Merge,
}

/// What an alias may stand for.
struct Anchored {
    node: Node,
    depth: usize,
    bytes: usize,
}

impl Open {
    fn new(what: Collection, style: StructureStyle, anchor: usize, span: Span) -> Self {
        let is_flow = style == StructureStyle::Flow;
        Self { what, is_flow, start: span.start, end: span.end, anchor, depth: 1, bytes: size_of::<Node>() }
    }
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            open: Vec::new(),
            anchors: Vec::new(),
            names: HashSet::new(),
            copied_bytes: 0,
            root: None,
            has_document: false,
        }
    }

    fn event(&mut self, event: Event<'_>, span: granit_parser::Span) -> Result<(), SyntaxError> {
        let span = self.span(span);
        match event {
            Event::DocumentStart(_, Some(version)) if version.major != 1 => {
                Err(SyntaxError::new("found incompatible YAML document (version 1.1 is required)", span))
            }
            Event::DocumentStart(..) if self.has_document => {
                Err(SyntaxError::new("expected a single document in the stream", span)
                    .hint("a config is one document: remove the line `---` and what does not belong to it"))
            }
            Event::DocumentStart(..) => {
                self.has_document = true;
                Ok(())
            }
            Event::Anchor(_, name) => self.name(&name, span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = matches!(style, ScalarStyle::Plain);
                // The parser's way of writing a scalar that is not there.
                let text = if is_plain && span.start == span.end { "" } else { &*text };
                let is_odd =
                    is_plain && text.starts_with(['?', ':']) && self.open.last().is_some_and(|open| open.is_flow);
                if is_odd {
                    let error = SyntaxError::new("a plain scalar in brackets cannot begin with this character", span);
                    return Err(error.hint("put it in quotes"));
                }
                self.scalar(text, is_plain, anchor, tag.as_deref(), span)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let what = Collection::List(Vec::new());
                self.open("seq", tag.as_deref(), span, Open::new(what, style, anchor, span))
            }
            Event::MappingStart(style, anchor, tag) => {
                let what = Collection::Dict { own: Entries::default(), inherited: Entries::default(), key: None };
                self.open("map", tag.as_deref(), span, Open::new(what, style, anchor, span))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            // What is left says nothing about the value.
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        is_plain: bool,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), SyntaxError> {
        let scalar = match tag.map(Tag::to_string) {
            None => scalar::untagged(text, is_plain),
            // The tag `!` is to PyYAML as if there were neither tag nor quotes.
            Some(tag) if tag == "!" => scalar::untagged(text, true),
            Some(tag) => scalar::tagged(text, &tag),
        };
        let is_key = matches!(self.open.last(), Some(Open { what: Collection::Dict { key: None, .. }, .. }));
        let kind = match scalar.map_err(|error| unreadable(error, span))? {
            Scalar::Value(kind) => kind,
            Scalar::Merge if is_key => {
                self.set_key(Key::Merge, span);
                return Ok(());
            }
            Scalar::Default if is_key => Kind::Str(text.to_owned()),
            Scalar::Merge | Scalar::Default => {
                let name = if matches!(scalar::untagged(text, true), Ok(Scalar::Default)) { "value" } else { "merge" };
                return Err(unreadable(scalar::unknown_core_tag(name), span).hint("put it in quotes"));
            }
        };
        let bytes = size_of::<Node>() + text.len();
        self.add(Anchored { node: Node::new(kind, span), depth: 0, bytes }, anchor, span)
    }

    /// Looks at the name of an anchor.
    fn name(&mut self, name: &str, span: Span) -> Result<(), SyntaxError> {
        if !name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_')) {
            return Err(SyntaxError::new("the name of an anchor has letters, digits, `-` and `_` only", span));
        }
        match self.names.insert(name.to_owned()) {
            true => Ok(()),
            false => Err(SyntaxError::new(format!("found duplicate anchor '{name}'"), span)),
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), SyntaxError> {
        let Some(Some(anchored)) = self.anchors.get(anchor) else {
            return Err(SyntaxError::new("an alias inside what it stands for", span));
        };
        // Looked at before anything is copied.
        self.copied_bytes += anchored.bytes;
        self.check_copies(span)?;
        let copy = anchored.copy();
        self.add(copy, 0, span)
    }

    /// That aliases copy no more than they may, so that a few lines cannot fill the memory.
    fn check_copies(&self, span: Span) -> Result<(), SyntaxError> {
        match self.copied_bytes > COPIED_BYTES + COPIED_FOR_EACH_BYTE * self.text.len() {
            false => Ok(()),
            true => Err(SyntaxError::new("the anchors and aliases up to here make too large a config", span)),
        }
    }

    fn open(&mut self, name: &str, tag: Option<&Tag>, span: Span, open: Open) -> Result<(), SyntaxError> {
        if self.open.len() == MAX_DEPTH {
            return Err(too_deep(span));
        }
        if let Some(tag) = tag.map(Tag::to_string).filter(|tag| tag != "!") {
            scalar::collection(&tag, name).map_err(|error| unreadable(error, span))?;
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), SyntaxError> {
        let Some(Open { what, start, end, anchor, depth, bytes, .. }) = self.open.pop() else { return Ok(()) };
        // Blocks have no end of their own: theirs is that of the last thing in them.
        let end = if span.start < span.end { span.end } else { end };
        let kind = match what {
            Collection::List(items) => Kind::List(items),
            Collection::Dict { own, mut inherited, .. } => {
                inherited.extend(own);
                inherited.into()
            }
        };
        let span = Span { start, end: end.max(start) };
        self.add(Anchored { node: Node::new(kind, span), depth, bytes }, anchor, span)
    }

    /// Puts a node that is complete where it belongs. `at` is where it is used: where the alias is, if it is one.
    fn add(&mut self, anchored: Anchored, anchor: usize, at: Span) -> Result<(), SyntaxError> {
        if self.open.len() + anchored.depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        if anchor != 0 {
            self.copied_bytes += anchored.bytes;
            self.check_copies(at)?;
            if self.anchors.len() <= anchor {
                self.anchors.resize_with(anchor + 1, || None);
            }
            self.anchors[anchor] = Some(anchored.copy());
        }
        let Anchored { node, depth, bytes } = anchored;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.end = open.end.max(at.end);
        open.depth = open.depth.max(depth + 1);
        open.bytes += bytes;
        match &mut open.what {
            Collection::List(items) => items.push(node),
            Collection::Dict { own, inherited, key } => match key.take() {
                Some(Key::Node(key)) => own.insert(key, node),
                Some(Key::Merge) => merge(inherited, node, at)?,
                None if matches!(node.kind, Kind::List(_) | Kind::Dict(_)) => {
                    return Err(SyntaxError::new("found unhashable key", at));
                }
                None => *key = Some(Key::Node(node)),
            },
        }
        Ok(())
    }

    fn set_key(&mut self, new: Key, span: Span) {
        if let Some(Open { what: Collection::Dict { key, .. }, end, .. }) = self.open.last_mut() {
            *key = Some(new);
            *end = span.end;
        }
    }

    /// The bytes of a place, without the line ends that block scalars have behind them.
    fn span(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        let text = self.text.get(range.clone()).unwrap_or_default().trim_end();
        Span { start: range.start, end: range.start + text.len() }
    }

    fn syntax_error(&self, error: &ScanError) -> SyntaxError {
        let start = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let bracket = self.open.iter().rev().find(|open| open.is_flow).map(|open| open.start);
        let message = error.info();
        let (span, hint) = slip::of(self.text, start, &message, bracket);
        SyntaxError { message, span, hint }
    }
}

impl Anchored {
    fn copy(&self) -> Self {
        Self { node: self.node.clone(), ..*self }
    }
}

/// Refuses what ends a line in YAML 1.1 and is a character like any other in YAML 1.2.
fn refuse_line_breaks(text: &str) -> Result<(), SyntaxError> {
    match text.char_indices().find(|(_, char)| matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}')) {
        None => Ok(()),
        Some((start, char)) => {
            let span = Span { start, end: start + char.len_utf8() };
            let message = format!("the character U+{:04X} is a line break to some readers of YAML", u32::from(char));
            Err(SyntaxError::new(message, span).hint("write it as an escape in double quotes"))
        }
    }
}

/// What `<<` brings: a dict, or a list of dicts of which the first one that has a key wins.
fn merge(inherited: &mut Entries, node: Node, at: Span) -> Result<(), SyntaxError> {
    let wrong = |node: &Node| {
        let id = if matches!(node.kind, Kind::List(_)) { "sequence" } else { "scalar" };
        SyntaxError::new(format!("expected a mapping or list of mappings for merging, but found {id}"), at)
    };
    match node.kind {
        Kind::Dict(entries) => inherited.extend(entries.into()),
        Kind::List(items) => {
            let mut first = Entries::default();
            for item in items {
                let Kind::Dict(entries) = item.kind else { return Err(wrong(&item)) };
                for entry in entries.into_iter().filter(|entry| !first.contains(&entry.key)).collect::<Vec<_>>() {
                    first.insert(entry.key, entry.value);
                }
            }
            inherited.extend(first);
        }
        _ => return Err(wrong(&node)),
    }
    Ok(())
}

fn unreadable(error: Unreadable, span: Span) -> SyntaxError {
    match error {
        Unreadable::Wrong(message) => SyntaxError::new(message, span),
        Unreadable::Unsupported(what) => {
            SyntaxError::new(format!("{what} means nothing in a config"), span).hint("if it is text, put it in quotes")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let text = "a: &x\n  - é\n  - 'two\n    lines'\nb: {c: *x, 3: |\n    text\n  }\n";
        let root = parse(text.replace(", 3: |\n    text\n  }", "}").as_str()).unwrap();
        let place = |node: &Node| node.span.map(|span| &text[span.start..span.end]).unwrap();
        let [a, b] = root.entries() else { unreachable!("two entries") };
        assert_eq!((place(&a.key), place(&a.value)), ("a", "- é\n  - 'two\n    lines'"));
        let Kind::List(items) = &a.value.kind else { unreachable!("a list") };
        assert_eq!(items.iter().map(place).collect::<Vec<_>>(), ["é", "'two\n    lines'"]);
        // What an alias stands for is where it stands.
        assert_eq!(place(&b.value.entry("c").unwrap().value), place(&a.value));
        assert!(b.value.span.unwrap().start < b.value.span.unwrap().end);
    }

    #[test]
    fn merges_give_way_to_what_stands_there() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], z: 5}\nd: {y: 0, <<: *b}\n";
        let root = parse(text).unwrap();
        let value = |key: &str| root.entry(key).unwrap().value.repr();
        assert_eq!(value("c"), "{'x': 1, 'y': 2, 'z': 5}");
        assert_eq!(value("d"), "{'y': 0, 'z': 4}");
        assert!(root.entry("c").unwrap().value.entries().iter().all(|entry| entry.earlier.is_none()));
    }

    #[test]
    fn a_key_that_stands_twice_is_remembered() {
        let root = parse("a: 1\nb: 2\na: 3\n").unwrap();
        assert_eq!(root.repr(), "{'a': 3, 'b': 2}");
        assert_eq!(root.entries()[0].earlier, Some(Span { start: 0, end: 1 }));
    }

    #[test]
    fn aliases_have_a_bound_and_nesting_too() {
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..30 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().message.contains("too large"), "{:?}", parse(&bomb));
        let chain: String = (1..200).map(|level| format!("- &a{level} [*a{}]\n", level - 1)).collect();
        let error = parse(&format!("- &a0 []\n{chain}")).unwrap_err();
        assert_eq!(error.message, "nested deeper than 128 levels");
        for open in ["[", "{a: ", "- ", "? "] {
            assert!(parse(&open.repeat(100_000)).is_err(), "{open}");
        }
        assert!(parse("&a [*a]").unwrap_err().message.contains("inside"));
    }
}
