//! The arguments of logtree's own `JsonFormatter`.

use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Formatter, Kwargs, Zone};

use super::dumps::{Dumps, check_depth};
use super::escape::push_string;
use super::formatter::{Content, JsonFormatter, Member};
use super::moment::TimeSpec;
use super::python_config::{JsonFmt, items, renames};
use crate::attributes::Lookup;
use crate::config::FormatterConfig;
use crate::literal::Literal;
use crate::repr::push_repr;
use crate::time::TimeFormat;

/// The arguments of `logtree.JsonFormatter`: those of pythonjsonlogger's that make sense here under the same names, and a
/// few of its own.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::{JsonFmt, JsonFormatterConfig};
///
/// let flat = JsonFormatterConfig {
///     fmt: JsonFmt::Names(["timestamp", "levelname", "message", "fields.*", "spans.*"].map(String::from).to_vec()),
///     rename_fields: vec![("timestamp".into(), "@timestamp".into())],
///     ..Default::default()
/// };
/// assert!(flat.build().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct JsonFormatterConfig {
    /// The members of each object, in their order; [`JsonFormatter`] has what they may be.
    pub fmt: JsonFmt,
    /// How `asctime` prints, as this formatter would have it: its `datefmt`, `converter` and the like.
    pub time: FormatterConfig,
    /// Whether a format that is none in its style is refused.
    pub validate: bool,
    /// Other keys: for members, and for fields of events and spans.
    pub rename_fields: Vec<(String, String)>,
    /// Members of every object, behind all others.
    pub static_fields: Vec<(String, Argument)>,
    /// Values for members that a record lacks; without one such a member is left out.
    pub defaults: Vec<(String, Argument)>,
    /// How exact `timestamp` is.
    pub timespec: TimeSpec,
    /// Whether `timestamp` is in UTC, else in the time zone of the process.
    pub utc: bool,
    /// Whether an error is an array of lines, the error and then each of its causes.
    pub exc_info_as_array: bool,
    /// Whether the stack is an array of lines.
    pub stack_info_as_array: bool,
}

/// What stands in an object where the config does not say it.
const MEMBERS: [&str; 8] = ["timestamp", "levelname", "name", "message", "fields", "spans", "exc_info", "stack_info"];

/// What members are called where the config does not say it.
const KEYS: [(&str, &str); 2] = [("levelname", "level"), ("name", "logger")];

impl Default for JsonFormatterConfig {
    fn default() -> Self {
        Self {
            fmt: JsonFmt::Names(MEMBERS.iter().map(|name| (*name).to_owned()).collect()),
            time: FormatterConfig::default(),
            validate: true,
            rename_fields: Vec::new(),
            static_fields: Vec::new(),
            defaults: Vec::new(),
            timespec: TimeSpec::default(),
            utc: true,
            exc_info_as_array: false,
            stack_info_as_array: false,
        }
    }
}

