//! `compress`: rolled files are compressed, by a thread beside the program.
//!
//! | file | concept |
//! |---|---|
//! | `compression.rs` | the key, and the names of files |
//! | `enabled.rs`, `disabled.rs` | the handler's side; the second without the feature `compress` |
//! | `worker.rs` | the thread: what there is to do, and one file after the other |
//! | `made.rs` | the compressed file while it is made, and what is left of one |
//! | `codec.rs` | the formats |
//!
//! What is to be done stands nowhere but in the directory: a rolled file that is not compressed. So it does not matter who
//! began it and was killed, and who finishes it.
//!
//! ```text
//! app.log.1 ──► .app.log.INODE.gz.part ──► app.log.1.gz, then app.log.1 is deleted
//!        written by whoever has locked it    under the lock of rolling, or as a step of the listener's batch
//! ```

#[cfg_attr(feature = "compress", path = "compression/enabled.rs")]
#[cfg_attr(not(feature = "compress"), path = "compression/disabled.rs")]
mod compressor;
#[cfg_attr(not(feature = "compress"), allow(dead_code, reason = "to sweep needs less"))]
mod made;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::str::FromStr;

use logtree_core::{AppendFile as _, ArgumentError, Kwargs};

pub(crate) use self::compressor::Compression;
pub(crate) use self::made::sweep;
use crate::LogFile;

/// How rolled files are compressed: the key `compress` of the handlers that roll, with the feature `compress`.
///
/// `app.log.1` becomes `app.log.1.gz` or `app.log.1.zst`, as gzip(1) and zstd(1) read them. For the operator:
///
/// - A thread does it, `logtree-pack`, which is there while there is something to compress and begins not before the first
///   record; what takes long does another, `logtree-codec`, with a tenth of the processor's time where others want it (`nice`
///   10). Behind a queue between processes they are the listener's.
/// - A compressed file keeps the place, rights, owner and times of the one that it replaces. It is counted and deleted as
///   that one, whichever of the two forms was chosen when it was made.
/// - Until it is whole it stands beside the log as `.app.log.INODE.gz.part`; only then it gets its name, and only then the
///   other one is deleted. Ended or killed at any moment, the next process that logs to the file goes on there: it deletes half a
///   file, and of two whole ones the one that is not compressed, if both say the same; programs that all end sooner than a file is
///   compressed leave it as it is. If the next one has not the key `compress` any more it deletes what is half made when it
///   first rolls. With the key `fsync` it is on the disk before the other one is deleted.
/// - Of many processes one does it. A file is compressed when no process has it open for writing any more, as then no late
///   line can come. A process that does not log keeps the one file open that it has written last: that one waits, for the
///   process to log or to end. Where the system does not tell (the file of another user without `CAP_LEASE`, other systems than
///   Linux) a file rests for a second, and a line that comes later yet may stand in it twice.
/// - Where there is no room, or no right, the file stays as it is, the next record counts as an error, and it is tried again
///   when the next one is rolled. The last 64th of a disk is left to the log.
/// - A file of another origin that has the name already is left alone, and with it the one that would get it.
/// - Without the key compressed files are nobody's: as in Python they keep their numbers, and are neither counted nor deleted. A
///   handler that rolls by size, lost the key and gets it back may find two files of one number: at the first roll all get
///   numbers in the order of their age, and those that are too many are deleted. Until then it is an error of each start that
///   the one cannot be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// `gz`: for gzip(1), RFC 1952.
    Gzip,
    /// `zst`: for zstd(1), RFC 8878; smaller and several times faster.
    Zstd,
}

impl Compress {
    /// What the names of compressed files end with, behind a full stop; and the key's value.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// Takes the argument `compress`.
    pub(crate) fn from_kwargs(kwargs: &mut Kwargs) -> Result<Option<Self>, ArgumentError> {
        let Some(word) = kwargs.string("compress")? else { return Ok(None) };
        let compress = word.parse()?;
        Self::is_there().map(|()| Some(compress))
    }

    /// Whether the formats are in this build.
    ///
    /// # Errors
    /// If they are not.
    pub(crate) fn is_there() -> Result<(), ArgumentError> {
        if compressor::IS_THERE { Ok(()) } else { Err(Self::needs_feature()) }
    }

    fn needs_feature() -> ArgumentError {
        ArgumentError::new("RuntimeError", "'compress' needs logtree's feature `compress`").at("compress")
    }
}

impl FromStr for Compress {
    type Err = ArgumentError;

    /// # Errors
    /// For any other word.
    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        [Self::Gzip, Self::Zstd].into_iter().find(|kind| kind.extension() == word).ok_or_else(|| {
            let message = format!("'compress' must be 'gz' or 'zst', not '{word}'");
            ArgumentError::new("ValueError", message).at("compress").expected("'gz' or 'zst'")
        })
    }
}

/// Says that the process is about to end: no file gets a compressed form from here on, and one that is getting it is waited for,
/// so that not both stay.
pub fn end_compressing() {
    compressor::end();
}

/// What the name of a rolled file may end with: nothing, and where files are compressed, the forms.
pub(crate) fn forms(compression: Option<&Compression>) -> &'static [&'static str] {
    if compression.is_some() { &["", ".gz", ".zst"] } else { &[""] }
}

/// A name without its form.
pub(crate) fn without_form<'a>(name: &'a OsStr, forms: &[&str]) -> &'a OsStr {
    let bytes = name.as_bytes();
    let without = |form: &&str| bytes.strip_suffix(form.as_bytes()).filter(|_| !form.is_empty());
    forms.iter().find_map(without).map_or(name, OsStr::from_bytes)
}

/// Whether this tells a file that the handler has rolled from its others.
pub(crate) type IsSuffix = dyn Fn(&str) -> bool + Send + Sync;

fn directory(file: &LogFile) -> &Path {
    file.path().parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{RotatingFileHandler, RotatingFileHandlerConfig, cpython};

    #[test]
    fn without_the_feature_whoever_asks_for_it_is_told_which() {
        let config = |compress: &str| {
            let given = serde_json::json!({"filename": "a", "backupCount": 1, "compress": compress});
            RotatingFileHandlerConfig::from_kwargs(cpython::kwargs("RotatingFileHandler", &given, Vec::new()))
        };
        let in_code =
            RotatingFileHandlerConfig { compress: Some(Compress::Zstd), ..RotatingFileHandlerConfig::new("a") };
        let outcomes = [config("gz").map(drop), RotatingFileHandler::new(in_code).map(drop)];
        for outcome in outcomes {
            let error = outcome.err().map(|error| (error.keyword.unwrap(), error.message));
            let said = ("compress".to_owned(), "'compress' needs logtree's feature `compress`".to_owned());
            assert_eq!(error, (!cfg!(feature = "compress")).then_some(said));
        }
        assert!(config("bz2").unwrap_err().message.contains("must be 'gz' or 'zst'"));
    }

    #[test]
    fn a_name_has_one_form_at_most() {
        let forms: &[&str] = &["", ".gz", ".zst"];
        let without = |name: &'static str| without_form(OsStr::new(name), forms).to_str().unwrap();
        assert_eq!(
            ["1", "1.gz", "1.zst", "1.gz.zst", "gz", "1.gz.1"].map(without),
            ["1", "1", "1", "1.gz", "gz", "1.gz.1"]
        );
        assert_eq!(without_form(OsStr::new("1.gz"), &[""]), "1.gz");
    }
}
