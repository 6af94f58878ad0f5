//! A layer that becomes the program's lets no callsite be met before it is. A program of its own, as the level is the process's.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the layer")]
#[path = "layer/support.rs"]
mod support;

use std::sync::Arc;

use logtree_core::{Level, Logger, Tree};
use logtree_layer::{Mode, TreeLayer};
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry};

#[test]
fn no_callsite_is_met_before_the_subscriber_is_everyones() {
    let seen = Remember::default();
    let mut tree = Tree::builder();
    tree.logger("", Logger { level: Level::INFO, handlers: vec![entry(seen.clone())], ..Logger::default() });
    let layer = TreeLayer::new(Arc::new(tree.build()), Mode::Exclusive).waiting();
    let handle = layer.handle();
    // As `tracing::subscriber::set_global_default` does it, step by step.
    let subscriber = Dispatch::new(tracing_subscriber::registry().with(layer));
    // Another thread may be here, with a callsite that nobody has met. What would note that no subscriber wants it, maybe after
    // the last step, is not begun: the level is looked at first.
    assert_eq!(LevelFilter::current(), LevelFilter::OFF);
    let meet = || tracing::info!("met");
    meet();
    tracing::dispatcher::set_global_default(subscriber).unwrap();
    assert_eq!(LevelFilter::current(), LevelFilter::OFF);
    handle.ask_callsites();
    // It reads spans, which loggers' levels are not for.
    assert_eq!(LevelFilter::current(), LevelFilter::TRACE);
    meet();
    assert_eq!(seen.messages(), ["met"]);
}
