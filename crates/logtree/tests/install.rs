//! A program's logging is set up once: what may come before, after, and in a child.
//!
//! A program can do that once only, so that this is one story in one process, which has one thread as far as the fork.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::path::Path;
use std::time::Duration;

use logtree::prefork::{Fork, fork};
use logtree::{Config, Format, Level, from_str};
use tracing_subscriber::layer::SubscriberExt as _;

fn config(log: &Path) -> Config {
    let text = format!(
        r#"{{
            "version": 1,
            "formatters": {{"line": {{"format": "%(processName)s %(threadName)s %(name)s %(levelname)s %(message)s"}}}},
            "handlers": {{"file": {{"class": "logging.FileHandler", "filename": {log:?}, "formatter": "line"}}}},
            "loggers": {{"my_app": {{"level": "DEBUG"}}}},
            "root": {{"level": "WARNING", "handlers": ["file"]}}
        }}"#
    );
    from_str(&text, Format::Json).unwrap()
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("app.log");

    // A config that fails changes nothing: there is no file, no subscriber, and the next one can be installed.
    let error = config(&directory.path().join("nowhere/app.log")).install().unwrap_err();
    assert!(error.to_string().contains("nowhere/app.log"), "{error}");
    assert!(!error.is_already_installed());
    assert!(!tracing::dispatcher::has_been_set());

    let guard = config(&log).install().unwrap();
    tracing::debug!(target: "my_app::db", user = "ann lee", rows = 3, "queried");
    tracing::info!("refused by the root's level");
    log::warn!(target: "other", key = 1; "from the log crate");

    let again = config(&directory.path().join("again.log")).install().unwrap_err();
    assert!(again.is_already_installed(), "{again}");
    assert!(!directory.path().join("again.log").exists());

    // In a child, logging works as it is; installing once more is well, and does nothing.
    match fork().unwrap() {
        Fork::Child => {
            tracing::warn!(target: "child", "before");
            let guard = config(&directory.path().join("child.log")).install().unwrap();
            tracing::warn!(target: "child", "after");
            let outcome = guard.flush(Duration::from_secs(5)) && !directory.path().join("child.log").exists();
            // Its destructors would remove the parent's directory.
            std::process::exit(i32::from(!outcome));
        }
        Fork::Parent(child) => {
            let (_, status) =
                rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
    }

    std::thread::Builder::new()
        .name("worker-7".into())
        .spawn(|| tracing::error!(target: "my_app", "from a thread"))
        .unwrap()
        .join()
        .unwrap();

    // What is said of all loggers holds for layers that stand too, until it is taken back.
    let layer_log = directory.path().join("layer.log");
    let subscriber = tracing_subscriber::registry().with(config(&layer_log).layer().unwrap());
    logtree::disable(Level::CRITICAL);
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("disabled");
        logtree::disable(Level::NOTSET);
        tracing::error!(target: "layer", "beside what is installed");
    });
    assert_eq!(
        std::fs::read_to_string(layer_log).unwrap(),
        "MainProcess MainThread layer ERROR beside what is installed\n"
    );

    assert!(guard.flush(Duration::from_secs(5)));
    assert_eq!(guard.errors(), 0);
    drop(guard);
    tracing::error!("after the guard");

    let expected = [
        "MainProcess MainThread my_app.db DEBUG queried user=\"ann lee\" rows=3",
        "MainProcess MainThread other WARNING from the log crate key=1",
        "MainProcess MainThread child WARNING before",
        "MainProcess MainThread child WARNING after",
        "MainProcess worker-7 my_app ERROR from a thread",
        "MainProcess MainThread install ERROR after the guard",
    ];
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().collect::<Vec<_>>(), expected);
    println!("\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
