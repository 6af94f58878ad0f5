//! What the log file says of a load: each line is held against the requests.

use std::collections::BTreeMap;

use super::line::Line;
use super::load::Load;

/// The counts.
///
/// A request that was answered has exactly one line. One whose connection broke may have one or none: its worker was
/// killed before or after it logged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// All lines, whatever they are.
    pub(super) lines: u64,
    /// The records of requests, by the process that logged them.
    pub(super) records: BTreeMap<u32, u64>,
    /// The processes that said that they listen, in the order of their lines.
    pub(super) listener_starts: Vec<u32>,
    /// Answered requests without a line: dropped, or lost in any other way.
    pub(super) lost: u64,
    /// Lines that are none of the service's: broken off, run together, of a request that was never sent, or under
    /// the name of a process that did not answer it.
    pub(super) torn: u64,
    /// Lines of a request beyond its first.
    pub(super) repeated: u64,
}

impl Verdict {
    /// Judges all bytes that the service wrote.
    pub(super) fn of(written: &[u8], load: &Load) -> Self {
        // Which process must have logged a request; unknown if nobody answered.
        let answered = load.answers.iter().map(|answer| (answer.id, Some(answer.process)));
        let sent: BTreeMap<u64, Option<u32>> = answered.chain(load.unanswered.iter().map(|id| (*id, None))).collect();
        let mut times_seen: BTreeMap<u64, u64> = BTreeMap::new();
        let mut verdict = Self::default();
        for line in lines_in(written) {
            verdict.lines += 1;
            match line {
                Some(Line::ListenerStart { process }) => verdict.listener_starts.push(process),
                Some(Line::Request { process, id }) if is_of(&sent, id, process) => {
                    *verdict.records.entry(process).or_default() += 1;
                    *times_seen.entry(id).or_default() += 1;
                }
                _ => verdict.torn += 1,
            }
        }
        verdict.repeated = times_seen.values().map(|times| times - 1).sum();
        let lost = load.answers.iter().filter(|answer| !times_seen.contains_key(&answer.id));
        verdict.lost = lost.map(|_| 1).sum();
        verdict
    }

    /// How many lines of the service there are among others.
    pub(super) fn whole_lines_in(printed: &[u8]) -> u64 {
        lines_in(printed).flatten().map(|_| 1).sum()
    }
}

/// Each line, read if it is whole; an end without a line feed is not.
fn lines_in(written: &[u8]) -> impl Iterator<Item = Option<Line>> {
    written.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").and_then(Line::parse))
}

/// Whether this request was sent, and answered by nobody else than this process.
fn is_of(sent: &BTreeMap<u64, Option<u32>>, id: u64, process: u32) -> bool {
    sent.get(&id).is_some_and(|answered_by| answered_by.is_none_or(|by| by == process))
}

#[cfg(test)]
mod tests {
    use super::super::load::{Answer, Load};
    use super::Verdict;

    fn line(process: u32, id: u64) -> String {
        format!(
            "2026-11-22 16:02:11,218 -process[{process}] -thread[{process}] -my_logger - [INFO]-[88] - \
             process:[{process}] API가 요청되었습니다 id={id}\n"
        )
    }

    const START: &str = "2026-11-22 16:02:11,218 -process[9] -thread[9] -que_listen_logger - [INFO]-[9] - \
                         [9]: listener 프로세스가 켜졌습니다\n";

    /// Process 7 answered 1 and 2, process 8 answered 3; nobody answered 4.
    fn load() -> Load {
        let answers = [(1, 7), (2, 7), (3, 8)];
        let answers = answers.map(|(id, process)| Answer { id, process }).to_vec();
        Load { answers, unanswered: vec![4], killed: Some(7) }
    }

    /// Lost, torn, repeated.
    fn judge(written: &str) -> (u64, u64, u64) {
        let verdict = Verdict::of(written.as_bytes(), &load());
        (verdict.lost, verdict.torn, verdict.repeated)
    }

    #[test]
    fn one_line_for_each_answered_request_is_well() {
        let lines = [START.to_owned(), line(7, 1), line(8, 3), line(7, 2)].concat();
        let verdict = Verdict::of(lines.as_bytes(), &load());
        assert_eq!(verdict.lines, 4);
        assert_eq!(verdict.listener_starts, [9]);
        assert_eq!(verdict.records, [(7, 2), (8, 1)].into());
        assert_eq!((verdict.lost, verdict.torn, verdict.repeated), (0, 0, 0));
        assert_eq!(
            judge(&[lines.as_str(), &line(7, 4)].concat()),
            (0, 0, 0),
            "the unanswered one was logged after all"
        );
    }

    #[test]
    fn a_missing_line_is_lost() {
        assert_eq!(judge(""), (3, 0, 0));
        assert_eq!(judge(&[line(7, 1), line(8, 3)].concat()), (1, 0, 0));
    }

    #[test]
    fn a_second_line_is_repeated_even_for_an_unanswered_request() {
        assert_eq!(judge(&[line(7, 1), line(8, 3), line(7, 2), line(7, 2), line(7, 2)].concat()), (0, 0, 2));
        assert_eq!(judge(&[line(7, 1), line(8, 3), line(7, 2), line(7, 4), line(7, 4)].concat()), (0, 0, 1));
    }

    #[test]
    fn a_line_cut_short_is_torn_and_its_record_lost() {
        let whole = line(7, 2);
        for end in 1..whole.len() - 1 {
            let (torn, last) = (&whole.as_bytes()[..end], line(8, 3));
            let written = [line(7, 1).as_bytes(), torn, b"\n", last.as_bytes()].concat();
            let verdict = Verdict::of(&written, &load());
            assert_eq!((verdict.lost, verdict.torn), (1, 1), "cut after {end} bytes");
        }
    }

    #[test]
    fn a_last_line_without_its_end_is_torn() {
        let lines = [line(7, 1), line(8, 3), line(7, 2)].concat();
        assert_eq!(judge(lines.trim_end()), (1, 1, 0));
    }

    #[test]
    fn a_request_never_sent_and_a_process_that_did_not_answer_are_torn() {
        let well = [line(7, 1), line(8, 3), line(7, 2)].concat();
        assert_eq!(judge(&[well.as_str(), &line(7, 5)].concat()), (0, 1, 0));
        assert_eq!(judge(&[line(7, 1), line(7, 3), line(7, 2)].concat()), (1, 1, 0));
    }
}
