//! The arguments of pythonjsonlogger's `JsonFormatter` (python-json-logger 4.2).

use std::collections::BinaryHeap;
use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, Formatter, Kwargs, Table};

use super::dumps::{Dumps, JsonOthers, check_depth};
use super::names::{between_commas, in_format};
use super::python::{Content, PythonJsonFormatter, is_among, renamed};
use crate::attributes::{Lookup, push_argument_repr};
use crate::brace::BraceFormatter;
use crate::config::{FormatterConfig, Style};
use crate::dollar::DollarFormatter;
use crate::percent::PercentFormatter;
use crate::time::TimeFormat;

/// The arguments of `pythonjsonlogger.json.JsonFormatter`; what is absent is as there.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::{JsonFmt, PythonJsonFormatterConfig};
///
/// let config = PythonJsonFormatterConfig {
///     fmt: JsonFmt::Names(vec!["levelname".into(), "message".into()]),
///     rename_fields: vec![("levelname".into(), "level".into())],
///     timestamp: Some("ts".into()),
///     ..Default::default()
/// };
/// assert!(config.build().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct PythonJsonFormatterConfig {
    /// Which names each object has, and in which order.
    pub fmt: JsonFmt,
    /// How `asctime` prints, as this formatter would have it: its `datefmt`, `converter` and the like.
    pub time: FormatterConfig,
    /// Whether a format that is none in its style is refused.
    pub validate: bool,
    /// What stands before the object.
    pub prefix: String,
    /// Other keys for names.
    pub rename_fields: Vec<(String, String)>,
    /// Whether a key of `rename_fields` is there, as `null`, if nothing bears it.
    pub rename_fields_keep_missing: bool,
    /// Members of every object.
    pub static_fields: Vec<(String, Argument)>,
    /// Attributes that are no extras; without them all that a record of Python has.
    pub reserved_attrs: Option<Vec<String>>,
    /// The key under which the time stands as ISO 8601 in UTC; without one it does not.
    pub timestamp: Option<String>,
    /// Members that any other of the same key replaces.
    pub defaults: Vec<(String, Argument)>,
    /// Whether the error is an array of lines.
    pub exc_info_as_array: bool,
    /// Whether the stack is an array of lines.
    pub stack_info_as_array: bool,
    /// What becomes of values that JSON has no type for (`json_default`, `json_encoder`).
    pub others: JsonOthers,
    /// What stands before each member, once for each level; without it the object is one line.
    pub json_indent: Option<String>,
    /// Whether everything outside ASCII is escaped.
    pub json_ensure_ascii: bool,
}

/// Where the names come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonFmt {
    /// From a format of one of Python's styles; all but its names is passed over.
    Format(Style, String),
    /// From a list.
    Names(Vec<String>),
}

impl Default for JsonFmt {
    /// The message alone.
    fn default() -> Self {
        Self::Names(vec!["message".into()])
    }
}

/// pythonjsonlogger's `RESERVED_ATTRS`.
#[rustfmt::skip]
const RESERVED: [&str; 23] = [
    "args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname", "levelno", "lineno",
    "message", "module", "msecs", "msg", "name", "pathname", "process", "processName", "relativeCreated",
    "stack_info", "taskName", "thread", "threadName",
];

/// The attributes of a record in the order in which CPython's `LogRecord` sets them.
#[rustfmt::skip]
const ATTRIBUTES: [&str; 21] = [
    "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text",
    "stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName", "processName",
    "process", "taskName",
];

/// Those that formatting adds.
const MADE: [&str; 2] = ["message", "asctime"];

/// More blanks than any indent needs. CPython takes what fits into memory.
const MOST_INDENT: i64 = 1024;

impl Default for PythonJsonFormatterConfig {
    fn default() -> Self {
        Self {
            fmt: JsonFmt::default(),
            time: FormatterConfig::default(),
            validate: true,
            prefix: String::new(),
            rename_fields: Vec::new(),
            rename_fields_keep_missing: false,
            static_fields: Vec::new(),
            reserved_attrs: None,
            timestamp: None,
            defaults: Vec::new(),
            exc_info_as_array: false,
            stack_info_as_array: false,
            others: JsonOthers::default(),
            json_indent: None,
            json_ensure_ascii: true,
        }
    }
}

