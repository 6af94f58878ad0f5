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
        let done = self.0.steps_done() as usize;
        for step in plan::parse(&staged).unwrap_or_default().into_iter().skip(done) {
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
