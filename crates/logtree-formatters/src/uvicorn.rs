//! `uvicorn.logging.DefaultFormatter` and `AccessFormatter`: a level in colour, and a request in one line.

mod status;

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, FormatError, Formatter, Kwargs, Needs, Record, Source, Value};

use crate::config::FormatterConfig;
use crate::conversion::{Kind, Operand, error, push_str, push_text};
use crate::escape::Escape;
use crate::styled::{Attributes, FormatMessage, Styled, push_level_name};

/// The arguments of uvicorn's formatters; what is absent is as there.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::{FormatterConfig, UvicornFormatterConfig};
///
/// let line = FormatterConfig { format: Some("%(levelprefix)s %(message)s".into()), ..FormatterConfig::default() };
/// assert!(UvicornFormatterConfig { line, use_colors: Some(true) }.default_formatter().is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct UvicornFormatterConfig {
    /// The format and its kin.
    pub line: FormatterConfig,
    /// Whether to colour; without it, if standard output is a terminal, whatever stream the handler writes.
    pub use_colors: Option<bool>,
}

impl UvicornFormatterConfig {
    /// Takes uvicorn's arguments, and the attributes of [`FormatterConfig`].
    ///
    /// # Errors
    /// uvicorn's.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let use_colors = match kwargs.take("use_colors") {
            Some(Argument::Bool(value)) => Some(value),
            // In Python 1 equals True.
            Some(Argument::Int(value @ (0 | 1))) => Some(value == 1),
            Some(Argument::Float(value)) if value == 0.0 || value == 1.0 => Some(value == 1.0),
            _ => None,
        };
        for keyword in ["validate", "defaults"] {
            if kwargs.take(keyword).is_some() {
                return Err(kwargs.unexpected(keyword));
            }
        }
        Ok(Self { line: FormatterConfig::from_kwargs(kwargs)?, use_colors })
    }

    /// Makes a `DefaultFormatter`: `%(levelprefix)s` is the level's name, a colon, and spaces up to the ninth column. With
    /// colours a field `color_message` stands in place of the message.
    ///
    /// # Errors
    /// As [`FormatterConfig::build`].
    pub fn default_formatter(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        self.build(false)
    }

    /// Makes an `AccessFormatter`, which knows `%(client_addr)s`, `%(request_line)s` and `%(status_code)s`, too.
    ///
    /// They are made of the fields `client_addr`, `method`, `full_path`, `http_version` and `status_code` of the event or
    /// of a span around it. `DIFFERENCE`: uvicorn makes them of a record's `args`, which no record has here. A record
    /// without one of these fields is an error in Python; a record of `tracing` or `log` is printed without them.
    ///
    /// # Errors
    /// As [`FormatterConfig::build`].
    pub fn access_formatter(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        self.build(true)
    }

    fn build(self, is_access: bool) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let mut line = self.line.compile()?;
        line.hide(&[COLOR_MESSAGE]);
        if is_access {
            line.hide(&REQUEST);
        }
        let line = Arc::new(line);
        let is_colored = self.use_colors.unwrap_or_else(|| std::io::stdout().is_terminal());
        Ok(Arc::new(UvicornFormatter { line, is_access, is_colored, is_told: self.use_colors.is_some() }))
    }
}

/// The field that stands in for the message.
const COLOR_MESSAGE: &str = "color_message";

/// The fields of a request, in the order of uvicorn's `args`.
const REQUEST: [&str; 5] = ["client_addr", "method", "full_path", "http_version", "status_code"];

/// uvicorn's formatters.
///
/// A file gets no colours, unless `use_colors` says so. `DIFFERENCE`: uvicorn's look at standard output alone.
#[derive(Clone, Debug)]
struct UvicornFormatter {
    line: Arc<Styled>,
    is_access: bool,
    is_colored: bool,
    /// Whether `use_colors` was given.
    is_told: bool,
}

impl FormatMessage for UvicornFormatter {
    fn set(&self, record: &Record<'_>, attributes: &mut Attributes, out: &mut String) -> Result<(), FormatError> {
        if self.is_access {
            self.set_request(record, attributes, out)?;
        }
        if self.is_colored
            && self.line.escape == Escape::None
            && let Some(message) = record.fields.find(COLOR_MESSAGE, &record.callsite.field_names)
        {
            attributes.set("msg", message);
        }
        let start = out.len();
        push_level_name(out, record).map_err(|other| {
            error("TypeError", format!("object of type '{}' has no len()", Operand::Value(other).type_name()))
        })?;
        attributes.escape.line(out, start);
        let separator = LEVEL_WIDTH.saturating_sub(out[start..].chars().count());
        if let Some(color) = level_color(record).filter(|_| self.is_colored) {
            out.insert_str(start, color);
            out.push_str(RESET);
        }
        out.push(':');
        out.extend(std::iter::repeat_n(' ', separator));
        attributes.set("levelprefix", Value::Str(&out[start..]));
        out.truncate(start);
        Ok(())
    }
}

