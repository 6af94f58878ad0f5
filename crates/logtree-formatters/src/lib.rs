//! Python's formatters for logtree: percent style and its time.
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
//! | `attributes` | what a name in a format stands for, whatever the style |
//! | `message` | what goes into `%(message)s` and below the line |
//! | `conversion`, `padding`, `float`, `repr` | Python's ways to make text of values, whatever the style |
//! | `time`, `strftime` | `%(asctime)s` |
#![forbid(unsafe_code)]

mod attributes;
mod config;
mod conversion;
mod float;
mod message;
mod padding;
mod percent;
mod program;
mod repr;
mod strftime;
mod time;

use std::sync::Arc;

use logtree_core::{Formatter, Registry, Value};

pub use config::{FormatterConfig, Style};
pub use percent::PercentFormatter;

/// Registers the formatters under the names that configs use: `logging.Formatter`.
///
/// ```
/// let mut registry = logtree_core::Registry::default();
/// logtree_formatters::register(&mut registry);
/// assert!(registry.find_formatter("logging.Formatter").is_some());
/// ```
pub fn register(registry: &mut Registry) {
    registry.formatter("logging.Formatter", |kwargs| FormatterConfig::from_kwargs(kwargs)?.build());
}

/// What formats for a handler without formatter: the message alone, as Python's `logging._defaultFormatter`.
pub fn default_formatter() -> Arc<dyn Formatter> {
    Arc::new(PercentFormatter::default())
}

/// Appends Python's `repr` of a value.
///
/// ```
/// let mut out = String::new();
/// logtree_formatters::push_repr(&mut out, logtree_core::Value::Str("it's"));
/// assert_eq!(out, r#""it's""#);
/// ```
pub fn push_repr(out: &mut String, value: Value<'_>) {
    conversion::push_value_repr(out, value);
}
