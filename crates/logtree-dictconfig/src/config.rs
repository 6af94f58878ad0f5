//! Reading a config: from a file, a text or a value to a checked plan.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use logtree_core::Registry;

use crate::check::check;
use crate::json;
use crate::node::Node;
use crate::plan::Plan;
use crate::problem::{Problem, Problems, Reason};
use crate::source::Source;

/// The format of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON as serde_json reads it: without comments, trailing commas and NaN.
    #[default]
    Json,
}

/// How to read configs: with which classes, and how strictly.
///
/// ```
/// use logtree_dictconfig::{Config, Format, registry};
///
/// let text = r#"{
///     "version": 1,
///     "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
///     "root": {"level": "INFO", "handlers": ["console"]}
/// }"#;
/// let plan = Config::new(&registry()).strict(true).parse(text, Format::Json, "logging.json")?;
/// let tree = plan.build()?.tree().build();
/// assert!(tree.find("my_app").lowest_wanted().is_some());
/// # Ok::<(), logtree_dictconfig::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config<'r> {
    registry: &'r Registry,
    is_strict: bool,
    assumed: BTreeSet<String>,
    is_on_top: bool,
}

impl<'r> Config<'r> {
    /// Reads configs that may name what is in `registry`.
    pub fn new(registry: &'r Registry) -> Self {
        Self { registry, is_strict: false, assumed: BTreeSet::new(), is_on_top: false }
    }

    /// Whether a warning is an error.
    #[must_use]
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }

    /// Takes it that a program registers the class, factory or object `name`, so that a check without that program
    /// passes over it.
    #[must_use]
    pub fn assume_class(mut self, name: impl Into<String>) -> Self {
        self.assumed.insert(name.into());
        self
    }

    /// Whether the configs will be applied on top of others, whose handlers an incremental one may name. Which there
    /// are is looked at when it is applied. Without it a config is checked as to a fresh process.
    #[must_use]
    pub fn on_top(mut self, is_on_top: bool) -> Self {
        self.is_on_top = is_on_top;
        self
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, is no JSON, or says what dictConfig does not understand: every problem of it.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Plan, Problems> {
        let path = path.as_ref();
        let origin = path.display().to_string();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let unreadable = |message: String, expected: Option<&str>| {
            let source = Arc::new(Source { origin: origin.clone(), text: String::new() });
            let problem = Problem::error(&source, "", None, message);
            Problems {
                reason: Reason::Unreadable,
                problems: vec![Problem { expected: expected.map(str::to_owned), ..problem }],
            }
        };
        if let known @ ("yaml" | "yml" | "toml" | "ini" | "conf" | "cfg") = &*extension.to_ascii_lowercase() {
            return Err(unreadable(format!("configs in .{known} files cannot be read yet"), Some("JSON")));
        }
        let bytes =
            std::fs::read(path).map_err(|error| unreadable(format!("cannot read the config: {error}"), None))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            unreadable(format!("the text is not UTF-8: there is a stray byte at offset {at}"), Some("UTF-8"))
        })?;
        self.parse(&text, Format::Json, origin)
    }

    /// Checks a text. `origin` is how messages call it.
    ///
    /// # Errors
    /// If it is not of its format, or says what dictConfig does not understand: every problem of it.
    pub fn parse(&self, text: &str, format: Format, origin: impl Into<String>) -> Result<Plan, Problems> {
        let source = Arc::new(Source { origin: origin.into(), text: text.to_owned() });
        let Format::Json = format;
        let root = json::parse(text).map_err(|error| {
            let place = source.place(error.span);
            let mut problem = Problem::error(&source, "", Some(place), format!("invalid JSON: {}", error.message));
            if let Some(hint) = error.hint {
                problem.note(hint, None);
            }
            Problems { reason: Reason::Syntax, problems: vec![problem] }
        })?;
        self.check(source, &root)
    }

    /// Checks a value that never was text. Problems have paths, but no lines.
    ///
    /// # Errors
    /// If it says what dictConfig does not understand: every problem of it.
    pub fn parse_value(&self, value: serde_json::Value, origin: impl Into<String>) -> Result<Plan, Problems> {
        let source = Arc::new(Source { origin: origin.into(), text: String::new() });
        self.check(source, &json::from_value(value))
    }

    fn check(&self, source: Arc<Source>, root: &Node) -> Result<Plan, Problems> {
        let (plan, mut problems) = check(source, root, self.registry, &self.assumed, self.is_on_top);
        for problem in &mut problems {
            problem.is_error |= self.is_strict;
        }
        match problems.iter().any(Problem::is_error) {
            true => Err(Problems { reason: Reason::Refused, problems }),
            false => Ok(Plan { warnings: problems, ..plan }),
        }
    }
}
