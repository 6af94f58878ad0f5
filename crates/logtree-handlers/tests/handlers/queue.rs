//! `queue.Queue`: what goes in comes out, in order, once; what does not fit is said.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    Argument, Direct, EmitError, Formatter, Handler, HandlerEntry, Kwargs, Level, Overflow, QueueLimits, QueueListener,
    Record, RecordQueue as _, Registry, Source, Steps,
};
use logtree_handlers::ThreadQueue;

use crate::specimen::{Brackets, with_record};

/// Notes what reaches it, and lets it by while its gate is open.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct GateState {
    is_closed: bool,
    /// So many get by although it is closed.
    passes: usize,
    /// How many records have come to the gate.
    came: usize,
    seen: Vec<String>,
    threads: Vec<Option<String>>,
}

impl Gate {
    fn set_closed(&self, is_closed: bool) {
        self.state.lock().unwrap().is_closed = is_closed;
        self.changed.notify_all();
    }

    fn let_one_by(&self) {
        self.state.lock().unwrap().passes += 1;
        self.changed.notify_all();
    }

    fn wait_until(&self, is_so: impl Fn(&GateState) -> bool) {
        let state = self.state.lock().unwrap();
        let (_state, timeout) = self.changed.wait_timeout_while(state, PATIENCE, |state| !is_so(state)).unwrap();
        assert!(!timeout.timed_out());
    }

    fn state(&self) -> GateState {
        self.state.lock().unwrap().clone()
    }
}

/// What a record says of the thread that makes it.
#[cfg(target_os = "linux")]
fn thread_name() -> Option<String> {
    Some(logtree_os::current_thread_name())
}

#[cfg(not(target_os = "linux"))]
fn thread_name() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

struct ToGate(Arc<Gate>);

impl Handler for ToGate {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let mut state = self.0.state.lock().unwrap();
        state.came += 1;
        self.0.changed.notify_all();
        let is_held = |state: &mut GateState| state.is_closed && state.passes == 0;
        let mut state = self.0.changed.wait_while(state, is_held).unwrap();
        state.passes = state.passes.saturating_sub(1);
        state.seen.push(record.message.to_owned());
        state.threads.push(thread_name());
        Ok(())
    }
}

struct Queue {
    entry: HandlerEntry,
    gate: Arc<Gate>,
}

/// Nothing takes so long but a bug.
const PATIENCE: Duration = Duration::from_secs(20);

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

fn limits() -> QueueLimits {
    QueueLimits { capacity_bytes: 64 << 10, ..QueueLimits::default() }
}

fn entry(handler: Box<dyn Handler>) -> HandlerEntry {
    HandlerEntry::new("far", handler, Arc::new(Brackets))
}

impl Queue {
    fn new(limits: QueueLimits) -> Self {
        let gate = Arc::new(Gate::default());
        let far = entry(Box::new(ToGate(Arc::clone(&gate))));
        Self::before(limits, gate, far, false)
    }

    fn before(limits: QueueLimits, gate: Arc<Gate>, far: HandlerEntry, respect_handler_level: bool) -> Self {
        let listener = QueueListener { name: "q".into(), handlers: vec![Arc::new(far)], respect_handler_level };
        Self { entry: entry(ThreadQueue::new(limits).connect(listener).unwrap()), gate }
    }

    /// A queue whose handler has begun with the message `first` and lets nothing by.
    fn stalled(limits: QueueLimits) -> Self {
        let queue = Self::new(limits);
        queue.gate.set_closed(true);
        queue.log("first");
        queue.gate.wait_until(|state| state.came == 1);
        queue
    }

    fn log(&self, message: &str) {
        self.log_at(Level::INFO, message);
    }

    fn log_at(&self, level: Level, message: &str) {
        with_record(message, |record| self.entry.handle(&Record { level, ..*record }, &mut Direct));
    }

    fn flush(&self) -> bool {
        self.entry.handler.flush(soon())
    }

    /// Opens the gate, and answers with what came through it.
    fn release(&self) -> Vec<String> {
        self.gate.set_closed(false);
        assert!(self.flush());
        self.gate.state().seen
    }
}

/// The numbers of drops that the log tells of: in all, for want of room, too large, of handlers' own.
fn said(seen: &[String]) -> Vec<Vec<u32>> {
    let is_said = |line: &&String| line.contains(" records were dropped before the queue 'q': ");
    let numbers = |line: &String| line.split(' ').filter_map(|word| word.parse().ok()).collect();
    seen.iter().filter(is_said).map(numbers).collect()
}