impl JsonFormatterConfig {
    /// Takes the arguments `fmt` (or `format`), `datefmt`, `style`, `validate`, `rename_fields`, `static_fields`,
    /// `defaults`, `timespec`, `utc`, `exc_info_as_array` and `stack_info_as_array`.
    ///
    /// # Errors
    /// If one is of a wrong type or value, or there are others.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        config.validate = kwargs.truth("validate").unwrap_or(config.validate);
        config.utc = kwargs.truth("utc").unwrap_or(config.utc);
        config.exc_info_as_array = kwargs.truth("exc_info_as_array").unwrap_or(config.exc_info_as_array);
        config.stack_info_as_array = kwargs.truth("stack_info_as_array").unwrap_or(config.stack_info_as_array);
        let style = kwargs.take("style");
        // Where both stand, CPython's dictConfig lets `format` win.
        let fmt = kwargs.take("fmt");
        if let Some(fmt) = kwargs.take("format").or(fmt).filter(Argument::is_truthy) {
            config.fmt = JsonFmt::from_arguments(fmt, style, config.validate)?;
        }
        config.time = FormatterConfig::of_time(&mut kwargs)?;
        config.rename_fields = renames(&mut kwargs)?;
        config.static_fields = items(&mut kwargs, "static_fields")?;
        config.defaults = items(&mut kwargs, "defaults")?;
        match kwargs.take("timespec") {
            None | Some(Argument::None) => {}
            Some(given) => config.timespec = TimeSpec::from_argument(&given)?,
        }
        kwargs.finish()?;
        Ok(config)
    }

    /// Makes the formatter.
    ///
    /// # Errors
    /// A `ValueError`, if the format is none in its style, or two members have the same key.
    pub fn build(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let names = self.fmt.names(self.validate)?;
        check_depth(&self.defaults)?;
        check_depth(&self.static_fields)?;
        let renamed = |name: &str| self.rename_fields.iter().rev().find(|(from, _)| from == name).map(|(_, to)| &**to);
        let usual = |name: &str| KEYS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
        let written = |argument| {
            let mut json = String::new();
            Dumps::STRICT.argument(&mut json, argument, 1);
            json.into_boxed_str()
        };
        let mut members: Vec<Member> = Vec::new();
        for name in &names {
            // As in Python a name that comes again is the same member.
            if members.iter().any(|member| *member.name == **name) {
                continue;
            }
            let key = renamed(name).or_else(|| usual(name)).unwrap_or(name);
            let default = self.defaults.iter().rev().find(|(of, _)| of == name).map(|(_, value)| written(value));
            members.push(Member::new(name, key, content(name), default));
        }
        for (name, argument) in &self.static_fields {
            let key = renamed(name).unwrap_or(name);
            members.push(Member::new(name, key, Content::Written(written(argument)), None));
        }
        for (at, member) in members.iter().enumerate().filter(|(_, member)| !member.is_flat()) {
            if let Some(other) = members[..at].iter().find(|other| !other.is_flat() && other.key == member.key) {
                return Err(same_key(&other.name, &member.name, &member.key));
            }
        }
        let uses = |wanted: &str| names.iter().any(|name| name == wanted);
        if uses("span.*") && uses("spans.*") {
            return Err(ArgumentError::new("ValueError", "the fields of span.* are among those of spans.*").at("fmt"));
        }
        let is_of_field = |(from, _): &&(String, String)| !names.contains(from);
        Ok(Arc::new(JsonFormatter {
            renamed: self.rename_fields.iter().filter(is_of_field).map(|(f, t)| (&**f, &**t)).map(pair).collect(),
            named: members.iter().filter(|member| member.is_field()).map(|member| member.name.clone()).collect(),
            members: members.into(),
            asctime: uses("asctime").then(|| TimeFormat::new(&self.time)),
            timespec: self.timespec,
            zone: (!self.utc).then(|| super::moment::LocalTime::new(Zone::local())),
            exc_info_as_array: self.exc_info_as_array,
            stack_info_as_array: self.stack_info_as_array,
        }))
    }
}

fn pair((from, to): (&str, &str)) -> (Box<str>, Box<str>) {
    (from.into(), to.into())
}

fn same_key(one: &str, other: &str, key: &str) -> ArgumentError {
    let [one, other, key] = [one, other, key].map(|text| {
        let mut repr = String::new();
        push_repr(&mut repr, text);
        repr
    });
    let message = format!("the members {one} and {other} have the same key {key}");
    ArgumentError::new("ValueError", message)
}

fn content(name: &str) -> Content {
    match name {
        "timestamp" => Content::Timestamp,
        "asctime" => Content::AscTime,
        "message" => Content::Message,
        "exc_info" => Content::ExcInfo,
        "stack_info" => Content::StackInfo,
        "fields" => Content::Fields,
        "fields.*" => Content::FlatFields,
        "span" => Content::Span,
        "span.*" => Content::FlatSpan,
        "spans" => Content::Spans,
        "spans.*" => Content::FlatSpans,
        name => Content::Named(Lookup::without_default(name)),
    }
}

impl Member {
    fn new(name: &str, key: &str, content: Content, default: Option<Box<str>>) -> Self {
        let mut lead = String::new();
        push_string(&mut lead, key);
        lead.push(':');
        let [lead, first_lead] = [",", "{"].map(|before| Literal::new(&format!("{before}{lead}")));
        Self { name: name.into(), key: key.into(), lead, first_lead, content, default }
    }
}
