//! What a config says of a queue: the keys beside `"()": "multiprocessing.Queue"`.

use logtree_core::{ArgumentError, Kwargs, QueueLimits};

/// The keyword arguments of `multiprocessing.Queue`, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueOptions {
    /// How much a thread's lane takes in, and what becomes of the rest.
    pub limits: QueueLimits,
    /// `name`: processes whose queues have the same name share them, with or without a file.
    pub name: Option<String>,
    /// `listener_in`: where the listener runs.
    pub listener_in: ListenerIn,
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

impl QueueOptions {
    /// Reads the arguments of a config.
    ///
    /// # Errors
    /// If one is of the wrong type, out of its range, or unknown.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let mut options = Self { limits: QueueLimits::from_kwargs(&mut kwargs)?, ..Self::default() };
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
    use std::time::Duration;

    use logtree_core::{Argument, Level, Overflow};

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
            limits: QueueLimits {
                maxsize: 0,
                capacity_bytes: 2 << 20,
                overflow: Overflow::Block(Duration::from_millis(250)),
                reserve_above: Some(Level::WARNING),
            },
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
