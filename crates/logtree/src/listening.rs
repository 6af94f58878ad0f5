//! Logging in a listener that begins before its program's logging is installed.
//!
//! `install` starts the queue first and subscribes to `tracing` last, so that a config that fails changes nothing. The
//! helpers that the queue makes meanwhile have a copy of the process in which nothing is installed yet; what they are to
//! log, their start hooks to begin with, needs the tree all the same.

use std::sync::Arc;

use logtree_core::Tree;
use logtree_layer::{Mode, TreeLayer, abandon_handling};
use logtree_os::{ForkGeneration, ForkLock, ForkReset};
use tracing_subscriber::layer::SubscriberExt as _;

/// The tree that is being installed, and by which process.
static STARTING: ForkLock<Pending> = ForkLock::new(Pending(None));

struct Pending(Option<(ForkGeneration, Arc<Tree>)>);

impl ForkReset for Pending {
    /// A helper uses the tree that its maker was about to install.
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(None)
    }
}

/// The time between the handlers' start and the moment from which `tracing` leads to them.
pub(crate) struct Meanwhile(());

impl Meanwhile {
    pub(crate) fn new(tree: &Arc<Tree>) -> Self {
        logtree_prefork::surround_start_hooks(surround);
        STARTING.lock().0 = Some((ForkGeneration::current(), Arc::clone(tree)));
        Self(())
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        STARTING.lock().0 = None;
    }
}

fn surround(run_hooks: &dyn Fn()) {
    // A helper may have been made by a process that was just logging.
    abandon_handling();
    let starting = STARTING.lock().0.clone();
    match starting {
        Some((made_in, tree)) if !crate::install::has_subscriber() => {
            if made_in == ForkGeneration::current() {
                // A thread of the process that installs: its subscriber is about to be set, by `install`.
                let subscriber = tracing_subscriber::registry().with(TreeLayer::new(tree, Mode::Shared));
                tracing::subscriber::with_default(subscriber, run_hooks);
            } else {
                // A process of its own: here it is for good.
                let _ = crate::install::subscribe(&tree);
                run_hooks();
            }
        }
        _ => run_hooks(),
    }
}
