//! A program whose stderr is a pipe that nobody reads: errors while logging are reported there, and hold no record up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use logtree::Format;
use serde_json::json;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("log") {
        return log();
    }
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    while rustix::io::write(&writer, b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.arg("log").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(writer);
    let mut child = program.spawn().unwrap();
    drop(program);
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let _ = sender.send(stdout.read_exact(&mut [0]).map(|()| stdout));
    });
    let Ok(Ok(_stdout)) = receiver.recv_timeout(Duration::from_secs(30)) else {
        child.kill().unwrap();
        panic!("whoever logs waits for a reader of stderr");
    };
    // From now on somebody reads.
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        said
    });
    child.stdin.take().unwrap().write_all(b".").unwrap();
    assert!(child.wait().unwrap().success());
    let said = reading.join().unwrap();
    assert!(said.contains("--- Logging error ---"), "{}", said.trim_start_matches('.'));
    println!("full_stderr: ok");
}

/// Logs for as long as two reports are due; and the same again when it is told that stderr is read.
fn log() {
    let config = json!({
        "version": 1,
        "handlers": {"full": {"class": "logging.FileHandler", "filename": "/dev/full"}},
        "root": {"level": "INFO", "handlers": ["full"]},
    });
    let _guard = logtree::from_str(&config.to_string(), Format::Json).unwrap().install().unwrap();
    let log = || {
        let (began, mut longest) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < Duration::from_millis(1500) {
            let before = Instant::now();
            tracing::info!("there is no room for this");
            longest = longest.max(before.elapsed());
            std::thread::sleep(Duration::from_micros(100));
        }
        assert!(longest < Duration::from_secs(1), "{longest:?}");
    };
    log();
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_exact(&mut [0]).unwrap();
    log();
}
