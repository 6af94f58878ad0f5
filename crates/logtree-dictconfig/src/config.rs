//! Reading a config: from a file, a text or a value to a checked plan.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use logtree_core::{Registry, Table};

use crate::check::check;
use crate::env;
use crate::format::Format;
use crate::node::Node;
use crate::plan::{Plan, Read};
use crate::problem::{Problem, Problems, Reason};
use crate::source::Source;
use crate::{ini, json};

/// How to read configs: with which classes, and how strictly.
///
/// With the top-level key `env: true`, `${NAME}` and `${NAME:-default}` in the strings of a config come from the environment.
/// The default is taken where the variable is empty, too, and may hold others; `$${` stands for `${`. What is read stays text:
/// a level is its name.
///
/// The top-level key `directives` sets levels in one line, on top of those of the config: `info,my_app::db=debug`, as
/// tracing-subscriber's [`EnvFilter`](logtree_core::Directives) has it. With `env: true`, `${RUST_LOG:-info}` takes them from a
/// variable, or else is `info`.
///
/// The top-level key `env_levels` names a variable, such as `RUST_LOG`, whose levels are set on top of those of the config,
/// when it is installed and whenever it is read again: `info,my_app::db=debug`, as tracing-subscriber's `EnvFilter` has it.
/// A directive sets the level of its logger; levels that the config gives to loggers below and to handlers still hold.
/// Directives for spans (`[span{field=value}]`) are refused. A variable that is not set says nothing.
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
    assumed: Vec<String>,
    is_on_top: bool,
    environment: Option<Table<OsString>>,
}

impl<'r> Config<'r> {
    /// Reads configs that may name what is in `registry`.
    pub fn new(registry: &'r Registry) -> Self {
        Self { registry, is_strict: false, assumed: Vec::new(), is_on_top: false, environment: None }
    }

    /// Whether a warning is an error.
    #[must_use]
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }

    /// Takes it that a program registers the class, factory or object `name`, so that a check without that program
    /// passes over it; `my_app.*` stands for all names below `my_app`.
    #[must_use]
    pub fn assume_class(mut self, name: impl Into<String>) -> Self {
        self.assumed.push(name.into());
        self
    }

    /// Whether the configs will be applied on top of others, whose handlers an incremental one may name. Which there
    /// are is looked at when it is applied. Without it a config is checked as to a fresh process.
    #[must_use]
    pub fn on_top(mut self, is_on_top: bool) -> Self {
        self.is_on_top = is_on_top;
        self
    }

    /// Takes the variables that configs name from here, and no others; without it, they are the process's.
    #[must_use]
    pub fn environment(mut self, variables: Table<OsString>) -> Self {
        self.environment = Some(variables);
        self
    }

    /// Reads and checks a file. Its extension tells the format ([`Format::of`]); any other is JSON.
    ///
    /// # Errors
    /// If it cannot be read, is not of its format, or says what dictConfig does not understand: every problem of it.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Plan, Problems> {
        self.load_path(path.as_ref())
    }

    fn load_path(&self, path: &Path) -> Result<Plan, Problems> {
        let origin = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|error| unreadable(&origin, format!("cannot read the config: {error}"), None))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            unreadable(&origin, format!("the text is not UTF-8: there is a stray byte at offset {at}"), Some("UTF-8"))
        })?;
        self.parse_from(&text, Format::of(path).unwrap_or_default(), origin)
    }

    /// Checks a text. `origin` is how messages call it.
    ///
    /// # Errors
    /// If it is not of its format, or says what dictConfig does not understand: every problem of it.
    pub fn parse(&self, text: &str, format: Format, origin: impl Into<String>) -> Result<Plan, Problems> {
        self.parse_from(text, format, origin.into())
    }

    fn parse_from(&self, text: &str, format: Format, origin: String) -> Result<Plan, Problems> {
        let name = format.name();
        let source = Arc::new(Source { origin: origin.clone(), text: text.to_owned() });
        let Some(read) = format.read(&source) else {
            let feature = name.to_ascii_lowercase();
            let message =
                format!("this program cannot read {name}: it was built without logtree's feature `{feature}`");
            return Err(unreadable(&origin, message, None));
        };
        let (root, problems) = read.map_err(|error| {
            let place = source.place(error.span);
            let mut problem = Problem::error(&source, "", Some(place), format!("invalid {name}: {}", error.message));
            if let Some(hint) = error.hint {
                problem.note(hint, None);
            }
            Problems { reason: Reason::Syntax, problems: vec![problem] }
        })?;
        self.check(source, root, problems, format)
    }

    /// Checks a value that never was text. Problems have paths, but no lines.
    ///
    /// # Errors
    /// If it says what dictConfig does not understand: every problem of it.
    pub fn parse_value(&self, value: serde_json::Value, origin: impl Into<String>) -> Result<Plan, Problems> {
        self.parse_value_from(value, origin.into())
    }

    fn parse_value_from(&self, value: serde_json::Value, origin: String) -> Result<Plan, Problems> {
        let source = Arc::new(Source { origin, text: String::new() });
        let text = value.to_string();
        let plan = self.check(source, json::from_value(&value), Vec::new(), Format::Json)?;
        Ok(Plan { read: Read { value: Some(text), ..plan.read }, ..plan })
    }

    fn check(
        &self,
        source: Arc<Source>,
        mut root: Node,
        mut problems: Vec<Problem>,
        format: Format,
    ) -> Result<Plan, Problems> {
        let named = RefCell::new(Table::default());
        problems.extend(env::expand(&source, &mut root, |name| {
            let value = match &self.environment {
                Some(variables) => variables.get(name).cloned(),
                None => std::env::var_os(name),
            };
            if let Some(value) = &value {
                named.borrow_mut().insert(name.to_owned(), value.clone());
            }
            value
        }));
        let (plan, mut found) = check(source, &root, self.registry, &self.assumed, self.is_on_top);
        // What follows from a variable that is not set is no second problem.
        let unset: HashSet<String> = problems.iter().map(|problem| problem.path.clone()).collect();
        found.retain(|other| other.path.is_empty() || !unset.contains(&*other.path));
        let unwrapped = |problem| if format == Format::Ini { ini::unwrapped(problem) } else { problem };
        problems.extend(found.into_iter().map(unwrapped));
        for problem in &mut problems {
            problem.is_error |= self.is_strict;
        }
        match problems.iter().any(Problem::is_error) {
            true => Err(Problems { reason: Reason::Refused, problems }),
            false => {
                let read = Read { format, value: None, environment: named.into_inner() };
                Ok(Plan { warnings: problems, read, ..plan })
            }
        }
    }
}

/// What keeps a file from being read at all.
fn unreadable(origin: &str, message: String, expected: Option<&str>) -> Problems {
    let source = Arc::new(Source { origin: origin.to_owned(), text: String::new() });
    let problem = Problem::error(&source, "", None, message);
    let problem = Problem { expected: expected.map(str::to_owned), ..problem };
    Problems { reason: Reason::Unreadable, problems: vec![problem] }
}
