//! What all scenarios need: a runner, a queue over a file, and lines that can be told apart.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    AppendFile, Callsite, Direct, EmitError, Fields, FileEnd, FormatError, Formatter, Handler, HandlerEntry, Level,
    LevelNames, Origin, Overflow, QueueLimits, QueueListener, Record, RecordQueue as _, Source, Spans, StdStream,
    Steps, Timestamp,
};
use logtree_handlers::{
    Compress, RotatingFileHandler, RotatingFileHandlerConfig, Stream, StreamHandler, StreamHandlerConfig,
};
use logtree_prefork::{Fork, ListenerIn, MultiprocessingQueue, QueueOptions, fork};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

/// Nothing takes so long but a bug.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What a lane of a queue over several files holds.
pub(crate) const LANE_BYTES: usize = 512 << 10;

/// Runs each scenario in a child of its own and reports as libtest does.
pub(crate) fn run(scenarios: &[(&str, fn())]) {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let chosen = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    let (mut passed, mut failed) = (0, 0);
    println!("\nrunning {} tests", scenarios.iter().filter(|(name, _)| chosen(name)).count());
    for (name, scenario) in scenarios.iter().filter(|(name, _)| chosen(name)) {
        io::stdout().flush().unwrap();
        let child = in_child(scenario);
        let is_ok = wait_for_exit(child) == Some(0);
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        *(if is_ok { &mut passed } else { &mut failed }) += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    std::process::exit(i32::from(failed > 0));
}

/// Runs something in a forked child, which ends with 0, or with 101 if it panics.
pub(crate) fn in_child(body: impl FnOnce()) -> Pid {
    match fork().unwrap() {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            std::process::exit(if outcome.is_ok() { 0 } else { 101 });
        }
    }
}

/// The child's exit code; `None` if a signal ended it.
pub(crate) fn wait_for_exit(child: Pid) -> Option<i32> {
    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status()
}

pub(crate) fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).unwrap();
}

/// Polls until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Appends a record's message and a newline to a file.
struct ToFile(Arc<dyn AppendFile>);

pub(crate) struct LogFile(pub(crate) PathBuf);

/// A handler that appends to the file.
pub(crate) fn to_file(log: &Path) -> Box<dyn Handler> {
    Box::new(ToFile(Arc::new(LogFile(log.to_owned()))))
}

impl AppendFile for LogFile {
    fn path(&self) -> &Path {
        &self.0
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&self.0)?;
        #[cfg(logtree_kill_points)]
        if logtree_os::kill_points::is_deadly("file: half written") {
            // As write(2) leaves it when its process is killed.
            file.write_all(&bytes[..bytes.len() / 2])?;
            logtree_os::kill_points::die();
        }
        file.write_all(bytes)
    }

    fn end(&self) -> io::Result<Option<FileEnd>> {
        let metadata = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?.metadata()?;
        let end = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: metadata.len() };
        Ok(metadata.is_file().then_some(end))
    }
}

fn line(record: &Record<'_>) -> String {
    format!("{} {}\n", record.origin.process, record.message)
}

/// Writes to whatever is stdout where it runs.
struct ToStdout;

impl Handler for ToStdout {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        rustix::io::write(rustix::stdio::stdout(), line(record).as_bytes()).map_err(io::Error::from)?;
        Ok(())
    }

    fn std_stream(&self) -> Option<StdStream> {
        Some(StdStream::Stdout)
    }
}

impl Handler for ToFile {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(steps.append(&self.0, line(record).as_bytes())?)
    }

    fn file(&self) -> Option<&Path> {
        Some(self.0.path())
    }
}

/// Holds lines back in its memory, for as long as it may.
struct Holding {
    file: Arc<dyn AppendFile>,
    held: Mutex<String>,
}

impl Handler for Holding {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        self.held.lock().unwrap().push_str(&line(record));
        Ok(())
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        Ok(steps.append(&self.file, held.as_bytes())?)
    }

    fn file(&self) -> Option<&Path> {
        Some(self.file.path())
    }
}

/// What the handlers here write, without a newline.
struct Lined;

impl Formatter for Lined {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(line(record).trim_end());
        Ok(())
    }
}

/// Files that get the same lines, each in its way.
pub(crate) struct Logs {
    /// At once.
    pub(crate) plain: PathBuf,
    /// From a handler that holds them back.
    held: PathBuf,
    /// It rolls, and everything is kept.
    rolled: PathBuf,
    /// It rolls, and one old file is kept.
    kept: PathBuf,
    /// It rolls, and what was rolled is compressed.
    packed: PathBuf,
    max_bytes: u64,
}

