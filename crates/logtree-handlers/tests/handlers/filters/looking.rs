//! Filters that look at one record and forget it.

use logtree_core::{Argument, Direct, Filter, Level, Record, Value, Verdict};

use super::{Behind, fields_of, list, make, spans_of, text};
use crate::specimen::with_record;

fn passes(filter: &dyn Filter, record: &Record<'_>) -> bool {
    matches!(filter.filter(record), Verdict::Pass)
}

#[test]
fn levels_pass_between_two_bounds_that_belong_to_them() {
    let levels = [Level::DEBUG, Level::INFO, Level(25), Level::WARNING, Level::ERROR];
    let range = |arguments: &[(&str, Argument)]| {
        let filter = make("LevelRangeFilter", arguments).unwrap();
        let passing = levels.iter().filter(|level| {
            let passes = with_record("", |record| passes(&*filter, &Record { level: **level, ..*record }));
            assert_eq!(filter.decides("a", **level), Some(passes));
            passes
        });
        passing.map(|level| level.0).collect::<Vec<_>>()
    };
    assert_eq!(range(&[]), [10, 20, 25, 30, 40]);
    assert_eq!(range(&[("min_level", text("INFO")), ("max_level", text("WARNING"))]), [20, 25, 30]);
    assert_eq!(range(&[("max_level", Argument::Int(20))]), [10, 20]);
    assert_eq!(range(&[("min_level", Argument::Int(31))]), [40]);
    let error = |arguments: &[(&str, Argument)]| make("LevelRangeFilter", arguments).err().unwrap();
    let crossed = error(&[("min_level", text("ERROR")), ("max_level", text("INFO"))]);
    assert_eq!(crossed, "ValueError: no level is between min_level 40 and max_level 20");
    assert!(error(&[("min_level", text("info"))]).contains("Unknown level: 'info'"));
    assert!(error(&[("minLevel", text("INFO"))]).contains("unexpected keyword argument 'minLevel'"));
}

#[test]
fn directives_are_for_the_loggers_that_they_name_and_all_below() {
    // tracing-subscriber's `EnvFilter` is asked the same in the tests of the crate `logtree`.
    let filter = make("DirectivesFilter", &[("directives", text("warn,a=info,a::b=debug,c=off"))]).unwrap();
    let passing = |name: &str| {
        let levels = [Level::DEBUG, Level::INFO, Level::WARNING, Level::CRITICAL];
        let passing = levels.iter().filter(|level| {
            let passes = with_record("", |record| passes(&*filter, &Record { name, level: **level, ..*record }));
            assert_eq!(filter.decides(name, **level), Some(passes));
            passes
        });
        passing.map(|level| level.0).collect::<Vec<_>>()
    };
    assert_eq!(passing("a.x"), [20, 30, 50]);
    assert_eq!(passing("a.b.x"), [10, 20, 30, 50]);
    assert_eq!(passing("ab"), [30, 50]);
    assert_eq!(passing("c.x"), [0_i32; 0]);
    // What no directive is for does not pass, as with `EnvFilter`.
    let alone = make("DirectivesFilter", &[("directives", text("a=info"))]).unwrap();
    assert_eq!((alone.decides("b", Level::CRITICAL), alone.decides("a", Level::INFO)), (Some(false), Some(true)));
    let error = |arguments: &[(&str, Argument)]| make("DirectivesFilter", arguments).err().unwrap();
    let wrong = error(&[("directives", text("a=verbose,[span=debug"))]);
    assert!(wrong.contains("'a=verbose' gives no level") && wrong.contains("'[span=debug' names no span"), "{wrong}");
    assert!(error(&[]).contains("missing 1 required positional argument: 'directives'"));
}

