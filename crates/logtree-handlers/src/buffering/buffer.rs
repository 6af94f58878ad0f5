//! The bytes that are held back, and the thread that sees to it that they do not wait for long.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use logtree_core::{AppendFile, Direct, EmitError, HandlerErrors, Moves, Record, Steps, with_own_record};
use logtree_os::{ForkLock, ForkReset};

use super::BufferingConfig;
use crate::spawn::spawn;

/// What the handler and its thread share.
pub(super) struct Buffer {
    pub(super) config: BufferingConfig,
    name: String,
    /// Of its thread, and of flushing.
    pub(super) errors: HandlerErrors,
    held: ForkLock<HeldBytes>,
}

#[derive(Default)]
struct HeldBytes {
    bytes: Vec<u8>,
    /// Where they belong.
    file: Option<Arc<dyn AppendFile>>,
    /// The size of the file before them, where somebody asked.
    before: Option<u64>,
    /// Since when the first of them waits, where that is limited.
    since: Option<Instant>,
    writer: Option<Thread>,
    /// The thread waits to be woken.
    is_asleep: bool,
    /// Nobody flushes any more: nothing is held back.
    is_closed: bool,
}

/// A child leaves to its parent what the parent held back.
impl ForkReset for HeldBytes {
    fn after_fork(&mut self) {
        *self = Self { is_closed: self.is_closed, ..Self::default() };
    }

    fn torn() -> Self {
        Self::default()
    }
}

/// Takes a handler's appends into the buffer.
pub(super) struct Held<'a> {
    pub(super) buffer: &'a Arc<Buffer>,
    pub(super) steps: &'a mut dyn Steps,
}

impl Steps for Held<'_> {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        self.append_below(file, bytes, u64::MAX).map(|_| ())
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        let mut held = self.buffer.held.lock();
        let Some(size) = held.size(file, self.steps)? else { return self.steps.append_below(file, bytes, limit) };
        if size > 0 && size >= limit {
            return Ok(false);
        }
        self.buffer.hold(&mut held, file, bytes, self.steps)?;
        Ok(true)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        let mut held = self.buffer.held.lock();
        held.write(self.steps)?;
        self.steps.roll(file, moves)
    }
}

impl HeldBytes {
    /// The size that the file will have with what is held back; `None` if it has none, and nothing is to be held back.
    fn size(&mut self, file: &Arc<dyn AppendFile>, steps: &mut dyn Steps) -> io::Result<Option<u64>> {
        if self.file.as_ref().is_none_or(|known| !Arc::ptr_eq(known, file)) {
            self.write(steps)?;
            self.file = Some(Arc::clone(file));
        }
        if self.is_closed {
            return Ok(None);
        }
        if self.before.is_none() {
            self.before = file.end()?.map(|end| end.size);
        }
        Ok(self.before.map(|before| before + self.bytes.len() as u64))
    }

    /// Writes what is held back. If that fails it stays.
    fn write(&mut self, steps: &mut dyn Steps) -> io::Result<()> {
        if let Some(file) = self.file.as_ref().filter(|_| !self.bytes.is_empty()) {
            steps.append(file, &self.bytes)?;
        }
        self.bytes.clear();
        self.before = None;
        self.since = None;
        Ok(())
    }
}

impl Buffer {
    pub(super) fn new(config: BufferingConfig, name: String) -> Self {
        Self { config, name, errors: HandlerErrors::default(), held: ForkLock::default() }
    }

    /// Writes what is held back, with the steps of whoever asks.
    pub(super) fn hand_on(&self, steps: &mut dyn Steps) -> io::Result<()> {
        self.held.lock().write(steps)
    }

    /// Writes what is held back; says so if that is impossible.
    pub(super) fn write(&self) -> bool {
        let outcome = self.hand_on(&mut Direct);
        if let Err(error) = outcome {
            self.say_not_written(error);
            return false;
        }
        true
    }

    /// The same, if no other thread takes longer with the file than until then.
    pub(super) fn write_before(&self, deadline: Instant) -> bool {
        let held = self.held.lock_within(deadline.saturating_duration_since(Instant::now()));
        let Some(outcome) = held.map(|mut held| held.write(&mut Direct)) else { return false };
        outcome.map_err(|error| self.say_not_written(error)).is_ok()
    }

    /// Writes what is held back; from now on nothing is, and the thread ends.
    pub(super) fn close(&self) {
        self.write();
        let mut held = self.held.lock();
        held.is_closed = true;
        if let Some(writer) = &held.writer {
            writer.unpark();
        }
    }

    fn hold(
        self: &Arc<Self>,
        held: &mut HeldBytes,
        file: &Arc<dyn AppendFile>,
        bytes: &[u8],
        steps: &mut dyn Steps,
    ) -> io::Result<()> {
        if held.bytes.len() + bytes.len() > self.config.bytes {
            held.write(steps)?;
        }
        if bytes.len() >= self.config.bytes {
            held.before = None;
            return steps.append(file, bytes);
        }
        if held.bytes.is_empty()
            && let Some(interval) = self.config.flush_interval
        {
            self.limit_wait(held, interval);
        }
        held.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn say_not_written(&self, error: io::Error) {
        let error = EmitError::from(error);
        let report = |record: &Record<'_>| self.errors.report(&self.name, record, &error);
        with_own_record("buffer", "records that were held back could not be written yet", report);
    }

    /// Has a thread see to it that what comes now is written in time.
    #[cold]
    fn limit_wait(self: &Arc<Self>, held: &mut HeldBytes, interval: Duration) {
        held.since = Some(Instant::now());
        if let Some(writer) = &held.writer {
            if held.is_asleep {
                held.is_asleep = false;
                writer.unpark();
            }
            return;
        }
        let buffer = Arc::clone(self);
        // Without a thread it is written when the buffer is full, or is flushed.
        held.writer = spawn("logtree-buffer", move || buffer.write_in_time(interval)).ok();
        held.is_asleep = false;
    }

    /// What the thread does.
    fn write_in_time(&self, interval: Duration) {
        loop {
            let mut outcome = Ok(());
            let nap = {
                let mut held = self.held.lock();
                if held.is_closed {
                    held.writer = None;
                    return;
                }
                match held.since.map(|since| interval.saturating_sub(since.elapsed())) {
                    None => {
                        held.is_asleep = true;
                        None
                    }
                    Some(Duration::ZERO) => {
                        outcome = held.write(&mut Direct);
                        // What could not be written is tried again after as long a time.
                        held.since = outcome.is_err().then(Instant::now);
                        Some(Duration::ZERO)
                    }
                    nap => nap,
                }
            };
            if let Err(error) = outcome {
                self.say_not_written(error);
            }
            match nap {
                None => thread::park(),
                Some(nap) => thread::park_timeout(nap),
            }
        }
    }
}
