//! A handler that writes records into a table of an SQLite database.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use logtree::{ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerPlan, Kwargs, Level, Record, Steps};
use rusqlite::{Connection, TransactionBehavior, params};

/// Writes each record as a row: when, level, logger, process, thread, line, and the text that its formatter makes.
///
/// - Rows are held in memory until there are [`batch`](SqliteConfig::batch) of them, one of
///   [`flush_level`](SqliteConfig::flush_level) comes, or one comes an [`interval`](SqliteConfig::interval) after the first
///   of them; then all are written in one transaction. A flush writes too, and so does the guard of the program when it is
///   dropped.
/// - What is committed survives the end of the process by whatever cause; what is held ends with it. Behind a
///   `multiprocessing.Queue` nothing is held beyond a batch of the queue.
/// - A database that another process keeps locked is waited for, [`busy_timeout`](SqliteConfig::busy_timeout) long. Then,
///   and after any other error, rows are held for another try, at most one an interval, so that a program that logs does not
///   wait each time. Beyond [`HELD_ROWS`] of them a record is lost. logtree counts each error, and reports it.
/// - The table is made if it is not there; a database that does not open makes the config refused.
/// - A process that was forked opens the database for itself, as SQLite asks for, and forgets what its parent held. A
///   program that forks while other threads log is better off with a `multiprocessing.Queue` before the handler.
pub(crate) struct SqliteHandler {
    config: SqliteConfig,
    insert: String,
    state: Mutex<State>,
}

/// The arguments of the class, as a config gives them.
pub(crate) struct SqliteConfig {
    /// The database's file.
    pub(crate) database: PathBuf,
    /// The table; `log`.
    pub(crate) table: String,
    /// So many rows make a transaction; 100.
    pub(crate) batch: usize,
    /// A row of this level is not held; ERROR.
    pub(crate) flush_level: Level,
    /// For so long a row may be held while others come, and so long no second try is made; one second.
    pub(crate) interval: Duration,
    /// How long to wait for a database that is locked; one second.
    pub(crate) busy_timeout: Duration,
}

/// More rows are not held for a database that takes none.
pub(crate) const HELD_ROWS: usize = 10_000;

/// A longer one is cut: a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl SqliteConfig {
    /// Takes the arguments of a config.
    ///
    /// # Errors
    /// For one that is of the wrong type, missing, or unknown.
    pub(crate) fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let config = Self {
            database: kwargs.required_string("database")?.into(),
            table: kwargs.string("table")?.unwrap_or_else(|| "log".into()),
            batch: usize::try_from(kwargs.int("batch")?.unwrap_or(100)).unwrap_or(0).min(HELD_ROWS),
            flush_level: kwargs.level("flush_level")?.unwrap_or(Level::ERROR),
            interval: kwargs.seconds("interval")?.unwrap_or(Duration::from_secs(1)),
            // SQLite counts milliseconds in 32 bits.
            busy_timeout: kwargs.seconds("busy_timeout")?.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT),
        };
        kwargs.finish()?;
        let is_name = |name: &str| {
            let is_word = name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
            is_word && name.starts_with(|char: char| !char.is_ascii_digit())
        };
        // It becomes part of the SQL.
        if !is_name(&config.table) {
            let error = ArgumentError::new("ValueError", format!("{:?} is no name of a table", config.table));
            return Err(error.at("table").expected("letters, digits and underscores"));
        }
        Ok(config)
    }
}

