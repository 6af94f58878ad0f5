//! INI, held against CPython's fileConfig: some 900 files with its answers.

use std::collections::BTreeMap;

use logtree_core::Argument;
use logtree_dictconfig::{Color, Config, Format, HandlerSpec, Plan, Problem, Problems, registry};
use serde_json::{Value, json};

use super::drawn::draw_again;

const CORPUS: &str = include_str!("../data/ini.jsonl");

/// What logtree refuses in words of its own, whether CPython takes it or not. DIFFERENCE, each of them.
const OWN_WORDS: &[(&str, &str)] = &[
    ("not a Python literal", "it is evaluated there, whatever it is"),
    ("not the dotted name of a class", "it is evaluated there, and SyntaxErrors are Python's parser's"),
    ("is not a class of ", "it is called there, and what comes back is no handler"),
    ("issubclass() arg 1 must be a class", "it is called there"),
    ("is a module", "it is called there"),
    ("have no order that is known here", "a class that only the program knows"),
    ("Unknown level: ", "there the level at which a MemoryHandler flushes is not looked at before it flushes"),
    ("Not a valid Python identifier: ", "there any string may be a keyword, to be refused by the class"),
    ("expected str, bytes or os.PathLike object", "there the arguments of a MemoryHandler are compared before"),
];

/// What CPython does not take and logtree does, by what CPython says. DIFFERENCE, each of them.
const ACCEPTED: &[(&str, &str)] = &[
    ("Name or service not known", "a check asks nobody for names"),
    ("Level not an integer or a valid string: <", "the level of the section is that of the handler anyway"),
];

/// The same where the class is not there yet, so that only the names of its arguments are looked at.
const WAITING: &str = "expected str, bytes or os.PathLike object";

fn parse(text: &str) -> Result<Plan, Problems> {
    Config::new(&registry()).parse(text, Format::Ini, "logging.ini")
}

/// What the plan comes to in a process that has configured nothing, as the corpus has it.
fn state(plan: &Plan) -> Value {
    let mut loggers = BTreeMap::from([(String::new(), (30, true, Vec::new()))]);
    for spec in plan.loggers() {
        let logger = loggers.entry(spec.name().to_owned()).or_insert((0, true, Vec::new()));
        logger.0 = spec.level().map_or(logger.0, |level| level.0);
        logger.1 = spec.propagate().unwrap_or(logger.1);
        logger.2 = spec.handlers().to_vec();
        let mut seen = Vec::new();
        logger.2.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
    }
    let root = loggers.remove("");
    let handlers: BTreeMap<&str, Value> = plan
        .handlers()
        .iter()
        .map(|handler| (handler.name(), json!([handler.class(), handler.level().0, handler.formatter().is_some()])))
        .collect();
    json!({"root": root, "loggers": loggers, "handlers": handlers})
}

fn error_of_configparser(error: &Value) -> bool {
    ["RuntimeError", "DuplicateSectionError", "DuplicateOptionError"].map(Value::from).contains(&error[0])
}

/// The exception that leaves CPython.
fn exception(problem: &Problem) -> (String, String) {
    (problem.exception().unwrap_or_default().to_owned(), problem.message().to_owned())
}

#[test]
fn a_formatters_section_takes_escape() {
    // DIFFERENCE: CPython does not look at options that it does not know.
    let with = |escape: &str| {
        let sections = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[logger_root]\nhandlers=\n";
        parse(&format!("{sections}[formatters]\nkeys=f\n[formatter_f]\nformat=%(message)s\nescape={escape}\n"))
    };
    assert!(with("controls").unwrap().warnings().iter().all(|warning| !warning.to_string().contains("escape")));
    let refused = with("all").unwrap_err().to_string();
    assert!(refused.contains("escape must be one of: none, terminal, controls"), "{refused}");
}

