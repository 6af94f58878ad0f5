//! Lists and dicts among the values of a record that was given as Python's own: they travel as their `repr`, which is a
//! Python literal, and are read back here, where they must not print as text.

use std::borrow::Cow;

/// A place in a literal.
#[derive(Clone, Debug)]
pub(crate) struct Literal<'a> {
    rest: &'a str,
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    ListStart,
    ListEnd,
    DictStart,
    DictEnd,
    Str(Cow<'a, str>),
    /// A number, or one of the words `None`, `True`, `False`, `nan`, `inf` and `-inf`.
    Word(&'a str),
}

impl<'a> Literal<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes punctuation, if it stands there.
    pub(crate) fn take(&mut self, punctuation: &str) -> bool {
        match self.rest.strip_prefix(punctuation) {
            Some(rest) => self.rest = rest,
            None => return false,
        }
        true
    }

    /// Takes what stands there; `None` if it is no part of a literal.
    pub(crate) fn token(&mut self) -> Option<Token<'a>> {
        let first = self.rest.chars().next()?;
        let single = match first {
            '[' => Token::ListStart,
            ']' => Token::ListEnd,
            '{' => Token::DictStart,
            '}' => Token::DictEnd,
            '\'' | '"' => return self.string(first).map(Token::Str),
            _ => {
                let end = self.rest.find([',', ':', ']', '}']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                return is_word(word).then_some(Token::Word(word));
            }
        };
        self.rest = &self.rest[1..];
        Some(single)
    }

    /// Takes a whole value as it stands.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.rest;
        let mut depth = 0_u32;
        loop {
            match self.token()? {
                Token::ListStart | Token::DictStart => depth += 1,
                Token::ListEnd | Token::DictEnd => depth = depth.checked_sub(1)?,
                Token::Str(_) | Token::Word(_) => {}
            }
            if depth == 0 {
                return Some(&start[..start.len() - self.rest.len()]);
            }
            // Between two tokens of a container at most one of these stands.
            let _ = self.take(", ") || self.take(": ");
        }
    }

    fn string(&mut self, quote: char) -> Option<Cow<'a, str>> {
        let text = &self.rest[1..];
        let special = [quote, '\\'];
        let mut end = text.find(special)?;
        if text[end..].starts_with(quote) {
            self.rest = &text[end + 1..];
            return Some(Cow::Borrowed(&text[..end]));
        }
        let mut decoded = String::new();
        let mut rest = text;
        loop {
            decoded.push_str(&rest[..end]);
            rest = &rest[end..];
            if let Some(behind) = rest.strip_prefix(quote) {
                self.rest = behind;
                return Some(Cow::Owned(decoded));
            }
            let mut escape = rest[1..].chars();
            let letter = escape.next()?;
            let behind = escape.as_str();
            let digits = match letter {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            decoded.push(match letter {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' | '\'' | '"' => letter,
                _ => char::from_u32(u32::from_str_radix(behind.get(..digits)?, 16).ok()?)?,
            });
            rest = &behind[digits..];
            end = rest.find(special)?;
        }
    }
}

fn is_word(word: &str) -> bool {
    let is_name = matches!(word, "None" | "True" | "False" | "nan" | "inf" | "-inf");
    let is_numeric = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e');
    is_name || (!word.is_empty() && word.bytes().all(is_numeric))
}

/// The items of a dict, each value as it stands; `None` if the text is no dict.
pub(crate) fn dict_items(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let mut literal = Literal::new(text);
    if literal.token()? != Token::DictStart {
        return None;
    }
    let mut items = Vec::new();
    while !literal.take("}") {
        if !items.is_empty() && !literal.take(", ") {
            return None;
        }
        let Token::Str(key) = literal.token()? else { return None };
        if !literal.take(": ") {
            return None;
        }
        items.push((key, literal.value()?));
    }
    literal.is_empty().then_some(items)
}

/// Whether Python takes the value of a literal for true.
pub(crate) fn is_truthy(literal: &str) -> bool {
    !matches!(literal, "None" | "False" | "0" | "0.0" | "-0.0" | "''" | "[]" | "{}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_dict_is_taken_apart() {
        // CPython 3.13: repr({"it's": [1, {"b": "x, y: ]}"}], 'é"\n\x00': -1e-05, "": None})
        let text = r#"{"it's": [1, {'b': 'x, y: ]}'}], 'é"\n\x00': -1e-05, '': None}"#;
        let items = dict_items(text).unwrap();
        assert_eq!(
            items,
            [(Cow::from("it's"), "[1, {'b': 'x, y: ]}'}]"), (Cow::from("é\"\n\0"), "-1e-05"), (Cow::from(""), "None"),]
        );
        assert_eq!(dict_items("{}").unwrap(), []);
    }

    #[test]
    fn what_is_no_dict_is_none() {
        for text in [
            "",
            "{",
            "[1]",
            "{'a'}",
            "{'a': }",
            "{'a': 1",
            "{'a': 1}}",
            "{1: 2}",
            "{'a: 1}",
            "{'a\\",
            "{'a\\x0'}",
            "{'a': 1,'b': 2}",
            "{'a': Some(1)}",
            "{'\\ud800': 1}",
        ] {
            assert_eq!(dict_items(text), None, "{text}");
        }
    }
}
