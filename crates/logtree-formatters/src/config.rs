//! The arguments of Python's `logging.Formatter`.

use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Formatter, Kwargs};

use crate::brace::{self, BraceFormatter};
use crate::dollar::{self, DollarFormatter};
use crate::escape::Escape;
use crate::json::TimeSpec;
use crate::percent::{self, PercentFormatter};
use crate::styled::{Styled, Styles};
use crate::time::{DEFAULT_MSEC_FORMAT, DEFAULT_TIME_FORMAT};

/// The arguments of Python's `logging.Formatter`; what is absent is as there.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::FormatterConfig;
///
/// let short = FormatterConfig {
///     format: Some("%(asctime)s %(message)s".into()),
///     datefmt: Some("%H:%M".into()),
///     ..FormatterConfig::default()
/// };
/// assert!(short.build().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct FormatterConfig {
    /// The format; without one, or with an empty one, the message alone.
    pub format: Option<String>,
    /// How `%(asctime)s` prints, in strftime(3)'s directives; without it `2026-01-31 12:00:00,123`.
    pub datefmt: Option<String>,
    /// In which style the format is written.
    pub style: Style,
    /// Whether a format without any field, or with what is plainly none, is refused.
    pub validate: bool,
    /// Values for fields that a record lacks.
    pub defaults: Vec<(String, Argument)>,
    /// In which time zone `%(asctime)s` is.
    pub converter: Converter,
    /// How `%(asctime)s` prints without `datefmt`, before the milliseconds.
    pub default_time_format: String,
    /// What is made of that time and its milliseconds, a `%` format of both; without it, or with an empty one, the
    /// milliseconds do not show.
    pub default_msec_format: Option<String>,
    /// The time as RFC 3339 has it, `2026-01-31T12:00:00.123456Z`, so exact, in place of what else `%(asctime)s` would be;
    /// with `datefmt` only its fraction, behind that. Python has nothing like it.
    pub timespec: Option<TimeSpec>,
    /// What becomes of control characters in what a record brings. Python has nothing like it.
    pub escape: Escape,
}

/// The styles of formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// `%(message)s`: [`PercentFormatter`].
    #[default]
    Percent,
    /// `{message}`: [`BraceFormatter`].
    Brace,
    /// `$message` or `${message}`: [`DollarFormatter`].
    Dollar,
}

/// The time zone of `%(asctime)s`: Python's attribute `converter`, as far as it is a function of `time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Converter {
    /// The process's own: `time.localtime`.
    #[default]
    LocalTime,
    /// UTC: `time.gmtime`. Its `%Z` is `GMT`, as glibc has it.
    ///
    /// DIFFERENCE: `%s` is the second all the same. glibc takes the time that is shown for one of the process's zone.
    GmTime,
}

impl Default for FormatterConfig {
    fn default() -> Self {
        Self {
            format: None,
            datefmt: None,
            style: Style::Percent,
            validate: true,
            defaults: Vec::new(),
            converter: Converter::default(),
            default_time_format: DEFAULT_TIME_FORMAT.into(),
            default_msec_format: Some(DEFAULT_MSEC_FORMAT.into()),
            timespec: None,
            escape: Escape::None,
        }
    }
}