#[test]
fn files_are_answered_as_by_cpython() {
    let mut differing = Vec::new();
    for line in CORPUS.lines() {
        let mut case: Value = serde_json::from_str(line).unwrap();
        let Value::String(text) = case["text"].take() else { unreachable!("a text") };
        let ours = parse(&text);
        let errors: Vec<&Problem> =
            ours.as_ref().err().into_iter().flatten().filter(|problem| problem.is_error()).collect();
        let is_listed = |said: &str, list: &[(&str, &str)]| list.iter().any(|(known, _)| said.contains(known));
        let is_own = |problem: &&Problem| is_listed(problem.message(), OWN_WORDS);
        let is_same = match (&case["error"], &ours) {
            (Value::Null, Ok(plan)) => {
                let mut state = state(plan);
                state["text"] = Value::Null;
                state == case
            }
            (Value::Null, Err(_)) => errors.iter().all(is_own),
            (error, Ok(plan)) => {
                let (said, is_all) =
                    (error[1].as_str().unwrap(), plan.handlers().iter().all(HandlerSpec::is_available));
                is_listed(said, ACCEPTED) || (said.contains(WAITING) && !is_all)
            }
            // configparser's errors are texts about lines.
            (_, Err(problems)) if problems.is_syntax() => error_of_configparser(&case["error"]),
            (error, Err(_)) => {
                let theirs = (error[0].as_str().unwrap().to_owned(), error[1].as_str().unwrap().to_owned());
                let is_alike = errors.iter().any(|problem| exception(problem) == theirs || is_own(problem));
                is_alike || is_listed(&theirs.1, ACCEPTED)
            }
        };
        if !is_same {
            let problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
            let ours = ours.as_ref().map(state).map_err(|_| problems);
            differing.push(format!("{text}\n  CPython {case}\n  logtree {ours:?}\n------"));
        }
    }
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn the_corpus_is_what_cpython_says_today() {
    draw_again("ini_corpus.py", "", CORPUS);
}

#[test]
fn problems_are_shown_in_ini() {
    let text = "[loggers]
keys = root, app
[handlers]
keys = console, file
[formatters]
keys = line
[formatter_line]
format = %(message)s
dateformat = %H
[handler_console]
class = StreamHandler
level = info
formatter = lin
args = (sys.stdot,)
[handler_file]
class = FileHandler
args = ('app.log', 'a',
    None, open('x'))
[logger_root]
handlers = console, fiel
[logger_app]
handlers = file
propagate = no
[handler_old]
class = NullHandler
";
    let problems = parse(text).unwrap_err();
    let expected = r#"error: not a Python literal, and logtree evaluates no code: 'sys.stdot,)'
  --> logging.ini:14:9
   |
14 | args = (sys.stdot,)
   |         ^^^^^^^^^^^
   |
   = note: in [handler_console] args
   = help: did you mean 'sys.stdout'?
"#;
    assert!(problems.render(Color::Never).starts_with(expected), "{problems}");
    let lines: Vec<String> = problems.iter().skip(1).map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "logging.ini:17:8: [handler_file] args: not a Python literal, and logtree evaluates no code: \"open('x'))\"",
            "logging.ini:19:1: [logger_root] level: warning: root has no level, and so stays at WARNING",
            "logging.ini:21:1: [logger_app] qualname: KeyError: 'qualname' (expected an option `qualname`)",
            "logging.ini:23:13: [logger_app] propagate: invalid literal for int() with base 10: 'no' (expected 1 or 0)",
            "logging.ini:9:1: [formatter_line] dateformat: warning: unknown option 'dateformat' is ignored (did you mean \
             'datefmt'?)",
            "logging.ini:24:1: [handler_old]: warning: section 'handler_old' is not among the keys of [handlers]",
            "logging.ini:13:13: handlers.console.formatter: KeyError: 'lin' (did you mean 'line'?)",
            "logging.ini:12:9: handlers.console.level: Unknown level: 'info' (did you mean 'INFO'?)",
            "logging.ini:20:21: loggers.root.handlers[1]: KeyError: 'fiel' (did you mean 'file'?)",
            "logging.ini:7:1: formatters.line: warning: formatter 'line' is not used",
        ]
    );
}

