//! All problems at once, each with its place, what was expected and a close guess; and what Python swallows.

use logtree_dictconfig::{Color, Config, Format, registry};

use super::{lines, parse, warnings};

#[test]
fn every_problem_is_reported_in_cpythons_order() {
    let text = r#"{
  "version": 2,
  "formatters": {"f": {"format": "hello"}},
  "filters": {"g": "x"},
  "handlers": {
    "h": {"class": "logging.SteamHandler", "level": "info", "formatter": "ff", "filters": ["gg"]},
    "i": {"class": "logging.FileHandler", "filenam": "x.log", "9": 1}
  },
  "loggers": {"a": {"level": 10.5, "handlers": ["j"]}},
  "root": {"level": "DEBUG", "filters": 5, "handlers": ["h", "i"]}
}"#;
    assert_eq!(
        lines(text),
        [
            "logging.json:2:14: version: Unsupported version: 2 (expected the number 1)",
            "logging.json:3:34: formatters.f.format: Unable to configure formatter 'f': Invalid format 'hello' for '%' \
         style (expected a field such as %(message)s)",
            "logging.json:4:20: filters.g: Unable to configure filter 'g': 'str' object has no attribute 'get' (expected \
         an object)",
            "logging.json:6:74: handlers.h.formatter: Unable to configure handler 'h': Unable to set formatter 'ff' \
         (expected the name of a formatter of this config)",
            "logging.json:6:20: handlers.h.class: Unable to configure handler 'h': Cannot resolve 'logging.SteamHandler': \
         No module named 'logging.SteamHandler' (did you mean 'logging.StreamHandler'?)",
            "logging.json:6:53: handlers.h.level: Unable to configure handler 'h': Unknown level: 'info' (did you mean \
         'INFO'?)",
            "logging.json:6:92: handlers.h.filters[0]: Unable to configure handler 'h': Unable to add filter 'gg' \
         (expected the name of a filter of this config)",
            "logging.json:7:63: handlers.i.9: Unable to configure handler 'i': Not a valid Python identifier: '9'",
            "logging.json:9:30: loggers.a.level: Unable to configure logger 'a': Level not an integer or a valid string: \
         10.5 (expected a number or the name of a level)",
            "logging.json:9:49: loggers.a.handlers[0]: Unable to configure logger 'a': Unable to add handler 'j' \
         (expected the name of a handler of this config)",
            "logging.json:10:41: root.filters: Unable to configure root logger: 'int' object is not iterable (expected a \
         list of filters)",
            "logging.json:3:18: formatters.f: warning: formatter 'f' is not used",
            "logging.json:4:15: filters.g: warning: filter 'g' is not used",
        ]
    );
}

/// `DIFFERENCE`: Python opens files in any of the first four; the last it does not know either.
#[test]
fn an_encoding_that_is_not_there_is_told_those_that_are() {
    for name in ["utf-16", "utf-8-sig", "cp1252", "shift_jis", "nope"] {
        let text = format!(
            r#"{{"version": 1, "root": {{"level": 1, "handlers": ["h"]}}, "handlers": {{
        "h": {{"class": "logging.FileHandler", "filename": "x.log", "encoding": "{name}"}}}}}}"#
        );
        let expected = format!(
            "logging.json:2:80: handlers.h.encoding: Unable to configure handler 'h': unknown encoding: {name} (expected \
         'utf-8', 'ascii' or 'latin-1', by any of Python's names for them: logtree has no others)"
        );
        assert_eq!(lines(&text), [expected], "{name}");
    }
}

#[test]
fn every_keyword_that_is_not_expected_is_named_before_one_that_is_missing() {
    // CPython 3.13 stops at the first of them, in this order.
    let text = r#"{"version": 1, "root": {"level": 1, "handlers": ["i", "j"]}, "handlers": {
        "i": {"class": "logging.FileHandler", "filenam": "x.log", "bogus": 1},
        "j": {"class": "logging.handlers.SocketHandler", "bogus": 1}}}"#;
    assert_eq!(
        lines(text),
        [
            "logging.json:2:47: handlers.i.filenam: Unable to configure handler 'i': FileHandler.__init__() got an \
         unexpected keyword argument 'filenam' (did you mean 'filename'?)",
            "logging.json:2:67: handlers.i.bogus: Unable to configure handler 'i': FileHandler.__init__() got an \
         unexpected keyword argument 'bogus'",
            "logging.json:2:24: handlers.i.class: Unable to configure handler 'i': FileHandler.__init__() missing 1 \
         required positional argument: 'filename'",
            "logging.json:3:58: handlers.j.bogus: Unable to configure handler 'j': SocketHandler.__init__() got an \
         unexpected keyword argument 'bogus'",
            "logging.json:3:24: handlers.j.class: Unable to configure handler 'j': SocketHandler.__init__() missing 2 \
         required positional arguments: 'host' and 'port'",
        ]
    );
}

