//! What programs register: their own classes and objects, and what those of other projects ask for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    Argument, Callsite, Direct, EmitError, FormatError, Formatter, Handler, HandlerEntry, HandlerPlan, Kwargs, Level,
    Object, Origin, Record, Registry, Steps, Timestamp, Tree,
};
use logtree_dictconfig::{Config, Format, Problems, registry};

fn tree(text: &str, registry: &Registry) -> Result<Tree, Problems> {
    Ok(Config::new(registry).parse(text, Format::Json, "logging.json")?.build()?.tree().build())
}

fn refusal(text: &str, registry: &Registry) -> String {
    let problems = Config::new(registry).parse(text, Format::Json, "logging.json").unwrap_err();
    problems.iter().find(|problem| problem.is_error()).unwrap().to_string()
}

/// A record with this message and little else.
pub(crate) fn record(message: &str) -> Record<'_> {
    static CALLSITE: LazyLock<Callsite> = LazyLock::new(Callsite::default);
    static ORIGIN: LazyLock<Origin> = LazyLock::new(Origin::default);
    Record::new(&CALLSITE, &ORIGIN, Level::ERROR, Timestamp(0), message)
}

/// Logs a message to the root.
fn log(tree: &Tree, message: &str) {
    tree.find("").handle(&record(message), &mut Direct);
}

/// What a handler of the program's own, and of its class alone, has done.
type Diary = Arc<Mutex<Vec<String>>>;

/// Keeps what it is given, and hands it on to the handlers behind it.
struct Keeper {
    diary: Diary,
    file: Option<PathBuf>,
    behind: Vec<Arc<HandlerEntry>>,
}

impl Handler for Keeper {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        let mut text = String::new();
        formatter.format(record, &mut text)?;
        self.diary.lock().unwrap().push(text);
        self.behind.iter().for_each(|entry| entry.handle(record, steps));
        Ok(())
    }

    fn flush(&self, _: Instant) -> bool {
        self.diary.lock().unwrap().push("flush".into());
        true
    }

    fn close(&self) {
        self.diary.lock().unwrap().push("close".into());
    }

    fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        &self.behind
    }
}

/// Colours, and does not where it is told not to.
struct Loud;

impl Formatter for Loud {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str("\x1b[1m");
        out.push_str(record.message);
        Ok(())
    }

    fn without_colors(&self) -> Option<Arc<dyn Formatter>> {
        Some(Arc::new(Quiet))
    }
}

struct Quiet;

impl Formatter for Quiet {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}

/// Python's classes, `my.Keeper(diary, file, behind)`, the formatter `my.Loud` and the factory `my.diary(lines)`.
fn registered() -> Registry {
    let mut registry = registry();
    registry
        .handler("my.Keeper", |mut kwargs| {
            let diary = match kwargs.required("diary")? {
                Argument::Object(object) => object.downcast::<Diary>().unwrap().clone(),
                other => return Err(kwargs.wrong_type("diary", &other, "my.diary")),
            };
            let file = kwargs.string("file")?.map(PathBuf::from);
            kwargs.take("behind");
            kwargs.finish()?;
            Ok(Box::new(|behind| Ok(Box::new(Keeper { diary, file, behind }) as Box<dyn Handler>)) as HandlerPlan)
        })
        .formatter("my.Loud", |kwargs| {
            kwargs.finish()?;
            Ok(Arc::new(Loud))
        })
        .factory("my.diary", |mut kwargs: Kwargs| {
            let line = kwargs.string("line")?;
            kwargs.finish()?;
            Ok(Argument::Object(Object::new("my.diary", Diary::new(Mutex::new(line.into_iter().collect())))))
        });
    registry
}

#[test]
fn a_handler_of_the_programs_own_has_all_that_others_have() {
    let mut registry = registered();
    let (outer, inner) = (Diary::default(), Diary::default());
    registry.object(Object::new("my.outer", Arc::clone(&outer))).object(Object::new("my.inner", Arc::clone(&inner)));
    let text = r#"{"version": 1,
        "formatters": {"loud": {"()": "my.Loud"}, "named": {"format": "%(levelname)s %(message)s"}},
        "filters": {"named": {"name": "elsewhere"}},
        "handlers": {
            "a": {"class": "my.Keeper", "diary": "ext://my.outer", "formatter": "loud", "behind": "cfg://handlers.z"},
            "z": {"()": "my.Keeper", "diary": "ext://my.inner", "formatter": "loud", "file": "/tmp/x", "level": "ERROR"}},
        "root": {"level": "INFO", "handlers": ["a"]}}"#;
    let built = Config::new(&registry).parse(text, Format::Json, "logging.json").unwrap().build().unwrap();
    let tree = built.tree().build();
    let names: Vec<&str> = tree.handlers().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["z", "a"], "those that others hand on to come first");
    log(&tree, "hello");
    assert!(tree.flush(Instant::now() + Duration::from_secs(1)));
    built.close();
    assert_eq!(*outer.lock().unwrap(), ["\x1b[1mhello", "flush", "close"]);
    // It says that it writes a file, and a file gets no colours.
    assert_eq!(*inner.lock().unwrap(), ["hello", "flush", "close"]);
}

