//! A config's way into the segment of its queues, and out of it in a listener.

use std::sync::Arc;

use logtree_core::{QueueListener, Registry};
use logtree_dictconfig::{Format, Plan, Problems};
pub(crate) use logtree_prefork::ConfigAge as Age;
use logtree_prefork::{ConfigText, Configured, with_config};

/// What queues are told of the config that they come from.
#[derive(Debug)]
pub(crate) struct Sharing(Configured);

impl Sharing {
    pub(crate) fn new(plan: &Plan, origin: &str, age: Age, registry: &Registry) -> Self {
        let config = ConfigText {
            text: plan.text().to_owned(),
            format: name(plan.format()).to_owned(),
            origin: origin.to_owned(),
            directory: std::env::current_dir().unwrap_or_default(),
            environment: plan.environment().clone(),
            age,
        };
        let registry = registry.clone();
        let rebuild = Arc::new(move |config: &ConfigText, handler: &str| rebuild(&registry, config, handler));
        Self(Configured { config: Arc::new(config), rebuild, is_service: false })
    }

    /// It does not only stand in a file: the program was told to go on with it.
    pub(crate) fn in_force_now(mut self) -> Self {
        Arc::make_mut(&mut self.0.config).age = Age::now();
        self
    }

    /// The process listens to its queue, and does nothing else.
    pub(crate) fn of_service(mut self) -> Self {
        self.0.is_service = true;
        self
    }

    /// Makes or starts the handlers of the config.
    pub(crate) fn run<R>(&self, make: impl FnOnce() -> R) -> R {
        with_config(&self.0, make)
    }
}

/// Builds what stands behind a queue, of a config that another process may have read.
fn rebuild(registry: &Registry, config: &ConfigText, handler: &str) -> Result<QueueListener, String> {
    let format = format(&config.format).ok_or("it is of an unknown format")?;
    let reader = logtree_dictconfig::Config::new(registry).on_top(true).environment(config.environment.clone());
    // The first problem says enough: another process has the config, and there it had none.
    let first = |problems: Problems| problems.iter().next().map_or_else(String::new, ToString::to_string);
    let plan = reader.parse(&config.text, format, &*config.origin).map_err(first)?;
    let opened = plan.only(handler).open().map_err(first)?;
    let entry = opened.handlers().iter().find(|entry| entry.name == handler);
    let listener = entry.and_then(|entry| entry.handler.queue_listener()).cloned();
    listener.ok_or_else(|| format!("its handler '{handler}' is none before a queue"))
}

const FORMATS: [(Format, &str); 4] =
    [(Format::Json, "json"), (Format::Yaml, "yaml"), (Format::Toml, "toml"), (Format::Ini, "ini")];

fn name(format: Format) -> &'static str {
    FORMATS.iter().find(|(known, _)| *known == format).map_or("", |(_, name)| name)
}

fn format(name: &str) -> Option<Format> {
    FORMATS.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
}