impl FormatterConfig {
    /// Takes the arguments `format` (or `fmt`), `datefmt`, `style`, `validate`, `defaults`, `escape`, `timespec` and `utc`, and the
    /// attributes
    /// `datefmt`, `converter`, `default_time_format` and `default_msec_format`.
    ///
    /// # Errors
    /// CPython's.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        config.validate = kwargs.truth("validate").unwrap_or(config.validate);
        if let Some(style) = kwargs.take("style") {
            config.style = Style::from_argument(&style)?;
        }
        // Where both stand, CPython's dictConfig lets `format` win.
        let fmt = optional_text(&mut kwargs, "fmt")?;
        config.format = optional_text(&mut kwargs, "format")?.or(fmt);
        match kwargs.take("defaults") {
            Some(Argument::Map(defaults)) => config.defaults = defaults,
            Some(other) if other.is_truthy() => return Err(kwargs.wrong_type("defaults", &other, "dict")),
            _ => {}
        }
        config.escape = Escape::from_argument(kwargs.take("escape").as_ref())?;
        let config = config.with_time(&mut kwargs)?;
        kwargs.finish()?;
        Ok(config)
    }

    /// Takes what there is to say of the time, `timespec` and `utc` included.
    ///
    /// # Errors
    /// CPython's.
    pub(crate) fn with_time(mut self, kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        self.datefmt = optional_text(kwargs, "datefmt")?;
        match kwargs.take("timespec") {
            None | Some(Argument::None) => {}
            Some(spec) => self.timespec = Some(TimeSpec::from_argument(&spec)?),
        }
        if let Some(is_utc) = kwargs.truth("utc") {
            self.converter = if is_utc { Converter::GmTime } else { Converter::LocalTime };
        }
        self.with_attributes(kwargs)
    }

    /// Takes what there is to say of `%(asctime)s` alone.
    ///
    /// # Errors
    /// CPython's.
    pub(crate) fn of_time(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        Self { datefmt: optional_text(kwargs, "datefmt")?, ..Self::default() }.with_attributes(kwargs)
    }

    /// Sets what a config's key `.` says.
    ///
    /// DIFFERENCE: what would make Python's formatter fail at each record is refused at once.
    fn with_attributes(mut self, kwargs: &Kwargs) -> Result<Self, ArgumentError> {
        let type_error =
            |keyword, message: String| ArgumentError::new("TypeError", message).at(keyword).expected("str");
        if let Some(datefmt) = kwargs.attribute("datefmt") {
            self.datefmt = text("datefmt", Some(datefmt.clone()))?;
        }
        match kwargs.attribute("default_time_format") {
            None => {}
            Some(Argument::Str(format)) => self.default_time_format.clone_from(format),
            Some(other) => {
                let message = format!("strftime() argument 1 must be str, not {}", other.type_name());
                return Err(type_error("default_time_format", message));
            }
        }
        match kwargs.attribute("default_msec_format") {
            None => {}
            Some(Argument::Str(format)) => self.default_msec_format = Some(format.clone()),
            Some(other) if other.is_truthy() => {
                let message = format!("unsupported operand type(s) for %: '{}' and 'tuple'", other.type_name());
                return Err(type_error("default_msec_format", message));
            }
            Some(_) => self.default_msec_format = None,
        }
        if let Some(converter) = kwargs.attribute("converter") {
            self.converter = Converter::from_argument(converter)?;
        }
        Ok(self)
    }

    /// Makes the formatter.
    ///
    /// # Errors
    /// CPython's `ValueError`, if the format has no field, or its style's other rules are broken.
    pub fn build(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        Ok(match self.compile()? {
            Styled { style: Styles::Percent(formatter), escape: Escape::None } => Arc::new(formatter),
            Styled { style: Styles::Brace(formatter), escape: Escape::None } => Arc::new(formatter),
            Styled { style: Styles::Dollar(formatter), escape: Escape::None } => Arc::new(formatter),
            escaping => Arc::new(escaping),
        })
    }

    /// Makes the formatter for one that does more.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub(crate) fn compile(&self) -> Result<Styled, ArgumentError> {
        let format = self.format.as_deref().filter(|format| !format.is_empty());
        let style = match self.style {
            Style::Percent => {
                let format = format.unwrap_or(percent::DEFAULT_FORMAT);
                if self.validate {
                    PercentFormatter::validate(format)?;
                }
                Styles::Percent(PercentFormatter::compile(format, self))
            }
            Style::Brace => {
                let format = format.unwrap_or(brace::DEFAULT_FORMAT);
                if self.validate {
                    BraceFormatter::validate(format)?;
                }
                Styles::Brace(BraceFormatter::compile(format, self))
            }
            Style::Dollar => {
                let format = format.unwrap_or(dollar::DEFAULT_FORMAT);
                if self.validate {
                    DollarFormatter::validate(format)?;
                }
                Styles::Dollar(DollarFormatter::compile(format, self))
            }
        };
        Ok(Styled { style, escape: self.escape })
    }
}

