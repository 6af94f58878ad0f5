//! From a plan to a tree: in the order of needs, all of it or nothing.

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use logtree_core::{
    Argument, BuildError, EmitError, Formatter, Handler, HandlerEntry, Kwargs, Level, Object, QueueListener, Record,
    RecordQueue, Registry, Steps,
};
use logtree_dictconfig::{Config, Format, Problems, registry};

use super::parse;

/// What happened, in order.
type Events = Arc<Mutex<Vec<String>>>;

/// A handler that writes down what becomes of it, and fails where its config says.
struct Witness {
    name: String,
    fails: String,
    events: Events,
    children: Vec<Arc<HandlerEntry>>,
}

impl Witness {
    fn step(&self, what: &str) -> Result<(), BuildError> {
        self.events.lock().unwrap().push(format!("{what} {}", self.name));
        if self.fails == what { Err(BuildError::new(format!("{} will not {what}", self.name))) } else { Ok(()) }
    }
}

impl Handler for Witness {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }

    fn open(&self) -> Result<(), BuildError> {
        self.step("open")
    }

    fn start(&self) -> Result<(), BuildError> {
        self.step("start")
    }

    fn close(&self) {
        self.events.lock().unwrap().push(format!("close {}", self.name));
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.children
    }
}

/// A queue whose handler is a witness.
struct WitnessQueue(Events);

impl RecordQueue for WitnessQueue {
    fn connect(&self, listener: QueueListener) -> Result<Box<dyn Handler>, BuildError> {
        let QueueListener { name, handlers, respect_handler_level } = listener;
        self.0.lock().unwrap().push(format!("connect {name} {respect_handler_level}"));
        Ok(Box::new(Witness { name, fails: String::new(), events: Arc::clone(&self.0), children: handlers }))
    }
}

/// Python's classes, `my.Witness(fails)`, a `multiprocessing.Queue` and a MemoryHandler that are witnesses too.
fn witnessed() -> (Registry, Events) {
    let events = Events::default();
    let mut registry = registry();
    let witness = |events: &Events| {
        let events = Arc::clone(events);
        move |mut kwargs: Kwargs| {
            let fails = kwargs.string("fails")?.unwrap_or_default();
            let (name, events) = (kwargs.entry().to_owned(), Arc::clone(&events));
            for known in ["capacity", "target"] {
                kwargs.take(known);
            }
            kwargs.finish()?;
            let plan = move |children| Ok(Box::new(Witness { name, fails, events, children }) as Box<dyn Handler>);
            Ok(Box::new(plan) as logtree_core::HandlerPlan)
        }
    };
    registry.handler("my.Witness", witness(&events)).handler("logging.handlers.MemoryHandler", witness(&events));
    let queue_events = Arc::clone(&events);
    registry.factory("multiprocessing.Queue", move |kwargs| {
        kwargs.finish()?;
        let queue: Arc<dyn RecordQueue> = Arc::new(WitnessQueue(Arc::clone(&queue_events)));
        Ok(Argument::Object(Object::new("multiprocessing.Queue", queue)))
    });
    (registry, events)
}

fn build(text: &str) -> (Result<logtree_dictconfig::Built, Problems>, Vec<String>) {
    let (registry, events) = witnessed();
    let built = Config::new(&registry).parse(text, Format::Json, "logging.json").unwrap().build();
    let events = events.lock().unwrap().clone();
    (built, events)
}

