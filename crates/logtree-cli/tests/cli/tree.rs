//! `logtree tree` and `logtree explain`.

use serde_json::{Value as Json, json};

use crate::support::Place;

const CONFIG: &str = r#"{
  "version": 1,
  "levels": {"NOTICE": 25},
  "formatters": {"line": {"format": "%(levelname)s %(message)s"}},
  "filters": {"db": {"name": "app.db"}, "debug": {"()": "django.utils.log.RequireDebugTrue"}},
  "handlers": {
    "console": {"class": "logging.StreamHandler", "level": "ERROR", "formatter": "line", "filters": ["debug"]},
    "file": {"class": "logging.handlers.RotatingFileHandler", "filename": "app.log", "maxBytes": 1000, "backupCount": 2},
    "held": {"class": "logging.handlers.MemoryHandler", "capacity": 3, "target": "file"},
    "mail": {"class": "logging.handlers.SMTPHandler", "mailhost": ["mail.example.com", 587], "fromaddr": "a@example.com", "toaddrs": ["b@example.com"], "subject": "s", "level": "CRITICAL"},
    "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"}, "listener": "logging.handlers.QueueListener", "handlers": ["file", "mail"], "respect_handler_level": true},
    "spare": {"class": "logging.NullHandler"}
  },
  "loggers": {
    "app": {"level": "INFO", "handlers": ["queue"], "span_events": ["close", "new"]},
    "app.db": {"filters": ["db"], "handlers": ["held"]},
    "app.web": {"level": "NOTICE", "propagate": false, "handlers": ["queue"], "span_events": "none"},
    "app.db.pool": {},
    "app-b": {"level": "DEBUG"}
  },
  "root": {"level": "WARNING", "handlers": ["console", "mail"]}
}"#;

/// This and the drawings below were read against the config above, line by line.
const TEXT: &str = r#"root WARNING
│   > console: logging.StreamHandler -> sys.stderr, level ERROR, formatter line, filter debug
│   > mail: logging.handlers.SMTPHandler (not in this program) -> mail.example.com:587, level CRITICAL
├── app INFO, span_events new close
│   │   > queue: logging.handlers.QueueHandler -> multiprocessing.Queue
│   │       > file: logging.handlers.RotatingFileHandler -> app.log
│   │       > mail: logging.handlers.SMTPHandler (not in this program) -> mail.example.com:587, level CRITICAL
│   ├── app.db [INFO], filter db
│   │   │   > held: logging.handlers.MemoryHandler
│   │   │       > file: logging.handlers.RotatingFileHandler -> app.log
│   │   └── app.db.pool [INFO]
│   └── app.web NOTICE, propagate false, span_events none
│           > queue: logging.handlers.QueueHandler -> multiprocessing.Queue, as above
└── app-b DEBUG
of no logger
    > spare: logging.NullHandler
"#;

const MERMAID: &str = r#"flowchart LR
    l0(["root<br>WARNING"])
    l1(["app<br>INFO<br>span_events new close"])
    l2(["app.db<br>filter db"])
    l3(["app.db.pool"])
    l4(["app.web<br>NOTICE<br>span_events none"])
    l5(["app-b<br>DEBUG"])
    h0["console<br>logging.StreamHandler<br>level ERROR<br>formatter line<br>filter debug"]
    h1["file<br>logging.handlers.RotatingFileHandler"]
    h2["held<br>logging.handlers.MemoryHandler"]
    h3["mail<br>logging.handlers.SMTPHandler<br>level CRITICAL"]
    h4["queue<br>logging.handlers.QueueHandler<br>multiprocessing.Queue"]
    h5["spare<br>logging.NullHandler"]
    d1[("app.log")]
    d2[("mail.example.com:587")]
    d0[("sys.stderr")]
    l0 --> h0
    l0 --> h3
    l1 --> l0
    l1 --> h4
    l2 --> l1
    l2 --> h2
    l3 --> l2
    l4 --x l1
    l4 --> h4
    l5 --> l0
    h2 --> h1
    h4 --> h1
    h4 --> h3
    h0 --> d0
    h1 --> d1
    h3 --> d2
"#;

