//! Formatters for logtree: Python's styles `%`, `{` and `$` with their time, and JSON.
//!
//! A format is compiled once into a small program; at each record the program runs, and nothing is parsed, looked up by
//! name twice or, once the buffers have grown, allocated.
//!
//! ```
//! use logtree_formatters::FormatterConfig;
//!
//! let config = FormatterConfig { format: Some("%(levelname)-8s %(name)s: %(message)s".into()), ..Default::default() };
//! let formatter = config.build()?;
//! # let _ = formatter;
//! # Ok::<(), logtree_core::ArgumentError>(())
//! ```
//!
//! | file | is |
//! |---|---|
//! | `config` | the arguments of `logging.Formatter`, and its class in the registry |
//! | `percent`, `program` | the `%` style: the formatter, and the program that a format becomes |
//! | `brace`, `brace_program`, `brace_validation` | the `{` style: the formatter, its program, and what formats it refuses |
//! | `markup`, `access` | the fields of such a format, and what stands behind their names |
//! | `format_spec`, `format_value` | what stands behind the colon, and what it makes of a value |
//! | `dollar` | the `$` style |
//! | `composer`, `literal` | what formatters of every style share |
//! | `attributes` | what a name in a format stands for, whatever the style |
//! | `message` | what goes into `%(message)s` and below the line |
//! | `conversion`, `padding`, `float`, `repr`, `decimal` | Python's ways to make text of values and to read numbers, whatever the style |
//! | `time`, `strftime` | `%(asctime)s` |
//! | `styled` | a formatter of any style, for those that escape, and those that set attributes before the line |
//! | `escape` | control characters in what a record brings |
//! | `colorlog`, `django`, `uvicorn` | the formatters of these projects |
//! | `json` | JSON objects in place of lines |
#![forbid(unsafe_code)]

mod access;
mod attributes;
mod brace;
mod brace_program;
mod brace_validation;
mod colorlog;
mod composer;
mod config;
mod conversion;
mod decimal;
mod django;
mod dollar;
mod escape;
mod float;
mod format_spec;
mod format_value;
mod json;
mod literal;
mod markup;
mod message;
mod padding;
mod percent;
mod program;
mod repr;
mod stretch;
mod strftime;
mod styled;
mod time;
mod uvicorn;

use std::sync::{Arc, LazyLock};

use logtree_core::{Formatter, Registry, Value};

pub use brace::BraceFormatter;
pub use colorlog::ColoredFormatterConfig;
pub use config::{Converter, FormatterConfig, Style};
pub use django::ServerFormatterConfig;
pub use dollar::DollarFormatter;
pub use escape::Escape;
pub use json::{
    JsonFmt, JsonFormatter, JsonFormatterConfig, JsonOthers, PythonJsonFormatter, PythonJsonFormatterConfig, TimeSpec,
    TracingJsonFormatter, TracingJsonFormatterConfig,
};
pub use percent::PercentFormatter;
pub use uvicorn::UvicornFormatterConfig;

/// Registers the formatters under the names that configs use: `logging.Formatter`, and those of other projects.
///
/// ```
/// let mut registry = logtree_core::Registry::default();
/// logtree_formatters::register(&mut registry);
/// assert!(registry.find_formatter("logging.Formatter").is_some());
/// ```
pub fn register(registry: &mut Registry) {
    registry
        .formatter("logging.Formatter", |kwargs| FormatterConfig::from_kwargs(kwargs)?.build())
        .formatter("colorlog.ColoredFormatter", |kwargs| ColoredFormatterConfig::from_kwargs(kwargs)?.build())
        .formatter("django.utils.log.ServerFormatter", |kwargs| ServerFormatterConfig::from_kwargs(kwargs)?.build())
        .formatter("uvicorn.logging.AccessFormatter", |kwargs| {
            UvicornFormatterConfig::from_kwargs(kwargs)?.access_formatter()
        })
        .formatter("uvicorn.logging.DefaultFormatter", |kwargs| {
            UvicornFormatterConfig::from_kwargs(kwargs)?.default_formatter()
        });
    json::register(registry);
}

/// What formats for a handler without formatter: the message alone, as Python's `logging._defaultFormatter`. It is the same
/// one each time.
pub fn default_formatter() -> Arc<dyn Formatter> {
    static DEFAULT: LazyLock<Arc<dyn Formatter>> = LazyLock::new(|| Arc::new(PercentFormatter::default()));
    Arc::clone(&DEFAULT)
}

/// Appends Python's `str` of a value: what `%(name)s` prints of a field.
///
/// ```
/// # mod logtree { pub use {logtree_core::Value, logtree_formatters as formatters}; }
/// use logtree::formatters::push_str;
///
/// let mut out = String::new();
/// push_str(&mut out, true.into());
/// push_str(&mut out, 1e16.into());
/// push_str(&mut out, "it's".into());
/// assert_eq!(out, "True1e+16it's");
/// ```
pub fn push_str(out: &mut String, value: Value<'_>) {
    conversion::push_str(out, value);
}

/// What of a `datefmt` strftime(3) does not know, if anything: there it prints as it stands, as `%f` does.
///
/// ```
/// assert_eq!(logtree_formatters::unknown_in_datefmt("%H:%M:%S.%f").as_deref(), Some("%f"));
/// ```
pub fn unknown_in_datefmt(datefmt: &str) -> Option<String> {
    strftime::DateFormat::new(datefmt).unknown().map(str::to_owned)
}

/// Appends Python's `repr` of a value: what `%(name)r` prints of a field.
///
/// ```
/// # mod logtree { pub use logtree_formatters as formatters; }
/// use logtree::formatters::push_repr;
///
/// let mut out = String::new();
/// push_repr(&mut out, "it's".into());
/// assert_eq!(out, r#""it's""#);
/// ```
pub fn push_repr(out: &mut String, value: Value<'_>) {
    conversion::push_value_repr(out, value);
}
