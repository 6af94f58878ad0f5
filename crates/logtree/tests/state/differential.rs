//! The same steps, the same bytes in every file.
//!
//! `corpus.jsonl` holds cases with CPython's answers; `corpus.py` says what a case is. Where CPython 3.13 is at hand the corpus
//! is made again and must be the same. More cases, of any seed:
//!
//! ```text
//! LOGTREE_CASES=5000 LOGTREE_SEED=7 cargo test -p logtree --all-features --test state
//! ```

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::process::Command;

use logtree::formatters::Style;
use logtree::handlers::OpenMode;
use logtree::{Error, Format, Guard, Level, StdStream, basic_config, disable, from_str, get_logger};
use serde_json::Value as Json;

use crate::child::in_a_child;

const CORPUS: &str = include_str!("corpus.jsonl");

pub(crate) fn as_cpython() {
    the_corpus_says_something();
    compare(CORPUS);
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let kept = CORPUS.lines().count();
    match (draw(1, kept), asked("LOGTREE_CASES")) {
        (None, None) => println!("no CPython 3.13 here: the corpus was used as it is"),
        (None, Some(_)) => panic!("CPython 3.13 is needed to draw cases"),
        (Some(fresh), cases) => {
            let different = fresh.lines().zip(CORPUS.lines()).find(|(fresh, kept)| fresh != kept);
            assert_eq!((different, fresh.lines().count()), (None, kept), "run corpus.py again");
            println!("CPython 3.13 was asked again and said the same");
            if let Some(cases) = cases {
                let seed = asked("LOGTREE_SEED").unwrap_or(2);
                compare(&draw(seed, cases).unwrap());
                println!("{cases} cases of seed {seed}: the same bytes");
            }
        }
    }
}

/// A generator whose records all end at some level would pass any logging.
fn the_corpus_says_something() {
    let cases: Vec<Json> = CORPUS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in ["1.log", "2.log", "3.log", "stdout", "stderr"] {
        let is_written = |case: &&Json| case["files"][name].as_str().is_some_and(|text| !text.is_empty());
        assert!(cases.iter().filter(is_written).count() > cases.len() / 5, "{name}");
    }
    let raising = cases.iter().filter(|case| case["raised"].as_array().unwrap().iter().any(|raised| !raised.is_null()));
    assert!(raising.count() > 10);
}

fn compare(corpus: &str) {
    let cases: Vec<Json> = corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let differing = cases.iter().filter_map(|case| {
        let theirs = Answer {
            raised: serde_json::from_value(case["raised"].clone()).unwrap(),
            files: serde_json::from_value(case["files"].clone()).unwrap(),
        };
        let ours = Answer::of_logtree(&case["steps"]);
        (ours != theirs).then(|| {
            let steps: String = case["steps"].as_array().unwrap().iter().map(|step| format!("{step}\n")).collect();
            format!("{steps}logtree: {ours:?}\nCPython: {theirs:?}")
        })
    });
    let differing: Vec<String> = differing.collect();
    assert!(differing.is_empty(), "{} of {} cases differ:\n{}", differing.len(), cases.len(), differing[0]);
    println!("{} cases: the same bytes", cases.len());
}

/// What is left of a program's life.
#[derive(Debug, PartialEq)]
struct Answer {
    /// What each step raised.
    raised: Vec<Option<String>>,
    files: BTreeMap<String, String>,
}

impl Answer {
    fn of_logtree(steps: &Json) -> Self {
        let directory = in_a_child(|| live(steps.as_array().unwrap()));
        let files = std::fs::read_dir(directory.path()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        });
        let mut files: BTreeMap<String, String> = files.collect();
        let raised = serde_json::from_str(&files.remove("raised").unwrap()).unwrap();
        let stderr = files.remove("stderr").unwrap();
        files.insert("stderr".to_owned(), without_reports_of_closed_handlers(&stderr));
        Self { raised, files }
    }
}