const DOT: &str = r#"digraph logging {
    rankdir=LR;
    node [fontname="sans-serif"];
    l0 [shape=ellipse, label="root\nWARNING"];
    l1 [shape=ellipse, label="app\nINFO\nspan_events new close"];
    l2 [shape=ellipse, label="app.db\nfilter db"];
    l3 [shape=ellipse, label="app.db.pool"];
    l4 [shape=ellipse, label="app.web\nNOTICE\nspan_events none"];
    l5 [shape=ellipse, label="app-b\nDEBUG"];
    h0 [shape=box, label="console\nlogging.StreamHandler\nlevel ERROR\nformatter line\nfilter debug"];
    h1 [shape=box, label="file\nlogging.handlers.RotatingFileHandler"];
    h2 [shape=box, label="held\nlogging.handlers.MemoryHandler"];
    h3 [shape=box, label="mail\nlogging.handlers.SMTPHandler\nlevel CRITICAL"];
    h4 [shape=box, label="queue\nlogging.handlers.QueueHandler\nmultiprocessing.Queue"];
    h5 [shape=box, label="spare\nlogging.NullHandler"];
    d1 [shape=cylinder, label="app.log"];
    d2 [shape=cylinder, label="mail.example.com:587"];
    d0 [shape=cylinder, label="sys.stderr"];
    l0 -> h0;
    l0 -> h3;
    l1 -> l0;
    l1 -> h4;
    l2 -> l1;
    l2 -> h2;
    l3 -> l2;
    l4 -> l1 [style=dashed, arrowhead=tee, label="propagate: false"];
    l4 -> h4;
    l5 -> l0;
    h2 -> h1;
    h4 -> h1;
    h4 -> h3;
    h0 -> d0;
    h1 -> d1;
    h3 -> d2;
}
"#;

const EXPLAINED: &str = r#"app.db.pool.x at INFO
  . no logger app.db.pool.x: it goes as one below app.db.pool
  . so go records of its spans at new, close: span_events of app
  + level INFO of app
  + handler held of app.db
    + handler file -> app.log
  + handler queue of app -> multiprocessing.Queue
    + handler file -> app.log
    - handler mail, level CRITICAL
  - handler console of root, level ERROR -> sys.stderr
  - handler mail of root, level CRITICAL
it reaches held, file, queue, file
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("logging.json", CONFIG);
    place
}

#[test]
fn a_tree_is_drawn_and_nothing_is_opened_or_created() {
    let place = place();
    for (arguments, expected) in [
        (&["tree", "logging.json"][..], TEXT),
        (&["tree", "logging.json", "--format", "text"], TEXT),
        (&["tree", "--format", "mermaid", "logging.json"], MERMAID),
        (&["tree", "--format=dot", "logging.json"], DOT),
    ] {
        let said = place.run(arguments, "");
        assert_eq!((said.code, said.stdout(), said.stderr()), (Some(0), expected, ""), "{arguments:?}");
    }
    assert_eq!(place.files(), ["logging.json"]);
}

#[test]
fn programs_read_it_as_json() {
    let said = place().run(&["tree", "logging.json", "--format", "json"], "");
    let tree: Json = serde_json::from_str(said.stdout()).unwrap();
    assert_eq!(tree["incremental"], false);
    let names = |section: &str| {
        tree[section].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names("loggers"), ["root", "app", "app.db", "app.db.pool", "app.web", "app-b"]);
    assert_eq!(names("handlers"), ["console", "file", "held", "mail", "queue", "spare"]);
    let (warning, info, notice) = (
        json!({"name": "WARNING", "number": 30}),
        json!({"name": "INFO", "number": 20}),
        json!({"name": "NOTICE", "number": 25}),
    );
    assert_eq!(
        tree["loggers"][0],
        json!({"name": "root", "parent": null, "level": warning, "effective_level": warning, "propagate": true,
               "disabled": false, "span_events": null, "effective_span_events": [], "filters": [],
               "handlers": ["console", "mail"]})
    );
    assert_eq!(
        tree["loggers"][2],
        json!({"name": "app.db", "parent": "app", "level": null, "effective_level": info, "propagate": true,
               "disabled": false, "span_events": null, "effective_span_events": ["new", "close"], "filters": ["db"],
               "handlers": ["held"]})
    );
    let web = &tree["loggers"][4];
    assert_eq!((&web["parent"], &web["propagate"], &web["level"]), (&Json::Null, &json!(false), &notice));
    assert_eq!((&web["span_events"], &web["effective_span_events"]), (&json!([]), &json!([])));
    assert_eq!(tree["loggers"][1]["span_events"], json!(["new", "close"]));
    let level = |name: &str, number: i32| json!({"name": name, "number": number});
    assert_eq!(
        tree["handlers"][0],
        json!({"name": "console", "class": "logging.StreamHandler", "is_available": true, "level": level("ERROR", 40),
               "formatter": "line", "filters": ["debug"], "file": null, "stream": "sys.stderr", "queue": null,
               "address": null, "hands_on_to": []})
    );
    assert_eq!(
        tree["handlers"][4],
        json!({"name": "queue", "class": "logging.handlers.QueueHandler", "is_available": true,
               "level": level("NOTSET", 0), "formatter": null, "filters": [], "file": null, "stream": null,
               "queue": "multiprocessing.Queue", "address": null,
               "hands_on_to": [{"handler": "file", "is_level_asked": true}, {"handler": "mail", "is_level_asked": true}]})
    );
    assert_eq!(tree["handlers"][1]["file"], "app.log");
    assert_eq!(tree["handlers"][2]["hands_on_to"], json!([{"handler": "file", "is_level_asked": false}]));
    let mail = &tree["handlers"][3];
    assert_eq!((&mail["is_available"], &mail["address"]), (&json!(false), &json!("mail.example.com:587")));
}

