//! Each format: the same config in each is the same plan, and what is wrong is shown in its own text.

use std::fmt::Write as _;

use logtree_dictconfig::{Color, Config, Format, Plan, Problems, registry};
use serde_json::Value;

use super::configs::configs;

/// A value as people write YAML: blocks, strings in quotes.
fn yaml(value: &Value, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                write!(out, "\n{margin}{}:", Value::from(key.as_str())).unwrap();
                yaml(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                write!(out, "\n{margin}-").unwrap();
                yaml(item, indent + 2, out);
            }
        }
        Value::Bool(value) => out.push_str(if *value { " yes" } else { " no" }),
        Value::Null => out.push_str(" ~"),
        other => write!(out, " {other}").unwrap(),
    }
}

/// A whole config as people write YAML.
pub(crate) fn in_yaml(value: &Value) -> String {
    let mut text = "---".to_owned();
    yaml(value, 0, &mut text);
    text
}

/// All that a config comes to, but for places in the text.
fn outcome(outcome: &Result<Plan, Problems>) -> String {
    let mut text = String::new();
    let problems = match outcome {
        Ok(plan) => {
            for handler in plan.handlers() {
                let children: Vec<&str> = handler.children().collect();
                let (name, class, level) = (handler.name(), handler.class(), handler.level());
                let parts = (handler.filters(), handler.formatter(), children, handler.is_available());
                writeln!(text, "{name} {class} {level:?} {parts:?}").unwrap();
            }
            writeln!(text, "{:?} {}", plan.loggers(), plan.disables_existing_loggers()).unwrap();
            plan.warnings().iter().collect::<Vec<_>>()
        }
        Err(problems) => problems.iter().collect(),
    };
    for problem in problems {
        let place = problem.place().is_some();
        writeln!(text, "{place} {} {} {:?}", problem.path(), problem.headline(), problem.guess()).unwrap();
    }
    text
}

#[test]
fn a_config_in_yaml_is_the_one_in_json() {
    let registry = registry();
    let config = Config::new(&registry);
    for (name, text) in configs() {
        // With its keys in one order, in which both see them.
        let value: Value = serde_json::from_str(&text).unwrap();
        let in_json = outcome(&config.parse(&value.to_string(), Format::Json, "x"));
        assert_eq!(outcome(&config.parse(&in_yaml(&value), Format::Yaml, "x")), in_json, "{name}");
        // JSON is YAML too.
        assert_eq!(outcome(&config.parse(&text, Format::Yaml, "x")), outcome(&config.parse(&text, Format::Json, "x")));
    }
}

#[test]
fn problems_are_shown_in_yaml() {
    let text = "version: 1
formatters: &formatters
  line: {format: \"%(message)s\", style: '%%'}
handlers:
  file:
    class: logging.FileHandlr
    formatter: lin
loggers:
  a.b: {propagate: 'no'}
  010: {}
root:
  level: info
  handlers: [file,
             flie]
";
    let problems = Config::new(&registry()).parse(text, Format::Yaml, "logging.yaml").unwrap_err();
    let expected = r#"error: Unable to configure formatter 'line': Style must be one of: %,{,$
 --> logging.yaml:3:40
  |
3 |   line: {format: "%(message)s", style: '%%'}
  |                                        ^^^^
"#;
    assert!(problems.render(Color::Never).starts_with(expected), "{problems}");
    let lines: Vec<String> = problems.iter().skip(1).map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "logging.yaml:7:16: handlers.file.formatter: Unable to configure handler 'file': Unable to set formatter 'lin' \
             (did you mean 'line'?)",
            "logging.yaml:6:12: handlers.file.class: Unable to configure handler 'file': Cannot resolve \
             'logging.FileHandlr': No module named 'logging.FileHandlr' (did you mean 'logging.FileHandler'?)",
            "logging.yaml:9:20: loggers[a.b].propagate: warning: the string 'no' counts as True (expected true or false)",
            "logging.yaml:10:8: loggers.8: Unable to configure logger 8: A logger name must be a string (expected a name in \
             quotes)",
            "logging.yaml:12:10: root.level: Unable to configure root logger: Unknown level: 'info' (did you mean 'INFO'?)",
            "logging.yaml:14:14: root.handlers[1]: Unable to configure root logger: Unable to add handler 'flie' (did you \
             mean 'file'?)",
            "logging.yaml:3:3: formatters.line: warning: formatter 'line' is not used",
        ]
    );
}