#[test]
fn the_storys_config_becomes_its_tree() {
    let directory = tempfile::tempdir().unwrap();
    let text = r#"{
        "version": 1,
        "disable_existing_loggers": false,
        "formatters": {"story": {"format":
            "%(asctime)s -process[%(process)d] -thread[%(thread)d] -%(name)s - [%(levelname)s]-[%(lineno)d] - %(message)s"}},
        "handlers": {
            "queue": {"class": "logging.handlers.QueueHandler", "queue": {"()": "multiprocessing.Queue"},
                      "listener": "logging.handlers.QueueListener", "handlers": ["console", "file"],
                      "respect_handler_level": true},
            "console": {"class": "logging.StreamHandler", "level": "INFO", "formatter": "story",
                        "stream": "ext://sys.stdout"},
            "file": {"class": "logging.FileHandler", "level": "DEBUG", "formatter": "story", "filename": "DIR/app.log"}
        },
        "loggers": {
            "my_logger": {"level": "INFO", "handlers": ["queue"], "propagate": false},
            "que_listen_logger": {"level": "INFO", "handlers": ["queue"], "propagate": false}
        },
        "root": {"level": "WARNING", "handlers": ["queue"]}
    }"#;
    let text = text.replace("DIR", directory.path().to_str().unwrap());
    let (built, events) = build(&text);
    let built = built.unwrap();
    assert_eq!(events, ["connect queue true", "open queue", "start queue"]);
    let names: Vec<&str> = built.handlers().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["console", "file", "queue"]);
    let behind: Vec<&str> = built.handlers()[2].handler.children().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(behind, ["console", "file"]);

    let tree = built.tree().build();
    assert_eq!(tree.find("my_logger").lowest_wanted(), Some(Level::INFO));
    assert_eq!(tree.find("my_logger::below").lowest_wanted(), Some(Level::INFO));
    assert_eq!(tree.find("elsewhere").lowest_wanted(), Some(Level::WARNING));
    assert!(directory.path().join("app.log").exists());
}

#[test]
fn a_tree_keeps_pythons_initial_root() {
    // CPython 3.13: dictConfig({"version": 1}); logging.getLogger().level == 30, and no handlers.
    let built = parse(r#"{"version": 1}"#).unwrap().build().unwrap();
    let tree = built.tree().build();
    assert!(built.handlers().is_empty());
    assert_eq!(tree.find("any").lowest_wanted(), None);
}

#[test]
fn handlers_are_made_in_the_order_of_their_needs_whatever_their_names() {
    let text = r#"{"version": 1, "handlers": {
        "a": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "b"},
        "b": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "c"},
        "c": {"class": "my.Witness"}}}"#;
    let (built, events) = build(text);
    let built = built.unwrap();
    assert_eq!(events, ["open c", "open b", "open a", "start c", "start b", "start a"]);
    let children = |index: usize| built.handlers()[index].handler.children().iter().map(|child| child.name.clone());
    assert_eq!(children(2).chain(children(1)).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn a_handler_that_will_not_open_closes_all_and_starts_none() {
    let text = r#"{"version": 1, "handlers": {
        "a": {"class": "my.Witness", "fails": "open"},
        "b": {"class": "my.Witness"},
        "c": {"class": "my.Witness", "fails": "open"}}}"#;
    let (built, events) = build(text);
    let problems = built.unwrap_err();
    assert!(problems.is_not_built());
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "logging.json:2:24: handlers.a.class: Unable to configure handler 'a': a will not open",
            "logging.json:4:24: handlers.c.class: Unable to configure handler 'c': c will not open",
        ]
    );
    assert_eq!(events, ["open a", "open b", "open c", "close c", "close b", "close a"]);
}

#[test]
fn a_handler_that_will_not_start_closes_all() {
    let text = r#"{"version": 1, "handlers": {
        "a": {"class": "my.Witness", "fails": "start"}, "b": {"class": "my.Witness"}}}"#;
    let (built, events) = build(text);
    assert_eq!(built.unwrap_err().iter().count(), 1);
    assert_eq!(events, ["open a", "open b", "start a", "close b", "close a"]);
}

#[test]
fn a_directory_that_is_not_there_is_refused_as_by_cpython() {
    // CPython 3.13: ValueError: Unable to configure handler 'h', from FileNotFoundError.
    let text =
        r#"{"version": 1, "handlers": {"h": {"class": "logging.FileHandler", "filename": "/nonexistent/x.log"}}}"#;
    let problems = parse(text).unwrap().build().unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.message(), problem.exception()), ("Unable to configure handler 'h'", Some("ValueError")));
    assert!(problem.headline().contains("/nonexistent/x.log"), "{problem}");
}

