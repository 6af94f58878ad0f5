//! What must not be read.

use logtree_core::{Argument, Direct, Level, Record, Value, Verdict};

use super::{Behind, fields_of, list, make, spans_of};
use crate::specimen::with_record;

fn redacted(arguments: &[(&str, Argument)], change: impl Fn(&Record<'_>, &dyn Fn(&Record<'_>))) -> String {
    let behind = Behind::new(make("RedactFilter", arguments).unwrap());
    with_record("m", |record| change(record, &|record| behind.entry.handle(record, &mut Direct)));
    behind.seen().remove(0)
}

#[test]
fn fields_of_events_and_spans_are_replaced_whole() {
    let fields =
        fields_of(&[("Password", Value::U64(1234)), ("pass", Value::Str("x")), ("api_token_2", Value::Bytes(b"s"))]);
    let spans = spans_of(&[("login", &[("user", Value::Str("ann")), ("TOKEN", Value::Bool(true))]), ("in", &[])]);
    let arguments = [("fields", list(&["password", "*token*"]))];
    let line = redacted(&arguments, |record, emit| {
        emit(&Record { fields: fields.as_fields(), spans: spans.as_spans(), ..*record });
    });
    assert_eq!(
        line,
        r#"20 a.b m Password=Str("***") pass=Str("x") api_token_2=Str("***") | login user=Str("ann") TOKEN=Str("***") | in"#
    );
}

