//! What is wrong with a config: one problem, and all of them as this crate's error.

use std::fmt;
use std::sync::Arc;

use crate::render;
use crate::source::{Place, Source};

/// One thing that is wrong with a config, or that Python swallows silently although it cannot be meant.
///
/// ```
/// use logtree_dictconfig::{Config, Format, registry};
///
/// let text = r#"{"version": 1, "root": {"level": "info"}}"#;
/// let problems = Config::new(&registry()).parse(text, Format::Json, "logging.json").unwrap_err();
/// let problem = problems.iter().next().unwrap();
/// assert_eq!(problem.path(), "root.level");
/// assert_eq!(problem.message(), "Unable to configure root logger");
/// assert_eq!(problem.causes()[0].to_string(), "ValueError: Unknown level: 'info'");
/// assert_eq!(problem.guess(), Some("INFO"));
/// assert_eq!(problem.place().map(|place| (place.line, place.column)), Some((1, 34)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) is_error: bool,
    pub(crate) source: Arc<Source>,
    pub(crate) path: String,
    pub(crate) place: Option<Place>,
    pub(crate) message: String,
    pub(crate) exception: Option<&'static str>,
    pub(crate) causes: Vec<Exception>,
    pub(crate) expected: Option<String>,
    pub(crate) guess: Option<String>,
    pub(crate) notes: Vec<Note>,
}

/// A Python exception: its type and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The type: `ValueError`, `TypeError`, …
    pub kind: &'static str,
    /// The message.
    pub message: String,
}

/// A second place that a problem is about, or a further word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
}

impl Problem {
    /// An error about a place of a text.
    pub(crate) fn error(source: &Arc<Source>, path: &str, place: Option<Place>, message: String) -> Self {
        Self {
            is_error: true,
            source: Arc::clone(source),
            path: path.to_owned(),
            place,
            message,
            exception: None,
            causes: Vec::new(),
            expected: None,
            guess: None,
            notes: Vec::new(),
        }
    }

    /// The same as an exception that has a cause.
    pub(crate) fn caused_by(self, exception: &'static str, cause: Exception) -> Self {
        Self { exception: Some(exception), causes: vec![cause], ..self }
    }

    /// Whether the config is refused for it; otherwise it is a warning.
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// The file, or the name that the text was given.
    pub fn origin(&self) -> &str {
        &self.source.origin
    }

    /// The place in the config as `cfg://` writes it: `handlers.file.level`, `loggers[my_app.db].handlers[0]`; empty
    /// for the whole of it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The place in the text; `None` if the config never was text.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// The message of the exception that leaves CPython's `dictConfig`, or what a warning says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The type of the exception that leaves CPython's `dictConfig`; `None` for what only logtree minds.
    pub fn exception(&self) -> Option<&'static str> {
        self.exception
    }

    /// What caused that exception, outermost first.
    pub fn causes(&self) -> &[Exception] {
        &self.causes
    }

    /// What would have been right, in a few words.
    pub fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// What was perhaps meant: the known name that is closest to what stands there.
    pub fn guess(&self) -> Option<&str> {
        self.guess.as_deref()
    }

    /// The message and its first cause.
    pub fn headline(&self) -> String {
        match self.causes.first() {
            Some(cause) => format!("{}: {}", self.message, cause.message),
            // Its message is the key alone, which says nothing by itself.
            None if self.exception == Some("KeyError") => format!("KeyError: {}", self.message),
            None => self.message.clone(),
        }
    }

    /// The problem with its line of the text, the place marked in it; ends with a newline.
    pub fn render(&self, color: Color) -> String {
        render::problem(self, color)
    }

    /// The same with a further word on it.
    pub(crate) fn note(&mut self, text: impl Into<String>, place: Option<Place>) {
        self.notes.push(Note { text: text.into(), place });
    }
}

/// Whether to colour what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// With ANSI escapes, for a terminal.
    Always,
}

impl fmt::Display for Problem {
    /// One line: `logging.json:12:19: handlers.file.level: Unable to configure handler 'file': Unknown level: 'info'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = format!("{}:", self.origin());
        if let Some(Place { line: number, column, .. }) = self.place {
            line.push_str(&format!("{number}:{column}:"));
        }
        line.push(' ');
        if !self.path.is_empty() {
            line.push_str(&format!("{}: ", self.path));
        }
        if !self.is_error {
            line.push_str("warning: ");
        }
        line.push_str(&self.headline());
        for note in &self.notes {
            line.push_str(&format!("; {}", note.text));
        }
        match (&self.guess, &self.expected) {
            (Some(guess), _) => line.push_str(&format!(" (did you mean '{guess}'?)")),
            (None, Some(expected)) => line.push_str(&format!(" (expected {expected})")),
            (None, None) => {}
        }
        f.write_str(&without_controls(&line))
    }
}

/// The text with control characters escaped: what stands in a config shall not end a line nor speak to a terminal.
pub(crate) fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    out
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// Why a config is refused: every problem of it, warnings included, in the order in which CPython would meet them.
///
/// As an error it prints all of them with their source lines.
#[derive(Clone, PartialEq, Eq)]
pub struct Problems {
    pub(crate) reason: Reason,
    pub(crate) problems: Vec<Problem>,
}

/// What kept a config from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Unreadable,
    Syntax,
    Refused,
    NotBuilt,
}

impl Problems {
    /// Whether the file could not be read.
    pub fn is_unreadable(&self) -> bool {
        self.reason == Reason::Unreadable
    }

    /// Whether the text is not of its format.
    pub fn is_syntax(&self) -> bool {
        self.reason == Reason::Syntax
    }

    /// Whether the config says what dictConfig does not understand.
    pub fn is_refused(&self) -> bool {
        self.reason == Reason::Refused
    }

    /// Whether the config is good, but what it describes could not be made: a file that does not open, a class that
    /// is not there.
    pub fn is_not_built(&self) -> bool {
        self.reason == Reason::NotBuilt
    }

    /// All problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.problems.iter()
    }

    /// All problems with their source lines.
    pub fn render(&self, color: Color) -> String {
        let rendered: Vec<String> = self.iter().map(|problem| problem.render(color)).collect();
        rendered.join("\n")
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Color::Never).trim_end())
    }
}

/// As it prints: this is what `fn main() -> Result<(), …>` shows.
impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural} in a config:\n\n{self}", self.problems.len())
    }
}

impl std::error::Error for Problems {}
