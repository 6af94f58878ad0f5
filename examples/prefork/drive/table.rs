//! What the driver shows in the end.

use std::fmt;

use super::load::Load;
use super::verdict::Verdict;
use super::watch::Listeners;

/// All that was found out.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) load: Load,
    pub(super) verdict: Verdict,
    pub(super) listeners: Listeners,
    /// The lines that the console handler put on the service's standard output.
    pub(super) on_console: u64,
}

impl Findings {
    /// Nothing lost, torn or repeated, and one listener all the time.
    pub(super) fn are_good(&self) -> bool {
        let Verdict { lost, torn, repeated, .. } = self.verdict;
        let Listeners { fewest, most, .. } = self.listeners;
        (lost, torn, repeated, fewest, most) == (0, 0, 0, 1, 1)
    }

    fn rows(&self) -> Vec<(String, String, String)> {
        let Self { load, verdict, listeners, on_console } = self;
        let mut rows = Vec::new();
        let mut row = |name: &str, count: &dyn fmt::Display, remark: String| {
            rows.push((name.to_owned(), count.to_string(), remark));
        };
        let unanswered = load.unanswered.len();
        let remark =
            if unanswered > 0 { format!("{unanswered} more broke off with their worker") } else { String::new() };
        row("requests answered", &load.answers.len(), remark);
        for (process, records) in &verdict.records {
            let killed = load.killed == Some(*process);
            let remark = if killed { "killed half way with SIGKILL" } else { "" };
            row(&format!("records of worker {process}"), records, remark.to_owned());
        }
        let records: u64 = verdict.records.values().sum();
        let starts = verdict.listener_starts.len();
        row(
            "lines in the file",
            &verdict.lines,
            format!("{records} records of requests, {starts} of a listener's start"),
        );
        row("lines on the console", on_console, String::new());
        row("lost", &verdict.lost, String::new());
        row("torn", &verdict.torn, String::new());
        row("repeated", &verdict.repeated, String::new());
        let Listeners { fewest, most, looks } = listeners;
        let count = if fewest == most { most.to_string() } else { format!("{fewest} to {most}") };
        row("listeners at any one time", &count, format!("in {looks} looks at /proc"));
        rows
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let widest = |part: fn(&(String, String, String)) -> &String| rows.iter().map(|row| part(row).len()).max();
        let (name_width, count_width) = (widest(|row| &row.0).unwrap_or(0), widest(|row| &row.1).unwrap_or(0));
        for (index, (name, count, remark)) in rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let line = format!("  {name:name_width$}  {count:>count_width$}   {remark}");
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}
