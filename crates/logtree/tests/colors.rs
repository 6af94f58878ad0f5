//! Colours belong to the formatter that was asked for them: none reaches what another one writes of the same record.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use logtree::{Format, from_str};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

/// The text without what tells a terminal its colours.
fn without_colors(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn what_a_coloured_line_shows_a_plain_one_shows_without_colours() {
    let format = "%(levelname)s %(asctime)s [%(spans)s] %(user)s %(late)s %(message)s";
    let coloured = format.replace("%(levelname)s", "%(log_color)s%(levelname)s%(reset)s");
    for order in [["coloured", "plain", "json"], ["json", "plain", "coloured"]] {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let handlers: serde_json::Map<String, Value> = order
            .iter()
            .map(|name| {
                let class = "logging.FileHandler";
                ((*name).to_owned(), json!({"class": class, "filename": path(name), "formatter": name}))
            })
            .collect();
        let config = json!({
            "version": 1,
            "formatters": {
                "coloured": {"()": "colorlog.ColoredFormatter", "format": coloured, "force_color": true,
                             "datefmt": "\x1b[2m%H:%M:%S\x1b[0m"},
                "plain": {"format": format, "datefmt": "%H:%M:%S"},
                "json": {"()": "pythonjsonlogger.json.JsonFormatter", "format": format, "datefmt": "%H:%M:%S"},
            },
            "handlers": handlers,
            "root": {"level": "INFO", "handlers": order},
        });
        let layer = from_str(&config.to_string(), Format::Json).unwrap().layer().unwrap();
        let guard = layer.guard();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request", user = "ann", late = tracing::field::Empty).entered();
            tracing::info!("asked");
            span.record("late", "a name");
            tracing::warn!(rows = 3, "answered");
        });
        assert!(guard.flush(std::time::Duration::from_secs(60)));
        let [coloured, plain, json] =
            ["coloured", "plain", "json"].map(|name| std::fs::read_to_string(path(name)).unwrap());
        assert_eq!(coloured.matches("\x1b[2m").count(), 2, "{coloured:?}");
        assert!(coloured.matches('\x1b').count() > 4, "{coloured:?}");
        assert_eq!(plain, without_colors(&coloured));
        assert!(plain.contains("ann a name answered rows=3"), "{plain}");
        let users = json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["user"].clone());
        assert_eq!(users.collect::<Vec<_>>(), ["ann", "ann"]);
        assert!(!json.contains("\\u001b") && !json.contains('\x1b'), "{json}");
    }
}