impl Converter {
    /// DIFFERENCE: CPython does not look for `ext://` in the key `.`, so that no config of its can set a function.
    fn from_argument(argument: &Argument) -> Result<Self, ArgumentError> {
        match argument {
            Argument::Str(name) if matches!(&**name, "ext://time.gmtime" | "time.gmtime") => Ok(Self::GmTime),
            Argument::Str(name) if matches!(&**name, "ext://time.localtime" | "time.localtime") => Ok(Self::LocalTime),
            other => {
                let message = format!("'{}' object is not callable", other.type_name());
                let error = ArgumentError::new("TypeError", message).at("converter");
                Err(error.expected("ext://time.gmtime or ext://time.localtime"))
            }
        }
    }
}

impl Style {
    pub(crate) fn from_argument(argument: &Argument) -> Result<Self, ArgumentError> {
        let error = |exception, message: String| Err(ArgumentError::new(exception, message).at("style"));
        match argument {
            Argument::Str(style) if style == "%" => Ok(Self::Percent),
            Argument::Str(style) if style == "{" => Ok(Self::Brace),
            Argument::Str(style) if style == "$" => Ok(Self::Dollar),
            Argument::List(_) | Argument::Map(_) => {
                error("TypeError", format!("unhashable type: '{}'", argument.type_name()))
            }
            _ => error("ValueError", "Style must be one of: %,{,$".into()),
        }
    }
}

/// Takes text; as in Python whatever is not true is none. Anything else would fail at each record there, and is
/// refused at once here.
fn optional_text(kwargs: &mut Kwargs, keyword: &str) -> Result<Option<String>, ArgumentError> {
    text(keyword, kwargs.take(keyword))
}

