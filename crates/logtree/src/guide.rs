//! From other logging to this one, page by page: what it was called there, and what it is called here.

#[doc = include_str!("../docs/from-python.md")]
pub mod from_python {}

#[doc = include_str!("../docs/from-tracing-subscriber.md")]
pub mod from_tracing_subscriber {}

#[doc = include_str!("../docs/from-log4rs.md")]
pub mod from_log4rs {}

#[doc = include_str!("../docs/from-log.md")]
pub mod from_log {}
