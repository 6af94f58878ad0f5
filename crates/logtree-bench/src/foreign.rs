//! The peers that are not written in Rust: programs of their own, which keep to the rules of `contest` by themselves.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};

use crate::cases::{Absent, LOG_FILE, Running};
use crate::logtree_side::STORY;

type Started = Result<Running, Box<dyn Error>>;

/// CPython's `logging`, which does one of the jobs that `cpython.py` knows.
pub(crate) fn cpython(directory: &Path, job: &str) -> Started {
    if !python().arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err(Absent("there is no python3.13 here").into());
    }
    let mut program = python();
    program.args(["-c", include_str!("foreign/cpython.py"), STORY]).arg(directory.join(LOG_FILE)).arg(job);
    Ok(Running::Elsewhere { program, finish: Box::new(|| ()) })
}

pub(crate) fn python() -> Command {
    let mut command = Command::new("python3.13");
    // A version manager's shim asks for it; nobody else minds.
    command.env("PYENV_VERSION", "3.13.0");
    command
}

/// A tracepoint of LTTng-UST with the payload of a request: a C program, built here, under a session daemon of its own.
pub(crate) fn lttng(directory: &Path) -> Started {
    std::fs::write(directory.join("lttng.h"), include_str!("foreign/lttng.h"))?;
    std::fs::write(directory.join("lttng.c"), include_str!("foreign/lttng.c"))?;
    let owned = directory.to_owned();
    let command = move |program: &str| {
        let mut command = Command::new(program);
        // The traces and the session's state are this run's alone.
        command.current_dir(&owned).env("LTTNG_HOME", &owned);
        command
    };
    let traced = command("./traced");
    let run = move |program: &str, arguments: &[&str]| -> Option<Output> {
        let output = command(program).args(arguments).output();
        output.ok().filter(|output| output.status.success())
    };
    let lttng = {
        let run = run.clone();
        move |arguments: &[&str]| run("lttng", &[&["--no-sessiond"], arguments].concat())
    };
    run("cc", &["-O2", "-I.", "-o", "traced", "lttng.c", "-llttng-ust", "-ldl"])
        .ok_or(Absent("there is no cc with liblttng-ust-dev here"))?;
    run("lttng-sessiond", &["--daemonize", "--no-kernel", "--pidfile=daemon.pid"])
        .ok_or(Absent("lttng-sessiond of lttng-tools does not start here"))?;
    let daemon = std::fs::read_to_string(directory.join("daemon.pid"))?;
    let session = lttng(&["create", "bench", "--output=trace"])
        .and_then(|_| lttng(&["enable-event", "--userspace", "bench:*"]))
        .and_then(|_| lttng(&["start"]));
    let finish = move || {
        lttng(&["destroy", "bench"]);
        run("kill", &[daemon.trim()]);
    };
    if session.is_none() {
        finish();
        return Err(Absent("lttng-tools start no session here").into());
    }
    Ok(Running::Elsewhere { program: traced, finish: Box::new(finish) })
}
