//! One JSON object a record: pythonjsonlogger's, tracing-subscriber's, and our own.
//!
//! | file | is |
//! |---|---|
//! | `formatter`, `config` | our own formatter, and its arguments |
//! | `python`, `python_config` | pythonjsonlogger's `JsonFormatter`, and its arguments |
//! | `tracing` | tracing-subscriber's, with its arguments |
//! | `names` | the names in a format, as it finds them |
//! | `members` | the members of one object |
//! | `dumps`, `literal` | values as JSON, and those that travel as Python literals |
//! | `escape` | text as JSON strings, bytes as base64 |
//! | `moment` | times as ISO 8601 |

mod config;
mod dumps;
pub(crate) mod escape;
mod formatter;
mod literal;
mod members;
pub(crate) mod moment;
mod names;
mod python;
mod python_config;
mod tracing;

use logtree_core::{Object, Registry};

pub use config::JsonFormatterConfig;
pub use dumps::JsonOthers;
pub use formatter::JsonFormatter;
pub use moment::TimeSpec;
pub use python::PythonJsonFormatter;
pub use python_config::{JsonFmt, PythonJsonFormatterConfig};
pub use tracing::{TracingJsonFormatter, TracingJsonFormatterConfig};

/// Registers the classes.
pub(crate) fn register(registry: &mut Registry) {
    for name in ["pythonjsonlogger.json.JsonFormatter", "pythonjsonlogger.jsonlogger.JsonFormatter"] {
        registry.formatter(name, |kwargs| PythonJsonFormatterConfig::from_kwargs(kwargs)?.build());
    }
    registry.formatter("logtree.JsonFormatter", |kwargs| JsonFormatterConfig::from_kwargs(kwargs)?.build());
    registry.formatter("tracing_subscriber.fmt.format.Json", |kwargs| {
        Ok(TracingJsonFormatterConfig::from_kwargs(kwargs)?.build())
    });
    for name in python_config::OBJECTS {
        registry.object(Object::new(name, ()));
    }
}
