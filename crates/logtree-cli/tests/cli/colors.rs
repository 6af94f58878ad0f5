//! Colours of other projects' formatters: on a terminal, in a pipe, in a file. What stands on the terminal and in the pipe
//! is what colorlog 6.12, uvicorn 0.54 and Django 6.1 print there.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Place, Said};

/// A config whose formatter serves standard output and a file alike.
fn config(formatter: &str) -> String {
    format!(
        r#"{{"version": 1, "formatters": {{"f": {formatter}}}, "root": {{"level": "INFO", "handlers": ["out", "file"]}},
            "handlers": {{"out": {{"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "f"}},
                          "file": {{"class": "logging.FileHandler", "filename": "app.log", "formatter": "f"}}}}}}"#
    )
}

const EVENT: &str = r#"{"name": "a", "levelname": "ERROR", "levelno": 40, "msg": "m", "status_code": 404}"#;

/// What stood on a terminal or in a pipe, and what in the file.
fn emitted(formatter: &str, is_terminal: bool, variables: &[(&str, &str)]) -> (String, String) {
    let place = Place::new();
    place.write("config.json", &config(formatter));
    place.write("events", EVENT);
    let mut command = place.command(&["emit", "config.json", "events"]);
    for name in ["NO_COLOR", "FORCE_COLOR", "DJANGO_COLORS"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let shown = if is_terminal {
        let (master, terminal) = terminal();
        let status = command.stdin(Stdio::null()).stdout(terminal).status().unwrap();
        assert!(status.success());
        // It held the terminal open, too.
        drop(command);
        let mut shown = Vec::new();
        // Once nobody has the terminal open, reading it is an error.
        let _ = File::from(master).read_to_end(&mut shown);
        String::from_utf8(shown).unwrap().replace("\r\n", "\n")
    } else {
        let said = Said::of(&mut command, "");
        assert_eq!((said.code, said.stderr()), (Some(0), ""));
        said.stdout().to_owned()
    };
    (shown, String::from_utf8(place.read("app.log")).unwrap())
}

/// Both ends of a terminal.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (master, terminal)
}

#[test]
fn colorlog_colors_a_stream_that_is_a_terminal() {
    let formatter =
        r#"{"()": "colorlog.ColoredFormatter", "stream": "ext://sys.stdout", "format": "%(log_color)s%(message)s"}"#;
    let (colored, plain) = ("\x1b[31mm\x1b[0m\n".to_owned(), "m\n".to_owned());
    assert_eq!(emitted(formatter, true, &[]), (colored.clone(), plain.clone()));
    assert_eq!(emitted(formatter, false, &[]), (plain.clone(), plain.clone()));
    assert_eq!(emitted(formatter, true, &[("NO_COLOR", "")]), (plain.clone(), plain.clone()));
    // DIFFERENCE: colorlog would colour the file, too.
    assert_eq!(emitted(formatter, false, &[("FORCE_COLOR", "1")]), (colored, plain));
}

#[test]
fn colorlog_colors_whatever_it_is_not_told_of_but_no_file() {
    let formatter = r#"{"class": "colorlog.ColoredFormatter", "format": "%(log_color)s%(message)s"}"#;
    let (colored, plain) = ("\x1b[31mm\x1b[0m\n".to_owned(), "m\n".to_owned());
    // DIFFERENCE: colorlog colours the file, too.
    assert_eq!(emitted(formatter, false, &[]), (colored.clone(), plain));
    let forced = r#"{"()": "colorlog.ColoredFormatter", "format": "%(log_color)s%(message)s", "force_color": true}"#;
    assert_eq!(emitted(forced, false, &[("NO_COLOR", "1")]), (colored.clone(), colored));
}

#[test]
fn uvicorn_and_django_look_at_standard_output() {
    let uvicorn = r#"{"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s"}"#;
    let plain = "ERROR:    m\n".to_owned();
    assert_eq!(emitted(uvicorn, true, &[]), ("\x1b[31mERROR\x1b[0m:    m\n".to_owned(), plain.clone()));
    assert_eq!(emitted(uvicorn, false, &[]), (plain.clone(), plain));

    let django = r#"{"()": "django.utils.log.ServerFormatter", "format": "[{message}]", "style": "{"}"#;
    let plain = "[m]\n".to_owned();
    assert_eq!(emitted(django, true, &[]), ("[\x1b[33mm\x1b[0m]\n".to_owned(), plain.clone()));
    assert_eq!(emitted(django, true, &[("DJANGO_COLORS", "light")]).0, "[\x1b[31mm\x1b[0m]\n");
    assert_eq!(emitted(django, true, &[("DJANGO_COLORS", "nocolor")]).0, plain);
    assert_eq!(emitted(django, false, &[]), (plain.clone(), plain));
}
