//! Filters that hold back and count.

use logtree_core::{Argument, Direct, Level, Value};

use super::{Behind, list, make, text};

fn limit(arguments: &[(&str, Argument)]) -> Behind {
    Behind::new(make("RateLimitFilter", arguments).unwrap())
}

fn rate(rate: i64) -> (&'static str, Argument) {
    ("rate", Argument::Int(rate))
}

#[test]
fn so_many_pass_and_the_rest_is_counted_and_said() {
    let behind = limit(&[rate(3), ("per", Argument::Int(1))]);
    for number in 0..10 {
        behind.log(0.0, &format!("m{number}"));
    }
    assert_eq!(behind.seen(), ["20 a.b m0", "20 a.b m1", "20 a.b m2"]);
    // A third of a second later there is room for one.
    behind.log(0.34, "later");
    assert_eq!(behind.seen(), ["20 a.b 7 records held back: more than 3 in 1 s", "20 a.b later"]);
    behind.log(0.35, "too soon");
    behind.log(10.0, "much later");
    assert_eq!(behind.seen(), ["20 a.b 1 record held back: more than 3 in 1 s", "20 a.b much later"]);
    behind.log(10.0, "and on");
    assert_eq!(behind.seen(), ["20 a.b and on"]);
}

#[test]
fn in_the_long_run_the_rate_is_kept_whatever_the_burst() {
    let behind = limit(&[rate(10), ("per", Argument::Float(0.5)), ("burst", Argument::Int(50))]);
    // 1000 records in 10 s: 50 at once, then 20 a second.
    for number in 0..1000 {
        behind.log(f64::from(number) / 100.0, "m");
    }
    let passed = behind.seen().iter().filter(|line| line.ends_with(" m")).count();
    assert!((248..=251).contains(&passed), "{passed}");
}

#[test]
fn each_key_has_its_limit_and_the_count_says_which() {
    let behind = limit(&[rate(1), ("by", list(&["name", "user"]))]);
    for (name, user) in [("a", "ann"), ("a", "bob"), ("b", "ann"), ("a", "ann"), ("a", "ann"), ("a", "bob")] {
        behind.at(0.0, name, Level::INFO, "m", &[("user", Value::Str(user))]);
    }
    behind.at(0.0, "a", Level::INFO, "without", &[]);
    let user = |user| format!("user=Str({user:?})");
    let first =
        [format!("20 a m {}", user("ann")), format!("20 a m {}", user("bob")), format!("20 b m {}", user("ann"))];
    assert_eq!(behind.seen(), [&first[..], &["20 a without".to_owned()]].concat());
    // That of a key that logs no more is said with the next that passes, once its time is over.
    behind.at(1.0, "a", Level::INFO, "m", &[("user", Value::Str("bob"))]);
    let said = |count, user| format!("20 a {count} held back: more than 1 in 1 s user=Str({user:?})");
    let expected = [said("1 record", "bob"), said("2 records", "ann"), format!("20 a m {}", user("bob"))];
    assert_eq!(behind.seen(), expected);
}

#[test]
fn a_count_stands_under_the_logger_and_the_highest_level_of_what_it_counts() {
    let behind = limit(&[rate(1)]);
    behind.at(0.0, "x", Level::INFO, "m", &[]);
    behind.at(0.1, "y", Level::INFO, "m", &[]);
    behind.at(0.2, "y", Level::ERROR, "m", &[]);
    behind.at(0.3, "y", Level::WARNING, "m", &[]);
    behind.at(9.0, "z", Level::DEBUG, "m", &[]);
    assert_eq!(behind.seen(), ["20 x m", "40 y 3 records held back: more than 1 in 1 s", "10 z m"]);
}

