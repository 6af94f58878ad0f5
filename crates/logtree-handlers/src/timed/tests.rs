//! When a file rolls and which ones go, by clocks that no test can wait for.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use logtree_core::{Direct, FormatError, with_own_record};

use super::*;
use crate::{Namer, cpython};

#[test]
fn files_are_deleted_that_cpython_deletes() {
    let cases = cpython::cases("timed.py", include_str!("../../tests/handlers/timed.jsonl"));
    let mut count = 0;
    for case in cases.iter().filter(|case| case.get("deleted").is_some()) {
        let directory = tempfile::tempdir().unwrap();
        let names = |key: &str| -> Vec<String> {
            case[key].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        names("files").iter().for_each(|name| std::fs::write(directory.path().join(name), "").unwrap());
        let handler = TimedRotatingFileHandler::new(TimedRotatingFileHandlerConfig {
            when: case["when"].as_str().unwrap().parse().unwrap(),
            backup_count: case["backupCount"].as_u64().unwrap() as u32,
            namer: case.get("namer").map_or_else(Namer::default, |namer| namer.as_str().unwrap().parse().unwrap()),
            ..TimedRotatingFileHandlerConfig::new(directory.path().join(case["base"].as_str().unwrap()))
        });
        let expected: Vec<_> = names("deleted").iter().map(|name| directory.path().join(name)).collect();
        assert_eq!(handler.unwrap().files_to_delete(&Direct).unwrap().0, expected, "{case}");
        count += expected.len();
    }
    assert!(count > 200, "{count}");
}

/// `DIFFERENCE`: Python gives the second file of a name no place of its own, and goes by the names.
#[test]
fn in_the_hour_that_comes_twice_the_youngest_are_kept() {
    // Summer ends at 01:00 UTC on 27 October 2024 in Berlin, and at 06:00 UTC on 3 November in New York.
    for (zone, end) in [("Europe/Berlin", 1_729_990_800), ("America/New_York", 1_730_613_600)] {
        for (when, step) in [(crate::When::Seconds, 1500), (crate::When::Minutes, 1500), (crate::When::Hours, 3600)] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a.log");
            let mut handler = TimedRotatingFileHandler::new(TimedRotatingFileHandlerConfig {
                when,
                interval_s: step,
                backup_count: 3,
                ..TimedRotatingFileHandlerConfig::new(&path)
            })
            .unwrap();
            handler.schedule.zone = Zone::of(zone);
            let began = end - 2 * 3600;
            std::fs::write(&path, "").unwrap();
            let modified = UNIX_EPOCH + std::time::Duration::from_secs(began as u64);
            std::fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
            let mut left = Vec::new();
            for now in (began..end + 2 * 3600).step_by(step as usize) {
                if now >= handler.due(now) {
                    handler.roll(now, &mut Direct).unwrap();
                }
                handler.file.appended().append(format!("{now}\n").as_bytes()).unwrap();
                left.push(format!("{now}\n"));
                let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
                let mut texts: Vec<_> = entries.map(|path| std::fs::read_to_string(path).unwrap()).collect();
                texts.sort_unstable();
                assert_eq!(texts, left[left.len().saturating_sub(4)..], "{zone} {when:?} at {now}");
            }
        }
    }
}

#[test]
fn records_of_a_clock_that_goes_and_steps_leave_what_cpython_leaves() {
    let cases = cpython::cases("timed.py", include_str!("../../tests/handlers/timed.jsonl"));
    let mut rolled = 0;
    for case in cases.iter().filter(|case| case.get("clock").is_some()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, case["before"].as_str().unwrap()).unwrap();
        let began = UNIX_EPOCH + std::time::Duration::from_secs(case["began"].as_u64().unwrap());
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(began).unwrap();
        let mut arguments = case.clone();
        let known = ["when", "interval", "backupCount", "atTime", "namer"];
        arguments.as_object_mut().unwrap().retain(|key, _| known.contains(&&**key));
        arguments["filename"] = path.to_str().unwrap().into();
        let kwargs = cpython::kwargs("TimedRotatingFileHandler", &arguments, Vec::new());
        let config = TimedRotatingFileHandlerConfig::from_kwargs(kwargs).unwrap();
        let mut handler = TimedRotatingFileHandler::new(config).unwrap();
        let zone = case["zone"].as_str().unwrap();
        handler.schedule.zone = Some(Zone::of(zone).unwrap());
        for (number, now) in case["clock"].as_array().unwrap().iter().enumerate() {
            let now = now.as_i64().unwrap();
            if now >= handler.due(now) {
                handler.roll(now, &mut Direct).unwrap();
            }
            handler.file.appended().append(format!("{number}\n").as_bytes()).unwrap();
        }
        let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
        let left: serde_json::Map<_, _> = entries
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text.into())
            })
            .collect();
        rolled += left.len() - 1;
        assert_eq!(serde_json::Value::from(left), case["left"], "{case}");
    }
    assert!(rolled > 400, "{rolled}");
}

