//! Trees that are swapped for others, and whose handlers are not closed yet.

use std::sync::Arc;
use std::time::Instant;

use logtree_core::{Outlets, Tree};
use logtree_os::{ForkLock, ForkReset};

use crate::TreeHandle;

/// What they end in, to be flushed with the one in use.
#[derive(Debug, Default)]
pub(crate) struct AllLeaving(Vec<Arc<Outlets>>);

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
        leaving.iter().fold(in_use.flush(deadline), |flushed, outlets| outlets.flush(deadline) && flushed)
    }
}

/// A tree that leaves, until this is dropped: whoever [flushes](TreeHandle::flush) meanwhile flushes its handlers too.
#[derive(Debug)]
pub struct Leaving {
    of: TreeHandle,
    outlets: Arc<Outlets>,
}

impl Leaving {
    /// Notes that `tree` leaves. That must be before it is swapped for another.
    pub fn new(of: &TreeHandle, tree: &Tree) -> Self {
        // Not the tree, for the end of whose use others wait.
        let (of, outlets) = (of.clone(), Arc::new(tree.outlets().clone()));
        of.leaving().lock().0.push(Arc::clone(&outlets));
        Self { of, outlets }
    }

    /// What it ends in.
    pub fn outlets(&self) -> &Outlets {
        &self.outlets
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.of.leaving().lock().0.retain(|outlets| !Arc::ptr_eq(outlets, &self.outlets));
    }
}