/// Whether a record with these fields, in spans of one each, passes.
fn field(arguments: &[(&str, Argument)], fields: &[(&str, Value<'_>)], spans: &[(&str, Value<'_>)]) -> bool {
    let filter = make("FieldFilter", arguments).unwrap();
    let (fields, buffer) = (fields_of(fields), spans.iter().map(|field| ("s", std::slice::from_ref(field))));
    let spans = spans_of(&buffer.collect::<Vec<_>>());
    with_record("retried", |record| {
        passes(&*filter, &Record { fields: fields.as_fields(), spans: spans.as_spans(), ..*record })
    })
}

#[test]
fn a_field_is_the_events_own_or_the_nearest_spans() {
    let user = |name| [("field", text("user")), ("equals", text(name))];
    let spans = [("user", Value::Str("outer")), ("user", Value::Str("inner"))];
    assert!(field(&user("own"), &[("user", Value::Str("own"))], &spans));
    assert!(!field(&user("inner"), &[("user", Value::Str("own"))], &spans));
    assert!(field(&user("inner"), &[], &spans));
    assert!(!field(&user("outer"), &[], &spans));
    let at = |place: &str, name| [user(name).to_vec(), vec![("where", text(place))]].concat();
    assert!(field(&at("span", "inner"), &[("user", Value::Str("own"))], &spans));
    assert!(!field(&at("event", "inner"), &[], &spans));
    assert!(field(&at("event", "own"), &[("user", Value::Str("own"))], &spans));
}

#[test]
fn to_be_there_is_enough_and_inverted_it_is_not() {
    let there = [("field", text("user"))];
    let absent = [("field", text("user")), ("invert", Argument::Bool(true))];
    for (arguments, with, without) in [(&there[..], true, false), (&absent[..], false, true)] {
        assert_eq!(field(arguments, &[("user", Value::None)], &[]), with);
        assert_eq!(field(arguments, &[("other", Value::None)], &[]), without);
    }
    // A record without the field does not have the value either.
    let not_ann = [("field", text("user")), ("equals", text("ann")), ("invert", Argument::Bool(true))];
    assert!(field(&not_ann, &[], &[]) && !field(&not_ann, &[("user", Value::Str("ann"))], &[]));
}

#[test]
fn values_are_compared_by_what_they_are() {
    let is =
        |wanted: Argument, value: Value<'_>| field(&[("field", text("x")), ("equals", wanted)], &[("x", value)], &[]);
    for value in [Value::I64(404), Value::U64(404), Value::I128(404), Value::U128(404), Value::F64(404.0)] {
        assert!(is(Argument::Int(404), value), "{value:?}");
        assert!(is(Argument::Float(404.0), value), "{value:?}");
        assert!(!is(Argument::Int(405), value) && !is(text("404"), value), "{value:?}");
    }
    for value in [Value::Str("a"), Value::Debug("a"), Value::Display("a"), Value::Error("a")] {
        assert!(is(text("a"), value) && is(list(&["b", "a"]), value) && !is(list(&["b", "c"]), value), "{value:?}");
    }
    assert!(is(Argument::Bool(true), Value::Bool(true)) && !is(Argument::Bool(true), Value::I64(1)));
    assert!(is(Argument::None, Value::None) && !is(Argument::None, Value::Bool(false)));
    assert!(!is(Argument::Int(-1), Value::U128(u128::MAX)));
}

#[test]
fn numbers_lie_within_bounds_and_nothing_else_does() {
    let bounds = [("field", text("ms")), ("min", Argument::Int(500)), ("max", Argument::Float(999.5))];
    for (value, passes) in [
        (Value::U64(500), true),
        (Value::I64(499), false),
        (Value::F64(999.5), true),
        (Value::F64(999.6), false),
        (Value::F64(f64::NAN), false),
        (Value::Str("700"), false),
    ] {
        assert_eq!(field(&bounds, &[("ms", value)], &[]), passes, "{value:?}");
    }
}

