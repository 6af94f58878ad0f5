//! Panics are logged, with their own place, and go on as they would have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::process::Command;

use logtree::Format;
use serde_json::json;

fn main() {
    if let Some(path) = std::env::args().nth(1) {
        return panic_there(&path);
    }
    let directory = tempfile::tempdir().unwrap();
    for (with_backtrace, name) in [("0", "without.log"), ("1", "with.log")] {
        let path = directory.path().join(name);
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).arg(&path).env("RUST_BACKTRACE", with_backtrace).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(101), "{stderr}");
        // The hook of before is called too.
        assert!(stderr.contains("a gasket is gone") && stderr.contains("no message at all"), "{stderr}");

        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let expected = [
            format!("CRITICAL panic panics.rs:{} boiler a gasket is gone: 3", line_of("panic!(\"a gasket")),
            format!("CRITICAL panic panics.rs:{} MainThread a panic without a message", line_of("panic_any(7)")),
            format!("CRITICAL panic panics.rs:{} MainThread no message at all", line_of("panic!(\"no message")),
        ];
        for expected in expected {
            let line = lines.find(|line| line.starts_with("CRITICAL")).unwrap();
            assert!(line.starts_with(&expected), "{line} is not {expected}");
            assert_eq!(line.contains(" backtrace="), with_backtrace == "1", "{line}");
        }
        assert_eq!(lines.find(|line| line.starts_with("CRITICAL")), None);
    }
    println!("panics: ok");
}

/// The line of this file on which something stands below all that looks for it.
fn line_of(code: &str) -> usize {
    let lines: Vec<&str> = include_str!("panics.rs").lines().collect();
    1 + lines.iter().rposition(|line| line.contains(code)).unwrap()
}

fn panic_there(path: &str) {
    let config = json!({
        "version": 1,
        "formatters": {"line": {"format": "%(levelname)s %(name)s %(filename)s:%(lineno)d %(threadName)s %(message)s"}},
        "handlers": {"file": {"class": "logging.FileHandler", "filename": path, "formatter": "line"}},
        "root": {"handlers": ["file"]},
    });
    logtree::log_panics();
    let _guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    let gaskets = 3;
    let boiler = std::thread::Builder::new().name("boiler".into());
    assert!(boiler.spawn(move || panic!("a gasket is gone: {gaskets}")).unwrap().join().is_err());
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(7));
    panic!("no message at all");
}