#[test]
fn records_are_handled_in_order_by_a_thread_with_a_name() {
    let queue = Queue::new(QueueLimits::default());
    for number in 0..1000 {
        queue.log(&number.to_string());
    }
    assert!(queue.flush());
    let state = queue.gate.state();
    assert!(state.seen.iter().map(|seen| seen.parse::<u32>().unwrap()).eq(0..1000));
    assert!(state.threads.iter().all(|name| name.as_deref() == Some("logtree-queue")), "{:?}", state.threads.first());
}

#[test]
fn a_queue_of_so_many_records_takes_no_more() {
    // CPython 3.13: Queue(maxsize=3), the listener's handler at the first of them, takes three more.
    let queue = Queue::stalled(QueueLimits { maxsize: 3, ..limits() });
    ["1", "2", "3", "4", "5"].into_iter().for_each(|message| queue.log(message));
    assert_eq!(queue.entry.dropped_count(), 2, "as long as nothing is said too");
    let seen = queue.release();
    assert_eq!((&seen[..4], said(&seen)), (&["first", "1", "2", "3"].map(str::to_owned)[..], vec![vec![2, 2, 0, 0]]));
    queue.log("6");
    assert_eq!(queue.release().last().unwrap(), "6");
    assert_eq!((queue.entry.dropped_count(), queue.entry.error_count()), (2, 0));
}

#[test]
fn what_the_listener_has_taken_out_waits_all_the_same() {
    let queue = Queue::stalled(QueueLimits { maxsize: 3, ..limits() });
    ["1", "2", "3"].into_iter().for_each(|message| queue.log(message));
    queue.gate.let_one_by();
    // It has all three at hand, and has begun with one of them.
    queue.gate.wait_until(|state| state.came == 2);
    ["4", "5"].into_iter().for_each(|message| queue.log(message));
    let seen = queue.release();
    assert_eq!((&seen[1..5], said(&seen)), (&["1", "2", "3", "4"].map(str::to_owned)[..], vec![vec![1, 1, 0, 0]]));
}

#[test]
fn what_does_not_fit_is_counted_and_said() {
    const RECORDS: usize = 1000;
    let queue = Queue::stalled(limits());
    let text = "x".repeat(1000);
    for number in 0..RECORDS {
        queue.log(&format!("{number} {text}"));
    }
    queue.log(&"x".repeat(100_000));
    let seen = queue.release();
    let written = seen.iter().filter(|line| line.ends_with('x')).count();
    let dropped = (RECORDS - written) as u32;
    assert_eq!(said(&seen), [[dropped + 1, dropped, 1, 0]]);
    // As many as there was room for; it takes more than its text to hold a record.
    assert!((50..65).contains(&written), "{written}");
    let numbers = seen.iter().filter_map(|line| line.strip_suffix(&text)?.trim_end().parse::<usize>().ok());
    assert!(numbers.eq(0..written), "the first ones are those that fit");
    // Said once.
    queue.log("after");
    assert_eq!(said(&queue.release()).len(), 1);
}

#[test]
fn the_reserve_is_for_what_matters() {
    let queue = Queue::stalled(QueueLimits { maxsize: 16, reserve_above: Some(Level::WARNING), ..limits() });
    (0..20).for_each(|_| queue.log("usual"));
    (0..20).for_each(|_| queue.log_at(Level::WARNING, "urgent"));
    let seen = queue.release();
    let count = |message| seen.iter().filter(|line| *line == message).count();
    assert_eq!((count("usual"), count("urgent"), said(&seen)), (14, 2, vec![vec![24, 24, 0, 0]]));

    let queue = Queue::stalled(QueueLimits { reserve_above: Some(Level::ERROR), ..limits() });
    let text = "x".repeat(1000);
    (0..100).for_each(|_| queue.log(&text));
    let usual = 100 - queue.release().len();
    let queue = Queue::stalled(QueueLimits { reserve_above: Some(Level::ERROR), ..limits() });
    (0..100).for_each(|_| queue.log_at(Level::ERROR, &text));
    assert!(100 - queue.release().len() < usual);
}

