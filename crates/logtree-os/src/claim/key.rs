//! Which file a path means.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, readlinkat, statat};
use rustix::io::Errno;

use super::ClaimError;

/// How many symbolic links in a row are followed, as the kernel's own limit (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// One log file, whatever path leads to it: its directory's device and inode, and its name there.
///
/// Not the file's own inode: that changes at each roll, and there is none before the first record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey {
    device: u64,
    inode: u64,
    name: OsString,
}

impl FileKey {
    /// The key of the file at `path`, which need not exist; `None` for what is there and no regular file (`/dev/null`,
    /// a pipe, a terminal, a socket, a directory).
    ///
    /// # Errors
    ///
    /// When the directory does not exist or cannot be searched, or links lead in a circle.
    pub fn of(path: &Path) -> Result<Option<Self>, ClaimError> {
        Ok(Place::of(path)?.map(|place| place.key))
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }
}

/// A log file's directory, held open so that it cannot be exchanged, and the file's key.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    /// For people; the descriptor is what is used.
    pub(super) directory_path: PathBuf,
    pub(super) key: FileKey,
}

impl Place {
    pub(super) fn of(path: &Path) -> Result<Option<Self>, ClaimError> {
        let mut resolved = path.to_path_buf();
        for _ in 0..=MAX_LINKS {
            let Some(name) = resolved.file_name().map(OsStr::to_os_string) else {
                // "/" or "..": a directory.
                return Ok(None);
            };
            let directory_path = match resolved.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
                _ => PathBuf::from("."),
            };
            let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
            let directory = open(&directory_path, flags, Mode::empty())
                .map_err(ClaimError::io(path, "open the directory of the log file"))?;
            let found = statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW);
            match found.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
                Ok(FileType::Symlink) => {
                    let target = readlinkat(&directory, &name, Vec::new())
                        .map_err(ClaimError::io(path, "follow the symbolic link"))?;
                    // A relative target counts from the link's directory; an absolute one replaces it.
                    resolved = directory_path.join(OsStr::from_bytes(target.to_bytes()));
                }
                Ok(FileType::RegularFile) | Err(Errno::NOENT) => {
                    let stat =
                        fstat(&directory).map_err(ClaimError::io(path, "look at the directory of the log file"))?;
                    let key = FileKey { device: stat.st_dev, inode: stat.st_ino, name };
                    return Ok(Some(Self { directory, directory_path, key }));
                }
                Ok(_) => return Ok(None),
                Err(error) => return Err(ClaimError::io(path, "look at the log file")(error)),
            }
        }
        Err(ClaimError::io(path, "follow the symbolic link")(io::Error::from(Errno::LOOP)))
    }

    /// `.<name>.logtree`.
    pub(super) fn claim_name(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.key.name);
        name.push(".logtree");
        name
    }
}
