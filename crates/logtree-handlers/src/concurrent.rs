//! `concurrent_log_handler.ConcurrentRotatingFileHandler` and `ConcurrentTimedRotatingFileHandler`, classes of PyPI's: many
//! processes, one file that rolls.
//!
//! Python needs classes of its own for that, with a lock at each record. Here [`RotatingFileHandler`] and
//! [`TimedRotatingFileHandler`] do it, and this is their keyword arguments (version 0.9) as those.
//!
//! `DIFFERENCE`: a record that would make the file too large goes into the next one, as with Python's own handler; without
//! `backupCount` the file is not emptied but grows; the file is opened when the program starts; no file for a lock is made;
//! `debug` and `keep_file_open` have no meaning; with `use_gzip` files are compressed later, as by `compress: gz`, and without the
//! feature `compress` not at all. Of the files that are full within one interval the first has the number 1 behind its time, and
//! the last has none; theirs have numbers from the second on.
//!
//! Where processes that have the package write the same file, both take its lock to roll: `FileHandlerConfig::roll_lock`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use logtree_core::{Argument, ArgumentError, HandlerPlan, Kwargs};

use crate::access::{self, Access};
use crate::{
    Compress, EncodingErrors, FileHandlerConfig, RotatingFileHandler, RotatingFileHandlerConfig,
    TimedRotatingFileHandler, TimedRotatingFileHandlerConfig,
};

/// The classes `concurrent_log_handler.ConcurrentRotatingFileHandler` and `cloghandler.ConcurrentRotatingFileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = RotatingFileHandler::new(config(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}