#[test]
fn a_producer_that_may_wait_loses_nothing() {
    // No clock says the last two.
    for timeout in [PATIENCE, Duration::from_secs(i64::MAX.unsigned_abs()), Duration::MAX] {
        let overflow = Overflow::Block(timeout);
        let queue = Queue::stalled(QueueLimits { maxsize: 10, overflow, ..limits() });
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|number| queue.log(&number.to_string())));
            }
            queue.gate.set_closed(false);
        });
        let seen = queue.release();
        assert_eq!((seen.len(), said(&seen).len()), (1 + 4 * 500, 0), "{timeout:?}");
    }
}

#[test]
fn a_producer_waits_no_longer_than_told_and_once_for_a_whole_outage() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let queue = Queue::stalled(QueueLimits { maxsize: 1, overflow: Overflow::Block(TIMEOUT), ..limits() });
    queue.log("fits");
    let began = Instant::now();
    (0..20).for_each(|_| queue.log("does not"));
    let took = began.elapsed();
    assert!((TIMEOUT..5 * TIMEOUT).contains(&took), "{took:?}");
    // What never fits is not waited for.
    let began = Instant::now();
    queue.log(&"x".repeat(100_000));
    assert!(began.elapsed() < TIMEOUT);
    assert_eq!(said(&queue.release()), [[21, 20, 1, 0]]);
    // The next outage has a time of its own.
    let came = queue.gate.state().came;
    queue.gate.set_closed(true);
    queue.log("first");
    queue.gate.wait_until(|state| state.came == came + 1);
    queue.log("fits");
    let began = Instant::now();
    queue.log("does not");
    assert!(began.elapsed() >= TIMEOUT);
    queue.release();
}

#[test]
fn what_finds_room_in_the_reserve_has_others_wait_no_longer() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let reserve_above = Some(Level::WARNING);
    let queue =
        Queue::stalled(QueueLimits { maxsize: 16, overflow: Overflow::Block(TIMEOUT), reserve_above, ..limits() });
    // The first one is being handled; of sixteen, two are for what matters.
    (0..14).for_each(|_| queue.log("fits"));
    let began = Instant::now();
    queue.log("does not");
    assert!(began.elapsed() >= TIMEOUT);
    let gave_up = Instant::now();
    for _ in 0..2 {
        queue.log_at(Level::WARNING, "fits");
        queue.log("does not");
    }
    assert!(gave_up.elapsed() < TIMEOUT, "{:?}", gave_up.elapsed());
    assert_eq!(said(&queue.release()), [[3, 3, 0, 0]]);
}

#[test]
fn flushing_ends_with_its_deadline() {
    let queue = Queue::stalled(limits());
    let began = Instant::now();
    assert!(!queue.entry.handler.flush(began + Duration::from_millis(50)));
    assert!((Duration::from_millis(50)..PATIENCE).contains(&began.elapsed()));
    assert_eq!(queue.release(), ["first"]);
}

#[test]
fn the_level_of_the_handlers_is_respected_where_the_config_says_so() {
    for (respect_handler_level, expected) in [(true, &["error"][..]), (false, &["info", "error"])] {
        let gate = Arc::new(Gate::default());
        let far = entry(Box::new(ToGate(Arc::clone(&gate))));
        far.set_level(Level::ERROR);
        let queue = Queue::before(limits(), gate, far, respect_handler_level);
        queue.log("info");
        queue.log_at(Level::ERROR, "error");
        assert_eq!(queue.release(), expected);
    }
}

/// Logs to a queue at each record that it handles.
struct Talker {
    to: Arc<Mutex<Option<Arc<HandlerEntry>>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Handler for Talker {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        self.seen.lock().unwrap().push(record.message.to_owned());
        let to = self.to.lock().unwrap().clone();
        let message = format!("about {}", record.message);
        if let Some(to) = to {
            with_record(&message, |record| to.handle(record, &mut Direct));
        }
        Ok(())
    }
}