impl UvicornFormatter {
    /// What the request is in the format.
    fn set_request(
        &self,
        record: &Record<'_>,
        attributes: &mut Attributes,
        out: &mut String,
    ) -> Result<(), FormatError> {
        let fields = request(record);
        let [Some(client), Some(method), Some(path), Some(version), Some(status)] = fields else {
            let given = fields.iter().flatten().count();
            return match record.source {
                Source::Python => {
                    Err(error("ValueError", format!("not enough values to unpack (expected 5, got {given})")))
                }
                _ => Ok(()),
            };
        };
        let status = integer(status)?;
        let start = out.len();
        let color = if self.is_colored { status_color(status) } else { None };
        out.push_str(color.unwrap_or_default());
        // Writing to a string does not fail.
        let _ = write!(out, "{status} {}", status::phrase(status));
        out.push_str(if color.is_some() { RESET } else { "" });
        attributes.set("status_code", Value::Str(&out[start..]));
        out.truncate(start);

        out.push_str(if self.is_colored { BOLD } else { "" });
        let line = out.len();
        for (before, part) in [("", method), (" ", path), (" HTTP/", version)] {
            out.push_str(before);
            push_str(out, part);
        }
        attributes.escape.line(out, line);
        out.push_str(if self.is_colored { RESET } else { "" });
        attributes.set("request_line", Value::Str(&out[start..]));
        out.truncate(start);
        if attributes.escape == Escape::None {
            attributes.set("client_addr", client);
        } else {
            push_str(out, client);
            attributes.escape.line(out, start);
            attributes.set("client_addr", Value::Str(&out[start..]));
            out.truncate(start);
        }
        Ok(())
    }
}

impl Formatter for UvicornFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.line.format_as(self, record, out)
    }

    fn needs(&self) -> Needs {
        self.line.needs().and(Needs { spans: self.is_access })
    }

    fn without_colors(&self) -> Option<Arc<dyn Formatter>> {
        let is_to_change = self.is_colored && !self.is_told;
        is_to_change.then(|| Arc::new(Self { is_colored: false, ..self.clone() }) as _)
    }
}

/// The parts of a request: the event's own, else those of the nearest span that has them. All are found in one go, as there
/// are many of them.
fn request<'a>(record: &Record<'a>) -> [Option<Value<'a>>; REQUEST.len()] {
    let mut found = [None; REQUEST.len()];
    for fields in record.spans.iter().map(|span| span.fields).chain([record.fields]) {
        for field in fields {
            let name = record.callsite.field_name(field.name);
            if let Some(at) = REQUEST.iter().position(|known| *known == name) {
                found[at] = Some(field.value);
            }
        }
    }
    found
}

const LEVEL_WIDTH: usize = 8;
const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";

/// uvicorn's `level_name_colors`, of the number that Python's `levelno` is.
fn level_color(record: &Record<'_>) -> Option<&'static str> {
    let level = match record.attribute("levelno") {
        None => f64::from(record.level.0),
        Some(Value::F64(level)) => level,
        Some(level) => Operand::Value(level).integer()?.as_f64(),
    };
    let colors = [
        (5.0, "\x1b[34m"),
        (10.0, "\x1b[36m"),
        (20.0, "\x1b[32m"),
        (30.0, "\x1b[33m"),
        (40.0, "\x1b[31m"),
        (50.0, "\x1b[91m"),
    ];
    colors.iter().find(|(number, _)| *number == level).map(|(_, color)| *color)
}

/// uvicorn's `status_code_colours`.
fn status_color(status: i128) -> Option<&'static str> {
    Some(match status / 100 {
        1 => "\x1b[97m",
        2 => "\x1b[32m",
        3 => "\x1b[33m",
        4 => "\x1b[31m",
        5 => "\x1b[91m",
        _ => return None,
    })
}

/// Python's `int()`, as far as a status code may need it.
fn integer(value: Value<'_>) -> Result<i128, FormatError> {
    let operand = Operand::Value(value);
    if let Some(integer) = operand.integer() {
        let magnitude = i128::try_from(integer.magnitude).unwrap_or(i128::MAX);
        return Ok(if integer.is_negative { -magnitude } else { magnitude });
    }
    match value {
        Value::F64(value) if value.is_nan() => Err(error("ValueError", "cannot convert float NaN to integer")),
        Value::F64(value) if value.is_infinite() => {
            Err(error("OverflowError", "cannot convert float infinity to integer"))
        }
        Value::F64(value) => Ok(value.trunc() as i128),
        Value::None => {
            let message = "int() argument must be a string, a bytes-like object or a real number, not";
            Err(error("TypeError", format!("{message} '{}'", operand.type_name())))
        }
        value => {
            let mut text = String::new();
            push_str(&mut text, value);
            text.trim().parse().map_err(|_| {
                let mut message = String::from("invalid literal for int() with base 10: ");
                push_text(&mut message, operand, Kind::Repr);
                error("ValueError", message)
            })
        }
    }
}
