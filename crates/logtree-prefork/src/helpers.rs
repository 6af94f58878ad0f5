//! Who listens: a helper process with a standby, or a thread.
//!
//! Whoever makes a queue while it has one thread makes a helper that listens; that one makes a second, which waits for its
//! seat, and having taken it makes the next. If all helpers were killed, a process that logs makes them anew, or one that flushes;
//! what was published before they died waits for that, as nobody is there who could notice. Only where no helper can be made,
//! because the process has threads already, does it listen itself, on a thread of its own; then another process that has threads
//! stands by.

use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use logtree_core::{BuildError, HandlerEntry, StdStream, caught};
use logtree_os::claim::Watch;
use logtree_os::election::{Seat, holder, is_vacant, wake_waiters};
use logtree_os::helper::{Helper, HelperOptions, HelperState, spawn_helper};
use logtree_os::{
    Death, ForkGeneration, ForkLock, ForkReset, ProcessIdentity, Segment, is_ending, is_running, kill_point,
    thread_count,
};

use crate::handover;
use crate::listener::{listen, listen_as_heir};
use crate::options::ListenerIn;
use crate::queue::{Joined, Queue, is_own_thread};
use crate::words;

/// What `ps` shows of helpers.
pub(crate) const LISTENS: &str = "logtree-listen";
pub(crate) const STANDS_BY: &str = "logtree-standby";

/// Where a listener runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// In a process that does nothing else.
    Helper,
    /// In the main thread of a program that does nothing else.
    Service,
    /// On a thread of a process that logs.
    Thread,
}

/// How long a new listener may take to sit down.
const SEATED_WITHIN: Duration = Duration::from_secs(5);
/// So many helpers are made, one after the other, before a thread listens.
const ATTEMPTS: u32 = 3;
/// So soon a standby sits down that lives, however busy the machine is, unless it is stopped.
const STANDBY_SITS_DOWN_WITHIN: Duration = Duration::from_secs(1);
/// So long one is waited for of which nobody can say whether it lives. With what it takes to make a listener it is less
/// than 50 ms.
const UNKNOWN_STANDBY_SITS_DOWN_WITHIN: Duration = Duration::from_millis(20);
/// So often helpers are looked for that have ended, once others have taken their places, and with such pauses: a place is
/// taken before the one who had it is gone, and a large process takes its time.
const LOOKS_FOR_ENDED: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// So long a record that finds no listener waits at most for a thread of its process that looks after helpers: a few system
/// calls.
const LOOKED_AFTER_WITHIN: Duration = Duration::from_millis(250);
/// How often a standby looks whether it is still needed.
pub(crate) const STANDBY_LOOKS: Duration = Duration::from_millis(250);

/// The helpers and threads of a queue that are this process's.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    /// Those that this process made and has not yet seen end.
    made: Vec<Helper>,
    /// Whether it ever made one.
    has_made: bool,
    /// Those that they and their successors made as this process's children, as far as this process has met them.
    standbys: Vec<u32>,
    /// How many listeners there had been when this process last looked, and who stood by.
    in_office: (u64, u64),
    /// How many looks for those that have ended are due since others were found in office, and when the last one was.
    looks_due: u32,
    looked: Option<Instant>,
    /// When this process last saw to it that somebody listens, and where.
    begun: Option<(ForkGeneration, Instant, Role)>,
    /// When this process first woke the standby of the listener with this number.
    woken: Option<(u64, Instant)>,
    /// When it last offered to listen in the place of one who cannot build the config.
    pub(crate) offered: Option<(ForkGeneration, Instant)>,
}

impl ForkReset for Helpers {
    /// They are the parent's.
    fn after_fork(&mut self) {
        *self = Self::default();
    }

    fn torn() -> Self {
        Self::default()
    }
}

impl Helpers {
    /// Whether a helper or a thread that this process made a moment ago may still be about to sit down.
    fn is_beginning(&mut self) -> bool {
        self.reap_made();
        self.begun.is_some_and(|(of, begun, role)| {
            let is_recent = of == ForkGeneration::current() && begun.elapsed() < Duration::from_millis(100);
            is_recent && (role == Role::Thread || self.made.iter().any(|helper| !is_ending(helper.pid())))
        })
    }

