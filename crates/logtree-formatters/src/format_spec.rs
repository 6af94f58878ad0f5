//! Python's format-spec mini language, read: `*>+#012,.3f` (CPython's `parse_internal_render_format_spec`).

use logtree_core::FormatError;

use crate::conversion::{Kind, Spec, error};
use crate::decimal::{self, TooManyDigits};

/// What a format spec says; what it does not say depends on the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormatSpec {
    /// What stands before the alignment.
    pub(crate) fill: Option<char>,
    pub(crate) align: Option<Align>,
    pub(crate) sign: Option<Sign>,
    /// `z`: no minus before what is rounded to zero.
    pub(crate) no_negative_zero: bool,
    /// `#`: the other form, `0x1f` or `1.`.
    pub(crate) alternate: bool,
    /// `0` before the width: numbers are padded with zeros behind the sign.
    pub(crate) zero: bool,
    pub(crate) width: Option<usize>,
    /// What stands between groups of digits: `,` or `_`.
    pub(crate) separator: Option<char>,
    pub(crate) precision: Option<usize>,
    /// The letter at the end.
    pub(crate) kind: Option<char>,
}

/// Where the value stands within its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    Center,
    /// `=`: padding stands between sign and digits.
    BehindSign,
}

/// Which numbers have a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// `-`: negative ones, as without a word.
    Negative,
    /// `+`: all.
    Always,
    /// All, where that of the others is a space.
    Blank,
}

/// Why a text is no format spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The text goes on behind its end; what CPython says of that depends on the value.
    Invalid(Box<str>),
    /// CPython's error for any value that takes a format spec.
    Error(FormatError),
}

/// More than any line needs. CPython takes what fits into memory.
const MOST_CHARACTERS: usize = u16::MAX as usize;

impl FormatSpec {
    /// Whether nothing is said, so that the value prints as its `str`.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// `%d`, if nothing but that letter is said.
    pub(crate) fn as_bare_conversion(&self) -> Option<Spec> {
        let is_bare = *self == Self { kind: Some('d'), ..Self::default() };
        is_bare.then_some(Spec { kind: Kind::Decimal('d'), ..Spec::STR })
    }

    /// Reads a format spec.
    ///
    /// # Errors
    /// CPython's. DIFFERENCE: a width or precision that CPython would go and find memory for is one digit too many.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut rest = text;
        let mut spec = Self::default();
        spec.take_alignment(&mut rest);
        spec.sign = rest.chars().next().and_then(Sign::named);
        if spec.sign.is_some() {
            rest = &rest[1..];
        }
        spec.no_negative_zero = take(&mut rest, 'z');
        spec.alternate = take(&mut rest, '#');
        spec.zero = spec.fill.is_none() && take(&mut rest, '0');
        spec.width = take_number(&mut rest)?;
        spec.take_separator(&mut rest)?;
        if take(&mut rest, '.') {
            let missing = || value_error("Format specifier missing precision");
            spec.precision = Some(take_number(&mut rest)?.ok_or_else(missing)?);
        }
        let mut letters = rest.chars();
        spec.kind = letters.next();
        if letters.next().is_some() {
            return Err(Refusal::Invalid(text.into()));
        }
        spec.check_separator()?;
        Ok(spec)
    }

    fn take_alignment(&mut self, rest: &mut &str) {
        let mut chars = rest.chars();
        let (first, second) = (chars.next(), chars.next());
        if let Some(align) = second.and_then(Align::named) {
            (self.fill, self.align) = (first, Some(align));
            *rest = chars.as_str();
        } else if let Some(align) = first.and_then(Align::named) {
            self.align = Some(align);
            *rest = &rest[1..];
        }
    }

    fn take_separator(&mut self, rest: &mut &str) -> Result<(), Refusal> {
        let has_comma = take(rest, ',');
        let has_underscore = take(rest, '_');
        if has_underscore && (has_comma || rest.starts_with(',')) {
            return Err(value_error("Cannot specify both ',' and '_'."));
        }
        self.separator = if has_comma { Some(',') } else { has_underscore.then_some('_') };
        Ok(())
    }

    /// Refuses separators in what is not printed in groups, as far as the letter tells.
    fn check_separator(&self) -> Result<(), Refusal> {
        match (self.separator, self.kind) {
            (None, _) | (_, None | Some('d' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F')) => Ok(()),
            (Some('_'), Some('b' | 'o' | 'x' | 'X')) => Ok(()),
            (Some(separator), Some(kind)) => Err(Refusal::Error(no_separator(separator, kind))),
        }
    }
}

/// CPython's error about a separator where there are no groups.
pub(crate) fn no_separator(separator: char, kind: char) -> FormatError {
    error("ValueError", format!("Cannot specify '{separator}' with '{}'.", shown(kind)))
}

/// A letter as CPython's messages show it.
pub(crate) fn shown(kind: char) -> String {
    match kind {
        '!'..='\x7f' => kind.to_string(),
        _ => format!("\\x{:x}", u32::from(kind)),
    }
}

impl Align {
    fn named(char: char) -> Option<Self> {
        Some(match char {
            '<' => Self::Left,
            '>' => Self::Right,
            '^' => Self::Center,
            '=' => Self::BehindSign,
            _ => return None,
        })
    }
}

impl Sign {
    fn named(char: char) -> Option<Self> {
        Some(match char {
            '-' => Self::Negative,
            '+' => Self::Always,
            ' ' => Self::Blank,
            _ => return None,
        })
    }
}

fn take(rest: &mut &str, char: char) -> bool {
    let behind = rest.strip_prefix(char);
    *rest = behind.unwrap_or(rest);
    behind.is_some()
}

fn take_number(rest: &mut &str) -> Result<Option<usize>, Refusal> {
    let behind = rest.trim_start_matches(|char| decimal::digit(char).is_some());
    let digits = &rest[..rest.len() - behind.len()];
    *rest = behind;
    match decimal::number(digits) {
        Ok(number) if number <= Some(MOST_CHARACTERS) => Ok(number),
        Ok(_) | Err(TooManyDigits) => Err(value_error(TooManyDigits::MESSAGE)),
    }
}

fn value_error(message: &str) -> Refusal {
    Refusal::Error(error("ValueError", message))
}
