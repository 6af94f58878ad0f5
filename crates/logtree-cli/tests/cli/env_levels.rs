//! The keys `env_levels` and `directives`: levels in one line, from a variable of the environment or from the config.

use crate::support::{Place, Said};

const CONFIG: &str = r#"{
  "version": 1,
  "env_levels": "RUST_LOG",
  "levels": {"NOTICE": 25},
  "handlers": {"console": {"class": "logging.StreamHandler"}},
  "loggers": {"app.db": {"level": "ERROR"}},
  "root": {"level": "WARNING", "handlers": ["console"]}
}"#;

fn with_variable(value: Option<&str>, arguments: &[&str]) -> Said {
    let place = Place::new();
    place.write("logging.json", CONFIG);
    let mut command = place.command(arguments);
    command.env_remove("RUST_LOG");
    value.map(|value| command.env("RUST_LOG", value));
    Said::of(&mut command, "")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The line about the level that decides, and whether the console is reached.
fn explained(value: Option<&str>, name: &str, level: &str) -> (String, bool) {
    let said = with_variable(value, &["explain", "logging.json", name, level]);
    assert_eq!((said.code, text(&said.stderr)), (Some(0), String::new()));
    let lines = text(&said.stdout);
    let about_level = lines.lines().find(|line| line.contains(" level ")).unwrap().trim().to_owned();
    (about_level, lines.contains("it reaches console"))
}

#[test]
fn the_variable_sets_levels_on_top_of_the_configs() {
    let level = |line: &str| line.to_owned();
    assert_eq!(explained(None, "app", "INFO"), (level("- level WARNING of root"), false));
    assert_eq!(explained(Some(""), "app", "INFO"), (level("- level WARNING of root"), false));
    assert_eq!(explained(Some("info"), "app", "INFO"), (level("+ level INFO of root"), true));
    // What the config says further down still holds.
    assert_eq!(explained(Some("info"), "app.db.pool", "INFO"), (level("- level ERROR of app.db"), false));
    assert_eq!(explained(Some("info,app::db=debug"), "app.db.pool", "DEBUG"), (level("+ level DEBUG of app.db"), true));
    assert_eq!(explained(Some("app=trace"), "app::web", "TRACE"), (level("+ level TRACE of app"), true));
    assert_eq!(explained(Some("app=notice"), "app", "NOTICE"), (level("+ level NOTICE of app"), true));
    assert!(!explained(Some("off"), "app", "CRITICAL").1);
}

#[test]
fn the_tree_is_drawn_with_them() {
    let said = with_variable(Some("error,app::db=debug,other"), &["tree", "logging.json"]);
    let drawn = text(&said.stdout);
    for part in ["root ERROR", "app.db DEBUG", "other TRACE"] {
        assert!(drawn.contains(part), "{part} in\n{drawn}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_a_problem_that_names_the_variable() {
    let said = with_variable(Some("info,app=verbose,a[request{id=1}]=debug"), &["check", "logging.json"]);
    assert_eq!(said.code, Some(2));
    let problems = text(&said.stdout) + &text(&said.stderr);
    assert!(problems.contains("RUST_LOG: the directive 'app=verbose' gives no level"), "{problems}");
    let spans = "RUST_LOG: the directive 'a[request{id=1}]=debug' is for spans, about which loggers do not decide";
    assert!(problems.contains(spans), "{problems}");
    assert!(problems.contains("logging.json:3:17"), "{problems}");
    let near = with_variable(Some("app=inof"), &["check", "logging.json"]);
    let problems = text(&near.stdout) + &text(&near.stderr);
    assert!(problems.contains("info"), "{problems}");
}

#[test]
fn the_key_names_a_variable() {
    for (wrong, code) in [("3", 2), ("[]", 2), ("\"\"", 2), ("null", 0), ("\"LOGTREE_NOT_SET\"", 0)] {
        let place = Place::new();
        place.write("logging.json", &CONFIG.replace("\"RUST_LOG\"", wrong));
        assert_eq!(place.run(&["check", "logging.json"], "").code, Some(code), "{wrong}");
    }
}

#[test]
fn directives_of_the_config_are_below_those_of_the_environment() {
    let explained = |directives: &str, value: &str, name: &str| {
        let place = Place::new();
        let key = format!("\"env\": true, \"directives\": {directives}, \"env_levels\"");
        place.write("logging.json", &CONFIG.replace("\"env_levels\"", &key));
        let mut command = place.command(&["explain", "logging.json", name, "INFO"]);
        let said = Said::of(command.env("RUST_LOG", value), "");
        assert_eq!((said.code, text(&said.stderr)), (Some(0), String::new()));
        text(&said.stdout).lines().find(|line| line.contains(" level ")).unwrap().trim().to_owned()
    };
    assert_eq!(explained("\"info,app::db=notice\"", "", "x"), "+ level INFO of root");
    assert_eq!(explained("\"info,app::db=notice\"", "", "app.db.pool"), "- level NOTICE of app.db");
    assert_eq!(explained("\"info,app::db=notice\"", "app::db=debug", "app.db"), "+ level DEBUG of app.db");
    assert_eq!(explained("\"${RUST_LOG:-error}\"", "", "x"), "- level ERROR of root");
    assert_eq!(explained("null", "", "x"), "- level WARNING of root");
}

#[test]
fn directives_that_are_none_are_problems_with_their_place() {
    for (wrong, message) in
        [("\"info,app=inof\"", "the directive 'app=inof' gives no level"), ("3", "directives must be a string")]
    {
        let place = Place::new();
        place.write(
            "logging.json",
            &CONFIG.replace("\"env_levels\": \"RUST_LOG\"", &format!("\"directives\": {wrong}")),
        );
        let said = place.run(&["check", "logging.json"], "");
        let problems = text(&said.stdout) + &text(&said.stderr);
        assert_eq!(said.code, Some(2), "{problems}");
        assert!(problems.contains(message) && problems.contains("logging.json:3:17"), "{problems}");
    }
}
