//! Python's literals, which are all that logtree takes of what `fileConfig` hands to `eval`: tuples, lists, dicts, strings,
//! numbers, `None`, `True` and `False`; sums and products of numbers, as in `10 * 1024 * 1024`; and of the names of the
//! module `logging` the standard streams and the integers.
//!
//! Nothing is evaluated. DIFFERENCE: whatever else Python could evaluate is refused.

use super::Value;
use crate::catalog::{self, Item};
use crate::digits;
use crate::node::{Entries, Kind, Node, Span};
use crate::python::repr_str;
use crate::suggest;

/// How deep brackets may be nested; Python's own parser stops soon after.
const MAX_DEPTH: usize = 100;

/// Why a value is no literal.
#[derive(Debug, PartialEq)]
pub(super) struct NoLiteral {
    pub(super) message: String,
    pub(super) span: Span,
    /// What was perhaps meant.
    pub(super) guess: Option<&'static str>,
}

/// The names that most configs have.
const NAMES: [&str; 5] = ["sys.stdout", "sys.stderr", "None", "True", "False"];

/// Reads a value. Tuples become lists.
///
/// # Errors
/// Where it is no literal.
pub(super) fn read(value: &Value) -> Result<Node, NoLiteral> {
    let mut parser = Parser { value, text: &value.text, at: 0, depth: 0 };
    parser.skip_space();
    let (mut items, has_comma) = parser.items()?;
    if !parser.rest().is_empty() || (items.is_empty() && !has_comma) {
        return Err(parser.no_literal(parser.at));
    }
    match items.pop() {
        Some(item) if items.is_empty() && !has_comma => Ok(item),
        last => {
            items.extend(last);
            Ok(parser.node(0, Kind::List(items)))
        }
    }
}

struct Parser<'v> {
    value: &'v Value,
    text: &'v str,
    at: usize,
    /// How many brackets are open: in them lines may end anywhere.
    depth: usize,
}

