//! What an event becomes.

use std::error::Error;
use std::fmt;

use logtree_core::Level;
use logtree_layer::Mode;
use tracing::{debug, error, error_span, info, info_span, trace, warn};

use crate::support::with_layer;

const ALL: &[(&str, Level)] = &[("root", Level(1))];

#[test]
fn the_target_is_the_logger_and_levels_are_pythons() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        trace!(target: "my_app::db::pool", "t");
        debug!(target: "my_app::db::pool", "d");
        info!(target: "my_app", "i");
        warn!(target: "root", "w");
        error!(target: "a.b", "e");
        let seen: Vec<_> = seen.take().into_iter().map(|seen| (seen.name, seen.level.0)).collect();
        let expected = [("my_app.db.pool", 5), ("my_app.db.pool", 10), ("my_app", 20), ("", 30), ("a.b", 40)];
        assert_eq!(seen, expected.map(|(name, level)| (name.to_owned(), level)));
    });
}

#[test]
fn fields_keep_their_types_and_their_order() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let text = "a b";
        info!(
            bytes = &b"\x00\xff"[..], i = -1_i64, u = 1_u64, wide = -1_i128, uwide = u128::MAX, f = 0.5, yes = true, text, shown = %text, debug = ?text,
            "message {}", 7
        );
        let seen = seen.one();
        assert_eq!(seen.message, "message 7");
        let expected = [
            "bytes=Bytes([0, 255])",
            "i=I64(-1)",
            "u=U64(1)",
            "wide=I128(-1)",
            "uwide=U128(340282366920938463463374607431768211455)",
            "f=F64(0.5)",
            "yes=Bool(true)",
            "text=Str(\"a b\")",
            "shown=Debug(\"a b\")",
            "debug=Debug(\"\\\"a b\\\"\")",
        ];
        assert_eq!(seen.fields, expected);
    });
}

#[test]
fn fields_of_spans_keep_their_types_too_also_those_recorded_later() {
    use logtree_core::Value;
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let error: &(dyn Error + 'static) = &Outer(Inner);
        let span = info_span!(
            "s", bytes = &b"\x00\xff"[..], i = -1_i64, u = 1_u64, wide = -1_i128, uwide = u128::MAX, f = 0.5, yes = true,
            text = "a b", shown = %"a b", debug = ?"a b", error, later = tracing::field::Empty,
            failed_later = tracing::field::Empty,
        );
        span.record("later", 7_u64);
        span.record("failed_later", error);
        span.in_scope(|| info!("inside"));
        let seen = seen.one();
        let expected = [
            ("bytes", format!("{:?}", Value::Bytes(&[0, 255]))),
            ("i", format!("{:?}", Value::I64(-1))),
            ("u", format!("{:?}", Value::U64(1))),
            ("wide", format!("{:?}", Value::I128(-1))),
            ("uwide", format!("{:?}", Value::U128(u128::MAX))),
            ("f", format!("{:?}", Value::F64(0.5))),
            ("yes", format!("{:?}", Value::Bool(true))),
            ("text", format!("{:?}", Value::Str("a b"))),
            ("shown", format!("{:?}", Value::Debug("a b"))),
            ("debug", format!("{:?}", Value::Debug("\"a b\""))),
            ("error", format!("{:?}", Value::Error("cannot connect: no route"))),
            ("later", format!("{:?}", Value::U64(7))),
            ("failed_later", format!("{:?}", Value::Error("cannot connect: no route"))),
        ];
        // The record itself has no error: Python's `exc_info` is of the call.
        assert_eq!(seen.exc_text, None);
        assert_eq!(seen.span_fields, expected.map(|(name, value)| format!("s.{name}={value}")));
    });
}

#[test]
fn the_place_is_the_events_own() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let line = line!() + 1;
        info!("here");
        let seen = seen.one();
        assert_eq!(seen.place, (file!().to_owned(), "records".to_owned(), line));
        assert_eq!(seen.paths, [module_path!(); 2]);
        // libtest runs each test on a thread of the test's name.
        assert_eq!(seen.thread_name, std::thread::current().name().unwrap());
    });
}

