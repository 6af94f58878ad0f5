//! What an explanation says reaches a handler is what the routes deliver to it, whatever the config.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logtree_core::{
    Direct, EmitError, Explanation, Filter, Formatter, Handler, HandlerEntry, HandlerPlan, Level, Outcome, Record,
    Registry, Replacement, Stage, Steps, Tree, TreeBuilder, Verdict,
};
use logtree_dictconfig::{Config, Format, Plan, registry};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::registry::record;

/// Which handlers have had which record: the first word of its message.
type Diary = Arc<Mutex<Vec<(String, String)>>>;

/// Notes what comes.
struct Leaf {
    name: String,
    diary: Diary,
}

impl Handler for Leaf {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        let word = record.message.split(' ').next().unwrap_or_default();
        self.diary.lock().unwrap().push((self.name.clone(), word.to_owned()));
        Ok(())
    }
}

/// Passes messages that end in `yes`, and puts others in their place. It looks at the record, so nobody can say beforehand.
struct SaysYes;

impl Filter for SaysYes {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        if !record.message.ends_with("yes") {
            return Verdict::Reject;
        }
        Replacement { message: Some(record.message.replace(' ', "  ")), ..Replacement::default() }.into()
    }
}

fn registered(diary: &Diary) -> Registry {
    let mut registry = registry();
    let diary = Arc::clone(diary);
    registry
        .handler("my.Leaf", move |kwargs| {
            let (name, diary) = (kwargs.entry().to_owned(), Arc::clone(&diary));
            kwargs.finish()?;
            Ok(Box::new(|_| Ok(Box::new(Leaf { name, diary }) as Box<dyn Handler>)) as HandlerPlan)
        })
        .filter("my.SaysYes", |kwargs| {
            kwargs.finish()?;
            Ok(Arc::new(SaysYes))
        });
    registry
}

fn plan(config: &Json, registry: &Registry) -> Plan {
    Config::new(registry).parse(&config.to_string(), Format::Json, "logging.json").unwrap()
}

/// Handlers of all kinds, each before those that it hands on to.
fn handlers() -> impl Strategy<Value = Json> {
    let names = || proptest::collection::vec(0..8_usize, 0..3);
    let handler = (0..4, 0..4_i32, filters(), names(), any::<bool>());
    proptest::collection::vec(handler, 8).prop_map(|handlers| {
        let made = handlers.into_iter().enumerate().map(|(index, (kind, level, filters, children, respects))| {
            let children: Vec<String> = children.into_iter().filter(|c| *c < index).map(|c| format!("h{c}")).collect();
            let mut handler = match (kind, children.first()) {
                (0, Some(target)) => {
                    json!({"class": "logging.handlers.MemoryHandler", "capacity": 3, "target": target})
                }
                (1, Some(_)) => json!({
                    "class": "logging.handlers.QueueHandler", "listener": "logging.handlers.QueueListener",
                    "handlers": children, "respect_handler_level": respects,
                }),
                _ => json!({"class": "my.Leaf"}),
            };
            (handler["level"], handler["filters"]) = (level.into(), filters);
            (format!("h{index}"), handler)
        });
        made.collect()
    })
}

/// Some of `a` (the logger a), `ab` (a.b), `yes` (who knows), `none` (nobody), `all` (everybody).
fn filters() -> impl Strategy<Value = Json> {
    let names = proptest::sample::subsequence(vec!["a", "ab", "yes", "none", "all"], 0..3);
    prop_oneof![3 => Just(json!([])), 1 => names.prop_map(|names| json!(names))]
}

const NAMES: [&str; 7] = ["", "a", "a.b", "a.b.c", "a.b.c.d", "ab", "x"];

fn loggers() -> impl Strategy<Value = BTreeMap<&'static str, Json>> {
    let attached = proptest::collection::vec((0..8).prop_map(|index| format!("h{index}")), 0..3);
    let logger = (prop_oneof![Just(Json::Null), (0..4_i32).prop_map(Json::from)], any::<bool>(), filters(), attached)
        .prop_map(|(level, propagate, filters, handlers)| {
            json!({"level": level, "propagate": propagate, "filters": filters, "handlers": handlers})
        });
    proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), logger, 0..6)
}