#[test]
fn names_of_rolled_files_are_judged_at_their_place() {
    for (class, namer, said) in [
        ("logging.handlers.RotatingFileHandler", "archive/{name}.{suffix}", "'namer' must be a file's name that has"),
        ("logging.handlers.TimedRotatingFileHandler", "{stem}.{suffix}", "'namer' must be a file's name that has"),
        ("logging.handlers.RotatingFileHandler", "{name}.{suffix}.gz", "'namer' must not end in '.gz'"),
        ("concurrent_log_handler.ConcurrentTimedRotatingFileHandler", "{suffix}.{name}.zst", "must not end in '.zst'"),
    ] {
        let names = format!("\"filename\": \"a.log\",\n\"namer\": \"{namer}\"");
        let handler = format!(r#"{{"class": "{class}", {names}}}"#);
        let config = format!(r#"{{"version": 1, "handlers": {{"h": {handler}}}, "root": {{"handlers": ["h"]}}}}"#);
        let problems = parse(&config).unwrap_err();
        let problems: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
        let [problem] = &*problems else { panic!("{namer}: {problems:?}") };
        assert!(problem.starts_with("logging.json:2:10: handlers.h.namer: ") && problem.contains(said), "{problem}");
    }
}

/// Where a file name is missing CPython's signature is asked what else is wrong, and it knows of none of these.
#[test]
fn keywords_beyond_pythons_are_none_that_are_not_expected() {
    let of_files = r#""permissions": "640", "owner": 0, "group": 0, "fsync": "never", "latest": null, "makedirs": true, "buffering": "8 KiB",
        "flushLevel": "ERROR", "flushInterval": 1"#;
    let of_rolling =
        r#""maxBytes": 9, "backupCount": 1, "maxAge": "1 day", "maxTotalBytes": 99, "compress": null, "namer": null"#;
    for (class, more) in [
        ("logging.FileHandler", ""),
        ("logging.handlers.WatchedFileHandler", ""),
        ("logging.handlers.RotatingFileHandler", of_rolling),
        ("logging.handlers.TimedRotatingFileHandler", of_rolling),
    ] {
        let more = if more.is_empty() { of_files.to_owned() } else { format!("{of_files}, {more}") };
        let config = |filename: &str| {
            let handler = format!(r#"{{"class": "{class}", {filename} {more}}}"#);
            format!(r#"{{"version": 1, "handlers": {{"h": {handler}}}, "root": {{"handlers": ["h"]}}}}"#)
        };
        let whole = parse(&config(r#""filename": "a.log", "delay": true,"#));
        assert!(whole.is_ok(), "{class}: {whole:?}");
        let problems = parse(&config("")).unwrap_err();
        let problems: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
        let [problem] = &*problems else { panic!("{class}: {problems:?}") };
        assert!(problem.ends_with("missing 1 required positional argument: 'filename'"), "{problem}");
    }
}

#[test]
fn formatters_of_lines_take_escape_with_a_factory_and_without() {
    let warnings = |formatter: &str| {
        let config = format!(r#"{{"version": 1, "formatters": {{"f": {formatter}}}}}"#);
        let warnings = parse(&config).map(|plan| plan.warnings().iter().map(ToString::to_string).collect::<Vec<_>>());
        warnings.map_err(|problems| problems.iter().next().unwrap().to_string())
    };
    let unused = "logging.json:1:31: formatters.f: warning: formatter 'f' is not used";
    let escape = r#""escape": "controls""#;
    for taken in [
        format!("{{{escape}}}"),
        r#"{"timespec": "microseconds", "utc": true}"#.to_owned(),
        format!(r#"{{"()": "logging.Formatter", {escape}}}"#),
        format!(r#"{{"class": "colorlog.ColoredFormatter", {escape}}}"#),
        format!(r#"{{"()": "django.utils.log.ServerFormatter", {escape}}}"#),
        format!(r#"{{"()": "uvicorn.logging.AccessFormatter", {escape}}}"#),
    ] {
        assert_eq!(warnings(&taken).unwrap(), [unused], "{taken}");
    }
    for key in ["", r#""()": "uvicorn.logging.DefaultFormatter", "#] {
        let refused = warnings(&format!(r#"{{{key}"escape": "Controls"}}"#)).unwrap_err();
        assert!(refused.contains("Unable to configure formatter 'f'"), "{refused}");
        assert!(refused.contains("'f': escape must be one of: none, terminal, controls"), "{refused}");
    }
    let refused = warnings(r#"{"timespec": "micros"}"#).unwrap_err();
    assert!(refused.contains("Unknown timespec value"), "{refused}");
    // In JSON there is nothing to escape: as keys that nobody knows it is ignored, and as an argument refused.
    let ignored = warnings(&format!(r#"{{"class": "logtree.JsonFormatter", {escape}}}"#)).unwrap();
    assert!(ignored[0].contains("unknown key 'escape' of a formatter is ignored"), "{ignored:?}");
    let refused = warnings(&format!(r#"{{"()": "logtree.JsonFormatter", {escape}}}"#)).unwrap_err();
    assert!(refused.contains("unexpected keyword argument 'escape'"), "{refused}");
    // A slip of the hand.
    let ignored = warnings(r#"{"escpae": "controls"}"#).unwrap();
    assert!(ignored.iter().any(|warning| warning.contains("(did you mean 'escape'?)")), "{ignored:?}");
}

#[test]
fn what_python_swallows_is_a_warning_and_under_strict_an_error() {
    let text = r#"{
  "version": 1, "handler": {}, "disable_existing_loggers": "false",
  "formatters": {"f": {"fmt": "%(message)s"}, "unused": {}},
  "filters": {"g": {"nmae": "a"}},
  "handlers": {"h": {"class": "logging.StreamHandler", "stream": "sys.stdout", "formatter": "f", "filters": "g"}},
  "loggers": {"a": {"propagate": "false", "qualname": "a", "propagate": "no"}},
  "root": {"handlers": ["h"], "propagate": true}
}"#;
    let expected = [
        "6:60: loggers.a.propagate: warning: key 'propagate' stands twice; the last one counts; first on line 6",
        "2:60: disable_existing_loggers: warning: the string 'false' counts as True (expected true or false)",
        "3:24: formatters.f.fmt: warning: unknown key 'fmt' of a formatter is ignored (did you mean 'format'?)",
        "4:21: filters.g.nmae: warning: unknown key 'nmae' of a filter is ignored (did you mean 'name'?)",
        "5:66: handlers.h.stream: warning: the stream 'sys.stdout' is a string, and nothing can be written to it (did \
         you mean 'ext://sys.stdout'?)",
        "5:109: handlers.h.filters: warning: the string 'g' counts as the list of its characters (expected a list of \
         filters)",
        "6:73: loggers.a.propagate: warning: the string 'no' counts as True (expected true or false)",
        "6:43: loggers.a.qualname: warning: unknown key 'qualname' of a logger is ignored",
        "7:31: root.propagate: warning: the root has nowhere to propagate to; the key is ignored",
        "7:3: root: warning: root has no level, and so stays at WARNING (expected a level, such as \"level\": \"INFO\")",
        "3:47: formatters.unused: warning: formatter 'unused' is not used",
        "2:17: handler: warning: unknown key 'handler' is ignored (did you mean 'handlers'?)",
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("logging.json:{line}")).collect();
    assert_eq!(warnings(text), expected);

    // CPython never reads the root's propagate.
    assert_eq!(parse(text).unwrap().loggers().last().unwrap().propagate(), None);

    let problems = Config::new(&registry()).strict(true).parse(text, Format::Json, "logging.json").unwrap_err();
    assert!(problems.is_refused());
    assert_eq!(problems.iter().filter(|problem| problem.is_error()).count(), expected.len());
}

#[test]
fn what_strftime_prints_as_it_stands_is_a_warning() {
    let of = |datefmt: &str| {
        warnings(&format!(
            r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["h"]}},
  "handlers": {{"h": {{"class": "logging.StreamHandler", "formatter": "f"}}}},
  "formatters": {{"f": {{"format": "%(asctime)s", "datefmt": "{datefmt}"}}}}}}"#
        ))
    };
    // CPython 3.13: time.strftime("%T.%f %:z") is "12:00:00.%f %:z".
    let fraction = "(expected %(msecs)03d behind %(asctime)s in the format, or timespec, for parts of a second)";
    let said = |unknown: &str| {
        format!(
            "logging.json:3:60: formatters.f.datefmt: warning: strftime has no '{unknown}', and prints it as it stands"
        )
    };
    assert_eq!(of("%T.%f"), [format!("{} {fraction}", said("%f"))]);
    assert_eq!(of("%H:%M:%S%.3f"), [format!("{} {fraction}", said("%."))]);
    assert_eq!(of("%F %T %:z"), [said("%:")]);
    assert_eq!(of("%A %-d. %B %Y %H:%M:%S %z %% %Ey"), Vec::<String>::new());
}

#[test]
fn a_root_whose_level_directives_give_has_one() {
    let of = |directives: &str| {
        warnings(&format!(
            r#"{{"version": 1, "handlers": {{"h": {{"class": "logging.StreamHandler"}}}}, "root": {{"handlers": ["h"]}},
  "directives": "{directives}"}}"#
        ))
    };
    assert_eq!(of("info,a=debug"), Vec::<String>::new());
    assert!(of("a=debug")[0].contains("root has no level"), "{:?}", of("a=debug"));
}

#[test]
fn a_size_at_which_nothing_rolls_is_a_warning() {
    let of = |counts: &str| {
        warnings(&format!(
            r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["h"]}}, "handlers": {{
  "h": {{"class": "logging.handlers.RotatingFileHandler", "filename": "a.log", "maxBytes": 10{counts}}}}}}}"#
        ))
    };
    let expected = "logging.json:2:91: handlers.h.maxBytes: warning: without backupCount the file is never rolled, \
                    whatever maxBytes says";
    assert_eq!(of(""), [expected]);
    assert_eq!(of(r#", "backupCount": 0"#), [expected]);
    assert_eq!(of(r#", "backupCount": 1"#), Vec::<String>::new());
}

#[test]
fn a_format_with_which_records_fail_or_lack_what_is_meant_is_a_warning() {
    let of = |formatter: &str| {
        let config = r#"{"version": 1, "root": {"level": "INFO", "handlers": ["h"]}, "handlers": {"h":
  {"class": "logging.NullHandler", "formatter": "f"}}, "formatters": {"f":
  FORMATTER}}"#;
        warnings(&config.replace("FORMATTER", formatter))
    };
    // CPython 3.13: what logging.Formatter(format).format(logging.makeLogRecord({"msg": "message"})) raises.
    let failing = [
        ("%(asctime) - %(message)s", "ValueError: unsupported format character '%' (0x25) at index 13", true),
        ("%(message)s 100%", "ValueError: incomplete format", true),
        ("%(levelname)d %(message)s", "TypeError: %d format: a real number is required, not str", false),
    ];
    for (format, error, lacks_letter) in failing {
        let letter = if lacks_letter { " (expected a letter behind each %(name), and %% for a %)" } else { "" };
        let expected = format!(
            "logging.json:3:14: formatters.f.format: warning: each record fails with this format: {error}{letter}"
        );
        assert_eq!(of(&format!(r#"{{"format": "{format}"}}"#)), [expected]);
    }
    let brace = of(r#"{"style": "{", "()": "logging.Formatter", "fmt": "{levelname:d}"}"#);
    let expected = "logging.json:3:52: formatters.f.fmt: warning: each record fails with this format: ValueError: Unknown \
                    format code 'd' for object of type 'str'";
    assert_eq!(brace, [expected]);
    let slips = of(r#"{"format": "%(request_id)s %(levelnam)-8s %(mesage)s"}"#);
    let expected = [("levelnam", "levelname"), ("mesage", "message")].map(|(name, guess)| {
        format!(
            "logging.json:3:14: formatters.f.format: warning: no attribute is called '{name}': nothing prints there unless a \
             field is (did you mean '{guess}'?)"
        )
    });
    assert_eq!(slips, expected);
    assert_eq!(
        of(r#"{"format": "{threadname}", "style": "{", "defaults": {"threadname": "x"}}"#),
        Vec::<String>::new()
    );
    for well in ["%(user)d %(id)s %(message)s", "%(message)s 100%%", "%(process)d %(levelno)05.1f"] {
        assert_eq!(of(&format!(r#"{{"format": "{well}"}}"#)), Vec::<String>::new(), "{well}");
    }
}

#[test]
fn a_queue_that_nobody_reads_is_a_warning() {
    let of = |keys: &str| {
        warnings(&format!(
            r#"{{"version": 1, "root": {{"level": "INFO", "handlers": ["q", "f"]}}, "handlers": {{"f": {{"class": "logging.NullHandler"}},
  "q": {{"class": "logging.handlers.QueueHandler"{keys}}}}}}}"#
        ))
    };
    let expected = "logging.json:2:18: handlers.q.class: warning: nobody reads the queue of a QueueHandler without handlers, \
                    and its records are lost (expected the key 'handlers' too)";
    assert_eq!(of(""), [expected]);
    assert_eq!(of(r#", "queue": {"()": "queue.Queue"}, "handlers": []"#), [expected]);
    assert_eq!(of(r#", "queue": "queue.SimpleQueue""#), [expected]);
    assert_eq!(of(r#", "handlers": ["f"]"#), Vec::<String>::new());
}

#[test]
fn what_a_queue_handler_is_not_given_is_not_refused() {
    // CPython 3.13: QueueHandler.__init__() got an unexpected keyword argument 'target'.
    let text = r#"{"version": 1, "handlers": {"f": {"class": "logging.NullHandler"},
        "q": {"class": "logging.handlers.QueueHandler", "target": "f"}}}"#;
    let problems = parse(text).unwrap_err();
    let errors: Vec<_> =
        problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.headline()).collect();
    let expected =
        "Unable to configure handler 'q': QueueHandler.__init__() got an unexpected keyword argument 'target'";
    assert_eq!(errors, [expected]);
}

#[test]
fn a_config_of_the_documentation_has_no_warnings() {
    let text = include_str!("../data/configs/django_docs_topics_2.json");
    assert_eq!(warnings(text), Vec::<String>::new());
}

#[test]
fn handlers_that_need_one_another_are_named() {
    let text = r#"{"version": 1, "root": {"level": 1, "handlers": ["a", "b", "c"]}, "handlers": {
        "a": {"class": "logging.handlers.QueueHandler", "handlers": ["b"]},
        "b": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "c"},
        "c": {"class": "logging.handlers.QueueHandler", "handlers": ["a"]}}}"#;
    let problems = parse(text).unwrap_err();
    let problem = problems.iter().find(|problem| problem.is_error()).unwrap();
    assert_eq!(
        problem.to_string(),
        "logging.json:2:70: handlers.a.handlers[0]: Unable to configure handler 'a': Unable to set required handler \
         'b'; these handlers need one another: a -> b -> c -> a"
    );
    assert_eq!(problem.causes()[1].to_string(), "TypeError: Required handler 'b' is not configured yet");
}

#[test]
fn problems_show_their_lines() {
    let text = "{\n  \"version\": 1,\n  \"root\": {\"level\": \"info\", \"handlers\": []}\n}\n";
    let problems = parse(text).unwrap_err();
    let expected = "\
error: Unable to configure root logger: Unknown level: 'info'
 --> logging.json:3:21
  |
3 |   \"root\": {\"level\": \"info\", \"handlers\": []}
  |                     ^^^^^^ a number or the name of a level
  |
  = note: in root.level
  = help: did you mean 'INFO'?";
    assert_eq!(problems.to_string(), expected);
    assert!(problems.render(Color::Always).contains('\u{1b}'));
    assert!(!problems.render(Color::Never).contains('\u{1b}'));
}

#[test]
fn columns_count_characters_and_nothing_in_a_config_ends_a_line_or_reaches_a_terminal() {
    let text = "{\"version\": 1, \"loggers\": {\"요청\\n\\u001b[31m\": {\"level\": \"\\n\"}}}";
    let problems = parse(text).unwrap_err();
    let expected = "logging.json:1:56: loggers[요청\\n\\u{1b}[31m].level: Unable to configure logger \
                    '요청\\n\\x1b[31m': Unknown level: '\\n' (expected a number or the name of a level)";
    assert_eq!(problems.iter().next().unwrap().to_string(), expected);
    assert!(!problems.to_string().contains('\u{1b}'));
}

#[test]
fn text_that_is_no_json_is_refused_in_its_place() {
    let problems = parse("{\n  \"version\": 1,\n}\n").unwrap_err();
    assert!(problems.is_syntax());
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.to_string(), "logging.json:3:1: invalid JSON: trailing comma; remove the comma before it");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let (registry, missing) = (registry(), directory.path().join("missing.json"));
    let problems = Config::new(&registry).load(&missing).unwrap_err();
    assert!(problems.is_unreadable());
    assert!(problems.to_string().contains(missing.to_str().unwrap()), "{problems}");
    let binary = directory.path().join("binary.json");
    std::fs::write(&binary, b"{\"version\": \xff}").unwrap();
    let problems = Config::new(&registry).load(&binary).unwrap_err();
    assert!(problems.to_string().contains("offset 12"), "{problems}");
}

#[test]
fn a_value_without_text_has_paths() {
    let value = serde_json::json!({"version": 1, "root": {"level": "info"}});
    let problems = Config::new(&registry()).parse_value(value, "code").unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.path(), problem.place()), ("root.level", None));
    assert!(problem.to_string().starts_with("code: root.level: Unable to configure root logger"), "{problem}");
}

#[test]
fn keys_that_belong_elsewhere_are_told_where() {
    let text = r#"{"version": 1, "filters": {"f": {"class": "my.Filter"}},
      "root": {"level": 1, "filters": ["f"], "handlers": ["h"]},
      "handlers": {"h": {"class": "logging.StreamHandler", "formater": "x"}, "i": {"class": "logging.FileHandler",
        "filename": "x", "levl": 10}}}"#;
    let expected = [
        "logging.json:1:34: filters.f.class: warning: unknown key 'class' of a filter is ignored (did you mean '()'?)",
        "logging.json:3:60: handlers.h.formater: Unable to configure handler 'h': StreamHandler.__init__() got an unexpected \
         keyword argument 'formater' (did you mean 'formatter'?)",
        "logging.json:4:26: handlers.i.levl: Unable to configure handler 'i': FileHandler.__init__() got an unexpected \
         keyword argument 'levl' (did you mean 'level'?)",
    ];
    assert_eq!(lines(text)[..3], expected);
}

#[test]
fn a_format_of_another_style_is_told_which() {
    let text = r#"{"version": 1, "formatters": {"f": {"format": "{message}"}, "g": {"format": "%(message)s", "style": "{"},
      "i": {"format": "{levelname", "style": "{"}}}"#;
    let given: Vec<String> = lines(text).into_iter().filter(|line| line.contains(".format:")).collect();
    let expected = [
        "logging.json:1:47: formatters.f.format: Unable to configure formatter 'f': Invalid format '{message}' for '%' style \
         (expected a field such as %(message)s, or the style '{')",
        "logging.json:1:77: formatters.g.format: Unable to configure formatter 'g': invalid format: no fields (expected \
         fields such as {message}, or the style '%')",
        "logging.json:2:23: formatters.i.format: Unable to configure formatter 'i': invalid format: expected '}' before end \
         of string (expected fields such as {message})",
    ];
    assert_eq!(given, expected);
}

#[test]
fn a_config_within_a_programs_settings_is_shown() {
    let text = "{\"debug\": true,\n \"logging\": {\"version\": 1, \"root\": {\"level\": 1}, \"handlers\": {}}}";
    let problems = Config::new(&registry()).parse(text, Format::Json, "settings.json").unwrap_err();
    let expected = "\
error: dictionary doesn't specify a version
 --> settings.json:1:1
  |
1 | {\"debug\": true,
  | ^ \"version\": 1
2 |  \"logging\": {\"version\": 1, \"root\": {\"level\": 1}, \"handlers\": {}}}
  |  --------- a config stands under 'logging': it has to be a file of its own
";
    assert!(problems.render(Color::Never).starts_with(expected), "{problems}");
    let problems = Config::new(&registry()).parse("{\"logging\": {\"version\": 1}}", Format::Json, "x").unwrap_err();
    assert!(!problems.render(Color::Never).contains("stands under"), "{problems}");
}