#[test]
fn attributes_have_pythons_names_and_win_over_fields() {
    let of =
        |name: &str, wanted: Argument| field(&[("field", text(name)), ("equals", wanted)], &[(name, Value::None)], &[]);
    assert!(of("name", text("a.b")) && of("levelname", text("INFO")) && of("levelno", Argument::Int(20)));
    assert!(of("message", text("retried")) && of("lineno", Argument::Int(0)) && of("pathname", text("")));
    let by_name = make("FieldFilter", &[("field", text("name")), ("equals", text("a"))]).unwrap();
    assert_eq!((by_name.decides("a", Level::INFO), by_name.decides("b", Level::INFO)), (Some(true), Some(false)));
    let by_level = make("FieldFilter", &[("field", text("levelno")), ("min", Argument::Int(30))]).unwrap();
    assert_eq!((by_level.decides("a", Level::INFO), by_level.decides("a", Level::ERROR)), (Some(false), Some(true)));
    let by_field = make("FieldFilter", &[("field", text("user"))]).unwrap();
    assert_eq!(by_field.decides("a", Level::INFO), None);
}

#[test]
fn field_filters_say_what_is_wrong_with_them() {
    let error = |arguments: &[(&str, Argument)]| make("FieldFilter", arguments).err().unwrap();
    assert!(error(&[]).contains("missing 1 required positional argument: 'field'"));
    assert_eq!(error(&[("field", text("x")), ("where", text("spam"))]), "ValueError: a field is not of 'spam'");
    assert!(error(&[("field", text("name")), ("where", text("span"))]).contains("'name' is an attribute"));
    let nested = Argument::List(vec![Argument::List(Vec::new())]);
    assert!(error(&[("field", text("x")), ("equals", nested)]).contains("or a list of them, not list"));
    assert!(error(&[("field", text("x")), ("min", text("3"))]).contains("'min' must be a number, not str"));
}

#[cfg(feature = "regex")]
#[test]
fn a_pattern_is_found_anywhere_in_texts_and_in_numbers() {
    let matches = |pattern: &str, value: Value<'_>| {
        field(&[("field", text("x")), ("matches", text(pattern))], &[("x", value)], &[])
    };
    assert!(matches("retr(y|ied)", Value::Str("we retried it")) && !matches("^retr", Value::Str("we retried it")));
    assert!(matches("^5..$", Value::U64(503)) && !matches("^5..$", Value::U64(403)) && matches("^-1$", Value::I64(-1)));
    assert!(matches("^0.5$", Value::F64(0.5)) && matches("e300$", Value::F64(1e300)));
    let message = make("FieldFilter", &[("field", text("message")), ("matches", text("^retr"))]).unwrap();
    assert!(with_record("retried", |record| passes(&*message, record)));
    let error = make("FieldFilter", &[("field", text("x")), ("matches", text("(a"))]).err().unwrap();
    assert_eq!(error, "ValueError: '(a' is no regular expression: unclosed group");
}

#[cfg(not(feature = "regex"))]
#[test]
fn a_pattern_needs_the_feature() {
    println!("skipped: what patterns find, as the feature `regex` is off");
    let error = make("FieldFilter", &[("field", text("x")), ("matches", text("a"))]).err().unwrap();
    assert_eq!(error, "RuntimeError: the regular expression 'a' needs logtree's feature `regex`");
}

fn sampled(arguments: &[(&str, Argument)], records: &[(&str, Level)]) -> Vec<bool> {
    let behind = Behind::new(make("SamplingFilter", arguments).unwrap());
    let pass = |(user, level): &(&str, Level)| {
        behind.at(0.0, "a", *level, "m", &[("user", Value::Str(user))]);
        !behind.seen().is_empty()
    };
    records.iter().map(pass).collect()
}