impl PythonJsonFormatterConfig {
    /// Takes the arguments of `pythonjsonlogger.json.JsonFormatter`; `format` is another word for `fmt`.
    ///
    /// `json_default` may be `ext://builtins.str`, `json_encoder` also `ext://json.JSONEncoder` or the package's own, and
    /// `json_serializer` is `json.dumps`.
    ///
    /// # Errors
    /// The package's own, and at once those that it would meet at each record. What only Python code could be is refused.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut config = Self::default();
        config.validate = kwargs.truth("validate").unwrap_or(config.validate);
        config.rename_fields_keep_missing =
            kwargs.truth("rename_fields_keep_missing").unwrap_or(config.rename_fields_keep_missing);
        config.exc_info_as_array = kwargs.truth("exc_info_as_array").unwrap_or(config.exc_info_as_array);
        config.stack_info_as_array = kwargs.truth("stack_info_as_array").unwrap_or(config.stack_info_as_array);
        config.json_ensure_ascii = kwargs.truth("json_ensure_ascii").unwrap_or(config.json_ensure_ascii);
        let style = kwargs.take("style");
        // Where both stand, CPython's dictConfig lets `format` win.
        let fmt = kwargs.take("fmt");
        let fmt = kwargs.take("format").or(fmt).unwrap_or_default();
        config.fmt = JsonFmt::from_arguments(fmt, style, config.validate)?;
        config.time = FormatterConfig::of_time(&mut kwargs)?;
        match kwargs.take("prefix") {
            None => {}
            Some(Argument::Str(prefix)) => config.prefix = prefix,
            Some(other) => {
                let message = format!("unsupported operand type(s) for +: '{}' and 'str'", other.type_name());
                return Err(ArgumentError::new("TypeError", message).at("prefix").expected("str"));
            }
        }
        config.rename_fields = renames(&mut kwargs)?;
        config.static_fields = items(&mut kwargs, "static_fields")?;
        config.reserved_attrs = reserved(&mut kwargs)?;
        config.timestamp = match kwargs.take("timestamp").filter(Argument::is_truthy) {
            Some(Argument::Str(key)) => Some(key),
            given => given.map(|_| "timestamp".to_owned()),
        };
        config.defaults = items(&mut kwargs, "defaults")?;
        config.others = others(&mut kwargs)?;
        config.json_indent = indent(&mut kwargs)?;
        kwargs.finish()?;
        Ok(config)
    }

    /// Makes the formatter.
    ///
    /// # Errors
    /// CPython's `ValueError`, if the format is none in its style.
    pub fn build(self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let names = self.fmt.names(self.validate)?;
        check_depth(&self.defaults)?;
        check_depth(&self.static_fields)?;
        let renames: Box<[(Box<str>, Box<str>)]> =
            self.rename_fields.iter().map(|(from, to)| (from.as_str().into(), to.as_str().into())).collect();
        let key = |name: &str| Box::from(renamed(&renames, name));
        let mut skipped: Vec<&str> = match &self.reserved_attrs {
            Some(reserved) => reserved.iter().map(String::as_str).collect(),
            None => RESERVED.to_vec(),
        };
        skipped.extend(names.iter().map(String::as_str));
        // std's sort is compiled for each type that is sorted, at several times the size of its heap.
        let skipped = BinaryHeap::from(skipped).into_sorted_vec();
        let skipped: Box<[Box<str>]> = skipped.into_iter().map(Box::from).collect();
        let dumps = Dumps {
            is_strict: false,
            indent: self.json_indent.map(String::into),
            ensure_ascii: self.json_ensure_ascii,
            others: self.others,
        };
        let written = |(name, argument): &(String, Argument)| {
            let mut json = String::new();
            dumps.argument(&mut json, argument, 1);
            (key(name), Content::Written(json.into()))
        };
        let named = |name: &String| (key(name), Content::Named(Lookup::without_default(name)));
        let known = self.defaults.iter().map(written).chain(names.iter().map(named));
        let known = known.chain(self.static_fields.iter().map(written)).collect();
        let unnamed = |names: &[&str]| {
            let unnamed = names.iter().filter(|name| !is_among(&skipped, name));
            unnamed.map(|name| (key(name), Lookup::without_default(name))).collect()
        };
        let uses_time = names.iter().any(|name| name == "asctime");
        Ok(Arc::new(PythonJsonFormatter {
            prefix: self.prefix.into(),
            time: uses_time.then(|| TimeFormat::new(&self.time)),
            known,
            attributes: unnamed(&ATTRIBUTES),
            made: unnamed(&MADE),
            timestamp: self.timestamp.map(|name| key(&name)),
            kept: match self.rename_fields_keep_missing {
                true => self.rename_fields.iter().map(|(_, to)| to.as_str().into()).collect(),
                false => Box::default(),
            },
            skipped,
            renames,
            dumps,
            exc_info_as_array: self.exc_info_as_array,
            stack_info_as_array: self.stack_info_as_array,
        }))
    }
}

