//! One queue of one process: what its config said, the segment it has joined, and its place there.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use logtree_core::{
    BuildError, Direct, EmitError, Formatter, Handler, HandlerEntry, Level, Overflow, QueueListener, Record, Steps,
    side,
};
use logtree_os::election::{holder, is_vacant};
use logtree_os::{DropReason, ForkLock, ForkReset, LaneIndex, LaneProducer, ProcessView, Published, Segment};

use crate::config::{self, Configured};
use crate::handover;
use crate::helpers::{self, Helpers};
use crate::options::QueueOptions;
use crate::outage::Outage;
use crate::process::{ProcessSide, Slot};
use crate::producer::{self, Put, REOPEN, ROLL};
use crate::streams::OwnStreams;
use crate::{departure, join, publish, stats, sweep, words};

/// How long installing may wait for other processes that are joining the same queue.
const JOIN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a logging call may, when its process has to join anew.
const REJOIN_PATIENCE: Duration = Duration::from_millis(250);

/// How long a process waits whose end is that of the listener too, for that to see that nobody needs it.
const LEAVING_TAKES: Duration = Duration::from_secs(1);

/// A queue, as a config of this process has it.
pub(crate) struct Queue {
    pub(crate) options: QueueOptions,
    pub(crate) listener: QueueListener,
    /// The config that the listener comes from, unless it is code's.
    pub(crate) configured: Option<Configured>,
    /// The generation that it has, or had, in the segment; 0 if it was never the one there.
    pub(crate) generation: AtomicU64,
    place: OnceLock<Arc<Place>>,
}

/// What configs that name the same queue one after the other have in common: this process's place in the segment, and
/// its threads' lanes.
pub(crate) struct Place {
    /// Tells the queues of one process apart.
    pub(crate) number: u32,
    joined: ForkLock<Joined>,
    process: ForkLock<Slot>,
    pub(crate) helpers: ForkLock<Helpers>,
    outage: ForkLock<Outage>,
}

/// Where the records of a queue go.
#[derive(Clone, Debug, Default)]
pub(crate) enum Joined {
    /// Nowhere yet.
    #[default]
    Not,
    /// Into shared memory.
    Segment(Arc<Segment>),
    /// Straight to the handlers, in the process that logs: there is no shared memory to be had.
    Direct,
}

impl ForkReset for Joined {
    /// The child has the same memory mapped.
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self::Not
    }
}

/// The handler that puts records into a queue.
pub(crate) struct QueueProducer {
    queue: Arc<Queue>,
}

impl QueueProducer {
    pub(crate) fn new(options: QueueOptions, listener: QueueListener) -> Self {
        // Looked at once before there can be a fork in the middle of the first look.
        monotonic_ns();
        let (configured, generation, place) = (config::configured(), AtomicU64::new(0), OnceLock::new());
        Self { queue: Arc::new(Queue { options, listener, configured, generation, place }) }
    }
}

impl Handler for QueueProducer {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let queue = &self.queue;
        if side::is_listening(queue.place().number) {
            side::keep(record);
            return Ok(());
        }
        match producer::put(queue, record) {
            Put::Published(published, own_streams) => queue.after_publishing(published, own_streams, record),
            Put::Refused(reason) => queue.refused(reason, record),
            Put::Direct => queue.handle_here(record, |_| true),
            Put::Dropped => queue.see_to_room(),
            Put::NoPlace => {
                queue.handle_here(record, |_| true);
                let said = "the queue has no place for this process, which writes its records itself";
                return Err(io::Error::other(said).into());
            }
        }
        Ok(())
    }

    fn roll(&self, _: &mut dyn Steps) -> Result<(), EmitError> {
        let queue = &self.queue;
        if side::is_listening(queue.place().number) {
            // What it does to files is being planned.
            return Err(io::Error::other("a handler behind the queue cannot roll its files").into());
        }
        match producer::put_request(queue, ROLL) {
            Put::Published(published, _) => queue.see_to_listener(published),
            Put::Direct | Put::NoPlace => queue.listener.roll(&mut Direct),
            Put::Refused(_) | Put::Dropped => return Err(io::Error::other("the queue is full").into()),
        }
        Ok(())
    }

    /// The files are the listener's; what there is of them in this process is reopened as any handler's.
    fn reopen(&self) {
        if side::is_listening(self.queue.place().number) {
            // A listener puts nothing into a lane: it would be one of those whom it listens for.
            return;
        }
        if let Put::Published(published, _) = producer::put_request(&self.queue, REOPEN) {
            self.queue.see_to_listener(published);
        }
    }

    fn starts_children(&self) -> bool {
        true
    }

    fn start(&self) -> Result<(), BuildError> {
        let queue = &self.queue;
        // What stands behind the queue has one writer; this process must not keep its files open beside that.
        queue.listener.handlers.iter().for_each(|entry| entry.reopen());
        sweep::sweep();
        if let Some(earlier) = queue.find_earlier() {
            let _ = queue.place.set(Arc::clone(earlier.place()));
        }
        let met_others = match queue.joined() {
            Joined::Segment(segment) => {
                publish::bring_config(queue, &segment, JOIN_PATIENCE)?;
                true
            }
            Joined::Not | Joined::Direct => {
                let joining = join::join(queue, JOIN_PATIENCE)?;
                *queue.place().joined.lock() = joining.joined;
                queue.place().process.lock().0 = joining.process;
                joining.met_others
            }
        };
        stats::remember(queue);
        if met_others {
            // A program that starts, or reads its config again, finds its files by their names. The listener may have them open since
            // before somebody moved or removed them.
            self.reopen();
        }
        Ok(())
    }

    fn flush(&self, deadline: Instant) -> bool {
        self.queue.flush(deadline)
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.queue.listener.handlers
    }

    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        self.queue.listener.hands_on(child, level)
    }

    fn queue(&self) -> Option<&str> {
        Some("multiprocessing.Queue")
    }

    fn queue_listener(&self) -> Option<&QueueListener> {
        Some(&self.queue.listener)
    }
}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            number: side::next_queue_number(),
            joined: ForkLock::new(Joined::Not),
            process: ForkLock::new(Slot::default()),
            helpers: ForkLock::new(Helpers::default()),
            outage: ForkLock::new(Outage::default()),
        })
    }
}

