//! Who comes from tracing-subscriber's fmt loses none of what protected the readers of the log.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use logtree::Format;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// What fmt writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// All that is a control character somewhere, and two that only look like it.
fn texts() -> impl Iterator<Item = String> {
    ('\0'..='\u{ff}').chain(['\u{2028}', '\u{202e}']).map(|char| format!("{char}[2J{char}"))
}

/// What `log` does, in a file of ours and as fmt writes it.
fn ours_and_fmts(escape: &str, log: impl Fn()) -> (String, String) {
    let (directory, written) = (tempfile::tempdir().unwrap(), Written::default());
    let path = directory.path().join("app.log");
    let config = serde_json::json!({
        "version": 1,
        "formatters": {"line": {"escape": escape}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"level": "DEBUG", "handlers": ["file"]},
    });
    let layer = logtree::from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(written.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fmt).with(layer), log);
    let theirs = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (fs::read_to_string(path).unwrap(), theirs)
}

/// The control characters that are left, but line feeds.
fn controls(text: &str) -> BTreeSet<char> {
    text.chars().filter(|char| char.is_control() && *char != '\n').collect()
}

#[test]
fn what_fmt_escapes_escape_escapes() {
    let messages = || texts().for_each(|text| tracing::info!("{text}"));
    let errors = || {
        texts().for_each(|text| {
            let error = io::Error::other(text);
            tracing::info!(error = &error as &dyn std::error::Error, "failed");
        });
    };
    for log in [&messages as &dyn Fn(), &errors] {
        let (ours, theirs) = ours_and_fmts("terminal", log);
        assert!(!controls(&theirs).contains(&'\x1b'), "fmt has this protection");
        assert!(controls(&ours).is_subset(&controls(&theirs)), "{ours:?}");
        assert_eq!(controls(&ours), BTreeSet::from(['\t']));
    }
    let (ours, theirs) = ours_and_fmts("controls", messages);
    assert_eq!(controls(&ours), BTreeSet::new());
    // The line feed makes three lines of an event there.
    assert_eq!((ours.lines().count(), theirs.split_terminator('\n').count()), (258, 260));
}

#[test]
fn fields_are_escaped_too() {
    let fields = || texts().for_each(|text| tracing::info!(display = %text, debug = ?format_args!("{text}"), "m"));
    let (ours, theirs) = ours_and_fmts("controls", fields);
    assert_eq!((controls(&ours), ours.lines().count()), (BTreeSet::new(), 258));
    assert!(controls(&theirs).contains(&'\x1b'), "fmt has it for messages and errors");
}
