//! Control characters that a record brings: what a formatter's key `escape` makes of them.

use std::fmt::Write as _;

use logtree_core::{Argument, ArgumentError};

/// What becomes of control characters in what a record brings: its message, fields, names, and the text of its error.
///
/// Python writes them as they are. Text that came from outside may then clear the reader's terminal or hide what stands
/// before it, and with a line break in it forge a record (CWE-117, CWE-150). Escaped they are written as Python's `repr` has
/// them, `\x1b`, `\n`, `\u2028`; a backslash stays one. What stands in the format itself is the config's own, and stays: line
/// breaks there, and colours.
///
/// ```yaml
/// formatters:
///   line: {format: "%(asctime)s %(levelname)s %(name)s: %(message)s", escape: controls}
/// ```
///
/// JSON formatters need nothing of the kind: in JSON they are escaped anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Escape {
    /// `none`: they stay as they are, as in Python.
    #[default]
    None,
    /// `terminal`: those that a terminal obeys are escaped, while tabs and line breaks stay. These are all of U+0000 to
    /// U+001F, U+007F, and U+0080 to U+009F but tab and line feed; of them tracing-subscriber's fmt escapes ESC, BEL, BS, FF,
    /// DEL and the last 32, in messages and errors.
    Terminal,
    /// `controls`: all of them are escaped, tabs too, and so are the other characters at which Python's `str.splitlines` breaks
    /// lines (U+2028, U+2029). A record is one line then. The text of an error and a stack below it keep their line breaks
    /// and tabs, and each line of them begins with a tab, as in PostgreSQL's log: a line that begins with anything else
    /// begins a record, whatever the texts are.
    Controls,
}

impl Escape {
    /// The argument `escape`; null and `false` are `none`.
    ///
    /// # Errors
    /// If it is anything but one of the three names.
    pub(crate) fn from_argument(argument: Option<&Argument>) -> Result<Self, ArgumentError> {
        match argument {
            Some(Argument::Str(name)) if name == "terminal" => Ok(Self::Terminal),
            Some(Argument::Str(name)) if name == "controls" => Ok(Self::Controls),
            Some(Argument::Str(name)) if name == "none" => Ok(Self::None),
            None | Some(Argument::None | Argument::Bool(false)) => Ok(Self::None),
            Some(_) => {
                let error = ArgumentError::new("ValueError", "escape must be one of: none, terminal, controls");
                Err(error.at("escape").expected("controls; or terminal, which leaves line breaks and tabs"))
            }
        }
    }

    /// Whether there is anything to escape in the text.
    pub(crate) fn is_needed(self, text: &str) -> bool {
        // Bytes with which nothing begins that is escaped are all that there are in most lines; to look at every one of them
        // is faster than to stop at the first other.
        let may_begin = |byte: u8| (byte < 0x20) | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2);
        self != Self::None
            && text.bytes().fold(false, |found, byte| found | may_begin(byte))
            && text.chars().any(|char| self.takes(char))
    }

    /// Whether the character is escaped in a line.
    fn takes(self, char: char) -> bool {
        match self {
            Self::None => false,
            Self::Terminal => char.is_control() && !matches!(char, '\t' | '\n'),
            Self::Controls => char.is_control() || matches!(char, '\u{2028}' | '\u{2029}'),
        }
    }

    /// Escapes what stands in `out` from `start` on, in a line.
    pub(crate) fn line(self, out: &mut String, start: usize) {
        if self.is_needed(&out[start..]) {
            let text = out.split_off(start);
            text.chars().for_each(|char| self.push(out, char));
        }
    }

    /// The same, but for the first occurrence of `own` in it, which is no text of the record's.
    pub(crate) fn line_around(self, out: &mut String, start: usize, own: &str) {
        let Some(at) = out[start..].find(own) else { return self.line(out, start) };
        let behind = out.split_off(start + at + own.len());
        out.truncate(start + at);
        self.line(out, start);
        out.push_str(own);
        let start = out.len();
        out.push_str(&behind);
        self.line(out, start);
    }

    /// Escapes what stands in `out` from `start` on, below a line.
    pub(crate) fn below(self, out: &mut String, start: usize) {
        if self != Self::Controls || start == out.len() {
            return self.line(out, start);
        }
        let text = out.split_off(start);
        // It begins with the line break that ends the line, unless the line has one itself.
        if !text.starts_with('\n') {
            out.push('\t');
        }
        for char in text.chars() {
            match char {
                '\n' => out.push_str("\n\t"),
                '\t' => out.push('\t'),
                char => self.push(out, char),
            }
        }
    }

    fn push(self, out: &mut String, char: char) {
        if !self.takes(char) {
            return out.push(char);
        }
        match (char, u32::from(char)) {
            ('\t', _) => out.push_str("\\t"),
            ('\n', _) => out.push_str("\\n"),
            ('\r', _) => out.push_str("\\r"),
            // Writing to a string does not fail.
            (_, code @ ..0x100) => drop(write!(out, "\\x{code:02x}")),
            (_, code) => drop(write!(out, "\\u{code:04x}")),
        }
    }
}
