//! The listener: one round after the other it reads what is in the lanes, has it handled, and says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtree_core::codec;
use logtree_core::{HandlerEntry, HandlerErrors, LevelNames, Timestamp, side};
use logtree_os::claim::Watch;
use logtree_os::election::Seat;
use logtree_os::{Segment, Sleep, Sleeper, kill_point};

use crate::batch::Batch;
use crate::claims::Claims;
use crate::config::{self, Shared};
use crate::counts::Counts;
use crate::definitions::Definitions;
use crate::departure::Left;
use crate::handover;
use crate::helpers::{self, Role};
use crate::house::{GivesUp, House};
use crate::merge::Merge;
use crate::producer::{REOPEN, ROLL};
use crate::queue::{Queue, monotonic_ns};
use crate::recovery::Recovery;
use crate::streams::OwnStreams;
use crate::words;

/// Between processes, records are put in order of time if they were made within this window.
const WINDOW: Duration = Duration::from_millis(1);
/// A batch ends with so many staged bytes or records, so that no reader of the file waits long.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_RECORDS: u64 = 8192;
/// Memory for a record that is larger is given back behind it.
pub(crate) const KEPT_BYTES: usize = 1 << 20;
/// How long the listener naps after records came, before it sleeps until it is woken.
const NAPS: Duration = Duration::from_millis(50);
const NAP: Duration = Duration::from_millis(1);
/// A sleep is timed, so that nothing is lost for good with a wake-up that was lost, and so that a dead worker's lane is
/// free again within 200 ms.
const SLEEP: Duration = Duration::from_millis(125);
/// Between two attempts to write what could not be written.
const RETRY: Duration = Duration::from_millis(50);

/// Who says when a listener is to end although it is needed.
pub(crate) trait Control {
    /// Whether it is to write what there is, and then to leave its seat to another one. Asked after each batch.
    fn is_over(&mut self, segment: &Segment) -> bool;
}

/// Nobody.
struct Needed;

impl Control for Needed {
    fn is_over(&mut self, _: &Segment) -> bool {
        false
    }
}

/// Listens until nobody needs the queue any more, or, on a thread of a host, until the process ends.
pub(crate) fn listen(queue: &Arc<Queue>, segment: &Arc<Segment>, seat: Seat<Segment>, role: Role) {
    listen_until(queue, segment, seat, role, Watch::default(), &mut Needed);
}

/// [`listen`], in a standby that has the watch over the claims from the listener of before.
pub(crate) fn listen_as_heir(queue: &Arc<Queue>, segment: &Arc<Segment>, seat: Seat<Segment>, watch: Watch) {
    listen_until(queue, segment, seat, Role::Helper, watch, &mut Needed);
}

/// [`listen`], until it is told to end.
pub(crate) fn listen_until(
    queue: &Arc<Queue>,
    segment: &Arc<Segment>,
    seat: Seat<Segment>,
    role: Role,
    watch: Watch,
    control: &mut dyn Control,
) {
    segment.set_word(words::IN_THREAD, u64::from(role == Role::Thread));
    let claim_number = segment.take_over();
    helpers::take_up(segment);
    side::begin_listening(queue.place().number);
    let mut claims = Claims::new(watch);
    let is_claimed = claims.begin(queue, segment);
    let interrupted = Recovery::of(segment);
    if interrupted.is_some() || !is_claimed {
        // Finishing takes as long as the disk does, and may be cut short in its turn; and who holds the claims may wait for
        // the standby.
        helpers::keep_standby(queue, segment, role, claims.watch());
    }
    if !is_claimed {
        claims.settle(queue, segment);
    }
    let mut house = House::new(queue, segment, role, claim_number, claims);
    let mut sleeper = Sleeper::new(segment);
    if let Some(recovery) = interrupted {
        let moves = recovery.moves();
        if let Some(left) = recover(recovery, segment, &mut house, &mut sleeper) {
            side::end_listening();
            drop(seat);
            drop(left);
            return;
        }
        if moves {
            // What this process holds open is from before.
            queue.listener.handlers.iter().for_each(|entry| entry.reopen());
        }
    }
    segment.sweep_spills();
    kill_point!("listener: begun");
    helpers::run_start_hooks();
    let mut listener = Listener {
        queue: Arc::clone(queue),
        segment,
        role,
        merge: Merge::new(segment),
        definitions: Definitions::default(),
        batch: Batch::new(segment),
        sleeper,
        house,
        errors: HandlerErrors::default(),
        bytes: Vec::new(),
        left: None,
        refused: 0,
    };
    listener.follow_config();
    let mut busy_until = Instant::now() + NAPS;
    loop {
        let is_flush = listener.sleeper.take_flush_request();
        let handled = listener.round(is_flush);
        if listener.left.is_some() || listener.housekeep() {
            break;
        }
        listener.follow_config();
        if listener.left.is_some() {
            break;
        }
        if handover::is_asked_for(segment) {
            // What filters hold back they hold in this process alone.
            listener.round(true);
            break;
        }
        if control.is_over(segment) && handled == 0 {
            // What was published before it was told is written; and if nobody is left, nothing of the queue is.
            while listener.round(true) > 0 && listener.left.is_none() {}
            if listener.house.keep_at_once(&mut listener.merge, &mut listener.definitions) {
                listener.house.leave();
            }
            break;
        }
        if handled > 0 {
            busy_until = Instant::now() + NAPS;
        } else {
            listener.sleep(Instant::now() < busy_until);
        }
    }
    side::end_listening();
    if role != Role::Helper {
        // This process lives on, and may listen again when others have written, rolled and deleted.
        listener.queue.listener.handlers.iter().for_each(|entry| close_files(entry));
    }
    drop(seat);
    // Until here nobody could join, and take this for one who listens.
    drop(listener.left);
}

