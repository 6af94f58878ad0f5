//! The configs of `data/configs`, met in the wild: each is accepted, or names exactly the classes that only its own
//! project has.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use logtree_core::{Destination, StdStream};
use logtree_dictconfig::{Config, Format, registry};

/// What is refused all the same: Prefect replaces `${…}` before dictConfig sees it, which is our key `env`.
const REFUSED: (&str, &[&str]) = (
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
);

/// The classes and objects that only the config's own project has; the other configs need none.
const OWN: &[(&str, &[&str])] = &[
    ("cookbook_stdout_stderr_split.json", &["__main__.filter_maker"]),
    ("cookbook_utc_local.json", &["__main__.UTCFormatter"]),
    ("mcoding_3_filtered.json", &["mylogger.NonErrorFilter"]),
    ("mcoding_5_queued.json", &["mylogger.MyJSONFormatter"]),
    (
        "octoprint.json",
        &[
            "octoprint.logging.handlers.AuthLogHandler",
            "octoprint.logging.handlers.OctoPrintLogHandler",
            "octoprint.logging.handlers.OctoPrintStreamHandler",
            "octoprint.logging.handlers.PluginTimingsLogHandler",
            "octoprint.logging.handlers.SerialLogHandler",
            "octoprint.logging.handlers.TornadoLogHandler",
            "octoprint.logging.handlers.WrappingHandler",
            "tornado.log.LogFormatter",
        ],
    ),
    (
        "prefect.json",
        &[
            "prefect.logging.formatters.JsonFormatter",
            "prefect.logging.formatters.PrefectFormatter",
            "prefect.logging.handlers.APILogHandler",
            "prefect.logging.handlers.PrefectConsoleHandler",
            "prefect.logging.handlers.WorkerAPILogHandler",
            "prefect.logging.handlers._SafeStreamHandler",
        ],
    ),
    ("privacyidea.json", &["privacyidea.lib.log.SecureFormatter"]),
    ("sanic_default.json", &["sanic.logging.formatter.AutoAccessFormatter", "sanic.logging.formatter.AutoFormatter"]),
    ("structlog_watched_file.json", &["structlog.dev.ConsoleRenderer", "structlog.stdlib.ProcessorFormatter"]),
    ("syslog_tcp_cee.json", &["cee_formatter.CEEFormatter"]),
    (
        "zulip.json",
        &[
            "zerver.lib.logging_util.EmailLimiter",
            "zerver.lib.logging_util.RequireReallyDeployed",
            "zerver.lib.logging_util.ReturnEnabled",
            "zerver.lib.logging_util.ReturnTrue",
            "zerver.lib.logging_util.ZulipFormatter",
            "zerver.lib.logging_util.ZulipLimiter",
            "zerver.lib.logging_util.ZulipWebhookFormatter",
            "zerver.logging_handlers.AdminNotifyHandler",
            "zproject.computed_settings.skip_200_and_304",
            "zproject.computed_settings.skip_site_packages_logs",
        ],
    ),
];

pub(crate) fn configs() -> BTreeMap<String, String> {
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

/// The paths of what a config is refused for, when the program is said to have these classes and objects.
fn refused_for(name: &str, text: &str, assumed: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    let registry = registry();
    let config = assumed.into_iter().fold(Config::new(&registry), Config::assume_class);
    let problems = config.parse(text, Format::Json, name).err();
    let errors = problems.iter().flatten().filter(|problem| problem.is_error());
    errors.map(|problem| problem.path().to_owned()).collect()
}

fn entry<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(config, _)| *config == name).map(|(_, entry)| *entry)
}

#[test]
fn each_is_accepted_once_it_has_the_classes_of_its_project() {
    let configs = configs();
    assert_eq!(configs.len(), 26);
    assert!(OWN.iter().map(|(name, _)| name).chain([&REFUSED.0]).all(|name| configs.contains_key(*name)));
    for (name, text) in &configs {
        let expected = if name == REFUSED.0 { REFUSED.1 } else { &[] };
        let own = entry(OWN, name).unwrap_or_default();
        assert_eq!(refused_for(name, text, own.iter().copied()), expected, "{name}");
    }
}