#[test]
fn handlers_that_log_on_the_listeners_thread_come_to_an_end() {
    let (to, seen) = (Arc::default(), Arc::default());
    let talker = entry(Box::new(Talker { to: Arc::clone(&to), seen: Arc::clone(&seen) }));
    // One record is all that fits: the talker's own would wait for itself.
    let limits = QueueLimits { maxsize: 1, overflow: Overflow::Block(PATIENCE), ..limits() };
    let queue = Queue::before(limits, Arc::default(), talker, false);
    let queued = Arc::new(queue.entry);
    *to.lock().unwrap() = Some(Arc::clone(&queued));
    with_record("one", |record| queued.handle(record, &mut Direct));
    assert!(queued.handler.flush(soon()));
    assert_eq!(seen.lock().unwrap()[..2], ["one", "about one"]);
    // What it has to say to its own record, nobody hears; but it is counted.
    with_record("two", |record| queued.handle(record, &mut Direct));
    assert!(queued.handler.flush(soon()));
    let mut seen = seen.lock().unwrap().clone();
    let about_drops = said(&seen);
    seen.retain(|message| !message.contains("dropped"));
    assert_eq!(seen, ["one", "about one", "two", "about two"]);
    // So is what it says to being told of that, together with the next.
    assert_eq!(about_drops, [[1, 0, 0, 1], [2, 0, 0, 2]]);
    *to.lock().unwrap() = None;
}

/// Panics at each record.
struct Panicking;

impl Handler for Panicking {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        panic!("a handler of the user's panics")
    }
}

#[test]
fn a_handler_that_panics_does_not_end_the_thread() {
    logtree_core::set_report_hook(|_| {});
    let gate = Arc::new(Gate::default());
    let handlers: [Box<dyn Handler>; 2] = [Box::new(Panicking), Box::new(ToGate(Arc::clone(&gate)))];
    let handlers = handlers.into_iter().map(entry).map(Arc::new).collect();
    let listener = QueueListener { name: "q".into(), handlers, respect_handler_level: false };
    let queue = Queue { entry: entry(ThreadQueue::new(limits()).connect(listener).unwrap()), gate };
    ["one", "two"].into_iter().for_each(|message| queue.log(message));
    assert_eq!(queue.release(), ["one", "two"]);
}

