//! Records of the `log` crate.

use logtree_core::Level;
use logtree_layer::{LogRecords, Mode, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry, tree};

/// One test, since a program has one logger of the `log` crate.
#[test]
fn they_keep_target_place_key_values_and_spans() {
    let seen = Remember::default();
    let levels = [("root", Level::WARNING), ("my_app", Level::DEBUG)];
    let layer = TreeLayer::new(tree(&entry(seen.clone()), &levels), Mode::Exclusive);
    LogRecords::install(layer.handle()).unwrap();
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        let span = tracing::info_span!("request", id = 7);
        let _span = span.enter();
        let line = line!() + 1;
        log::debug!(target: "my_app::db", count = 3, ratio = 0.5, name = "x"; "queried {}", "users");
        log::info!(target: "elsewhere", "refused");
        let seen = seen.one();
        assert_eq!(
            (seen.name.as_str(), seen.level, seen.message.as_str()),
            ("my_app.db", Level::DEBUG, "queried users")
        );
        assert_eq!(seen.fields, ["count=I64(3)", "ratio=F64(0.5)", "name=Str(\"x\")"]);
        assert_eq!(seen.spans, ["request"]);
        assert_eq!(seen.place, (file!().to_owned(), "log_records".to_owned(), line));
        assert_eq!(seen.paths, ["my_app::db", module_path!()]);
        assert_eq!(log::max_level(), log::LevelFilter::Debug);
        assert!(!log::log_enabled!(target: "elsewhere", log::Level::Info));
    });
}

#[test]
fn events_of_tracing_log_are_taken_for_what_they_were() {
    let seen = Remember::default();
    let layer = TreeLayer::new(tree(&entry(seen.clone()), &[("root", Level::INFO)]), Mode::Shared);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        let record = log::Record::builder()
            .target("my_app::db")
            .level(log::Level::Warn)
            .file(Some("src/db.rs"))
            .line(Some(12))
            .module_path(Some("app::db"))
            .args(format_args!("slow"))
            .build();
        tracing_log::format_trace(&record).unwrap();
    });
    let seen = seen.one();
    assert_eq!((seen.name.as_str(), seen.level, seen.message.as_str()), ("my_app.db", Level::WARNING, "slow"));
    assert_eq!((seen.place, seen.fields.len()), (("src/db.rs".to_owned(), "db".to_owned(), 12), 0));
    assert_eq!(seen.paths, ["my_app::db", "app::db"]);
}