impl JsonFmt {
    pub(super) fn from_arguments(
        fmt: Argument,
        style: Option<Argument>,
        validate: bool,
    ) -> Result<Self, ArgumentError> {
        let fmt = match fmt {
            Argument::List(names) => return names.into_iter().map(name).collect::<Result<_, _>>().map(Self::Names),
            Argument::None => None,
            Argument::Str(text) => Some(text),
            _ => {
                let message = "'JsonFormatter' object has no attribute '_required_fields'";
                let error = ArgumentError::new("AttributeError", message).at("fmt");
                return Err(error.expected("a format, or a list of names"));
            }
        };
        let style = match &style {
            None => Style::Percent,
            Some(Argument::Str(text)) if text == "," => {
                let names = between_commas(fmt.as_deref().unwrap_or_default());
                return Ok(Self::Names(names.map(str::to_owned).collect()));
            }
            Some(given) => match (Style::from_argument(given), fmt) {
                (Ok(style), fmt) => return Ok(Self::Format(style, fmt.unwrap_or_default())),
                (Err(error), _) if error.exception == "TypeError" => return Err(error),
                (Err(error), _) if validate => {
                    return Err(ArgumentError { message: "Style must be one of: '%{$,'".into(), ..error });
                }
                // A style for which the package waits for code.
                (Err(_), None) => return Ok(Self::Names(Vec::new())),
                (Err(error), Some(_)) => {
                    let mut message = String::from("Style ");
                    push_argument_repr(&mut message, given);
                    return Err(ArgumentError { message: message + " is not supported", ..error });
                }
            },
        };
        Ok(Self::Format(style, fmt.unwrap_or_default()))
    }

    /// The names in their order.
    pub(super) fn names(&self, validate: bool) -> Result<Vec<String>, ArgumentError> {
        let (style, format) = match self {
            Self::Names(names) => return Ok(names.clone()),
            // As in Python an empty format is the message.
            Self::Format(_, format) if format.is_empty() => return Ok(vec!["message".to_owned()]),
            Self::Format(style, format) => (*style, format),
        };
        if validate {
            match style {
                Style::Percent => PercentFormatter::validate(format)?,
                Style::Brace => BraceFormatter::validate(format)?,
                Style::Dollar => DollarFormatter::validate(format)?,
            }
        }
        Ok(in_format(format, style).into_iter().map(str::to_owned).collect())
    }
}

/// DIFFERENCE: pythonjsonlogger takes names that are no text, and prints them with nothing under them.
fn name(argument: Argument) -> Result<String, ArgumentError> {
    match argument {
        Argument::Str(name) => Ok(name),
        Argument::List(_) | Argument::Map(_) => {
            let message = format!("unhashable type: '{}'", argument.type_name());
            Err(ArgumentError::new("TypeError", message).at("fmt").expected("a list of names"))
        }
        other => {
            let message = format!("a name must be str, not {}", other.type_name());
            Err(ArgumentError::new("TypeError", message).at("fmt").expected("a list of names"))
        }
    }
}

