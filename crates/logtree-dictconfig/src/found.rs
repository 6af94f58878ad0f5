//! The problems found so far: so many, however many there are.

use std::sync::Arc;

use crate::node::Span;
use crate::problem::Problem;
use crate::source::Source;

/// How many problems are reported. Nobody reads more, and a text of some megabytes may have a million.
const MOST: usize = 1000;
/// How many bytes of a value a message shows.
const MOST_BYTES: usize = 4096;

/// A list of problems about one text.
pub(crate) struct Found {
    source: Arc<Source>,
    /// One more than are reported: the last one is overwritten by the next.
    problems: Vec<Problem>,
    unsaid: usize,
    has_unsaid_errors: bool,
}

impl Found {
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), problems: Vec::new(), unsaid: 0, has_unsaid_errors: false }
    }

    /// Whether what is added will not be reported, so that there is no need to word it.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() > MOST
    }

    /// How many there are up to now, for those that come from here on.
    pub(crate) fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there is an error among those from `first` on.
    pub(crate) fn has_errors_from(&self, first: usize) -> bool {
        self.is_full() || self.problems.iter().skip(first).any(Problem::is_error)
    }

    /// Takes out those from `first` on.
    pub(crate) fn split_off(&mut self, first: usize) -> Vec<Problem> {
        self.problems.split_off(first.min(self.problems.len()))
    }

    /// Adds those that were taken out.
    pub(crate) fn append(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if self.is_full() {
                self.forget_last();
            }
            self.problems.push(problem);
        }
    }

    /// Adds a problem, for the caller to say more of it.
    pub(crate) fn add(&mut self, is_error: bool, path: &str, span: Option<Span>, message: String) -> &mut Problem {
        if self.is_full() {
            self.forget_last();
        }
        let span = span.filter(|_| self.problems.len() < MOST);
        let place = span.map(|span| self.source.place(span));
        let problem = Problem::error(&self.source, path, place, clipped(message));
        self.problems.push(Problem { is_error, ..problem });
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// The problem that was added last.
    pub(crate) fn last_mut(&mut self) -> Option<&mut Problem> {
        self.problems.last_mut()
    }

    /// All that are to be reported, and how many are not.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        if self.is_full() {
            self.forget_last();
        }
        if self.unsaid > 0 {
            let message = format!("{} more problems are not shown", self.unsaid);
            let problem = Problem::error(&self.source, "", None, message);
            self.problems.push(Problem { is_error: self.has_unsaid_errors, ..problem });
        }
        self.problems
    }

    fn forget_last(&mut self) {
        self.unsaid += 1;
        self.has_unsaid_errors |= self.problems.pop().is_some_and(|problem| problem.is_error);
    }
}

/// A message without the end of what is too long to be read.
pub(crate) fn clipped(mut message: String) -> String {
    if message.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|end| message.is_char_boundary(*end));
        message.truncate(end.unwrap_or(0));
        message.push('…');
        // Else what was cut off would go on to be held, for each problem.
        message.shrink_to_fit();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_not_reported_is_one_all_the_same() {
        let source = Arc::new(Source { origin: "x".to_owned(), text: "é".to_owned() });
        for last_is_error in [false, true] {
            let mut found = Found::new(&source);
            for number in 0..MOST + 3 {
                found.add(number == MOST && last_is_error, "", Some(Span { start: 0, end: 2 }), number.to_string());
            }
            let problems = found.finish();
            assert_eq!(problems.len(), MOST + 1);
            assert!(problems[..MOST].iter().all(|problem| problem.place().is_some() && !problem.is_error()));
            let last = problems.last().map(|problem| (problem.message(), problem.is_error()));
            assert_eq!(last, Some(("3 more problems are not shown", last_is_error)));
        }
        let mut found = Found::new(&source);
        for number in 0..MOST {
            found.add(true, "", None, number.to_string());
        }
        assert_eq!(found.finish().len(), MOST);
    }

    #[test]
    fn long_messages_are_clipped_between_characters() {
        let message = clipped("é".repeat(4000));
        assert_eq!(message.len(), 4096 + '…'.len_utf8());
        assert!(message.capacity() < 8000, "{}", message.capacity());
        assert_eq!(clipped("short".to_owned()), "short");
    }
}
