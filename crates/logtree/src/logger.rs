//! Loggers by name, and what is the same for all of them.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use logtree_core::{Explanation, Level, Value, logger_name};
use logtree_layer::TreeHandle;
use logtree_os::{ForkLock, ForkReset};

use crate::{guard, layer, reload};

/// What [`disable`] was given last.
static DISABLED: AtomicI32 = AtomicI32::new(0);

/// The names that were asked for: loggers that a later config may disable.
static NAMES: ForkLock<Names> = ForkLock::new(Names(BTreeSet::new()));

struct Names(BTreeSet<Arc<str>>);

impl ForkReset for Names {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(BTreeSet::new())
    }
}

/// The names of loggers that code has asked for.
pub(crate) fn names() -> BTreeSet<Arc<str>> {
    NAMES.lock().0.clone()
}

/// What nothing at or below of is logged.
pub(crate) fn disabled() -> Level {
    Level(DISABLED.load(Ordering::Relaxed))
}

/// Calls `use_it` with each tree that takes what the calling thread logs and is no event: those of the layers of its subscriber,
/// as with its events; if there are none, what is installed.
pub(crate) fn each_tree(mut use_it: impl FnMut(&TreeHandle)) {
    layer::with_current(|layer| match layer {
        Some(layer) => layer.trees().for_each(use_it),
        None => guard::installed().into_iter().for_each(|installed| use_it(&installed.tree)),
    });
}

/// Nothing at or below `level` is logged any more, by any logger (Python's `logging.disable`). [`Level::NOTSET`] undoes it.
///
/// It holds for what is or will be installed, and for all layers; whatever config is applied later.
///
/// ```
/// use logtree::Level;
///
/// logtree::disable(Level::INFO);
/// assert!(!logtree::get_logger("my_app").is_enabled_for(Level::INFO));
/// logtree::disable(Level::NOTSET);
/// ```
pub fn disable(level: Level) {
    DISABLED.store(level.0, Ordering::Relaxed);
    guard::all().iter().for_each(|guarded| set_disabled(&guarded.tree));
}

/// What a record of the logger called `name`, in dots or colons, would pass at this level as things stand, and why it
/// stops: by the very tree that its record would take, the topmost [layer](crate::Config::layer)'s of the calling thread's
/// subscriber, else that which is [installed](crate::Config::install). `None` as long as there is neither.
///
/// It prints as text:
///
/// ```text
/// my_app.db.pool at INFO
///   . no logger my_app.db.pool: it goes as one below my_app.db
///   + level INFO of my_app
///   + handler queue of my_app.db -> queue.Queue
///     + handler file -> /var/log/my_app.log
///   - propagate is false on my_app.db: the handlers of root are not asked
/// it reaches queue, file
/// ```
///
/// Events that `tracing`'s features took out of the build (`max_level_info` and the like), or `log`'s out of that, are in no
/// tree: `tracing::level_filters::STATIC_MAX_LEVEL` and `log::STATIC_MAX_LEVEL` say which, and no config brings them back.
///
/// Of any other tree, [`Tree::explain`](crate::Tree::explain) tells.
///
/// ```no_run
/// use logtree::{Level, explain};
///
/// let _guard = logtree::from_file("logging.json")?.install()?;
/// let explanation = explain("my_app::db::pool", Level::INFO).expect("it is installed");
/// eprintln!("{explanation}");
/// assert!(explanation.reached().iter().any(|(handler, _)| *handler == "file"));
/// # Ok::<(), logtree::Error>(())
/// ```
pub fn explain(name: &str, level: Level) -> Option<Explanation> {
    let tree = layer::with_current(|layer| match layer {
        Some(layer) => Some(layer.tree()),
        None => guard::installed().map(|installed| installed.tree.tree()),
    });
    Some(tree?.explain(name, level))
}

/// Brings the tree in line with what was given last, whoever gave it.
pub(crate) fn set_disabled(tree: &TreeHandle) {
    // Whether there is anything to do is asked where changes wait for one another: else one that is being made with what was
    // given before would be the last.
    let old = tree.update(|current| match disabled() {
        disable if current.source().disable == disable => Err(()),
        disable => Ok(Arc::new(current.source().clone().disable(disable).build())),
    });
    drop(old);
}