impl Logs {
    /// Those that roll do so at so many bytes.
    pub(crate) fn within(directory: &Path, max_bytes: u64) -> Self {
        let [plain, held, rolled, kept, packed] =
            ["plain.log", "held.log", "rolled.log", "kept.log", "packed.log"].map(|name| directory.join(name));
        // Something to delete when it rolls for the first time.
        std::fs::write(directory.join("kept.log.1"), "").unwrap();
        Self { plain, held, rolled, kept, packed, max_bytes }
    }

    fn rolling(&self, log: &Path, backup_count: u32, compress: Option<Compress>) -> Box<dyn Handler> {
        let config = RotatingFileHandlerConfig::new(log);
        let config = RotatingFileHandlerConfig { max_bytes: self.max_bytes, backup_count, compress, ..config };
        Box::new(RotatingFileHandler::new(config).unwrap())
    }

    /// Waits until the listener has compressed what was rolled, and left nothing half made.
    pub(crate) fn wait_until_packed(&self) {
        let is_left = |name: &str| {
            let rolled = name.strip_prefix("packed.log.").is_some_and(|rolled| !rolled.ends_with(".gz"));
            rolled || name.starts_with(".packed.log.") && name.ends_with(".part")
        };
        let began = Instant::now();
        until("all is compressed", || {
            let names =
                std::fs::read_dir(self.packed.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
            let left: Vec<_> = names.map(|name| name.into_string().unwrap()).filter(|name| is_left(name)).collect();
            assert!(began.elapsed() < DEADLINE, "never compressed: {left:?}");
            left.is_empty()
        });
    }

    /// Asserts that no line is torn or repeated, and none missing but those that were deleted; for each file that keeps all
    /// how often each stands there.
    pub(crate) fn assert_whole(&self) -> [Lines; 4] {
        let kept = Lines::of(&self.kept);
        let whole = [&self.plain, &self.held, &self.rolled, &self.packed].map(|log| {
            let lines = Lines::of(log);
            lines.assert_whole();
            lines
        });
        kept.assert_tails_of(&whole[0]);
        whole
    }
}

/// A queue over one file, as a config builds it.
pub(crate) struct Queue {
    pub(crate) entry: HandlerEntry,
    pub(crate) log: PathBuf,
}

impl Queue {
    pub(crate) fn over(log: &Path, options: QueueOptions) -> Self {
        Self::before(vec![Box::new(ToFile(Arc::new(LogFile(log.to_owned()))))], log, options)
    }

    /// A queue over several files, which get the same lines.
    pub(crate) fn started_over(logs: &Logs) -> Self {
        let queue = Self::over_all(logs, ListenerIn::Process);
        queue.entry.handler.start().unwrap();
        queue
    }

    /// The same, not yet started.
    pub(crate) fn over_all(logs: &Logs, listener_in: ListenerIn) -> Self {
        let file = |log: &Path| Arc::new(LogFile(log.to_owned()));
        let holding = Holding { file: file(&logs.held), held: Mutex::default() };
        // They wait for room, so that a number that is missing is a record that was lost.
        let overflow = Overflow::Block(DEADLINE);
        let limits = QueueLimits { capacity_bytes: LANE_BYTES, overflow, ..QueueLimits::default() };
        let options = QueueOptions { limits, listener_in, ..QueueOptions::default() };
        let plain = Box::new(ToFile(file(&logs.plain)));
        let (rolled, kept) = (logs.rolling(&logs.rolled, 1000, None), logs.rolling(&logs.kept, 1, None));
        let packed = logs.rolling(&logs.packed, 1000, Some(Compress::Gzip));
        Self::before(vec![plain, Box::new(holding), rolled, kept, packed], &logs.plain, options)
    }

    /// A queue whose one handler writes to stdout.
    pub(crate) fn before_the_console(options: QueueOptions) -> Self {
        Self::before(vec![Box::new(ToStdout)], Path::new(""), options)
    }

    /// A queue before stdout, as a config builds its handler, and a file behind it.
    pub(crate) fn before_the_console_and(log: &Path) -> Self {
        let config = StreamHandlerConfig { stream: Stream::Std(StdStream::Stdout), ..StreamHandlerConfig::default() };
        let file = ToFile(Arc::new(LogFile(log.to_owned())));
        let options = QueueOptions::default();
        Self::before(vec![Box::new(StreamHandler::new(config)), Box::new(file)], log, options)
    }

    pub(crate) fn before(handlers: Vec<Box<dyn Handler>>, log: &Path, options: QueueOptions) -> Self {
        let entries = handlers.into_iter().map(|handler| HandlerEntry::new("test", handler, Arc::new(Lined)));
        let handlers = entries.map(Arc::new).collect();
        let listener = QueueListener { name: "queue".into(), handlers, respect_handler_level: true };
        let handler = MultiprocessingQueue { options }.connect(listener).unwrap();
        Self { entry: HandlerEntry::new("queue", handler, Arc::new(Lined)), log: log.to_owned() }
    }

