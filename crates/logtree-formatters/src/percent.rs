//! The `%` style: Python's `logging.Formatter` as most know it.

use logtree_core::{ArgumentError, FormatError, Formatter, Needs, Record};

use crate::attributes::Lookup;
use crate::brace::BraceFormatter;
use crate::composer::Composer;
use crate::config::FormatterConfig;
use crate::program::Program;

/// A formatter in `%` style.
///
/// Made by [`FormatterConfig`](crate::FormatterConfig), where a config or code has more to say than the format.
///
/// # What stands for what
/// `%(name)s` and the like are Python's attributes of a record, else a field of the event or of the nearest span that has
/// it. `%(message)s` is the message and, for records of `tracing` and `log`, each field that the format does not name as
/// ` key=value`; `%(msg)s` is the message alone. `%(spans)s` is the path of spans, `outer:inner`,
/// and `%(full_spans)s` has their fields too, `outer{id=7}:inner`. `%(target)s` is the target as it was written, `my_app::db`, and
/// `%(module_path)s` the whole path of the module, of which Python's `%(module)s` is the last part. A field of such a name goes
/// before.
///
/// # When a record lacks a field
/// A record of `tracing` or `log` prints nothing there. (`DIFFERENCE`: in Python it is lost.)
/// A record given as Python's own is an error and, as in Python, lost for the handler, which counts it.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::PercentFormatter;
///
/// let formatter = PercentFormatter::new("%(asctime)s %(levelname)-8s %(message)s")?;
/// assert_eq!(PercentFormatter::new("hello").unwrap_err().message, "Invalid format 'hello' for '%' style");
/// # let _ = formatter;
/// # Ok::<(), logtree_core::ArgumentError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PercentFormatter {
    program: Program,
    pub(crate) composer: Composer,
}

/// What a formatter without a format has.
pub(crate) const DEFAULT_FORMAT: &str = "%(message)s";

impl Default for PercentFormatter {
    /// The message alone.
    fn default() -> Self {
        Self::compile(DEFAULT_FORMAT, &FormatterConfig::default())
    }
}

impl PercentFormatter {
    /// A formatter with this format, and otherwise as Python's.
    ///
    /// # Errors
    /// If no name stands in the format (CPython's `PercentStyle.validate`).
    pub fn new(format: &str) -> Result<Self, ArgumentError> {
        Self::validate(format)?;
        Ok(Self::compile(format, &FormatterConfig::default()))
    }

    pub(crate) fn validate(format: &str) -> Result<(), ArgumentError> {
        if names_a_field(format) {
            return Ok(());
        }
        let message = format!("Invalid format '{format}' for '%' style");
        let style = if BraceFormatter::validate(format).is_ok() { ", or the style '{'" } else { "" };
        let expected = format!("a field such as %(message)s{style}");
        Err(ArgumentError::new("ValueError", message).at("format").expected(expected))
    }

    pub(crate) fn compile(format: &str, config: &FormatterConfig) -> Self {
        let program = Program::new(format, &config.defaults);
        let lookups: Vec<&Lookup> = program.lookups().collect();
        let composer = Composer::new(&lookups, format.contains("%(asctime)"), config);
        Self { composer, program }
    }

    pub(crate) fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.program.run(record, out, |composed, out| self.composer.write(composed, record, out))
    }

    /// The same, and tells of each value once it is written where it begins and what its name is.
    pub(crate) fn write_each(
        &self,
        record: &Record<'_>,
        out: &mut String,
        written: &dyn Fn(&mut String, usize, &str),
    ) -> Result<(), FormatError> {
        self.program.run_each(record, out, &|composed, out| self.composer.write(composed, record, out), written)
    }
}

impl Formatter for PercentFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.composer.format(record, out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        self.composer.needs()
    }
}

/// Whether a format has at least one conversion with a name: all that CPython's `PercentStyle.validate` asks.
///
/// Its pattern is `%\(\w+\)[#0+ -]*(\*|\d+)?(\.(\*|\d+))?[diouxefgcrsa%]`, searched for anywhere, in any case.
pub(crate) fn names_a_field(format: &str) -> bool {
    format.match_indices("%(").any(|(at, opening)| is_named_conversion(&format[at + opening.len()..]))
}

fn is_named_conversion(text: &str) -> bool {
    let name = text.trim_start_matches(|char: char| char.is_alphanumeric() || char == '_');
    let Some(rest) = name.strip_prefix(')').filter(|_| name.len() < text.len()) else { return false };
    let rest = star_or_digits(rest.trim_start_matches(['#', '0', '+', ' ', '-']));
    let rest = match rest.strip_prefix('.') {
        // A point asks for something behind it, here.
        Some(behind) if star_or_digits(behind).len() < behind.len() => star_or_digits(behind),
        _ => rest,
    };
    rest.starts_with(|char: char| "diouxefgcrsa%".contains(char.to_ascii_lowercase()))
}

fn star_or_digits(text: &str) -> &str {
    text.strip_prefix('*').unwrap_or_else(|| text.trim_start_matches(|char: char| char.is_ascii_digit()))
}
