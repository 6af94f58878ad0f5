//! Corpora that a script has drawn with a fixed seed.

use std::process::{Command, Stdio};

/// Draws a corpus again, which must be the same. Where CPython 3.13, or what `probe` asks of it, is not at hand, the corpus
/// is used as it is.
pub(crate) fn draw_again(script: &str, probe: &str, corpus: &str) {
    let said = match draw(script, probe, &[]) {
        Some(drawn) => {
            assert!(drawn == corpus, "{script} draws another corpus here");
            format!("{script}: drawn again, and the same\n")
        }
        None => format!("{script}: what it needs is not here, so that the corpus was used as it is\n"),
    };
    std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
}

/// What a script prints, if CPython 3.13 is at hand, and what `probe` asks of it.
pub(crate) fn draw(script: &str, probe: &str, arguments: &[&str]) -> Option<String> {
    let python = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        // A version manager's shim asks for the variable; nobody else minds.
        command.args(arguments).env("PYENV_VERSION", "3.13.0").stderr(Stdio::null()).output()
    };
    let probe = format!("import sys; assert sys.version_info[:2] == (3, 13); {probe}");
    let is_right = |program: &&str| python(program, &["-c", &probe]).is_ok_and(|output| output.status.success());
    let program = ["python3.13", "python3"].into_iter().find(is_right)?;
    let script = format!("{}/tests/dictconfig/{script}", env!("CARGO_MANIFEST_DIR"));
    let drawn = python(program, &[&[&*script], arguments].concat()).unwrap();
    assert!(drawn.status.success(), "{script} failed");
    Some(String::from_utf8(drawn.stdout).unwrap())
}
