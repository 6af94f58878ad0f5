//! The crate's error.

use std::fmt;

use logtree_core::{ArgumentError, BuildError};
use logtree_dictconfig::Problems;

/// Why logging was not set up.
pub struct Error(Kind);

enum Kind {
    Config(Problems),
    Argument(ArgumentError),
    /// A handler that will not open or start.
    Handler(String, BuildError),
    AlreadyInstalled,
    /// A subscriber that the program has made.
    HasSubscriber,
    NotOfAFile,
    #[cfg(feature = "log")]
    HasLogger,
    #[cfg(feature = "watch")]
    Watch(std::io::Error),
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    Listen(String),
}

impl Error {
    pub(crate) fn already_installed() -> Self {
        Self(Kind::AlreadyInstalled)
    }

    pub(crate) fn has_subscriber() -> Self {
        Self(Kind::HasSubscriber)
    }

    pub(crate) fn handler(name: &str, error: BuildError) -> Self {
        Self(Kind::Handler(name.to_owned(), error))
    }

    pub(crate) fn not_of_a_file() -> Self {
        Self(Kind::NotOfAFile)
    }

    #[cfg(feature = "log")]
    pub(crate) fn has_logger() -> Self {
        Self(Kind::HasLogger)
    }

    #[cfg(feature = "watch")]
    pub(crate) fn watch(error: std::io::Error) -> Self {
        Self(Kind::Watch(error))
    }

    #[cfg(all(feature = "prefork", target_os = "linux"))]
    pub(crate) fn listen(why: impl Into<String>) -> Self {
        Self(Kind::Listen(why.into()))
    }

    /// Whether the program has a `tracing` subscriber already: logtree's or another one.
    pub fn is_already_installed(&self) -> bool {
        matches!(self.0, Kind::AlreadyInstalled | Kind::HasSubscriber)
    }

    /// The problems of the config, if it is one that is at fault.
    ///
    /// ```
    /// let error = logtree::from_str(r#"{"version": 1, "root": {"level": "info"}}"#, logtree::Format::Json).unwrap_err();
    /// let problem = error.problems().and_then(|problems| problems.iter().next()).unwrap();
    /// assert_eq!((problem.path(), problem.guess()), ("root.level", Some("INFO")));
    /// ```
    pub fn problems(&self) -> Option<&Problems> {
        match &self.0 {
            Kind::Config(problems) => Some(problems),
            _ => None,
        }
    }
}

impl From<ArgumentError> for Error {
    fn from(error: ArgumentError) -> Self {
        Self(Kind::Argument(error))
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self(Kind::Config(problems))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Config(problems) => problems.fmt(f),
            Kind::Argument(error) => error.fmt(f),
            Kind::Handler(name, error) => write!(f, "handler '{name}': {error}"),
            Kind::NotOfAFile => {
                f.write_str("this logging was not read from a file, so that there is none to read again")
            }
            #[cfg(feature = "log")]
            Kind::HasLogger => f.write_str(
                "the program has a logger of the `log` crate already: `init()` of tracing-subscriber sets one, \
                 `tracing::subscriber::set_global_default` does not",
            ),
            #[cfg(feature = "watch")]
            Kind::Watch(error) => write!(f, "nobody can watch for signals: {error}"),
            #[cfg(all(feature = "prefork", target_os = "linux"))]
            Kind::Listen(why) => write!(f, "cannot listen: {why}"),
            Kind::HasSubscriber => f.write_str(
                "the program has set a `tracing` subscriber of its own: leave that out, or put `layer()` beside its layers in \
                 place of `install()`",
            ),
            Kind::AlreadyInstalled => f.write_str(
                "logging is installed already; to change it while the program runs, use the guard of the first install",
            ),
        }
    }
}

/// As it prints, for people read it where `main` returns it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Config(problems) => fmt::Debug::fmt(problems, f),
            _ => fmt::Display::fmt(self, f),
        }
    }
}

/// It has no source: what it prints has all that a source could add.
impl std::error::Error for Error {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use logtree_dictconfig::Format;

    /// `Error: {error:?}` is what std prints of an error that `main` returns, as that of the shortest program does; anyhow
    /// and eyre print what stands in `source`, too.
    #[test]
    fn what_main_returns_is_for_people() {
        let of = |text: &str| {
            let error = crate::from_str(text, Format::Json).unwrap_err();
            assert!(std::error::Error::source(&error).is_none());
            format!("Error: {error:?}")
        };
        let one = r#"{"version": 2}"#;
        assert_eq!(
            of(one),
            "Error: 1 problem in a config:\n\n\
             error: Unsupported version: 2\n --> config:1:13\n  |\n1 | {\"version\": 2}\n  |             ^ the number 1\n  \
             |\n  = note: in version"
        );
        assert!(of(r#"{"version": 2, "root": 3}"#).starts_with("Error: 2 problems in a config:\n\nerror: "));
        let handler = Error::handler("file", BuildError::io("cannot open 'a'", std::io::Error::other("full")));
        assert_eq!(format!("{handler:?}"), "handler 'file': cannot open 'a': full");
    }
}