    /// Whether the standby may still be about to sit down. One that is stopped is not, and one that was killed with its pid
    /// namespace cannot be told from one that lives.
    fn may_be_woken(&mut self, segment: &Segment) -> bool {
        let listeners = segment.claim_number();
        match self.woken {
            Some((former, since)) if former == listeners => {
                let standby = standby(segment);
                let is_unknown = has_introduced_itself(&standby) && standby.death() == Death::Unknown;
                let within = if is_unknown { UNKNOWN_STANDBY_SITS_DOWN_WITHIN } else { STANDBY_SITS_DOWN_WITHIN };
                since.elapsed() < within
            }
            _ => {
                self.woken = Some((listeners, Instant::now()));
                true
            }
        }
    }

    pub(crate) fn add(&mut self, helper: Helper) {
        self.has_made = true;
        self.made.push(helper);
    }

    fn reap_made(&mut self) {
        self.made.retain_mut(|helper| helper.reap() == HelperState::Running);
    }

    /// Takes away what is left of all that have ended, of this process's children.
    fn reap(&mut self, segment: &Segment) {
        self.reap_made();
        let standby = standby(segment).pid;
        if standby != 0 && !self.standbys.contains(&standby) {
            self.standbys.push(standby);
        }
        self.standbys.retain(|pid| logtree_os::helper::reap(*pid) == HelperState::Running);
        // Those too that came and went unnoticed.
        logtree_os::helper::reap_ended(|name| [LISTENS, STANDS_BY].contains(&name));
    }
}

/// In the place of a standby's process id: there is none, and could be made none. No process has it (`PID_MAX_LIMIT`).
const CANNOT_BE_MADE: u32 = i32::MAX as u32;

type Hook = Arc<dyn Fn() + Send + Sync>;

static START_HOOKS: ForkLock<Hooks> = ForkLock::new(Hooks(Vec::new()));

struct Hooks(Vec<Hook>);

impl ForkReset for Hooks {
    fn after_fork(&mut self) {}

    fn torn() -> Self {
        Self(Vec::new())
    }
}

/// Has `hook` called in each process, or on each thread, that begins to listen; what it logs reaches the log.
///
/// To be called before the config is installed. The hook runs in a helper process that has this process's memory as it
/// was at install, none of its descriptors and none of its threads: it is to log, not to do business.
pub fn on_listener_start(hook: impl Fn() + Send + Sync + 'static) {
    START_HOOKS.lock().0.push(Arc::new(hook));
}

static SURROUNDINGS: OnceLock<fn(&dyn Fn())> = OnceLock::new();

/// Has the start hooks called by `surroundings`, which may set up what they need to log: a listener can begin before its
/// program is ready for that. The first caller wins.
pub fn surround_start_hooks(surroundings: fn(&dyn Fn())) {
    let _ = SURROUNDINGS.set(surroundings);
}

pub(crate) fn run_start_hooks() {
    let hooks = START_HOOKS.lock().0.clone();
    let run_all = || {
        for hook in &hooks {
            // A hook that panics must not take the listener with it; the panic message has been printed.
            _ = caught(|| hook());
        }
    };
    match SURROUNDINGS.get() {
        Some(surround) => surround(&run_all),
        None => run_all(),
    }
}

/// Sees to it that somebody listens to a queue that nobody listens to. To be called with the claims locked, so that
/// only one process does.
pub(crate) fn begin(queue: &Arc<Queue>, segment: &Arc<Segment>) -> Result<(), BuildError> {
    let begin_here = || begin_thread(queue, segment).and_then(|()| wait_until(|| !is_vacant(segment.seat())));
    let begun = match can_help(queue) {
        // A limit or a filter may forbid processes and not threads.
        true => begin_helpers(queue, segment).or_else(|_| begin_here()),
        false => begin_here(),
    };
    begun.map_err(|error| BuildError::io("cannot start the listener of the queue", error))
}

/// Whether this process can make helpers.
pub(crate) fn can_help(queue: &Queue) -> bool {
    queue.options.listener_in == ListenerIn::Process && thread_count().is_ok_and(|count| count == 1)
}

