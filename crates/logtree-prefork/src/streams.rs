//! Whose standard streams the listener can write to.
//!
//! A console handler behind the queue runs in the listener, with the listener's stdout. That is right for processes whose
//! stdout is the same file; a process whose stdout is another one writes to it itself.

use logtree_core::{HandlerEntry, StdStream};
use logtree_os::Segment;
use logtree_os::streams::{StandardStream, StreamId};

use crate::words;

const STREAMS: [(StdStream, StandardStream); 2] =
    [(StdStream::Stdout, StandardStream::Stdout), (StdStream::Stderr, StandardStream::Stderr)];

/// Flags of a record, and of its process: these streams are written by the process itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnStreams(pub(crate) u16);

impl OwnStreams {
    /// Compares this process's streams with those that the listener writes to.
    pub(crate) fn of_this_process(segment: &Segment) -> Self {
        let mut own = 0;
        for (at, (_, stream)) in STREAMS.iter().enumerate() {
            if stream.id() != Some(announced(segment, at)) {
                own |= 1 << at;
            }
        }
        Self(own)
    }

    /// Whether the process itself runs this handler.
    pub(crate) fn has(self, handler: &HandlerEntry) -> bool {
        let stream = handler.handler.std_stream();
        STREAMS.iter().enumerate().any(|(at, (ours, _))| stream == Some(*ours) && self.0 & 1 << at != 0)
    }
}

/// Whether this process's standard output is the one that listeners write to.
pub(crate) fn has_announced_stdout(segment: &Segment) -> bool {
    StandardStream::Stdout.id() == Some(announced(segment, 0))
}

fn announced(segment: &Segment, at: usize) -> StreamId {
    let word = |number| segment.word(words::STREAMS + 3 * at + number).unwrap_or_default();
    StreamId { device: word(0), inode: word(1), special_device: word(2) }
}

/// Says in a new segment which files are behind the streams of its listeners: those of the process that makes them.
pub(crate) fn announce(segment: &Segment) {
    for (at, (_, stream)) in STREAMS.iter().enumerate() {
        let id = stream.id();
        let words = id.map_or([0; 3], |id| [id.device, id.inode, id.special_device]);
        for (number, word) in words.into_iter().enumerate() {
            segment.set_word(words::STREAMS + 3 * at + number, word);
        }
    }
}
