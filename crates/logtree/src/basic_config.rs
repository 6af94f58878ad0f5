//! Python's `logging.basicConfig`.

use std::path::PathBuf;
use std::sync::Arc;

use logtree_core::{ArgumentError, Formatter, HandlerEntry, Level, LevelNames, StdStream, TreeBuilder};
use logtree_formatters::{Escape, FormatterConfig, Style, default_formatter};
use logtree_handlers::{
    Encoding, EncodingErrors, FileHandler, FileHandlerConfig, OpenMode, Stream, StreamHandler, StreamHandlerConfig,
};
use logtree_layer::Leaving;

use crate::builder::{self, Builder};
use crate::error::Error;
use crate::guard::{self, Guard};
use crate::install::{self, Opened};
use crate::reload;

/// One handler at the root and a format, for programs that need no more (Python's `logging.basicConfig`).
///
/// ```
/// let _guard = logtree::basic_config().level(logtree::Level::INFO).install()?;
/// tracing::info!(target: "my_app", "listening"); // INFO:my_app:listening
/// # Ok::<(), logtree::Error>(())
/// ```
pub fn basic_config() -> BasicConfig {
    BasicConfig::default()
}

/// The keyword arguments of Python's `logging.basicConfig`: what [`basic_config`] answers with.
#[derive(Debug, Default)]
#[must_use = "it does nothing until it is installed"]
pub struct BasicConfig {
    filename: Option<PathBuf>,
    filemode: OpenMode,
    format: Option<String>,
    datefmt: Option<String>,
    style: Style,
    escape: Escape,
    level: Option<Level>,
    directives: Option<String>,
    stream: Option<StdStream>,
    handlers: Option<Vec<HandlerEntry>>,
    force: bool,
    encoding: Encoding,
    errors: Option<EncodingErrors>,
}

impl BasicConfig {
    /// Writes to a file, instead of stderr.
    pub fn filename(self, filename: impl Into<PathBuf>) -> Self {
        Self { filename: Some(filename.into()), ..self }
    }

    /// How the file is opened; [`OpenMode::Append`].
    pub fn filemode(self, filemode: OpenMode) -> Self {
        Self { filemode, ..self }
    }

    /// The format; `%(levelname)s:%(name)s:%(message)s`, or the same in the style that is set.
    pub fn format(self, format: impl Into<String>) -> Self {
        Self { format: Some(format.into()), ..self }
    }

    /// How `%(asctime)s` prints, in strftime(3)'s directives.
    pub fn datefmt(self, datefmt: impl Into<String>) -> Self {
        Self { datefmt: Some(datefmt.into()), ..self }
    }

    /// In which style the format is written; [`Style::Percent`].
    pub fn style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// What becomes of control characters in what a record brings; [`Escape::None`]. Python has nothing like it.
    pub fn escape(self, escape: Escape) -> Self {
        Self { escape, ..self }
    }

    /// The level of the root; it stays as it is, which is at WARNING in the beginning.
    pub fn level(self, level: Level) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Levels of loggers in one line, on top of the root's: `info,my_app::db=debug`; none. Python has nothing like it.
    ///
    /// ```
    /// // What `tracing_subscriber::fmt::init()` looks at.
    /// let levels = std::env::var("RUST_LOG").unwrap_or_default();
    /// let _guard = logtree::basic_config().level(logtree::Level::INFO).directives(levels).install()?;
    /// # Ok::<(), logtree::Error>(())
    /// ```
    pub fn directives(self, directives: impl Into<String>) -> Self {
        Self { directives: Some(directives.into()), ..self }
    }

    /// Writes to this stream; stderr.
    pub fn stream(self, stream: StdStream) -> Self {
        Self { stream: Some(stream), ..self }
    }

    /// Handlers for the root, instead of one for a file or stream. Those that have no formatter get the format.
    pub fn handlers(self, handlers: impl IntoIterator<Item = HandlerEntry>) -> Self {
        Self { handlers: Some(handlers.into_iter().collect()), ..self }
    }

    /// Whether the root's handlers, if it has any, are closed and make way; no.
    pub fn force(self, force: bool) -> Self {
        Self { force, ..self }
    }

    /// How text becomes the bytes of the file; UTF-8.
    pub fn encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// What becomes of characters that the encoding does not have; [`EncodingErrors::BackslashReplace`].
    pub fn errors(self, errors: EncodingErrors) -> Self {
        Self { errors: Some(errors), ..self }
    }

