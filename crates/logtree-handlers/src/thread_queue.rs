//! `queue.Queue`: a queue within this process, and the thread that empties it.
//!
//! | file | concept |
//! |---|---|
//! | `thread_queue.rs` | the queue, from the side of those who log |
//! | `state.rs` | what stands in it, under its lock |
//! | `listener.rs` | the thread |
//! | `waiter.rs` | waiting for the thread |

mod listener;
mod state;
mod waiter;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use logtree_core::{
    Argument, ArgumentError, BuildError, Direct, EmitError, FormatError, Formatter, Handler, HandlerEntry, HeldRecords,
    Kwargs, Level, Overflow, QueueLimits, QueueListener, Record, RecordQueue, Steps, side,
};
use logtree_os::{ForkLock, later};

use self::state::{Put, State, most_bytes};
use self::waiter::Waiter;

/// A queue within this process (Python's `queue.Queue` with the thread of its `QueueListener`).
///
/// - A logging call encodes its record into memory and returns. The thread `logtree-queue` runs the handlers. It starts at
///   the first record, so that a program which forks workers first has no thread then. A forked child starts its own at
///   its first record; what its parent had queued, the parent writes.
/// - At most [`capacity_bytes`](QueueLimits::capacity_bytes) wait, and [`maxsize`](QueueLimits::maxsize) records if that is
///   set. What does not fit is dropped, counted, and said in the log by the logger `logtree` once a second at most; or
///   its thread waits. (`DIFFERENCE`: without `maxsize` Python's queue grows until memory ends, with it each record that
///   does not fit is a logging error.)
/// - [`flush`](Handler::flush) waits until what was queued is handled, and so does the end of the program. A process that is
///   killed loses what is queued: the queue between processes does not.
/// - What a handler behind it cannot write, as on a full disk, is lost, and counted there: what is queued does not wait for it. The
///   queue between processes keeps it.
/// - Where no thread can be had, records are handled where they are made.
#[derive(Clone, Debug)]
pub struct ThreadQueue {
    name: &'static str,
    limits: QueueLimits,
    /// A `maxsize` that is no number, by Python's name of its type. Python takes it, and fails at each record; so it is
    /// here.
    no_maxsize: Option<&'static str>,
}

/// So much waits by default: half a million records of the usual size.
const CAPACITY_BYTES: usize = 64 << 20;

impl Default for ThreadQueue {
    fn default() -> Self {
        Self::new(QueueLimits { capacity_bytes: CAPACITY_BYTES, ..QueueLimits::default() })
    }
}

impl ThreadQueue {
    /// A queue of this size.
    pub fn new(limits: QueueLimits) -> Self {
        Self { name: "queue.Queue", limits, no_maxsize: None }
    }

    /// Takes the arguments of `queue.Queue`, and those that size a queue.
    ///
    /// # Errors
    /// For what nobody knows, and for what is of the wrong type; but `maxsize` may be anything, as in Python.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let (maxsize, no_maxsize) = match kwargs.take("maxsize") {
            None => (0.0, None),
            Some(Argument::Int(number)) => (number as f64, None),
            Some(Argument::Bool(number)) => (f64::from(u8::from(number)), None),
            Some(Argument::Float(number)) => (number, None),
            Some(other) => (0.0, Some(other.type_name())),
        };
        // A float stands for no limit where it is no number or negative, and for the most that there is where it is more.
        let maxsize = maxsize.ceil() as u32;
        Ok(Self { no_maxsize, ..Self::sized(kwargs, maxsize)? })
    }

    /// Takes what sizes a queue but for `maxsize`, as `queue.SimpleQueue`, which has no arguments in Python.
    ///
    /// # Errors
    /// For what nobody knows, and for what is of the wrong type.
    pub fn simple_from_kwargs(kwargs: Kwargs) -> Result<Self, ArgumentError> {
        if kwargs.has("maxsize") {
            return Err(ArgumentError::new("TypeError", "SimpleQueue() takes no arguments").at("maxsize"));
        }
        Ok(Self { name: "queue.SimpleQueue", ..Self::sized(kwargs, 0)? })
    }

    /// What configs call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn sized(mut kwargs: Kwargs, maxsize: u32) -> Result<Self, ArgumentError> {
        let has_capacity = kwargs.has("capacity");
        let mut limits = QueueLimits { maxsize, ..QueueLimits::from_kwargs(&mut kwargs)? };
        if !has_capacity {
            limits.capacity_bytes = CAPACITY_BYTES;
        }
        kwargs.finish()?;
        Ok(Self::new(limits))
    }
}

impl RecordQueue for ThreadQueue {
    fn connect(&self, listener: QueueListener) -> Result<Box<dyn Handler>, BuildError> {
        let Self { name, limits, no_maxsize } = self.clone();
        let number = side::next_queue_number();
        let shared = Shared { name, number, limits, no_maxsize, listener, state: ForkLock::default() };
        Ok(Box::new(Producer(Arc::new(shared))))
    }
}

