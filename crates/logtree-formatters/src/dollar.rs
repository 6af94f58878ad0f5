//! The `$` style: Python's `string.Template` on the attributes of a record (CPython's `StringTemplateStyle`).

use logtree_core::{ArgumentError, FormatError, Formatter, Needs, Record};

use crate::attributes::{Attribute, Found, Lookup};
use crate::composer::{Composer, missing};
use crate::config::FormatterConfig;
use crate::conversion::{self, Spec, error};
use crate::literal::Literal;

/// A formatter in `$` style.
///
/// Made by [`FormatterConfig`](crate::FormatterConfig), where a config or code has more to say than the format. What the
/// names stand for, and what happens where a record lacks one, is as with [`PercentFormatter`](crate::PercentFormatter).
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::DollarFormatter;
///
/// let formatter = DollarFormatter::new("$asctime ${levelname}: $message")?;
/// assert_eq!(DollarFormatter::new("5 $").unwrap_err().message, "invalid format: bare '$' not allowed");
/// # let _ = formatter;
/// # Ok::<(), logtree_core::ArgumentError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DollarFormatter {
    steps: Box<[Step]>,
    broken: Option<FormatError>,
    pub(crate) composer: Composer,
}

/// What a formatter without a format has.
pub(crate) const DEFAULT_FORMAT: &str = "${message}";

#[derive(Clone, Debug)]
enum Step {
    Literal(Literal),
    /// The name of an attribute.
    Plain(Attribute, Lookup),
    Name(Lookup),
}

impl DollarFormatter {
    /// A formatter with this format, and otherwise as Python's.
    ///
    /// # Errors
    /// If a `$` stands before no name, or there is no name (CPython's `StringTemplateStyle.validate`).
    pub fn new(format: &str) -> Result<Self, ArgumentError> {
        Self::validate(format)?;
        Ok(Self::compile(format, &FormatterConfig::default()))
    }

    pub(crate) fn validate(format: &str) -> Result<(), ArgumentError> {
        let mut has_fields = false;
        for (_, placeholder) in placeholders(format) {
            match placeholder {
                Placeholder::Name(_) => has_fields = true,
                Placeholder::Escaped => {}
                Placeholder::Bare => return Err(refused("bare '$' not allowed")),
            }
        }
        if has_fields { Ok(()) } else { Err(refused("no fields")) }
    }

    pub(crate) fn compile(format: &str, config: &FormatterConfig) -> Self {
        let mut steps = Vec::new();
        let mut literal = String::new();
        let mut done = 0;
        let mut broken = None;
        for (at, placeholder) in placeholders(format) {
            literal.push_str(&format[done..at]);
            done = at + placeholder.length(&format[at..]);
            match placeholder {
                Placeholder::Escaped => literal.push('$'),
                Placeholder::Name(name) => {
                    if !literal.is_empty() {
                        steps.push(Step::Literal(Literal::new(&std::mem::take(&mut literal))));
                    }
                    let lookup = Lookup::new(name, &config.defaults);
                    steps.push(match lookup.plain(&Spec::STR) {
                        Some(attribute) => Step::Plain(attribute, lookup),
                        None => Step::Name(lookup),
                    });
                }
                Placeholder::Bare => {
                    broken = Some(invalid(&format[..at]));
                    break;
                }
            }
        }
        literal.push_str(&format[done..]);
        if !literal.is_empty() {
            steps.push(Step::Literal(Literal::new(&literal)));
        }
        let names = steps.iter().filter_map(|step| match step {
            Step::Plain(_, lookup) | Step::Name(lookup) => Some(lookup),
            Step::Literal(_) => None,
        });
        let lookups: Vec<&Lookup> = names.collect();
        let uses_time = format.contains("$asctime") || format.contains("${asctime}");
        let composer = Composer::new(&lookups, uses_time, config);
        Self { steps: steps.into(), broken, composer }
    }

    pub(crate) fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let is_usual = record.attributes.is_empty();
        for step in &self.steps {
            match step {
                Step::Literal(text) => text.push(out),
                Step::Plain(attribute, _) if is_usual => {
                    attribute.push(record, out, |composed, out| self.composer.write(composed, record, out))?;
                }
                Step::Plain(_, lookup) | Step::Name(lookup) => self.write_name(lookup, record, out)?,
            }
        }
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// The same, and tells of each value once it is written where it begins and what its name is.
    pub(crate) fn write_each(
        &self,
        record: &Record<'_>,
        out: &mut String,
        written: &dyn Fn(&mut String, usize, &str),
    ) -> Result<(), FormatError> {
        for step in &self.steps {
            match step {
                Step::Literal(text) => text.push(out),
                Step::Plain(_, lookup) | Step::Name(lookup) => {
                    let start = out.len();
                    self.write_name(lookup, record, out)?;
                    written(out, start, lookup.name());
                }
            }
        }
        self.broken.clone().map_or(Ok(()), Err)
    }

    #[inline]
    fn write_name(&self, lookup: &Lookup, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        match lookup.find(record) {
            Found::Operand(operand) => conversion::push(out, operand, &Spec::STR),
            Found::Composed(composed) => self.composer.write(composed, record, out),
            Found::Nothing => Ok(()),
            Found::Missing => Err(missing(lookup.name())),
        }
    }
}

impl Formatter for DollarFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.composer.format(record, out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        self.composer.needs()
    }
}

fn refused(reason: &str) -> ArgumentError {
    let error = ArgumentError::new("ValueError", format!("invalid format: {reason}"));
    error.at("format").expected("fields such as ${message}, and $$ for a $")
}

/// What a `$` can be the beginning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder<'a> {
    /// `$$`
    Escaped,
    /// `$name` or `${name}`
    Name(&'a str),
    /// Anything else.
    Bare,
}

impl<'a> Placeholder<'a> {
    /// Reads what begins with a `$`.
    fn new(text: &'a str) -> Self {
        let behind = &text[1..];
        if behind.starts_with('$') {
            return Self::Escaped;
        }
        let braced = || identifier(behind.strip_prefix('{')?).filter(|name| behind[1 + name.len()..].starts_with('}'));
        identifier(behind).or_else(braced).map_or(Self::Bare, Self::Name)
    }

    /// How much of `text`, which begins with it, it is.
    fn length(self, text: &str) -> usize {
        match self {
            Self::Escaped => 2,
            Self::Name(name) if text[1..].starts_with('{') => "${}".len() + name.len(),
            Self::Name(name) => 1 + name.len(),
            Self::Bare => 1,
        }
    }
}

/// All placeholders, and where they begin.
fn placeholders(format: &str) -> impl Iterator<Item = (usize, Placeholder<'_>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = done + format[done..].find('$')?;
        let placeholder = Placeholder::new(&format[at..]);
        done = at + placeholder.length(&format[at..]);
        Some((at, placeholder))
    })
}

/// The name that `text` begins with: in a template only letters of ASCII make names.
fn identifier(text: &str) -> Option<&str> {
    let end = text.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(text.len());
    (end > 0 && !text.starts_with(|char: char| char.is_ascii_digit())).then(|| &text[..end])
}

/// CPython's error about a `$` behind `before`; lines end as for Python's `str.splitlines`.
fn invalid(before: &str) -> FormatError {
    let is_break = |char: char| {
        matches!(char, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let breaks = before.chars().filter(|char| is_break(*char)).count() - before.matches("\r\n").count();
    let column = before.chars().rev().take_while(|char| !is_break(*char)).count() + 1;
    error("ValueError", format!("Invalid placeholder in string: line {}, col {column}", breaks + 1))
}
