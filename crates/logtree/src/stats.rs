//! What can be said of the logging of a process.

use logtree_layer::TreeHandle;

/// What [`Guard::stats`](crate::Guard::stats) says of the logging of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Each handler, those that others hand on to before those.
    pub handlers: Vec<HandlerStats>,
    /// Records that were dropped because handlers logged while they handled records that handlers had logged.
    pub dropped_inside_handlers: u64,
    /// Each queue between processes that this one puts records into, with all its processes: the feature `prefork`.
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    pub queues: Vec<crate::prefork::QueueStats>,
}

/// What can be said of one handler.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerStats {
    /// Its name in the config.
    pub name: String,
    /// Records that it could not handle because of an error, since it was made; and failures to write what it held back.
    pub errors: u64,
    /// Records that were dropped since it was made, for want of room in its queue within the process, which the log tells too.
    /// `Stats::queues` has those of a queue between processes.
    pub dropped: u64,
}

impl Stats {
    pub(crate) fn of(tree: &TreeHandle) -> Self {
        let handlers = tree
            .tree()
            .handlers()
            .iter()
            .map(|entry| HandlerStats {
                name: entry.name.clone(),
                errors: entry.error_count(),
                dropped: entry.dropped_count(),
            })
            .collect();
        Self {
            handlers,
            dropped_inside_handlers: tree.dropped_inside_handlers(),
            #[cfg(all(feature = "prefork", target_os = "linux"))]
            queues: logtree_prefork::stats(),
        }
    }
}
