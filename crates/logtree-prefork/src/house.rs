//! The listener's housekeeping: who has died, what is free again, what was dropped, and whether to leave.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::{EmitError, HandlerErrors, with_own_record};
use logtree_os::streams::StandardStream;
use logtree_os::{Death, LaneState, ProcessState, ProcessView, Segment, Shrinker, SlotIndex};

use crate::claims::Claims;
use crate::config::Shared;
use crate::definitions::Definitions;
use crate::departure::{self, LeaveBehind, Left};
use crate::helpers::{self, Role};
use crate::merge::Merge;
use crate::publish;
use crate::queue::{self, Queue};
use crate::reports::Reports;

/// Between two looks at all processes and lanes.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// What a burst needed of shared memory is given back when nobody has used it for so long, or twice as long.
const SHRINK_INTERVAL: Duration = if cfg!(logtree_kill_points) { LOOK_INTERVAL } else { Duration::from_secs(2) };
/// Nobody takes so long to attach.
const ATTACHED_WITHIN: Duration = Duration::from_secs(5);
/// So long a change of configs waits for those who hold claims of files that are written no more.
const FREES_WITHIN: Duration = Duration::from_millis(20);
/// How long a listener that nobody needs any more tries to write what cannot be written.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// What the listener keeps track of between its rounds.
pub(crate) struct House<'a> {
    queue: Arc<Queue>,
    segment: &'a Arc<Segment>,
    role: Role,
    claim_number: u64,
    claims: Claims,
    /// Files that configs of before wrote, and whose claims may be the queue's still.
    former_files: Vec<PathBuf>,
    /// Processes that were met while they attached, and since when.
    attaching: HashMap<(SlotIndex, u32), Instant>,
    looked: Option<Instant>,
    shrinker: Shrinker,
    shrunk: Instant,
    pub(crate) reports: Reports,
}

/// What a listener does about records that it cannot write.
pub(crate) enum GivesUp {
    /// It tries again.
    No,
    /// It leaves them where they are, and its seat before it drops this.
    Leaves(Left),
    /// It goes on without them.
    Loses,
}

impl<'a> House<'a> {
    pub(crate) fn new(
        queue: &Arc<Queue>,
        segment: &'a Arc<Segment>,
        role: Role,
        claim_number: u64,
        claims: Claims,
    ) -> Self {
        Self {
            queue: Arc::clone(queue),
            segment,
            role,
            claim_number,
            claims,
            // The listener of before may have been killed before it had freed them all.
            former_files: Shared::of(segment).former_files,
            attaching: HashMap::new(),
            looked: None,
            shrinker: Shrinker::new(segment),
            shrunk: Instant::now(),
            reports: Reports::default(),
        }
    }

    /// The queue has another config by now.
    pub(crate) fn change_to(&mut self, queue: &Arc<Queue>) {
        self.queue = Arc::clone(queue);
    }

    /// Watches over the claims of the files that the queue writes by now.
    pub(crate) fn watch_claims(&mut self) {
        self.claims.go_on(&self.queue, self.segment);
    }

    /// Gives up the claims of files that the segment's config writes no more. Those that others hold meanwhile are seen to
    /// [later](Self::keep).
    pub(crate) fn free_former_files(&mut self) {
        self.former_files.extend(Shared::of(self.segment).former_files);
        self.former_files.sort();
        self.former_files.dedup();
        self.try_to_free(FREES_WITHIN);
    }

    fn try_to_free(&mut self, patience: Duration) {
        let (segment, generation) = (self.segment, self.queue.generation());
        self.former_files.retain(|file| !publish::free_former_file(segment, generation, file, patience));
    }

    /// Whether the files are this queue's, as far as can be told without looking more often than that makes sense.
    ///
    /// # Errors
    /// Another queue writes one of them.
    pub(crate) fn may_write(&mut self) -> std::io::Result<()> {
        self.claims.look(&self.queue, self.segment);
        self.claims.may_write()
    }

    /// Says on stderr that the config is one that this process cannot build; another one is looked for.
    pub(crate) fn say_refused(&self, why: &str) {
        let name = &self.queue.listener.name;
        let message = format!(
            "logtree: warning: a listener of the queue '{name}' cannot go on with its new config, and leaves it to a \
             process that can: {why}\n"
        );
        // A closed stderr leaves nobody to tell.
        let _ = StandardStream::Stderr.write_all(message.as_bytes());
    }

