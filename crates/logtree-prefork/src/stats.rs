//! What can be said of queues: of those of this process, and of any queue of this user.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use logtree_os::claim::ClaimText;
use logtree_os::{
    Death, DropCounts, ForkLock, ForkReset, LaneState, ProcessState, SegmentError, SegmentId, SegmentLook,
    SegmentSight, default_directory,
};

use crate::config::Shared;
use crate::process::CAPACITY_WORD;
use crate::queue::{Joined, Queue};
use crate::words::{self, REASONS};
use crate::{helpers, join};

/// What can be said of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// The name of the `QueueHandler` in the config; empty if the queue is none of this process.
    pub name: String,
    /// The name by which its processes meet: that of the config, or one that was made up.
    pub queue: String,
    /// The segment's file.
    pub path: PathBuf,
    /// The segment's name for good.
    pub segment: SegmentId,
    /// How many listeners there have been; it names the one of now.
    pub claim_number: u64,
    /// Whether somebody listens.
    pub has_listener: bool,
    /// The thread that listens, as it is numbered in its pid namespace; of a helper it is the process.
    pub listener: Option<u32>,
    /// The process that stands by to listen, if it is not known to be dead.
    pub standby: Option<u32>,
    /// Processes that are attached.
    pub processes: u32,
    /// Lanes that are taken.
    pub lanes: u32,
    /// Records that wait for the listener.
    pub waiting: u64,
    /// Bytes that they take.
    pub waiting_bytes: u64,
    /// Records that have reached their handlers; each counts once, whoever was killed meanwhile.
    pub handled: u64,
    /// Records of those that were older than one handled before: they came too late for the order of time.
    pub late: u64,
    /// Records dropped in the queue's life.
    pub dropped: u64,
    /// Why they were.
    pub drops: Drops,
    /// Records put in with less text than they had: there was no place for all of it.
    pub cut: u64,
    /// Lanes given up because their bytes made no sense.
    pub bad_lanes: u64,
    /// Transactions of killed listeners that made no sense; their records were handled again.
    pub refused_transactions: u64,
    /// Steps that a killed listener had begun and whose file was replaced, cut or unreadable when they were finished.
    pub disturbed_appends: u64,
    /// Batches written without a transaction, for want of shared memory.
    pub unprotected_batches: u64,
    /// Bytes of shared memory in use.
    pub memory_bytes: u64,
    /// Which config its handlers come from.
    pub config: ConfigStats,
    /// The processes, those too that have left and whose lanes are still to be read.
    pub owners: Vec<OwnerStats>,
}

/// The config of a queue: each newer one raises the generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigStats {
    /// The generation of the newest config; 0 if code says what is logged.
    pub generation: u64,
    /// That of the config whose handlers the listener has: the same, but for the moments of a change, or if nobody who
    /// listens can build the newest one.
    pub listening: u64,
    /// Where it was read from.
    pub origin: String,
    /// From where its file names count.
    pub directory: PathBuf,
}

/// Records that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// The lane held its capacity already.
    pub full: u64,
    /// The record was larger than a lane.
    pub too_large: u64,
    /// There was no shared memory.
    pub no_memory: u64,
    /// The lane had been given up.
    pub retired: u64,
    /// There was no lane for the thread.
    pub no_lane: u64,
}

/// What can be said of one process of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerStats {
    /// The process, as it is numbered in its pid namespace.
    pub process: u32,
    /// Whether it may log still; if not, it has said goodbye or is about to join.
    pub is_attached: bool,
    /// Whether it is known to be dead. Whoever listens next reads what it has logged, and takes it away.
    pub is_dead: bool,
    /// How much each of its lanes may hold, in bytes.
    pub capacity_bytes: u64,
    /// Its lanes, one a thread that has logged.
    pub lanes: Vec<LaneStats>,
    /// Its records that found no lane.
    pub dropped_no_lane: u64,
}

/// What can be said of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Its number.
    pub lane: u32,
    /// Whether its thread may log still.
    pub is_open: bool,
    /// Records put in since the thread took it, modulo 2³²; and what asks the listener to roll or to open its files anew, which it
    /// does not count as handled.
    pub published: u32,
    /// Records of those that wait for the listener.
    pub waiting: u32,
    /// Bytes that they take.
    pub waiting_bytes: u64,
    /// Records dropped since the thread took it.
    pub dropped: u64,
}