impl Queue {
    /// The same queue with another config's listener.
    pub(crate) fn with_listener(&self, listener: QueueListener, configured: Configured, generation: u64) -> Arc<Self> {
        let place = OnceLock::from(Arc::clone(self.place()));
        let (options, generation) = (self.options.clone(), AtomicU64::new(generation));
        Arc::new(Self { options, listener, configured: Some(configured), generation, place })
    }

    #[inline]
    pub(crate) fn place(&self) -> &Arc<Place> {
        self.place.get_or_init(Place::new)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Whether the process does nothing but listen.
    pub(crate) fn is_service(&self) -> bool {
        self.configured.as_ref().is_some_and(|configured| configured.is_service)
    }

    /// The queue of an earlier config that this one goes on with: else each config that is read again would take one more of
    /// the places for processes. It has the same name for processes to meet at, and the handler the same name or a file
    /// in common. Where no config can tell the listener of other handlers, they must be the same.
    fn find_earlier(&self) -> Option<Arc<Self>> {
        let is_same_place = |earlier: &Arc<Self>| {
            matches!(earlier.joined(), Joined::Segment(_)) && earlier.options.name == self.options.name
        };
        let earlier: Vec<_> = stats::queues().into_iter().rev().filter(is_same_place).collect();
        let mine = join::meeting_places(self);
        let has_name = |earlier: &&Arc<Self>| earlier.listener.name == self.listener.name;
        let shares_file = |earlier: &&Arc<Self>| join::meeting_places(earlier).iter().any(|file| mine.contains(file));
        if self.configured.is_some() {
            return earlier.iter().find(has_name).or_else(|| earlier.iter().find(shares_file)).cloned();
        }
        let handlers = |queue: &Self| -> Vec<_> {
            queue.listener.handlers.iter().map(|entry| (entry.name.clone(), entry.handler.std_stream())).collect()
        };
        let is_same = |earlier: &&Arc<Self>| {
            has_name(earlier) && handlers(earlier) == handlers(self) && join::meeting_places(earlier) == mine
        };
        earlier.iter().find(is_same).cloned()
    }

    /// What is rarely to be done once a record is safe.
    #[inline]
    fn after_publishing(self: &Arc<Self>, published: Published, own_streams: OwnStreams, record: &Record<'_>) {
        self.see_to_listener(published);
        if own_streams != OwnStreams::default() {
            self.handle_here(record, |entry| own_streams.has(entry));
        }
    }

    #[inline]
    fn see_to_listener(self: &Arc<Self>, published: Published) {
        match published {
            Published::Quietly => {}
            Published::Vacant => helpers::nobody_listens(self),
            Published::Slowly => helpers::look_after(self),
        }
    }

    #[cold]
    fn refused(self: &Arc<Self>, reason: DropReason, record: &Record<'_>) {
        let mut reason = reason;
        if reason == DropReason::Retired {
            // The thread takes another lane.
            match producer::put(self, record) {
                Put::Published(published, own) => return self.after_publishing(published, own, record),
                Put::Refused(again) => reason = again,
                Put::Direct | Put::NoPlace => return self.handle_here(record, |_| true),
                Put::Dropped => return self.see_to_room(),
            }
        }
        let since = Instant::now();
        while let (DropReason::Full, Overflow::Block(timeout)) = (reason, self.options.limits.overflow) {
            if !self.wait_for_room(since, timeout) {
                break;
            }
            match producer::put(self, record) {
                Put::Published(published, own) => return self.after_publishing(published, own, record),
                Put::Refused(again) => reason = again,
                Put::Direct | Put::NoPlace => return self.handle_here(record, |_| true),
                Put::Dropped => return self.see_to_room(),
            }
        }
        producer::count_drop(self, reason);
        self.see_to_room();
    }

    /// Where there is no room nothing is published: whose record is dropped may be the only one to see that nobody listens, who
    /// would make room.
    #[cold]
    fn see_to_room(self: &Arc<Self>) {
        let Joined::Segment(segment) = self.joined() else { return };
        if is_vacant(segment.seat()) {
            helpers::nobody_listens_to(self, &segment);
        }
    }

    /// Waits until the listener has made progress; `false` once this record, or all of this outage, have waited for `timeout`.
    fn wait_for_room(self: &Arc<Self>, since: Instant, timeout: Duration) -> bool {
        const TURN: Duration = Duration::from_millis(20);
        let Joined::Segment(segment) = self.joined() else { return false };
        let began = self.place().outage.lock().began(segment.word(words::HANDLED).unwrap_or_default());
        let left = timeout.saturating_sub(began.min(since).elapsed());
        if left.is_zero() {
            return false;
        }
        segment.request_flush();
        let mut looks = 0;
        segment.wait_for_progress(left.min(TURN), || {
            looks += 1;
            looks > 1
        });
        if is_vacant(segment.seat()) {
            helpers::nobody_listens(self);
        }
        true
    }

    /// Runs handlers of the far side in this process, on this record.
    fn handle_here(&self, record: &Record<'_>, which: impl Fn(&HandlerEntry) -> bool) {
        self.listener.handle(record, &mut Direct, which);
    }

    pub(crate) fn joined(&self) -> Joined {
        self.place().joined.lock().clone()
    }

    /// A lane for the calling thread, or what becomes of its record without one.
    #[cold]
    pub(crate) fn claim_lane(self: &Arc<Self>) -> Result<(LaneProducer, OwnStreams), Put> {
        loop {
            let attached = self.with_process(|process| (Arc::clone(&process.attachment), process.own_streams));
            let Some((attachment, own_streams)) = attached else {
                return Err(if matches!(self.joined(), Joined::Direct) { Put::Direct } else { Put::NoPlace });
            };
            // Outside the lock: many threads may claim at once, and the first lane in new memory takes a while.
            match attachment.claim_lane(self.options.limits.capacity_bytes) {
                Ok(lane) if attachment.is_attached() => return Ok((lane, own_streams)),
                // The process has left in between, which it does once, when it ends; or a listener took it for dead, and it needs
                // another place.
                Ok(lane) => {
                    lane.detach();
                    let mut slot = self.place().process.lock();
                    slot.0.take_if(|process| Arc::ptr_eq(&process.attachment, &attachment));
                }
                Err(_) => {
                    attachment.count_drop_no_lane();
                    return Err(Put::Dropped);
                }
            }
        }
    }

    /// Says that this process is about to end, so that nobody has to find out that it is dead, who might not be able to: it may
    /// live in another pid namespace. What it logs all the same gets a place of its own.
    fn leave(&self) {
        let Some(process) = self.place().process.try_lock().and_then(|mut slot| slot.0.take()) else { return };
        process.attachment.leave();
        let segment = process.attachment.segment();
        helpers::resign(segment);
        let listens_here = || holder(segment.seat()).is_some_and(is_own_thread);
        // Who is being killed at this moment needs nobody, and can tidy up no more: it is waited for.
        let is_ending = |process: &ProcessView| process.identity.is_ending();
        let staying = || segment.processes().filter(|process| !sweep::is_gone(segment, process));
        let is_needed = || staying().any(|process| !is_ending(&process));
        let until = Instant::now() + LEAVING_TAKES;
        // With the first process of a pid namespace all others are killed, helpers too; with any process its threads.
        if std::process::id() == 1 || listens_here() {
            segment.request_flush();
            while !is_vacant(segment.seat()) && !is_needed() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let leave =
            || departure::leave(self, segment, || segment.try_abandon(|process| sweep::is_gone(segment, process)));
        // Where nobody listens, nobody else tidies up.
        while is_vacant(segment.seat()) && !leave() && staying().any(|process| is_ending(&process)) {
            if is_needed() || Instant::now() >= until {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Does something with this process's side, after attaching to the segment if that is not done; `None` if it cannot.
    pub(crate) fn with_process<R>(self: &Arc<Self>, use_it: impl FnOnce(&mut ProcessSide) -> R) -> Option<R> {
        // The holder may be joining anew, which takes so long at most.
        let mut slot = self.place().process.lock_within(2 * REJOIN_PATIENCE)?;
        if slot.0.is_none() {
            slot.0 = self.attach();
        }
        slot.0.as_mut().map(use_it)
    }

    /// This process puts no record into the queue any more.
    pub(crate) fn detach(&self) {
        if let Some(process) = self.place().process.lock().0.take() {
            process.attachment.leave();
        }
    }

    /// Attaches to the segment, or to a new one if all processes had left the old one before this one came.
    fn attach(self: &Arc<Self>) -> Option<ProcessSide> {
        let segment = match self.joined() {
            Joined::Segment(segment) => segment,
            Joined::Direct | Joined::Not => return None,
        };
        match ProcessSide::attach(&segment, self.options.limits.capacity_bytes) {
            Ok(process) => Some(process),
            Err(error) if error.is_full() => None,
            Err(_) => {
                let joining = join::join(self, REJOIN_PATIENCE).ok()?;
                *self.place().joined.lock() = joining.joined;
                joining.process
            }
        }
    }

    pub(crate) fn waiting_in(&self, lane: LaneIndex) -> u32 {
        match self.joined() {
            Joined::Segment(segment) => segment.lane_view(lane).map_or(0, |lane| lane.waiting()),
            _ => 0,
        }
    }

    /// Waits until what this process has published is with its handlers.
    fn flush(self: &Arc<Self>, deadline: Instant) -> bool {
        if side::is_listening(self.place().number) {
            // The listener would wait for itself.
            return false;
        }
        helpers::reap(self);
        let Joined::Segment(segment) = self.joined() else { return true };
        handover::offer_if_asked(self, &segment);
        let Some(slot) = self.place().process.lock_within(REJOIN_PATIENCE).map(|slot| {
            let process = slot.0.as_ref()?;
            // A process may have joined anew: only the lanes of its present segment can be waited for.
            Arc::ptr_eq(process.attachment.segment(), &segment).then(|| process.attachment.slot())
        }) else {
            return false;
        };
        let Some(slot) = slot else { return true };
        let tickets = segment.tickets(slot);
        if !self.wait_for(&segment, deadline, || tickets.iter().all(|ticket| segment.is_consumed(ticket))) {
            return false;
        }
        if !self.listener.has_filters() {
            return true;
        }
        // What these hold back was read, but the listener says it not before it is asked to.
        let asked = segment.request_flush();
        self.wait_for(&segment, deadline, || segment.is_flushed(asked))
    }

    /// Has the listener write everything, until `is_done` or `deadline`; answers whether it is done.
    fn wait_for(self: &Arc<Self>, segment: &Segment, deadline: Instant, is_done: impl Fn() -> bool) -> bool {
        const TURN: Duration = Duration::from_millis(50);
        while !is_done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            if is_vacant(segment.seat()) {
                helpers::nobody_listens(self);
            }
            segment.request_flush();
            segment.wait_for_progress(left.min(TURN), &is_done);
        }
        true
    }
}

/// Whether this process is about to end.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// Whether it is; a listener of its own then leaves when nobody needs it.
pub(crate) fn is_leaving() -> bool {
    LEAVING.load(Ordering::Relaxed)
}

pub(crate) fn is_own_thread(thread: u32) -> bool {
    std::path::Path::new(&format!("/proc/self/task/{thread}")).exists()
}

/// Says to all queues that this process is about to end; to be called once what it has logged is [flushed](Handler::flush).
pub fn leave() {
    LEAVING.store(true, Ordering::Relaxed);
    stats::queues().iter().for_each(|queue| queue.leave());
}

/// Nanoseconds since this process first asked; for waits, not for comparing between processes.
pub(crate) fn monotonic_ns() -> u64 {
    static BASE: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let since = BASE.get_or_init(Instant::now).elapsed();
    // Never 0, which stands for "not yet".
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use logtree_os::SegmentOptions;

    use super::*;

    #[test]
    fn who_looks_after_helpers_keeps_no_record_from_seeing_that_nobody_listens() {
        let directory = tempfile::tempdir().unwrap();
        let segment = Segment::create(&directory.path().join("queues"), "q", &SegmentOptions::default()).unwrap();
        let queue = QueueProducer::new(QueueOptions::default(), QueueListener::default()).queue;
        *queue.place().joined.lock() = Joined::Segment(Arc::clone(&segment));
        let helpers = queue.place().helpers.lock();
        std::thread::scope(|scope| {
            scope.spawn(|| helpers::nobody_listens(&queue));
            // What it takes to look after some helpers.
            std::thread::sleep(Duration::from_millis(5));
            drop(helpers);
        });
        let began = Instant::now();
        while is_vacant(segment.seat()) {
            assert!(began.elapsed() < Duration::from_secs(10), "nobody listens");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