/// As people break a config that was well.
#[test]
fn slips_are_told_what_was_meant() {
    let well = "[loggers]\nkeys=root\n[handlers]\nkeys=file\n[formatters]\nkeys=line\n[formatter_line]\nformat=%(message)s\n\
                [logger_root]\nlevel=INFO\nhandlers=file\n[handler_file]\nclass=handlers.RotatingFileHandler\n\
                formatter=line\nargs=('a.log', 'a', 1000000, 5)\n";
    assert!(parse(well).unwrap().warnings().is_empty());
    // The first problem of each; CPython 3.13 raises the exceptions whose names and messages stand here.
    let cases = [
        (
            "[handler_file]",
            "[handler_File]",
            "4:6: [handler_file]: KeyError: 'handler_file' (did you mean 'handler_File'?)",
        ),
        (
            "[formatter_line]",
            "[formatters_line]",
            "6:6: [formatter_line]: KeyError: 'formatter_line' (did you mean 'formatters_line'?)",
        ),
        ("keys=line", "keys=lin", "6:6: [formatter_lin]: KeyError: 'formatter_lin' (did you mean 'formatter_line'?)"),
        (
            "keys=file",
            "keys=file,fil",
            "4:11: [handler_fil]: KeyError: 'handler_fil' (expected a section [handler_fil])",
        ),
        (
            "handlers.Rot",
            "Rot",
            "15:6: [handler_file] args: the arguments of RotatingFileHandler have no order that is known \
                                 here: give them as kwargs",
        ),
        (
            "('a.log', 'a', 1000000, 5)",
            "('a.log', 'a', 1000000, 5",
            "15:6: [handler_file] args: not a Python literal: '(' was \
                                                                   never closed",
        ),
        (
            "handlers.RotatingFileHandler",
            "StreamHandler\nargs=(stdout,)\n[x]",
            "14:7: [handler_file] args: not a Python literal, \
          and logtree evaluates no code: 'stdout,)' (did you mean 'sys.stdout'?)",
        ),
        (
            "handlers.RotatingFileHandler",
            "StreamHandler\nargs=(sys.stdout)\n[x]",
            "14:6: [handler_file] args: not readable \
          (expected a comma behind a single argument: (sys.stdout,))",
        ),
        // DIFFERENCE: a SyntaxError, of Python's parser. So it is where `args` goes on.
        (
            "\nformatter=line",
            "\n formatter=line",
            "13:7: [handler_file] class: not the dotted name of a class: 'handlers.RotatingFileHandler\\nformatter=line' \
             (expected no space before the name of the next option: a line that is indented goes on with this value)",
        ),
    ];
    for (from, to, expected) in cases {
        let problems = parse(&well.replacen(from, to, 1)).unwrap_err();
        let first = problems.iter().find(|problem| problem.is_error()).unwrap().to_string();
        assert_eq!(first, format!("logging.ini:{expected}"), "{to}");
    }
    let class = parse(&well.replace("handlers.Rot", "Rott")).unwrap_err();
    let guesses: Vec<_> = class.iter().filter_map(Problem::guess).collect();
    assert_eq!(guesses, ["logging.handlers.RotatingFileHandler"]);
    let apart = parse(&well.replace("'a.log', 'a', 1000000, 5", "'long.log'")).unwrap_err();
    let apart: Vec<String> = apart.iter().map(ToString::to_string).collect();
    let expected = [
        "logging.ini:15:6: [handler_file] args: warning: each character of this string is an argument of its own (expected a \
         comma behind a single argument: ('long.log',))",
        "logging.ini:15:6: [handler_file] args: RotatingFileHandler.__init__() takes from 2 to 8 positional arguments but 9 \
         were given",
        "logging.ini:15:6: handlers.file.maxBytes: '>' not supported between instances of 'str' and 'int' (expected a size \
         such as 100000 or '100 MiB')",
    ];
    assert_eq!(apart, expected);
    let plan = parse(&well.replace("'a', 1000000, 5", "1000000, 5")).unwrap();
    let first = plan.warnings().iter().next().unwrap().to_string();
    let expected = "logging.ini:15:6: [handler_file] args: warning: 1000000 is taken as the mode in which the file is opened \
                    (expected filename, mode, maxBytes, backupCount)";
    assert_eq!(first, expected);
}