#[test]
fn a_class_that_is_not_there_is_refused_by_name() {
    let text = r#"{"version": 1,
        "formatters": {"f": {"()": "my.Formatter"}},
        "filters": {"g": {"()": "my.Filter"}},
        "handlers": {"h": {"class": "logging.handlers.SocketHandler", "host": "localhost", "port": 9020},
                     "i": {"class": "django.utils.log.AdminEmailHandler", "include_html": true}}}"#;
    let registry = registry();
    let config = Config::new(&registry).assume_class("my.Formatter").assume_class("my.Filter");
    let problems = config.parse(text, Format::Json, "logging.json").unwrap().build().unwrap_err();
    let headlines: Vec<String> = problems.iter().map(logtree_dictconfig::Problem::headline).collect();
    assert_eq!(
        headlines,
        [
            "Unable to configure formatter 'f': my.Formatter is not available in this program",
            "Unable to configure filter 'g': my.Filter is not available in this program",
            "Unable to configure handler 'h': logging.handlers.SocketHandler is not available in this program",
            "Unable to configure handler 'i': django.utils.log.AdminEmailHandler is not available in this program",
        ]
    );
    let mends: Vec<_> = problems.iter().filter_map(logtree_dictconfig::Problem::expected).collect();
    let registered = "a class or object that logtree or the program registers";
    let null = "a class that the program registers, or logging.NullHandler in its place";
    assert_eq!(mends, [registered, registered, null, null]);
}

#[test]
fn a_handler_is_not_made_without_those_behind_it() {
    let text = r#"{"version": 1, "handlers": {
        "queue": {"class": "logging.handlers.QueueHandler", "queue": "multiprocessing.Queue", "handlers": ["h"]},
        "h": {"class": "logging.handlers.SocketHandler", "host": "localhost", "port": 9020}}}"#;
    let (built, events) = build(text);
    assert_eq!(built.unwrap_err().iter().count(), 1);
    assert_eq!(events, Vec::<String>::new());
}

#[test]
fn a_handler_of_the_config_may_be_an_argument_of_any_class() {
    let (mut registry, events) = witnessed();
    registry.handler("my.Fork", |mut kwargs| {
        let sink = kwargs.required("sink")?;
        assert!(matches!(sink, Argument::Handler(name) if name == "z"));
        kwargs.finish()?;
        let fork =
            |children| Witness { name: "fork".into(), fails: String::new(), events: Events::default(), children };
        Ok(Box::new(move |children| Ok(Box::new(fork(children)) as Box<dyn Handler>)))
    });
    let text = r#"{"version": 1, "root": {"level": 1, "handlers": ["a"]}, "handlers": {
        "a": {"class": "my.Fork", "sink": "cfg://handlers.z"}, "z": {"class": "my.Witness"}}}"#;
    let plan = Config::new(&registry).strict(true).parse(text, Format::Json, "logging.json").unwrap();
    let built = plan.build().unwrap();
    assert_eq!(built.handlers()[1].handler.children()[0].name, "z");
    assert_eq!(events.lock().unwrap().clone(), ["open z", "start z"]);
}

#[test]
fn a_queue_that_is_not_there_names_the_feature_that_brings_it() {
    let text = r#"{"version": 1, "handlers": {"q": {"class": "logging.handlers.QueueHandler",
        "queue": {"()": "multiprocessing.Queue", "capacity": 65536}}}}"#;
    let problems = parse(text).unwrap().build().unwrap_err();
    assert!(problems.to_string().contains("it needs the feature `prefork`"), "{problems}");
}

