//! From a config to a program's logging.

use std::path::Path;
use std::sync::Arc;

use logtree_core::{Registry, Tree};
use logtree_dictconfig::{Format, Plan, Problem};

use crate::error::Error;
use crate::guard::Guard;
use crate::install::{self, Opened};
use crate::layer::TreeLayer;
use crate::registry::registry;
use crate::reload::FileOrigin;
use crate::sharing::{Age, Sharing};

/// Reads and checks a config file. Its extension tells the format: `json`, `yaml` or `yml`, `toml`, and `ini`, `conf` or
/// `cfg` for that of Python's `fileConfig`; any other is JSON.
///
/// # Errors
/// If the file cannot be read, or is not a config: every problem of it, each with its place in the text.
pub fn from_file(path: impl AsRef<Path>) -> Result<Config, Error> {
    Config::load(path, &registry())
}

/// Checks a config that is text.
///
/// # Errors
/// As [`from_file`].
pub fn from_str(text: &str, format: Format) -> Result<Config, Error> {
    Config::parse(text, format, &registry())
}

/// Checks a config that is a value; its problems have paths, but no lines.
///
/// # Errors
/// As [`from_file`].
pub fn from_value(value: serde_json::Value) -> Result<Config, Error> {
    let registry = registry();
    let plan = logtree_dictconfig::Config::new(&registry).on_top(true).parse_value(value, "config")?;
    let sharing = Sharing::new(&plan, "config", Age::of_program(), &registry);
    Ok(Config { plan, origin: None, sharing })
}

/// A config that was checked. Nothing of it is open yet.
///
/// A program that has classes of its own registers them first:
///
/// ```
/// use std::sync::Arc;
/// use logtree::{Config, Filter, Format, Record, Verdict};
///
/// struct NoHealthChecks;
/// impl Filter for NoHealthChecks {
///     fn filter(&self, record: &Record<'_>) -> Verdict {
///         (!record.message.contains("/health")).into()
///     }
/// }
///
/// let mut registry = logtree::registry();
/// registry.filter("my_app.NoHealthChecks", |kwargs| {
///     kwargs.finish()?;
///     Ok(Arc::new(NoHealthChecks))
/// });
/// let text = r#"{
///     "version": 1,
///     "filters": {"quiet": {"()": "my_app.NoHealthChecks"}},
///     "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["quiet"]}},
///     "root": {"level": "INFO", "handlers": ["console"]}
/// }"#;
/// let config = Config::parse(text, Format::Json, &registry)?;
/// # let _ = config;
/// # Ok::<(), logtree::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a config does nothing until it is installed"]
pub struct Config {
    plan: Plan,
    /// The file that it was read from.
    origin: Option<FileOrigin>,
    sharing: Sharing,
}

impl Config {
    /// [`from_file`] with classes of the program's own.
    ///
    /// # Errors
    /// As [`from_file`].
    pub fn load(path: impl AsRef<Path>, registry: &Registry) -> Result<Self, Error> {
        Self::load_path(path.as_ref(), registry)
    }

    fn load_path(path: &Path, registry: &Registry) -> Result<Self, Error> {
        // Before it is read: it may change meanwhile.
        let origin = FileOrigin::new(path, registry);
        let age = Age::of_file(origin.path());
        let plan = logtree_dictconfig::Config::new(registry).on_top(true).load(path)?;
        let sharing = Sharing::new(&plan, &path.display().to_string(), age, registry);
        Ok(Self { plan, origin: Some(origin), sharing })
    }

    /// [`from_str`] with classes of the program's own.
    ///
    /// # Errors
    /// As [`from_file`].
    pub fn parse(text: &str, format: Format, registry: &Registry) -> Result<Self, Error> {
        let plan = logtree_dictconfig::Config::new(registry).on_top(true).parse(text, format, "config")?;
        let sharing = Sharing::new(&plan, "config", Age::of_program(), registry);
        Ok(Self { plan, origin: None, sharing })
    }

    /// What Python would have swallowed silently: unknown keys, a truthy `"false"`, and the like.
    pub fn warnings(&self) -> &[Problem] {
        self.plan.warnings()
    }

    /// Makes this the program's logging: opens and starts the handlers, and takes every event of `tracing` and every
    /// record of the `log` crate.
    ///
    /// Nothing else subscribes to `tracing` then, so that a callsite that no handler wants costs what `tracing` itself
    /// takes for a callsite that is off. The guard flushes when it is dropped: bind it in `main`.
    ///
    /// # Errors
    /// If a handler will not open or start (then nothing is changed), or the program has a subscriber already
    /// ([`Error::is_already_installed`]). In a child that was forked after its parent installed, logging works as it is,
    /// and the guard is that of what is installed.
    pub fn install(self) -> Result<Guard, Error> {
        install::install(Box::new(|| self.open()))
    }

    /// A layer that stands beside others; the handlers are open and running from here on.
    ///
    /// It never switches a callsite off for its neighbours. There may be many in one process, under `with_default` too. All
    /// that the guard of an [install](Self::install) does, [`TreeLayer::guard`] does for it. What differs: no warning goes to
    /// stderr for want of a handler, and records of the `log` crate come by `tracing_log::LogTracer`, or, with their key-values,
    /// by `logtree::log_as_events`.
    ///
    /// # Errors
    /// If a handler will not open or start; then nothing is changed.
    pub fn layer(self) -> Result<TreeLayer, Error> {
        install::layer(Box::new(|| self.open()))
    }

    /// The logger tree itself, its handlers open and running, for records that are not `tracing`'s. As under
    /// [`install`](Self::install), a warning that meets no handler goes to stderr.
    ///
    /// ```
    /// use logtree::{Callsite, Direct, Format, Level, Origin, Record, Timestamp};
    ///
    /// let tree = logtree::from_str(r#"{"version": 1}"#, Format::Json)?.tree()?;
    /// let (callsite, origin) = (Callsite { name: "my_app.db".into(), ..Callsite::default() }, Origin::default());
    /// let record = Record::new(&callsite, &origin, Level::WARNING, Timestamp::now(), "made by hand");
    /// let route = tree.find(record.name);
    /// if route.is_enabled_for(record.level) {
    ///     route.handle(&record, &mut Direct);
    /// }
    /// # Ok::<(), logtree::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a handler will not open or start; then nothing is changed.
    pub fn tree(self) -> Result<Arc<Tree>, Error> {
        install::tree(Box::new(|| self.open()))
    }

    /// Makes the handlers and opens them.
    pub(crate) fn open(self) -> Result<Opened, Error> {
        let Self { plan, origin, sharing } = self;
        let opened = sharing.run(|| plan.open())?;
        let tree = opened.tree();
        let start = Box::new(move || sharing.run(|| opened.start()).map(drop).map_err(Error::from));
        Ok(Opened { tree, start, origin })
    }

    /// The program was told to go on with it.
    pub(crate) fn in_force_now(self) -> Self {
        Self { sharing: self.sharing.in_force_now(), ..self }
    }

    pub(crate) fn into_parts(self) -> (Plan, Sharing) {
        (self.plan, self.sharing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is read in one task and applied in another, or after an `.await` of one that any thread may go on with.
    #[test]
    fn a_checked_config_may_go_to_another_thread() {
        fn assert_send<T: Send>() {}
        assert_send::<Config>();
    }
}