/// A number to reckon with.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl<'v> Parser<'v> {
    fn rest(&self) -> &'v str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        loop {
            let is_in_brackets = self.depth > 0;
            let is_space = |char: char| matches!(char, ' ' | '\t' | '\x0c') || (is_in_brackets && char == '\n');
            self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
            match self.rest().starts_with('#') {
                true => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                false => return,
            }
        }
    }

    /// Passes over the character if it comes next, and over the space behind it.
    fn take(&mut self, char: char) -> bool {
        let is_next = self.rest().starts_with(char);
        if is_next {
            self.at += char.len_utf8();
            self.skip_space();
        }
        is_next
    }

    /// Values up to the next closing bracket or the end, and whether a comma stands behind any of them.
    fn items(&mut self) -> Result<(Vec<Node>, bool), NoLiteral> {
        let (mut items, mut has_comma) = (Vec::new(), false);
        while !self.rest().is_empty() && !self.rest().starts_with([')', ']']) {
            items.push(self.sum()?);
            if !self.take(',') {
                break;
            }
            has_comma = true;
        }
        Ok((items, has_comma))
    }

    fn sum(&mut self) -> Result<Node, NoLiteral> {
        let start = self.at;
        let mut left = self.product()?;
        while self.rest().starts_with(['+', '-']) {
            let is_plus = self.take('+') || !self.take('-');
            let right = self.product()?;
            left = match is_plus {
                true => self.reckoned(start, &left, &right, i64::checked_add, |left, right| left + right)?,
                false => self.reckoned(start, &left, &right, i64::checked_sub, |left, right| left - right)?,
            };
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Node, NoLiteral> {
        let start = self.at;
        let mut left = self.signed()?;
        while !self.rest().starts_with("**") && self.take('*') {
            let right = self.signed()?;
            left = self.reckoned(start, &left, &right, i64::checked_mul, |left, right| left * right)?;
        }
        Ok(left)
    }

    fn reckoned(
        &self,
        start: usize,
        left: &Node,
        right: &Node,
        ints: fn(i64, i64) -> Option<i64>,
        floats: fn(f64, f64) -> f64,
    ) -> Result<Node, NoLiteral> {
        let kind = match (Number::of(left), Number::of(right)) {
            (Some(Number::Int(left)), Some(Number::Int(right))) => ints(left, right).map(Kind::Int),
            (Some(left), Some(right)) => Some(Kind::Float(floats(left.float(), right.float()))),
            _ => None,
        };
        kind.map(|kind| self.node(start, kind)).ok_or_else(|| self.no_literal(start))
    }

    fn signed(&mut self) -> Result<Node, NoLiteral> {
        let start = self.at;
        let mut is_negative = false;
        while self.rest().starts_with(['+', '-']) {
            is_negative ^= !self.take('+') && self.take('-');
        }
        let has_sign = self.at > start;
        let node = self.atom()?;
        if !has_sign {
            return Ok(node);
        }
        let kind = match node.kind {
            Kind::Int(value) if is_negative => value.checked_neg().map(Kind::Int),
            Kind::Float(value) if is_negative => Some(Kind::Float(-value)),
            Kind::BigInt(digits) if is_negative => digits::int(true, &digits, 10),
            kind @ (Kind::Int(_) | Kind::Float(_) | Kind::BigInt(_)) => Some(kind),
            _ => None,
        };
        kind.map(|kind| self.node(start, kind)).ok_or_else(|| self.no_literal(start))
    }

    fn atom(&mut self) -> Result<Node, NoLiteral> {
        let start = self.at;
        let kind = match self.rest().chars().next() {
            Some(first @ ('(' | '[')) => {
                self.open(start)?;
                let (mut items, has_comma) = self.items()?;
                self.close(start, if first == '(' { ')' } else { ']' })?;
                // What stands alone in round brackets is itself.
                match items.pop() {
                    Some(item) if first == '(' && items.is_empty() && !has_comma => item.kind,
                    last => {
                        items.extend(last);
                        Kind::List(items)
                    }
                }
            }
            Some('{') => self.dict(start)?,
            Some('0'..='9' | '.') => self.number(start)?,
            Some(_) => self.text_or_name(start)?,
            None => return Err(self.no_literal(start)),
        };
        let node = self.node(start, kind);
        self.skip_space();
        Ok(node)
    }

    fn open(&mut self, start: usize) -> Result<(), NoLiteral> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(NoLiteral { message, span: self.place(start), guess: None });
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn close(&mut self, start: usize, bracket: char) -> Result<(), NoLiteral> {
        if self.rest().is_empty() {
            let message = format!("not a Python literal: '{}' was never closed", &self.text[start..=start]);
            return Err(NoLiteral { message, ..self.no_literal(start) });
        }
        if !self.rest().starts_with(bracket) {
            return Err(self.no_literal(start));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn dict(&mut self, start: usize) -> Result<Kind, NoLiteral> {
        self.open(start)?;
        let mut entries = Entries::default();
        while !self.rest().starts_with('}') {
            let key = self.sum()?;
            let is_hashable = !matches!(key.kind, Kind::List(_) | Kind::Dict(_));
            if !is_hashable || !self.take(':') {
                return Err(self.no_literal(start));
            }
            let value = self.sum()?;
            entries.insert(key, value);
            if !self.take(',') {
                break;
            }
        }
        self.close(start, '}')?;
        Ok(entries.into())
    }

    fn number(&mut self, start: usize) -> Result<Kind, NoLiteral> {
        let is_exponent = |token: &str| token.ends_with(['e', 'E']) && !token.to_ascii_lowercase().starts_with("0x");
        let mut end = start;
        for char in self.rest().chars() {
            let is_part = char.is_alphanumeric() || matches!(char, '_' | '.');
            let is_sign = matches!(char, '+' | '-') && is_exponent(&self.text[start..end]);
            if !is_part && !is_sign {
                break;
            }
            end += char.len_utf8();
        }
        self.at = end;
        number(&self.text[start..end]).ok_or_else(|| self.no_literal(start))
    }

    /// A string, several that stand side by side, or a name.
    fn text_or_name(&mut self, start: usize) -> Result<Kind, NoLiteral> {
        let mut text = String::new();
        let mut end = None;
        while let Some(prefix) = self.string_prefix() {
            let is_raw = match &*prefix.to_ascii_lowercase() {
                "" | "u" => false,
                "r" => true,
                // Bytes, and what is put together when it is evaluated.
                _ => return Err(self.no_literal(start)),
            };
            self.at += prefix.len();
            self.string(start, is_raw, &mut text)?;
            end = Some(self.at);
            self.skip_space();
        }
        match end {
            Some(end) => {
                self.at = end;
                Ok(Kind::Str(text))
            }
            None => self.name(start),
        }
    }

    /// The letters before the quote of a string, if one comes next.
    fn string_prefix(&self) -> Option<&'v str> {
        let letters = self.rest().bytes().take(3).take_while(u8::is_ascii_alphabetic).count();
        let (prefix, after) = self.rest().split_at(letters);
        after.starts_with(['\'', '"']).then_some(prefix)
    }

    /// One string from its opening quote on.
    fn string(&mut self, start: usize, is_raw: bool, out: &mut String) -> Result<(), NoLiteral> {
        let one = &self.rest()[..1];
        let three = one.repeat(3);
        let is_long = self.rest().starts_with(&three);
        let quote = if is_long { &*three } else { one };
        self.at += quote.len();
        while !self.rest().starts_with(quote) {
            let mut chars = self.rest().chars();
            match chars.next() {
                None => return Err(self.no_literal(start)),
                Some('\n') if !is_long => return Err(self.no_literal(start)),
                Some('\\') if is_raw => {
                    let escaped = chars.next().ok_or_else(|| self.no_literal(start))?;
                    out.extend(['\\', escaped]);
                    self.at += 1 + escaped.len_utf8();
                }
                Some('\\') => {
                    let (escaped, len) = escape(&self.rest()[1..]).ok_or_else(|| self.no_literal(self.at))?;
                    out.push_str(&escaped);
                    self.at += 1 + len;
                }
                Some(char) => {
                    out.push(char);
                    self.at += char.len_utf8();
                }
            }
        }
        self.at += quote.len();
        Ok(())
    }

    fn name(&mut self, start: usize) -> Result<Kind, NoLiteral> {
        let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.');
        let name = &self.rest()[..self.rest().len() - self.rest().trim_start_matches(is_part).len()];
        self.at += name.len();
        let kind = match name {
            "None" => Some(Kind::None),
            "True" => Some(Kind::Bool(true)),
            "False" => Some(Kind::Bool(false)),
            "sys.stdout" | "sys.stderr" => Some(Kind::Str(format!("ext://{name}"))),
            _ => integer(name).map(Kind::Int),
        };
        // What is called or looked into is no literal, whatever its name.
        let is_all = !self.rest().trim_start().starts_with(['(', '[']);
        let guess = if is_all { suggest::closest(name, &NAMES) } else { None };
        kind.filter(|_| is_all).ok_or_else(|| NoLiteral { guess, ..self.no_literal(start) })
    }

    fn node(&self, start: usize, kind: Kind) -> Node {
        Node::new(kind, self.place(start))
    }

    /// The place of what was read from `start` on, without the space behind it.
    fn place(&self, start: usize) -> Span {
        let read = self.text.get(start..self.at).unwrap_or_default().trim_end();
        self.within(start, start + read.len())
    }

    /// The place of a part of the value; of all of it if its parts stand elsewhere.
    fn within(&self, start: usize, end: usize) -> Span {
        let first = self.value.span.start;
        if self.value.is_verbatim { Span { start: first + start, end: first + end } } else { self.value.span }
    }

    #[cold]
    fn no_literal(&self, start: usize) -> NoLiteral {
        let rest = self.text.get(start..).unwrap_or_default();
        let shown: String = rest.chars().take(40).collect();
        let what = if shown.is_empty() { "something is missing at its end".to_owned() } else { repr_str(&shown) };
        let message = format!("not a Python literal, and logtree evaluates no code: {what}");
        NoLiteral { message, span: self.within(start, self.text.len()), guess: None }
    }
}

impl Number {
    fn of(node: &Node) -> Option<Self> {
        match node.kind {
            Kind::Int(value) => Some(Self::Int(value)),
            Kind::Float(value) => Some(Self::Float(value)),
            _ => None,
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// The integer that `fileConfig` finds under a name in the module `logging`.
fn integer(name: &str) -> Option<i64> {
    // The module `socket` is to be had there, too, by way of `handlers`.
    let item = match name.strip_prefix("handlers.socket.") {
        Some(name) => catalog::find(&format!("socket.{name}")),
        None => catalog::find(&format!("logging.{name}")),
    };
    match item {
        Some(Item::Int(value)) => Some(value),
        _ => None,
    }
}

/// A number as Python writes it.
fn number(token: &str) -> Option<Kind> {
    let bytes = token.as_bytes();
    let is_digit_at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let is_between_digits = |at: usize| is_digit_at(at.checked_sub(1)) && is_digit_at(at.checked_add(1));
    if !token.is_ascii() || (0..bytes.len()).any(|at| bytes[at] == b'_' && !is_between_digits(at)) {
        return None;
    }
    let token = token.replace('_', "").to_ascii_lowercase();
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = token.strip_prefix(prefix) {
            return digits::int(false, digits, base);
        }
    }
    if token.contains(['.', 'e']) {
        let is_decimal = token.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
        return token.parse().ok().filter(|_| is_decimal).map(Kind::Float);
    }
    // So Python wrote octals once, and refuses it now.
    let is_old_octal = token.starts_with('0') && token.bytes().any(|byte| byte != b'0');
    if is_old_octal { None } else { digits::int(false, &token, 10) }
}

/// What an escape stands for, and how long it is without its backslash. An unknown one stands for itself.
fn escape(text: &str) -> Option<(String, usize)> {
    let first = text.chars().next()?;
    let of_code = |digits: &str, base, len| {
        let code = u32::from_str_radix(digits, base).ok()?;
        Some((char::from_u32(code)?.to_string(), len))
    };
    let hex = |len: usize| {
        let digits = text.get(1..1 + len).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        of_code(digits, 16, 1 + len)
    };
    let one = |char: char| Some((char.to_string(), 1));
    match first {
        '\n' => Some((String::new(), 1)),
        '\\' | '\'' | '"' => one(first),
        'a' => one('\x07'),
        'b' => one('\x08'),
        'f' => one('\x0c'),
        'n' => one('\n'),
        'r' => one('\r'),
        't' => one('\t'),
        'v' => one('\x0b'),
        'x' => hex(2),
        'u' => hex(4),
        'U' => hex(8),
        // The names of Unicode are not at hand.
        'N' => None,
        '0'..='7' => {
            let len = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            of_code(&text[..len], 8, len)
        }
        other => Some((format!("\\{other}"), other.len_utf8())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Node, NoLiteral> {
        let span = Span { start: 100, end: 100 + text.len() };
        read(&Value { text: text.to_owned(), span, is_verbatim: true })
    }

    #[test]
    fn literals_are_pythons() {
        // CPython 3.13: repr(eval(text, vars(logging))) of each, with lists for tuples.
        let cases = [
            ("()", "[]"),
            ("(1)", "1"),
            ("(1,)", "[1]"),
            ("1, 'a'", "[1, 'a']"),
            ("[1, [], (2, 3,)]", "[1, [], [2, 3]]"),
            ("{'a': 1, 2: None, 'a': (True, False)}", "{'a': [True, False], 2: None}"),
            (r#"'a' "b" r'\n' u'c'"#, r"'ab\\nc'"),
            (r"'\x41\u00e9\101\q'", r"'AéA\\q'"),
            ("10 * 1024*1024 - 1", "10485759"),
            ("-1 + 0x10 * 2.5", "39.0"),
            ("1_000.5e-1", "100.05"),
            ("-9223372036854775809", "-9223372036854775809"),
            ("handlers.SysLogHandler.LOG_LOCAL0 # x", "16"),
            ("(ERROR,\n  handlers.socket.SOCK_DGRAM)", "[40, 2]"),
            ("sys.stdout", "'ext://sys.stdout'"),
            ("'''a\n'b''' ", r#""a\n'b""#),
            ("00", "0"),
            ("(.5, 1., 1E+2)", "[0.5, 1.0, 100.0]"),
        ];
        for (text, expected) in cases {
            assert_eq!(read_text(text).map(|node| node.repr()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_literal_is_refused_in_its_place() {
        #[rustfmt::skip]
        let cases = [
            "", ",", "(", "(1", "1 2", "'a", "f'{x}'", "b'a'", "open('x')", "os.environ['X']", "os.getcwd()", "{1}", "{[]: 1}",
            "[x for x in y]", "lambda: 1", "__import__('os').system('x')", "1 if 2 else 3", "2 ** 3", "1 // 2", "010", "1_", "1j",
            "'a' 'b' x", "sys.stdout.buffer", "'a' + 'b'", "ERROR()", "not 1", r"'\N{DASH}'", r"'\ud800'", "(1,\n2", "1\n2", "(]",
            "[1)", "9223372036854775807 + 1", "9223372036854775807 * 2", "'a\nb'", "(,)", "-'a'", "-None", "1 +", "{'a' 1}", "{'a':}",
        ];
        for text in cases {
            assert!(read_text(text).is_err(), "{text}");
        }
        let error = read_text("('a', open('b'))").map(|node| node.repr());
        let message = r#"not a Python literal, and logtree evaluates no code: "open('b'))""#.to_owned();
        assert_eq!(error, Err(NoLiteral { message, span: Span { start: 106, end: 116 }, guess: None }));
        for bracket in ["(", "[", "{1:", "-", "'a'("] {
            assert!(read_text(&bracket.repeat(100_000)).is_err(), "{bracket}");
        }
    }

    #[test]
    fn each_part_has_its_place() {
        let Ok(Node { kind: Kind::List(items), .. }) = read_text("('x.log', ( 'a' ,) , -1 * 2)") else {
            unreachable!("a list")
        };
        let places: Vec<_> = items.iter().map(|item| item.span).collect();
        let expected = [(101, 108), (110, 118), (121, 127)];
        assert_eq!(places, expected.map(|(start, end)| Some(Span { start, end })));
    }
}