/// DIFFERENCE: what comes to a MemoryHandler that was closed is lost, and reported as an error; CPython holds it for ever.
fn without_reports_of_closed_handlers(stderr: &str) -> String {
    let report = ["--- Logging error ---", "OSError: the handler is closed, and its target forgotten"];
    let report_lines = report.len() + 3;
    let mut lines = stderr.split_inclusive('\n').peekable();
    let mut text = String::new();
    while let Some(line) = lines.next() {
        match line.trim_end() == report[0] && lines.peek().is_some_and(|next| next.trim_end() == report[1]) {
            true => drop(lines.nth(report_lines - 2)),
            false => text.push_str(line),
        }
    }
    text
}

/// In a process of its own: takes the steps in the directory that it is in.
fn live(steps: &[Json]) {
    let open = |name| OpenOptions::new().append(true).create(true).open(name).unwrap();
    rustix::stdio::dup2_stdout(open("stdout")).unwrap();
    rustix::stdio::dup2_stderr(open("stderr")).unwrap();
    let mut guard = None;
    let raised: Vec<Option<String>> = steps.iter().map(|arguments| step(&mut guard, arguments).err()).collect();
    drop(guard);
    std::fs::write("raised", serde_json::to_string(&raised).unwrap()).unwrap();
}

/// Takes one step; what it raises, in CPython's words.
fn step(guard: &mut Option<Guard>, arguments: &Json) -> Result<(), String> {
    let text = |index: usize| arguments[index].as_str().unwrap();
    let level = |index: usize| Level(arguments[index].as_i64().unwrap().try_into().unwrap());
    match (text(0), &guard) {
        ("config", None) => {
            *guard = Some(from_str(text(1), Format::Json).and_then(logtree::Config::install).map_err(said)?)
        }
        ("config", Some(guard)) => {
            from_str(text(1), Format::Json).and_then(|config| guard.apply(config)).map_err(said)?
        }
        ("basic", _) => *guard = Some(basic(&arguments[1]).map_err(said)?),
        ("log", _) => get_logger(text(1)).log(level(2), text(3), &[]),
        ("get", _) => drop(get_logger(text(1))),
        ("level", Some(guard)) => guard.set_level(text(1), level(2)),
        ("disable", _) => disable(level(1)),
        (other, _) => panic!("no step: {other}"),
    }
    Ok(())
}

fn basic(arguments: &Json) -> Result<Guard, Error> {
    let mut basic = basic_config();
    for (keyword, value) in arguments.as_object().unwrap() {
        let text = || value.as_str().unwrap();
        basic = match keyword.as_str() {
            "filename" => basic.filename(text()),
            "filemode" => basic.filemode(text().parse::<OpenMode>()?),
            "stream" => basic.stream(if text() == "stdout" { StdStream::Stdout } else { StdStream::Stderr }),
            "style" => basic.style(match text() {
                "{" => Style::Brace,
                "$" => Style::Dollar,
                _ => Style::Percent,
            }),
            "format" => basic.format(text()),
            "level" => basic.level(Level(value.as_i64().unwrap().try_into().unwrap())),
            "force" => basic.force(value.as_bool().unwrap()),
            other => panic!("no argument: {other}"),
        };
    }
    basic.install()
}

fn said(error: Error) -> String {
    match error.problems().and_then(|problems| problems.iter().find(|problem| problem.is_error())) {
        Some(problem) => format!("{}: {}", problem.exception().unwrap_or_default(), problem.message()),
        None => error.to_string(),
    }
}

/// Cases that CPython 3.13 draws and answers, if it is there.
fn draw(seed: usize, cases: usize) -> Option<String> {
    // A version manager's shim asks for the variable; nobody else minds.
    let python =
        |arguments: &[&str]| Command::new("python3.13").args(arguments).env("PYENV_VERSION", "3.13.0").output();
    python(&["--version"]).ok().filter(|output| output.status.success())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/state/corpus.py");
    let output = python(&[script, "--seed", &seed.to_string(), "--cases", &cases.to_string()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
