//! Logging that changes while the program runs.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{HandlerEntry, Level, Registry, Tree, TreeBuilder};
use logtree_layer::{Leaving, TreeHandle};

use crate::config::Config;
use crate::error::Error;
#[cfg(feature = "watch")]
use crate::watch::Stamp;
use crate::{install, logger};

/// The file that a config was read from, and the classes it may name: what it takes to read it again.
#[derive(Clone, Debug)]
pub(crate) struct FileOrigin {
    /// From the root: the program may be in another directory by then.
    path: PathBuf,
    registry: Registry,
    /// The file as it was before it was read.
    #[cfg(feature = "watch")]
    stamp: Option<Stamp>,
}

/// How long a change waits for records that other threads are handling in the trees of before.
const PATIENCE: Duration = Duration::from_secs(5);

impl FileOrigin {
    pub(crate) fn new(path: &Path, registry: &Registry) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            #[cfg(feature = "watch")]
            stamp: Stamp::of(&path),
            path,
            registry: registry.clone(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(feature = "watch")]
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// Reads the file again, and makes what it says the logging, as of a fresh process.
    pub(crate) fn reload(&self, installed: &TreeHandle) -> Result<(), Error> {
        let install::Opened { tree, start, .. } = Config::load(&self.path, &self.registry)?.in_force_now().open()?;
        start()?;
        let mut leaving = None;
        let old = installed.update(|current| {
            leaving = Some(Leaving::new(installed, current));
            // What code said of all logging holds whatever the file says.
            let (last_resort, disable) = (current.source().last_resort.clone(), current.source().disable);
            Ok::<_, Infallible>(Arc::new(TreeBuilder { last_resort, disable, ..tree }.into_tree()))
        });
        let Ok(old) = old;
        let handlers = old.source().handlers.clone();
        retire(installed, old, leaving, &handlers);
        Ok(())
    }
}

/// Applies a config on top of what stands.
pub(crate) fn apply(config: Config, installed: &TreeHandle) -> Result<(), Error> {
    let (plan, sharing) = config.in_force_now().into_parts();
    let built = sharing.run(|| plan.open_on_top()?.start())?;
    let mut leaving = None;
    let old = installed.update(|current| {
        leaving = Some(Leaving::new(installed, current));
        let mut before = current.source().clone();
        for name in logger::names() {
            before.loggers.entry(name).or_default();
        }
        Ok(Arc::new(built.apply(before)?.into_tree()))
    });
    match old {
        // Its handlers are those of now.
        Ok(_) if built.is_incremental() => Ok(()),
        Ok(old) => {
            let handlers = old.source().handlers.clone();
            retire(installed, old, leaving, &handlers);
            Ok(())
        }
        Err(problems) => {
            built.close();
            Err(problems)
        }
    }
}

/// Changes the loggers that stand, and no handler.
pub(crate) fn change(installed: &TreeHandle, change: impl FnOnce(&mut TreeBuilder)) {
    let changed = installed.update(|current| {
        let mut builder = current.source().clone();
        change(&mut builder);
        Ok::<_, Infallible>(Arc::new(builder.into_tree()))
    });
    // Whoever still handles a record in the old tree may be the one to drop it: its handlers are in the new one.
    drop(changed);
}

/// Closes handlers of a tree that is not used any more, after the records that other threads are handling, and after its loggers'
/// filters have said what they held back.
///
/// DIFFERENCE: CPython closes them first, and what is logged until the new ones are there is lost or opens files anew.
pub(crate) fn retire(installed: &TreeHandle, old: Arc<Tree>, leaving: Option<Leaving>, handlers: &[Arc<HandlerEntry>]) {
    drop(old);
    // A record that takes longer finds a handler that was closed, which handles it as well as it then can.
    let _ = installed.wait_for_former(Instant::now() + PATIENCE);
    if let Some(leaving) = &leaving {
        leaving.outlets().say_unsaid();
    }
    install::close(handlers);
}

/// Sets the level of one logger.
pub(crate) fn set_level(installed: &TreeHandle, name: &str, level: Level) {
    change(installed, |builder| builder.logger_mut(name).level = level);
}
