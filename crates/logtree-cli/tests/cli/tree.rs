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

/// A handler at CRITICAL that a record does not come to.
fn stopped(name: &str) -> Json {
    json!({"name": name, "outcome": "stops", "level": {"number": 50, "name": "CRITICAL"}, "is_level_asked": true,
           "filters": [], "file": null, "stream": null, "queue": null, "hands_on_to": [], "is_cut": false})
}

#[test]
fn a_record_is_explained_to_programs() {
    let place = place();
    let explain = |name: &str, level: &str| -> Json {
        let said = place.run(&["explain", "logging.json", name, level, "--format", "json"], "");
        assert_eq!((said.code, said.stderr()), (Some(0), ""), "{name} {level}");
        serde_json::from_str(said.stdout()).unwrap()
    };
    let level = |name: &str, number: i32| json!({"number": number, "name": name});
    let passing = |name: &str, to: (&str, &str), is_level_asked: bool, hands_on_to: Json| {
        let mut handler = json!({"name": name, "outcome": "passes", "level": level("NOTSET", 0), "file": null, "stream": null,
            "queue": null, "is_level_asked": is_level_asked, "filters": [], "hands_on_to": hands_on_to, "is_cut": false});
        if !to.0.is_empty() {
            handler[to.0] = to.1.into();
        }
        handler
    };
    let of = |mut handler: Json, of: &str| {
        handler["stage"] = "handler".into();
        handler["of"] = of.into();
        handler
    };
    let file = |is_level_asked| passing("file", ("file", "app.log"), is_level_asked, json!([]));
    let mut console = stopped("console");
    console["level"] = level("ERROR", 40);
    console["stream"] = "sys.stderr".into();
    // What the text says, step by step.
    let queue = passing("queue", ("queue", "multiprocessing.Queue"), true, json!([file(true), stopped("mail")]));
    let reached = ["held", "file", "queue", "file"].map(|handler| json!({"handler": handler, "outcome": "passes"}));
    assert_eq!(
        explain("app::db::pool::x", "info"),
        json!({
            "logger": "app.db.pool.x",
            "level": level("INFO", 20),
            "stages": [
                {"stage": "unnamed", "below": "app.db.pool"},
                {"stage": "span_events", "events": ["new", "close"], "of": "app"},
                {"stage": "level", "level": level("INFO", 20), "of": "app", "outcome": "passes"},
                of(passing("held", ("", ""), true, json!([file(false)])), "app.db"),
                of(queue, "app"),
                of(console, "root"),
                of(stopped("mail"), "root"),
            ],
            "reached": reached,
        })
    );
}

#[test]
fn each_kind_of_stage_is_told_to_programs() {
    let place = place();
    let level = |name: &str, number: i32| json!({"number": number, "name": name});
    let explain = |config: &str, name: &str, level: &str| -> Json {
        let said = place.run(&["explain", config, name, level, "--format", "json"], "");
        serde_json::from_str(said.stdout()).unwrap()
    };
    let stages = |name: &str, level: &str| explain("logging.json", name, level)["stages"].as_array().unwrap().clone();
    let disable = json!({"stage": "disable", "level": level("NOTSET", 0), "outcome": "stops"});
    assert_eq!(stages("root", "-5"), [disable]);
    let filter =
        json!({"stage": "filter", "name": "db", "index": 0, "outcome": "passes", "keeps_name_and_level": true});
    assert_eq!(stages("app.db", "INFO")[2], filter);
    let last = json!({"stage": "no_propagation", "of": "app.web", "unasked": ["app", "root"]});
    assert_eq!(stages("app.web", "NOTICE").last(), Some(&last));
    // One that looks at the record, and one that knows already.
    let config = CONFIG.replace(r#""django.utils.log.RequireDebugTrue""#, r#""logtree.DuplicateFilter""#);
    place.write("depends.json", &config);
    for (config, outcome, reached) in [("depends.json", "depends", 1), ("logging.json", "stops", 0)] {
        let said = explain(config, "app-b", "ERROR");
        let handler = &said["stages"][1];
        let filter = json!({"name": "debug", "index": 0, "outcome": outcome, "keeps_name_and_level": true});
        assert_eq!((&handler["outcome"], &handler["filters"]), (&json!(outcome), &json!([filter])), "{said}");
        let reached = vec![json!({"handler": "console", "outcome": outcome}); reached];
        assert_eq!(said["reached"], json!(reached));
    }
    place.write("none.json", r#"{"version": 1, "loggers": {"a": {}}}"#);
    // Python's `logging.lastResort`.
    let said = explain("none.json", "a", "ERROR");
    let mut last_resort = stopped("lastResort");
    last_resort["stage"] = "last_resort".into();
    last_resort["outcome"] = "passes".into();
    last_resort["level"] = level("WARNING", 30);
    last_resort["stream"] = "sys.stderr".into();
    assert_eq!(said["stages"][1], last_resort);
    assert_eq!(said["reached"], json!([{"handler": "lastResort", "outcome": "passes"}]));
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