/// The logger called `name`, in dots or colons, for names that are known only at run time; `""` and `"root"` are the root.
///
/// Its records pass levels, filters, `propagate` and handlers as events of that target do. Python's rule for a second
/// config that [disables existing loggers](crate::Guard::apply) holds for it from now on.
///
/// ```
/// use logtree::{Level, get_logger};
///
/// let tenant = "acme";
/// let logger = get_logger(&format!("my_app.tenants.{tenant}"));
/// logger.info(format_args!("{} rows imported", 3));
/// logger.log(Level::INFO, "done", &[("source", "s3".into()), ("seconds", 1.5.into())]);
/// ```
pub fn get_logger(name: &str) -> LoggerHandle {
    let name: Arc<str> = logger_name(name).into();
    let mut names = NAMES.lock();
    match names.0.get(&name) {
        Some(known) => LoggerHandle { name: Arc::clone(known) },
        None => {
            names.0.insert(Arc::clone(&name));
            LoggerHandle { name }
        }
    }
}

/// A logger by its name: what [`get_logger`] answers with.
///
/// What it logs goes where the calling thread's events go, if that is to one [layer](crate::Config::layer) or several put `with`
/// one another, but not to layers of others, nor through a layer's own `with_filter`; else to what is
/// [installed](crate::Config::install). As long as there is neither, nothing is enabled for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggerHandle {
    name: Arc<str>,
}

impl LoggerHandle {
    /// The name with dots; `root` for the root.
    pub fn name(&self) -> &str {
        if self.name.is_empty() { "root" } else { &self.name }
    }

    /// Whether a record of this level would be made at all (Python's `isEnabledFor`).
    pub fn is_enabled_for(&self, level: Level) -> bool {
        let mut is_enabled = false;
        each_tree(|tree| {
            let tree = tree.tree();
            is_enabled |= tree.route(tree.route_index(&self.name)).is_enabled_for(level);
        });
        is_enabled
    }

    /// Logs a message with fields. Where nobody wants the record, the message is not formatted.
    #[track_caller]
    pub fn log(&self, level: Level, message: impl fmt::Display, fields: &[(&str, Value<'_>)]) {
        let caller = Location::caller();
        each_tree(|tree| tree.log(&self.name, level, &message, fields, caller));
    }

    /// Logs a message at DEBUG (Python's `Logger.debug`).
    #[track_caller]
    pub fn debug(&self, message: impl fmt::Display) {
        self.log(Level::DEBUG, message, &[]);
    }

    /// Logs a message at INFO (Python's `Logger.info`).
    #[track_caller]
    pub fn info(&self, message: impl fmt::Display) {
        self.log(Level::INFO, message, &[]);
    }

    /// Logs a message at WARNING (Python's `Logger.warning`).
    #[track_caller]
    pub fn warning(&self, message: impl fmt::Display) {
        self.log(Level::WARNING, message, &[]);
    }

    /// Logs a message at ERROR (Python's `Logger.error`).
    #[track_caller]
    pub fn error(&self, message: impl fmt::Display) {
        self.log(Level::ERROR, message, &[]);
    }

    /// Logs a message at CRITICAL (Python's `Logger.critical`).
    #[track_caller]
    pub fn critical(&self, message: impl fmt::Display) {
        self.log(Level::CRITICAL, message, &[]);
    }

    /// Sets the level of the logger (Python's `setLevel`); [`Level::NOTSET`] asks the parent. Without logging
    /// nothing comes of it.
    pub fn set_level(&self, level: Level) {
        each_tree(|tree| reload::set_level(tree, &self.name, level));
    }
}

/// Logs at Python's level CRITICAL, which `tracing` does not have: as [`tracing::error!`] is called, and as an event of its
/// level ERROR for other layers.
///
/// ```
/// logtree::critical!(code = 3, "the disk {} is gone", "sdb");
/// logtree::critical!(target: "my_app::disks", "no disk is left");
/// ```
#[macro_export]
macro_rules! critical {
    (target: $target:expr, parent: $parent:expr, $($arguments:tt)+) => {
        $crate::__tracing::event!(
            target: $target, parent: $parent, $crate::__tracing::Level::ERROR, logtree.level = 50, $($arguments)+
        )
    };
    (parent: $parent:expr, $($arguments:tt)+) => {
        $crate::__tracing::event!(parent: $parent, $crate::__tracing::Level::ERROR, logtree.level = 50, $($arguments)+)
    };
    (target: $target:expr, $($arguments:tt)+) => {
        $crate::__tracing::event!(target: $target, $crate::__tracing::Level::ERROR, logtree.level = 50, $($arguments)+)
    };
    ($($arguments:tt)+) => {
        $crate::__tracing::event!($crate::__tracing::Level::ERROR, logtree.level = 50, $($arguments)+)
    };
}
