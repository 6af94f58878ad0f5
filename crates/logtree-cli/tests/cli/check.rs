//! `logtree check`.

use serde_json::Value as Json;

use crate::support::Place;

const GOOD: &str = r#"{
  "version": 1,
  "handlers": {"file": {"class": "logging.FileHandler", "filename": "app.log"}},
  "root": {"level": "INFO", "handlers": ["file"]}
}"#;

/// Python swallows the typo without a word.
const DUBIOUS: &str = r#"{
  "version": 1,
  "handlers": {"file": {"class": "logging.FileHandler", "filename": "app.log"}},
  "rooot": {},
  "root": {"level": "INFO", "handlers": ["file"]}
}"#;

/// Two errors at once.
const BAD: &str = r#"{
  "version": 1,
  "handlers": {"file": {"class": "logging.FileHandler", "filename": "app.log", "level": "info"}},
  "root": {"level": "INFO", "handlers": ["flie"]}
}"#;

const OWN_CLASS: &str = r#"{
  "version": 1,
  "handlers": {"own": {"class": "my_app.OwnHandler", "color": true}},
  "root": {"level": "INFO", "handlers": ["own"]}
}"#;

fn place() -> Place {
    let place = Place::new();
    let configs = [("good.json", GOOD), ("dubious.json", DUBIOUS), ("bad.json", BAD), ("own.json", OWN_CLASS)];
    for (name, text) in configs {
        place.write(name, text);
    }
    place
}

#[test]
fn exit_codes_tell_accepted_warned_and_refused() {
    let place = place();
    let cases: &[(&[&str], i32)] = &[
        (&["good.json"], 0),
        (&["good.json", "--strict"], 0),
        (&["dubious.json"], 0),
        (&["dubious.json", "--strict"], 1),
        (&["bad.json"], 2),
        (&["good.json", "dubious.json", "--strict", "bad.json"], 2),
        (&["own.json"], 2),
        (&["own.json", "--assume-class", "my_app.OwnHandler"], 0),
        (&["no such file.json"], 2),
        (&[], 2),
    ];
    for (arguments, code) in cases {
        let said = place.run(&[&["check"], *arguments].concat(), "");
        assert_eq!(said.code, Some(*code), "{arguments:?}: {said:?}");
    }
    assert_eq!(place.files(), ["bad.json", "dubious.json", "good.json", "own.json"], "something was created");
}

#[test]
fn all_problems_are_printed_with_their_lines_and_without_colours() {
    let said = place().run(&["check", "bad.json", "dubious.json", "good.json"], "");
    let text = said.stdout();
    let wanted = [
        "error: Unable to configure handler 'file': Unknown level: 'info'\n --> bad.json:3:",
        "help: did you mean 'INFO'?",
        "error: Unable to configure root logger: Unable to add handler 'flie'\n --> bad.json:4:",
        "help: did you mean 'file'?",
        "\nbad.json: refused, 2 errors",
        "warning: unknown key 'rooot' is ignored\n --> dubious.json:4:3\n",
        "\ndubious.json: accepted, 1 warning\n",
        "\ngood.json: accepted\n",
    ];
    let mut rest = text;
    for wanted in wanted {
        let at = rest.find(wanted).unwrap_or_else(|| panic!("{wanted:?} is not where it belongs in\n{text}"));
        rest = &rest[at..];
    }
    assert!(!text.contains('\x1b'), "{text:?}");
    assert_eq!(said.stderr(), "");
}

#[test]
fn a_program_can_read_them() {
    let said = place().run(&["check", "--format", "json", "bad.json", "good.json"], "");
    let answer: Json = serde_json::from_str(said.stdout()).unwrap();
    assert_eq!(answer[1], serde_json::json!({"config": "good.json", "accepted": true, "problems": []}));
    assert_eq!((&answer[0]["config"], &answer[0]["accepted"]), (&Json::from("bad.json"), &Json::from(false)));
    let problem = &answer[0]["problems"][0];
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["path"], "handlers.file.level");
    let column = BAD.lines().nth(2).unwrap().find("\"info\"").unwrap() + 1;
    assert_eq!((&problem["line"], &problem["column"]), (&Json::from(3), &Json::from(column)));
    // CPython 3.13: the exception that leaves dictConfig, and its cause.
    assert_eq!(problem["exception"], "ValueError");
    assert_eq!(problem["message"], "Unable to configure handler 'file'");
    assert_eq!(problem["causes"][0], "ValueError: Unknown level: 'info'");
    assert_eq!(problem["guess"], "INFO");
}

#[test]
fn what_only_the_program_has_is_told_how_to_be_assumed() {
    let place = Place::new();
    let config = |class: &str| {
        format!(
            r#"{{"version": 1, "handlers": {{"h": {{"class": "{class}"}}}}, "root": {{"level": "INFO", "handlers": ["h"]}}}}"#
        )
    };
    place.write("config.json", &config("my_app.Beep"));
    let said = place.run(&["check", "config.json"], "");
    assert_eq!(said.code, Some(2));
    let advice = "  what the program registers can be assumed: --assume-class NAME, or 'PACKAGE.*' for all below it\n";
    assert!(said.stdout().ends_with(&format!("refused, 1 error\n{advice}")), "{said:?}");
    for assumed in ["my_app.Beep", "my_app.*"] {
        let said = place.run(&["check", "config.json", "--assume-class", assumed], "");
        assert_eq!((said.code, said.stdout()), (Some(0), "config.json: accepted\n"));
    }
    for other in ["my_app.Beep.*", "my_ap.*", "my_app*", "*"] {
        assert_eq!(place.run(&["check", "config.json", "--assume-class", other], "").code, Some(2), "{other}");
    }

    // What Python has and logtree has not is no error yet.
    place.write("config.json", &config("logging.Handler"));
    let said = place.run(&["check", "config.json"], "");
    assert_eq!(said.code, Some(0));
    assert!(said.stdout().contains("refused when it is installed, unless the program registers it"), "{said:?}");
    place.write("config.json", &config("django.utils.log.AdminEmailHandler"));
    let said = place.run(&["check", "config.json"], "");
    assert!(said.stdout().contains("logging.NullHandler, without arguments, keeps its place"), "{said:?}");
}
