//! Text as bytes: Python's `encoding` and `errors`.

use std::str::FromStr;

use logtree_core::{ArgumentError, FormatError};

/// How text becomes bytes.
///
/// `DIFFERENCE`: Python has a hundred; the others are refused when a config is checked. A line here ends with the one byte of a
/// newline, by which half a line that a full disk left is told from the next, and any number of processes append: so there is
/// no encoding of several bytes for each character (`utf-16`, `utf-32`), and none whose first line begins with a mark
/// (`utf-8-sig`). The tables of code pages, such as `cp1252`, are no logger's to carry: `utf-8` has their characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-8, also where none is given. `DIFFERENCE`: there Python asks the locale.
    #[default]
    Utf8,
    /// ASCII
    Ascii,
    /// ISO 8859-1
    Latin1,
}

/// What becomes of a character that the encoding does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodingErrors {
    /// The record is not written, and counted as an error.
    #[default]
    Strict,
    /// It is left out.
    Ignore,
    /// A question mark stands in its place.
    Replace,
    /// `\xe9`, `\u20ac`, `\U0001f600`
    BackslashReplace,
    /// `&#8364;`
    XmlCharRefReplace,
}

impl FromStr for Encoding {
    type Err = ArgumentError;

    /// Reads an encoding by any of Python's names for it, in any case, with `-`, `_`, a space or the like.
    ///
    /// # Errors
    /// For every other encoding, whether or not Python knows it.
    fn from_str(name: &str) -> Result<Self, ArgumentError> {
        // CPython's `encodings.normalize_encoding` and `encodings.aliases`.
        let lower = name.to_ascii_lowercase();
        let parts = lower.split(|char: char| !char.is_ascii_alphanumeric() && char != '.');
        let plain = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_").replace('.', "_");
        match plain.as_str() {
            "utf_8" | "utf8" | "u8" | "utf" | "utf8_ucs2" | "utf8_ucs4" | "cp65001" | "locale" => Ok(Self::Utf8),
            "ascii" | "us_ascii" | "646" | "ansi_x3_4_1968" | "ansi_x3_4_1986" | "cp367" | "csascii" | "ibm367"
            | "iso646_us" | "iso_646_irv_1991" | "iso_ir_6" | "us" => Ok(Self::Ascii),
            "latin_1" | "latin1" | "latin" | "l1" | "iso_8859_1" | "iso8859_1" | "iso8859" | "iso_8859_1_1987"
            | "8859" | "cp819" | "ibm819" | "csisolatin1" | "iso_ir_100" => Ok(Self::Latin1),
            _ => {
                let message = format!("unknown encoding: {name}");
                let expected =
                    "'utf-8', 'ascii' or 'latin-1', by any of Python's names for them: logtree has no others";
                Err(ArgumentError::new("LookupError", message).at("encoding").expected(expected))
            }
        }
    }
}

impl FromStr for EncodingErrors {
    type Err = ArgumentError;

    /// Reads Python's name of an error handler.
    ///
    /// # Errors
    /// For a name that Python does not know, and for `namereplace`.
    fn from_str(name: &str) -> Result<Self, ArgumentError> {
        match name {
            // The last two are about lone surrogates, which no text here holds.
            "strict" | "surrogateescape" | "surrogatepass" => Ok(Self::Strict),
            "ignore" => Ok(Self::Ignore),
            "replace" => Ok(Self::Replace),
            "backslashreplace" => Ok(Self::BackslashReplace),
            "xmlcharrefreplace" => Ok(Self::XmlCharRefReplace),
            _ => {
                let message = format!("unknown error handler name '{name}'");
                let expected = "'strict', 'ignore', 'replace', 'backslashreplace' or 'xmlcharrefreplace'";
                Err(ArgumentError::new("LookupError", message).at("errors").expected(expected))
            }
        }
    }
}

impl Encoding {
    /// Whether text is written as the bytes that it is.
    pub(crate) fn is_utf8(self) -> bool {
        self == Self::Utf8
    }

