//! `colorlog.ColoredFormatter` of version 6: colours in a format, by level.

mod escape_codes;

use std::io::IsTerminal as _;
use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, FormatError, Formatter, Kwargs, Needs, Record, StdStream, Value};

use crate::config::{FormatterConfig, Style};
use crate::styled::{Attributes, FormatMessage, Styled, push_level_name};
use escape_codes::{RESET, escape_code};

/// The arguments of `colorlog.ColoredFormatter`; what is absent is as there.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::{ColoredFormatterConfig, FormatterConfig};
///
/// let bright = ColoredFormatterConfig {
///     log_colors: vec![("ERROR".into(), "bold_red,bg_white".into())],
///     ..ColoredFormatterConfig::default()
/// };
/// assert!(bright.build().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct ColoredFormatterConfig {
    /// The format and its kin. Without a format it is colorlog's own,
    /// `%(log_color)s%(levelname)s:%(name)s:%(message)s`.
    pub line: FormatterConfig,
    /// By the name of a level, the colours that `%(log_color)s` stands for.
    pub log_colors: Vec<(String, String)>,
    /// By a name, the colours that `%(NAME_log_color)s` stands for.
    pub secondary_log_colors: Vec<(String, Vec<(String, String)>)>,
    /// Whether colours end with the line.
    pub reset: bool,
    /// The stream behind the handler: without colours if it is no terminal.
    pub stream: Option<StdStream>,
    /// Never any colours.
    pub no_color: bool,
    /// Colours whatever else is said, into files too.
    pub force_color: bool,
}

/// colorlog's `default_log_colors`. `DIFFERENCE`: `WARN` has the colour of `WARNING`. That is how configs call the level for who knows
/// it from `tracing`, and with colorlog it would be the only one without a colour.
const LOG_COLORS: [(&str, &str); 6] = [
    ("DEBUG", "white"),
    ("INFO", "green"),
    ("WARNING", "yellow"),
    ("WARN", "yellow"),
    ("ERROR", "red"),
    ("CRITICAL", "bold_red"),
];

impl Default for ColoredFormatterConfig {
    fn default() -> Self {
        Self {
            line: FormatterConfig::default(),
            log_colors: LOG_COLORS.map(|(level, colors)| (level.into(), colors.into())).into(),
            secondary_log_colors: Vec::new(),
            reset: true,
            stream: None,
            no_color: false,
            force_color: false,
        }
    }
}

impl ColoredFormatterConfig {
    /// Takes colorlog's arguments, and the attributes of [`FormatterConfig`].
    ///
    /// # Errors
    /// colorlog's. `DIFFERENCE`: an argument of a type that would make it fail at records is refused at once.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        config.reset = kwargs.truth("reset").unwrap_or(config.reset);
        config.no_color = kwargs.truth("no_color").unwrap_or(config.no_color);
        config.force_color = kwargs.truth("force_color").unwrap_or(config.force_color);
        match kwargs.take("log_colors") {
            None | Some(Argument::None) => {}
            Some(colors) => config.log_colors = log_colors("log_colors", colors)?,
        }
        match kwargs.take("secondary_log_colors") {
            None | Some(Argument::None) => {}
            Some(Argument::Map(maps)) => {
                for (name, colors) in maps {
                    config.secondary_log_colors.push((name, log_colors("secondary_log_colors", colors)?));
                }
            }
            Some(other) => return Err(no_method("secondary_log_colors", &other, "items")),
        }
        match kwargs.take("stream") {
            None | Some(Argument::None) => {}
            Some(stream) => config.stream = Some(std_stream(&stream)?),
        }
        config.line = FormatterConfig::from_kwargs(kwargs)?;
        Ok(config)
    }

    /// Makes the formatter. The variables `NO_COLOR` and `FORCE_COLOR` and the stream are looked at here, once.
    ///
    /// # Errors
    /// As [`FormatterConfig::build`].
    pub fn build(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let is_set = |name| std::env::var_os(name).is_some();
        let is_colored = if self.force_color || is_set("FORCE_COLOR") {
            true
        } else if self.no_color || is_set("NO_COLOR") {
            false
        } else {
            match self.stream {
                None => true,
                Some(StdStream::Stdout) => std::io::stdout().is_terminal(),
                Some(StdStream::Stderr) => std::io::stderr().is_terminal(),
            }
        };
        Ok(Arc::new(ColoredFormatter::new(self, is_colored)?))
    }
}

/// Python's words where a dict was expected.
fn no_method(keyword: &str, argument: &Argument, method: &str) -> ArgumentError {
    let message = format!("'{}' object has no attribute '{method}'", argument.type_name());
    ArgumentError::new("AttributeError", message).at(keyword).expected("dict")
}

fn std_stream(argument: &Argument) -> Result<StdStream, ArgumentError> {
    let stream = match argument {
        Argument::Object(object) => object.downcast::<StdStream>().copied(),
        _ => None,
    };
    stream.ok_or_else(|| no_method("stream", argument, "isatty").expected("ext://sys.stderr"))
}

fn log_colors(keyword: &str, argument: Argument) -> Result<Vec<(String, String)>, ArgumentError> {
    let Argument::Map(colors) = argument else { return Err(no_method(keyword, &argument, "get")) };
    let color = |(level, colors)| match colors {
        Argument::Str(colors) => Ok((level, colors)),
        other => Err(no_method(keyword, &other, "split").expected("names of colours, such as bold_red,bg_white")),
    };
    colors.into_iter().map(color).collect()
}

