//! A listener's claims: whether they are still there, and still its own.
//!
//! A cleaner (tmpreaper, systemd-tmpfiles, an operator's `rm`) may take away the claim beside a log, the segment in
//! `/dev/shm`, or both, while their queue lives. Then:
//!
//! - The listener looks some times a second, and before it writes what it has not looked for, and puts back a claim that is
//!   missing. Meanwhile newcomers see by its [`Watch`] that there is somebody to wait for.
//! - A segment without a name lives in the processes that have it, and a newcomer finds it there by the claim:
//!   [`Segment::open_removed`]. Its name is not given back, as no file can be linked that has lost its last one.
//! - Where all the same another queue has taken a log file meanwhile, the listener does not write: it keeps its records
//!   where they are, says so, and goes on when that queue has ended. Two listeners never write one file.
//!
//! - Where another directory has taken the place of the log's, as by `mv logs logs.old; mkdir logs`, the claim is put into that as soon
//!   as the listener writes there. With a handler that goes on in the file that it has, it never is, and the new directory is for
//!   others. Who comes in the first tenth of a second makes a second queue, for which this one's listener waits.
//!
//! What remains: once the name of the segment is gone, records that nobody has written end with the last process of the queue,
//! and so does the plan of a batch in which the last listener was killed: a file may end in half a batch then. Records
//! larger than a lane are cut. A process of another pid namespace finds the segment no more, and is refused, with the
//! queue's name. So is nobody, and a second queue is made, if within the same tenth of a second the claim goes and both helpers
//! are killed, before any process of the queue logs; if the listener is stopped for longer than newcomers wait; or if the log's
//! directory can be neither read nor locked. Then the one whose claim stands writes, and the other one waits. A queue with a
//! name and no file at all is made a second time if the user's whole directory in `/dev/shm` is taken away.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use logtree_os::claim::{Meeting, Watch};
use logtree_os::{Segment, SegmentState, kill_point};

use crate::config::Shared;
use crate::queue::Queue;
use crate::{join, words};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// So long a listener that begins lets others finish who are joining, or stopped in it.
const BEGIN_PATIENCE: Duration = Duration::from_millis(250);
/// So long it waits for a newcomer's look at claims that it has to put back.
const PATIENCE: Duration = Duration::from_millis(5);

/// What a listener knows of its claims.
#[derive(Debug)]
pub(crate) struct Claims {
    watch: Watch,
    looked: Option<Instant>,
    /// Why nothing may be written.
    taken: Option<Taken>,
}

/// A log file that is another queue's.
#[derive(Debug)]
struct Taken {
    log: PathBuf,
    why: String,
}

impl Claims {
    /// With what a listener of before has watched.
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, looked: None, taken: None }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Watches over the claims that a listener is to have which begins; whether they are as they are to be. Where the segment has
    /// another config by now, it is that one's files: what this process's has beside them may be another queue's.
    pub(crate) fn begin(&mut self, queue: &Queue, segment: &Segment) -> bool {
        let shared = Shared::of(segment);
        let is_to_follow = shared.generation != queue.generation() && !shared.files.is_empty();
        self.watch_over(&if is_to_follow { shared.files } else { join::meeting_places(queue) });
        self.watch.look(segment.id().0)
    }

    /// Watches over the claims of the queue's config from now on.
    pub(crate) fn go_on(&mut self, queue: &Queue, segment: &Segment) {
        self.watch_over(&join::meeting_places(queue));
        // One that is missing is put back before anything is written.
        if !self.watch.look(segment.id().0) {
            self.looked = None;
        }
    }

    fn watch_over(&mut self, files: &[PathBuf]) {
        self.watch.over(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    }

    /// Sees to claims that are not as they are to be, before anything is written.
    pub(crate) fn settle(&mut self, queue: &Queue, segment: &Segment) {
        self.put_back(queue, segment, BEGIN_PATIENCE);
        self.looked = Some(Instant::now());
    }

    /// Looks whether all is there, unless that was a moment ago, and puts back what is missing.
    pub(crate) fn look(&mut self, queue: &Queue, segment: &Segment) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return;
        }
        self.looked = Some(Instant::now());
        if segment.word(words::SAID_REMOVED) == Some(0) && segment.is_removed() {
            segment.set_word(words::SAID_REMOVED, 1);
            join::warn(&format!(
                "{} was removed, the memory of the queue '{}', which goes on; but what is left in it when all its \
                 processes have ended is lost",
                segment.path().display(),
                queue.listener.name,
            ));
        }
        if self.watch.look(segment.id().0) {
            self.taken = None;
        } else {
            self.put_back(queue, segment, PATIENCE);
        }
    }

    /// # Errors
    /// Another queue writes a file of this one.
    pub(crate) fn may_write(&self) -> io::Result<()> {
        self.taken.as_ref().map_or(Ok(()), |taken| Err(io::Error::other(taken.why.clone())))
    }

    /// The queue has ended: nobody is to wait for its listener.
    pub(crate) fn end(&self) {
        self.watch.end();
    }

    fn put_back(&mut self, queue: &Queue, segment: &Segment, patience: Duration) {
        kill_point!("claims: missed");
        let Ok(mut meeting) = Meeting::lock(&self.watch.logs(), patience) else {
            // The next look tries again. But where there is no directory any more, nobody can have a file.
            self.taken.take_if(|taken| taken.log.parent().is_some_and(|directory| !directory.exists()));
            return;
        };
        if segment.state() == SegmentState::Closed {
            // A process that ended last has taken them away, with the queue.
            return;
        }
        let id = segment.id().0;
        let other = |claim| Some((claim, join::other_queue(claim, id, join::is_used)?));
        let others: Vec<_> = meeting.claims().iter().filter_map(other).collect();
        self.taken = others.first().map(|(claim, other)| {
            let (log, name) = (claim.log().display(), &queue.listener.name);
            let why = format!(
                "{log} is written by the queue '{other}' by now; the queue '{name}' waits until that has ended"
            );
            Taken { log: claim.log().to_owned(), why }
        });
        let taken: Vec<PathBuf> = others.iter().map(|(claim, _)| claim.log().to_owned()).collect();
        let text = join::claim_text(queue, segment);
        let _ = meeting.write_where(&text, |claim| {
            claim.text().is_none_or(|text| text.segment_id() != id) && !taken.iter().any(|log| log == claim.log())
        });
        kill_point!("claims: put back");
        drop(meeting);
        self.watch.look(id);
    }
}
