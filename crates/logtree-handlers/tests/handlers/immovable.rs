//! A file that cannot be given another name: one that is immutable or append-only (chattr(1)), a mount of its own, another
//! user's in a directory such as `/tmp`. Each record is an attempt to roll then.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logtree_core::{AppendFile, Direct, FileEnd, Handler, Moves, Names, Steps};
use logtree_handlers::{RotatingFileHandler, RotatingFileHandlerConfig};

use crate::specimen::{Brackets, lines, with_record};

/// Does each step at once, but moves one file not.
struct Immovable {
    path: Option<PathBuf>,
    /// As the listener of a queue does it: what a batch could not do is not known when the batch is made.
    is_gathering: bool,
}

impl Steps for Immovable {
    fn append(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8]) -> io::Result<()> {
        Direct.append(file, bytes)
    }

    fn append_below(&mut self, file: &Arc<dyn AppendFile>, bytes: &[u8], limit: u64) -> io::Result<bool> {
        Direct.append_below(file, bytes, limit)
    }

    fn roll(&mut self, file: &Arc<dyn AppendFile>, moves: &mut Moves<'_>) -> io::Result<()> {
        file.roll(&mut || moves(self))
    }

    fn batch(&self) -> Option<u64> {
        self.is_gathering.then_some(0)
    }
}

impl Names for Immovable {
    fn exists(&self, path: &Path) -> bool {
        Direct.exists(path)
    }

    fn stat(&self, path: &Path) -> Option<(u64, i64)> {
        Direct.stat(path)
    }

    fn find(&self, path: &Path) -> Option<FileEnd> {
        Direct.find(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Direct.list(directory)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let outcome = match &self.path {
            Some(path) if path == from => Err(io::ErrorKind::PermissionDenied.into()),
            // A listener's batch takes no name that another file has.
            _ if self.is_gathering && to.exists() => Ok(()),
            _ => Direct.rename(from, to),
        };
        if self.is_gathering { Ok(()) } else { outcome }
    }

    fn delete(&mut self, path: &Path) -> io::Result<()> {
        Direct.delete(path)
    }

    fn replace(&mut self, _: &Path, _: &Path, _: &Path, _: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// CPython 3.13 has lost all but four of the ten files by then, and all records but the first.
#[test]
fn it_does_not_cost_the_old_files_one_with_each_record() {
    for backup_count in [9, 20] {
        for (immovable, is_gathering) in
            ["app.log.3", "app.log"].into_iter().flat_map(|name| [(name, false), (name, true)])
        {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            let numbered = |number: u32| at(&format!("app.log.{number}"));
            (1..=backup_count).for_each(|number| fs::write(numbered(number), format!("<old {number}>\n")).unwrap());
            let file = RotatingFileHandlerConfig::new(at("app.log"));
            let handler =
                RotatingFileHandler::new(RotatingFileHandlerConfig { max_bytes: 10, backup_count, ..file }).unwrap();
            let mut steps = Immovable { path: Some(at(immovable)), is_gathering };
            let emit = |number: u32, steps: &mut Immovable| {
                with_record(&format!("new {number}"), |record| handler.emit(record, &Brackets, steps)).is_ok()
            };
            // The second one does not fit into the file, which cannot be rolled.
            let written = (0..30).filter(|number| emit(*number, &mut steps)).count();
            assert_eq!(written, if is_gathering { 30 } else { 1 });
            let old = || {
                (1..=backup_count + 1)
                    .filter_map(|number| fs::read_to_string(numbered(number)).ok())
                    .collect::<Vec<_>>()
            };
            // The last one was to be deleted in any case.
            let kept: Vec<_> = (1..backup_count).map(|number| format!("<old {number}>\n")).collect();
            assert_eq!(old(), kept, "{immovable}, {is_gathering}");
            // It can be moved again.
            steps.path = None;
            assert!(emit(30, &mut steps));
            let rolled = lines(&numbered(1));
            assert_eq!((rolled.len(), &*rolled[29], lines(&at("app.log"))), (30, "<new 29>", vec!["<new 30>".into()]));
            assert_eq!(old()[1..], kept, "{immovable}, {is_gathering}");
        }
    }
}