    /// Appends `text` in this encoding.
    ///
    /// # Errors
    /// CPython's `UnicodeEncodeError`, if the encoding lacks a character and `errors` is strict.
    pub(crate) fn encode(self, text: &str, errors: EncodingErrors, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let beyond = match self {
            Self::Utf8 => u32::MAX,
            Self::Ascii => 0x80,
            Self::Latin1 => 0x100,
        };
        if self.is_utf8() || text.is_ascii() {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        for (position, char) in text.chars().enumerate() {
            let code = u32::from(char);
            match (u8::try_from(code), errors) {
                (Ok(byte), _) if code < beyond => out.push(byte),
                (_, EncodingErrors::Strict) => return Err(self.cannot_encode(text, position, beyond)),
                (_, EncodingErrors::Ignore) => {}
                (_, EncodingErrors::Replace) => out.push(b'?'),
                (_, EncodingErrors::BackslashReplace) => out.extend(escape(code).bytes()),
                (_, EncodingErrors::XmlCharRefReplace) => out.extend(format!("&#{code};").bytes()),
            }
        }
        Ok(())
    }

    /// CPython's words about the run of characters at `position`.
    fn cannot_encode(self, text: &str, position: usize, beyond: u32) -> FormatError {
        let run: Vec<char> = text.chars().skip(position).take_while(|char| u32::from(*char) >= beyond).collect();
        let name = if self == Self::Ascii { "ascii" } else { "latin-1" };
        let what = match run.as_slice() {
            [char] => format!("character '{}' in position {position}", escape(u32::from(*char))),
            _ => format!("characters in position {position}-{}", position + run.len() - 1),
        };
        let message = format!("'{name}' codec can't encode {what}: ordinal not in range({beyond})");
        FormatError { exception: "UnicodeEncodeError", message }
    }
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]

    use super::*;
    use crate::cpython;

    fn encoded(encoding: Encoding, errors: EncodingErrors) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        match encoding.encode("aé€😀z", errors, &mut out) {
            Ok(()) => Ok(out),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn characters_are_encoded_as_cpython_does() {
        use Encoding::{Ascii, Latin1, Utf8};
        use EncodingErrors::{BackslashReplace, Ignore, Replace, Strict, XmlCharRefReplace};
        // CPython 3.13: 'aé€😀z'.encode(encoding, errors).
        assert_eq!(encoded(Utf8, Strict), Ok("aé€😀z".into()));
        assert_eq!(encoded(Ascii, Ignore), Ok(b"az".to_vec()));
        assert_eq!(encoded(Ascii, Replace), Ok(b"a???z".to_vec()));
        assert_eq!(encoded(Ascii, BackslashReplace), Ok(br"a\xe9\u20ac\U0001f600z".to_vec()));
        assert_eq!(encoded(Ascii, XmlCharRefReplace), Ok(b"a&#233;&#8364;&#128512;z".to_vec()));
        assert_eq!(encoded(Latin1, Replace), Ok(b"a\xe9??z".to_vec()));
        assert_eq!(
            encoded(Ascii, Strict),
            Err("UnicodeEncodeError: 'ascii' codec can't encode characters in position 1-3: ordinal not in range(128)"
                .into())
        );
        assert_eq!(
            encoded(Latin1, Strict),
            Err("UnicodeEncodeError: 'latin-1' codec can't encode characters in position 2-3: \
                 ordinal not in range(256)"
                .into())
        );
    }

    #[test]
    fn every_name_that_cpython_has_for_them_is_theirs_and_no_other() {
        let Some(mut python) = cpython::python() else {
            println!("passed over: there is no CPython 3.13");
            return;
        };
        let script = "import codecs, encodings.aliases as a\n\
             names = {*a.aliases, *a.aliases.values(), 'latin-1', 'ISO 8859-1', 'iso-8859-1:1987', 'utf--8', 'l.1', 'é1'}\n\
             def of(name):\n try: return codecs.lookup(name).name\n except LookupError: return ''\n\
             for name in sorted({v(n) for n in names for v in (str, str.upper, lambda n: n.replace('_', '-'))}): \
             print(name, of(name), sep='\\t')";
        let output = python.args(["-c", script]).output().unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        assert!(theirs.lines().count() > 500, "{}", String::from_utf8_lossy(&output.stderr));
        for (name, theirs) in theirs.lines().map(|line| line.split_once('\t').unwrap()) {
            let expected = match theirs {
                "utf-8" => Some(Encoding::Utf8),
                "ascii" => Some(Encoding::Ascii),
                "iso8859-1" => Some(Encoding::Latin1),
                _ => None,
            };
            assert_eq!(name.parse().ok(), expected, "{name}, CPython: {theirs}");
        }
    }

    #[test]
    fn names_are_pythons_and_others_are_refused() {
        assert_eq!("UTF-8".parse(), Ok(Encoding::Utf8));
        assert_eq!("ISO-8859-1".parse(), Ok(Encoding::Latin1));
        assert_eq!("US ASCII".parse(), Ok(Encoding::Ascii));
        // CPython 3.13: open(path, encoding='nope').
        let unknown = "nope".parse::<Encoding>().map_err(|error| error.to_string());
        assert_eq!(unknown, Err("LookupError: unknown encoding: nope".into()));
        assert_eq!("surrogateescape".parse(), Ok(EncodingErrors::Strict));
        assert!("nope".parse::<EncodingErrors>().is_err());
    }
}
