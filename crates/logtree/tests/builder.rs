//! What a config says, code says too: the same tree, built both ways, does the same with the same events.
//!
//! What configs do is held against CPython elsewhere; here the builder is held against them.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree::formatters::{FormatterConfig, Style};
use logtree::handlers::{
    EncodingErrors, FileHandler, FileHandlerConfig, MemoryHandler, MemoryHandlerConfig, NullHandler, OpenMode,
    RotatingFileHandler, RotatingFileHandlerConfig,
};
use logtree::{Argument, Builder, Error, Format, Formatter, Level, NameFilter, TreeLayer, builder, from_str, handler};
use tracing_subscriber::layer::SubscriberExt as _;

/// The tree by a config; its files stand in `directory`.
fn by_config(directory: &Path) -> Result<TreeLayer, Error> {
    let text = r#"{
        "version": 1,
        "levels": {"NOTICE": 25},
        "filters": {"db": {"name": "app.db"}, "app": {"name": "app"}},
        "formatters": {
            "percent": {"format": "%(levelname)-8s %(name)s %(message)s"},
            "brace": {"format": "{levelno:>4} {message} {user} {region}", "style": "{", "defaults": {"region": "eu"}},
            "dollar": {"format": "$levelname $message", "style": "$"}
        },
        "handlers": {
            "plain": {"class": "logging.FileHandler", "filename": "DIR/plain.log", "formatter": "percent"},
            "ascii": {"class": "logging.FileHandler", "filename": "DIR/ascii.log", "mode": "w", "encoding": "ascii",
                      "errors": "xmlcharrefreplace", "delay": true, "level": "NOTICE", "filters": ["db"],
                      "formatter": "brace"},
            "rolling": {"class": "logging.handlers.RotatingFileHandler", "filename": "DIR/rolling.log",
                        "maxBytes": 100, "backupCount": 2, "formatter": "dollar"},
            "held": {"class": "logging.handlers.MemoryHandler", "capacity": 3, "flushLevel": "CRITICAL",
                     "target": "rolling", "level": "INFO"},
            "null": {"class": "logging.NullHandler"}
        },
        "loggers": {
            "app": {"level": "DEBUG", "handlers": ["plain", "held"]},
            "app.db": {"handlers": ["ascii"], "filters": ["app"]},
            "app.quiet": {"level": "ERROR"},
            "app.alone": {"handlers": ["null"], "propagate": false},
            "other": {"filters": ["db"]}
        },
        "root": {"level": "NOTICE", "handlers": ["plain"]}
    }"#;
    from_str(&text.replace("DIR", directory.to_str().unwrap()), Format::Json)?.layer()
}

fn formatter(style: Style, format: &str) -> Result<Arc<dyn Formatter>, Error> {
    let defaults = vec![("region".to_owned(), Argument::Str("eu".to_owned()))];
    Ok(FormatterConfig { format: Some(format.to_owned()), style, defaults, ..FormatterConfig::default() }.build()?)
}

/// The same in code.
fn by_code(directory: &Path) -> Result<TreeLayer, Error> {
    let mut logging: Builder = builder();
    let percent = formatter(Style::Percent, "%(levelname)-8s %(name)s %(message)s")?;
    let plain = FileHandler::new(FileHandlerConfig::new(directory.join("plain.log")))?;
    let plain = Arc::new(handler("plain", plain, Some(percent)));
    let brace = formatter(Style::Brace, "{levelno:>4} {message} {user} {region}")?;
    let ascii = FileHandler::new(FileHandlerConfig {
        mode: OpenMode::Truncate,
        encoding: "ascii".parse()?,
        errors: EncodingErrors::XmlCharRefReplace,
        delay: true,
        ..FileHandlerConfig::new(directory.join("ascii.log"))
    })?;
    let mut ascii = handler("ascii", ascii, Some(brace));
    ascii.set_level(Level(25));
    ascii.filters.push(Arc::new(NameFilter { name: "app.db".into() }));
    let rolling = RotatingFileHandlerConfig::new(directory.join("rolling.log"));
    let rolling = RotatingFileHandlerConfig { max_bytes: 100, backup_count: 2, ..rolling };
    let rolling = RotatingFileHandler::new(rolling)?;
    let rolling = Arc::new(handler("rolling", rolling, Some(formatter(Style::Dollar, "$levelname $message")?)));
    let held = MemoryHandlerConfig { flush_level: Level::CRITICAL.into(), ..MemoryHandlerConfig::new(3) };
    let held = handler("held", MemoryHandler::new(held, Some(rolling)), None);
    held.set_level(Level::INFO);

    logging.add_level_name(Level(25), "NOTICE");
    logging.logger("app").set_level(Level::DEBUG).add_handler(Arc::clone(&plain)).add_handler(held);
    let app = Arc::new(NameFilter { name: "app".into() });
    logging.logger("app::db").add_handler(ascii).add_filter(app);
    logging.logger("app.quiet").set_level(Level::ERROR);
    logging.logger("app.alone").add_handler(handler("null", NullHandler, None)).propagate(false);
    logging.logger("other").add_filter(Arc::new(NameFilter { name: "app.db".into() }));
    logging.root().set_level(Level(25)).add_handler(plain);
    logging.layer()
}

/// What stands in the files of a tree that has seen some events.
fn files(make: impl Fn(&Path) -> Result<TreeLayer, Error>) -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ascii.log"), "of an earlier run\n").unwrap();
    let layer = make(directory.path()).unwrap();
    let tree = layer.tree();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let names = ["", "app", "app.db", "app.db.pool", "app.quiet", "app.alone", "app.alone.below", "other", "else"];
        for (number, name) in names.into_iter().cycle().take(60).enumerate() {
            let level = [5, 10, 20, 25, 30, 40, 50][number % 7];
            tracing::error!(logtree.logger = name, logtree.level = level, user = "josé", "event {number}");
        }
    });
    assert!(tree.flush(Instant::now() + Duration::from_secs(60)));
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(read).collect();
    files.sort();
    files
}

#[test]
fn code_says_what_a_config_says() {
    let by_config = files(by_config);
    let names: Vec<&str> = by_config.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ascii.log", "plain.log", "rolling.log", "rolling.log.1", "rolling.log.2"]);
    assert!(by_config.iter().all(|(_, text)| !text.is_empty()), "{by_config:?}");
    assert_eq!(files(by_code), by_config);
}
