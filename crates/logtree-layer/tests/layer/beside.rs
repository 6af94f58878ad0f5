//! Shared mode: layers of logtree beside one another. Beside others, logtree's tests/neighbours.rs has it.

use logtree_core::Level;
use logtree_layer::{Mode, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry, tree};

#[test]
fn two_trees_stand_side_by_side_and_share_spans() {
    let (one, other) = (Remember::default(), Remember::default());
    let first = TreeLayer::new(tree(&entry(one.clone()), &[("root", Level::INFO)]), Mode::Shared);
    let second = TreeLayer::new(tree(&entry(other.clone()), &[("root", Level::ERROR)]), Mode::Shared);
    tracing::subscriber::with_default(Registry::default().with(first).with(second), || {
        for _ in 0..2 {
            let span = tracing::info_span!("span", late = tracing::field::Empty);
            span.record("late", 1);
            span.in_scope(|| {
                tracing::info!("for one");
                tracing::error!("for both");
            });
        }
    });
    let seen = one.take();
    let messages: Vec<&str> = seen.iter().map(|seen| &*seen.message).collect();
    // The same callsites, asked by two trees in turn: what one remembers of them is not the other's.
    assert_eq!(messages, ["for one", "for both", "for one", "for both"]);
    assert!(seen.iter().all(|seen| seen.spans == ["span"]));
    assert_eq!(other.messages(), ["for both", "for both"]);
}