/// What can be said of each queue of this process that is in shared memory.
pub fn stats() -> Vec<QueueStats> {
    let mut seen = Vec::new();
    let mut is_new = |queue: &Arc<Queue>| {
        // Of configs that follow each other, the one before may be in use still.
        let number = queue.place().number;
        let is_new = !seen.contains(&number);
        seen.push(number);
        is_new
    };
    let newest_first: Vec<_> = queues().into_iter().rev().filter(|queue| is_new(queue)).collect();
    newest_first.iter().rev().filter_map(|queue| queue.stats()).collect()
}

/// A queue that is looked at from outside, as `logtree stat` does. Nobody whose queue it is notices.
#[derive(Debug)]
pub struct QueueLook {
    name: String,
    look: SegmentLook,
}

impl QueueLook {
    /// Looks at the queue called `name`: by its own name, or as the path of a log file that it writes. If its name in the
    /// directory of queues was taken away, it is found in a process that has it: see [`SegmentLook::open_removed`].
    ///
    /// # Errors
    /// If there is none, or it is another user's or of an incompatible version of logtree.
    pub fn open(name: &str) -> Result<Self, SegmentError> {
        let path = default_directory().join(join::file_name(name));
        match ClaimText::peek(Path::new(name)).or_else(|| ClaimText::peek(&path)) {
            Some(claim) => Self::claimed(&claim),
            None => Self::at(&path),
        }
    }

    /// Looks at each queue of this user, in the order of their names. Those that cannot be looked at are errors. Of those whose
    /// names were taken away, only what was named in a config is among them.
    pub fn all() -> Vec<Result<Self, SegmentError>> {
        let entries = std::fs::read_dir(default_directory()).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.filter_map(|entry| segment_of(&entry.path())).collect();
        paths.sort();
        paths.dedup();
        let looks = paths.iter().map(|path| match ClaimText::peek(path) {
            Some(claim) => Self::claimed(&claim),
            None => Self::at(path),
        });
        // It may have ended meanwhile.
        looks.filter(|look| !look.as_ref().is_err_and(SegmentError::is_absent)).collect()
    }

    /// The queue that a claim names; if that is no more, the one that has its place.
    fn claimed(claim: &ClaimText) -> Result<Self, SegmentError> {
        let (path, id) = (claim.segment(), SegmentId(claim.segment_id()));
        match Self::at(path) {
            Ok(look) if look.look.id() == id => Ok(look),
            Err(error) if !error.is_absent() => Err(error),
            other => SegmentLook::open_removed(path, id).map_or(other, |look| Ok(Self::of(path, look))),
        }
    }

    fn at(path: &Path) -> Result<Self, SegmentError> {
        SegmentLook::open(path).map(|look| Self::of(path, look))
    }

    fn of(path: &Path, look: SegmentLook) -> Self {
        Self { name: queue_name(path).unwrap_or_else(|| path.display().to_string()), look }
    }

    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What can be said of it now.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        of(String::new(), self.look.path(), &self.look.sight())
    }

    /// Whether the queue is still there, or another one has its place.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.look.is_linked()
    }
}

/// The path of the segment to which a file in the directory of queues belongs: it is one, or its claim.
fn segment_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix('.').map_or(Some(name), |name| name.strip_suffix(".logtree"))?;
    Some(path.with_file_name(name)).filter(|path| queue_name(path).is_some())
}

/// The name of the queue whose segment has this path, if it is one's.
fn queue_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.strip_prefix("queue-")?.to_owned())
}

/// The queues of this process.
pub(crate) fn queues() -> Vec<Arc<Queue>> {
    QUEUES.lock().0.iter().filter_map(Weak::upgrade).collect()
}

static QUEUES: ForkLock<Queues> = ForkLock::new(Queues(Vec::new()));

struct Queues(Vec<Weak<Queue>>);

impl ForkReset for Queues {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(Vec::new())
    }
}