/// The class `concurrent_log_handler.ConcurrentTimedRotatingFileHandler`.
pub(crate) fn plan_timed(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = TimedRotatingFileHandler::new(timed_config(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}

fn config(mut kwargs: Kwargs) -> Result<RotatingFileHandlerConfig, ArgumentError> {
    let own = Own::take(&mut kwargs)?;
    let mut config = RotatingFileHandlerConfig::from_kwargs(kwargs)?;
    own.give(&mut config.file, &mut config.compress);
    Ok(config)
}

fn timed_config(mut kwargs: Kwargs) -> Result<TimedRotatingFileHandlerConfig, ArgumentError> {
    let own = Own::take(&mut kwargs)?;
    // The one is taken from whoever gives it, the other handed to a handler that does not write.
    for keyword in ["mode", "errors"] {
        kwargs.take(keyword);
    }
    let mut config = TimedRotatingFileHandlerConfig::from_kwargs(kwargs)?;
    own.give(&mut config.file, &mut config.compress);
    Ok(config)
}

/// The arguments that both classes have and ours do not.
struct Own {
    terminator: Option<String>,
    errors: EncodingErrors,
    access: Access,
    is_gzipped: bool,
    lock_directory: Option<String>,
}

impl Own {
    fn take(kwargs: &mut Kwargs) -> Result<Self, ArgumentError> {
        for keyword in ["debug", "delay", "newline", "keep_file_open"] {
            kwargs.take(keyword);
        }
        let lock_directory = kwargs.string("lock_file_directory")?.filter(|directory| !directory.is_empty());
        let terminator = kwargs.string("terminator")?.filter(|terminator| !terminator.is_empty());
        // What is no policy is ignored with a warning, and ignoring is the policy then.
        let errors = match kwargs.take("unicode_error_policy") {
            Some(Argument::Str(policy)) if matches!(&*policy, "replace" | "strict") => policy.parse()?,
            _ => EncodingErrors::Ignore,
        };
        let access = access(kwargs)?;
        let is_gzipped = kwargs.truth("use_gzip").unwrap_or(false) && Compress::is_there().is_ok();
        Ok(Self { terminator, errors, access, is_gzipped, lock_directory })
    }

    fn give(self, file: &mut FileHandlerConfig, compress: &mut Option<Compress>) {
        *compress = compress.or(self.is_gzipped.then_some(Compress::Gzip));
        (file.errors, file.access) = (self.errors, self.access);
        let lock = lock_name(&file.filename);
        file.roll_lock = Some(match self.lock_directory {
            Some(directory) => PathBuf::from(directory).join(lock),
            None => file.filename.with_file_name(lock),
        });
        if let Some(terminator) = self.terminator {
            file.terminator = terminator;
        }
    }
}

/// What the package calls the file on which its processes take a lock (its `baseLockFilename`).
fn lock_name(log: &Path) -> OsString {
    let name = log.file_name().unwrap_or_default().as_bytes();
    let name = name.strip_suffix(b".log").unwrap_or(name);
    OsString::from_vec([b".__", name, b".lock"].concat())
}

/// `owner` is a user and a group; `chmod` the bits, `umask` those that are taken from them.
fn access(kwargs: &mut Kwargs) -> Result<Access, ArgumentError> {
    let permissions = kwargs.take("chmod").map_or(Ok(None), |bits| access::permissions("chmod", &bits))?;
    let umask = kwargs.take("umask").map_or(Ok(None), |bits| access::permissions("umask", &bits))?;
    let permissions = permissions.or(umask.map(|umask| 0o666 & !umask));
    let (owner, group) = match kwargs.take("owner") {
        None | Some(Argument::None) => (None, None),
        Some(Argument::List(names)) if names.len() == 2 => {
            (access::number("owner", "/etc/passwd", &names[0])?, access::number("owner", "/etc/group", &names[1])?)
        }
        Some(other) => return Err(kwargs.wrong_type("owner", &other, "a list of a user and a group")),
    };
    Ok(Access { permissions, owner, group })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Encoding, When, cpython};

    #[test]
    fn its_arguments_are_those_of_a_handler_that_rolls() {
        let given = serde_json::json!({
            "filename": "a.log", "mode": "a", "maxBytes": 512, "backupCount": 3, "encoding": "latin-1", "debug": false,
            "delay": null, "use_gzip": false, "owner": ["root", "root"], "chmod": 0o640, "umask": null, "newline": "",
            "terminator": "\r\n", "unicode_error_policy": "replace", "lock_file_directory": "/tmp", "keep_file_open": true,
        });
        let file = FileHandlerConfig {
            encoding: Encoding::Latin1,
            errors: "replace".parse().unwrap(),
            terminator: "\r\n".into(),
            access: Access { permissions: Some(0o640), owner: Some(0), group: Some(0) },
            roll_lock: Some("/tmp/.__a.lock".into()),
            ..FileHandlerConfig::new("a.log")
        };
        let expected =
            RotatingFileHandlerConfig { file, max_bytes: 512, backup_count: 3, ..RotatingFileHandlerConfig::new("") };
        let class = "ConcurrentRotatingFileHandler";
        assert_eq!(config(cpython::kwargs(class, &given, Vec::new())), Ok(expected));
        let bare = config(cpython::kwargs(class, &serde_json::json!({"filename": "a"}), Vec::new())).unwrap();
        assert_eq!(bare.file.errors, "ignore".parse().unwrap());
        let gzipped =
            config(cpython::kwargs(class, &serde_json::json!({"filename": "a", "use_gzip": true}), Vec::new()));
        assert_eq!(gzipped.unwrap().compress, Compress::is_there().ok().map(|()| Compress::Gzip));
        let bogus = config(cpython::kwargs(class, &serde_json::json!({"filename": "a", "when": "S"}), Vec::new()));
        assert!(bogus.unwrap_err().message.contains("unexpected keyword argument 'when'"));
    }

    #[test]
    fn its_arguments_are_those_of_a_handler_that_rolls_by_time() {
        let class = "ConcurrentTimedRotatingFileHandler";
        let config = |given: serde_json::Value| timed_config(cpython::kwargs(class, &given, Vec::new()));
        let given = serde_json::json!({
            "filename": "a.log", "when": "midnight", "interval": 2, "backupCount": 3, "encoding": "latin-1", "delay": true,
            "utc": true, "atTime": null, "errors": "nope", "maxBytes": 512, "use_gzip": false, "owner": ["root", "root"],
            "chmod": null, "umask": 0o027, "newline": "", "terminator": "\r\n", "unicode_error_policy": "strict",
            "lock_file_directory": "/tmp", "keep_file_open": true, "mode": "w", "debug": false,
        });
        let file = FileHandlerConfig {
            encoding: Encoding::Latin1,
            terminator: "\r\n".into(),
            access: Access { permissions: Some(0o640), owner: Some(0), group: Some(0) },
            roll_lock: Some("/tmp/.__a.lock".into()),
            ..FileHandlerConfig::new("a.log")
        };
        let expected = TimedRotatingFileHandlerConfig {
            file,
            when: When::Midnight,
            interval_s: 2 * 86_400,
            backup_count: 3,
            utc: true,
            max_bytes: 512,
            ..TimedRotatingFileHandlerConfig::new("")
        };
        assert_eq!(config(given), Ok(expected));
        let mut expected = TimedRotatingFileHandlerConfig::new("a");
        (expected.file.errors, expected.file.roll_lock) = (EncodingErrors::Ignore, Some(".__a.lock".into()));
        assert_eq!(config(serde_json::json!({"filename": "a"})), Ok(expected));
        // concurrent-log-handler 0.9.31: the class with each.
        let refused = |given| config(given).unwrap_err().to_string();
        let said = refused(serde_json::json!({"filename": "a", "when": "X"}));
        assert_eq!(said, "ValueError: Invalid rollover interval specified: X");
        let said = refused(serde_json::json!({"filename": "a", "bogus": 1}));
        assert!(
            said.starts_with("TypeError: ") && said.ends_with(" got an unexpected keyword argument 'bogus'"),
            "{said}"
        );
    }
}
