//! From a config to a program's logging.

use std::path::Path;
use std::sync::Arc;

use logtree_core::{HandlerEntry, Level, Registry, Tree};
use logtree_dictconfig::{Format, Plan, Problem};
use logtree_handlers::{StreamHandler, StreamHandlerConfig};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::error::Error;
use crate::guard::{self, Guard};
use crate::registry::registry;

/// Reads and checks a config file; its format goes by the extension.
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
    let plan = logtree_dictconfig::Config::new(&registry()).parse_value(value, "config")?;
    Ok(Config { plan })
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
}

impl Config {
    /// [`from_file`] with classes of the program's own.
    ///
    /// # Errors
    /// As [`from_file`].
    pub fn load(path: impl AsRef<Path>, registry: &Registry) -> Result<Self, Error> {
        Ok(Self { plan: logtree_dictconfig::Config::new(registry).load(path)? })
    }

    /// [`from_str`] with classes of the program's own.
    ///
    /// # Errors
    /// As [`from_file`].
    pub fn parse(text: &str, format: Format, registry: &Registry) -> Result<Self, Error> {
        Ok(Self { plan: logtree_dictconfig::Config::new(registry).parse(text, format, "config")? })
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
        let installing = match guard::begin_install()? {
            guard::Install::New(installing) => installing,
            guard::Install::Inherited(guard) => return Ok(guard),
        };
        // Asked before anything is opened; that another one comes meanwhile is caught below.
        if tracing::dispatcher::has_been_set() {
            return Err(Error::already_installed());
        }
        #[cfg(target_os = "linux")]
        crate::report::to_stderr();
        let opened = self.plan.open()?;
        let mut tree = opened.tree();
        tree.last_resort(last_resort());
        let tree = Arc::new(tree.build());
        #[cfg(all(feature = "prefork", target_os = "linux"))]
        let _starting = crate::listening::Starting::new(&tree);
        let built = opened.start()?;
        match subscribe(&tree) {
            Ok(handle) => Ok(installing.done(handle)),
            Err(error) => {
                built.close();
                Err(error)
            }
        }
    }

    /// A layer that stands beside others; the handlers are open and running from here on.
    ///
    /// It never switches a callsite off for its neighbours. There may be many in one process. Flush with the tree of
    /// [`TreeLayer::handle`].
    ///
    /// # Errors
    /// If a handler will not open or start; then nothing is changed.
    pub fn layer<S>(self) -> Result<TreeLayer<S>, Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        Ok(TreeLayer::new(Arc::new(self.plan.build()?.tree().build()), Mode::Shared))
    }

    /// The logger tree itself, its handlers open and running, for records that are not `tracing`'s. As under
    /// [`install`](Self::install), a warning that meets no handler goes to stderr.
    ///
    /// # Errors
    /// If a handler will not open or start; then nothing is changed.
    pub fn tree(self) -> Result<Arc<Tree>, Error> {
        #[cfg(target_os = "linux")]
        crate::report::to_stderr();
        let mut tree = self.plan.build()?.tree();
        tree.last_resort(last_resort());
        Ok(Arc::new(tree.build()))
    }
}

/// Makes a tree the destination of all that this process logs.
pub(crate) fn subscribe(tree: &Arc<Tree>) -> Result<TreeHandle, Error> {
    let layer = TreeLayer::new(Arc::clone(tree), Mode::Exclusive);
    let handle = layer.handle();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::already_installed())?;
    #[cfg(feature = "log")]
    // A program that has set a logger of its own keeps it; its records then do not come here.
    let _ = logtree_layer::LogRecords::install(handle.clone());
    Ok(handle)
}

/// Python's `logging.lastResort`: the bare message of a warning that met no handler, to stderr.
fn last_resort() -> Arc<HandlerEntry> {
    // As Python's, the default stream is stderr.
    let stderr = StreamHandler::new(StreamHandlerConfig::default());
    let entry = HandlerEntry::new("lastResort", Box::new(stderr), logtree_formatters::default_formatter());
    entry.set_level(Level::WARNING);
    Arc::new(entry)
}
