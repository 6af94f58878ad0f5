//! How long a full queue has been full.

use std::time::Instant;

use logtree_os::ForkReset;

/// When the listener was last found to take no more records while somebody waited. All waits of one outage share one timeout. It
/// ends when the listener takes records again: that one finds room, in a lane of its own or in the reserve, says nothing of others.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    began: Option<Instant>,
    /// So many records it had taken by then.
    handled: u64,
}

impl Outage {
    /// When it began, if the listener has taken so many records by now.
    pub(crate) fn began(&mut self, handled: u64) -> Instant {
        if self.handled != handled {
            *self = Self { began: None, handled };
        }
        *self.began.get_or_insert_with(Instant::now)
    }
}

impl ForkReset for Outage {
    fn after_fork(&mut self) {
        *self = Self::default();
    }

    fn torn() -> Self {
        Self::default()
    }
}
