//! Shared mode: neighbours neither lose nor gain an event.

use std::sync::{Arc, Mutex};

use logtree_core::Level;
use logtree_layer::{Mode, TreeLayer};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use crate::support::{Remember, entry, tree};

/// A neighbour that counts events.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<u32>>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn refused_by_the_tree_is_not_refused_for_a_neighbour() {
    let (count, seen) = (Count::default(), Remember::default());
    let layer = TreeLayer::new(tree(&entry(seen.clone()), &[("root", Level::ERROR)]), Mode::Shared);
    tracing::subscriber::with_default(Registry::default().with(layer).with(count.clone()), || {
        tracing::trace!("for the neighbour");
        // tracing #2519: asking about a refused target must not swallow the next event.
        assert!(tracing::enabled!(tracing::Level::TRACE));
        tracing::error!("for both");
    });
    assert_eq!((*count.0.lock().unwrap(), seen.messages()), (2, vec!["for both".to_owned()]));
}

#[test]
fn a_neighbours_filter_takes_nothing_from_the_tree() {
    let (count, seen) = (Count::default(), Remember::default());
    let filter = Targets::new().with_default(LevelFilter::ERROR);
    let layer = TreeLayer::new(tree(&entry(seen.clone()), &[("root", Level::DEBUG)]), Mode::Shared);
    let subscriber = Registry::default().with(layer).with(count.clone().with_filter(filter));
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("for the tree");
        tracing::error!("for both");
    });
    assert_eq!((*count.0.lock().unwrap(), seen.messages().len()), (1, 2));
}

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
