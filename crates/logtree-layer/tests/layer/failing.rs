//! Handlers that panic.

use logtree_core::{EmitError, Formatter, Handler, Level, Record, Steps};
use logtree_layer::{Mode, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry, tree};

/// Panics at some records.
struct Panics(Remember);

impl Handler for Panics {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        assert!(record.message != "bad", "as told");
        self.0.emit(record, formatter, steps)
    }
}

#[test]
fn a_panic_in_a_handler_costs_its_own_record_only() {
    let seen = Remember::default();
    let handler = entry(Panics(seen.clone()));
    let layer = TreeLayer::new(tree(&handler, &[("root", Level::INFO)]), Mode::Exclusive);
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        tracing::info!("bad");
        tracing::info!("good");
    });
    assert_eq!((seen.messages(), handler.errors.count()), (vec!["good".to_owned()], 1));
}