    pub(crate) fn started(log: &Path) -> Self {
        let queue = Self::over(log, QueueOptions::default());
        queue.entry.handler.start().unwrap();
        queue
    }

    /// Logs a line that no other call logs: process, thread, number.
    pub(crate) fn log(&self, number: u32) {
        self.log_with(Level::INFO, Timestamp::now(), number);
    }

    /// The same with a line of so many bytes more.
    pub(crate) fn log_long(&self, number: u32, more: usize) {
        self.log_padded(Level::INFO, Timestamp::now(), number, more);
    }

    /// The same with a record that takes several units of a lane, from a place in the code that no other record comes from.
    #[cfg(logtree_kill_points)]
    pub(crate) fn log_bulky(&self, number: u32) {
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let name = format!("test.{thread}.{number}.{}", "x".repeat(3000));
        let callsite = Callsite { index: None, name: name.into(), ..Callsite::default() };
        self.log_from(&callsite, Level::INFO, Timestamp::now(), number, 0, Some(&"trace\n".repeat(7000)));
    }

    pub(crate) fn log_with(&self, level: Level, created: Timestamp, number: u32) {
        self.log_padded(level, created, number, 0);
    }

    pub(crate) fn log_padded(&self, level: Level, created: Timestamp, number: u32, more: usize) {
        let callsite = Callsite { index: Some(0), name: "test".into(), ..Callsite::default() };
        self.log_from(&callsite, level, created, number, more, None);
    }

    pub(crate) fn log_from(
        &self,
        callsite: &Callsite,
        level: Level,
        created: Timestamp,
        number: u32,
        more: usize,
        exc_text: Option<&str>,
    ) {
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        let origin = Origin { process: std::process::id(), thread: thread.unsigned_abs().into(), ..Origin::default() };
        let record = Record {
            callsite,
            name: "test",
            level,
            level_names: LevelNames::STANDARD,
            created,
            origin: &origin,
            message: &format!("{thread} {number}{}", padding(more)),
            fields: Fields::EMPTY,
            spans: Spans::EMPTY,
            function: None,
            exc_text,
            stack_info: None,
            source: Source::Tracing,
            attributes: Fields::EMPTY,
        };
        self.entry.handle(&record, &mut Direct);
    }

    pub(crate) fn flush(&self) -> bool {
        self.entry.handler.flush(Instant::now() + DEADLINE)
    }

    /// Waits until the helpers have left, and with them segment and claim.
    pub(crate) fn wait_until_gone(&self) {
        let claim = self.log.with_file_name(format!(".{}.logtree", self.log.file_name().unwrap().to_string_lossy()));
        until("the claim is gone", || !claim.exists());
    }
}

/// This process's helper of that name, as soon as there is just one: a successor makes its standby after it has taken over,
/// and the seat of one that was killed is free a moment before it is gone.
pub(crate) fn helper(name: &str) -> Pid {
    helper_of(getpid(), name)
}

/// The same of another process.
pub(crate) fn helper_of(maker: Pid, name: &str) -> Pid {
    let mut found = Vec::new();
    until(&format!("there is one {name}"), || {
        found = helpers_of(maker, name);
        found.len() == 1
    });
    found[0]
}

/// The helpers of that name that a process, or a helper of it, has made.
pub(crate) fn helpers_of(maker: Pid, name: &str) -> Vec<Pid> {
    let is_made = |pid: Pid| parent_and_state(pid).is_some_and(|(parent, _)| parent == Some(maker));
    processes().into_iter().filter(|(pid, comm)| comm == name && is_made(*pid)).map(|(pid, _)| pid).collect()
}

/// The helpers of this process that have ended and of which something is left.
pub(crate) fn zombies() -> Vec<Pid> {
    let me = format!(" Z {} ", getpid().as_raw_nonzero());
    let is_ours = |(pid, name): &(Pid, String)| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        name.starts_with("logtree-") && stat.rsplit(')').next().is_some_and(|behind| behind.starts_with(&me))
    };
    processes().into_iter().filter(is_ours).map(|(pid, _)| pid).collect()
}

/// Stops this process's helpers, the standby first so that it does not take the listener's place. When this returns,
/// neither of them runs.
pub(crate) fn stop_helpers() -> [Pid; 2] {
    stop_helpers_of(getpid())
}

/// The same with those of another process.
pub(crate) fn stop_helpers_of(maker: Pid) -> [Pid; 2] {
    let helpers = ["logtree-standby", "logtree-listen"].map(|name| helper_of(maker, name));
    helpers.into_iter().for_each(stop);
    helpers
}

/// Stops a process. When this returns, it does not run.
pub(crate) fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
    // A signal takes a moment to stop.
    until("it is stopped", || state_of(pid) == "T");
}