impl SqliteHandler {
    /// What the registry asks of a class: a promise to make the handler once the whole config is known to be good.
    ///
    /// # Errors
    /// As [`SqliteConfig::from_kwargs`].
    pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
        let config = SqliteConfig::from_kwargs(kwargs)?;
        Ok(Box::new(|_| Ok(Box::new(Self::new(config)?))))
    }

    /// A handler with this config; nothing is opened yet.
    ///
    /// # Errors
    /// If the database's name is relative to a directory that is gone.
    pub(crate) fn new(mut config: SqliteConfig) -> Result<Self, BuildError> {
        config.database = std::path::absolute(&config.database)
            .map_err(|error| BuildError::io(config.database.display().to_string(), error))?;
        let columns = "created, level, logger, process, thread, line, message";
        let insert = format!("INSERT INTO {} ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", config.table);
        Ok(Self { config, insert, state: Mutex::default() })
    }

    /// A panic of another thread has broken nothing that this one needs.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.process != std::process::id() {
            // A connection of the parent's must not even be closed here (SQLite, How To Corrupt An SQLite Database File, 2.6).
            std::mem::forget(std::mem::take(&mut *state).connection);
            state.process = std::process::id();
        }
        state
    }

    /// Writes what is held, all of it or nothing.
    fn write(&self, state: &mut State, timeout: Duration) -> rusqlite::Result<()> {
        if state.rows.is_empty() {
            return Ok(());
        }
        state.retry_at = Instant::now().checked_add(timeout.saturating_add(self.config.interval));
        let connection = match &mut state.connection {
            Some(connection) => connection,
            None => state.connection.insert(self.connect()?),
        };
        connection.busy_timeout(timeout)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare(&self.insert)?;
        for Row { created, level, logger, process, thread, line, message } in &state.rows {
            insert.execute(params![created, level, logger, process, thread, line, message])?;
        }
        drop(insert);
        transaction.commit()?;
        state.rows.clear();
        state.retry_at = None;
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.config.database)?;
        connection.busy_timeout(self.config.busy_timeout)?;
        // So that whoever reads the table is not in the way.
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {} (created REAL, level TEXT, logger TEXT, process INTEGER, thread TEXT, \
             line INTEGER, message TEXT)",
            self.config.table
        ))?;
        Ok(connection)
    }
}

#[derive(Default)]
struct State {
    /// The process whose connection it is.
    process: u32,
    connection: Option<Connection>,
    rows: Vec<Row>,
    /// When the first of the rows was held.
    since: Option<Instant>,
    /// After an error, when to try again.
    retry_at: Option<Instant>,
}

/// What a record is in the table.
struct Row {
    /// Seconds since 1970, as Python's `created`.
    created: f64,
    level: String,
    logger: String,
    process: u32,
    thread: String,
    line: u32,
    message: String,
}

impl Handler for SqliteHandler {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let mut message = String::new();
        formatter.format(record, &mut message)?;
        let row = Row {
            created: record.created.seconds(),
            level: record.level_name().to_string(),
            logger: record.name.to_owned(),
            process: record.origin.process,
            thread: record.origin.thread_name.to_string(),
            line: record.callsite.line,
            message,
        };

        let mut state = self.state();
        let (now, timeout) = (Instant::now(), self.config.busy_timeout);
        let may_try = |state: &State| state.retry_at.is_none_or(|retry_at| now >= retry_at);
        if state.rows.len() >= HELD_ROWS && (!may_try(&state) || self.write(&mut state, timeout).is_err()) {
            return Err(std::io::Error::other(format!("{HELD_ROWS} rows wait for the database already")).into());
        }
        if state.rows.is_empty() {
            state.since = Some(now);
        }
        state.rows.push(row);
        let is_due = state.rows.len() >= self.config.batch
            || record.level >= self.config.flush_level
            || state.since.is_some_and(|since| now.duration_since(since) >= self.config.interval);
        if is_due && may_try(&state) {
            self.write(&mut state, timeout).map_err(std::io::Error::other)?;
        }
        Ok(())
    }

    fn open(&self) -> Result<(), BuildError> {
        let connection = self.connect().map_err(|error| {
            let what = format!("cannot open the database {}", self.config.database.display());
            BuildError::io(what, std::io::Error::other(error))
        })?;
        self.state().connection = Some(connection);
        Ok(())
    }

    fn flush(&self, deadline: Instant) -> bool {
        let timeout = deadline.saturating_duration_since(Instant::now()).min(self.config.busy_timeout);
        self.write(&mut self.state(), timeout).is_ok()
    }

    fn settle(&self, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(self.write(&mut self.state(), self.config.busy_timeout).map_err(std::io::Error::other)?)
    }

    /// The next row opens the database anew.
    fn reopen(&self) {
        self.state().connection = None;
    }

    fn close(&self) {
        let mut state = self.state();
        // What cannot be written now never will be; whoever cares has flushed, and was told.
        let _ = self.write(&mut state, self.config.busy_timeout);
        state.connection = None;
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.config.database)
    }
}