/// The tree of both, in which a leaf is the last resort and these are disabled.
fn finish(mut builder: TreeBuilder, diary: &Diary, disabled: &[&str], disable: i32) -> Tree {
    let leaf = Leaf { name: "last".into(), diary: Arc::clone(diary) };
    let last = HandlerEntry::new("last", Box::new(leaf), logtree_formatters::default_formatter());
    last.set_level(Level(2));
    builder.last_resort(Arc::new(last)).disable(Level(disable));
    for name in disabled {
        builder.logger_mut(name).disabled = true;
    }
    builder.into_tree()
}

/// The leaves that it says are reached, for a record with and without a `yes`.
fn said(explanation: &Explanation, is_leaf: impl Fn(&str) -> bool) -> [Vec<String>; 2] {
    let reached = explanation.reached();
    let leaves = |may: &[Outcome]| {
        let names = reached.iter().filter(|(name, outcome)| is_leaf(name) && may.contains(outcome));
        let mut names: Vec<String> = names.map(|(name, _)| (*name).to_owned()).collect();
        names.sort();
        names
    };
    [leaves(&[Outcome::Passes, Outcome::Depends]), leaves(&[Outcome::Passes])]
}

proptest! {
    #[test]
    fn what_it_says_is_what_is_delivered(
        handlers in handlers(),
        loggers in loggers(),
        disabled in proptest::sample::subsequence(&NAMES[..], 0..2),
        disable in prop_oneof![4 => Just(0), 1 => 0..3],
    ) {
        let diary = Diary::default();
        let registry = registered(&diary);
        let config = json!({
            "version": 1,
            "filters": {"a": {"name": "a"}, "ab": {"name": "a.b"}, "yes": {"()": "my.SaysYes"},
                        "none": {"()": "django.utils.log.RequireDebugTrue"},
                        "all": {"()": "django.utils.log.RequireDebugFalse"}},
            "handlers": handlers.clone(), "loggers": loggers,
        });
        let is_leaf = |name: &str| name == "last" || handlers[name]["class"] == "my.Leaf";
        let outline = finish(plan(&config, &registry).outline(), &diary, &disabled, disable);
        let built = plan(&config, &registry).build().unwrap();
        let tree = finish(built.tree(), &diary, &disabled, disable);

        let mut expected: Vec<(String, String)> = Vec::new();
        for name in NAMES {
            for level in (0..5).map(Level) {
                let explanation = tree.explain(name, level);
                prop_assert_eq!(explanation.to_string(), outline.explain(name, level).to_string());
                for (leaves, answer) in said(&explanation, is_leaf).into_iter().zip(["yes", "no"]) {
                    let word = format!("{name}:{}:{answer}", level.0);
                    let message = format!("{word} {answer}");
                    let shown = if name.is_empty() { "root" } else { name };
                    let route = tree.find(name);
                    if route.is_enabled_for(level) {
                        route.handle(&Record { name: shown, level, ..record(&message) }, &mut Direct);
                    }
                    expected.extend(leaves.into_iter().map(|leaf| (leaf, word.clone())));
                }
            }
        }
        prop_assert!(tree.flush(Instant::now() + Duration::from_secs(60)));
        built.close();
        let mut delivered = std::mem::take(&mut *diary.lock().unwrap());
        delivered.sort();
        expected.sort();
        prop_assert_eq!(delivered, expected);
    }
}

