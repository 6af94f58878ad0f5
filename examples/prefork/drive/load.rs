//! What a driver asked, and who answered.

/// What was asked and answered.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// The requests that were answered.
    pub(super) answers: Vec<Answer>,
    /// The ids of requests whose connection broke: the worker was killed before, while, or after it logged.
    pub(super) unanswered: Vec<u64>,
    /// The worker that was killed half way.
    pub(super) killed: Option<u32>,
}

/// One answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The id that the request asked to be logged.
    pub(super) id: u64,
    /// The process that says it answered.
    pub(super) process: u32,
}
