//! Finishing what the last listener was killed in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logtree_os::{Interrupted, Segment, kill_point};

use crate::appended::{self, Completed};
use crate::moved;
use crate::plan::{self, Begin, Step};
use crate::words;

/// A plan that is carried out by another listener than the one that made it.
pub(crate) struct Recovery {
    interrupted: Interrupted,
    /// What was given up, and is to be said: files that could not be begun.
    given_up: Vec<io::Error>,
}

impl Recovery {
    /// What the last listener was killed in, if it was killed in anything.
    pub(crate) fn of(segment: &Arc<Segment>) -> Option<Self> {
        let interrupted = segment.interrupted()?;
        if plan::parse(interrupted.bytes()).is_none() {
            interrupted.refuse();
            return None;
        }
        kill_point!("recovery: read");
        Some(Self { interrupted, given_up: Vec::new() })
    }

    /// Does the steps that are not done for sure. After an error it can be called again, and goes on there.
    ///
    /// # Errors
    /// The file's that could not be opened, compared or written.
    pub(crate) fn carry_out(&mut self, segment: &Segment) -> io::Result<()> {
        let staged = self.interrupted.bytes().to_vec();
        let steps = plan::parse(&staged).unwrap_or_default();
        // Others may have written the count. Done once more a step changes nothing; left out its lines are lost.
        let done = Some(self.interrupted.steps_done() as usize).filter(|done| *done <= steps.len()).unwrap_or(0);
        for at in done..steps.len() {
            let completed = match steps[at] {
                Step::Append { path, begin, bytes } => {
                    let said = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                    let complete = || appended::complete(path, begin, bytes);
                    match complete() {
                        Err(error) if take_back(&steps[..at], path, begin) => {
                            self.given_up.push(moved::failed("begin anew", path, &error));
                            complete()
                        }
                        outcome => outcome,
                    }
                    .map_err(said)?
                }
                Step::Rename { from, to, source } => moved::complete_rename(from, to, source),
                Step::Delete { path, victim } => moved::complete_delete(path, victim),
                Step::Replace { made, to, from, victim } => moved::complete_replace(made, to, from, victim),
            };
            if completed == Completed::Disturbed {
                words::count(segment, words::DISTURBED, 1);
            }
            self.interrupted.step_done();
        }
        kill_point!("recovery: all completed");
        Ok(())
    }

    /// What was given up since the last call.
    pub(crate) fn take_given_up(&mut self) -> Vec<io::Error> {
        std::mem::take(&mut self.given_up)
    }

    /// Whether files get other names in it.
    pub(crate) fn moves(&self) -> bool {
        let steps = plan::parse(self.interrupted.bytes()).unwrap_or_default();
        steps.iter().any(|step| matches!(step, Step::Rename { .. }))
    }

    /// The lanes are to be read from behind the batch on.
    pub(crate) fn finish(self) {
        self.interrupted.finish();
    }
}

/// Gives a file its name back where the one that the lines are for cannot be begun, as the listener before would have done on a disk
/// that has room and takes no more files. Answers whether it did.
fn take_back(before: &[Step<'_>], path: &Path, begin: Begin) -> bool {
    let renamed = before.iter().rev().find_map(|step| match step {
        Step::Rename { from, to, source } if *from == path => Some((to, *source)),
        _ => None,
    });
    matches!(begin, Begin::New { .. }) && renamed.is_some_and(|(to, source)| moved::take_back(path, to, source).is_ok())
}

impl std::fmt::Debug for Recovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = plan::parse(self.interrupted.bytes()).unwrap_or_default().into_iter();
        let paths: Vec<PathBuf> = paths.map(|step| step.path().to_owned()).collect();
        f.debug_tuple("Recovery").field(&paths).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]

    use std::os::unix::fs::MetadataExt as _;

    use logtree_core::FileEnd;
    use logtree_os::{SegmentOptions, Transactions};

    use super::*;

    /// Where the small disk is.
    const DISK: &str = "LOGTREE_TEST_DISK";

    #[test]
    fn where_no_file_can_be_begun_lines_go_on_in_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let shell = |script: &str| {
            let mut command = std::process::Command::new("unshare");
            command.args(["-m", "sh", "-c", script]).arg(directory.path());
            command
        };
        const MOUNT: &str = "mount -t tmpfs -o size=20k,nr_inodes=2 logtree \"$0\"";
        if !shell(MOUNT).output().is_ok_and(|output| output.status.success()) {
            println!("passed over: no file system can be mounted here");
            return;
        }
        let mut command = shell(&format!("{MOUNT} && exec \"$@\""));
        command.arg(std::env::current_exe().unwrap()).env(DISK, directory.path());
        let output =
            command.args(["recovery::tests::on_a_disk_without_inodes", "--exact", "--ignored"]).output().unwrap();
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(" 1 passed"), "{output:?}");
    }

    #[test]
    #[ignore = "the test above runs it on a small disk"]
    fn on_a_disk_without_inodes() {
        let [path, rolled] = ["a.log", "a.log.1"].map(|name| Path::new(&std::env::var_os(DISK).unwrap()).join(name));
        let queues = tempfile::tempdir().unwrap();
        let segment = Segment::create(&queues.path().join("queues"), "recovery", &SegmentOptions::default()).unwrap();
        let mut transactions = Transactions::new(&segment);
        // Killed before the rename, behind it, and by another one who had taken it back and written half of it.
        for (done, stands) in [(0, "before\n"), (1, "before\none\n"), (2, "before\none\n"), (2, "before\none\ntwo\nth")]
        {
            std::fs::write(&path, stands).unwrap();
            let file = std::fs::metadata(&path).unwrap();
            let end = FileEnd { device: file.dev(), inode: file.ino(), size: 7 };
            let source = FileEnd { size: 11, ..end };
            let mut staging = transactions.begin();
            plan::stage_version(&mut staging).unwrap();
            Step::Append { path: &path, begin: Begin::At(end), bytes: b"one\n" }.stage(&mut staging).unwrap();
            Step::Rename { from: &path, to: &rolled, source: Some(source) }.stage(&mut staging).unwrap();
            let begin = Begin::New { previous: Some(source) };
            Step::Append { path: &path, begin, bytes: b"two\nthree\n" }.stage(&mut staging).unwrap();
            let mut killed = staging.commit([]).unwrap();
            (0..done).for_each(|_| killed.step_done());
            if (done, stands.len()) == (2, 11) {
                std::fs::rename(&path, &rolled).unwrap();
            }
            let mut recovery = Recovery::of(&segment).unwrap();
            recovery.carry_out(&segment).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\none\ntwo\nthree\n");
            assert!(!rolled.exists());
            assert_eq!(recovery.take_given_up().len(), usize::from(stands.len() < 12), "{done} {stands:?}");
            recovery.finish();
        }
        assert_eq!(segment.word(words::DISTURBED), Some(0));
    }

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
