//! The `%` style: Python's `logging.Formatter` as most know it.

use logtree_core::{Argument, ArgumentError, FormatError, Formatter, Needs, Record};

use crate::attributes::{Composed, Found, Lookup};
use crate::conversion::{self, Spec, error};
use crate::message;
use crate::program::{End, Program, Step, names_a_field};
use crate::repr::push_repr;
use crate::time::{TimeFormat, local_zone};

/// A formatter in `%` style.
///
/// Made by [`FormatterConfig`](crate::FormatterConfig), where a config or code has more to say than the format.
///
/// # What stands for what
/// `%(name)s` and the like are Python's attributes of a record, else a field of the event or of the nearest span that has
/// it. `%(message)s` is the message and, for records of `tracing` and `log`, each field that the format does not name as
/// ` key=value`; `%(msg)s` is the message alone. `%(spans)s` is the path of spans, `outer:inner`.
///
/// # When a record lacks a field
/// A record of `tracing` or `log` prints nothing there. (`DIFFERENCE`: in Python it is lost.)
/// A record given as Python's own is an error and, as in Python, lost for the handler, which counts it.
///
/// ```
/// use logtree_formatters::PercentFormatter;
///
/// let formatter = PercentFormatter::new("%(asctime)s %(levelname)-8s %(message)s")?;
/// assert_eq!(PercentFormatter::new("hello").unwrap_err().message, "Invalid format 'hello' for '%' style");
/// # let _ = formatter;
/// # Ok::<(), logtree_core::ArgumentError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PercentFormatter {
    program: Program,
    time: Option<TimeFormat>,
    /// The fields that stand on their own in the format, so that the message need not show them.
    named_fields: Box<[Box<str>]>,
    needs: Needs,
}

/// What a formatter without a format has.
pub(crate) const DEFAULT_FORMAT: &str = "%(message)s";

impl Default for PercentFormatter {
    /// The message alone.
    fn default() -> Self {
        Self::compile(DEFAULT_FORMAT, None, &[])
    }
}

impl PercentFormatter {
    /// A formatter with this format, and otherwise as Python's.
    ///
    /// # Errors
    /// If no name stands in the format (CPython's `PercentStyle.validate`).
    pub fn new(format: &str) -> Result<Self, ArgumentError> {
        Self::validate(format)?;
        Ok(Self::compile(format, None, &[]))
    }

    pub(crate) fn validate(format: &str) -> Result<(), ArgumentError> {
        if names_a_field(format) {
            return Ok(());
        }
        let message = format!("Invalid format '{format}' for '%' style");
        Err(ArgumentError::new("ValueError", message).at("format").expected("a field such as %(message)s"))
    }

    pub(crate) fn compile(format: &str, datefmt: Option<&str>, defaults: &[(String, Argument)]) -> Self {
        let program = Program::new(format, defaults);
        let time = program.lookups().any(Lookup::is_time).then(|| TimeFormat::new(datefmt, local_zone()));
        let fields = program.lookups().filter(|lookup| lookup.is_field());
        let named_fields = fields.map(|lookup| lookup.name().into()).collect();
        let needs = Needs { spans: program.lookups().any(Lookup::needs_spans) };
        Self { program, time, named_fields, needs }
    }

    fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        for step in &self.program.steps {
            match step {
                Step::Literal(text) => out.push_str(text),
                Step::Conversion(lookup, spec) => match lookup.find(record) {
                    Found::Operand(operand) => conversion::push(out, operand, spec)?,
                    Found::Composed(composed) => self.write_composed(composed, spec, record, out)?,
                    Found::Nothing => {}
                    Found::Missing => return Err(missing(lookup)),
                },
            }
        }
        match &self.program.end {
            End::Whole => Ok(()),
            End::Broken { lookup, star, error } => {
                Err(match lookup.as_ref().map(|lookup| (lookup, lookup.find(record))) {
                    Some((lookup, Found::Missing)) => missing(lookup),
                    Some((_, Found::Operand(operand))) if *star && operand.integer().is_none() => no_width(),
                    Some((_, Found::Composed(_))) if *star => no_width(),
                    _ => error.clone(),
                })
            }
        }
    }

    fn write_composed(
        &self,
        composed: Composed<'_>,
        spec: &Spec,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let start = out.len();
        match composed {
            Composed::Message => message::push_message(out, record, &self.named_fields),
            Composed::AscTime => self.time.as_ref().map_or(Ok(()), |time| time.write(record, out))?,
            Composed::LevelName(name) => {
                use std::fmt::Write as _;
                // Writing to a string does not fail.
                let _ = write!(out, "{name}");
            }
            Composed::SpanPath => message::push_span_path(out, record.spans),
        }
        conversion::convert_written(out, start, spec)
    }
}

impl Formatter for PercentFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let start = out.len();
        let outcome = self.write(record, out).and_then(|()| message::push_below(out, start, record));
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome
    }

    fn needs(&self) -> Needs {
        self.needs
    }
}

fn missing(lookup: &Lookup) -> FormatError {
    let mut message = String::from("Formatting field not found in record: ");
    push_repr(&mut message, lookup.name());
    error("ValueError", message)
}

fn no_width() -> FormatError {
    error("TypeError", "* wants int")
}