/// Makes a helper that listens, another one if that is killed at once, and a thread if that goes on.
fn begin_helpers(queue: &Arc<Queue>, segment: &Arc<Segment>) -> io::Result<()> {
    if !has_standby(segment) {
        // What a killed one left in a segment that was found.
        forget_standby(segment);
    }
    for _ in 0..ATTEMPTS {
        let mut listener = make_listener(queue, segment)?;
        // It is the listener that makes the standby, always. Without one the queue works as well, so that none is no error.
        let is_settled = || {
            let standby = standby(segment);
            has_introduced_itself(&standby) || standby.pid == CANNOT_BE_MADE
        };
        let _ = wait_until(|| listener.reap() != HelperState::Running || is_settled());
        let is_lost = |listener: &mut Helper| listener.reap() != HelperState::Running && !has_standby(segment);
        wait_until(|| !is_vacant(segment.seat()) || is_lost(&mut listener))?;
        queue.place().helpers.lock().add(listener);
        if !is_vacant(segment.seat()) {
            return Ok(());
        }
    }
    begin_thread(queue, segment)?;
    wait_until(|| !is_vacant(segment.seat()))
}

/// Makes a helper that listens, unless somebody else has sat down before it.
fn make_listener(queue: &Arc<Queue>, segment: &Arc<Segment>) -> io::Result<Helper> {
    // Its name says more when it has the seat.
    spawn_helper(&helper_options(queue, segment, STANDS_BY), || {
        if let Ok(Some(seat)) = Seat::try_take(segment) {
            let _ = logtree_os::helper::rename(LISTENS);
            listen(queue, segment, seat, Role::Helper);
        }
        0
    })
}

/// Waits for what a new helper or thread does first.
fn wait_until(mut is_so: impl FnMut() -> bool) -> io::Result<()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > SEATED_WITHIN {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not begin within 5 s"));
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

pub(crate) fn helper_options<'a>(queue: &Queue, segment: &'a Segment, name: &str) -> HelperOptions<'a> {
    let keep_stdout = queue.listener.handlers.iter().any(|entry| writes_stdout(entry));
    let options = HelperOptions::new(name).keep_stdout(keep_stdout).keep_stderr(true);
    // Its name may be taken away before the helper needs it.
    match segment.descriptor().filter(|descriptor| descriptor.as_raw_fd() > 2) {
        Some(descriptor) => options.keep(descriptor),
        None => options,
    }
}

pub(crate) fn writes_stdout(entry: &HandlerEntry) -> bool {
    let of_child = |child: &Arc<HandlerEntry>| writes_stdout(child);
    entry.handler.std_stream() == Some(StdStream::Stdout) || entry.handler.children().iter().any(of_child)
}

/// A standby's life: it waits for the listener's seat, and leaves when the queue is closed, or when another one stands by.
fn stand_by(queue: &Arc<Queue>, segment: &Arc<Segment>, watch: Watch) -> u8 {
    kill_point!("standby: begun");
    appoint(segment, &ProcessIdentity::current());
    kill_point!("standby: introduced");
    match handover::wait_for_seat(segment, || true) {
        Ok(Some(seat)) => {
            kill_point!("standby: seated");
            // `ps` is to show who listens.
            let _ = logtree_os::helper::rename(LISTENS);
            forget_standby(segment);
            listen_as_heir(queue, segment, seat, watch);
            0
        }
        Ok(None) => 0,
        Err(_) => 1,
    }
}

/// Says in the segment who stands by.
pub(crate) fn appoint(segment: &Segment, me: &ProcessIdentity) {
    for (number, word) in [me.pid.into(), me.start_time, me.namespaces, me.nonce].into_iter().enumerate() {
        segment.set_word(words::STANDBY + number, word);
    }
}

pub(crate) fn forget_standby(segment: &Segment) {
    (0..4).for_each(|number| segment.set_word(words::STANDBY + number, 0));
}

pub(crate) fn standby(segment: &Segment) -> ProcessIdentity {
    standby_of(|number| segment.word(number).unwrap_or_default())
}