/// `colorlog.ColoredFormatter`: see [`ColoredFormatterConfig`].
///
/// A file gets no colours, unless `force_color` says so. `DIFFERENCE`: colorlog's has them wherever it is not told the
/// stream, which in a file nobody wants.
#[derive(Clone, Debug)]
struct ColoredFormatter {
    line: Arc<Styled>,
    /// `log_colors`, then the secondary ones. Python looks at each of them for each record, used or not.
    colors: Arc<[LogColors]>,
    /// The names in the format that stand for colours.
    names: Arc<[(Box<str>, Code)]>,
    is_colored: bool,
    is_forced: bool,
    reset: bool,
}

/// By the name of a level, escape sequences or why there are none.
type LogColors = Box<[(Box<str>, Result<Box<str>, FormatError>)]>;

/// What a name in a format stands for.
#[derive(Debug)]
enum Code {
    /// Always the same.
    Fixed(Box<str>),
    /// The level's, by the place among [`ColoredFormatter::colors`].
    OfLevel(usize),
}

impl ColoredFormatter {
    fn new(config: ColoredFormatterConfig, is_colored: bool) -> Result<Self, ArgumentError> {
        let ColoredFormatterConfig { mut line, log_colors, secondary_log_colors, reset, force_color, .. } = config;
        line.format.get_or_insert_with(|| default_format(line.style).to_owned());
        let line = line.compile()?;
        let prefix = |name: &str| format!("{name}_log_color");
        let (secondary, maps): (Vec<_>, Vec<_>) =
            secondary_log_colors.into_iter().map(|(name, colors)| (prefix(&name), colors)).unzip();
        let levels: Vec<String> = std::iter::once("log_color".to_owned()).chain(secondary).collect();
        let code = |name: &str| match escape_code(name) {
            Some(code) => Some(Code::Fixed(code.into())),
            None => levels.iter().position(|level| level == name).map(Code::OfLevel),
        };
        let names = line.named_fields().iter().filter_map(|name| Some((name.clone(), code(name)?))).collect();
        let colors = std::iter::once(log_colors).chain(maps).map(|colors| {
            let parsed = colors.into_iter().map(|(level, colors)| (level.into(), escape_codes::parse(&colors)));
            parsed.collect()
        });
        Ok(Self { line: Arc::new(line), colors: colors.collect(), names, is_colored, is_forced: force_color, reset })
    }
}

impl FormatMessage for ColoredFormatter {
    /// Sets what the names of colours stand for.
    fn set(&self, record: &Record<'_>, attributes: &mut Attributes, out: &mut String) -> Result<(), FormatError> {
        let start = out.len();
        let level_name = push_level_name(out, record).ok().map(|()| &out[start..]);
        self.colors.iter().try_for_each(|colors| of_level(colors, level_name).map(drop))?;
        for (name, code) in &*self.names {
            let code = match code {
                _ if !self.is_colored => "",
                Code::Fixed(code) => code,
                Code::OfLevel(at) => of_level(&self.colors[*at], level_name)?,
            };
            attributes.set(name, Value::Str(code));
        }
        Ok(())
    }

    fn finish(&self, out: &mut String, start: usize) {
        if self.reset && self.is_colored && !out[start..].ends_with(RESET) {
            out.push_str(RESET);
        }
    }
}

impl Formatter for ColoredFormatter {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        self.line.format_as(self, record, out)
    }

    fn needs(&self) -> Needs {
        self.line.needs()
    }

    fn without_colors(&self) -> Option<Arc<dyn Formatter>> {
        let is_to_change = self.is_colored && !self.is_forced;
        is_to_change.then(|| Arc::new(Self { is_colored: false, ..self.clone() }) as _)
    }
}

/// The escape sequences of a level; none, if nobody said which.
fn of_level<'a>(colors: &'a LogColors, level_name: Option<&str>) -> Result<&'a str, FormatError> {
    let found = colors.iter().find(|(level, _)| Some(&**level) == level_name);
    found.map_or(Ok(""), |(_, codes)| codes.as_deref().map_err(Clone::clone))
}

/// colorlog's `default_formats`.
fn default_format(style: Style) -> &'static str {
    match style {
        Style::Percent => "%(log_color)s%(levelname)s:%(name)s:%(message)s",
        Style::Brace => "{log_color}{levelname}:{name}:{message}",
        Style::Dollar => "${log_color}${levelname}:${name}:${message}",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::{Level, LevelNames, with_own_record};

    use super::*;

    #[test]
    fn a_warning_has_its_colour_under_the_name_that_tracing_gives_it() {
        let mut names = LevelNames::default();
        names.add(Level::WARNING, "WARN");
        let config = ColoredFormatterConfig { force_color: true, ..ColoredFormatterConfig::default() };
        let line = |config: &ColoredFormatterConfig, level_names: &LevelNames| {
            let formatter = config.clone().build().unwrap();
            let mut out = String::new();
            with_own_record("test", "m", |record| {
                formatter.format(&Record { level: Level::WARNING, level_names, ..*record }, &mut out).unwrap();
            });
            out
        };
        assert_eq!(line(&config, LevelNames::STANDARD), "\x1b[33mWARNING:logtree:m\x1b[0m");
        assert_eq!(line(&config, &names), "\x1b[33mWARN:logtree:m\x1b[0m");
        let own = ColoredFormatterConfig { log_colors: vec![("WARNING".into(), "red".into())], ..config };
        assert_eq!(line(&own, &names), "WARN:logtree:m\x1b[0m");
    }
}