fn text(keyword: &str, argument: Option<Argument>) -> Result<Option<String>, ArgumentError> {
    match argument {
        Some(Argument::Str(text)) => Ok(Some(text)),
        Some(other) if other.is_truthy() => {
            let message = format!("expected string or bytes-like object, got '{}'", other.type_name());
            Err(ArgumentError::new("TypeError", message).at(keyword).expected("str"))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(arguments: Vec<(&str, Argument)>) -> Result<FormatterConfig, String> {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        FormatterConfig::from_kwargs(Kwargs::new("Formatter.__init__()", arguments)).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Argument {
        Argument::Str(text.into())
    }

    #[test]
    fn arguments_are_pythons() {
        let given = config(vec![
            ("fmt", text("hidden")),
            ("format", text("%(message)s")),
            ("datefmt", text("%H")),
            ("style", text("%")),
            ("validate", Argument::Int(0)),
            ("defaults", Argument::Map(vec![("a".into(), Argument::Int(1))])),
        ])
        .unwrap();
        assert_eq!((given.format.as_deref(), given.datefmt.as_deref()), (Some("%(message)s"), Some("%H")));
        assert!(!given.validate && given.defaults.len() == 1);
        assert_eq!(config(vec![("fmt", text("x"))]).unwrap().format.as_deref(), Some("x"));
        // What Python takes for false is no format.
        for falsy in [Argument::None, Argument::Int(0), Argument::Bool(false), Argument::List(Vec::new())] {
            let given =
                config(vec![("format", falsy.clone()), ("datefmt", falsy.clone()), ("defaults", falsy)]).unwrap();
            assert!(given.format.is_none() && given.datefmt.is_none() && given.build().is_ok());
        }
    }

    #[test]
    fn wrong_arguments_are_refused_in_cpythons_words() {
        // CPython 3.13: logging.Formatter() of each.
        let message = |arguments| config(arguments).unwrap_err();
        assert_eq!(message(vec![("style", text("x"))]), "ValueError: Style must be one of: %,{,$");
        assert_eq!(message(vec![("style", Argument::None)]), "ValueError: Style must be one of: %,{,$");
        assert_eq!(message(vec![("style", Argument::List(Vec::new()))]), "TypeError: unhashable type: 'list'");
        assert_eq!(
            message(vec![("format", Argument::Int(5))]),
            "TypeError: expected string or bytes-like object, got 'int'"
        );
        assert_eq!(
            message(vec![("zzz", Argument::Int(1))]),
            "TypeError: Formatter.__init__() got an unexpected keyword argument 'zzz'"
        );
        let hello = config(vec![("format", text("hello"))]).unwrap().build();
        assert_eq!(hello.err().unwrap().to_string(), "ValueError: Invalid format 'hello' for '%' style");
        assert!(config(vec![("format", text("hello")), ("validate", Argument::Bool(false))]).unwrap().build().is_ok());
    }

    #[test]
    fn attributes_are_pythons() {
        let with = |name: &str, value| {
            let kwargs = Kwargs::new("Formatter.__init__()", vec![("datefmt".into(), text("%H"))]);
            let kwargs = kwargs.of_entry("f", vec![(name.into(), value)]);
            FormatterConfig::from_kwargs(kwargs).map_err(|error| error.to_string())
        };
        let usual = with("nobody_reads_it", Argument::Int(1)).unwrap();
        assert_eq!((usual.datefmt.as_deref(), usual.converter), (Some("%H"), Converter::LocalTime));
        assert_eq!(with("datefmt", text("%M")).unwrap().datefmt.as_deref(), Some("%M"));
        assert_eq!(with("datefmt", Argument::None).unwrap().datefmt, None);
        for (name, converter) in [("ext://time.gmtime", Converter::GmTime), ("time.localtime", Converter::LocalTime)] {
            assert_eq!(with("converter", text(name)).unwrap().converter, converter);
        }
        for hidden in [Argument::None, Argument::Int(0), Argument::Bool(false)] {
            assert_eq!(with("default_msec_format", hidden).unwrap().default_msec_format, None);
        }
        // CPython 3.13 says so at each record.
        let message = |name, value| with(name, value).unwrap_err();
        assert_eq!(message("converter", text("x")), "TypeError: 'str' object is not callable");
        assert_eq!(message("converter", Argument::None), "TypeError: 'NoneType' object is not callable");
        assert_eq!(
            message("default_time_format", Argument::Int(5)),
            "TypeError: strftime() argument 1 must be str, not int"
        );
        assert_eq!(
            message("default_msec_format", Argument::Int(5)),
            "TypeError: unsupported operand type(s) for %: 'int' and 'tuple'"
        );
    }

    #[test]
    fn each_style_has_its_own_rules_and_its_own_empty_format() {
        // CPython 3.13: logging.Formatter('%(message)s', style='{') and the like.
        let built = |style, format: &str| {
            let config = config(vec![("style", text(style)), ("format", text(format))]).unwrap();
            config.build().map(drop).map_err(|error| error.to_string())
        };
        for (style, format) in [("%", "%(message)s"), ("{", "{message}"), ("$", "$message")] {
            assert_eq!((built(style, format), built(style, "")), (Ok(()), Ok(())));
        }
        assert_eq!(built("{", "%(message)s").unwrap_err(), "ValueError: invalid format: no fields");
        assert_eq!(built("$", "%(message)s").unwrap_err(), "ValueError: invalid format: no fields");
        assert_eq!(built("%", "{message}").unwrap_err(), "ValueError: Invalid format '{message}' for '%' style");
    }
}
