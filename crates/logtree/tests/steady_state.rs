//! What a record costs in memory once its callsite is known and buffers have grown: nothing.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;

const CONFIG: &str = r#"{
    "version": 1,
    "formatters": {
        "story": {"format": "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s"},
        "spans": {"format": "{asctime} {levelname:<8} {spans} {user} {took_ms!r:>12} {message}", "style": "{"}
    },
    "handlers": {
        "file": {"class": "logging.FileHandler", "filename": "/dev/null", "formatter": "story"},
        "spans": {"class": "logging.FileHandler", "filename": "/dev/null", "formatter": "spans"}
    },
    "loggers": {"quiet": {"level": "ERROR"}, "quiet.but": {"level": "DEBUG"}},
    "root": {"level": "INFO", "handlers": ["file", "spans"]}
}"#;

fn allocations(log: impl Fn()) -> u64 {
    // Callsites are met, and switched off where nobody wants them; buffers grow; the second of the time may be another one each
    // time.
    (0..50).for_each(|_| log());
    allocation_counter::measure(|| (0..100).for_each(|_| log())).count_total
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let _guard = logtree::from_str(CONFIG, logtree::Format::Json).unwrap().install().unwrap();
    let (user, status, took_ms) = ("ann", 200_u64, 1234.25);
    let with_fields = || tracing::info!(target: "my_app::http", user, status, took_ms, "request answered");
    assert_eq!(allocations(|| tracing::warn!(target: "my_app", "bare {user}")), 0);
    assert_eq!(allocations(with_fields), 0);
    assert_eq!(allocations(|| tracing::info!(target: "my_app", ?status, %user, raw = &b"x"[..], "{status:?}")), 0);
    assert_eq!(allocations(|| tracing::info!(target: "quiet", user, "refused")), 0);
    assert_eq!(allocations(|| tracing::info!("logtree.logger" = "quiet.but", "logtree.level" = 35, "elsewhere")), 0);
    let error = io::Error::from(io::ErrorKind::NotFound);
    assert_eq!(allocations(|| tracing::error!(error = &error as &dyn std::error::Error, "failed")), 0);
    let (outer, inner) = (tracing::info_span!("outer", user = "bob"), tracing::info_span!("inner", took_ms = 1_u64));
    outer.in_scope(|| inner.in_scope(|| assert_eq!(allocations(with_fields), 0)));
    assert_eq!(allocations(|| log::info!(target: "my_app::http", "answered {user} {status}")), 0);
    assert_eq!(allocations(|| log::info!(target: "my_app::http", user = user, status = status; "answered")), 0);
    assert_eq!(allocations(|| log::info!(target: "quiet", "refused")), 0);
    // A span takes its fields, in one piece, and the box in which the registry keeps what a layer has of it.
    let span = || drop(tracing::info_span!("request", user, status, took_ms).entered());
    assert_eq!(allocations(span), 200);
}

/// The thread's queue grows with what waits, which is another test's.
#[test]
fn nothing_is_allocated_in_json_inside_a_span_on_any_way_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, more: serde_json::Value| {
        let mut file = serde_json::json!({"class": "logging.FileHandler", "formatter": "json"});
        file["filename"] = directory.path().join(name).to_str().unwrap().into();
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        file
    };
    let rolling = "logging.handlers.RotatingFileHandler";
    let mut handlers = serde_json::json!({
        "file": file("file", serde_json::json!({})),
        "rolling": file("rolling", serde_json::json!({"class": rolling, "maxBytes": "1 GiB", "backupCount": 2})),
        "buffered": file("buffered", serde_json::json!({"buffering": "2 KiB"})),
        "memory": {"class": "logging.handlers.MemoryHandler", "capacity": 10, "target": "file"},
    });
    let mut names = vec!["file", "rolling", "buffered", "memory"];
    if cfg!(feature = "prefork") {
        handlers["behind"] = file("processes", serde_json::json!({}));
        handlers["processes"] = serde_json::json!({
            "class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "handlers": ["behind"],
        });
        names.push("processes");
    }
    for name in names {
        let config = serde_json::json!({
            "version": 1, "formatters": {"json": {"()": "logtree.JsonFormatter"}}, "handlers": handlers,
            "root": {"level": "INFO", "handlers": [name]},
        });
        let layer = logtree::from_value(config).unwrap().layer().unwrap();
        let guard = layer.guard();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request", id = 7, user = "ann");
            let log = || span.in_scope(|| tracing::info!(status = 200, took_ms = 1.5, "answered"));
            assert_eq!(allocations(log), 0, "{name}");
        });
        assert!(guard.flush(Duration::from_secs(60)) && guard.errors() == 0, "{name}");
    }
}