#[test]
fn keys_are_bounded_and_the_one_that_makes_way_is_spoken_of() {
    let behind = limit(&[rate(1), ("per", Argument::Int(100)), ("by", text("user")), ("max_keys", Argument::Int(2))]);
    for (at, user) in [(0.0, "a"), (0.0, "a"), (1.0, "b"), (2.0, "c")] {
        behind.at(at, "n", Level::INFO, "m", &[("user", Value::Str(user))]);
    }
    let seen = behind.seen();
    assert_eq!(seen[2], "20 n 1 record held back: more than 1 in 100 s user=Str(\"a\")", "{seen:?}");
    assert_eq!(seen.len(), 4);
    // Those that are still there hold on.
    for user in ["b", "c"] {
        behind.at(3.0, "n", Level::INFO, "m", &[("user", Value::Str(user))]);
    }
    assert!(behind.seen().is_empty());
    // A thousand users cost no more memory than two, and each passes once.
    for number in 0..1000 {
        behind.at(4.0, "n", Level::INFO, "m", &[("user", Value::I64(number))]);
    }
    assert_eq!(behind.seen().iter().filter(|line| line.contains(" m ")).count(), 1000);
}

#[test]
fn a_clock_that_is_set_back_silences_nobody() {
    for behind in [limit(&[rate(1)]), duplicates(&[])] {
        behind.log(1_000_000.0, "m");
        behind.seen();
        behind.log(5.0, "m");
        assert_eq!(behind.seen(), ["20 a.b m"]);
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_put_off_what_is_to_be_said_of_others() {
    let limit = limit(&[rate(1), ("by", text("name"))]);
    let duplicates = duplicates(&[("remember", Argument::Int(2)), ("interval", Argument::Int(1))]);
    let said = ["1 record held back: more than 1 in 1 s", "message repeated 1 time: [m]"];
    for (behind, said) in [(&limit, said[0]), (&duplicates, said[1])] {
        (0..2).for_each(|_| behind.at(5000.0, "a", Level::INFO, "m", &[]));
        behind.seen();
        // An hour earlier; and what was held back by then logs no more.
        behind.at(1400.0, "b", Level::INFO, "other", &[]);
        let mut seen = behind.seen();
        seen.sort();
        assert_eq!(seen, [format!("20 a {said}"), "20 b other".to_owned()]);
    }
}

#[test]
fn a_flush_says_what_is_held_back_once() {
    let limit = limit(&[rate(1)]);
    let duplicates = duplicates(&[]);
    for behind in [&limit, &duplicates] {
        (0..4).for_each(|_| behind.log(0.0, "m"));
        assert_eq!(behind.seen(), ["20 a.b m"]);
        behind.entry.say_unsaid(&mut Direct);
    }
    assert_eq!(limit.seen(), ["20 a.b 3 records held back: more than 1 in 1 s"]);
    assert_eq!(duplicates.seen(), ["20 a.b last message repeated 3 times"]);
    for behind in [&limit, &duplicates] {
        behind.entry.say_unsaid(&mut Direct);
        assert!(behind.seen().is_empty());
        // It is said, not forgotten: the message is still held back.
        behind.log(0.1, "m");
        assert!(behind.seen().is_empty());
    }
}

#[test]
fn arguments_of_the_wrong_size_are_refused() {
    let error = |class: &str, arguments: &[(&str, Argument)]| make(class, arguments).err().unwrap();
    assert!(error("RateLimitFilter", &[]).contains("missing 1 required positional argument: 'rate'"));
    assert!(error("RateLimitFilter", &[rate(0)]).contains("'rate' must be a whole number from 1 to 4294967295"));
    assert!(error("RateLimitFilter", &[rate(1), ("per", Argument::Int(0))]).contains("in more time than none"));
    assert!(error("RateLimitFilter", &[rate(1), ("max_keys", Argument::Int(65_537))]).contains("from 1 to 65536"));
    assert!(error("RateLimitFilter", &[rate(1), ("by", Argument::Int(3))]).contains("'by' must be a list of str"));
    assert!(error("DuplicateFilter", &[("remember", Argument::Int(1001))]).contains("from 1 to 1000"));
    assert!(error("DuplicateFilter", &[("interval", text("1m"))]).contains("a number of seconds"));
}

fn duplicates(arguments: &[(&str, Argument)]) -> Behind {
    Behind::new(make("DuplicateFilter", arguments).unwrap())
}

#[test]
fn a_message_passes_once_and_its_repetitions_are_counted() {
    let behind = duplicates(&[]);
    for (at, message) in [(0.0, "a"), (1.0, "a"), (2.0, "a"), (3.0, "b"), (4.0, "a"), (5.0, "a"), (6.0, "c")] {
        behind.log(at, message);
    }
    let expected = ["a", "last message repeated 2 times", "b", "a", "last message repeated 1 time", "c"]
        .map(|m| format!("20 a.b {m}"));
    assert_eq!(behind.seen(), expected);
}

#[test]
fn once_in_the_interval_it_passes_anew() {
    let behind = duplicates(&[("interval", Argument::Int(10)), ("allowed", Argument::Int(2))]);
    for second in 0..25 {
        behind.log(second.into(), "m");
    }
    let seen = behind.seen();
    let said = "20 a.b last message repeated 8 times";
    let message = "20 a.b m";
    assert_eq!(seen, [message, message, said, message, message, said, message, message]);
}

#[test]
fn what_differs_in_logger_level_error_or_field_is_another_message() {
    let behind = duplicates(&[]);
    behind.at(0.0, "x", Level::INFO, "m", &[]);
    behind.at(0.0, "y", Level::INFO, "m", &[]);
    behind.at(0.0, "y", Level::ERROR, "m", &[]);
    behind.at(0.0, "y", Level::ERROR, "m", &[("id", Value::I64(1))]);
    behind.at(0.0, "y", Level::ERROR, "m", &[("id", Value::I64(2))]);
    behind.at(0.0, "y", Level::ERROR, "m", &[("di", Value::I64(2))]);
    for error in ["no route", "timed out"] {
        super::with_record("m", |record| {
            let record = logtree_core::Record { exc_text: Some(error), ..*record };
            behind.entry.handle(&record, &mut Direct);
        });
    }
    let seen = behind.seen();
    assert!(seen.len() == 8 && !seen.iter().any(|line| line.contains("repeated")), "{seen:?}");
    let ignoring = duplicates(&[("ignore", list(&["id"]))]);
    for id in 0..3 {
        ignoring.at(0.0, "y", Level::INFO, "m", &[("id", Value::I64(id)), ("of", Value::Str("a"))]);
    }
    ignoring.at(0.0, "y", Level::INFO, "m", &[("id", Value::I64(0)), ("of", Value::Str("b"))]);
    let seen = ignoring.seen();
    assert_eq!((seen.len(), &*seen[1]), (3, "20 y last message repeated 2 times"));
}

#[test]
fn messages_that_come_in_turns_are_each_remembered() {
    let behind = duplicates(&[("remember", Argument::Int(2)), ("interval", Argument::Int(10))]);
    for second in 0..6 {
        behind.log(second.into(), if second % 2 == 0 { "a" } else { "b" });
    }
    assert_eq!(behind.seen(), ["20 a.b a", "20 a.b b"]);
    // A third takes the place of that which was met longest ago.
    behind.log(6.0, "c");
    assert_eq!(behind.seen(), ["20 a.b message repeated 2 times: [a]", "20 a.b c"]);
    behind.log(7.0, "b");
    assert!(behind.seen().is_empty());
    // The interval of b is over: it is spoken of before the next one that passes.
    behind.log(12.0, "d");
    let seen = behind.seen();
    assert_eq!(seen, ["20 a.b message repeated 3 times: [b]", "20 a.b d"]);
}

#[test]
fn what_is_held_back_costs_no_memory() {
    let limit = limit(&[rate(1)]);
    let duplicates = duplicates(&[]);
    for behind in [&limit, &duplicates] {
        (0..3).for_each(|_| behind.log(0.0, "m"));
        behind.seen();
        super::with_record("m", |record| {
            let info = allocation_counter::measure(|| {
                (0..100).for_each(|_| behind.entry.handle(record, &mut Direct));
            });
            assert_eq!(info.count_total, 0);
        });
        assert!(behind.seen().is_empty());
    }
}
