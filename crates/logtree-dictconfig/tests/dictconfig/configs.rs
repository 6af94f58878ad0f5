//! The configs of `data/configs`, met in the wild: each is accepted, or names exactly the classes that only its own
//! project has.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use logtree_dictconfig::{Config, Format, registry};

/// What is refused all the same: Prefect replaces `${…}` before dictConfig sees it.
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
    assert_eq!(configs.len(), 25);
    assert!(OWN.iter().map(|(name, _)| name).chain([&REFUSED.0]).all(|name| configs.contains_key(*name)));
    for (name, text) in &configs {
        let expected = if name == REFUSED.0 { REFUSED.1 } else { &[] };
        let own = entry(OWN, name).unwrap_or_default();
        assert_eq!(refused_for(name, text, own.iter().copied()), expected, "{name}");
    }
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
