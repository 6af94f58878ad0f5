//! The contract that every handler keeps to, with the queue between processes before a file.

use std::sync::Arc;
use std::time::Duration;

use logtree_core::{Handler, HandlerEntry, Overflow, QueueLimits, QueueListener, RecordQueue as _};
use logtree_handlers::{FileHandler, FileHandlerConfig};
use logtree_prefork::{Fork, MultiprocessingQueue, QueueOptions, fork};
use rustix::process::Pid;

use crate::contract::{Subject, assert_contract};

/// Forks a child that does `work`, and ends with 0 if that answers `true`.
pub(crate) fn in_child(work: impl FnOnce() -> bool) -> Pid {
    match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
            std::process::exit(i32::from(!is_well));
        }
    }
}

pub(crate) fn the_queue_keeps_to_the_contract_of_handlers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let file = Subject::new(Box::new(FileHandler::new(FileHandlerConfig::new(&path)).unwrap()), Some(path));
    let queue = |target: Arc<HandlerEntry>| -> Box<dyn Handler> {
        // They wait for room, so that a record that is missing was lost.
        let limits = QueueLimits { overflow: Overflow::Block(Duration::from_secs(60)), ..QueueLimits::default() };
        let options = QueueOptions { limits, ..QueueOptions::default() };
        let listener = QueueListener { name: "queue".into(), handlers: vec![target], respect_handler_level: false };
        MultiprocessingQueue { options }.connect(listener).unwrap()
    };
    assert_contract(&Subject { is_elsewhere: true, ..Subject::before(file, queue) });
}