    /// Frees what the dead left, gathers what is to be said of drops; whether nobody seems to need the listener any more, which
    /// then is to [leave](Self::leave).
    pub(crate) fn keep(&mut self, merge: &mut Merge, definitions: &mut Definitions) -> bool {
        let is_leaving = helpers::termination_requested(self.role) || queue::is_leaving();
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) && !is_leaving {
            return false;
        }
        self.looked = Some(Instant::now());
        self.claims.look(&self.queue, self.segment);
        helpers::keep_standby(&self.queue, self.segment, self.role, self.claims.watch());
        self.try_to_free(Duration::ZERO);
        self.note_attaching();
        let (dead, living): (Vec<_>, Vec<_>) = self.segment.processes().partition(|process| self.is_gone(process));
        let dead: Vec<SlotIndex> = dead.iter().map(|process| process.slot).collect();
        self.reports.gather(self.segment);
        self.reclaim(merge, &dead);
        for slot in dead {
            if self.reports.all_is_said() && self.segment.release_process(slot) {
                definitions.forget(slot);
            }
        }
        if self.shrunk.elapsed() >= SHRINK_INTERVAL {
            self.shrinker.look();
            self.shrunk = Instant::now();
        }
        // Whoever leaves locks the claims, and others wait for them meanwhile: not while it is known that somebody stays.
        let may_leave = living.is_empty() && self.reports.all_is_said();
        may_leave && (self.role != Role::Thread || queue::is_leaving())
    }

    /// [`keep`](Self::keep), although a look was taken a moment ago.
    pub(crate) fn keep_at_once(&mut self, merge: &mut Merge, definitions: &mut Definitions) -> bool {
        self.looked = None;
        self.keep(merge, definitions)
    }

    /// Frees lanes that are read to their end and whose thread, or process, is gone; drops in them are said first.
    fn reclaim(&self, merge: &mut Merge, dead: &[SlotIndex]) {
        let mut has_reclaimed = false;
        let views: Vec<_> = self.segment.lanes().filter(|lane| lane.state != LaneState::Free).collect();
        for view in views {
            let owner_is_dead = dead.contains(&view.process);
            let reader = merge.readers().iter().find(|reader| reader.lane() == view.lane);
            let is_read = match (view.state, reader) {
                (LaneState::Retired, _) => true,
                (_, Some(reader)) => reader.is_finished() || (owner_is_dead && reader.is_drained()),
                (_, None) => false,
            };
            let is_said = view.drops.since(&view.reported).is_zero();
            if is_read && is_said && self.segment.reclaim_lane(view.lane, owner_is_dead) {
                merge.close(view.lane);
                has_reclaimed = true;
            }
        }
        if has_reclaimed {
            // Its producer may have been killed before it published what it had spilled.
            self.segment.sweep_spills();
        }
    }

    /// Leaves if nobody is attached: nothing that was published stays unread, nothing of the queue stays behind.
    pub(crate) fn leave(&self) -> bool {
        // The claims are locked first: whoever comes meanwhile waits for them and finds either a queue or none.
        departure::leave(&self.queue, self.segment, || {
            let is_closed = self.segment.try_close(|process| self.is_gone(process));
            if is_closed {
                self.claims.end();
            }
            is_closed
        })
    }

    /// Counts and reports, as any handler's error, that a batch could not be written yet.
    pub(crate) fn say_not_written(&self, errors: &HandlerErrors, error: std::io::Error) {
        self.say_failed(errors, "could not write and tries again", error);
    }

    /// The same of a file that could not be rolled: lines go on into the old one.
    pub(crate) fn say_not_rolled(&self, errors: &HandlerErrors, error: std::io::Error) {
        self.say_failed(errors, "could not roll a file", error);
    }

    fn say_failed(&self, errors: &HandlerErrors, what: &str, error: std::io::Error) {
        let message = format!("listener {} of the queue {what}", self.claim_number);
        with_own_record("listener", &message, |record| {
            errors.report(&self.queue.listener.name, record, &EmitError::Io(error));
        });
    }

    /// What becomes of records that could not be written since `began`: nothing yet, as long as there is somebody whom it
    /// helps to wait. What does is said on stderr, as the log cannot be written.
    pub(crate) fn gives_up(&self, began: Instant, what: &str) -> GivesUp {
        let is_needed = || !self.segment.processes().all(|process| self.is_gone(&process));
        // What another queue's listener keeps from being written can be written when that has ended.
        let is_in_vain = self.claims.may_write().is_ok() && began.elapsed() >= LAST_ATTEMPTS;
        if self.role != Role::Helper || !is_in_vain || is_needed() {
            return GivesUp::No;
        }
        helpers::leave_to_the_next_start(self.segment);
        let (gives_up, say) = match departure::leave_behind(&self.queue, self.segment, is_needed) {
            LeaveBehind::Leave(left) => (GivesUp::Leaves(left), "stay in memory for the next process that has it"),
            LeaveBehind::Lose => (GivesUp::Loses, "are lost"),
            LeaveBehind::Stay => {
                helpers::take_up(self.segment);
                return GivesUp::No;
            }
        };
        let name = &self.queue.listener.name;
        let message = format!("logtree: error: {what} of the queue '{name}' could not be written and {say}\n");
        // A closed stderr leaves nobody to tell.
        let _ = StandardStream::Stderr.write_all(message.as_bytes());
        gives_up
    }

    /// Whether a process will put no record into the queue any more, for certain.
    fn is_gone(&self, process: &ProcessView) -> bool {
        match process.state {
            ProcessState::Detached | ProcessState::Attached => {
                self.segment.has_left(process)
                    || self.segment.is_over(process)
                    || process.identity.death() == Death::Dead
            }
            // It has not said yet who it is. Attaching takes microseconds; who has not done it in so long a time,
            // and whose number nobody has, was killed in it.
            ProcessState::Attaching if self.segment.is_over(process) => true,
            ProcessState::Attaching => {
                let since = self.attaching.get(&(process.slot, process.generation));
                let is_overdue = since.is_some_and(|since| since.elapsed() > ATTACHED_WITHIN);
                is_overdue && !Path::new(&format!("/proc/{}", process.identity.pid)).exists()
            }
            ProcessState::Free | ProcessState::Clearing => true,
        }
    }

    fn note_attaching(&mut self) {
        let now = Instant::now();
        let seen = self.segment.processes().filter(|process| process.state == ProcessState::Attaching);
        let seen = seen.map(|process| (process.slot, process.generation));
        self.attaching = seen.map(|key| (key, self.attaching.get(&key).copied().unwrap_or(now))).collect();
    }
}
