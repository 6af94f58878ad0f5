//! Tests that need a process of their own: this program again, with one ignored test.

use std::process::{Command, Output};

/// The call that runs the ignored test `name` and nothing else.
pub(crate) fn test_process(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored"]);
    command
}

/// Asserts that the process ran its one test and that it passed.
pub(crate) fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{output:?}");
}
