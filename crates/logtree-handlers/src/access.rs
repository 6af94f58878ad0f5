//! Who may do what with a log file.

use std::io;

use logtree_core::{Argument, ArgumentError, Kwargs};
use rustix::fd::BorrowedFd;
use rustix::fs::{Gid, Mode, RawMode, Uid, fchmod, fchown, fstat};

/// Rights and owners that a log file is given when it is opened; what is not said stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The bits of chmod(1), whatever the program's umask is: the key `permissions`.
    pub permissions: Option<u32>,
    /// The number of a user: the key `owner`.
    pub owner: Option<u32>,
    /// The number of a group: the key `group`.
    pub group: Option<u32>,
}

impl Access {
    /// Takes the arguments `permissions`, `owner` and `group`. Names of users and groups are those of `/etc/passwd` and
    /// `/etc/group`.
    pub(crate) fn from_kwargs(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        Ok(Self {
            permissions: kwargs
                .take("permissions")
                .map_or(Ok(None), |argument| permissions("permissions", &argument))?,
            owner: kwargs.take("owner").map_or(Ok(None), |argument| number("owner", "/etc/passwd", &argument))?,
            group: kwargs.take("group").map_or(Ok(None), |argument| number("group", "/etc/group", &argument))?,
        })
    }

    /// Gives a file these rights and owners, if it has others.
    ///
    /// # Errors
    /// Those of fchown(2) and fchmod(2), as for a file of another user, and the key that cannot be followed.
    pub(crate) fn apply(&self, file: BorrowedFd<'_>) -> Result<(), (&'static str, io::Error)> {
        if *self == Self::default() {
            return Ok(());
        }
        let failed = |keyword| move |error: rustix::io::Errno| (keyword, error.into());
        let stat = fstat(file).map_err(failed("permissions"))?;
        let owner = self.owner.filter(|owner| *owner != stat.st_uid).map(Uid::from_raw);
        let group = self.group.filter(|group| *group != stat.st_gid).map(Gid::from_raw);
        let is_owned = if owner.is_some() || group.is_some() { fchown(file, owner, group) } else { Ok(()) };
        let is_owned = is_owned.map_err(failed(if owner.is_some() { "owner" } else { "group" }));
        // Afterwards, as another owner may cost some of the bits; and all the same, as they may be there to keep others out.
        let wanted = self.permissions.map(|bits| Mode::from_raw_mode(bits as RawMode));
        if let Some(mode) = wanted.filter(|mode| *mode != Mode::from_raw_mode(stat.st_mode) || owner.is_some()) {
            fchmod(file, mode).map_err(failed("permissions"))?;
        }
        is_owned
    }
}

/// Bits as text, in octal, or as the number that they are.
pub(crate) fn permissions(keyword: &str, argument: &Argument) -> Result<Option<u32>, ArgumentError> {
    let bits = match argument {
        Argument::None => return Ok(None),
        Argument::Int(bits) => u32::try_from(*bits).ok(),
        Argument::Str(text) => u32::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok(),
        _ => None,
    };
    let error = || {
        let message = format!("'{keyword}' must be the bits of chmod");
        ArgumentError::new("ValueError", message).at(keyword).expected("octal digits in quotes, such as '0640'")
    };
    bits.filter(|bits| *bits <= 0o777).map(Some).ok_or_else(error)
}

/// The number of a user or group, or the one that a line of `table` gives its name.
pub(crate) fn number(keyword: &str, table: &str, argument: &Argument) -> Result<Option<u32>, ArgumentError> {
    let found = match argument {
        Argument::None => return Ok(None),
        Argument::Int(number) => u32::try_from(*number).ok(),
        Argument::Str(name) => name.parse().ok().or_else(|| {
            let lines = std::fs::read_to_string(table).unwrap_or_default();
            let number = |line: &str| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok();
            lines.lines().find_map(number)
        }),
        _ => None,
    };
    let error = || {
        let message = format!("'{keyword}' names nobody of {table}");
        ArgumentError::new("ValueError", message).at(keyword).expected("a name or a number")
    };
    found.map(Some).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn bits_are_octal_as_text() {
        let read = |argument| permissions("permissions", &argument).ok().flatten();
        let text = |text: &str| Argument::Str(text.into());
        assert_eq!(
            [text("0640"), text("640"), text("0o600"), Argument::Int(0o644)].map(read),
            [0o640, 0o640, 0o600, 0o644].map(Some)
        );
        // 640 in decimal is what somebody writes who means 0640.
        for argument in [Argument::Int(640), Argument::Int(-1), text("rw"), text("8"), text(""), Argument::Bool(true)] {
            assert!(permissions("permissions", &argument).is_err(), "{argument:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_system() {
        let read = |argument| number("owner", "/etc/passwd", &argument).ok().flatten();
        assert_eq!(
            [Argument::Str("root".into()), Argument::Str("12".into()), Argument::Int(7)].map(read),
            [0, 12, 7].map(Some)
        );
        assert!(number("owner", "/etc/passwd", &Argument::Str("no such user".into())).is_err());
    }
}