/// Finishes what the last listener was killed in, before anything is read; or leaves that, too, to the next start.
fn recover(mut recovery: Recovery, segment: &Segment, house: &mut House<'_>, sleeper: &mut Sleeper) -> Option<Left> {
    let errors = HandlerErrors::default();
    let began = Instant::now();
    loop {
        let outcome = house.may_write().and_then(|()| recovery.carry_out(segment));
        recovery.take_given_up().into_iter().for_each(|error| house.say_not_rolled(&errors, error));
        let Err(error) = outcome else { break };
        house.say_not_written(&errors, error);
        match house.gives_up(began, "records that an earlier listener had begun to write") {
            GivesUp::No => {}
            GivesUp::Leaves(left) => return Some(left),
            GivesUp::Loses => break,
        }
        sleeper.announce_progress(monotonic_ns());
        std::thread::sleep(RETRY);
    }
    recovery.finish();
    None
}

struct Listener<'a> {
    queue: Arc<Queue>,
    segment: &'a Arc<Segment>,
    role: Role,
    merge: Merge,
    definitions: Definitions,
    batch: Batch,
    sleeper: Sleeper,
    house: House<'a>,
    errors: HandlerErrors,
    bytes: Vec<u8>,
    /// It has left what it could not write, and ends.
    left: Option<Left>,
    /// The generation of a config that this process cannot build.
    refused: u64,
}

