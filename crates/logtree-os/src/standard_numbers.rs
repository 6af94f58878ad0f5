//! The numbers 0, 1 and 2, which a program prints to whatever has them.

use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::io::fcntl_dupfd_cloexec;

/// The first number that nobody prints to.
const BEYOND: i32 = 3;

/// The same open file under a number beyond 2, closed on exec. To be called before it is locked by fcntl(2), as closing any
/// number of it ends those locks.
///
/// Rust's programs have something behind each of these numbers from their start. A daemon that has closed them, or a host in
/// another language that was started without, gives them to whatever is opened next; what is printed then, by a panic if by
/// nobody else, stands in a log file, or at the start of the memory of a queue.
///
/// Where there is no other number it stays where it is.
#[must_use]
pub fn beyond_standard_numbers(file: OwnedFd) -> OwnedFd {
    if file.as_raw_fd() >= BEYOND {
        return file;
    }
    fcntl_dupfd_cloexec(&file, BEYOND).unwrap_or(file)
}
