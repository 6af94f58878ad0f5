//! Regular expressions, by the feature `regex`.

use std::borrow::Cow;

use logtree_core::ArgumentError;
use regex::Regex;

/// A regular expression, in the syntax of the crate [`regex`], which is Python's without look-around and back-references.
/// It finds in time that grows with the text alone, whatever it is.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// If it is none, with what is wrong in it.
    pub fn new(text: &str) -> Result<Self, ArgumentError> {
        Regex::new(text).map(Self).map_err(|error| {
            let message = format!("'{text}' is no regular expression: {}", one_line(&error));
            ArgumentError::new("ValueError", message)
                .expected("a regular expression, without look-around or back-references")
        })
    }

    /// Whether it is found anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The text with the replacement, in which `$1` and `${name}` stand for groups, wherever it is found.
    pub fn replace_all<'t>(&self, text: &'t str, replacement: &str) -> Cow<'t, str> {
        self.0.replace_all(text, replacement)
    }
}

/// What is wrong, without the picture of it.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
