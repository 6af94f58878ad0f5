//! JSON to nodes. serde_json decides what JSON is, and its raw values say where in the text they stand.
//!
//! Each level of nesting is read once more than the one above it, which for configs costs less than a second parser
//! would cost to keep honest.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::{MAX_DEPTH, SyntaxError, refuse_byte_order_mark, too_deep};
use crate::node::{Entries, Entry, Kind, Node, Span};

/// The nodes of a JSON text.
///
/// # Errors
/// Where it is not JSON, is nested deeper than 128 levels, or has strings that no Rust string can hold.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    refuse_byte_order_mark(text)?;
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => Reader { text }.node(raw.get(), MAX_DEPTH),
        Err(error) => Err(syntax_error(text, &error)),
    }
}

/// The nodes of a value that never was text, so that there are no spans.
pub(crate) fn from_value(value: &serde_json::Value) -> Node {
    use serde_json::Value;
    let kind = match value {
        Value::Null => Kind::None,
        Value::Bool(value) => Kind::Bool(*value),
        Value::Number(number) => self::number(&number.to_string()),
        Value::String(text) => Kind::Str(text.clone()),
        Value::Array(items) => Kind::List(items.iter().map(from_value).collect()),
        Value::Object(map) => {
            let key = |key: &String| Node { kind: Kind::Str(key.clone()), span: None };
            let entry = |(name, value)| Entry { key: key(name), value: from_value(value), earlier: None };
            Kind::Dict(map.iter().map(entry).collect())
        }
    };
    Node { kind, span: None }
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    /// The node of a value that serde_json has accepted.
    fn node(&self, raw: &'a str, depth_left: usize) -> Result<Node, SyntaxError> {
        let span = self.span(raw);
        let refuse = |message: &str| SyntaxError { message: message.to_owned(), span, hint: None };
        let reject = |error: serde_json::Error| refuse(&message(&error));
        let kind = match raw.as_bytes().first() {
            Some(b'{' | b'[') if depth_left == 0 => return Err(too_deep(span)),
            Some(b'{') => {
                let members = serde_json::from_str::<Members<'_>>(raw).map_err(reject)?;
                let mut entries = Entries::default();
                for (key, value) in members.0 {
                    let (key, value) = (self.node(key.get(), 0)?, self.node(value.get(), depth_left - 1)?);
                    entries.insert(key, value);
                }
                entries.into()
            }
            Some(b'[') => {
                let items = serde_json::from_str::<Vec<&RawValue>>(raw).map_err(reject)?;
                let items = items.into_iter().map(|item| self.node(item.get(), depth_left - 1));
                Kind::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => from_value(&raw.parse().map_err(reject)?).kind,
            Some(b't') => Kind::Bool(true),
            Some(b'f') => Kind::Bool(false),
            Some(b'n') => Kind::None,
            _ => number(raw),
        };
        Ok(Node::new(kind, span))
    }

    /// Where a part of the text stands in it: raw values are borrowed from the text.
    fn span(&self, part: &str) -> Span {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        Span { start, end: start + part.len() }
    }
}

/// A number as Python's `json` reads it: an integer of any size unless it has a fraction or an exponent.
fn number(digits: &str) -> Kind {
    if digits.contains(['.', 'e', 'E']) {
        // Too large is infinite and too small zero, in Rust as in Python.
        return Kind::Float(digits.parse().unwrap_or(f64::NAN));
    }
    digits.parse().map_or_else(|_| Kind::BigInt(digits.into()), Kind::Int)
}

/// The members of an object as they stand, those that stand twice included.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// serde_json's message without its position, which the span tells.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}

fn syntax_error(text: &str, error: &serde_json::Error) -> SyntaxError {
    // Reading whole values words some errors better than skipping them does, such as trailing commas.
    let worded = text.parse::<serde_json::Value>().err();
    let worded = worded.filter(|worded| (worded.line(), worded.column()) >= (error.line(), error.column()));
    let error = worded.as_ref().unwrap_or(error);

    if error.is_eof() {
        let end = text.trim_end().len();
        let hint = match end {
            0 => "the text is empty",
            _ => "the text ends too early: is a closing bracket or quote missing?",
        };
        let hint = Some(hint);
        return SyntaxError { message: message(error), span: Span { start: end, end }, hint };
    }
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let line_start = lines.map(str::len).sum::<usize>();
    let mut start = (line_start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    if let Some((start, hint)) = slip_in_string(text, start, &message(error)) {
        let end = start + usize::from(text[start..].starts_with('\\'));
        return SyntaxError { message: message(error), span: Span { start, end }, hint: Some(hint) };
    }
    // A wrong word is reported at a letter inside it; the whole word is to be marked.
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let word_start = text[..start].trim_end_matches(is_word).len();
    let word = &text[word_start..];
    let word = &word[..word.len() - word.trim_start_matches(is_word).len()];
    if !word.is_empty() && word_start + word.len() >= start {
        start = word_start;
    }
    let len = if word.is_empty() { text[start..].chars().next().map_or(0, char::len_utf8) } else { word.len() };
    let span = Span { start, end: start + len };
    SyntaxError { message: message(error), span, hint: hint(text, start, word) }
}

/// Where a string has what no string has, and what to do about it: the words around it say nothing.
fn slip_in_string(text: &str, start: usize, message: &str) -> Option<(usize, &'static str)> {
    if message.contains("escape") {
        let backslash = text[..start].rfind('\\')?;
        return Some((backslash, "a backslash in a string stands twice: `\\\\`"));
    }
    // The line after a line break is told of.
    let at = if text[..start].ends_with('\n') { start - 1 } else { start };
    let is_break = message.contains("control character") && text[at..].starts_with(['\n', '\r']);
    is_break.then_some((at, "is the closing quote of this line missing?"))
}

/// What people write who have Python or JavaScript in their fingers.
fn hint(text: &str, start: usize, word: &str) -> Option<&'static str> {
    let (before, after) = (text[..start].trim_end(), &text[start..]);
    // Of `true`, `false`, `null`, and of everything else that is a value.
    let is_end = |char: char| matches!(char, '"' | '}' | ']' | 'e' | 'l' | '0'..='9');
    match word {
        "True" => return Some("JSON writes `true`"),
        "False" => return Some("JSON writes `false`"),
        "None" => return Some("JSON writes `null`"),
        "NaN" | "Infinity" => return Some("JSON has no NaN and no Infinity, although Python's json module reads them"),
        _ => {}
    }
    match after.chars().next() {
        Some('}' | ']') if before.ends_with(',') => Some("remove the comma before it"),
        Some('/' | '#') => Some("JSON has no comments"),
        Some('\'') => Some("JSON has strings in double quotes only"),
        Some('"') if before.ends_with(is_end) => Some("is there a comma missing before it?"),
        Some(_) if !word.is_empty() => Some("strings and keys stand in double quotes"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let text = "{\"a\\u00e9\": [1, \"x\\ud83d\\ude00\"],\t\"b\": {\"c\": -0.5e1}}";
        let root = parse(text).unwrap();
        let place = |node: &Node| node.span.map(|span| &text[span.start..span.end]).unwrap();
        let [first, second] = root.entries() else { unreachable!("two entries") };
        assert_eq!((first.key.as_str(), place(&first.key)), (Some("aé"), r#""a\u00e9""#));
        let Kind::List(items) = &first.value.kind else { unreachable!("a list") };
        assert_eq!((items[1].as_str(), place(&items[1])), (Some("x😀"), r#""x\ud83d\ude00""#));
        let c = second.value.entry("c").unwrap();
        assert_eq!((&c.value.kind, place(&c.value)), (&Kind::Float(-5.0), "-0.5e1"));
    }

    /// The value that a node stands for, and at each node that its span holds just its text.
    fn value_of(node: &Node, text: &str) -> serde_json::Value {
        use serde_json::Value;
        let span = node.span.unwrap();
        let own: Value = serde_json::from_str(&text[span.start..span.end]).unwrap();
        let value = match &node.kind {
            Kind::None => Value::Null,
            Kind::Bool(value) => Value::from(*value),
            Kind::Int(value) => Value::from(*value),
            Kind::BigInt(digits) => serde_json::from_str(digits).unwrap(),
            Kind::Float(value) => Value::from(*value),
            Kind::Str(value) => Value::from(value.as_str()),
            Kind::List(items) => items.iter().map(|item| value_of(item, text)).collect(),
            Kind::Dict(entries) => {
                let member = |entry: &Entry| (entry.key.as_str().unwrap().to_owned(), value_of(&entry.value, text));
                entries.iter().map(member).collect()
            }
        };
        assert_eq!(value, own);
        value
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let number = prop_oneof![any::<i64>().prop_map(Value::from), any::<u64>().prop_map(Value::from)];
        let text = prop_oneof![any::<String>(), r#"["\\/\u{8}\u{1f600}\n\t]{0,4}"#].prop_map(Value::from);
        let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
        leaf.prop_recursive(6, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..5).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn nodes_and_spans_are_what_serde_json_reads(value in any_value(), is_pretty in any::<bool>()) {
            let text = if is_pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(value_of(&parse(&text).unwrap(), &text), value);
        }
    }

    #[test]
    fn numbers_are_pythons() {
        // CPython 3.13: json.loads('[1e3, -0, 10000000000000000000000000000000, 1e400, -0.0]')
        let root = parse("[1e3, -0, 10000000000000000000000000000000, 1e400, -0.0]").unwrap();
        assert_eq!(root.repr(), "[1000.0, 0, 10000000000000000000000000000000, inf, -0.0]");
    }

    #[test]
    fn syntax_errors_point_and_help() {
        let cases = [
            ("{\"a\": 1,}", "}", "remove the comma"),
            ("{\"a\": [1,]}", "]", "remove the comma"),
            ("{\"a\": True}", "True", "`true`"),
            ("{\"a\": False}", "False", "`false`"),
            ("{\"a\": None}", "None", "`null`"),
            ("{\"a\": NaN}", "NaN", "no NaN"),
            ("{\"a\": -Infinity}", "Infinity", "no NaN"),
            ("{'a': 1}", "'", "double quotes"),
            ("{a: 1}", "a", "double quotes"),
            ("{\"a\": 1 // one\n}", "/", "no comments"),
            ("# one\n{}", "#", "no comments"),
            ("{\"a\": \"x\" \"b\": 2}", "\"", "comma missing"),
            ("{\"a\": 1", "", "ends too early"),
            ("", "", "is empty"),
            // CPython 3.13 has the same places, but for the last: the letter behind the backslash.
            ("{\"a\": 1\n \"b\": 2}", "\"", "comma missing"),
            ("{\"a\": \"x,\n \"b\": 2}", "", "closing quote"),
            ("{\"a\": \"C:\\logs\"}", "\\", "stands twice"),
            ("{\"a\": \"\\uZZZZ\"}", "\\", "stands twice"),
            ("\u{feff}{}", "\u{feff}", "byte order mark"),
        ];
        for (text, marked, hint) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(&text[error.span.start..error.span.end], marked, "{text}: {error:?}");
            assert!(error.hint.is_some_and(|given| given.contains(hint)), "{text}: {error:?}");
        }
    }

    #[test]
    fn what_no_rust_string_holds_is_refused_in_place() {
        // DIFFERENCE: Python's strings hold a surrogate without its pair.
        let error = parse(r#"{"a": "x\ud800"}"#).unwrap_err();
        assert_eq!(error.span, Span { start: 6, end: 15 });
    }

    #[test]
    fn nesting_has_a_limit_and_no_stack_overflow() {
        assert!(parse(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_ok());
        let error = parse(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).unwrap_err();
        assert_eq!(error.message, "nested deeper than 128 levels");
        assert_eq!(error.span.start, 128);
    }
}
