//! Trees that are swapped for others, and whose handlers are not closed yet.

use std::sync::Arc;
use std::time::Instant;

use logtree_core::Tree;
use logtree_os::{ForkLock, ForkReset};

use crate::TreeHandle;

/// The trees, to be flushed with the one in use.
#[derive(Debug, Default)]
pub(crate) struct AllLeaving(Vec<Arc<Tree>>);

/// A child has none of the threads that close them. It does not drop them either: to close handlers is not for under a lock.
impl ForkReset for AllLeaving {
    fn after_fork(&mut self) {
        std::mem::take(&mut self.0).into_iter().for_each(std::mem::forget);
    }

    fn torn() -> Self {
        Self::default()
    }
}

impl AllLeaving {
    /// Flushes the tree in use, and those that leave, whose handlers may hold records that were logged before.
    pub(crate) fn flush(this: &ForkLock<Self>, in_use: &Tree, deadline: Instant) -> bool {
        // Looked at after the one in use was: one that was swapped since stands here.
        let leaving = this.lock().0.clone();
        leaving.iter().fold(in_use.flush(deadline), |flushed, tree| tree.flush(deadline) && flushed)
    }
}

/// A tree that leaves, until this is dropped: whoever [flushes](TreeHandle::flush) meanwhile flushes its handlers too.
#[derive(Debug)]
pub struct Leaving {
    of: TreeHandle,
    tree: Arc<Tree>,
}

impl Leaving {
    /// Notes that `tree` leaves. That must be before it is swapped for another.
    pub fn new(of: &TreeHandle, tree: &Tree) -> Self {
        // The same once more: nobody who waits until the tree itself is used no more has this one in the way.
        let (of, tree) = (of.clone(), Arc::new(tree.source().clone().into_tree()));
        of.leaving().lock().0.push(Arc::clone(&tree));
        Self { of, tree }
    }

    /// Its loggers and handlers.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.of.leaving().lock().0.retain(|tree| !Arc::ptr_eq(tree, &self.tree));
    }
}
