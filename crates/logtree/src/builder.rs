//! The tree of loggers in code.

use std::sync::Arc;

use logtree_core::{
    ArgumentError, BuildError, Directives, Formatter, Handler, HandlerEntry, Level, LevelNames, Logger, Tree,
    TreeBuilder,
};

use crate::error::Error;
use crate::guard::Guard;
use crate::install::{self, Opened};
use crate::layer::TreeLayer;

/// A tree of loggers to be filled by code: whatever a config can say.
///
/// ```
/// use std::sync::Arc;
/// use logtree::formatters::FormatterConfig;
/// use logtree::handlers::{FileHandler, FileHandlerConfig};
/// use logtree::{Level, NameFilter};
///
/// # let directory = std::env::temp_dir();
/// let line = FormatterConfig { format: Some("%(asctime)s %(levelname)s %(name)s: %(message)s".into()), ..Default::default() };
/// let file = FileHandler::new(FileHandlerConfig::new(directory.join("app.log")))?;
/// let mut file = logtree::handler("file", file, Some(line.build()?));
/// file.set_level(Level::INFO);
/// file.filters.push(Arc::new(NameFilter { name: "my_app".into() }));
///
/// let mut logging = logtree::builder();
/// logging.root().set_level(Level::WARNING).add_handler(file);
/// logging.logger("my_app").set_level(Level::DEBUG);
/// logging.logger("my_app.audit").propagate(false);
/// let guard = logging.install()?;
/// # Ok::<(), logtree::Error>(())
/// ```
pub fn builder() -> Builder {
    let mut tree = Tree::builder();
    tree.logger_mut("").level = Level::WARNING;
    Builder { tree }
}

/// Binds a handler to a name and a formatter: what a config's `handlers` entry does. Without a formatter the message alone
/// is the line. Level and filters are the [`HandlerEntry`]'s.
pub fn handler(
    name: impl Into<String>,
    handler: impl Handler + 'static,
    formatter: Option<Arc<dyn Formatter>>,
) -> HandlerEntry {
    HandlerEntry::new(name, Box::new(handler), formatter.unwrap_or_else(logtree_formatters::default_formatter))
}

/// Builds the program's logging in code: what [`builder`] answers with.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is installed"]
pub struct Builder {
    tree: TreeBuilder,
}

impl Builder {
    /// The logger called `name`, in dots or colons, to be set up.
    pub fn logger(&mut self, name: &str) -> &mut Logger {
        self.tree.logger_mut(name)
    }

    /// The root logger, which is at WARNING.
    pub fn root(&mut self) -> &mut Logger {
        self.tree.logger_mut("")
    }

    /// Sets levels of loggers in one line, as a config's key `directives` does: `info,my_app::db=debug`.
    ///
    /// ```
    /// let mut logging = logtree::builder();
    /// logging.directives(&std::env::var("RUST_LOG").unwrap_or("info".into()))?;
    /// # Ok::<(), logtree::Error>(())
    /// ```
    ///
    /// # Errors
    /// If one of them is no directive; then no level is set.
    pub fn directives(&mut self, directives: &str) -> Result<&mut Self, Error> {
        for (name, level) in parse(directives, &self.tree.level_names)?.iter() {
            self.tree.logger_mut(name).level = level;
        }
        Ok(self)
    }

    /// Gives a level a name (Python's `logging.addLevelName`).
    pub fn add_level_name(&mut self, level: Level, name: &str) -> &mut Self {
        self.tree.level_names.add(level, name);
        self
    }

    /// Makes this the program's logging, as [`Config::install`](crate::Config::install) does.
    ///
    /// # Errors
    /// As there.
    pub fn install(self) -> Result<Guard, Error> {
        install::install(Box::new(|| self.open()))
    }

    /// A layer that stands beside others, as [`Config::layer`](crate::Config::layer) gives it.
    ///
    /// # Errors
    /// As there.
    pub fn layer(self) -> Result<TreeLayer, Error> {
        install::layer(Box::new(|| self.open()))
    }

    /// The logger tree itself, as [`Config::tree`](crate::Config::tree) gives it.
    ///
    /// # Errors
    /// As there.
    pub fn tree(self) -> Result<Arc<Tree>, Error> {
        install::tree(Box::new(|| self.open()))
    }

    /// Opens the handlers. From here on all of them have names, as those of a config have.
    pub(crate) fn open(mut self) -> Result<Opened, Error> {
        self.tree.handlers = self.tree.all_handlers();
        let handlers = self.tree.handlers.clone();
        each(&handlers, |entry| entry.handler.open())?;
        let start = Box::new(move || each(&handlers, |entry| entry.handler.start()));
        Ok(Opened { tree: self.tree, start, origin: None })
    }
}

/// Reads directives, with the names of levels that the tree has.
pub(crate) fn parse(directives: &str, names: &LevelNames) -> Result<Directives, ArgumentError> {
    Directives::parse(directives, names).map_err(|bad| {
        let messages: Vec<String> = bad.into_iter().map(|bad| bad.message).collect();
        ArgumentError::new("ValueError", messages.join("; ")).at("directives")
    })
}

/// Opens or starts handlers, all of them or none.
fn each(handlers: &[Arc<HandlerEntry>], act: fn(&HandlerEntry) -> Result<(), BuildError>) -> Result<(), Error> {
    for entry in handlers {
        if let Err(error) = act(entry) {
            install::close(handlers);
            return Err(Error::handler(&entry.name, error));
        }
    }
    Ok(())
}
