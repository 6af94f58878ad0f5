//! A tracepoint of LTTng-UST with the same payload: a C program, built here, under a session daemon of its own.

use std::path::Path;
use std::process::{Command, Output};

/// Prints nanoseconds a tracepoint; nothing where it is not to be had.
pub(crate) fn call(directory: &Path) {
    std::fs::write(directory.join("lttng.h"), include_str!("lttng.h")).unwrap();
    std::fs::write(directory.join("lttng.c"), include_str!("lttng.c")).unwrap();
    let run = |program: &str, arguments: &[&str]| -> Option<Output> {
        let mut command = Command::new(program);
        // The traces and the session's state are this run's alone.
        command.args(arguments).current_dir(directory).env("LTTNG_HOME", directory);
        command.output().ok().filter(|output| output.status.success())
    };
    if run("cc", &["-O2", "-I.", "-o", "traced", "lttng.c", "-llttng-ust", "-ldl"]).is_none() {
        return;
    }
    if run("lttng-sessiond", &["--daemonize", "--no-kernel", "--pidfile=daemon.pid"]).is_none() {
        return;
    }
    let lttng = |arguments: &[&str]| run("lttng", &[&["--no-sessiond"], arguments].concat());
    let output = lttng(&["create", "figures", "--output=trace"])
        .and_then(|_| lttng(&["enable-event", "--userspace", "figures:*"]))
        .and_then(|_| lttng(&["start"]))
        .and_then(|_| run("./traced", &[]));
    lttng(&["destroy", "figures"]);
    if let Ok(pid) = std::fs::read_to_string(directory.join("daemon.pid")) {
        run("kill", &[pid.trim()]);
    }
    if let Some(output) = output {
        println!("{}", String::from_utf8_lossy(&output.stdout).trim());
    }
}
