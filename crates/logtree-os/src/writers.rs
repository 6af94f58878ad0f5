//! Whether anybody can still write to a file.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;

use rustix::fd::{AsRawFd as _, BorrowedFd};

/// fcntl(2)'s `F_SETOWN_EX`, and its owner that is one thread: asm-generic/fcntl.h.
const F_SETOWN_EX: c_int = 15;
const F_OWNER_TID: c_int = 0;

/// fcntl(2)'s `struct f_owner_ex`.
#[repr(C)]
struct Owner {
    kind: c_int,
    pid: libc::pid_t,
}

const _: () = assert!(size_of::<Owner>() == 8);

/// Whether any process has the file open for writing. `file` must be open for reading alone.
///
/// The kernel counts them, of every process and namespace, and says so by refusing a read lease (fcntl(2), `F_SETLEASE`):
/// whoever writes pays nothing for that. If nobody has, and nobody opens it any more, nothing will ever be written to it.
///
/// For the moment of the question somebody who opens the file for writing waits, or is refused with `EWOULDBLOCK` if he does
/// not want to wait; and the calling thread is sent a SIGIO. So it is to be a thread that blocks all signals: one that
/// [`spawn_masked`](crate::spawn_masked) has started.
///
/// # Errors
///
/// `PermissionDenied` for the file of another user without `CAP_LEASE`; `InvalidInput` where the file system has no leases, as
/// those of other machines.
pub fn has_writers(file: BorrowedFd<'_>) -> io::Result<bool> {
    let fd = file.as_raw_fd();
    let owner = Owner { kind: F_OWNER_TID, pid: crate::thread::gettid() };
    // SAFETY: the kernel reads one `struct f_owner_ex`, which `owner` is and stays for the call.
    if unsafe { libc::fcntl(fd, F_SETOWN_EX, &raw const owner) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `F_SETLEASE` takes an int and touches no memory of this process.
    if unsafe { libc::fcntl(fd, libc::F_SETLEASE, c_int::from(libc::F_RDLCK as i16)) } < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::WouldBlock { Ok(true) } else { Err(error) };
    }
    // SAFETY: as above.
    if unsafe { libc::fcntl(fd, libc::F_SETLEASE, c_int::from(libc::F_UNLCK as i16)) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn who_can_write_is_seen_and_who_reads_is_not() {
        let path = std::env::temp_dir().join(format!("logtree-writers-{}", std::process::id()));
        let writer = File::create(&path).unwrap();
        let (file, reader) = (File::open(&path).unwrap(), File::open(&path).unwrap());
        assert!(has_writers(file.as_fd()).unwrap());
        let appender = File::options().append(true).open(&path).unwrap();
        drop(writer);
        assert!(has_writers(file.as_fd()).unwrap());
        drop(appender);
        assert!(!has_writers(file.as_fd()).unwrap());
        // The lease is gone: nobody who comes later waits.
        let writer = File::options().append(true).open(&path).unwrap();
        assert!(has_writers(reader.as_fd()).unwrap());
        drop((writer, std::fs::remove_file(&path)));
        assert!(!has_writers(file.as_fd()).unwrap(), "deleted");
    }
}
