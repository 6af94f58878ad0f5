//! Python's dictConfig for logtree: from text to a checked plan to a logger tree.
//!
//! ```text
//! text ─► nodes with spans ─► Config: the schema, as CPython reads it ─► Plan ─► build: make, open, start ─► Tree
//! ```
//!
//! ```
//! use logtree_dictconfig::{Config, Format, registry};
//!
//! let text = r#"{
//!     "version": 1,
//!     "handlers": {"console": {"class": "logging.StreamHandler", "level": "info"}},
//!     "root": {"level": "INFO", "handlers": ["consle"]}
//! }"#;
//! let problems = Config::new(&registry()).parse(text, Format::Json, "logging.json").unwrap_err();
//! let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
//! assert_eq!(lines[0], "logging.json:3:73: handlers.console.level: Unable to configure handler 'console': Unknown \
//!                       level: 'info' (did you mean 'INFO'?)");
//! assert_eq!(lines[1], "logging.json:4:44: root.handlers[0]: Unable to configure root logger: Unable to add handler \
//!                       'consle' (did you mean 'console'?)");
//! ```
//!
//! - [`Config`] reads a file, a text or a value, in any [`Format`]. It reports every problem at once, each a [`Problem`] with
//!   its path in the config, its place in the text, CPython's message and a close guess.
//! - [`Plan`] is a config that was checked. Nothing was opened yet; [`Plan::build`] makes, opens and starts its
//!   handlers, all of them or none.
//! - [`Plan::outline`] gives the tree as it will be, for who wants to look at it before anything is opened.
//! - [`Built`] holds the handlers, and gives the [`TreeBuilder`](logtree_core::TreeBuilder) of its loggers.
//! - `schema`, a feature, tells editors what a config may say.
//! - [`Problems`] is this crate's error.
#![forbid(unsafe_code)]

mod apply;
mod build;
mod catalog;
mod check;
mod config;
#[cfg(all(test, any(feature = "yaml", feature = "toml")))]
#[allow(clippy::unwrap_used)]
mod corpus;
mod digits;
mod env;
mod filters;
mod format;
mod found;
mod ini;
mod json;
mod node;
mod outline;
mod plan;
mod problem;
mod python;
mod refusal;
mod render;
mod resolve;
#[cfg(feature = "schema")]
mod schema;
mod source;
mod suggest;
#[cfg(feature = "toml")]
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

pub use apply::last_resort;
pub use build::{Built, Opened};
pub use config::Config;
pub use format::Format;
pub use node::Span;
pub use plan::{HandlerSpec, LoggerSpec, Plan};
pub use problem::{Color, Exception, Problem, Problems};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use source::Place;

/// A registry with Python's own classes and those of other projects, as far as logtree has them in every build.
pub fn registry() -> logtree_core::Registry {
    let mut registry = logtree_core::Registry::default();
    filters::register(&mut registry);
    logtree_formatters::register(&mut registry);
    logtree_handlers::register(&mut registry);
    registry
}
