//! `django.utils.log.ServerFormatter`: the lines of Django's development server.

mod palette;

use std::io::IsTerminal as _;
use std::sync::Arc;

use logtree_core::{ArgumentError, FormatError, Formatter, Kwargs, Needs, Record, Value};

use crate::config::FormatterConfig;
use crate::conversion::{Operand, error, push_str};
use crate::styled::{Attributes, FormatMessage, Styled};
use crate::time::TimeFormat;
use palette::{Palette, Role};

/// The arguments of `django.utils.log.ServerFormatter`.
#[derive(Clone, Debug)]
pub struct ServerFormatterConfig {
    /// The format and its kin. Its `default_time_format` is Django's own, `%d/%b/%Y %H:%M:%S`.
    pub line: FormatterConfig,
    /// Whether to colour; without it, if standard output is a terminal.
    pub use_colors: Option<bool>,
}

/// `ServerFormatter.default_time_format`.
const TIME_FORMAT: &str = "%d/%b/%Y %H:%M:%S";

impl Default for ServerFormatterConfig {
    fn default() -> Self {
        let line = FormatterConfig { default_time_format: TIME_FORMAT.into(), ..FormatterConfig::default() };
        Self { line, use_colors: None }
    }
}

impl ServerFormatterConfig {
    /// Takes the arguments and attributes of [`FormatterConfig`].
    ///
    /// # Errors
    /// CPython's.
    pub fn from_kwargs(kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let has_time_format = kwargs.attribute("default_time_format").is_some();
        let mut line = FormatterConfig::from_kwargs(kwargs)?;
        if !has_time_format {
            TIME_FORMAT.clone_into(&mut line.default_time_format);
        }
        Ok(Self { line, use_colors: None })
    }

    /// Makes the formatter. Standard output and the variable `DJANGO_COLORS` are looked at here, once.
    ///
    /// # Errors
    /// As [`FormatterConfig::build`], and for a `DJANGO_COLORS` that Django cannot read, if there are to be colours.
    pub fn build(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let palette = match self.use_colors.unwrap_or_else(|| std::io::stdout().is_terminal()) {
            true => {
                let setting = std::env::var("DJANGO_COLORS").unwrap_or_default();
                Palette::parse(&setting).map_err(|message| ArgumentError::new("ValueError", message))?
            }
            false => None,
        };
        let format = self.line.format.as_deref().unwrap_or_default();
        let server_time = format.contains("{server_time}").then(|| Arc::new(TimeFormat::new(&self.line)));
        let line = Arc::new(self.line.compile()?);
        Ok(Arc::new(ServerFormatter { line, server_time, palette, is_told: self.use_colors.is_some() }))
    }
}

/// `django.utils.log.ServerFormatter`: `{server_time}` is the time, and with colours the message has that of the record's
/// field `status_code`.
///
/// A file gets no colours. `DIFFERENCE`: Django's looks at standard output alone. It also changes the record, so that
/// handlers that come later print the coloured message; here they do not.
#[derive(Clone, Debug)]
struct ServerFormatter {
    line: Arc<Styled>,
    /// As in Django only a format in `{` style can name it.
    server_time: Option<Arc<TimeFormat>>,
    palette: Option<Palette>,
    /// Whether the program says what to do about colours.
    is_told: bool,
}

impl FormatMessage for ServerFormatter {
    fn set(&self, record: &Record<'_>, attributes: &mut Attributes, out: &mut String) -> Result<(), FormatError> {
        let start = out.len();
        let role = record.field("status_code").map_or(Ok(None), role)?;
        if let Some((palette, role)) = self.palette.as_ref().zip(role) {
            for part in ["\x1b[", palette.codes(role), "m"] {
                out.push_str(part);
            }
            let message = out.len();
            match record.attribute("msg") {
                Some(message) if !is_false(message) => push_str(out, message),
                Some(_) => {}
                None => out.push_str(record.message),
            }
            attributes.escape.line(out, message);
            out.push_str("\x1b[0m");
            attributes.set("msg", Value::Str(&out[start..]));
            out.truncate(start);
        }
        if let Some(time) = self.server_time.as_ref().filter(|_| record.field("server_time").is_none()) {
            time.write(record, out)?;
            attributes.set("server_time", Value::Str(&out[start..]));
            out.truncate(start);
        }
        Ok(())
    }
}

impl Formatter for ServerFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.line.format_as(self, record, out)
    }

    fn needs(&self) -> Needs {
        self.line.needs().and(Needs { spans: true })
    }

    fn without_colors(&self) -> Option<Arc<dyn Formatter>> {
        let is_to_change = self.palette.is_some() && !self.is_told;
        is_to_change.then(|| Arc::new(Self { palette: None, ..self.clone() }) as _)
    }
}

/// What a status code stands for; nothing, if Python takes it for false.
///
/// # Errors
/// Python's `TypeError`, if it cannot be compared with numbers.
fn role(status: Value<'_>) -> Result<Option<Role>, FormatError> {
    if is_false(status) {
        return Ok(None);
    }
    let operand = Operand::Value(status);
    let number = match (status, operand.integer()) {
        (_, Some(integer)) => integer.as_f64(),
        (Value::F64(number), _) => number,
        _ => {
            let message = "'<=' not supported between instances of 'int' and";
            return Err(error("TypeError", format!("{message} '{}'", operand.type_name())));
        }
    };
    Ok(Some(match number {
        200.0..300.0 => Role::Success,
        100.0..200.0 => Role::Info,
        304.0 => Role::NotModified,
        300.0..400.0 => Role::Redirect,
        404.0 => Role::NotFound,
        400.0..500.0 => Role::BadRequest,
        _ => Role::ServerError,
    }))
}

/// Whether Python takes the value for false.
fn is_false(value: Value<'_>) -> bool {
    match value {
        Value::None => true,
        Value::F64(number) => number == 0.0,
        Value::Bytes(bytes) => bytes.is_empty(),
        value => match (value.as_str(), Operand::Value(value).integer()) {
            (Some(text), _) => text.is_empty(),
            (None, integer) => integer.is_some_and(|integer| integer.magnitude == 0),
        },
    }
}