#[test]
fn a_clock_that_steps_rolls_nothing_twice() {
    const START: i64 = 1_577_934_245;
    const HOUR: i64 = 3600;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    std::fs::write(&path, "old\n").unwrap();
    let config = TimedRotatingFileHandlerConfig { utc: true, ..TimedRotatingFileHandlerConfig::new(&path) };
    let handler = TimedRotatingFileHandler::new(config).unwrap();
    handler.due.store(START + HOUR, Ordering::Relaxed);
    // On by ten days, back by nine, and on again.
    for (now, suffix) in [
        (START, None),
        (START + 240 * HOUR, Some("2020-01-02_03")),
        (START + 24 * HOUR, None),
        (START + 25 * HOUR, None),
        (START + 241 * HOUR - 1, None),
        (START + 241 * HOUR, Some("2020-01-12_03")),
        (START, None),
    ] {
        let before = std::fs::read_dir(directory.path()).unwrap().count();
        if now >= handler.due(now) {
            handler.roll(now, &mut Direct).unwrap();
        }
        handler.file.appended().append(b"line\n").unwrap();
        let after = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(after - before, usize::from(suffix.is_some()), "{now}");
        assert!(suffix.is_none_or(|suffix| directory.path().join(format!("a.log.{suffix}")).exists()), "{suffix:?}");
    }
}

/// The same with sizes: by both rules each line is in a file of its own, named after the interval that the handler is in.
#[test]
fn a_full_file_rolls_whatever_the_clock_does() {
    const START: i64 = 1_577_934_245;
    const HOUR: i64 = 3600;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let config =
        TimedRotatingFileHandlerConfig { utc: true, max_bytes: 2, ..TimedRotatingFileHandlerConfig::new(&path) };
    let handler = TimedRotatingFileHandler::new(config).unwrap();
    handler.due.store(START + HOUR, Ordering::Relaxed);
    // Two in the first hour; on by ten days, back by nine, and on again; then back to where it began.
    let clock = [0, 1, 240 * HOUR, 240 * HOUR, 24 * HOUR, 25 * HOUR, 241 * HOUR, 0, 0].map(|since| START + since);
    for (number, now) in clock.into_iter().enumerate() {
        with_own_record("", &number.to_string(), |record| handler.emit_at(now, record, &Bare, &mut Direct)).unwrap();
    }
    let read = |suffix: &str| std::fs::read_to_string(directory.path().join(format!("a.log{suffix}"))).unwrap();
    for (line, suffix) in [
        ".2020-01-02_03.1",
        ".2020-01-02_03",
        ".2020-01-12_03.1",
        ".2020-01-12_03.2",
        ".2020-01-12_03.3",
        ".2020-01-12_03",
        ".2020-01-12_04.1",
        ".2020-01-12_04.2",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(read(suffix), format!("{line}\n"), "{suffix}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), clock.len());
}

/// Here each handler is as in a process of its own.
#[test]
fn a_file_that_another_process_began_is_not_rolled_for_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let open = || {
        let handler = TimedRotatingFileHandler::new(TimedRotatingFileHandlerConfig::new(&path)).unwrap();
        handler.open().unwrap();
        handler
    };
    let (one, other) = (open(), open());
    let emit = |handler: &TimedRotatingFileHandler, message| {
        with_own_record("", message, |record| handler.emit_at(now(), record, &Bare, &mut Direct)).unwrap();
    };
    [&one, &other].into_iter().for_each(|handler| emit(handler, "before"));
    // An hour is over for both.
    [&one, &other].into_iter().for_each(|handler| handler.due.store(now(), Ordering::Relaxed));
    emit(&one, "one");
    // Somebody has taken away what it was rolled to, so that the name is free.
    let entries = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let rolled: Vec<_> = entries.filter(|entry| *entry != path).collect();
    assert_eq!(rolled.len(), 1);
    std::fs::remove_file(&rolled[0]).unwrap();
    let (tick, began) = (crate::follow::Tick::now(), std::time::Instant::now());
    while crate::follow::Tick::now() == tick {
        assert!(began.elapsed() < std::time::Duration::from_secs(20));
        std::thread::yield_now();
    }
    emit(&other, "other");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nother\n");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

fn now() -> i64 {
    Timestamp::now().whole_seconds()
}

/// The message alone.
struct Bare;

impl Formatter for Bare {
    fn format(&self, record: &Record<'_>, out: &mut String) -> Result<(), FormatError> {
        out.push_str(record.message);
        Ok(())
    }
}
