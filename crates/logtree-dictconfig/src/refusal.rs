//! Why one value is refused, before it is known what the refusal does to the rest.

use logtree_core::ArgumentError;

use crate::problem::Exception;

/// Exceptions as CPython raises them, outermost first, and what we can say beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) causes: Vec<Exception>,
    pub(crate) expected: Option<String>,
    pub(crate) guess: Option<String>,
}

impl Refusal {
    #[cold]
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { causes: vec![Exception { kind, message: message.into() }], expected: None, guess: None }
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// The same, raised because of another exception.
    #[cold]
    pub(crate) fn because(mut self, kind: &'static str, message: impl Into<String>) -> Self {
        self.causes.push(Exception { kind, message: message.into() });
        self
    }

    /// The same, as the cause of a `ValueError`.
    #[cold]
    pub(crate) fn within(mut self, message: impl Into<String>) -> Self {
        self.causes.insert(0, Exception { kind: "ValueError", message: message.into() });
        self
    }

    #[cold]
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn guess(mut self, guess: Option<&str>) -> Self {
        self.guess = guess.map(str::to_owned);
        self
    }
}

impl From<ArgumentError> for Refusal {
    fn from(error: ArgumentError) -> Self {
        let refusal = Self::new(error.exception, error.message);
        Self { expected: error.expected, ..refusal }
    }
}
