//! What a config says of a queue: the keys beside `"()": "multiprocessing.Queue"`.

use std::time::Duration;

use logtree_core::{Argument, ArgumentError, Kwargs, Level, LevelNames};

/// The keyword arguments of `multiprocessing.Queue`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// `maxsize`: how many records of one thread may wait; 0 for as many as `capacity` holds.
    pub maxsize: u32,
    /// `capacity`: how many bytes of one thread may wait.
    pub capacity_bytes: usize,
    /// `overflow` and `timeout`: what is done with a record for which there is no room.
    pub overflow: Overflow,
    /// `reserve_above`: only records of this level and above may use the last eighth of the capacity.
    pub reserve_above: Option<Level>,
    /// `name`: processes whose queues have the same name share them, with or without a file.
    pub name: Option<String>,
    /// `listener_in`: where the listener runs.
    pub listener_in: ListenerIn,
}

/// What is done with a record for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is dropped and counted.
    #[default]
    Drop,
    /// Its thread waits, all waits of one outage together no longer than this; then it is dropped and counted.
    Block(Duration),
}

/// Where the listener runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerIn {
    /// In a helper process, where one can be made.
    #[default]
    Process,
    /// On a thread of a process that logs.
    Thread,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            maxsize: 0,
            capacity_bytes: 16 << 20,
            overflow: Overflow::Drop,
            reserve_above: None,
            name: None,
            listener_in: ListenerIn::Process,
        }
    }
}

impl QueueOptions {
    /// Reads the arguments of a config.
    ///
    /// # Errors
    /// If one is of the wrong type, out of its range, or unknown.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut options = Self::default();
        if let Some(maxsize) = kwargs.int("maxsize")? {
            // Python takes zero and everything below for "no limit".
            options.maxsize = u32::try_from(maxsize.max(0)).unwrap_or(u32::MAX);
        }
        if let Some(argument) = kwargs.take("capacity") {
            options.capacity_bytes = capacity(&kwargs, &argument)?;
        }
        let timeout = kwargs.seconds("timeout")?.unwrap_or(Duration::from_secs(1));
        options.overflow = match kwargs.string("overflow")?.as_deref() {
            None | Some("drop") => Overflow::Drop,
            Some("block") => Overflow::Block(timeout),
            Some(other) => return Err(not_one_of("overflow", other, "'drop' or 'block'")),
        };
        options.reserve_above = match kwargs.take("reserve_above") {
            None | Some(Argument::None) => None,
            Some(Argument::Int(level)) => Some(Level(i32::try_from(level).unwrap_or(i32::MAX))),
            Some(Argument::Str(name)) => match LevelNames::STANDARD.parse(&name) {
                Some(level) => Some(level),
                None => {
                    let message = format!("Unknown level: '{name}'");
                    return Err(ArgumentError::new("ValueError", message).at("reserve_above"));
                }
            },
            Some(other) => return Err(kwargs.wrong_type("reserve_above", &other, "a level")),
        };
        options.name = kwargs.string("name")?;
        if let Some(name) = &options.name
            && !is_queue_name(name)
        {
            return Err(not_one_of("name", name, "1 to 64 letters, digits, '-', '_' or '.', not first a '.'"));
        }
        options.listener_in = match kwargs.string("listener_in")?.as_deref() {
            None | Some("process") => ListenerIn::Process,
            Some("thread") => ListenerIn::Thread,
            Some(other) => return Err(not_one_of("listener_in", other, "'process' or 'thread'")),
        };
        kwargs.finish()?;
        Ok(options)
    }
}

fn capacity(kwargs: &Kwargs, argument: &Argument) -> Result<usize, ArgumentError> {
    const EXPECTED: &str = "a number of bytes, or one with KiB or MiB";
    let bytes = match argument {
        Argument::Int(bytes) => usize::try_from(*bytes).ok(),
        Argument::Str(text) => {
            let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
            let shift = match unit.trim() {
                "" | "B" => Some(0),
                "KiB" => Some(10),
                "MiB" => Some(20),
                _ => None,
            };
            let number = number.parse::<usize>().ok();
            number.zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift))
        }
        _ => None,
    };
    match bytes {
        Some(bytes) if bytes >= 1 << 15 => Ok(bytes),
        Some(_) => Err(ArgumentError::new("ValueError", "capacity must be at least 32 KiB").at("capacity")),
        None => Err(kwargs.wrong_type("capacity", argument, EXPECTED)),
    }
}

fn not_one_of(keyword: &str, value: &str, expected: &str) -> ArgumentError {
    let message = format!("{keyword} must be {expected}, not '{value}'");
    ArgumentError::new("ValueError", message).at(keyword).expected(expected)
}

fn is_queue_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(arguments: &[(&str, Argument)]) -> Result<QueueOptions, ArgumentError> {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        QueueOptions::from_kwargs(Kwargs::new("multiprocessing.Queue()", arguments))
    }

    #[test]
    fn every_key_is_read() {
        let read = options(&[
            ("maxsize", Argument::Int(-1)),
            ("capacity", Argument::Str("2 MiB".into())),
            ("overflow", Argument::Str("block".into())),
            ("timeout", Argument::Float(0.25)),
            ("reserve_above", Argument::Str("WARNING".into())),
            ("name", Argument::Str("api".into())),
            ("listener_in", Argument::Str("thread".into())),
        ]);
        let expected = QueueOptions {
            maxsize: 0,
            capacity_bytes: 2 << 20,
            overflow: Overflow::Block(Duration::from_millis(250)),
            reserve_above: Some(Level::WARNING),
            name: Some("api".into()),
            listener_in: ListenerIn::Thread,
        };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_keyword() {
        let refused = [
            ("capacity", Argument::Str("a lot".into())),
            ("capacity", Argument::Int(100)),
            ("overflow", Argument::Str("wait".into())),
            ("timeout", Argument::Float(-1.0)),
            ("timeout", Argument::Float(f64::NAN)),
            ("reserve_above", Argument::Str("warning".into())),
            ("name", Argument::Str("../x".into())),
            ("listener_in", Argument::Str("moon".into())),
            ("bogus", Argument::Int(1)),
        ];
        for (keyword, value) in refused {
            let error = options(&[(keyword, value)]).unwrap_err();
            assert_eq!(error.keyword.as_deref(), Some(keyword), "{error}");
        }
    }
}
