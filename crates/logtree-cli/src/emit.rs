//! `logtree emit`: events through a config, each handled as its logger would.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use logtree::{Color, Config, Problem, Tree};
use logtree_core::{Callsite, Direct, Origin, Timestamp};

use crate::event::{Event, Unsaid};
use crate::{Outcome, say, say_why};

/// Handle events as the loggers of a config would: one JSON object a line, with the keys of a Python LogRecord
///
/// Keys that are no attributes of a LogRecord are extras. Exit code: 0 if every event was handled, 1 if one could not be
/// read, 2 if the config is refused; then nothing was written.
#[derive(Args, Debug)]
pub(crate) struct Emit {
    /// The config file; the extension tells the format
    config: PathBuf,
    /// The file of events; standard input without it, or if it is -
    events: Option<PathBuf>,
    /// Show the config's warnings on standard error
    #[arg(long)]
    warnings: bool,
}

/// So many bytes of events are handed on before a queue is given time to catch up: what `emit` is given all at once must
/// not overflow a queue that a program fills little by little.
const FLUSH_AFTER_BYTES: usize = 64 * 1024;

/// How long to wait for a queue: far beyond what a listener needs, unless it never will.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

impl Emit {
    pub(crate) fn run(&self) -> Outcome {
        let config = match Config::load(&self.config, &logtree::registry()) {
            Ok(config) => config,
            Err(error) => return say_why(&error),
        };
        if self.warnings {
            say(&config.warnings().iter().map(|warning: &Problem| warning.render(Color::Always)).collect::<String>());
        }
        // Looked at before any file of the config is created.
        let events = match self.open() {
            Ok(events) => events,
            Err(error) => {
                say(&format!("{}: cannot read the events: {error}\n", self.origin().display()));
                return Outcome::Flawed;
            }
        };
        match config.tree() {
            Ok(tree) => Emitter::new(tree, self.origin()).run(events),
            Err(error) => say_why(&error),
        }
    }

    fn open(&self) -> io::Result<Box<dyn BufRead>> {
        Ok(match self.file() {
            Some(path) => Box::new(BufReader::new(File::open(path)?)),
            None => Box::new(io::stdin().lock()),
        })
    }

    fn file(&self) -> Option<&Path> {
        self.events.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn origin(&self) -> &Path {
        self.file().unwrap_or(Path::new("<stdin>"))
    }
}

/// Events on their way into a tree.
struct Emitter<'a> {
    tree: Arc<Tree>,
    unsaid: Unsaid,
    /// How messages call the input.
    input: &'a Path,
    outcome: Outcome,
}

impl<'a> Emitter<'a> {
    fn new(tree: Arc<Tree>, input: &'a Path) -> Self {
        let process = std::process::id();
        let origin = Origin {
            process,
            process_name: "MainProcess".into(),
            // On Linux the first thread has the process's number; elsewhere it is as good as any.
            thread: process.into(),
            thread_name: "MainThread".into(),
            started: Timestamp::now(),
        };
        let unsaid = Unsaid { callsite: Callsite::default(), origin };
        Self { tree, unsaid, input, outcome: Outcome::Good }
    }

    fn run(mut self, mut events: Box<dyn BufRead>) -> Outcome {
        let mut line = Vec::new();
        let mut unflushed_bytes = 0;
        for number in 1_u64.. {
            line.clear();
            match events.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(bytes) => unflushed_bytes += bytes,
                Err(error) => {
                    self.complain(number, &error.to_string());
                    break;
                }
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match Event::parse(&line, self.tree.level_names()) {
                Ok(event) => self.handle(&event),
                Err(error) => self.complain(number, &error.to_string()),
            }
            if unflushed_bytes >= FLUSH_AFTER_BYTES {
                self.empty_queues();
                unflushed_bytes = 0;
            }
        }
        if !self.flush() {
            self.outcome = Outcome::Flawed;
            say("not everything was written in time\n");
        }
        self.outcome
    }

    /// `isEnabledFor`, then `handle` (CPython's `Logger._log`).
    fn handle(&self, event: &Event) {
        let route = self.tree.find(event.logger());
        if route.is_enabled_for(event.level()) {
            route.handle(&event.record(self.tree.level_names(), &self.unsaid), &mut Direct);
        }
    }

    /// Waits for what is in queues, but for no handler that holds records back until there is a reason to hand them on.
    fn empty_queues(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        for entry in self.tree.handlers().iter().filter(|entry| entry.handler.queue().is_some()) {
            entry.handler.flush(deadline);
        }
    }

    fn flush(&self) -> bool {
        self.tree.flush(Instant::now() + FLUSH_TIMEOUT)
    }

    /// Says what is wrong with a line and goes on: the other events are none the worse for it.
    fn complain(&mut self, line: u64, message: &str) {
        self.outcome = Outcome::Flawed;
        say(&format!("{}:{line}: {message}\n", self.input.display()));
    }
}