#[test]
fn text_that_is_no_ini_is_refused_in_its_place() {
    let cases = [
        ("", "1:1: invalid INI: the text is empty"),
        ("x = 1\n[a]\n", "1:1: invalid INI: File contains no section headers.; what stands before"),
        (
            "[a]\nx = 1\nx\n",
            "3:1: invalid INI: Source contains parsing errors: 'x'; an option is a name, `=` and a value",
        ),
        ("[a]\n= 1\n", "2:1: invalid INI: Source contains parsing errors: '= 1'; there is no name before the `=`"),
        ("[a]\nx = 1\nX: 2\n", "3:1: invalid INI: option 'x' in section 'a' already exists"),
        ("[a]\n[b]\n[a]\n", "3:1: invalid INI: section 'a' already exists"),
        ("\u{feff}[a]\n", "1:1: invalid INI: the text begins with a byte order mark"),
    ];
    for (text, expected) in cases {
        let problems = parse(text).unwrap_err();
        assert!(problems.is_syntax());
        let line = problems.iter().next().unwrap().to_string();
        assert!(line.starts_with(&format!("logging.ini:{expected}")), "{line}");
    }
}

/// Pyramid's `.ini` say `%(here)s`, which its own loader hands to fileConfig as a default.
#[test]
fn what_fileconfigs_caller_would_have_given_is_asked_for() {
    let text = "[loggers]\nkeys=root\n[handlers]\nkeys=file\n[formatters]\nkeys=\n[logger_root]\nlevel=INFO\nhandlers=file\n\
                [handler_file]\nclass=FileHandler\nargs=('%(here)s/my.log', 'a')\n";
    let problems = parse(text).unwrap_err();
    let expected = problems.iter().map(Problem::expected).collect::<Vec<_>>();
    let mend = "here in [DEFAULT], where fileConfig's `defaults` go, or %%( for a %( that is one";
    assert_eq!(expected, [Some(mend)], "{problems}");

    let plan = parse(&format!("[DEFAULT]\nhere=/srv\n{text}")).unwrap();
    let filename = plan.handlers()[0].argument("filename");
    assert!(matches!(filename, Some(Argument::Str(name)) if name == "/srv/my.log"), "{filename:?}");
}

/// What logtree's classes take beyond Python's is no positional argument. The messages are CPython 3.13's.
#[test]
fn arguments_beyond_pythons_have_no_position() {
    for (class, args, expected) in [
        ("FileHandler", "'a', None, False, None, 0o640", "FileHandler.__init__() takes from 2 to 6"),
        (
            "handlers.WatchedFileHandler",
            "'a', None, False, None, 0o640",
            "WatchedFileHandler.__init__() takes from 2 to 6",
        ),
        (
            "handlers.RotatingFileHandler",
            "'a', 0, 0, None, False, None, 10",
            "RotatingFileHandler.__init__() takes from 2 to 8",
        ),
        (
            "handlers.TimedRotatingFileHandler",
            "'h', 1, 0, None, False, False, None, None, 10",
            "TimedRotatingFileHandler.__init__() takes from 2 to 10",
        ),
    ] {
        let text = format!(
            "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\n\
             [handler_h]\nclass={class}\nargs=('a.log', {args})\n"
        );
        let given = args.split(", ").count() + 2;
        let problems = parse(&text).unwrap_err().to_string();
        assert!(problems.contains(&format!("{expected} positional arguments but {given} were given")), "{problems}");
    }
}