/// Outside of a request, as its documentation says, it is `sys.stderr`.
#[test]
fn flasks_stream_is_stderr() {
    let plan = Config::new(&registry()).parse(&configs()["flask_docs.json"], Format::Json, "flask_docs.json").unwrap();
    let built = plan.build().unwrap();
    assert_eq!(Destination::of(&built.handlers()[0]), Some(Destination::Stream(StdStream::Stderr)));
}

#[test]
fn prefects_levels_come_from_the_environment_where_the_config_asks_for_it() {
    const MARK: &str = "PREFECT_INTERNAL_LOGGING_LEVEL";
    let text = configs()[REFUSED.0].replacen('{', "{\"env\": true,", 1);
    let own = || entry(OWN, REFUSED.0).unwrap().iter().copied();
    if std::env::var_os(MARK).is_some() {
        assert_eq!(refused_for(REFUSED.0, &text, own()), Vec::<String>::new());
        let registry = registry();
        let plan = own().fold(Config::new(&registry), Config::assume_class).parse(&text, Format::Json, "x").unwrap();
        let level = |name: &str| plan.loggers().iter().find(|logger| logger.name() == name).unwrap().level();
        assert_eq!((level("prefect").unwrap().0, level("prefect._internal").unwrap().0), (20, 40));
        return;
    }
    // Where they are not set, that is what is wrong, and nothing else.
    assert_eq!(refused_for(REFUSED.0, &text, own()), REFUSED.1);
    let problems = Config::new(&registry()).parse(&text, Format::Json, "x").unwrap_err();
    let first = problems.iter().next().unwrap().to_string();
    let expected = "x:64:16: loggers.prefect.level: the environment variable PREFECT_LOGGING_LEVEL is not set";
    assert!(first.starts_with(expected), "{first}");
    // The environment of a process is its own to set only before it starts.
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "configs::prefects_levels_come_from_the_environment_where_the_config_asks_for_it"]);
    again.envs([("PREFECT_LOGGING_LEVEL", "INFO"), ("PREFECT_SERVER_LOGGING_LEVEL", "WARNING"), (MARK, "ERROR")]);
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn each_needs_every_class_of_its_project() {
    let configs = configs();
    for (name, own) in OWN {
        for absent in *own {
            let others = own.iter().copied().filter(|class| class != absent);
            let refused = refused_for(name, &configs[*name], others);
            let without = refused.iter().any(|path| !REFUSED.1.contains(&path.as_str()));
            assert!(without, "{name} is accepted without {absent}");
        }
    }
}

#[test]
fn a_class_that_the_program_is_said_to_have_and_has_not_is_refused_by_name() {
    let configs = configs();
    let registry = registry();
    let own = entry(OWN, "octoprint.json").unwrap();
    let config = own.iter().fold(Config::new(&registry), |config, class| config.assume_class(*class));
    let plan = config.parse(&configs["octoprint.json"], Format::Json, "octoprint.json").unwrap();
    // The check is content.
    assert!(plan.warnings().iter().all(|warning| !warning.to_string().contains("octoprint.logging")), "{plan:?}");
    let problems = plan.build().unwrap_err();
    assert!(problems.is_not_built());
    assert!(problems.to_string().contains("tornado.log.LogFormatter is not available"), "{problems}");
}

/// A figure to show: `cargo test --release -p logtree-dictconfig -- --ignored --nocapture fast`.
#[test]
#[ignore = "a measurement, for release builds"]
fn the_largest_is_read_fast() {
    let configs = configs();
    let (name, text) = configs.iter().max_by_key(|(_, text)| text.len()).unwrap();
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let registry = registry();
    for (file, text) in [("largest.json", text.clone()), ("largest.yaml", super::formats::in_yaml(&value))] {
        let path = directory.path().join(file);
        std::fs::write(&path, &text).unwrap();
        let load = || {
            let start = Instant::now();
            let outcome = Config::new(&registry).load(&path);
            let elapsed = start.elapsed();
            drop(outcome);
            elapsed
        };
        let first = load();
        let mut times: Vec<Duration> = (0..199).map(|_| load()).collect();
        times.sort();
        let median = times[100];
        let said = format!("{name} as {file}, {} bytes: first {first:?}, median {median:?}\n", text.len());
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        assert!(first < Duration::from_millis(3), "{said}");
    }
}