/// A tree with everything in it that stops a record.
fn everything() -> Tree {
    let config = json!({
        "version": 1,
        "levels": {"NOTICE": 25},
        "filters": {"db": {"name": "app.db"}, "yes": {"()": "my.SaysYes"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "level": "ERROR"},
            "file": {"class": "logging.FileHandler", "filename": "app.log", "level": "NOTICE"},
            "held": {"class": "logging.handlers.MemoryHandler", "capacity": 3, "target": "file"},
            "queue": {"class": "logging.handlers.QueueHandler", "listener": "logging.handlers.QueueListener",
                      "handlers": ["file", "console"], "respect_handler_level": true, "filters": ["db", "yes"]},
        },
        "loggers": {
            "app": {"level": "INFO", "handlers": ["queue"]},
            "app.db": {"filters": ["yes"], "handlers": ["held"]},
            "app.web": {"handlers": ["held"], "propagate": false, "span_events": ["close", "enter"]},
        },
        "root": {"level": "WARNING", "handlers": ["console"]},
    });
    plan(&config, &registered(&Diary::default())).outline().build()
}

#[test]
fn it_prints_as_a_person_would_tell_it() {
    let tree = everything();
    let cases = [
        (
            "app::db",
            Level::INFO,
            "\
app.db at INFO
  + level INFO of app
  ? filter yes of app.db: depends on the record, and may change its name and level; what follows is for one that keeps them
  ? handler held of app.db
    ? handler file, level NOTICE (not asked) -> app.log
  ? handler queue of app -> queue.Queue
    + filter db of queue
    ? filter yes of queue: depends on the record, and may change its name and level; what follows is for one that keeps them
    - handler file, level NOTICE -> app.log
    - handler console, level ERROR -> sys.stderr
  - handler console of root, level ERROR -> sys.stderr
it may reach held, file, queue
",
        ),
        (
            "app.web.views",
            Level(25),
            "\
app.web.views at NOTICE
  . no logger app.web.views: it goes as one below app.web
  . so go records of its spans at enter, close: span_events of app.web
  + level INFO of app
  + handler held of app.web
    + handler file, level NOTICE (not asked) -> app.log
  - propagate is false on app.web: the handlers of app, root are not asked
it reaches held, file
",
        ),
        (
            "app",
            Level::CRITICAL,
            "\
app at CRITICAL
  + level INFO of app
  - handler queue of app -> queue.Queue
    - filter db of queue
  + handler console of root, level ERROR -> sys.stderr
it reaches console
",
        ),
        (
            "else",
            Level::INFO,
            "\
else at INFO
  . no logger else: it goes as one below root
  - level WARNING of root
it reaches no handler
",
        ),
    ];
    for (name, level, expected) in cases {
        assert_eq!(tree.explain(name, level).to_string(), expected);
    }
}

#[test]
fn what_is_disabled_and_what_meets_no_handler_is_told() {
    let mut builder = everything().source().clone();
    builder.logger_mut("app.web").disabled = true;
    builder.logger_mut("app").handlers.clear();
    builder.logger_mut("").handlers.clear();
    let cases = [
        ("app.web", Level(25), 0, "app.web at NOTICE\n  - app.web is disabled\nit reaches no handler\n"),
        ("app", Level::ERROR, 40, "app at ERROR\n  - logging.disable(ERROR)\nit reaches no handler\n"),
        ("app", Level(0), 0, "app at NOTSET\n  - logging.disable(NOTSET)\nit reaches no handler\n"),
        (
            "app",
            Level::ERROR,
            25,
            "\
app at ERROR
  + logging.disable(NOTICE)
  + level INFO of app
  . no handler on the walk
  + handler lastResort, level WARNING -> sys.stderr
it reaches lastResort
",
        ),
        (
            "app",
            Level::INFO,
            0,
            "\
app at INFO
  + level INFO of app
  . no handler on the walk
  - handler lastResort, level WARNING -> sys.stderr
it reaches no handler
",
        ),
    ];
    for (name, level, disable, expected) in cases {
        let tree = builder.disable(Level(disable)).build();
        assert_eq!(tree.explain(name, level).to_string(), expected);
    }
    builder.last_resort = None;
    let stages = builder.disable(Level::NOTSET).build().explain("app", Level::ERROR).stages;
    assert_eq!(stages.last(), Some(&Stage::NoHandler));
    builder.loggers.clear();
    builder.logger_mut("root").propagate = false;
    let text = builder.build().explain("root", Level::DEBUG).to_string();
    assert_eq!(text, "root at DEBUG\n  + no level is set\n  - no handler on the walk\nit reaches no handler\n");
}

