//! Files that get the same lines, and what must stand in them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use logtree_core::Handler;
use logtree_handlers::{Compress, Namer, RotatingFileHandler, RotatingFileHandlerConfig};

use super::{DEADLINE, Lines, until};

/// Files that get the same lines, each in its way.
pub(crate) struct Logs {
    /// At once.
    pub(crate) plain: PathBuf,
    /// From a handler that holds them back.
    pub(super) held: PathBuf,
    /// It rolls, and everything is kept.
    pub(super) rolled: PathBuf,
    /// It rolls, and one old file is kept, under a name of another kind.
    pub(super) kept: PathBuf,
    /// It rolls, and what was rolled is compressed.
    pub(super) packed: PathBuf,
    max_bytes: u64,
}

impl Logs {
    /// Those that roll do so at so many bytes.
    pub(crate) fn within(directory: &Path, max_bytes: u64) -> Self {
        let [plain, held, rolled, kept, packed] =
            ["plain.log", "held.log", "rolled.log", "kept.log", "packed.log"].map(|name| directory.join(name));
        // Something to delete when it rolls for the first time.
        std::fs::write(directory.join("kept.1.log"), "").unwrap();
        Self { plain, held, rolled, kept, packed, max_bytes }
    }

    pub(super) fn rolling(&self, log: &Path, backup_count: u32, compress: Option<Compress>) -> Box<dyn Handler> {
        let config = RotatingFileHandlerConfig::new(log);
        let namer = if log == self.kept { "{stem}.{suffix}{ext}".parse().unwrap() } else { Namer::default() };
        let config = RotatingFileHandlerConfig { max_bytes: self.max_bytes, backup_count, compress, namer, ..config };
        Box::new(RotatingFileHandler::new(config).unwrap())
    }

    /// Waits until the listener has compressed what was rolled, and left nothing half made.
    pub(crate) fn wait_until_packed(&self) {
        let is_left = |name: &str| {
            let rolled = name.strip_prefix("packed.log.").is_some_and(|rolled| !rolled.ends_with(".gz"));
            rolled || name.starts_with(".packed.log.") && name.ends_with(".part")
        };
        let began = Instant::now();
        until("all is compressed", || {
            let names =
                std::fs::read_dir(self.packed.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
            let left: Vec<_> = names.map(|name| name.into_string().unwrap()).filter(|name| is_left(name)).collect();
            assert!(began.elapsed() < DEADLINE, "never compressed: {left:?}");
            left.is_empty()
        });
    }

    /// Asserts that no line is torn or repeated, and none missing but those that were deleted; for each file that keeps all
    /// how often each stands there.
    pub(crate) fn assert_whole(&self) -> [Lines; 4] {
        let kept = Lines::of(&self.kept);
        let whole = [&self.plain, &self.held, &self.rolled, &self.packed].map(|log| {
            let lines = Lines::of(log);
            lines.assert_whole();
            lines
        });
        kept.assert_tails_of(&whole[0]);
        whole
    }
}