#[test]
fn a_record_is_explained() {
    let place = place();
    for level in ["INFO", "info", "20"] {
        let said = place.run(&["explain", "logging.json", "app::db::pool::x", level], "");
        assert_eq!((said.code, said.stdout(), said.stderr()), (Some(0), EXPLAINED, ""), "{level}");
    }
    let said = place.run(&["explain", "logging.json", "root", "-5"], "");
    let expected = "root at Level -5\n  - logging.disable(NOTSET)\nit reaches no handler\n";
    assert_eq!((said.code, said.stdout()), (Some(0), expected));
    assert_eq!(place.files(), ["logging.json"]);
}

#[test]
fn what_is_refused_is_said_as_check_says_it() {
    let place = place();
    place.write("bad.json", "{\"version\": 2}");
    place.write(
        "own.json",
        r#"{"version": 1, "handlers": {"h": {"class": "my_app.Own"}}, "root": {"handlers": ["h"]}}"#,
    );
    for arguments in [&["tree", "bad.json"][..], &["explain", "bad.json", "a", "INFO"]] {
        let said = place.run(arguments, "");
        assert_eq!((said.code, said.stdout()), (Some(2), ""));
        assert!(said.stderr().starts_with("error: Unsupported version: 2\n --> bad.json:1:13\n"), "{}", said.stderr());
    }
    for (arguments, expected) in [
        (&["tree", "own.json"][..], "root WARNING\n    > h: my_app.Own (not in this program)\n"),
        (&["explain", "own.json", "a", "WARNING"], "it reaches h\n"),
    ] {
        assert_eq!(place.run(arguments, "").code, Some(2));
        let said = place.run(&[arguments, &["--assume-class", "my_app.Own"]].concat(), "");
        assert_eq!(said.code, Some(0));
        assert!(said.stdout().ends_with(expected), "{}", said.stdout());
    }
    let said = place.run(&["explain", "logging.json", "a", "LOUD"], "");
    let expected = "no level is called LOUD; there are CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, DEBUG, NOTSET, TRACE, \
                    NOTICE, and all numbers\n";
    assert_eq!((said.code, said.stdout(), said.stderr()), (Some(2), "", expected));
}

/// Whatever stands in names, a drawing is a drawing: what is on a line stays on it, what is in quotes stays in them.
#[test]
fn names_do_not_break_out() {
    let name = "a\"]; x --> y\n<b>&#96;`\\\u{1b}[31m";
    let config = json!({
        "version": 1,
        "handlers": {name: {"class": "logging.NullHandler"}},
        "loggers": {name: {"handlers": [name], "level": "INFO"}},
    });
    let place = Place::new();
    place.write("odd.json", &config.to_string());
    let draw = |format| place.run(&["tree", "odd.json", "--format", format], "").stdout().to_owned();
    let shown = r#"a"]; x --> y\n<b>&#96;`\\u{1b}[31m"#;
    assert_eq!(draw("text"), format!("root WARNING\n└── {shown} INFO\n        > {shown}: logging.NullHandler\n"));
    let label = "a#34;]#59; x --#62; y #60;b#62;#38;#35;96#59;#96;#92; [31m";
    assert!(draw("mermaid").contains(&format!("    l1([\"{label}<br>INFO\"])\n")), "{}", draw("mermaid"));
    let label = r#"a\"]; x --> y <b>&amp;#96;`\\ [31m"#;
    assert!(draw("dot").contains(&format!("    l1 [shape=ellipse, label=\"{label}\\nINFO\"];\n")), "{}", draw("dot"));
}