#[test]
fn a_formatters_factory_may_call_its_format_fmt() {
    // CPython 3.13: configure_formatter tries again with `fmt` when `format` is not expected.
    let mut registry = registry();
    registry.formatter("my.Formatter", |mut kwargs| {
        let fmt = kwargs.string("fmt")?;
        kwargs.finish()?;
        let config = logtree_formatters::FormatterConfig { format: fmt, ..Default::default() };
        config.build()
    });
    let parse = |keys: &str| {
        let text = format!(r#"{{"version": 1, "formatters": {{"f": {{"()": "my.Formatter", {keys}}}}}}}"#);
        Config::new(&registry).parse(&text, Format::Json, "logging.json")
    };
    assert!(parse(r#""format": "%(message)s""#).is_ok());
    let problems = parse(r#""format": "hello""#).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.causes()[0].to_string(), "ValueError: Invalid format 'hello' for '%' style");
    let problems = parse(r#""format": "%(message)s", "bogus": 1"#).unwrap_err();
    assert_eq!(problems.iter().filter(|problem| problem.is_error()).count(), 1, "{problems}");
}

#[test]
fn a_formatters_class_that_lacks_an_argument_is_refused() {
    // CPython 3.13: a class that takes (fmt, datefmt) alone, and a function without the arguments that stand there.
    let mut registry = registry();
    registry.formatter("my.Plain", |mut kwargs| {
        let config = logtree_formatters::FormatterConfig {
            format: kwargs.string("fmt")?,
            datefmt: kwargs.string("datefmt")?,
            ..Default::default()
        };
        kwargs.finish()?;
        config.build()
    });
    for (key, extra) in
        [("class", r#""validate": false"#), ("()", r#""validate": false"#), ("()", r#""defaults": {"a": 1}"#)]
    {
        let text = format!(
            r#"{{"version": 1, "formatters": {{"f": {{"{key}": "my.Plain", "format": "%(message)s", {extra}}}}}}}"#
        );
        let problems = Config::new(&registry).parse(&text, Format::Json, "logging.json").unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.message(), "Unable to configure formatter 'f'", "{text}");
        assert!(problem.causes()[0].message.contains("got an unexpected keyword argument"), "{problem}");
    }
}

#[test]
fn attributes_are_set_on_formatters_that_a_factory_makes() {
    // CPython 3.13: configure_custom alone looks at the key `.`.
    let with = |class: &str| {
        format!(
            r#"{{"version": 1, "formatters": {{"f": {{{class}"format": "%(asctime)s", ".": {{"converter": 5}}}}}}}}"#
        )
    };
    let problems = parse(&with(r#""()": "logging.Formatter", "#)).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(
        (problem.path(), &*problem.causes()[0].message),
        ("formatters.f[.].converter", "'int' object is not callable")
    );
    let plan = parse(&with("")).unwrap();
    assert!(plan.warnings()[0].to_string().contains("unknown key '.' of a formatter is ignored"), "{plan:?}");
}

#[test]
fn levels_of_the_configs_own_have_names() {
    let text = r#"{"version": 1, "levels": {"NOTICE": 25}, "loggers": {"a": {"level": "NOTICE", "handlers": ["h"]}},
        "handlers": {"h": {"class": "logging.NullHandler"}}}"#;
    let tree = parse(text).unwrap().build().unwrap().tree().build();
    assert_eq!(tree.find("a").lowest_wanted(), Some(Level(25)));
    assert_eq!(tree.level_names().name(Level(25)).to_string(), "NOTICE");
}

#[test]
fn an_incremental_config_cannot_name_handlers_by_what_is_no_name() {
    // CPython 3.13: dictConfig of each.
    for (name, expected) in [
        ("{}", "TypeError: unhashable type: 'dict'"),
        (r#"["a"]"#, "TypeError: unhashable type: 'list'"),
        ("1.5", "ValueError: No handler found with name 1.5"),
    ] {
        let problems = parse(&format!(r#"{{"version": 1, "incremental": true, "handlers": [{name}]}}"#)).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(format!("{}: {}", problem.exception().unwrap(), problem.message()), expected);
    }
}

#[test]
fn an_incremental_config_of_a_fresh_process_changes_levels() {
    let text = r#"{"version": 1, "incremental": true, "root": {"level": 10}, "loggers": {"a": {"level": "ERROR"}}}"#;
    let plan = parse(text).unwrap();
    assert!(plan.is_incremental());
    let built = plan.build().unwrap();
    let shown = format!("{built:?}");
    assert!(shown.contains("Level(40)") && shown.contains("Level(10)"), "{shown}");
}

/// CPython 3.13 says the same in front, and for its cause `[Errno 2] No such file or directory: '/…/a.log'` and so on.
#[test]
fn a_file_that_will_not_open_is_said_of_the_value_that_is_to_blame() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("directory")).unwrap();
    std::fs::write(at("file"), "").unwrap();
    std::os::unix::fs::symlink(at("nowhere/b.log"), at("dangling")).unwrap();
    let refused = |keys: &str| {
        let keys = keys.replace("DIR", directory.path().to_str().unwrap());
        let text = format!(r#"{{"version": 1, "handlers": {{"f": {{"class": "logging.FileHandler", {keys}}}}}}}"#);
        let problems = parse(&text).unwrap().build().unwrap_err();
        let [problem] = &*problems.iter().collect::<Vec<_>>() else { panic!("{problems:?}") };
        assert_eq!(problem.message(), "Unable to configure handler 'f'");
        let span = problem.place().unwrap().span;
        let value = text[span.start..span.end].replace(directory.path().to_str().unwrap(), "DIR");
        let expected = problem.expected().unwrap_or_default().replace(directory.path().to_str().unwrap(), "DIR");
        let cause = problem.causes()[0].to_string().replace(directory.path().to_str().unwrap(), "DIR");
        (format!("{} = {value}", problem.path()), cause, expected)
    };
    let said = |keys: &str, place: &str, cause: &str, expected: &str| {
        assert_eq!(refused(keys), (place.to_owned(), cause.to_owned(), expected.to_owned()), "{keys}");
    };
    said(
        r#""filename": "DIR/nowhere/at/all/a.log""#,
        r#"handlers.f.filename = "DIR/nowhere/at/all/a.log""#,
        "FileNotFoundError: cannot open the log file 'DIR/nowhere/at/all/a.log': No such file or directory (os error 2)",
        "a directory that is there: 'DIR/nowhere' is not, but `makedirs: true` would make it",
    );
    said(
        r#""filename": "DIR/dangling", "makedirs": true"#,
        r#"handlers.f.filename = "DIR/dangling""#,
        "FileNotFoundError: cannot open the log file 'DIR/dangling': No such file or directory (os error 2)",
        "a link into a directory that is there, unlike 'DIR/nowhere/b.log'",
    );
    said(
        r#""mode": "w", "filename": "DIR/directory""#,
        r#"handlers.f.filename = "DIR/directory""#,
        "IsADirectoryError: cannot open the log file 'DIR/directory': Is a directory (os error 21)",
        "the name of a file in that directory",
    );
    for delay in [false, true] {
        let what = if delay { "make the directory of" } else { "open" };
        said(
            &format!(r#""filename": "DIR/file/in/a.log", "makedirs": true, "delay": {delay}"#),
            r#"handlers.f.filename = "DIR/file/in/a.log""#,
            &format!(
                "NotADirectoryError: cannot {what} the log file 'DIR/file/in/a.log': Not a directory (os error 20)"
            ),
            "directories only in front of the file's name: 'DIR/file' is none",
        );
    }
    said(
        r#""filename": "DIR/file", "mode": "x""#,
        r#"handlers.f.mode = "x""#,
        "FileExistsError: cannot open the log file 'DIR/file': File exists (os error 17)",
        "",
    );
    said(
        r#""latest": "directory", "filename": "DIR/file""#,
        r#"handlers.f.latest = "directory""#,
        "FileExistsError: cannot make a link to the log file 'DIR/file': 'DIR/directory' is there already and no link",
        "",
    );
    // Root may give away all files but those that nobody may; others none that is theirs.
    let nobodys = "/proc/sys/kernel/domainname";
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let file = if is_root { nobodys } else { "DIR/file" };
    if is_root && std::fs::File::options().append(true).open(nobodys).is_err() {
        return;
    }
    let keys = [("owner", "12345"), ("group", "12345"), ("permissions", "\"0600\"")];
    for (key, value) in keys.into_iter().filter(|(key, _)| is_root || *key != "permissions") {
        let cause = format!("PermissionError: cannot give '{file}' its {key}: Operation not permitted (os error 1)");
        let keys = format!(r#""filename": "{file}", "{key}": {value}"#);
        said(&keys, &format!("handlers.f.{key} = {value}"), &cause, "");
    }
}
