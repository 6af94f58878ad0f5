//! No regular expressions, without the feature `regex`.

use std::borrow::Cow;

use logtree_core::ArgumentError;

/// A regular expression, which this build cannot read.
#[derive(Clone, Debug)]
pub enum Pattern {}

impl Pattern {
    /// Refuses: regular expressions need the feature `regex`.
    ///
    /// # Errors
    /// Always.
    pub fn new(text: &str) -> Result<Self, ArgumentError> {
        let message = format!("the regular expression '{text}' needs logtree's feature `regex`");
        Err(ArgumentError::new("RuntimeError", message))
    }

    /// Whether it is found anywhere in the text.
    pub fn is_match(&self, _: &str) -> bool {
        match *self {}
    }

    /// The text with the replacement wherever it is found.
    pub fn replace_all<'t>(&self, _: &'t str, _: &str) -> Cow<'t, str> {
        match *self {}
    }
}
