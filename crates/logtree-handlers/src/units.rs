//! Sizes and times as people write them: `100 MiB`, `14 days`.

use std::time::Duration;

use logtree_core::{Argument, ArgumentError};

const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const SECONDS: &[(&str, u64)] = &[
    ("s", 1),
    ("second", 1),
    ("min", 60),
    ("minute", 60),
    ("h", 3600),
    ("hour", 3600),
    ("d", 86_400),
    ("day", 86_400),
    ("w", 604_800),
    ("week", 604_800),
];

/// A size with its unit, such as `100 MiB`. A number alone is no size: Python refuses it as a string.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    quantity(text, |unit| BYTES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor))
}

/// A time with its unit, such as `14 days`.
fn seconds(text: &str) -> Option<u64> {
    let singular =
        |unit: &str| if unit.len() > 2 { unit.strip_suffix('s').unwrap_or(unit).to_owned() } else { unit.into() };
    quantity(text, |unit| SECONDS.iter().find(|(name, _)| *name == singular(unit)).map(|(_, factor)| *factor))
}

fn quantity(text: &str, factor: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    number.parse::<u64>().ok()?.checked_mul(factor(unit.trim_start())?)
}

/// A size, as a number of bytes or with a unit.
pub(crate) fn bytes_argument(keyword: &str, argument: Option<Argument>) -> Result<Option<u64>, ArgumentError> {
    let found = match &argument {
        None | Some(Argument::None) => return Ok(None),
        Some(Argument::Int(value)) => u64::try_from(*value).ok(),
        Some(Argument::Str(text)) => bytes(text),
        Some(_) => None,
    };
    found.map(Some).ok_or_else(|| wrong(keyword, "a size such as '100 MiB'"))
}

/// A time, as a number of seconds or with a unit.
pub(crate) fn time_argument(keyword: &str, argument: Option<Argument>) -> Result<Option<Duration>, ArgumentError> {
    let found = match &argument {
        None | Some(Argument::None) => return Ok(None),
        Some(Argument::Int(value)) => u64::try_from(*value).ok(),
        Some(Argument::Str(text)) => seconds(text),
        Some(_) => None,
    };
    let error = || wrong(keyword, "a time such as '14 days'");
    found.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(error)
}

fn wrong(keyword: &str, expected: &str) -> ArgumentError {
    ArgumentError::new("ValueError", format!("'{keyword}' must be {expected}")).at(keyword).expected(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read() {
        let sizes = ["100 MiB", "1KiB", "2 GB", "7 B", "0 B"].map(bytes);
        assert_eq!(sizes, [100 << 20, 1 << 10, 2_000_000_000, 7, 0].map(Some));
        for text in [
            "100",
            "",
            "MiB",
            "1 mib",
            "-1 B",
            "1.5 MiB",
            "1 MiB ",
            "99999999999999999999 B",
            "18446744073709551615 KiB",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        let times = ["14 days", "1 day", "2w", "90 s", "1 second", "12 hours", "5 min", "3d"].map(seconds);
        assert_eq!(times, [14 * 86_400, 86_400, 2 * 604_800, 90, 1, 43_200, 300, 259_200].map(Some));
        for text in ["14", "days", "1 month", "1 ss", "-1 d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
