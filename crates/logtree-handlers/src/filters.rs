//! Filters that Python does not have, for configs: by level, by what a record says, against floods, against secrets.
//!
//! | class | passes |
//! |---|---|
//! | `logtree.LevelRangeFilter` | records of levels within two bounds: [`LevelRangeFilter`] |
//! | `logtree.DirectivesFilter` | records as `EnvFilter` passes them, for one handler: [`DirectivesFilter`] |
//! | `logtree.FieldFilter` | records with a field, of the event or of a span around it, that is as it should be: [`FieldFilter`] |
//! | `logtree.RateLimitFilter` | so many records in so much time, and says how many it held back: [`RateLimitFilter`] |
//! | `logtree.DuplicateFilter` | a message once, and then says how often it was repeated: [`DuplicateFilter`] |
//! | `logtree.SamplingFilter` | a share of all records: [`SamplingFilter`] |
//! | `logtree.RedactFilter` | all records, without what must not be read in them: [`RedactFilter`] |
//!
//! ```yaml
//! filters:
//!   calm: {(): logtree.RateLimitFilter, rate: 100, per: 1, by: [name, levelno]}
//!   discreet: {(): logtree.RedactFilter, fields: [password, "*token*"]}
//! handlers:
//!   file: {class: logging.FileHandler, filename: app.log, filters: [calm, discreet]}
//! ```
//!
//! What such an argument calls a field may also be one of Python's attributes, under Python's name (`name`, `levelname`,
//! `levelno`, `message`, `pathname`, `filename`, `module`, `lineno`, `funcName`, `process`, `processName`, `thread`,
//! `threadName`), which win over fields of the same name as they do in a format.
//!
//! One filter that several handlers and loggers name is one: what it counts, it counts for all of them. A filter of a
//! handler behind a queue between processes works in the listener, for all processes together; what it counted and had not
//! said when the listener was killed is lost as a count, and its successor begins anew. Any other counts for its own
//! process; a child of `fork` begins with nothing held back, as its parent speaks of what it held back itself.
//!
//! What is said of records that were held back stands in their name: under their logger, with the highest of their levels.

mod directives;
mod duplicate;
mod field;
mod held_back;
mod level_range;
#[cfg_attr(feature = "regex", path = "filters/pattern/enabled.rs")]
#[cfg_attr(not(feature = "regex"), path = "filters/pattern/disabled.rs")]
mod pattern;
mod rate_limit;
mod redact;
mod sampling;
mod subject;

use logtree_core::Registry;

pub use directives::DirectivesFilter;
pub use duplicate::{DuplicateFilter, DuplicateFilterConfig};
pub use field::{FieldFilter, FieldFilterConfig, Scope};
pub use level_range::LevelRangeFilter;
pub use pattern::Pattern;
pub use rate_limit::{RateLimitFilter, RateLimitFilterConfig};
pub use redact::{RedactFilter, RedactFilterConfig};
pub use sampling::{SamplingFilter, SamplingFilterConfig};
pub use subject::Subject;

/// Registers the filters under their names in configs.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .filter("logtree.DirectivesFilter", directives::plan)
        .filter("logtree.DuplicateFilter", duplicate::plan)
        .filter("logtree.FieldFilter", field::plan)
        .filter("logtree.LevelRangeFilter", level_range::plan)
        .filter("logtree.RateLimitFilter", rate_limit::plan)
        .filter("logtree.RedactFilter", redact::plan)
        .filter("logtree.SamplingFilter", sampling::plan);
}