#[test]
fn what_is_marked_are_whole_characters() {
    let problems = Config::new(&registry()).parse("é", Format::Yaml, "x").unwrap_err();
    let place = problems.iter().next().unwrap().place().unwrap();
    assert_eq!((place.span.start, place.span.end), (0, 2));
    assert!(problems.render(Color::Never).contains("1 | é"));
}

#[test]
fn text_that_is_no_yaml_is_refused_in_its_place() {
    let cases = [
        (
            "a: 1\nb: %(message)s\n",
            "2:4: invalid YAML: unexpected character: `%'; a value that begins with this character",
        ),
        ("a:\n\tb: 1\n", "2:1: invalid YAML: tabs disallowed"),
        ("a: [1, 2\nb: 3\n", "invalid YAML: "),
        ("a: 1\n---\nb: 2\n", "2:1: invalid YAML: expected a single document in the stream; a config is one document"),
        (
            "a: !!python/name:os.system\n",
            "1:27: invalid YAML: could not determine a constructor for the tag \
         'tag:yaml.org,2002:python/name:os.system'",
        ),
        (
            "a: 2026-11-25\n",
            "1:4: invalid YAML: a date or time means nothing in a config; if it is text, put it in quotes",
        ),
    ];
    for (text, expected) in cases {
        let problems = Config::new(&registry()).parse(text, Format::Yaml, "x").unwrap_err();
        assert!(problems.is_syntax());
        let line = problems.iter().next().unwrap().to_string();
        assert!(line.starts_with("x:") && line.contains(expected), "{line}");
    }
}

#[test]
#[cfg(feature = "toml")]
fn problems_are_shown_in_toml() {
    let text = "version = 1\n[handlers.file]\nclass = \"logging.FileHandler\"\nlevel = 'info'\n\n[root]\nhandlers = [\"file\"]\n";
    let problems = Config::new(&registry()).parse(text, Format::Toml, "logging.toml").unwrap_err();
    let expected =
        "error: Unable to configure handler 'file': FileHandler.__init__() missing 1 required positional argument: \
                    'filename'
 --> logging.toml:3:9
  |
3 | class = \"logging.FileHandler\"
  |         ^^^^^^^^^^^^^^^^^^^^^
  |
  = note: in handlers.file.class

error: Unable to configure handler 'file': Unknown level: 'info'
 --> logging.toml:4:9
  |
4 | level = 'info'
  |         ^^^^^^ a number or the name of a level
  |
  = note: in handlers.file.level
  = help: did you mean 'INFO'?
";
    assert!(problems.render(Color::Never).starts_with(expected), "{problems}");
    let problems = Config::new(&registry()).parse("version = 1\nversion = 2\n", Format::Toml, "x").unwrap_err();
    assert!(problems.is_syntax());
    assert!(
        problems.iter().next().unwrap().to_string().starts_with("x:2:1: invalid TOML: duplicate key"),
        "{problems}"
    );
}

const INI: &str = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n";

#[test]
fn the_extension_tells_the_format() {
    let directory = tempfile::tempdir().unwrap();
    let mut texts = vec![
        ("a.json", "{\"version\": 1}"),
        ("a", "{\"version\": 1}"),
        ("a.yaml", "version: 1"),
        ("a.YML", "version: yes"),
        ("a.ini", INI),
        ("a.conf", INI),
        ("a.cfg", INI),
    ];
    if cfg!(feature = "toml") {
        texts.push(("a.toml", "version = 1"));
    }
    for (name, text) in texts {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(Config::new(&registry()).load(&path).is_ok(), "{name}");
    }
}

#[test]
#[cfg(not(feature = "toml"))]
fn a_format_that_is_not_built_in_is_named() {
    let problems = Config::new(&registry()).parse("version = 1", Format::Toml, "x").unwrap_err();
    assert!(problems.is_unreadable());
    let line = "x: this program cannot read TOML: it was built without logtree's feature `toml`";
    assert_eq!(problems.iter().next().unwrap().to_string(), line);
}
