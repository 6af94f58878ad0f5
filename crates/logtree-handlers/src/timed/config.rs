//! The arguments of `logging.handlers.TimedRotatingFileHandler`.

use std::path::PathBuf;

use logtree_core::{Argument, ArgumentError, Kwargs};

use crate::rotating::backup_count;
use crate::schedule::{AtTime, When};
use crate::{Compress, FileHandlerConfig, Namer, Retention, units};

/// The arguments of Python's `logging.handlers.TimedRotatingFileHandler`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedRotatingFileHandlerConfig {
    /// What it shares with [`FileHandler`](crate::FileHandler). Its mode is [`OpenMode::Append`](crate::OpenMode::Append), whatever
    /// it says.
    pub file: FileHandlerConfig,
    /// At what moments it rolls; [`When::Hours`].
    pub when: When,
    /// Between two of them, in seconds; Python's `interval` in units of `when`.
    pub interval_s: i64,
    /// How many old files are kept; 0 for all.
    pub backup_count: u32,
    /// Whether days and names are those of UTC; no.
    pub utc: bool,
    /// The time of the day at which it rolls, for `midnight` and `W0` to `W6`.
    pub at_time: Option<AtTime>,
    /// The size at which it rolls before its time, as [`RotatingFileHandler`](crate::RotatingFileHandler) does; 0 for none.
    pub max_bytes: u64,
    /// What else limits the old files.
    pub retention: Retention,
    /// Whether and how old files are compressed; not.
    pub compress: Option<Compress>,
    /// What old files are called; as in Python.
    pub namer: Namer,
}

impl TimedRotatingFileHandlerConfig {
    /// What Python does with a file name and nothing else: it rolls each hour and keeps everything.
    pub fn new(filename: impl Into<PathBuf>) -> Self {
        let (file, when) = (FileHandlerConfig::new(filename), When::Hours);
        let (interval_s, backup_count, utc, at_time, max_bytes) = (when.unit_s(), 0, false, None, 0);
        let (retention, compress, namer) = (Retention::default(), None, Namer::default());
        Self { file, when, interval_s, backup_count, utc, at_time, max_bytes, retention, compress, namer }
    }

    /// Takes the arguments `when`, `interval`, `backupCount`, `utc` and `atTime`, and those of a `FileHandler` but for
    /// `mode`; and beyond Python's `maxBytes`, `maxAge`, `maxTotalBytes`, `compress`
    /// and `namer`.
    ///
    /// # Errors
    /// CPython's, for what is missing, unknown or of another type; for `compress` without the feature.
    pub fn from_kwargs(mut kwargs: Kwargs) -> Result<Self, ArgumentError> {
        let [when, interval, backups, utc, at_time, mode] =
            ["when", "interval", "backupCount", "utc", "atTime", "mode"].map(|keyword| kwargs.take(keyword));
        let max_bytes = units::bytes_argument("maxBytes", kwargs.take("maxBytes"))?.unwrap_or(0);
        let retention = Retention::from_kwargs(&mut kwargs)?;
        let compress = Compress::from_kwargs(&mut kwargs)?;
        let namer = Namer::from_kwargs(&mut kwargs)?;
        if mode.is_some() {
            let message = format!("{} got an unexpected keyword argument 'mode'", kwargs.call());
            return Err(ArgumentError::new("TypeError", message).at("mode"));
        }
        let file = FileHandlerConfig::from_kwargs(kwargs)?;
        let when = match when {
            None => When::Hours,
            Some(Argument::Str(when)) => when.parse()?,
            Some(other) => {
                let message = format!("'{}' object has no attribute 'upper'", other.type_name());
                return Err(ArgumentError::new("AttributeError", message).at("when").expected("a str"));
            }
        };
        Ok(Self {
            file,
            when,
            interval_s: interval_s(when, interval)?,
            backup_count: backup_count(backups)?,
            utc: utc.is_some_and(|utc| utc.is_truthy()),
            at_time: at_time.map_or(Ok(None), |argument| self::at_time(when, argument))?,
            max_bytes,
            retention,
            compress,
            namer,
        })
    }
}

/// What Python multiplies with a number of seconds and adds to one.
fn interval_s(when: When, interval: Option<Argument>) -> Result<i64, ArgumentError> {
    let operator = match interval {
        None => return Ok(when.unit_s()),
        Some(Argument::Bool(value)) => return Ok(when.unit_s() * i64::from(value)),
        Some(Argument::Int(value)) => return Ok(when.unit_s().saturating_mul(value)),
        // A time between two seconds has come at the second one.
        Some(Argument::Float(value)) => return Ok((when.unit_s() as f64 * value).ceil() as i64),
        Some(Argument::Str(_) | Argument::List(_)) => '+',
        Some(_) => '*',
    };
    let type_name = interval.map_or("", |interval| interval.type_name());
    let message = format!("unsupported operand type(s) for {operator}: 'int' and '{type_name}'");
    Err(ArgumentError::new("TypeError", message).at("interval").expected("a number"))
}

/// A string, which Python does not take (`DIFFERENCE`: but in TOML no config can write its `datetime.time`), or an object of the
/// registry's. Where it is not asked for, anything goes.
fn at_time(when: When, argument: Argument) -> Result<Option<AtTime>, ArgumentError> {
    match &argument {
        Argument::None => Ok(None),
        Argument::Str(text) => text.parse().map(Some),
        Argument::Object(object) if object.downcast::<AtTime>().is_some() => Ok(object.downcast().copied()),
        _ if !matches!(when, When::Midnight | When::Weekday(_)) => Ok(None),
        other => {
            let message = format!("'{}' object has no attribute 'hour'", other.type_name());
            let error = ArgumentError::new("AttributeError", message).at("atTime");
            Err(error.expected("a time in quotes, such as '13:45'"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

    use super::*;
    use crate::cpython;

    #[test]
    fn arguments_are_refused_that_cpython_refuses() {
        let cases = cpython::cases("timed.py", include_str!("../../tests/handlers/timed.jsonl"));
        let mut count = 0;
        for case in cases.iter().filter(|case| case.get("arguments").is_some()) {
            let mut arguments = case["arguments"].clone();
            arguments["filename"] = "a.log".into();
            let kwargs = cpython::kwargs("TimedRotatingFileHandler", &arguments, Vec::new());
            let refusal = TimedRotatingFileHandlerConfig::from_kwargs(kwargs).err().map(|error| error.to_string());
            assert_eq!(refusal.as_deref(), case["refusal"].as_str(), "{case}");
            count += 1;
        }
        assert!(count > 20, "{count}");
    }
}