    /// Makes it the program's logging; or, where logging is installed, gives the root what it says. That does nothing if
    /// the root has handlers, unless they are [forced](Self::force) out.
    ///
    /// # Errors
    /// CPython's, for arguments that exclude one another and formats that are none; for directives that are none; and as
    /// [`Config::install`](crate::Config::install).
    pub fn install(self) -> Result<Guard, Error> {
        let Some(installed) = guard::installed() else { return self.into_builder()?.install() };
        let (force, level) = (self.force, self.level);
        let directives = builder::parse(self.directives.as_deref().unwrap_or_default(), LevelNames::STANDARD)?;
        let is_in_the_way = |tree: &TreeBuilder| !force && !root_handlers(tree).is_empty();
        // Looked at before anything is opened, and again when it counts.
        if is_in_the_way(installed.tree.tree().source()) {
            return Ok(Guard(Arc::clone(installed)));
        }
        let Opened { tree: new, start, .. } = self.into_builder()?.open()?;
        start()?;
        let mut removed = Vec::new();
        let mut leaving = None;
        let changed = installed.tree.update(|current| {
            let mut tree = current.source().clone();
            if is_in_the_way(&tree) {
                return Err(());
            }
            leaving = Some(Leaving::new(&installed.tree, current));
            removed = std::mem::replace(&mut tree.logger_mut("").handlers, root_handlers(&new).to_vec());
            tree.handlers.retain(|entry| !removed.iter().any(|removed| Arc::ptr_eq(removed, entry)));
            tree.handlers.extend_from_slice(&new.handlers);
            tree.logger_mut("").level = level.unwrap_or(tree.logger_mut("").level);
            directives.iter().for_each(|(name, level)| tree.logger_mut(name).level = level);
            Ok(Arc::new(tree.into_tree()))
        });
        match changed {
            Ok(old) => reload::retire(&installed.tree, old, leaving, &removed),
            Err(()) => install::close(&new.handlers),
        }
        Ok(Guard(Arc::clone(installed)))
    }

    fn into_builder(self) -> Result<Builder, Error> {
        let formatter = self.formatter()?;
        let error = |message| ArgumentError::new("ValueError", message);
        let handlers = match (self.handlers, self.filename, self.stream) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return Err(error("'stream' or 'filename' should not be specified together with 'handlers'").into());
            }
            (None, Some(_), Some(_)) => {
                return Err(error("'stream' and 'filename' should not be specified together").into());
            }
            (Some(handlers), None, None) => handlers,
            (None, Some(filename), None) => {
                let file = FileHandlerConfig {
                    mode: self.filemode,
                    encoding: self.encoding,
                    errors: self.errors.unwrap_or(EncodingErrors::BackslashReplace),
                    ..FileHandlerConfig::new(filename)
                };
                vec![builder::handler("", FileHandler::new(file)?, None)]
            }
            (None, None, stream) => {
                let stream = Stream::Std(stream.unwrap_or(StdStream::Stderr));
                let config = StreamHandlerConfig { stream, ..StreamHandlerConfig::default() };
                vec![builder::handler("", StreamHandler::new(config), None)]
            }
        };
        let mut builder = builder::builder();
        let root = builder.root();
        root.level = self.level.unwrap_or(root.level);
        for mut handler in handlers {
            if Arc::ptr_eq(&handler.formatter, &default_formatter()) {
                handler.set_formatter(Arc::clone(&formatter));
            }
            root.add_handler(handler);
        }
        builder.directives(self.directives.as_deref().unwrap_or_default())?;
        Ok(builder)
    }

    fn formatter(&self) -> Result<Arc<dyn Formatter>, ArgumentError> {
        let format = self.format.clone().unwrap_or_else(|| {
            let format = match self.style {
                Style::Brace => "{levelname}:{name}:{message}",
                Style::Dollar => "${levelname}:${name}:${message}",
                _ => "%(levelname)s:%(name)s:%(message)s",
            };
            format.to_owned()
        });
        let config = FormatterConfig {
            format: Some(format),
            datefmt: self.datefmt.clone(),
            style: self.style,
            escape: self.escape,
            ..FormatterConfig::default()
        };
        config.build()
    }
}

fn root_handlers(tree: &TreeBuilder) -> &[Arc<HandlerEntry>] {
    tree.loggers.get("").map_or(&[], |root| &root.handlers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_core::with_own_record;

    use super::*;

    #[test]
    fn control_characters_are_escaped_on_demand() {
        let line = |config: BasicConfig| {
            let mut out = String::new();
            with_own_record("a", "\x1b[2J\nb", |record| config.formatter().unwrap().format(record, &mut out).unwrap());
            out
        };
        assert!(line(basic_config()).ends_with("\x1b[2J\nb"));
        assert!(line(basic_config().escape(Escape::Controls)).ends_with(":\\x1b[2J\\nb"));
    }

    #[test]
    fn directives_are_on_top_of_the_roots_level() {
        let level =
            |config: BasicConfig, name: &str| config.into_builder().map(|mut builder| builder.logger(name).level);
        let config = || basic_config().level(Level::INFO);
        assert_eq!(level(config(), "").unwrap(), Level::INFO);
        assert_eq!(level(config().directives("my_app::db=debug"), "my_app.db").unwrap(), Level::DEBUG);
        assert_eq!(level(config().directives("my_app::db=debug"), "").unwrap(), Level::INFO);
        assert_eq!(level(config().directives("error"), "").unwrap(), Level::ERROR);
        let refused = level(config().directives("error,my_app=verbose"), "").unwrap_err().to_string();
        assert!(refused.contains("the directive 'my_app=verbose' gives no level"), "{refused}");
    }
}