/// What those who log and the thread share.
struct Shared {
    name: &'static str,
    /// Tells the queues of a process apart.
    number: u32,
    limits: QueueLimits,
    no_maxsize: Option<&'static str>,
    listener: QueueListener,
    state: ForkLock<State>,
}

/// The handler that puts records into a queue.
struct Producer(Arc<Shared>);

/// How long the end of a handler waits for what is queued.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

impl Handler for Producer {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let shared = &self.0;
        if side::is_listening(shared.number) {
            side::keep(record);
            return Ok(());
        }
        if let Some(type_name) = shared.no_maxsize {
            let message = format!("'>' not supported between instances of '{type_name}' and 'int'");
            return Err(FormatError { exception: "TypeError", message }.into());
        }
        match shared.put(record) {
            Put::Done => {}
            Put::Full => shared.full(record),
            Put::Direct => shared.listener.handle(record, &mut Direct, |_| true),
        }
        Ok(())
    }

    fn roll(&self, _: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.roll();
        Ok(())
    }

    fn flush(&self, deadline: Instant) -> bool {
        self.0.flush(deadline)
    }

    fn close(&self) {
        let deadline = Instant::now() + DRAIN_PATIENCE;
        self.0.flush(deadline);
        self.0.state.lock().stop();
        // Closed by one of its own handlers it ends behind that.
        if !side::is_listening(self.0.number) {
            self.0.wait(deadline, |state| !state.has_listener());
        }
    }

    fn dropped(&self) -> u64 {
        self.0.state.lock().dropped()
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.0.listener.handlers
    }

    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        self.0.listener.hands_on(child, level)
    }

    fn queue(&self) -> Option<&str> {
        Some(self.0.name)
    }
}

impl Drop for Producer {
    /// The thread empties the queue and ends.
    fn drop(&mut self) {
        self.0.state.lock().stop();
    }
}

impl Shared {
    /// The hot path: a look for room, one encoding, one copy.
    #[inline]
    fn put(self: &Arc<Self>, record: &Record<'_>) -> Put {
        let mut state = self.state.lock();
        if !state.has_listener() && !self.start(&mut state) {
            return Put::Direct;
        }
        if !state.push(&self.limits, record) {
            return Put::Full;
        }
        if let Some(thread) = state.whom_to_wake(&self.limits) {
            drop(state);
            thread.unpark();
        }
        Put::Done
    }

    /// Waits for room, where the config says so; drops and counts the record if there is none.
    #[cold]
    fn full(self: &Arc<Self>, record: &Record<'_>) {
        let bytes = HeldRecords::bytes_of(record);
        if bytes > most_bytes(&self.limits, record.level) {
            self.state.lock().drops.too_large += 1;
            return;
        }
        if let Overflow::Block(timeout) = self.limits.overflow {
            let deadline = later(self.state.lock().outage_began(), timeout);
            while self.wait(deadline, |state| state.has_room(&self.limits, record.level, bytes)) {
                match self.put(record) {
                    Put::Done => return,
                    // Others were faster.
                    Put::Full => {}
                    Put::Direct => return self.listener.handle(record, &mut Direct, |_| true),
                }
            }
        }
        self.state.lock().drops.full += 1;
    }

    /// Has the thread roll files behind what was put in so far.
    fn roll(&self) {
        let mut state = self.state.lock();
        if !state.has_listener() {
            // Nothing waits.
            drop(state);
            return self.listener.roll(&mut Direct);
        }
        state.push_roll();
        if let Some(thread) = state.whom_to_wake(&self.limits) {
            drop(state);
            thread.unpark();
        }
    }

    /// Waits until all that was put in so far is handled, and drops are said.
    fn flush(&self, deadline: Instant) -> bool {
        if side::is_listening(self.number) {
            // The thread would wait for itself.
            return false;
        }
        let put = self.state.lock().put_so_far();
        self.wait(deadline, |state| state.handled.load(Ordering::Acquire) >= put && state.drops.total() == 0)
    }

    /// Waits until something is so; the thread is woken, and asked to say when it has got on.
    fn wait(&self, deadline: Instant, is_so: impl Fn(&State) -> bool) -> bool {
        let mut waiter: Option<Arc<Waiter>> = None;
        loop {
            let thread = {
                let mut state = self.state.lock();
                if is_so(&state) {
                    return true;
                }
                if Instant::now() >= deadline {
                    return false;
                }
                state.wait_with(waiter.get_or_insert_default())
            };
            // Without a thread nothing gets on.
            let Some(thread) = thread else { return false };
            thread.unpark();
            if let Some(waiter) = &waiter {
                waiter.wait_until(deadline);
            }
        }
    }
}
