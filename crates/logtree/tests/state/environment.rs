//! Levels from the environment, on top of a config that is installed, read again and applied.

use std::fs;
use std::time::Duration;

use logtree::{Level, explain, from_file};

use crate::Life;
use crate::child::lines;

pub(crate) const LIVES: &[Life] =
    &[("environment::levels_of_a_variable_hold_whatever_is_read", levels_of_a_variable_hold_whatever_is_read)];

/// Of a variable that cargo sets for tests, to the name of this crate: a directive for everything of `logtree`.
fn levels_of_a_variable_hold_whatever_is_read() {
    if std::env::var("CARGO_PKG_NAME").as_deref() != Ok("logtree") {
        println!("skipped: cargo has not set CARGO_PKG_NAME");
        return;
    }
    let config = |level: &str| {
        let text = r#"{"version": 1, "env_levels": "CARGO_PKG_NAME", "handlers": {
            "file": {"class": "logging.FileHandler", "filename": "a.log"}}, "root": {"level": "LEVEL", "handlers": ["file"]}}"#;
        fs::write("logging.json", text.replace("LEVEL", level)).unwrap();
    };
    let log = |what: &str| {
        tracing::debug!(target: "logtree::state", "{what}");
        tracing::info!(target: "elsewhere", "{what}, elsewhere");
    };
    config("ERROR");
    let guard = from_file("logging.json").unwrap().install().unwrap();
    log("installed");
    assert!(explain("logtree.state", Level::DEBUG).unwrap().to_string().contains("+ level TRACE of logtree"));
    guard.set_level("logtree", Level::ERROR);
    log("set");
    config("INFO");
    guard.reload().unwrap();
    log("read again");
    guard.set_level("logtree", Level::ERROR);
    fs::write("on_top.json", r#"{"version": 1, "incremental": true, "env_levels": "CARGO_PKG_NAME"}"#).unwrap();
    guard.apply(from_file("on_top.json").unwrap()).unwrap();
    log("applied");
    assert!(guard.flush(Duration::from_secs(5)));
    assert_eq!(lines("a.log"), ["installed", "read again", "read again, elsewhere", "applied", "applied, elsewhere"]);
}
