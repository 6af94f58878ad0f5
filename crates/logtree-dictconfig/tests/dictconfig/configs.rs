//! The configs of `data/configs`, met in the wild: each is accepted, or names exactly the classes that only its own
//! project has.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use logtree_dictconfig::{Config, Format, Plan, Problems, registry};

/// What is refused besides the classes of their own projects, and why.
const REFUSED: &[(&str, &[&str], &str)] = &[(
    "prefect.json",
    &[
        "loggers.prefect.level",
        "loggers[prefect.extra].level",
        "loggers[prefect.server].level",
        "loggers[prefect.client].level",
        "loggers[prefect.infrastructure].level",
        "loggers[prefect._internal].level",
        "loggers.uvicorn.level",
        "loggers.fastapi.level",
    ],
    "Prefect replaces ${…} before dictConfig sees it",
)];

/// The packages of which only the project itself has classes.
const PROJECTS: &[&str] = &[
    "__main__",
    "cee_formatter",
    "mylogger",
    "octoprint",
    "prefect",
    "privacyidea",
    "sanic",
    "structlog",
    "tornado",
    "zerver",
    "zproject",
];

fn configs() -> BTreeMap<String, String> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/configs");
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let configs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    configs
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// What a config is refused for.
fn errors(outcome: &Result<Plan, Problems>) -> Vec<&logtree_dictconfig::Problem> {
    outcome.as_ref().err().into_iter().flatten().filter(|problem| problem.is_error()).collect()
}

/// The class that a problem says it does not know.
fn unknown_class(problem: &logtree_dictconfig::Problem) -> bool {
    let modules = problem.causes().iter().filter(|cause| cause.kind == "ModuleNotFoundError");
    let mut modules = modules.filter_map(|cause| cause.message.strip_prefix("No module named '")?.strip_suffix('\''));
    modules.next().is_some_and(|module| PROJECTS.contains(&module))
}

#[test]
fn each_is_accepted_or_names_the_classes_of_its_project() {
    let configs = configs();
    assert_eq!(configs.len(), 25);
    let registry = registry();
    for (name, text) in &configs {
        let outcome = Config::new(&registry).parse(text, Format::Json, name);
        let other = errors(&outcome).into_iter().filter(|problem| !unknown_class(problem));
        let other: Vec<&str> = other.map(logtree_dictconfig::Problem::path).collect();
        let expected = REFUSED.iter().find(|(config, ..)| config == name).map_or(&[][..], |(_, paths, _)| paths);
        assert_eq!(other, expected, "{name}");
    }
}

#[test]
fn classes_that_the_program_is_said_to_have_are_passed_over() {
    let configs = configs();
    let text = &configs["octoprint.json"];
    let registry = registry();
    let mut config = Config::new(&registry);
    for class in [
        "octoprint.logging.handlers.AuthLogHandler",
        "octoprint.logging.handlers.OctoPrintLogHandler",
        "octoprint.logging.handlers.OctoPrintStreamHandler",
        "octoprint.logging.handlers.PluginTimingsLogHandler",
        "octoprint.logging.handlers.SerialLogHandler",
        "octoprint.logging.handlers.TornadoLogHandler",
        "octoprint.logging.handlers.WrappingHandler",
    ] {
        config = config.assume_class(class);
    }
    let outcome = config.clone().parse(text, Format::Json, "octoprint.json");
    assert_eq!(errors(&outcome).len(), 1, "{outcome:?}");
    let plan = config.assume_class("tornado.log.LogFormatter").parse(text, Format::Json, "octoprint.json").unwrap();
    assert!(plan.warnings().iter().all(|warning| !warning.to_string().contains("octoprint.logging")), "{plan:?}");
    // A check is content; the program that lacks them after all is refused by their names.
    let problems = plan.build().unwrap_err();
    assert!(problems.is_not_built());
    assert!(problems.to_string().contains("tornado.log.LogFormatter is not available"), "{problems}");
}

/// A figure to show: `cargo test --release -p logtree-dictconfig -- --ignored --nocapture fast`.
#[test]
#[ignore = "a measurement, for release builds"]
fn the_largest_is_checked_fast() {
    let configs = configs();
    let (name, text) = configs.iter().max_by_key(|(_, text)| text.len()).unwrap();
    let registry = registry();
    let check = || {
        let start = Instant::now();
        let outcome = Config::new(&registry).parse(text, Format::Json, name);
        let elapsed = start.elapsed();
        drop(outcome);
        elapsed
    };
    let mut times: Vec<Duration> = (0..200).map(|_| check()).collect();
    times.sort();
    let (first, median) = (times[0], times[100]);
    assert!(median < Duration::from_millis(3), "{name}, {} bytes: best {first:?}, median {median:?}", text.len());
    std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{name}, {} bytes, read and checked: best {first:?}, median {median:?}\n", text.len()).as_bytes(),
    )
    .unwrap();
}
