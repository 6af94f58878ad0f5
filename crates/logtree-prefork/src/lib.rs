//! The cross-process queue of logtree: many processes put records in, one listener takes them out.
//!
//! ```text
//! producer thread ─► lane ┐                    ┌─► handler ─► file
//! producer thread ─► lane ┼─► listener: merge ─┼─► handler ─► file
//! producer thread ─► lane ┘   by time          └─► handler ─► console
//! ```
//!
//! A record that was put in is safe whatever becomes of the process that made it: it stands in shared memory, whole, and
//! is published by one store. Each thread has a lane of its own, so that no producer ever waits for another one or for
//! the listener, and none makes a system call while the listener keeps up.
//!
//! A record that is larger than its lane goes by way of a file beside the segment; where there is no memory for that, the
//! start of it goes, with a mark at its end, and is counted.
//!
//! Processes meet at the log files that their queues write ([`join`](self)): whether one master forked them or each
//! was started by itself, there is one listener. It is a helper process that the host does not see, with a second one
//! standing by; where no helper can be made, it is a thread of a process that logs.
//!
//! | file | concept |
//! |---|---|
//! | `queue.rs` | one queue of one process: what everything else hangs on |
//! | `outage.rs` | how long a full queue has been full |
//! | `producer.rs` | a thread's lane: the hot path |
//! | `process.rs` | this process in the segment: its slot and its definitions |
//! | `join.rs` | finding or making the segment |
//! | `publish.rs` | giving it a config, and the claims of that |
//! | `config.rs` | which config of several processes the listener has |
//! | `handover.rs` | how the seat goes from one who lives to another |
//! | `helpers.rs` | who listens: helpers, standby, thread |
//! | `listener.rs` | the listener's round; `merge.rs` its order, `batch.rs` its writes, `house.rs` its housekeeping |
//! | `plan.rs` | what a batch will do, said before it is done; `recovery.rs`, `appended.rs`, `moved.rs`: finished by a successor |
//! | `names.rs` | the names of files as a batch will leave them |
//! | `sweep.rs` | removing what killed processes left and nobody needs |
//! | `service.rs` | a program that listens and does nothing else |
//! | `stats.rs` | what can be said of a queue |
//! | `words.rs` | the words of a segment |
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod appended;
mod batch;
mod claims;
mod config;
mod counts;
mod definitions;
mod departure;
mod handover;
mod helpers;
mod house;
mod join;
mod listener;
mod living;
mod merge;
mod moved;
mod names;
mod options;
mod outage;
mod plan;
mod process;
mod producer;
mod publish;
mod queue;
mod recovery;
mod reports;
mod service;
mod stats;
mod streams;
mod sweep;
mod words;

use std::sync::Arc;

use logtree_core::{Argument, BuildError, Handler, Object, QueueListener, RecordQueue, Registry};

pub use config::{ConfigAge, ConfigText, Configured, Rebuild, with_config};
pub use helpers::{on_listener_start, surround_start_hooks};
pub use logtree_os::{Fork, fork_single_threaded as fork};
pub use options::{ListenerIn, QueueOptions};
pub use queue::leave;
pub use service::{ServiceControl, serve};
pub use stats::{ConfigStats, Drops, LaneStats, OwnerStats, QueueLook, QueueStats, stats};

/// Python's `multiprocessing.Queue`, as a `QueueHandler` in a config names it: for processes that share a memory. Those of
/// another machine that write the same file over the network are not noticed.
#[derive(Clone, Debug, Default)]
pub struct MultiprocessingQueue {
    /// What the config says of it.
    pub options: QueueOptions,
}

impl RecordQueue for MultiprocessingQueue {
    fn connect(&self, listener: QueueListener) -> Result<Box<dyn Handler>, BuildError> {
        Ok(Box::new(queue::QueueProducer::new(self.options.clone(), listener)))
    }
}

/// Registers `multiprocessing.Queue`, and the `JoinableQueue` which differs from it in what only the reader does.
pub fn register(registry: &mut Registry) {
    for name in ["multiprocessing.Queue", "multiprocessing.JoinableQueue"] {
        registry.factory(name, move |kwargs| {
            let queue: Arc<dyn RecordQueue> =
                Arc::new(MultiprocessingQueue { options: QueueOptions::from_kwargs(kwargs)? });
            Ok(Argument::Object(Object::new(name, queue)))
        });
    }
}
