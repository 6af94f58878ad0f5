//! What a tree ends in.

use std::sync::Arc;
use std::time::Instant;

use crate::caught::caught;
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

    /// Has every handler [roll](crate::Handler::roll) its files, each that is behind others when they have it do so.
    pub fn roll(&self) {
        let children = |entry: &HandlerEntry| caught(|| entry.handler.children().to_vec()).unwrap_or_default();
        let behind: Vec<_> = self.handlers.iter().flat_map(|entry| children(entry)).collect();
        let is_first = |entry: &&Arc<HandlerEntry>| !behind.iter().any(|child| Arc::ptr_eq(child, entry));
        self.handlers.iter().filter(is_first).for_each(|entry| entry.roll(&mut Direct));
    }
}