#[test]
fn the_roots_records_are_called_root() {
    // CPython 3.13: logging.root.name == "root", and so logging.Filter("root") lets its records pass.
    let config = json!({
        "version": 1,
        "filters": {"root": {"name": "root"}},
        "handlers": {"leaf": {"class": "my.Leaf", "filters": ["root"]}},
        "root": {"level": 1, "handlers": ["leaf"]},
    });
    let tree = plan(&config, &registered(&Diary::default())).outline().build();
    assert_eq!(tree.explain("", Level(1)).reached(), [("leaf", Outcome::Passes)]);
    assert_eq!(tree.explain("app", Level(1)).reached(), []);
}

/// Gives records another level, and says that it passes all of them.
struct Demotes;

impl Filter for Demotes {
    fn filter(&self, _: &Record<'_>) -> Verdict {
        Replacement { level: Some(Level::DEBUG), ..Replacement::default() }.into()
    }

    fn decides(&self, _: &str, _: Level) -> Option<bool> {
        Some(true)
    }
}

#[test]
fn a_filter_that_may_change_the_level_is_told_of() {
    let mut registry = registered(&Diary::default());
    registry.filter("my.Demotes", |kwargs| {
        kwargs.finish()?;
        Ok(Arc::new(Demotes))
    });
    let config = json!({
        "version": 1,
        "filters": {"demotes": {"()": "my.Demotes"}, "secret": {"()": "logtree.RedactFilter", "fields": ["password"]}},
        "handlers": {"leaf": {"class": "my.Leaf", "level": "INFO"}},
        "root": {"level": "INFO", "handlers": ["leaf"], "filters": ["secret", "demotes"]},
    });
    let built = plan(&config, &registry).build().unwrap();
    let explained = built.tree().into_tree().explain("root", Level::INFO).to_string();
    let expected = "\
root at INFO
  + level INFO of root
  + filter secret of root
  + filter demotes of root: may change name and level; what follows is for a record that keeps them
  + handler leaf of root, level INFO
it reaches leaf
";
    assert_eq!(explained, expected);
}

/// What hands on in a row is told up to a depth that no stack minds.
#[test]
fn a_long_row_of_handlers_is_told_in_part() {
    let mut handlers = json!({"h0": {"class": "my.Leaf"}});
    for index in 1..=5000 {
        let target = format!("h{}", index - 1);
        handlers[format!("h{index}")] =
            json!({"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": target});
    }
    let config = json!({"version": 1, "handlers": handlers, "root": {"level": 1, "handlers": ["h5000"]}});
    let tree = plan(&config, &registered(&Diary::default())).outline().build();
    let explanation = tree.explain("", Level(1));
    assert_eq!(explanation.reached().len(), 65);
    assert!(explanation.to_string().contains(". and more\n"));
}

/// Each handler hands on twice to the next: 2^40 ways through, and none of them short.
#[test]
fn handlers_that_share_others_many_times_over_are_told_in_part() {
    let mut handlers = json!({"h0": {"class": "my.Leaf"}});
    for index in 1..=100 {
        let next = format!("h{}", index - 1);
        handlers[format!("h{index}")] = json!({
            "class": "logging.handlers.QueueHandler", "listener": "logging.handlers.QueueListener",
            "handlers": [next, next],
        });
    }
    let config = json!({"version": 1, "handlers": handlers, "root": {"level": 1, "handlers": ["h100"]}});
    let tree = plan(&config, &registered(&Diary::default())).outline().build();
    let explanation = tree.explain("", Level(1));
    assert!(explanation.reached().len() <= 10_000);
    assert!(explanation.to_string().contains(". and more\n"));
}