#[test]
fn a_share_passes_by_chance() {
    let records = vec![("", Level::INFO); 20_000];
    for (ratio, least, most) in [(0.0, 0, 0), (0.1, 1_850, 2_150), (0.5, 9_750, 10_250), (1.0, 20_000, 20_000)] {
        let passed = sampled(&[("ratio", Argument::Float(ratio))], &records).iter().filter(|passed| **passed).count();
        assert!((least..=most).contains(&passed), "{passed} of 20000 at {ratio}");
    }
    // Neither bursts nor a pattern: of two neighbours both pass as often as chance has it.
    let passed = sampled(&[("ratio", Argument::Float(0.5))], &records);
    let both = passed.chunks(2).filter(|pair| pair[0] && pair[1]).count();
    assert!((2_350..=2_650).contains(&both), "{both} of 10000 pairs");
}

/// A program that logs one record, and is run again and again; and children that log one at the same moment.
#[test]
fn each_run_and_each_process_draws_for_itself() {
    let origin = |process| logtree_core::Origin { process, ..logtree_core::Origin::default() };
    let passes = |created, process| {
        let filter = make("SamplingFilter", &[("ratio", Argument::Float(0.5))]).unwrap();
        let origin = origin(process);
        crate::specimen::with_record("m", |record| {
            matches!(
                filter.filter(&logtree_core::Record { created, origin: &origin, ..*record }),
                logtree_core::Verdict::Pass
            )
        })
    };
    let second = |number: u32| logtree_core::Timestamp(i64::from(number) * 1_000_000_000);
    let runs = (0..1000).filter(|number| passes(second(*number), 1)).count();
    let children = (0..1000).filter(|number| passes(second(1), *number)).count();
    assert!([runs, children].iter().all(|passed| (430..=570).contains(passed)), "{runs}, {children} of 1000");
}

#[test]
fn what_belongs_together_passes_together_and_more_of_it_at_a_higher_ratio() {
    let names: Vec<String> = (0..2_000).map(|number| format!("request-{number}")).collect();
    let records: Vec<(&str, Level)> = names.iter().chain(&names).map(|name| (name.as_str(), Level::INFO)).collect();
    let at = |ratio| sampled(&[("ratio", Argument::Float(ratio)), ("by", text("user"))], &records);
    let (few, many) = (at(0.2), at(0.4));
    assert_eq!(few[..2_000], few[2_000..], "each with its own kind");
    assert_eq!(few, at(0.2), "in every process");
    assert!(few.iter().zip(&many).all(|(few, many)| !few || *many));
    let count = |all: &[bool]| all.iter().filter(|passed| **passed).count();
    assert!((700..900).contains(&count(&few)) && (1_450..1_750).contains(&count(&many)));
}

#[test]
fn what_is_important_passes_whatever_the_draw() {
    let arguments = [("ratio", Argument::Float(0.0)), ("keep_from", text("WARNING"))];
    let records = [("", Level::INFO), ("", Level::WARNING), ("", Level::ERROR)];
    assert_eq!(sampled(&arguments, &records), [false, true, true]);
    let filter = make("SamplingFilter", &arguments).unwrap();
    assert_eq!((filter.decides("a", Level::INFO), filter.decides("a", Level::ERROR)), (Some(false), Some(true)));
    let half = make("SamplingFilter", &[("ratio", Argument::Float(0.5))]).unwrap();
    assert_eq!(half.decides("a", Level::INFO), None);
    assert_eq!(make("SamplingFilter", &[("ratio", Argument::Int(1))]).unwrap().decides("a", Level::INFO), Some(true));
    for ratio in [Argument::Float(1.1), Argument::Float(-0.1), Argument::Float(f64::NAN), Argument::Int(10), text("1")]
    {
        let error = make("SamplingFilter", &[("ratio", ratio)]).err().unwrap();
        assert!(error.contains("must be a number from 0 to 1"), "{error}");
    }
}

#[test]
fn a_filter_that_only_looks_says_nothing_at_a_flush() {
    let behind = Behind::new(make("SamplingFilter", &[("ratio", Argument::Float(0.0))]).unwrap());
    behind.log(0.0, "m");
    behind.entry.say_unsaid(&mut Direct);
    assert!(behind.seen().is_empty());
}