/// Takes a dict; `None` is an empty one.
pub(super) fn items(kwargs: &mut Kwargs, keyword: &str) -> Result<Vec<(String, Argument)>, ArgumentError> {
    let message = match kwargs.take(keyword) {
        None | Some(Argument::None) => return Ok(Vec::new()),
        Some(Argument::Map(items)) => return Ok(unique(items)),
        Some(Argument::Str(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Argument::List(items)) if items.is_empty() => return Ok(Vec::new()),
        Some(Argument::Str(_)) => "string indices must be integers, not 'str'".to_owned(),
        // DIFFERENCE: a list of numbers that are places in it is a dict there.
        Some(Argument::List(_)) => "list indices must be integers or slices, not str".to_owned(),
        Some(other) => format!("'{}' object is not iterable", other.type_name()),
    };
    Err(ArgumentError::new("TypeError", message).at(keyword).expected("dict"))
}

/// As in a Python dict, a key that comes again keeps its place and takes the last value.
fn unique(items: Vec<(String, Argument)>) -> Vec<(String, Argument)> {
    let mut places = Table::default();
    let mut unique: Vec<(String, Argument)> = Vec::with_capacity(items.len());
    for (key, value) in items {
        match places.get(&key) {
            Some(&place) => unique[place] = (key, value),
            None => {
                places.insert(key.clone(), unique.len());
                unique.push((key, value));
            }
        }
    }
    unique
}

/// Takes `rename_fields`. A key that is no text prints as Python's `json` prints such a key.
pub(super) fn renames(kwargs: &mut Kwargs) -> Result<Vec<(String, String)>, ArgumentError> {
    let mut renames = Vec::new();
    for (from, to) in items(kwargs, "rename_fields")? {
        let to = match to {
            Argument::Str(to) => to,
            Argument::List(_) | Argument::Map(_) => {
                let message = format!("unhashable type: '{}'", to.type_name());
                return Err(ArgumentError::new("TypeError", message).at("rename_fields").expected("str"));
            }
            other => {
                let mut json = String::new();
                let dumps = Dumps { is_strict: false, indent: None, ensure_ascii: true, others: JsonOthers::Package };
                dumps.argument(&mut json, &other, 1);
                json
            }
        };
        renames.push((from, to));
    }
    Ok(renames)
}

/// Takes `reserved_attrs`: a list, the keys of a dict, or the characters of a text.
fn reserved(kwargs: &mut Kwargs) -> Result<Option<Vec<String>>, ArgumentError> {
    let error =
        |message| Err(ArgumentError::new("TypeError", message).at("reserved_attrs").expected("a list of names"));
    let names = match kwargs.take("reserved_attrs") {
        None | Some(Argument::None) => return Ok(None),
        Some(Argument::List(names)) => names,
        Some(Argument::Map(items)) => items.into_iter().map(|(name, _)| Argument::Str(name)).collect(),
        Some(Argument::Str(text)) => text.chars().map(|char| Argument::Str(char.into())).collect(),
        Some(other) => return error(format!("'{}' object is not iterable", other.type_name())),
    };
    let mut reserved = Vec::new();
    for name in names {
        match name {
            Argument::Str(name) => reserved.push(name),
            Argument::List(_) | Argument::Map(_) => return error(format!("unhashable type: '{}'", name.type_name())),
            // No attribute's name.
            _ => {}
        }
    }
    Ok(Some(reserved))
}

/// Takes the arguments that Python gives as code: of that, what has a name here.
fn others(kwargs: &mut Kwargs) -> Result<JsonOthers, ArgumentError> {
    let mut named = |keyword: &'static str, known: &[&str], is_optional: bool| {
        let given = kwargs.take(keyword);
        match &given {
            Some(Argument::Object(object)) if known.contains(&object.name()) => {
                return Ok(Some(object.name().to_owned()));
            }
            None => return Ok(None),
            Some(other) if is_optional && !other.is_truthy() => return Ok(None),
            _ => {}
        }
        let type_name = given.as_ref().map_or("NoneType", Argument::type_name);
        let message = match given {
            Some(Argument::Object(object)) => format!("{} is Python code, which logtree does not run", object.name()),
            _ => format!("'{type_name}' object is not callable"),
        };
        let expected: Vec<String> = known.iter().map(|name| format!("ext://{name}")).collect();
        Err(ArgumentError::new("TypeError", message).at(keyword).expected(expected.join(" or ")))
    };
    let default = named("json_default", &[STR], true)?;
    let encoder = named("json_encoder", &[JSON_ENCODER, ENCODER, OLD_ENCODER], true)?;
    named("json_serializer", &[DUMPS], false)?;
    Ok(match (default, encoder.as_deref()) {
        (Some(_), _) => JsonOthers::Str,
        (None, Some(JSON_ENCODER)) => JsonOthers::Refused,
        (None, _) => JsonOthers::Package,
    })
}

const STR: &str = "builtins.str";
const JSON_ENCODER: &str = "json.JSONEncoder";
const ENCODER: &str = "pythonjsonlogger.json.JsonEncoder";
const OLD_ENCODER: &str = "pythonjsonlogger.jsonlogger.JsonEncoder";
const DUMPS: &str = "json.dumps";

/// What `ext://` can name for these arguments.
pub(crate) const OBJECTS: [&str; 5] = [STR, JSON_ENCODER, ENCODER, OLD_ENCODER, DUMPS];

/// Takes `json_indent`: so many blanks, or what to indent with.
fn indent(kwargs: &mut Kwargs) -> Result<Option<String>, ArgumentError> {
    let blanks = match kwargs.take("json_indent") {
        None | Some(Argument::None) => return Ok(None),
        Some(Argument::Str(text)) => return Ok(Some(text)),
        Some(Argument::Int(blanks)) => blanks,
        Some(Argument::Bool(blank)) => blank.into(),
        Some(other) => {
            let message = format!("can't multiply sequence by non-int of type '{}'", other.type_name());
            return Err(ArgumentError::new("TypeError", message).at("json_indent").expected("int or str"));
        }
    };
    if blanks > MOST_INDENT {
        let message = format!("an indent of {blanks} blanks, where {MOST_INDENT} are the most");
        return Err(ArgumentError::new("ValueError", message).at("json_indent"));
    }
    Ok(Some(" ".repeat(blanks.max(0) as usize)))
}
