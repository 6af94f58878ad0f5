//! The names of files as they will be when the steps of a batch are done.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use logtree_core::{FileEnd, Timestamp};

/// What a batch will have changed. What it leaves alone is as the file system has it.
#[derive(Debug, Default)]
pub(crate) struct PlannedNames(BTreeMap<PathBuf, Planned>);

/// What will be under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planned {
    Nothing,
    /// A file that is there already, under this name or another, and the second of its last change.
    Known(FileEnd, i64),
    /// A file that the batch itself will make, with so many bytes.
    New(u64),
}

impl PlannedNames {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        match self.0.get(path) {
            Some(planned) => *planned != Planned::Nothing,
            None => path.exists(),
        }
    }

    pub(crate) fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let name = |path: &Path| path.file_name().filter(|_| path.parent() == Some(directory)).map(OsString::from);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?.file_name();
            if !self.0.contains_key(&directory.join(&entry)) {
                names.push(entry);
            }
        }
        let planned = self.0.iter().filter(|(_, planned)| **planned != Planned::Nothing);
        names.extend(planned.filter_map(|(path, _)| name(path)));
        Ok(names)
    }

    pub(crate) fn stat(&self, path: &Path) -> Option<(u64, i64)> {
        match self.0.get(path) {
            Some(Planned::Nothing) => None,
            Some(Planned::Known(end, changed)) => Some((end.size, *changed)),
            Some(Planned::New(size)) => Some((*size, Timestamp::now().whole_seconds())),
            None => std::fs::metadata(path).ok().map(|metadata| (metadata.len(), metadata.mtime())),
        }
    }

    /// What will be under a name.
    pub(crate) fn find(&self, path: &Path) -> Planned {
        let known = |metadata: std::fs::Metadata| {
            let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.len());
            Planned::Known(FileEnd { device, inode, size }, metadata.mtime())
        };
        match self.0.get(path) {
            Some(planned) => *planned,
            None => std::fs::symlink_metadata(path).map_or(Planned::Nothing, known),
        }
    }

    pub(crate) fn put(&mut self, path: &Path, planned: Planned) {
        self.0.insert(path.to_owned(), planned);
    }
}
