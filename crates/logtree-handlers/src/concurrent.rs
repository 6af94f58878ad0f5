//! `concurrent_log_handler.ConcurrentRotatingFileHandler`, a class of PyPI's: many processes, one file that rolls.
//!
//! Python needs a class of its own for that, with a lock at each record. Here [`RotatingFileHandler`] does it, and this is
//! its keyword arguments (version 0.9) as those.
//!
//! `DIFFERENCE`: a record that would make the file too large goes into the next one, as with Python's own handler; without
//! `backupCount` the file is not emptied but grows; the file is opened when the program starts; there is no file for
//! a lock, so that `lock_file_directory` has no meaning, nor have `debug` and `keep_file_open`; with `use_gzip` files are
//! compressed later, as by `compress: gz`, and without the feature `compress` not at all.

use logtree_core::{Argument, ArgumentError, HandlerPlan, Kwargs};

use crate::access::{self, Access};
use crate::{Compress, RotatingFileHandler, RotatingFileHandlerConfig};

/// The classes `concurrent_log_handler.ConcurrentRotatingFileHandler` and `cloghandler.ConcurrentRotatingFileHandler`.
pub(crate) fn plan(kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let handler = RotatingFileHandler::new(config(kwargs)?)?;
    Ok(Box::new(|_| Ok(Box::new(handler))))
}

fn config(mut kwargs: Kwargs) -> Result<RotatingFileHandlerConfig, ArgumentError> {
    for keyword in ["debug", "delay", "newline", "lock_file_directory", "keep_file_open"] {
        kwargs.take(keyword);
    }
    let terminator = kwargs.string("terminator")?.filter(|terminator| !terminator.is_empty());
    let policy = kwargs.take("unicode_error_policy");
    let access = access(&mut kwargs)?;
    let is_gzipped = kwargs.truth("use_gzip").unwrap_or(false) && Compress::is_there().is_ok();
    let mut config = RotatingFileHandlerConfig::from_kwargs(kwargs)?;
    config.compress = config.compress.or(is_gzipped.then_some(Compress::Gzip));
    // What is no policy is ignored with a warning, and ignoring is the policy then.
    config.file.errors = match policy {
        Some(Argument::Str(policy)) if matches!(&*policy, "replace" | "strict") => policy.parse()?,
        _ => "ignore".parse()?,
    };
    config.file.access = access;
    if let Some(terminator) = terminator {
        config.file.terminator = terminator;
    }
    Ok(config)
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
    use crate::{Encoding, FileHandlerConfig, cpython};

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
}