/// Who stands by, of these words of a segment.
pub(crate) fn standby_of(word: impl Fn(usize) -> u64) -> ProcessIdentity {
    let word = |number| word(words::STANDBY + number);
    ProcessIdentity { pid: word(0) as u32, start_time: word(1), namespaces: word(2), nonce: word(3) }
}

/// Makes a standby if there is none, which inherits the watch over the claims; only a helper can.
pub(crate) fn keep_standby(queue: &Arc<Queue>, segment: &Arc<Segment>, role: Role, watch: &Watch) {
    if role == Role::Thread {
        return;
    }
    if !has_standby(segment) {
        forget_standby(segment);
        let options = helper_options(queue, segment, STANDS_BY).sibling(role == Role::Helper);
        let options = watch.descriptors().fold(options, HelperOptions::keep);
        match spawn_helper(&options, || stand_by(queue, segment, watch.inherited())) {
            Ok(made) => {
                kill_point!("standby: made");
                if segment.word(words::STANDBY) == Some(0) {
                    // Until it says itself who it is.
                    segment.set_word(words::STANDBY, made.pid().into());
                }
            }
            // The next look tries again.
            Err(_) => segment.set_word(words::STANDBY, CANNOT_BE_MADE.into()),
        }
    }
}

/// Stands by for a listener that is a thread of another process, which makes no standby: what was published shortly before that
/// process ended would wait until somebody logs.
///
/// On a thread, which ends with this process. One of one thread stays so, and makes no helper either: a program of a moment would
/// leave that behind, with its stderr, for as long as the other one lives.
pub(crate) fn stand_by_for_thread(queue: &Arc<Queue>, segment: &Arc<Segment>) {
    /// A thread that was just joined is counted for some microseconds more.
    const PATIENCE: Duration = Duration::from_millis(2);
    let is_in_thread = segment.word(words::IN_THREAD) != Some(0) && !is_vacant(segment.seat());
    let is_ours = || holder(segment.seat()).is_some_and(is_own_thread);
    let has_threads = || thread_count().is_ok_and(|count| count > 1);
    if !is_in_thread || queue.is_service() || has_standby(segment) || is_ours() || !has_threads() {
        return;
    }
    std::thread::sleep(PATIENCE);
    if has_threads() {
        let (queue, segment) = (Arc::clone(queue), Arc::clone(segment));
        let me = ProcessIdentity::current();
        let stand_by = move || {
            appoint(&segment, &me);
            if let Ok(Some(seat)) = handover::wait_for_seat(&segment, || true) {
                forget_standby(&segment);
                listen(&queue, &segment, seat, Role::Thread);
            }
        };
        // Without one the queue works as well, so that none is no error.
        let _ = logtree_os::spawn_masked(STANDS_BY, stand_by);
    }
}

/// This process ends, and with it its thread that stands by, if it has one.
pub(crate) fn resign(segment: &Segment) {
    if standby(segment) == ProcessIdentity::current() {
        forget_standby(segment);
    }
}

