//! The `{` style: Python's `str.format` on the attributes of a record (CPython's `StrFormatStyle`).

use logtree_core::{ArgumentError, FormatError, Formatter, Needs, Record, Source, Value};

use crate::access;
use crate::attributes::Found;
use crate::brace_program::{Field, Program, SpecSource, Step};
use crate::brace_validation::validate;
use crate::composer::{Composer, missing};
use crate::config::FormatterConfig;
use crate::conversion::{self, Kind, Operand, Spec, push_text};
use crate::format_spec::{FormatSpec, Refusal};
use crate::format_value::{format_written, push_formatted};
use crate::percent::names_a_field;

/// A formatter in `{` style.
///
/// Made by [`FormatterConfig`](crate::FormatterConfig), where a config or code has more to say than the format. What the
/// names stand for, and what happens where a record lacks one, is as with [`PercentFormatter`](crate::PercentFormatter).
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::BraceFormatter;
///
/// let formatter = BraceFormatter::new("{asctime} {levelname:<8} {message}")?;
/// assert_eq!(BraceFormatter::new("hello").unwrap_err().message, "invalid format: no fields");
/// # let _ = formatter;
/// # Ok::<(), logtree_core::ArgumentError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BraceFormatter {
    program: Program,
    pub(crate) composer: Composer,
}

/// What a formatter without a format has.
pub(crate) const DEFAULT_FORMAT: &str = "{message}";

impl BraceFormatter {
    /// A formatter with this format, and otherwise as Python's.
    ///
    /// # Errors
    /// If a field is none, or there is no field (CPython's `StrFormatStyle.validate`).
    pub fn new(format: &str) -> Result<Self, ArgumentError> {
        Self::validate(format)?;
        Ok(Self::compile(format, &FormatterConfig::default()))
    }

    pub(crate) fn validate(format: &str) -> Result<(), ArgumentError> {
        validate(format).map_err(|reason| {
            let error = ArgumentError::new("ValueError", format!("invalid format: {reason}"));
            let style = if names_a_field(format) { ", or the style '%'" } else { "" };
            error.at("format").expected(format!("fields such as {{message}}{style}"))
        })
    }

    pub(crate) fn compile(format: &str, config: &FormatterConfig) -> Self {
        let program = Program::new(format, &config.defaults);
        let composer = Composer::new(&program.lookups(), format.contains("{asctime"), config);
        Self { program, composer }
    }

    pub(crate) fn write(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.run(&self.program, record, out)
    }

    /// The same, and tells of each value once it is written where it begins and what its name is.
    pub(crate) fn write_each(
        &self,
        record: &Record<'_>,
        out: &mut String,
        written: &dyn Fn(&mut String, usize, &str),
    ) -> Result<(), FormatError> {
        for step in &self.program.steps {
            match step {
                Step::Literal(text) => text.push(out),
                Step::Field(field) => {
                    let start = out.len();
                    self.write_field(field, record, out)?;
                    written(out, start, field.lookup.name());
                }
            }
        }
        self.program.broken.clone().map_or(Ok(()), Err)
    }

    fn run(&self, program: &Program, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let is_usual = record.attributes.is_empty();
        for step in &program.steps {
            match step {
                Step::Literal(text) => text.push(out),
                Step::Field(field) => match field.plain {
                    Some(attribute) if is_usual => {
                        attribute.push(record, out, |composed, out| self.composer.write(composed, record, out))?;
                    }
                    _ => self.write_field(field, record, out)?,
                },
            }
        }
        program.broken.clone().map_or(Ok(()), Err)
    }

    fn write_field(&self, field: &Field, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        let (operand, path) = match (field.lookup.find(record), &field.default) {
            (Found::Operand(operand), _) => (operand, &*field.path),
            (Found::Composed(composed), _) => {
                let start = out.len();
                self.composer.write(composed, record, out)?;
                if field.path.is_empty() && matches!(field.conversion, Ok(None | Some(Kind::Str))) {
                    return self.finish_written(field, start, record, out);
                }
                let text = out.split_off(start);
                return self.write_operand(field, Operand::Value(Value::Str(&text)), &field.path, record, out);
            }
            (Found::Nothing | Found::Missing, Some(default)) => {
                let (default, taken) = default.as_ref().map_err(Clone::clone)?;
                (default.as_operand(), &field.path[*taken..])
            }
            (Found::Nothing, None) => return Ok(()),
            (Found::Missing, None) => return Err(missing(field.lookup.name())),
        };
        self.write_operand(field, operand, path, record, out)
    }

    fn write_operand(
        &self,
        field: &Field,
        operand: Operand<'_>,
        path: &[access::Access],
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let operand = access::walk(as_pythons(operand, record), path)?;
        match (field.conversion.as_ref().map_err(Clone::clone)?, &field.spec) {
            (None, SpecSource::Plain) => conversion::push(out, operand, &Spec::STR),
            (None, SpecSource::Fixed(spec)) => push_formatted(out, operand, spec),
            (None, SpecSource::Nested(program)) => {
                let spec = self.expand(program, record, out)?;
                if spec.as_ref().is_ok_and(FormatSpec::is_plain) {
                    return conversion::push(out, operand, &Spec::STR);
                }
                push_formatted(out, operand, &spec)
            }
            (Some(kind), _) => {
                let start = out.len();
                push_text(out, operand, *kind);
                self.finish_written(field, start, record, out)
            }
        }
    }

    /// Makes of the text behind `start` what the field's spec says.
    fn finish_written(
        &self,
        field: &Field,
        start: usize,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<(), FormatError> {
        match &field.spec {
            SpecSource::Plain => Ok(()),
            SpecSource::Fixed(spec) => format_written(out, start, spec),
            SpecSource::Nested(program) => {
                let spec = self.expand(program, record, out)?;
                format_written(out, start, &spec)
            }
        }
    }

    /// Reads a spec that fields write; it stands at the end of `out` meanwhile, so that it needs no memory of its own.
    fn expand(
        &self,
        program: &Program,
        record: &Record<'_>,
        out: &mut String,
    ) -> Result<Result<FormatSpec, Refusal>, FormatError> {
        let start = out.len();
        self.run(program, record, out)?;
        let spec = FormatSpec::parse(&out[start..]);
        out.truncate(start);
        Ok(spec)
    }
}

impl Formatter for BraceFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.composer.format(record, out, |out| self.write(record, out))
    }

    fn needs(&self) -> Needs {
        self.composer.needs()
    }
}

/// A list or dict of a record given as Python's own is there as its `repr`; it is no text for all that.
fn as_pythons<'a>(operand: Operand<'a>, record: &Record<'_>) -> Operand<'a> {
    match operand {
        Operand::Value(Value::Debug(repr)) if record.source == Source::Python => match repr.as_bytes().first() {
            Some(b'[') => Operand::Other(repr, "list"),
            Some(b'{') => Operand::Other(repr, "dict"),
            _ => operand,
        },
        _ => operand,
    }
}