/// An error stands twice in a record: in its field, and with its sources below the line.
#[test]
fn a_secret_error_is_not_read_below_the_line_either() {
    let line = |secret: &str, value: Value<'static>| {
        let fields = fields_of(&[("error", value)]);
        redacted(&[("fields", list(&[secret]))], |record, emit| {
            emit(&Record { fields: fields.as_fields(), exc_text: Some("refused\nCaused by: key 17"), ..*record });
        })
    };
    assert_eq!(line("ERR*", Value::Error("refused")), r#"20 a.b m error=Error("***") ! ***"#);
    // It is another one's.
    let other = "refused\nCaused by: key 17";
    assert_eq!(line("error", Value::Str("x")), format!(r#"20 a.b m error=Str("***") ! {other}"#));
    assert_eq!(line("key", Value::Error("refused")), format!(r#"20 a.b m error=Error("refused") ! {other}"#));
}

#[test]
fn a_secret_that_has_a_limit_of_its_own_is_not_read_in_its_count() {
    let mut behind =
        Behind::new(make("RateLimitFilter", &[("rate", Argument::Int(1)), ("by", list(&["api_key"]))]).unwrap());
    behind.entry.filters.push(make("RedactFilter", &[("fields", list(&["*key"]))]).unwrap());
    (0..3).for_each(|_| behind.at(0.0, "a", Level::INFO, "m", &[("api_key", Value::Str("k17"))]));
    behind.entry.say_unsaid(&mut Direct);
    let expected =
        [r#"20 a m api_key=Str("***")"#, r#"20 a 2 records held back: more than 1 in 1 s api_key=Str("***")"#];
    assert_eq!(behind.seen(), expected);
}

#[test]
fn names_are_like_patterns_with_stars() {
    for (pattern, like, unlike) in [
        ("a", "A", "ab"),
        ("*", "anything", "\u{0}"),
        ("*key", "api_key", "api_keys"),
        ("key*", "keys", "akey"),
        ("*a*b*", "xxaxxb", "bxa"),
        ("a*a", "aa", "a"),
        ("*aab", "aaab", "aaba"),
        ("", "", "a"),
    ] {
        for (name, is_like) in [(like, true), (unlike, pattern == "*")] {
            let fields = fields_of(&[(name, Value::I64(7))]);
            let line = redacted(&[("fields", list(&[pattern]))], |record, emit| {
                emit(&Record { fields: fields.as_fields(), ..*record });
            });
            assert_eq!(line.contains("***"), is_like, "{pattern:?} {name:?}: {line}");
        }
    }
}

#[test]
fn a_record_without_secrets_is_not_copied() {
    let filter = make("RedactFilter", &[("fields", list(&["password"]))]).unwrap();
    let fields = fields_of(&[("user", Value::Str("ann")), ("n", Value::I64(1))]);
    with_record("m", |record| {
        let record = Record { fields: fields.as_fields(), ..*record };
        let info = allocation_counter::measure(|| assert!(matches!(filter.filter(&record), Verdict::Pass)));
        assert_eq!(info.count_total, 0);
    });
    assert_eq!(filter.decides("a", Level::INFO), Some(true));
}

#[test]
fn nothing_to_redact_is_a_mistake() {
    let error = |arguments: &[(&str, Argument)]| make("RedactFilter", arguments).err().unwrap();
    assert_eq!(error(&[]), "ValueError: neither fields nor patterns say what is to be redacted");
    assert!(
        error(&[("fields", Argument::List(vec![Argument::Int(1)]))])
            .contains("'fields' must be a list of str, not int")
    );
}

#[cfg(feature = "regex")]
mod patterns {
    use super::super::text;
    use super::*;

    #[test]
    fn texts_are_replaced_wherever_they_stand() {
        let fields = fields_of(&[
            ("header", Value::Str("Bearer abc.def")),
            ("debug", Value::Debug("Login { key: \"Bearer x\" }")),
            ("card", Value::U64(4_111_111_111_111_111)),
            ("rows", Value::U64(3)),
        ]);
        let spans = spans_of(&[("request", &[("auth", Value::Display("Bearer y"))])]);
        let attributes = fields_of(&[("taskName", Value::Str("Bearer z"))]);
        let arguments = [("patterns", list(&[r"Bearer [\w.]+", r"\b\d{16}\b"]))];
        let line = redacted(&arguments, |record, emit| {
            emit(&Record {
                message: "got Bearer q and Bearer r",
                fields: fields.as_fields(),
                spans: spans.as_spans(),
                exc_text: Some("failed: Bearer e"),
                stack_info: Some("at Bearer s"),
                attributes: attributes.as_fields(),
                ..*record
            });
        });
        assert!(!line.contains("Bearer"), "{line}");
        assert_eq!(
            line,
            "20 a.b got *** and *** header=Str(\"***\") debug=Debug(\"Login { key: \\\"***\\\" }\") card=Str(\"***\") \
             rows=U64(3) | request auth=Display(\"***\") ! failed: *** ! at ***"
        );
        let filter = make("RedactFilter", &arguments).unwrap();
        let task =
            with_record("m", |record| match filter.filter(&Record { attributes: attributes.as_fields(), ..*record }) {
                Verdict::Replace(by) => {
                    by.attributes.unwrap().as_fields().find("taskName", &[]).unwrap().as_str().map(str::to_owned)
                }
                other => panic!("{other:?}"),
            });
        assert_eq!(task.as_deref(), Some("***"));
    }

    #[test]
    fn groups_are_kept_where_the_replacement_names_them() {
        let arguments = |replacement: &str| {
            let patterns = list(&[r"(?P<key>password=)\S+", r"(\d{4})\d{8}(\d{4})"]);
            [("patterns", patterns), ("fields", list(&["secret"])), ("replacement", text(replacement))]
        };
        let fields = fields_of(&[("secret", Value::I64(1))]);
        let line = redacted(&arguments("${1}[cut]$2$$"), |record, emit| {
            emit(&Record { message: "password=abc card 4111111111111111", fields: fields.as_fields(), ..*record });
        });
        assert_eq!(line, "20 a.b password=[cut]$ card 4111[cut]1111$ secret=Str(\"[cut]$\")");
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_what_is_wrong() {
        let error = make("RedactFilter", &[("patterns", list(&["ok", "[a"]))]).err().unwrap();
        assert_eq!(error, "ValueError: '[a' is no regular expression: unclosed character class");
        let error = make("RedactFilter", &[("patterns", text("(?<!a)b"))]).err().unwrap();
        assert!(error.contains("look-around"), "{error}");
    }
}