/// Sends the standby away, whose turn would be no better than the listener's: it cannot write what there is, and no process
/// is left. Whoever [begins](begin) to listen next has a standby again.
pub(crate) fn leave_to_the_next_start(segment: &Segment) {
    /// As a rule it goes within [`STANDBY_LOOKS`]. One that is stopped finds the word when it goes on.
    const PATIENCE: Duration = Duration::from_secs(1);
    segment.set_word(words::LEFT, 1);
    let began = Instant::now();
    while has_standby(segment) && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Somebody listens: nothing is left any more.
pub(crate) fn take_up(segment: &Segment) {
    segment.set_word(words::LEFT, 0);
}

/// Whether the system asks the listener to end; it writes what there is and goes on until nobody needs it.
pub(crate) fn termination_requested(role: Role) -> bool {
    role == Role::Helper && logtree_os::helper::termination_requested()
}

fn begin_thread(queue: &Arc<Queue>, segment: &Arc<Segment>) -> io::Result<()> {
    let (queue, segment) = (Arc::clone(queue), Arc::clone(segment));
    let listen = move || {
        if let Ok(Some(seat)) = Seat::try_take(&segment) {
            listen(&queue, &segment, seat, Role::Thread);
        }
    };
    logtree_os::spawn_masked(LISTENS, listen).map(drop)
}

/// A record was published, and nobody held the listener's seat at that moment.
///
/// As a rule a standby is about to take it, in a fraction of a millisecond; that there is one is all there is to know, and
/// nobody waits for it. If there is none, this process sees to it: a program of one thread stays one.
#[cold]
pub(crate) fn nobody_listens(queue: &Arc<Queue>) {
    if let Joined::Segment(segment) = queue.joined() {
        nobody_listens_to(queue, &segment);
    }
}

/// [`nobody_listens`], to a segment that the queue may be about to join.
pub(crate) fn nobody_listens_to(queue: &Arc<Queue>, segment: &Arc<Segment>) {
    // Who has it looks after helpers, and may have looked before they died.
    let Some(mut helpers) = queue.place().helpers.lock_within(LOOKED_AFTER_WITHIN) else { return };
    if !is_vacant(segment.seat()) || helpers.is_beginning() {
        return;
    }
    if has_standby(segment) {
        if helpers.may_be_woken(segment) {
            // The kernel wakes one who stands by. If that one was killed before it took the seat, there may be another.
            return wake_waiters(segment.seat());
        }
        // So that the next listener makes another one.
        forget_standby(segment);
    }
    if !is_vacant(segment.seat()) {
        // It has just sat down.
        return;
    }
    let role = if can_help(queue) { Role::Helper } else { Role::Thread };
    helpers.begun = Some((ForkGeneration::current(), Instant::now(), role));
    drop(helpers);
    let made = match role {
        Role::Helper => make_listener(queue, segment).ok(),
        Role::Service | Role::Thread => None,
    };
    match made {
        Some(listener) => queue.place().helpers.lock().add(listener),
        // If there can be no thread either, the records wait for a process that listens.
        None => _ = begin_thread(queue, segment),
    }
}

/// Whether somebody stands by, as far as can be told.
pub(crate) fn has_standby(segment: &Segment) -> bool {
    lives(&standby(segment))
}

/// Whether the standby that is named there is not known to be dead, or about to be. One that is killed together with the listener
/// is alive until the kernel has taken it apart, and nobody may log after that.
pub(crate) fn lives(standby: &ProcessIdentity) -> bool {
    match has_introduced_itself(standby) {
        // It was made a moment ago.
        false => standby.pid != 0 && is_running(standby.pid) && !is_ending(standby.pid),
        true => standby.death() != Death::Dead && !standby.is_ending(),
    }
}

/// Whether the standby has said who it is: last of all its nonce, which is the one thing that it knows without `/proc` too.
fn has_introduced_itself(standby: &ProcessIdentity) -> bool {
    standby.nonce != 0
}

/// Takes away what is left of helpers that have ended: children of the process that made the queue, all of them.
pub(crate) fn reap(queue: &Queue) {
    let Joined::Segment(segment) = queue.joined() else { return };
    let Some(mut helpers) = queue.place().helpers.try_lock() else { return };
    if helpers.has_made || queue.is_service() {
        helpers.reap(&segment);
    }
}

/// [`reap`] on a slow way of a logging call: the end of a helper raises no signal, and nobody else takes it away. The system is
/// asked only if somebody else listens, or stands by, than before.
#[cold]
pub(crate) fn look_after(queue: &Queue) {
    let Joined::Segment(segment) = queue.joined() else { return };
    let Some(mut helpers) = queue.place().helpers.try_lock() else { return };
    if !helpers.has_made {
        return;
    }
    let in_office = (segment.claim_number(), segment.word(words::STANDBY).unwrap_or_default());
    if helpers.in_office != in_office {
        (helpers.in_office, helpers.looks_due, helpers.looked) = (in_office, LOOKS_FOR_ENDED, None);
    }
    if helpers.looks_due > 0 && helpers.looked.is_none_or(|looked| looked.elapsed() >= BETWEEN_LOOKS) {
        helpers.reap(&segment);
        (helpers.looks_due, helpers.looked) = (helpers.looks_due - 1, Some(Instant::now()));
    }
}
