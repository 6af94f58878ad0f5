//! What a tree ends in.

use std::sync::Arc;
use std::time::Instant;

use crate::{Direct, HandlerEntry, Route};

/// The filters and handlers of a [tree](crate::Tree): what holds something that was logged, and stays when the tree itself is
/// used no more.
#[derive(Clone, Debug)]
pub struct Outlets {
    pub(crate) routes: Arc<[Route]>,
    /// Those that others hand on to before those.
    pub(crate) handlers: Arc<[Arc<HandlerEntry>]>,
}

impl Outlets {
    /// Handles what filters of loggers [still have to say](crate::Filter::unsaid), as at the end of a tree.
    pub fn say_unsaid(&self) {
        self.routes.iter().for_each(|route| route.say_unsaid(&mut Direct));
    }

    /// Flushes every handler until `deadline`, queues first so that what they hold reaches the others, after the filters have
    /// [said](crate::Filter::unsaid) what they held back.
    pub fn flush(&self, deadline: Instant) -> bool {
        self.say_unsaid();
        let flush = |flushed, entry: &Arc<HandlerEntry>| {
            entry.say_unsaid(&mut Direct);
            entry.flush(deadline) && flushed
        };
        self.handlers.iter().rev().fold(true, flush)
    }
}