impl Listener<'_> {
    /// Reads, handles, writes, publishes; answers how many records and requests that were. With `everything` no window is kept.
    fn round(&mut self, everything: bool) -> usize {
        let now_ns = real_time_ns();
        self.merge.look(now_ns);
        let horizon_ns = now_ns.saturating_sub(WINDOW.as_nanos() as u64);
        let mut counts = Counts::begin(self.segment);
        counts.handled = self.handle_own();
        let (mut requests, mut reopens) = (0, false);
        while !reopens && counts.handled + requests < BATCH_RECORDS && self.batch.staged_bytes() < BATCH_BYTES {
            let Some(time_ns) = self.merge.next_time_ns() else { break };
            if !everything && time_ns > horizon_ns {
                break;
            }
            let Some((record, slot)) = self.merge.read(&mut self.bytes) else { continue };
            if let ROLL | REOPEN = record.head.flags {
                requests += 1;
                match record.head.flags {
                    ROLL => self.queue.listener.roll(&mut self.batch),
                    // Behind this batch, of which it is the last: what comes later goes to the files of then.
                    _ => reopens = true,
                }
                continue;
            }
            counts.count(record.head.time_ns);
            let bytes = std::mem::take(&mut self.bytes);
            let own_streams = OwnStreams(record.head.flags);
            let whole = codec::decode(&bytes).ok().and_then(|parts| {
                let callsite = record.head.definition;
                let (callsite, origin) = self.definitions.of_record(self.segment, slot, callsite, parts.origin)?;
                Some(parts.into_record(callsite, origin, LevelNames::STANDARD))
            });
            match whole {
                // CPython's `QueueListener.handle`. The definitions are borrowed, so that this is none of `self`'s methods.
                Some(record) => {
                    self.queue.listener.handle(&record, &mut self.batch, |entry| !own_streams.has(entry));
                }
                None => counts.count_unreadable(),
            }
            if bytes.capacity() <= KEPT_BYTES {
                self.bytes = bytes;
            }
        }
        let taken = (counts.handled + requests) as usize;
        if everything {
            self.queue.listener.say_unsaid(&mut self.batch);
        }
        let is_unsettled = || self.queue.listener.handlers.iter().any(|entry| entry.is_unsettled());
        if taken > 0 || self.batch.staged_bytes() > 0 || is_unsettled() {
            self.queue.listener.handlers.iter().for_each(|entry| entry.settle(&mut self.batch));
            self.house.reports.being_counted(self.segment, &counts);
            self.commit();
            if self.left.is_some() {
                // The successor finds the batch as if this one had been killed in it.
                return taken;
            }
            self.merge.publish_heads();
            #[cfg(logtree_kill_points)]
            if taken > 0 {
                kill_point!("batch: heads published");
            }
            self.house.reports.written(self.segment);
            self.batch.finish();
        }
        if reopens {
            self.queue.listener.handlers.iter().for_each(|entry| reopen_files(entry));
        }
        if everything {
            self.sleeper.flushed();
        }
        self.sleeper.announce_progress(monotonic_ns());
        taken
    }

    /// Handles what this thread logged itself, and what there is to say of drops.
    fn handle_own(&mut self) -> u64 {
        // The handlers are borrowed for themselves, as the batch changes meanwhile.
        let (queue, batch) = (&self.queue, &mut self.batch);
        let mut handled = side::handle_kept(|record| queue.listener.handle(record, batch, |_| true)) as u64;
        let reports = self.house.reports.due();
        for report in &reports {
            side::handle_own(|| report.with_record(|record| queue.listener.handle(record, batch, |_| true)));
            handled += 1;
        }
        self.house.reports.being_written(self.segment, reports);
        handled
    }

    /// Plans and writes the batch; tries again until it is written, while producers fill their lanes.
    fn commit(&mut self) {
        let began = Instant::now();
        self.batch.plan(self.merge.unpublished_heads(), self.house.reports.being_told());
        loop {
            let outcome = self.house.may_write().and_then(|()| self.batch.carry_out());
            self.batch.take_given_up().into_iter().for_each(|error| self.house.say_not_rolled(&self.errors, error));
            let Err(error) = outcome else { break };
            self.house.say_not_written(&self.errors, error);
            match self.house.gives_up(began, &format!("{} bytes of records", self.batch.staged_bytes())) {
                GivesUp::No => {}
                GivesUp::Leaves(left) => {
                    self.left = Some(left);
                    return;
                }
                GivesUp::Loses => {
                    self.batch.abandon();
                    break;
                }
            }
            self.sleeper.announce_progress(monotonic_ns());
            std::thread::sleep(RETRY);
        }
    }

    /// Goes on with the segment's config, if that is another one than before. Nothing is half done between two batches.
    fn follow_config(&mut self) {
        let wanted = Shared::generation_of(self.segment);
        let word = |number| self.segment.word(number).unwrap_or_default();
        let has_it = wanted == self.queue.generation();
        if wanted == self.refused || has_it && word(words::LISTENING) == wanted {
            return;
        }
        let followed = if has_it { Ok(None) } else { config::follow(&self.queue, self.segment, self.role) };
        match followed {
            Ok(queue) => {
                kill_point!("config: rebuilt");
                if let Some(queue) = queue {
                    self.change_to(queue);
                }
                self.house.watch_claims();
                self.house.free_former_files();
                kill_point!("config: files freed");
            }
            Err(why) => {
                self.refused = wanted;
                self.house.watch_claims();
                self.house.say_refused(&why);
                self.segment.set_word(words::REFUSED, wanted);
            }
        }
        self.segment.set_word(words::LISTENING, self.queue.generation());
        kill_point!("config: followed");
        self.sleeper.announce_progress(monotonic_ns());
    }

    fn change_to(&mut self, queue: Arc<Queue>) {
        let former = std::mem::replace(&mut self.queue, queue);
        self.house.change_to(&self.queue);
        former.listener.say_unsaid(&mut self.batch);
        former.listener.handlers.iter().for_each(|entry| entry.settle(&mut self.batch));
        self.commit();
        if self.left.is_some() {
            return;
        }
        self.house.reports.written(self.segment);
        self.batch.finish();
        self.batch.forget_files();
        former.listener.handlers.iter().for_each(|entry| close(entry));
        kill_point!("config: closed");
    }

    /// Sees to deaths and drops; whether the listener is to leave.
    fn housekeep(&mut self) -> bool {
        if !self.house.keep(&mut self.merge, &mut self.definitions) {
            return false;
        }
        // The last chance to say what filters hold back. Records that came meanwhile keep it here.
        self.round(true);
        self.left.is_some() || self.house.leave()
    }

    fn sleep(&mut self, is_busy: bool) {
        let merge = &mut self.merge;
        let mut look = || {
            merge.look(real_time_ns());
            merge.next_time_ns().is_some()
        };
        if look() || is_busy {
            // Records wait for their window to pass, or more may come soon.
            self.sleeper.sleep(Sleep::Nap, NAP, || false);
        } else {
            self.sleeper.sleep(Sleep::Deep, SLEEP, look);
        }
    }
}

fn real_time_ns() -> u64 {
    Timestamp::now().0.max(0).unsigned_abs()
}

/// Closes a handler, then those that it hands on to.
fn close(entry: &HandlerEntry) {
    close_where(entry, &|_| true);
}

/// Closes, of a handler and those that it hands on to, the ones with a file, which they open again for a record that comes
/// later: what then stands in it is kept.
pub(crate) fn close_files(entry: &HandlerEntry) {
    close_where(entry, &|entry| entry.handler.file().is_some());
}

/// Has a handler, and those that it hands on to, open their files anew.
fn reopen_files(entry: &HandlerEntry) {
    entry.reopen();
    entry.handler.children().iter().for_each(|child| reopen_files(child));
}

fn close_where(entry: &HandlerEntry, is_to_be: &dyn Fn(&HandlerEntry) -> bool) {
    if is_to_be(entry) {
        entry.close();
    }
    entry.handler.children().iter().for_each(|child| close_where(child, is_to_be));
}