/// Every process of the system with its name.
pub(crate) fn processes() -> Vec<(Pid, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let named = numbers.filter_map(|pid| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some((Pid::from_raw(pid)?, comm.trim_end().to_owned()))
    });
    named.collect()
}

/// The threads of this process that have such a name.
pub(crate) fn threads_named(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

/// The state of a process, as `ps` shows it; empty if it is gone, but for its zombie.
pub(crate) fn state_of(pid: Pid) -> String {
    parent_and_state(pid).map(|(_, state)| state).unwrap_or_default()
}

/// The parent and the state of a process that is not a zombie.
fn parent_and_state(pid: Pid) -> Option<(Option<Pid>, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    let state = fields.next()?.to_owned();
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some((Pid::from_raw(parent), state))
}

/// How often each line stands in the file, by process and thread; a line that is no line of ours is a torn one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) numbers: BTreeMap<(i32, i32), BTreeMap<u32, u32>>,
    pub(crate) other: Vec<String>,
}

impl Lines {
    /// Once everything is written, also to files that were rolled.
    pub(crate) fn of(log: &Path) -> Self {
        let numbered = |number: u32| ["", ".gz"].map(|form| PathBuf::from(format!("{}.{number}{form}", log.display())));
        let rolled = (1..).map(|number| numbered(number).into_iter().filter(|path| path.exists()).collect::<Vec<_>>());
        let rolled: Vec<_> = rolled.take_while(|forms| !forms.is_empty()).flatten().collect();
        let all = rolled.iter().rev().map(PathBuf::as_path).chain([log]);
        Self::parse(&all.map(text).collect::<String>())
    }

    /// While it is written: a reader may see the beginning of a write(2) before its end.
    pub(crate) fn so_far(log: &Path) -> Self {
        let bytes = std::fs::read(log).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Self::parse(std::str::from_utf8(&bytes[..end]).unwrap())
    }

    fn parse(text: &str) -> Self {
        let mut lines = Self::default();
        for line in text.split_inclusive('\n') {
            match parse_line(line) {
                Some((process, thread, number)) => {
                    *lines.numbers.entry((process, thread)).or_default().entry(number).or_default() += 1;
                }
                None => lines.other.push(line.to_owned()),
            }
        }
        lines
    }

    /// Asserts that of each thread the lines 0 to some number are there, each once, and nothing else; returns how many.
    pub(crate) fn assert_whole(&self) -> u32 {
        assert!(self.other.is_empty(), "torn or foreign lines: {:?}", &self.other[..self.other.len().min(5)]);
        for (thread, numbers) in &self.numbers {
            let missing: Vec<_> = (0..numbers.len() as u32).filter(|number| !numbers.contains_key(number)).collect();
            assert!(missing.is_empty(), "{thread:?} lacks {missing:?} of {}", numbers.len());
            let repeated: Vec<_> = numbers.iter().filter(|(_, count)| **count > 1).collect();
            assert!(repeated.is_empty(), "{thread:?} repeats {repeated:?}");
        }
        self.numbers.values().map(|numbers| numbers.len() as u32).sum()
    }
}

impl Lines {
    /// Asserts that the last lines of each thread are there that has any, each once.
    fn assert_tails_of(&self, whole: &Self) {
        assert!(self.other.is_empty(), "torn or foreign lines: {:?}", &self.other[..self.other.len().min(5)]);
        assert!(!self.numbers.is_empty());
        for (thread, numbers) in &self.numbers {
            let last = whole.numbers[thread].len() as u32;
            let first = last - numbers.len() as u32;
            assert!(
                numbers.iter().map(|(number, count)| (*number, *count)).eq((first..last).map(|number| (number, 1)))
            );
        }
    }
}

/// The text of a file, if it is there, also of a compressed one.
pub(crate) fn text(path: &Path) -> String {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return std::fs::read_to_string(path).unwrap_or_default();
    }
    io::read_to_string(flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())).unwrap()
}

fn parse_line(line: &str) -> Option<(i32, i32, u32)> {
    let mut parts = line.strip_suffix('\n')?.split(' ');
    let parsed = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let is_whole = match (parts.next(), parts.next()) {
        (None, _) => true,
        (Some(length), Some(rest)) => {
            let length: usize = length.parse().ok()?;
            rest.len() == length && rest.bytes().eq((0..length).map(letter))
        }
        (Some(_), None) => false,
    };
    (is_whole && parts.next().is_none()).then_some(parsed)
}

/// What makes a line longer: its length, and letters that stand at no other place of it.
fn padding(length: usize) -> String {
    if length == 0 {
        return String::new();
    }
    format!(" {length} {}", (0..length).map(|at| char::from(letter(at))).collect::<String>())
}

fn letter(at: usize) -> u8 {
    b'a' + (at ^ at >> 8 ^ at >> 16) as u8 % 26
}