#[test]
fn the_end_drains_and_leaves_no_thread() {
    let alive = Arc::new(());
    struct Holder(Arc<Gate>, #[allow(dead_code)] Arc<()>);
    impl Handler for Holder {
        fn emit(&self, record: &Record<'_>, f: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
            ToGate(Arc::clone(&self.0)).emit(record, f, steps)
        }
    }
    let gate = Arc::new(Gate::default());
    let far = entry(Box::new(Holder(Arc::clone(&gate), Arc::clone(&alive))));
    let queue = Queue::before(limits(), gate, far, false);
    gate_and_log(&queue, 100);
    queue.gate.set_closed(false);
    queue.entry.handler.close();
    assert_eq!(queue.gate.state().seen.len(), 100);
    // What comes later is handled all the same, by another thread.
    queue.log("late");
    assert!(queue.flush());
    assert_eq!(queue.gate.state().seen.len(), 101);
    // Whoever forgets the handler loses nothing either, and the thread lets go of what it used.
    gate_and_log(&queue, 100);
    let Queue { entry, gate } = queue;
    drop(entry);
    gate.set_closed(false);
    gate.wait_until(|state| state.seen.len() == 201);
    let deadline = soon();
    while Arc::strong_count(&alive) > 1 {
        assert!(Instant::now() < deadline, "the thread does not end");
        std::thread::yield_now();
    }
}

fn gate_and_log(queue: &Queue, count: usize) {
    queue.gate.set_closed(true);
    (0..count).for_each(|number| queue.log(&number.to_string()));
}

#[test]
fn nothing_is_allocated_at_a_record() {
    let queue = Queue::stalled(limits());
    // What the queue has room for, and then what it has used before.
    with_record("m", |record| {
        (0..100).for_each(|_| queue.entry.handle(record, &mut Direct));
        let allocations = allocation_counter::measure(|| {
            (0..100).for_each(|_| queue.entry.handle(record, &mut Direct));
        });
        assert!(allocations.count_total <= 1, "{allocations:?} for the memory to grow into");
    });
    assert_eq!(queue.release().len(), 201);
}

/// The class of the registry, with these arguments, before a handler that notes `message|exc_text|stack_info`.
fn from_config(queue: Option<Argument>, is_formatting: bool) -> Result<(Box<dyn Handler>, Arc<Gate>), String> {
    struct Whole(Arc<Gate>);
    impl Handler for Whole {
        fn emit(&self, record: &Record<'_>, f: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
            let Record { message, exc_text, stack_info, source, .. } = record;
            let text = format!("{message}|{exc_text:?}|{stack_info:?}|{source:?}");
            ToGate(Arc::clone(&self.0)).emit(&Record { message: &text, ..*record }, f, steps)
        }
    }
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let mut arguments = vec![("handlers".to_owned(), Argument::List(vec![Argument::Handler("far".into())]))];
    arguments.extend(queue.map(|queue| ("queue".to_owned(), queue)));
    arguments.push(("formatter".to_owned(), Argument::Bool(is_formatting)));
    let kwargs = Kwargs::new("QueueHandler.__init__()", arguments).of_entry("q", Vec::new());
    let plan = registry.find_handler("logging.handlers.QueueHandler").unwrap()(kwargs);
    let gate = Arc::new(Gate::default());
    let far = entry(Box::new(Whole(Arc::clone(&gate))));
    plan.map(|plan| (plan(vec![Arc::new(far)]).unwrap(), gate)).map_err(|error| error.to_string())
}

fn made(factory: &str, arguments: Vec<(&str, Argument)>) -> Result<Argument, String> {
    let mut registry = Registry::default();
    logtree_handlers::register(&mut registry);
    let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    registry.find_factory(factory).unwrap()(Kwargs::new("Queue.__init__()", arguments))
        .map_err(|error| error.to_string())
}

#[test]
fn a_config_without_a_queue_has_one_and_so_have_those_that_name_it() {
    let queues = [None, Some(made("queue.Queue", vec![])), Some(made("queue.SimpleQueue", vec![]))];
    for (queue, name) in queues.into_iter().zip(["queue.Queue", "queue.Queue", "queue.SimpleQueue"]) {
        let (handler, gate) = from_config(queue.map(Result::unwrap), false).unwrap();
        with_record("m", |record| handler.emit(&Record { exc_text: Some("e"), ..*record }, &Brackets, &mut Direct))
            .unwrap();
        assert!(handler.flush(soon()));
        assert_eq!((handler.queue(), gate.state().seen), (Some(name), vec!["m|Some(\"e\")|None|Tracing".to_owned()]));
    }
}

#[test]
fn a_formatter_of_the_way_in_makes_the_message() {
    // CPython 3.13's QueueHandler.prepare: the text becomes msg; exc_text and stack_info become None.
    let (handler, gate) = from_config(None, true).unwrap();
    with_record("m", |record| {
        let record = Record { exc_text: Some("e"), stack_info: Some("s"), ..*record };
        handler.emit(&record, &Brackets, &mut Direct).unwrap();
        handler.emit(&Record { source: Source::Python, ..record }, &Brackets, &mut Direct).unwrap();
    });
    assert!(handler.flush(soon()));
    assert_eq!(gate.state().seen, ["<m>|None|None|Formatted", "<m>|None|None|Python"]);
    // Nothing is queued that has no text.
    assert!(with_record("fail", |record| handler.emit(record, &Brackets, &mut Direct)).is_err());
}

#[test]
fn arguments_are_pythons_and_those_that_size_a_queue() {
    let text = |text: &str| Argument::Str(text.into());
    assert!(made("queue.Queue", vec![("maxsize", Argument::Int(3)), ("capacity", text("1 MiB"))]).is_ok());
    assert!(made("queue.Queue", vec![("maxsize", Argument::Float(-2.5))]).is_ok());
    for (keyword, value) in
        [("capacity", text("x")), ("overflow", text("x")), ("timeout", text("x")), ("bogus", text("x"))]
    {
        assert!(made("queue.Queue", vec![(keyword, value.clone())]).is_err(), "{keyword}");
        assert!(made("queue.SimpleQueue", vec![(keyword, value)]).is_err(), "{keyword}");
    }
    // CPython 3.13: queue.SimpleQueue(maxsize=3).
    let refused = made("queue.SimpleQueue", vec![("maxsize", Argument::Int(3))]).unwrap_err();
    assert_eq!(refused, "TypeError: SimpleQueue() takes no arguments");
    // CPython 3.13: queue.Queue("3").put_nowait(None).
    let (handler, _) = from_config(Some(made("queue.Queue", vec![("maxsize", text("3"))]).unwrap()), false).unwrap();
    let error = with_record("m", |record| handler.emit(record, &Brackets, &mut Direct)).unwrap_err();
    assert_eq!(error.to_string(), "TypeError: '>' not supported between instances of 'str' and 'int'");
}
