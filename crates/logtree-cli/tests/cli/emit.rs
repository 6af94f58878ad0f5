//! `logtree emit`.

use crate::support::Place;

/// The messages of what reaches the root, in a file and on standard output.
const CONFIG: &str = r#"{
  "version": 1,
  "formatters": {"named": {"format": "%(name)s:%(message)s"}},
  "handlers": {
    "file": {"class": "logging.FileHandler", "filename": "app.log"},
    "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "named"}
  },
  "unheard_of": 1,
  "root": {"level": "INFO", "handlers": ["file", "out"]}
}"#;

fn place() -> Place {
    let place = Place::new();
    place.write("config.json", CONFIG);
    place
}

#[test]
fn events_come_from_a_file_or_from_standard_input() {
    let events = "{\"msg\": \"one\", \"name\": \"a\"}\n\r\n{\"msg\": \"two\", \"levelno\": 10}\n{\"msg\": \"three\"}";
    for arguments in [&["emit", "config.json"][..], &["emit", "config.json", "-"], &["emit", "config.json", "events"]] {
        let place = place();
        let input = if arguments.last() == Some(&"events") { "" } else { events };
        place.write("events", events);
        let said = place.run(arguments, input);
        assert_eq!((said.code, said.stdout(), said.stderr()), (Some(0), "a:one\nNone:three\n", ""));
        assert_eq!(place.read("app.log"), b"one\nthree\n");
    }
}

#[test]
fn a_refused_config_writes_nothing() {
    let place = place();
    place.write("config.json", &CONFIG.replace("INFO", "info"));
    let said = place.run(&["emit", "config.json"], "{\"msg\": \"x\"}");
    assert_eq!((said.code, said.stdout()), (Some(2), ""));
    assert!(said.stderr().contains("Unknown level: 'info'") && said.stderr().contains("config.json:9:"), "{said:?}");
    assert_eq!(place.files(), ["config.json"]);

    // Good as a config, but one handler will not open: none does.
    place
        .write("config.json", &CONFIG.replace("\"unheard_of\": 1", "\"loggers\": {}").replace("app.log", "no/app.log"));
    let said = place.run(&["emit", "config.json"], "{\"msg\": \"x\"}");
    assert_eq!((said.code, said.stdout()), (Some(2), ""));
    assert!(said.stderr().contains("Unable to configure handler 'file'"), "{said:?}");
    assert_eq!(place.files(), ["config.json"]);
}

#[test]
fn events_that_are_not_there_create_no_log() {
    let place = place();
    let said = place.run(&["emit", "config.json", "nowhere"], "");
    assert_eq!((said.code, said.stdout()), (Some(1), ""));
    assert!(said.stderr().starts_with("nowhere: cannot read the events: "), "{said:?}");
    assert_eq!(place.files(), ["config.json"]);
}

#[test]
fn warnings_show_on_demand_only() {
    let place = place();
    let said = place.run(&["emit", "config.json", "--warnings"], "{\"msg\": \"x\"}");
    assert_eq!((said.code, said.stdout()), (Some(0), "None:x\n"));
    assert!(said.stderr().contains("unknown key 'unheard_of' is ignored"), "{said:?}");
    let said = place.run(&["emit", "config.json"], "{\"msg\": \"x\"}");
    assert_eq!(said.stderr(), "");
}

#[test]
fn a_line_that_is_no_event_is_named_and_the_others_handled() {
    let place = place();
    let said = place.run(&["emit", "config.json"], "{\"msg\": 1}\n\nnonsense\n{\"msg\": 2}\n[]");
    assert_eq!((said.code, said.stdout()), (Some(1), "None:1\nNone:2\n"));
    assert_eq!(
        said.stderr(),
        "<stdin>:3: expected ident at column 2\n<stdin>:5: an event is a JSON object, not list\n"
    );
}

#[test]
fn a_field_that_is_missing_is_an_error_and_loses_that_record() {
    let place = place();
    place.write("config.json", &CONFIG.replace("%(name)s", "%(user)s"));
    let events = "{\"msg\": 1, \"filename\": \"shop.py\", \"lineno\": 7}\n{\"msg\": 2, \"user\": \"ann\"}";
    let said = place.run(&["emit", "config.json"], events);
    assert_eq!((said.code, said.stdout()), (Some(0), "ann:2\n"));
    let lines: Vec<&str> = said.stderr().lines().collect();
    let [head, error, _, from, _] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(head, "--- Logging error ---");
    assert_eq!(error, "ValueError: Formatting field not found in record: 'user'");
    // CPython's `Handler.handleError`, for a record that was made elsewhere.
    assert_eq!(from, "Logged from file shop.py, line 7");
    assert_eq!(place.read("app.log"), b"1\n2\n");
}

/// [`CONFIG`] with a queue in front of the handlers called so.
fn queued(handlers: &str) -> String {
    let queue = r#""queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue", "maxsize": 100},
        "listener": "logging.handlers.QueueListener", "handlers": HANDLERS}, "file": {"#;
    CONFIG
        .replace(r#""handlers": ["file", "out"]"#, r#""handlers": ["queue"]"#)
        .replace(r#""file": {"#, &queue.replace("HANDLERS", handlers))
}

fn long_events(count: usize) -> (String, String) {
    let text = "x".repeat(1000);
    let event = |number| format!("{{\"name\": \"a.b\", \"msg\": \"{number} {text}\", \"user\": {{\"id\": null}}}}\n");
    ((0..count).map(event).collect(), (0..count).map(|number| format!("{number} {text}\n")).collect())
}

/// The same handlers behind a queue write the same, however little the queue holds.
#[cfg(target_os = "linux")]
#[test]
fn through_a_queue_between_processes_nothing_is_lost() {
    let place = place();
    let (events, messages) = long_events(20_000);
    place.write("queued.json", &queued(r#"["file", "out"]"#));
    place.write("events", &events);
    let said = place.run(&["emit", "queued.json", "events"], "");
    assert_eq!((said.code, said.stderr()), (Some(0), ""));
    // Not compared with assert_eq!, which would print twenty megabytes twice.
    assert!(place.read("app.log") == messages.as_bytes());
    let named: String = messages.lines().map(|line| format!("a.b:{line}\n")).collect();
    assert!(said.stdout() == named, "{} bytes of {}", said.stdout.len(), named.len());
}

/// Nobody has to wait for the queue's helpers to find the file written.
#[cfg(target_os = "linux")]
#[test]
fn what_was_queued_is_written_when_the_command_ends() {
    let (events, messages) = long_events(50);
    for _ in 0..10 {
        let place = place();
        place.write("queued.json", &queued(r#"["file"]"#));
        place.write("events", &events);
        // No pipes: reading them to their end would wait for the helpers, which hold them as well.
        let status = place.command(&["emit", "queued.json", "events"]).status().unwrap();
        assert!(status.success() && place.read("app.log") == messages.as_bytes());
    }
}
