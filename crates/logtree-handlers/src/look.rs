//! A look at what is behind a descriptor, as cheap as the system has it.

use std::path::Path;

use logtree_core::FileEnd;
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, Stat, fstat, major, makedev, minor, stat};
use rustix::io;

/// What is behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    device: (u32, u32),
    inode: u64,
    /// How many names it has; none, if it was deleted.
    pub(crate) links: u32,
    pub(crate) size: u64,
    pub(crate) is_regular: bool,
}

impl Look {
    /// Looks.
    ///
    /// # Errors
    /// If the number is that of no open file.
    pub(crate) fn at(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        match Self::without_times(descriptor) {
            Some(look) => Ok(look),
            None => fstat(descriptor).map(Self::from),
        }
    }

    /// Looks at what is under a name.
    ///
    /// # Errors
    /// If nothing is, or it cannot be seen.
    pub(crate) fn at_path(path: &Path) -> io::Result<Self> {
        stat(path).map(Self::from)
    }

    /// stat(2)'s `st_ino`.
    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    /// Where the file ends, if it has an end.
    pub(crate) fn end(&self) -> Option<FileEnd> {
        let device = makedev(self.device.0, self.device.1) as u64;
        self.is_regular.then_some(FileEnd { device, inode: self.inode, size: self.size })
    }

    /// Whether both are looks at the same file.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Looks without asking for the file's times. Since Linux 6.13 whoever asks for those makes the next write set them
    /// anew, exactly: behind each fstat(2) a write(2) took twice its time.
    #[cfg(target_os = "linux")]
    fn without_times(descriptor: BorrowedFd<'_>) -> Option<Self> {
        use rustix::fs::{AtFlags, StatxFlags, statx};

        let wanted = StatxFlags::TYPE | StatxFlags::NLINK | StatxFlags::INO | StatxFlags::SIZE;
        // What an old kernel or a sandbox does not allow, fstat does.
        let statx = statx(descriptor, c"", AtFlags::EMPTY_PATH, wanted).ok()?;
        StatxFlags::from_bits_retain(statx.stx_mask).contains(wanted).then(|| Self {
            device: (statx.stx_dev_major, statx.stx_dev_minor),
            inode: statx.stx_ino,
            links: statx.stx_nlink,
            size: statx.stx_size,
            is_regular: FileType::from_raw_mode(statx.stx_mode.into()) == FileType::RegularFile,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn without_times(_: BorrowedFd<'_>) -> Option<Self> {
        None
    }
}

impl From<Stat> for Look {
    #[allow(clippy::unnecessary_cast, reason = "each system counts names in bits of its own, and none in more than 32")]
    fn from(stat: Stat) -> Self {
        Self {
            device: (major(stat.st_dev), minor(stat.st_dev)),
            inode: stat.st_ino,
            links: stat.st_nlink as u32,
            size: stat.st_size.unsigned_abs(),
            is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::{File, Metadata};
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn it_sees_what_the_standard_library_sees() {
        let directory = tempfile::tempdir().unwrap();
        let (a, b) = (directory.path().join("a"), directory.path().join("b"));
        std::fs::write(&a, "12345").unwrap();
        std::fs::write(&b, "").unwrap();
        let open = |path| File::open(path).unwrap();
        let look = |file: &File| Look::at(file.as_fd()).unwrap();
        let (file, other, pipe) = (open(&a), open(&b), std::io::pipe().unwrap().0);
        let metadata: Metadata = file.metadata().unwrap();
        assert_eq!((look(&file).inode, look(&file).size), (metadata.ino(), metadata.len()));
        assert_eq!(look(&file).device, (major(metadata.dev()), minor(metadata.dev())));
        let end = FileEnd { device: metadata.dev(), inode: metadata.ino(), size: 5 };
        assert_eq!((look(&file).end(), Look::at(pipe.as_fd()).unwrap().end()), (Some(end), None));
        assert!(look(&file).is_regular && !Look::at(pipe.as_fd()).unwrap().is_regular);
        assert!(look(&file).is_same_file(&look(&open(&a))) && !look(&file).is_same_file(&look(&other)));
        assert_eq!(Look::at_path(&a).unwrap(), look(&file));
        std::fs::remove_file(&a).unwrap();
        assert_eq!((look(&file).links, look(&other).links), (0, 1));
    }
}
