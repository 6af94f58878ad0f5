//! TOML to nodes, in the order in which the keys stand.
//!
//! DIFFERENCE from Python's `tomllib`: dates are refused, and times but under `atTime`, for no config needs them; and what
//! TOML 1.1 adds to 1.0 is read.

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use crate::digits;
use crate::format::{MAX_DEPTH, SyntaxError, refuse_byte_order_mark, too_deep};
use crate::node::{Entry, Kind, Node, Span};

/// The nodes of a TOML text.
///
/// # Errors
/// Where it is not TOML, is nested deeper than 128 levels, or has a date, or a time that is no `atTime`.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    refuse_byte_order_mark(text)?;
    check_depth(text)?;
    let root = DeTable::parse(text).map_err(|error| syntax_error(text, &error))?;
    let kind = table(root.into_inner(), MAX_DEPTH)?;
    Ok(Node::new(kind, Span { start: 0, end: text.len() }))
}

/// That the text is not nested too deeply for a parser that calls itself. Its own limits do not hold for the product of
/// tables in tables and the dots of their keys.
fn check_depth(text: &str) -> Result<(), SyntaxError> {
    // How many levels each open bracket adds: itself, and the dots since then.
    let mut open = Vec::new();
    let mut levels = 0;
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => {
                levels += 1;
                if let Some(own) = open.last_mut() {
                    *own += 1;
                }
            }
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                levels += 1;
                open.push(1);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => levels -= open.pop().unwrap_or(0),
            TokenKind::Comma => {
                if let Some(own) = open.last_mut() {
                    levels -= std::mem::replace(own, 1) - 1;
                }
            }
            TokenKind::Newline if open.is_empty() => levels = 0,
            _ => {}
        }
        if levels > MAX_DEPTH {
            let span = token.span();
            return Err(too_deep(Span { start: span.start(), end: span.end() }));
        }
    }
    Ok(())
}

fn node(value: Spanned<DeValue<'_>>, depth_left: usize) -> Result<Node, SyntaxError> {
    let span = span(&value);
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Str(text.into_owned()),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
            digits::int(digits.starts_with('-'), unsigned, number.radix())
                .ok_or_else(|| SyntaxError::new("an integer of too many digits", span))?
        }
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Kind::Bool(value),
        DeValue::Datetime(_) => {
            let error = SyntaxError::new("a date or time means nothing in a config", span);
            return Err(error.hint("if it is text, put it in quotes"));
        }
        DeValue::Array(_) | DeValue::Table(_) if depth_left == 0 => return Err(too_deep(span)),
        DeValue::Array(items) => {
            Kind::List(items.into_iter().map(|item| node(item, depth_left - 1)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => table(entries, depth_left - 1)?,
    };
    Ok(Node::new(kind, span))
}

fn table(table: DeTable<'_>, depth_left: usize) -> Result<Kind, SyntaxError> {
    let entry = |(key, value): (Spanned<_>, _)| {
        let span = span(&key);
        let name: String = std::borrow::Cow::into_owned(key.into_inner());
        let value = match time_of_day(&name, &value) {
            Some(time) => Node::new(Kind::Str(time), self::span(&value)),
            None => node(value, depth_left)?,
        };
        Ok(Entry { key: Node::new(Kind::Str(name), span), value, earlier: None })
    };
    let mut entries = table.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(|entry| entry.key.span);
    Ok(Kind::Dict(entries))
}

/// What `TimedRotatingFileHandler` takes as `atTime`, in the form that it has in other formats: of a time Python's class, too,
/// reads hours, minutes and seconds only.
fn time_of_day(key: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::Datetime(moment) if key == "atTime" && moment.date.is_none() => {
            let time = moment.time?;
            Some(format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second.unwrap_or(0)))
        }
        _ => None,
    }
}

fn span<T>(part: &Spanned<T>) -> Span {
    let range = part.span();
    Span { start: range.start, end: range.end }
}

fn syntax_error(text: &str, error: &Error) -> SyntaxError {
    let range = error.span().unwrap_or(text.len()..text.len());
    let (start, end) = (range.start.min(text.len()), range.end.min(text.len()));
    SyntaxError::new(error.message(), Span { start, end: end.max(start) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::{self, Chosen};

    const CORPUS: &str = include_str!("../tests/data/toml.jsonl");

    /// What tomllib does not read and TOML 1.1 does. DIFFERENCE, each of them.
    const ACCEPTED: &[Chosen] = &[
        (|text| text.contains(r"\x41") || text.contains(r"\e"), "these escapes"),
        (|text| text.contains("{a=1,}"), "a comma behind the last entry of a table in braces"),
        (
            |text| {
                text.split('{').skip(1).any(|inside| inside.split('}').next().is_some_and(|text| text.contains('\n')))
            },
            "line ends in a table in braces",
        ),
    ];

    #[test]
    fn what_is_read_is_what_tomllib_reads() {
        corpus::compare(CORPUS, parse, ACCEPTED, &[]);
    }

    #[test]
    fn the_corpus_is_what_tomllib_says_today() {
        corpus::draw_again("toml_corpus.py", "import tomllib", CORPUS);
    }

    #[test]
    fn every_node_knows_its_place() {
        let text = "b.\"é\" = 'x'\n[a]\nc = [1,\n 0x1F]\n[b.d]\n";
        let root = parse(text).unwrap();
        assert_eq!(root.repr(), "{'b': {'é': 'x', 'd': {}}, 'a': {'c': [1, 31]}}");
        let place = |node: &Node| node.span.map(|span| &text[span.start..span.end]).unwrap();
        let [b, a] = root.entries() else { unreachable!("two entries") };
        assert_eq!((place(&b.key), place(&b.value.entries()[0].key)), ("b", "\"é\""));
        assert_eq!(place(&a.value.entries()[0].value), "[1,\n 0x1F]");
    }

    #[test]
    fn dates_are_refused_in_place() {
        let error = parse("a = 1\nb = 1979-05-27T07:32:00Z\n").unwrap_err();
        assert_eq!(error.span, Span { start: 10, end: 30 });
        assert!(error.message.contains("date"));
        for text in ["level = 07:32:00", "atTime = 1979-05-27T07:32:00", "atTime = [07:32:00]"] {
            assert!(parse(text).unwrap_err().message.contains("date"), "{text}");
        }
    }

    #[test]
    fn a_time_of_the_day_is_one() {
        // CPython 3.13: [str(tomllib.loads(text)["atTime"].replace(microsecond=0)) for text in texts]
        let times = ["00:00:00", "13:45:30", "23:59:59.999999"].map(|text| parse(&format!("atTime = {text}")).unwrap());
        let times = times.map(|root| root.entry("atTime").unwrap().value.as_str().unwrap().to_owned());
        assert_eq!(times, ["00:00:00", "13:45:30", "23:59:59"]);
    }

    #[test]
    fn nesting_has_a_limit_and_no_stack_overflow() {
        let tables = |depth: usize| format!("[{}]\n", vec!["a"; depth].join("."));
        for text in [format!("a = {}", "[".repeat(100_000)), format!("a = {}", "{a=".repeat(100_000)), tables(100_000)]
        {
            assert!(parse(&text).is_err());
        }
        let dotted = vec!["a"; 79].join(".");
        assert!(parse(&format!("{}1{}", format!("{dotted} = {{").repeat(70), "}".repeat(70))).is_err());
    }
}
