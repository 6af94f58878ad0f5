//! From handlers that are open to logging that works, whoever said which handlers these are: a config or code.

use std::sync::Arc;

use logtree_core::{Direct, HandlerEntry, Tree, TreeBuilder};
use logtree_dictconfig::last_resort;
use logtree_layer::{Mode, TreeHandle};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::error::Error;
use crate::guard::{self, Guard};
use crate::layer::TreeLayer;
use crate::logger;
use crate::reload::FileOrigin;

/// Loggers whose handlers are open, but not running yet.
pub(crate) struct Opened {
    pub(crate) tree: TreeBuilder,
    /// Starts the handlers, all of them or none.
    pub(crate) start: Box<dyn FnOnce() -> Result<(), Error>>,
    /// The file that all this was read from.
    pub(crate) origin: Option<FileOrigin>,
}

/// Opens handlers.
pub(crate) type Opening = Box<dyn FnOnce() -> Result<Opened, Error>>;

/// Makes what `open` opens the program's logging.
///
/// # Errors
/// Those of `open` and of starting, and if the program has a subscriber already.
pub(crate) fn install(open: Opening) -> Result<Guard, Error> {
    let starting = match guard::begin_install()? {
        guard::Install::New(starting) => starting,
        guard::Install::Inherited(guard) => return Ok(guard),
    };
    // Asked before anything is opened; that another one comes meanwhile is caught below.
    if has_global_subscriber() {
        return Err(Error::has_subscriber());
    }
    #[cfg(target_os = "linux")]
    crate::report::to_stderr();
    let Opened { tree, start, origin } = open()?;
    let tree = with_last_resort(tree);
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    let _meanwhile = crate::listening::Meanwhile::new(&tree);
    start()?;
    match subscribe(&tree) {
        Ok(handle) => Ok(starting.installed(handle, origin)),
        Err(error) => {
            close(tree.handlers());
            Err(error)
        }
    }
}

/// Makes what `open` opens a layer that stands beside others.
pub(crate) fn layer(open: Opening) -> Result<TreeLayer, Error> {
    let starting = guard::begin();
    #[cfg(target_os = "linux")]
    crate::report::to_stderr();
    let Opened { mut tree, start, origin } = open()?;
    tree.disable(logger::disabled());
    let tree = Arc::new(tree.into_tree());
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    let _meanwhile = crate::listening::Meanwhile::new(&tree);
    start()?;
    let layer = TreeLayer::new(tree, origin);
    starting.layered(layer.guarded());
    Ok(layer)
}

/// Makes what `open` opens a tree for records that are not `tracing`'s.
pub(crate) fn tree(open: Opening) -> Result<Arc<Tree>, Error> {
    #[cfg(target_os = "linux")]
    crate::report::to_stderr();
    let Opened { tree, start, .. } = open()?;
    start()?;
    Ok(with_last_resort(tree))
}

/// Whether the program has a subscriber for all threads. `tracing` itself tells only whether there ever was any, be it for a
/// scope that has ended or a thread.
fn has_global_subscriber() -> bool {
    tracing::dispatcher::has_been_set()
        && std::thread::scope(|scope| {
            // Where this thread has one of its own, it would hide the other.
            let elsewhere = std::thread::Builder::new().spawn_scoped(scope, has_subscriber);
            elsewhere.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(has_subscriber)
        })
}

/// Whether there is a subscriber that gets what the calling thread logs.
pub(crate) fn has_subscriber() -> bool {
    tracing::dispatcher::get_default(|subscriber| !subscriber.is::<NoSubscriber>())
}

/// Closes handlers, those that hand on before those that they hand on to, after their filters have said what they held back.
pub(crate) fn close(handlers: &[Arc<HandlerEntry>]) {
    for entry in handlers.iter().rev() {
        entry.say_unsaid(&mut Direct);
        entry.close();
    }
}

/// Makes a tree the destination of all that this process logs.
pub(crate) fn subscribe(tree: &Arc<Tree>) -> Result<TreeHandle, Error> {
    let layer = logtree_layer::TreeLayer::new(Arc::clone(tree), Mode::Exclusive).waiting();
    let handle = layer.handle();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::has_subscriber())?;
    // What other threads met before the subscriber was there, nobody's verdict has switched off; and from here on it waits no
    // more.
    handle.ask_callsites();
    #[cfg(feature = "log")]
    // A program that has set a logger of its own keeps it; its records then do not come here.
    let _ = logtree_layer::LogRecords::install(handle.clone());
    Ok(handle)
}

fn with_last_resort(mut tree: TreeBuilder) -> Arc<Tree> {
    tree.last_resort(last_resort()).disable(logger::disabled());
    Arc::new(tree.into_tree())
}