#[test]
fn a_factory_makes_an_argument_where_the_program_registers_it() {
    let registry = registered();
    let keeper = |diary: &str| {
        format!(
            r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["a"]}},
                "handlers": {{"a": {{"class": "my.Keeper", "diary": {diary}}}}}}}"#
        )
    };
    assert!(tree(&keeper(r#"{"()": "my.diary", "line": "first"}"#), &registry).is_ok());
    // What a factory refuses is refused in the place where it stands.
    assert_eq!(
        refusal(&keeper(r#"{"()": "my.diary", "lines": 5}"#), &registry),
        "logging.json:2:86: handlers.a.diary.lines: Unable to configure handler 'a': diary() got an unexpected keyword \
         argument 'lines'"
    );
    // CPython 3.13 hands any other dict to the class as it is.
    assert!(refusal(&keeper(r#"{"()": "my.book"}"#), &registry).contains("must be my.diary, not dict"));
    // What is only assumed makes what needs it absent, not wrong.
    let text = keeper(r#"{"()": "my.diary", "line": "ext://my.line"}"#);
    let plan = Config::new(&registry).assume_class("my.line").parse(&text, Format::Json, "logging.json").unwrap();
    assert!(plan.build().unwrap_err().to_string().contains("my.line is not available"));
}

#[test]
fn names_that_the_program_registers_are_among_the_guesses() {
    let registry = registered();
    let text = |class: &str| {
        format!(r#"{{"version": 1, "handlers": {{"a": {{"class": "{class}", "diary": "ext://sys.stdotu"}}}}}}"#)
    };
    assert!(refusal(&text("my.Keper"), &registry).ends_with("(did you mean 'my.Keeper'?)"));
    assert!(refusal(&text("Keeper"), &registry).ends_with("(did you mean 'my.Keeper'?)"));
    assert!(refusal(&text("my.Keeper"), &registry).ends_with("(did you mean 'sys.stdout'?)"));
}

/// A config whose only filter is this one, on the root's only handler.
fn filtered(filter: &str) -> String {
    format!(
        r#"{{"version": 1, "filters": {{"f": {filter}}}, "root": {{"level": "INFO", "handlers": ["h"]}},
            "handlers": {{"h": {{"class": "my.Keeper", "diary": "ext://my.diary", "filters": ["f"]}}}}}}"#
    )
}

/// Which of two messages such a config lets pass.
fn passed(filter: &str, mut registry: Registry) -> Vec<String> {
    let diary = Diary::default();
    registry.object(Object::new("my.diary", Arc::clone(&diary)));
    let tree = tree(&filtered(filter), &registry).unwrap();
    ["GET /", "GET /static/x.css"].iter().for_each(|message| log(&tree, message));
    std::mem::take(&mut *diary.lock().unwrap())
}

#[test]
fn djangos_debug_filters_ask_the_registry() {
    // Django 6.1: RequireDebugTrue().filter(record) is settings.DEBUG, RequireDebugFalse().filter(record) its opposite.
    let passed = |class: &str, debug: Option<bool>| {
        let mut registry = registered();
        debug.map(|debug| registry.object(Object::new("django.conf.settings.DEBUG", debug)));
        !passed(&format!(r#"{{"()": "django.utils.log.{class}"}}"#), registry).is_empty()
    };
    for (debug, expected) in [(None, false), (Some(false), false), (Some(true), true)] {
        assert_eq!(passed("RequireDebugTrue", debug), expected, "{debug:?}");
        assert_eq!(passed("RequireDebugFalse", debug), !expected, "{debug:?}");
    }
    let mut registry = registered();
    let text = filtered(r#"{"()": "django.utils.log.RequireDebugTrue", "names": 1}"#);
    registry.object(Object::new("my.diary", Diary::default()));
    // Django 6.1: logging.Filter's own constructor answers.
    assert!(refusal(&text, &registry).contains("Filter.__init__() got an unexpected keyword argument 'names'"));
    registry.object(Object::new("django.conf.settings.DEBUG", 1));
    assert!(refusal(&text.replace("names", "name"), &registry).contains("django.conf.settings.DEBUG must be bool"));
}

#[test]
fn a_callback_filter_asks_a_registered_filter() {
    let registered = || {
        let mut registry = registered();
        registry.object(Object::filter("my.not_static", |record: &Record<'_>| !record.message.contains("/static/")));
        registry.object(Object::new("my.number", 5)).object(Object::new("my.diary", Diary::default()));
        registry
    };
    let filter = |callback: &str| format!(r#"{{"()": "django.utils.log.CallbackFilter", {callback}}}"#);
    for callback in [r#""callback": "ext://my.not_static""#, r#""callback": "my.not_static""#] {
        assert_eq!(passed(&filter(callback), registered()), ["GET /"]);
    }
    // Django 6.1 says so to each record: 'int' object is not callable.
    let refusal = |callback: &str| refusal(&filtered(&filter(callback)), &registered());
    assert!(refusal(r#""callback": 5"#).contains("'int' object is not callable"));
    assert!(refusal(r#""callback": "my.not_there""#).contains("'str' object is not callable"));
    assert!(refusal(r#""callback": "ext://my.number""#).contains("'object' object is not callable"));
    assert!(refusal(r#""callback": "ext://my.not_statik""#).contains("(did you mean 'my.not_static'?)"));
    // CPython 3.13 of Django 6.1's constructor.
    assert!(refusal(r#""x": 1"#).contains("CallbackFilter.__init__() got an unexpected keyword argument 'x'"));
    let missing = "CallbackFilter.__init__() missing 1 required positional argument: 'callback'";
    assert!(refusal(r#""callbak": "x""#).contains("(did you mean 'callback'?)"));
    let text = filtered(r#"{"()": "django.utils.log.CallbackFilter"}"#);
    assert!(self::refusal(&text, &registered()).contains(missing));
}

#[test]
fn the_fourth_argument_beside_class_is_whatever_the_class_has_there() {
    // CPython 3.13 with uvicorn 0.54: formatters.f of {"class": "uvicorn.logging.DefaultFormatter", "validate": true} has
    // use_colors True, whatever its format is checked for; with colorlog 6.12 log_colors is True.
    let registry = registry();
    let config = |class: &str, format: &str| {
        let formatter = format!(r#"{{"class": "{class}", "format": "{format}", "validate": true}}"#);
        format!(
            r#"{{"version": 1, "formatters": {{"f": {formatter}}}, "root": {{"level": "INFO", "handlers": ["h"]}},
                "handlers": {{"h": {{"class": "logging.StreamHandler", "formatter": "f"}}}}}}"#
        )
    };
    let tree = tree(&config("uvicorn.logging.DefaultFormatter", "%(levelprefix)s"), &registry).unwrap();
    let mut text = String::new();
    tree.handlers()[0].formatter.format(&record("m"), &mut text).unwrap();
    assert_eq!(text, "\x1b[31mERROR\x1b[0m:   ");
    let refusal = refusal(&config("colorlog.ColoredFormatter", "%(message)s"), &registry);
    assert!(refusal.contains("'bool' object has no attribute 'get'"), "{refusal}");
}

#[test]
fn colors_by_level_are_looked_up_where_the_config_has_them() {
    // CPython 3.13 with colorlog 6.12: log_colors is a ConvertingDict, secondary_log_colors holds plain ones.
    let text = r#"{"version": 1, "colors": {"bad": "bold_red"}, "root": {"level": "INFO", "handlers": ["h"]},
        "formatters": {"f": {"()": "colorlog.ColoredFormatter", "force_color": true, "fmt": "%(log_color)s%(message)s",
                             "log_colors": {"ERROR": "cfg://colors.bad"}}},
        "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f"}}}"#;
    let formatted = |text: &str| {
        let tree = tree(text, &registry()).unwrap();
        let mut out = String::new();
        tree.handlers()[0].formatter.format(&record("m"), &mut out).map(|()| out).map_err(|error| error.to_string())
    };
    assert_eq!(formatted(text), Ok("\x1b[1;31mm\x1b[0m".to_owned()));
    let secondary = text.replace(
        r#""log_colors": {"ERROR": "cfg://colors.bad"}"#,
        r#""secondary_log_colors": {"x": {"ERROR": "cfg://colors.bad"}}"#,
    );
    assert_eq!(formatted(&secondary), Err("KeyError: 'cfg://colors.bad'".to_owned()));
}