/// Has a queue that was started counted among those of this process.
pub(crate) fn remember(queue: &Arc<Queue>) {
    let mut queues = QUEUES.lock();
    queues.0.retain(|queue| queue.strong_count() > 0);
    queues.0.push(Arc::downgrade(queue));
}

impl Queue {
    fn stats(&self) -> Option<QueueStats> {
        helpers::reap(self);
        let Joined::Segment(segment) = self.joined() else { return None };
        Some(of(self.listener.name.clone(), segment.path(), &segment.sight()))
    }
}

fn of(name: String, path: &Path, sight: &SegmentSight) -> QueueStats {
    let word = |number: usize| sight.words.get(number).copied().unwrap_or_default();
    let owners = owners(sight);
    let standby = helpers::standby_of(word);
    let shared = Shared::parse(&sight.text).unwrap_or_default();
    // What the log has told of, and what it has not yet. Others may have written any numbers there.
    let with_untold = |told: usize, of: &dyn Fn(&DropCounts) -> u64| {
        let untold = sight.lanes.iter().map(|fill| of(&fill.lane.drops.since(&fill.lane.reported)));
        untold.fold(word(told), u64::saturating_add)
    };
    let [full, too_large, no_memory, retired] =
        std::array::from_fn(|at| with_untold(words::TOLD + at, &|drops| drops.of(REASONS[at])));
    let untold_no_lane =
        sight.processes.iter().map(|process| process.drops_no_lane.saturating_sub(process.reported_no_lane));
    let no_lane = untold_no_lane.fold(word(words::TOLD_NO_LANE), u64::saturating_add);
    let lanes = || owners.iter().flat_map(|owner| &owner.lanes);
    QueueStats {
        name,
        queue: queue_name(path).unwrap_or_default(),
        path: path.to_owned(),
        segment: sight.id,
        claim_number: sight.claim_number,
        has_listener: sight.listener.is_some(),
        listener: sight.listener,
        // One that is killed cannot say so, and who would say it for it may be killed as well.
        standby: Some(standby.pid).filter(|_| helpers::lives(&standby)),
        processes: owners.iter().filter(|owner| owner.is_attached).count() as u32,
        lanes: lanes().count() as u32,
        waiting: lanes().map(|lane| u64::from(lane.waiting)).sum(),
        waiting_bytes: lanes().map(|lane| lane.waiting_bytes).sum(),
        handled: word(words::HANDLED),
        late: word(words::LATE),
        dropped: [full, too_large, no_memory, retired, no_lane].into_iter().fold(0, u64::saturating_add),
        drops: Drops { full, too_large, no_memory, retired, no_lane },
        cut: with_untold(words::TOLD_CUT, &DropCounts::cut),
        bad_lanes: sight.bad_lanes,
        refused_transactions: sight.refused_transactions,
        disturbed_appends: word(words::DISTURBED),
        unprotected_batches: word(words::UNPROTECTED),
        memory_bytes: sight.size_bytes,
        config: ConfigStats {
            generation: word(words::CONFIG),
            listening: word(words::LISTENING),
            origin: shared.config.origin,
            directory: shared.config.directory,
        },
        owners,
    }
}

fn owners(sight: &SegmentSight) -> Vec<OwnerStats> {
    let is_there = |state| state != ProcessState::Clearing;
    let processes = sight.processes.iter().filter(|process| is_there(process.state));
    let owners = processes.map(|process| {
        let lanes = sight.lanes.iter().filter(|fill| fill.lane.process == process.slot);
        let lanes = lanes.map(|fill| LaneStats {
            lane: fill.lane.lane.number() as u32,
            is_open: fill.lane.state == LaneState::Claimed,
            published: fill.lane.published,
            waiting: fill.lane.waiting(),
            waiting_bytes: fill.waiting_bytes,
            dropped: fill.lane.drops.total(),
        });
        OwnerStats {
            process: process.identity.pid,
            is_attached: process.state == ProcessState::Attached,
            is_dead: process.identity.death() == Death::Dead,
            capacity_bytes: process.words[CAPACITY_WORD],
            lanes: lanes.collect(),
            dropped_no_lane: process.drops_no_lane,
        }
    });
    owners.collect()
}
