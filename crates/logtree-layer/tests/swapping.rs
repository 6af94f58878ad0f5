//! Trees that are swapped while the program runs. A test of its own process: at each swap all layers of the process look
//! at all callsites again, and another test's would set right what this one is to find.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the layer")]
#[path = "layer/support.rs"]
mod support;

use std::sync::Arc;

use logtree_core::Level;
use logtree_layer::Mode;
use tracing::{debug, warn};

use crate::support::{entry, tree, with_layer};

#[test]
fn a_level_that_changes_holds_at_once_also_for_callsites_that_are_known() {
    for mode in [Mode::Exclusive, Mode::Shared] {
        with_layer(mode, &[("root", Level::WARNING)], |seen, handle| {
            let log = || {
                debug!("debug");
                warn!("warn");
            };
            // So often that what nobody wants is switched off.
            (0..100).for_each(|_| log());
            assert_eq!(seen.messages(), ["warn"; 100]);
            // Twice each time: what the first of them made the callsites remember is there for the second.
            let handler = entry(seen.clone());
            let debug = tree(&handler, &[("root", Level::DEBUG)]);
            let warning = handle.swap(Arc::clone(&debug));
            log();
            log();
            assert_eq!(seen.messages(), ["debug", "warn", "debug", "warn"]);
            drop(handle.swap(tree(&handler, &[("root", Level::CRITICAL)])));
            log();
            log();
            assert!(seen.messages().is_empty());
            // Trees that were in use before.
            drop(handle.swap(debug));
            log();
            assert_eq!(seen.messages(), ["debug", "warn"]);
            drop(handle.swap(warning));
            log();
            assert_eq!(seen.messages(), ["warn"]);
            // Loggers that no tree had before, so that the callsites' own are others.
            let levels = [("root", Level::CRITICAL), ("other", Level::CRITICAL), ("swapping", Level::DEBUG)];
            drop(handle.swap(tree(&handler, &levels)));
            log();
            assert_eq!(seen.messages(), ["debug", "warn"]);
        });
    }
}
