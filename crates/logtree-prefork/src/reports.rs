//! What the log is told of records that were dropped: whose they were, how many, and why.
//!
//! That the log has told it is part of the plan of the batch in which the report stands. So the successor of a listener that
//! was killed says it no more if the report is written, or will be, and says it if it never will.

use std::time::{Duration, Instant};

use logtree_core::{Record, side, with_own_record};
use logtree_os::{DropReason, LaneState, LaneView, ProcessState, ProcessView, Segment, Told, kill_point};

use crate::counts::Counts;
use crate::words::{self, REASONS};

/// Drops are said at most so often.
const SAY_INTERVAL: Duration = Duration::from_secs(1);

/// The reports of one listener.
#[derive(Default)]
pub(crate) struct Reports {
    said: Option<Instant>,
    unsaid: Vec<Report>,
    /// What the log will have told once the batch is written.
    being_told: Vec<Told>,
}

/// Something to be said in the log.
#[derive(Default)]
pub(crate) struct Report {
    message: String,
    /// What the log will have told then.
    told: Vec<Told>,
    /// By how much the segment's words from [`words::TOLD`] on will have risen.
    rises: [u64; words::TOLD_WORDS],
}

impl Report {
    /// The report as a record of the logger `logtree`.
    pub(crate) fn with_record(&self, use_it: impl FnOnce(&Record<'_>)) {
        with_own_record("listener", &self.message, use_it);
    }
}

impl Reports {
    /// Whether there is nothing to be said.
    pub(crate) fn all_is_said(&self) -> bool {
        self.unsaid.is_empty()
    }

    /// What is to be said, once a second.
    pub(crate) fn due(&mut self) -> Vec<Report> {
        let is_due = self.said.is_none_or(|said| said.elapsed() >= SAY_INTERVAL);
        if !is_due || self.unsaid.is_empty() {
            return Vec::new();
        }
        kill_point!("drops: due");
        self.said = Some(Instant::now());
        std::mem::take(&mut self.unsaid)
    }

    /// These reports stand in the batch. There is one of each counter.
    pub(crate) fn being_written(&mut self, segment: &Segment, reports: Vec<Report>) {
        let mut rises = [0u64; words::TOLD_WORDS];
        for report in reports {
            self.being_told.extend(report.told);
            rises.iter_mut().zip(report.rises).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        }
        let risen = (words::TOLD..).zip(rises).filter(|(_, more)| *more > 0);
        let before = |word| segment.word(word).unwrap_or_default();
        let values = risen.map(|(word, more)| Told::word(word, before(word).saturating_add(more)));
        self.being_told.extend(values);
    }

    /// The batch counts for so much.
    pub(crate) fn being_counted(&mut self, segment: &Segment, counts: &Counts) {
        self.being_told.extend(counts.told(segment));
    }

    /// What the log will have told, for the plan of the batch.
    pub(crate) fn being_told(&self) -> &[Told] {
        &self.being_told
    }

    /// The batch is written: this listener and its successors say no more of it.
    pub(crate) fn written(&mut self, segment: &Segment) {
        self.being_told.drain(..).for_each(|told| segment.remember_told(&told));
    }

    /// Looks at what was dropped and not told yet.
    pub(crate) fn gather(&mut self, segment: &Segment) {
        self.unsaid.clear();
        // What was made since the last batch, and is in no plan.
        words::count(segment, words::OWN_DROPPED, side::take_dropped());
        self.unsaid.extend(own(segment));
        for lane in segment.lanes().filter(|lane| lane.state != LaneState::Free) {
            let pid = segment.process_view(lane.process).map_or(0, |process| process.identity.pid);
            self.unsaid.extend(cut(&lane, pid));
            self.unsaid.extend(dropped(&lane, pid));
        }
        let processes = segment.processes().filter(|process| process.state != ProcessState::Attaching);
        self.unsaid.extend(processes.filter_map(|process| without_lane(&process)));
    }
}

/// What no lane counts.
fn own(segment: &Segment) -> Option<Report> {
    let value = |word: usize| segment.word(word).unwrap_or_default();
    let counted = [(words::OWN_DROPPED, words::TOLD_OWN_DROPPED), (words::UNREADABLE, words::TOLD_UNREADABLE)];
    let [made, unreadable] = counted.map(|(count, told)| value(count).saturating_sub(value(told)));
    let message =
        format!("{made} records were dropped that the listener made itself, and {unreadable} that it could not read");
    let told = counted.map(|(count, told)| Told::word(told, value(count))).into();
    (made > 0 || unreadable > 0).then(|| report(message, told, []))
}

fn cut(lane: &LaneView, pid: u32) -> Option<Report> {
    let count = lane.drops.since(&lane.reported).cut();
    let message = format!("{count} records of process {pid} were cut: there was no place for all of them");
    (count > 0).then(|| report(message, vec![Told::cut(lane)], [(words::TOLD_CUT, count)]))
}

fn dropped(lane: &LaneView, pid: u32) -> Option<Report> {
    let new = lane.drops.since(&lane.reported);
    let message = format!(
        "{} records of process {pid} were dropped: {} did not fit into its queue, {} were too large, {} found no shared \
         memory, {} met a lane that was given up",
        new.total(),
        new.of(DropReason::Full),
        new.of(DropReason::TooLarge),
        new.of(DropReason::NoMemory),
        new.of(DropReason::Retired),
    );
    let told = REASONS.map(|reason| Told::dropped(lane, reason)).into();
    let rises = std::array::from_fn::<_, { REASONS.len() }, _>(|at| (words::TOLD + at, new.of(REASONS[at])));
    (new.total() > 0).then(|| report(message, told, rises))
}

fn without_lane(process: &ProcessView) -> Option<Report> {
    let count = process.drops_no_lane.saturating_sub(process.reported_no_lane);
    let pid = process.identity.pid;
    let message = format!("{count} records of process {pid} were dropped: there was no lane for their thread");
    (count > 0).then(|| report(message, vec![Told::no_lane(process)], [(words::TOLD_NO_LANE, count)]))
}

/// A report by which the segment's words rise by so much.
fn report<const N: usize>(message: String, told: Vec<Told>, rises: [(usize, u64); N]) -> Report {
    let mut report = Report { message, told, ..Report::default() };
    rises.into_iter().for_each(|(word, more)| report.rises[word - words::TOLD] = more);
    report
}
