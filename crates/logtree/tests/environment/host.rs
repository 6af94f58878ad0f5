//! A host program that does what its arguments say, one after the other.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::IntoRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use logtree::prefork::{Fork, fork};
use rustix::process::{Gid, Uid, WaitOptions, waitpid};

use crate::until;

/// Whatever is waited for comes within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon's own files, which have the numbers of descriptors that it closed.
const FILES: usize = 64;

/// Does what the words say and ends with 0:
///
/// | words | |
/// |---|---|
/// | `install CONFIG` | installs a config; ends with 3 if it is refused |
/// | `log NAME COUNT` | logs so many records of this name |
/// | `burst NAME COUNT` | the same with 1,000 bytes each |
/// | `flush` | flushes, and panics if that fails |
/// | `touch PATH`, `wait PATH` | makes a file; waits for one |
/// | `fork` | does the rest in a child, and waits for it |
/// | `exec` | becomes this program anew, which does the rest |
/// | `thread` | has a second thread from there on |
/// | `fill MIB` | has so much memory in use from there on |
/// | `setuid ID` | becomes another user |
/// | `chroot PATH` | has another root directory |
/// | `daemonise` | does the rest in a grandchild, in a session of its own, without waiting for it |
/// | `close NUMBER`, `print TEXT` | closes a descriptor; prints to 1 and 2, whatever is there |
/// | `replace DIRECTORY` | closes all descriptors and opens files of its own under their numbers |
/// | `unharmed DIRECTORY` | panics if these files are not as they were |
pub(crate) fn main(words: &[String]) {
    let mut guards = Vec::new();
    let mut filled = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut argument = || words.next().unwrap();
        match word {
            "install" => match logtree::from_file(argument()).unwrap().install() {
                Ok(guard) => guards.push(guard),
                Err(error) => {
                    eprintln!("{error}");
                    std::process::exit(3);
                }
            },
            "log" => log(argument(), argument(), ""),
            "burst" => log(argument(), argument(), &"x".repeat(1000)),
            "flush" => assert!(guards.iter().all(|guard| guard.flush(PATIENCE)), "it is not written in time"),
            "touch" => fs::write(argument(), "").unwrap(),
            "wait" => {
                let path = Path::new(argument());
                until(&format!("{} is there", path.display()), || path.exists());
            }
            "fork" => {
                if let Fork::Parent(child) = fork().unwrap() {
                    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
                    assert_eq!(status.exit_status(), Some(0));
                    return;
                }
            }
            "exec" => {
                let error = Command::new("/proc/self/exe").arg(crate::HOST).args(words).exec();
                panic!("{error}");
            }
            "thread" => _ = std::thread::spawn(|| std::thread::sleep(PATIENCE)),
            "fill" => filled.push(vec![1_u8; argument().parse::<usize>().unwrap() << 20]),
            "setuid" => {
                let id: u32 = argument().parse().unwrap();
                // Of a program with one thread they are the process'.
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_gid(Gid::from_raw(id)).unwrap();
                rustix::thread::set_thread_uid(Uid::from_raw(id)).unwrap();
            }
            "chroot" => {
                rustix::process::chroot(argument()).unwrap();
                rustix::process::chdir("/").unwrap();
            }
            "daemonise" => {
                if let Fork::Parent(child) = fork().unwrap() {
                    waitpid(Some(child), WaitOptions::empty()).unwrap();
                    return;
                }
                rustix::process::setsid().unwrap();
                if let Fork::Parent(_) = fork().unwrap() {
                    std::process::exit(0);
                }
            }
            "close" => {
                // SAFETY: of these two nothing in this program owns the numbers.
                unsafe { libc::close(argument().parse().unwrap()) };
            }
            "print" => {
                let text = argument();
                for number in [1, 2] {
                    // SAFETY: the text is there; a number that is no descriptor is refused.
                    unsafe { libc::write(number, text.as_ptr().cast(), text.len()) };
                }
            }
            "replace" => replace_all_descriptors(Path::new(argument())),
            "unharmed" => {
                let directory = Path::new(argument());
                let files = (0..FILES).map(|number| fs::read(directory.join(number.to_string())).unwrap());
                assert!(files.into_iter().all(|text| text == b"mine"), "a foreign file was written to");
            }
            other => panic!("{other}?"),
        }
    }
}

fn log(name: &str, count: &str, padding: &str) {
    for number in 0..count.parse().unwrap() {
        let number: u32 = number;
        tracing::info!("{name} {number} {padding}");
    }
}

fn replace_all_descriptors(directory: &Path) {
    for number in 0..1024 {
        // SAFETY: that nothing of this program trusts a descriptor from here on is what is tested.
        unsafe { libc::close(number) };
    }
    for number in 0..FILES {
        let mut file = File::create(directory.join(number.to_string())).unwrap();
        file.write_all(b"mine").unwrap();
        let _kept = file.into_raw_fd();
    }
}