#[test]
fn fields_of_their_own_name_another_logger_and_level() {
    for mode in [Mode::Exclusive, Mode::Shared].repeat(2) {
        with_layer(mode, &[("root", Level::CRITICAL), ("other", Level::INFO)], |seen, _| {
            for _ in 0..2 {
                info!(logtree.logger = "other::part", "to another logger");
                error!(logtree.level = 50, "critical");
                error!(logtree.level = "CRITICAL", "critical by name");
                error!("refused by the root's level");
                info!(logtree.logger = "elsewhere", "refused there");
                let seen = seen.take().into_iter().map(|seen| (seen.name, seen.level.0, seen.fields.len()));
                let module = module_path!().replace("::", ".");
                let expected = [("other.part".to_owned(), 20, 0), (module.clone(), 50, 0), (module, 50, 0)];
                assert_eq!(seen.collect::<Vec<_>>(), expected, "{mode:?}");
            }
        });
    }
}

#[derive(Debug)]
struct Outer(Inner);
#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot connect")
    }
}
impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no route")
    }
}
impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
impl Error for Inner {}

#[test]
fn an_error_brings_its_chain() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let error: &(dyn Error + 'static) = &Outer(Inner);
        error!(error, "failed");
        let seen = seen.one();
        assert_eq!(seen.exc_text.as_deref(), Some("cannot connect\nCaused by: no route"));
        assert_eq!(seen.fields, ["error=Error(\"cannot connect\")"]);
    });
}

#[test]
fn a_message_is_text_whatever_it_is_made_of() {
    with_layer(Mode::Shared, &[("root", Level::TRACE)], |seen, _| {
        let io = std::io::Error::other("the disk is full");
        error!(message = -3);
        error!(message = u64::MAX);
        error!(message = i128::MIN);
        error!(message = u128::MAX);
        error!(message = true);
        error!(message = 1.0);
        error!(message = f64::NAN);
        error!(message = &b"a\xff\n"[..]);
        error!(message = %"shown");
        error!(message = ?"debugged");
        // As tracing-subscriber 0.3's fmt has them.
        let wide = ["-170141183460469231731687303715884105728", "340282366920938463463374607431768211455"];
        let [min, max] = wide;
        let debugged = r#""debugged""#;
        let texts = ["-3", "18446744073709551615", min, max, "true", "1.0", "NaN", "[61 ff 0a]", "shown", debugged];
        assert_eq!(seen.messages(), texts);
        let error: &(dyn std::error::Error + 'static) = &io;
        error!(message = error, tries = 3);
        let record = seen.one();
        assert_eq!((&*record.message, &*record.fields), ("the disk is full", &["tries=I64(3)".to_owned()][..]));
        assert_eq!(record.exc_text.as_deref(), Some("the disk is full"));
    });
}

#[test]
fn two_errors_bring_a_chain_each() {
    with_layer(Mode::Exclusive, ALL, |seen, _| {
        let [first, second]: [&(dyn Error + 'static); 2] = [&Outer(Inner), &Inner];
        error!(first, second, "failed");
        assert_eq!(seen.one().exc_text.as_deref(), Some("cannot connect\nCaused by: no route\nno route"));
        error!(second, "failed");
        assert_eq!(seen.one().exc_text.as_deref(), Some("no route"), "nothing of the one before");
    });
}

#[test]
fn spans_travel_with_the_record_and_a_loggers_level_never_refuses_them() {
    with_layer(Mode::Exclusive, &[("root", Level::ERROR)], |seen, _| {
        let outer = info_span!("outer", user = "ann", late = tracing::field::Empty);
        let _outer = outer.enter();
        outer.record("late", 7);
        let inner = error_span!("inner", id = 1);
        inner.in_scope(|| error!("inside"));
        let seen = seen.one();
        assert_eq!(seen.spans, ["outer", "inner"]);
        assert_eq!(seen.function.as_deref(), Some("inner"));
    });
}
