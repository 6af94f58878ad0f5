//! Directories, processes and payloads for these tests.

use std::ffi::{CStr, CString};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use logtree_os::{Attachment, LaneReader, ProcessIdentity, RecordHead, Segment, SegmentOptions};
use tempfile::TempDir;

/// What a lane may hold if the test does not care.
pub(crate) const CAPACITY: usize = 16 << 20;

/// What one unit of 16 KiB holds beside its own header of 16 and the record's of 24 bytes.
pub(crate) const WHOLE_UNIT: usize = 16 * 1024 - 16 - 24;

/// A directory on the memory file system; gone with the value.
pub(crate) fn directory() -> TempDir {
    let parent = Path::new("/dev/shm");
    let parent = if parent.is_dir() { parent.to_owned() } else { std::env::temp_dir() };
    let ours_alone = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("logtree-test-").permissions(ours_alone).tempdir_in(parent).unwrap()
}

pub(crate) fn segment() -> (Arc<Segment>, TempDir) {
    let directory = directory();
    let segment = Segment::create(directory.path(), "queue", &SegmentOptions::default()).unwrap();
    (segment, directory)
}

pub(crate) fn attached() -> (Attachment, Arc<Segment>, TempDir) {
    let (segment, directory) = segment();
    let process = segment.attach(&ProcessIdentity::current()).unwrap();
    (process, segment, directory)
}

pub(crate) fn at(time_ns: u64) -> RecordHead {
    RecordHead { time_ns, ..RecordHead::default() }
}

/// Bytes that tell which record they belong to and where in it they stand.
pub(crate) fn payload(record: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (record.wrapping_mul(0x9e37_79b9) ^ at.wrapping_mul(31) ^ at >> 8) as u8).collect()
}

/// Small numbers without a pattern, the same in every run of a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*, https://www.jstatsoft.org/article/view/v008i14.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// Everything that a lane holds, checked to be in sequence.
pub(crate) fn drain(reader: &mut LaneReader) -> Vec<(RecordHead, Vec<u8>)> {
    let mut records = Vec::new();
    let mut bytes = Vec::new();
    while let Some(record) = reader.read(&mut bytes).unwrap() {
        records.push((record.head, std::mem::take(&mut bytes)));
    }
    records
}

/// Polls until `is_done`, and fails the test after ten seconds.
pub(crate) fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::yield_now();
    }
}

/// A child process.
pub(crate) struct Child(libc::pid_t);

/// Runs `body` in a child of `fork`, which ends with the code it returns, or 101 if it panics.
pub(crate) fn fork(body: impl FnOnce() -> i32) -> Child {
    // SAFETY: the child allocates, which glibc makes safe after fork, touches no lock of another thread but stderr's, and
    // leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: ends the process at once, without the parent's destructors.
        unsafe { libc::_exit(outcome.unwrap_or(101)) };
    }
    Child(pid)
}

impl Child {
    /// Its exit code, or the negative of the signal that killed it.
    pub(crate) fn wait(self) -> i32 {
        let mut status = 0;
        loop {
            // SAFETY: the pointer is valid; the child is ours and not yet waited for.
            let waited = unsafe { libc::waitpid(self.0, &raw mut status, 0) };
            if waited == self.0 {
                break;
            }
        }
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -libc::WTERMSIG(status) }
    }

    pub(crate) fn kill(self) {
        // SAFETY: a signal to our own child, which nobody has waited for.
        let sent = unsafe { libc::kill(self.0, libc::SIGKILL) };
        assert_eq!(sent, 0);
        assert_eq!(self.wait(), -libc::SIGKILL);
    }
}

/// Runs `body` in a child that has a memory file system of its own, of so many bytes, mounted at the path it is given.
pub(crate) fn on_small_file_system(size: &str, body: impl FnOnce(&Path)) {
    on_file_system(c"tmpfs", &format!("size={size},mode=0700"), body);
}

/// The same with a file system of any kind.
pub(crate) fn on_file_system(kind: &CStr, options: &str, body: impl FnOnce(&Path)) {
    let place = directory();
    let child = fork(|| {
        let target = CString::new(place.path().to_str().unwrap()).unwrap();
        // SAFETY: a mount namespace of this child alone.
        let alone = unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        let (null, root, kind) = (std::ptr::null(), c"/".as_ptr(), kind.as_ptr());
        // SAFETY: all pointers are C strings or null.
        let alone = alone && unsafe { libc::mount(null, root, null, private, null.cast()) } == 0;
        let options = CString::new(options).unwrap();
        // SAFETY: all pointers are C strings.
        let mounted = alone && unsafe { libc::mount(kind, target.as_ptr(), kind, 0, options.as_ptr().cast()) } == 0;
        if !mounted {
            return 77;
        }
        body(place.path());
        0
    });
    match child.wait() {
        77 => eprintln!("skipped: may not mount a file system of its own"),
        code => assert_eq!(code, 0),
    }
}

/// Words that a child shares with its parent by nothing that is under test.
pub(crate) fn witness() -> &'static [AtomicU64; 8] {
    // SAFETY: a fresh anonymous mapping.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: the page is zeroed, aligned, large enough and never unmapped.
    unsafe { &*page.cast() }
}
