//! Finishing what the last listener was killed in.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use logtree_os::{Interrupted, Segment, kill_point};

use crate::appended::{self, Completed};
use crate::moved;
use crate::plan::{self, Step};
use crate::words;

/// A plan that is carried out by another listener than the one that made it.
pub(crate) struct Recovery(Interrupted);

impl Recovery {
    /// What the last listener was killed in, if it was killed in anything.
    pub(crate) fn of(segment: &Arc<Segment>) -> Option<Self> {
        let interrupted = segment.interrupted()?;
        if plan::parse(interrupted.bytes()).is_none() {
            interrupted.refuse();
            return None;
        }
        kill_point!("recovery: read");
        Some(Self(interrupted))
    }

    /// Does the steps that are not done for sure. After an error it can be called again, and goes on there.
    ///
    /// # Errors
    /// The file's that could not be opened, compared or written.
    pub(crate) fn carry_out(&mut self, segment: &Segment) -> io::Result<()> {
        let staged = self.0.bytes().to_vec();
        let steps = plan::parse(&staged).unwrap_or_default();
        // Others may have written the count. Done once more a step changes nothing; left out its lines are lost.
        let done = Some(self.0.steps_done() as usize).filter(|done| *done <= steps.len()).unwrap_or(0);
        for step in steps.into_iter().skip(done) {
            let completed = match step {
                Step::Append { path, begin, bytes } => {
                    let said = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                    appended::complete(path, begin, bytes).map_err(said)?
                }
                Step::Rename { from, to, source } => moved::complete_rename(from, to, source),
                Step::Delete { path, victim } => moved::complete_delete(path, victim),
                Step::Replace { made, to, from, victim } => moved::complete_replace(made, to, from, victim),
            };
            if completed == Completed::Disturbed {
                words::count(segment, words::DISTURBED, 1);
            }
            self.0.step_done();
        }
        kill_point!("recovery: all completed");
        Ok(())
    }

    /// Whether files get other names in it.
    pub(crate) fn moves(&self) -> bool {
        let steps = plan::parse(self.0.bytes()).unwrap_or_default();
        steps.iter().any(|step| matches!(step, Step::Rename { .. }))
    }

    /// The lanes are to be read from behind the batch on.
    pub(crate) fn finish(self) {
        self.0.finish();
    }
}

impl std::fmt::Debug for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = plan::parse(self.0.bytes()).unwrap_or_default().into_iter();
        let paths: Vec<PathBuf> = paths.map(|step| step.path().to_owned()).collect();
        f.debug_tuple("Recovery").field(&paths).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::MetadataExt as _;

    use logtree_core::FileEnd;
    use logtree_os::{SegmentOptions, Transactions};

    use super::*;
    use crate::plan::Begin;

    #[test]
    fn steps_that_are_counted_and_not_there_leave_no_line_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "before\n").unwrap();
        let file = std::fs::metadata(&path).unwrap();
        let end = FileEnd { device: file.dev(), inode: file.ino(), size: file.len() };
        let segment =
            Segment::create(&directory.path().join("queues"), "recovery", &SegmentOptions::default()).unwrap();
        let mut transactions = Transactions::new(&segment);
        let mut staging = transactions.begin();
        plan::stage_version(&mut staging).unwrap();
        Step::Append { path: &path, begin: Begin::At(end), bytes: b"its line\n" }.stage(&mut staging).unwrap();
        let mut killed = staging.commit([]).unwrap();
        // One of them is done, says the segment, and another one.
        killed.step_done();
        killed.step_done();
        let mut recovery = Recovery::of(&segment).unwrap();
        recovery.carry_out(&segment).unwrap();
        recovery.finish();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nits line\n");
        assert!(Recovery::of(&segment).is_none());
    }
}
