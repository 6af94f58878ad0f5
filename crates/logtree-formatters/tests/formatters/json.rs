//! logtree's own JSON: what its documentation says of it.

use std::sync::Arc;

use logtree_core::{Argument, Formatter, Kwargs, Timestamp, Value};
use logtree_formatters::{JsonFmt, JsonFormatterConfig, PythonJsonFormatterConfig, TimeSpec};

use crate::specimen::Specimen;

fn config(arguments: &[(&str, Argument)]) -> Result<JsonFormatterConfig, String> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let kwargs = Kwargs::new("JsonFormatter.__init__()", arguments);
    JsonFormatterConfig::from_kwargs(kwargs).map_err(|error| error.to_string())
}

fn formatter(arguments: &[(&str, Argument)]) -> Result<Arc<dyn Formatter>, String> {
    config(arguments)?.build().map_err(|error| error.to_string())
}

fn text(text: &str) -> Argument {
    Argument::Str(text.into())
}

fn names(names: &[&str]) -> Argument {
    Argument::List(names.iter().map(|name| text(name)).collect())
}

fn map(items: &[(&str, &str)]) -> Argument {
    Argument::Map(items.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect())
}

fn formatted(arguments: &[(&str, Argument)], specimen: &Specimen) -> String {
    let mut out = String::from("before ");
    formatter(arguments).unwrap().format(&specimen.record(), &mut out).unwrap();
    out.strip_prefix("before ").unwrap().to_owned()
}

/// A request inside two spans, which fails.
fn specimen() -> Specimen {
    let mut specimen = Specimen::tracing("request \"answered\"");
    specimen.indexed_field(0, Value::Str("ann"));
    specimen.field("status", Value::U64(200));
    specimen.span("connection", &[("peer", Value::Str("::1")), ("id", Value::U64(1))]);
    specimen.span("request", &[("id", Value::U64(7)), ("name", Value::Str("index"))]);
    specimen.exc_text = Some("cannot write\nCaused by: broken pipe".into());
    specimen
}

#[test]
fn an_object_has_what_is_documented() {
    assert_eq!(
        formatted(&[], &specimen()),
        "{\"timestamp\":\"2023-11-14T22:13:32.345678Z\",\"level\":\"INFO\",\"logger\":\"my_logger\",\
         \"message\":\"request \\\"answered\\\"\",\"fields\":{\"user\":\"ann\",\"status\":200},\
         \"spans\":[{\"name\":\"connection\",\"peer\":\"::1\",\"id\":1},{\"name\":\"request\",\"id\":7,\"name_\":\"index\"}],\
         \"exc_info\":\"cannot write\\nCaused by: broken pipe\"}"
    );
    assert_eq!(
        formatted(&[], &Specimen::tracing("m")),
        "{\"timestamp\":\"2023-11-14T22:13:32.345678Z\",\"level\":\"INFO\",\"logger\":\"my_logger\",\"message\":\"m\",\
         \"fields\":{},\"spans\":[]}"
    );
}

#[test]
fn members_are_chosen_renamed_and_ordered() {
    let chosen = names(&["message", "levelno", "user", "id", "nobody", "fields", "funcName", "lineno", "taskName"]);
    assert_eq!(
        formatted(
            &[("fmt", chosen.clone()), ("rename_fields", map(&[("levelno", "severity"), ("id", "ID")]))],
            &specimen()
        ),
        "{\"message\":\"request \\\"answered\\\"\",\"severity\":20,\"user\":\"ann\",\"ID\":7,\"fields\":{\"status\":200},\
         \"funcName\":\"(unknown function)\",\"lineno\":42}"
    );
    // What is lacking has a default or is left out, be it the first.
    let defaults = map(&[("nobody", "none"), ("user", "unused"), ("span", "outside")]);
    assert_eq!(
        formatted(
            &[("fmt", names(&["exc_info", "nobody", "user", "span"])), ("defaults", defaults)],
            &Specimen::tracing("m")
        ),
        "{\"nobody\":\"none\",\"user\":\"unused\",\"span\":\"outside\"}"
    );
    assert_eq!(formatted(&[("fmt", names(&["exc_info"]))], &Specimen::tracing("m")), "{}");
    // Names in a format of any style are names like those of a list.
    for (style, format) in
        [("%", "%(levelname)s %(msg)s"), ("{", "{levelname} {msg}"), ("$", "$levelname $msg"), (",", "levelname, msg")]
    {
        let arguments = [("format", text(format)), ("style", text(style))];
        assert_eq!(formatted(&arguments, &Specimen::tracing("m")), "{\"level\":\"INFO\",\"msg\":\"m\"}");
    }
}

#[test]
fn static_members_stand_last_and_keep_their_types() {
    let nested = Argument::Map(vec![
        ("tags".into(), Argument::List(vec![Argument::Int(1), Argument::None])),
        ("x".into(), Argument::Float(f64::NAN)),
    ]);
    let fields = Argument::Map(vec![("service".into(), text("api")), ("more".into(), nested)]);
    assert_eq!(
        formatted(&[("fmt", names(&["message"])), ("static_fields", fields)], &Specimen::tracing("m")),
        "{\"message\":\"m\",\"service\":\"api\",\"more\":{\"tags\":[1,null],\"x\":null}}"
    );
}

#[test]
fn fields_are_members_where_they_are_to_be_flat() {
    let flat = |fmt: &[&str]| formatted(&[("fmt", names(fmt))], &specimen());
    assert_eq!(
        flat(&["levelname", "fields.*", "spans.*"]),
        "{\"level\":\"INFO\",\"user\":\"ann\",\"status\":200,\"peer\":\"::1\",\"id\":7,\"name\":\"index\"}"
    );
    assert_eq!(flat(&["span.*", "name"]), "{\"id\":7,\"name\":\"index\",\"logger\":\"my_logger\"}");
    assert_eq!(flat(&["span"]), "{\"span\":{\"name\":\"request\",\"id\":7,\"name_\":\"index\"}}");
    assert_eq!(flat(&["id", "spans.*"]), "{\"id\":7,\"peer\":\"::1\",\"name\":\"index\"}");
    // Where the event's own stand apart, they hide none.
    let mut in_both = specimen();
    in_both.field("id", Value::I64(-1));
    assert_eq!(
        formatted(&[("fmt", names(&["fields", "span.*"]))], &in_both),
        "{\"fields\":{\"user\":\"ann\",\"status\":200,\"id\":-1},\"id\":7,\"name\":\"index\"}"
    );
    // The event's own wins, and stands where the event's stand.
    let mut specimen = specimen();
    specimen.field("id", Value::I64(-1));
    let arguments = |fmt: &[&str]| [("fmt", names(fmt))];
    assert_eq!(
        formatted(&arguments(&["spans.*", "fields.*"]), &specimen),
        "{\"peer\":\"::1\",\"name\":\"index\",\"user\":\"ann\",\"status\":200,\"id\":-1}"
    );
}

#[test]
fn no_key_stands_twice() {
    let mut specimen = Specimen::tracing("m");
    for name in ["level", "level_", "levels", "level__", "message", "a\"b", "", "level"] {
        specimen.field(name, Value::Str(name));
    }
    specimen.field("level", Value::I64(2));
    assert_eq!(
        formatted(&[("fmt", names(&["levelname", "message", "fields.*"]))], &specimen),
        "{\"level\":\"INFO\",\"message\":\"m\",\"level_\":2,\"level__\":\"level_\",\"levels\":\"levels\",\"level___\":\"level__\",\
         \"message_\":\"message\",\"a\\\"b\":\"a\\\"b\",\"\":\"\"}"
    );
    let error = |arguments: &[(&str, Argument)]| formatter(arguments).err().unwrap();
    assert_eq!(
        error(&[("rename_fields", map(&[("levelname", "message")]))]),
        "ValueError: the members 'levelname' and 'message' have the same key 'message'"
    );
    assert_eq!(
        error(&[("static_fields", map(&[("level", "x")]))]),
        "ValueError: the members 'levelname' and 'level' have the same key 'level'"
    );
    assert!(error(&[("fmt", names(&["span.*", "spans.*"]))]).starts_with("ValueError: "));
}

/// Whatever way is taken to find out that no key comes again.
#[test]
fn fields_of_any_number_are_written() {
    for count in 0..40_u64 {
        let mut specimen = Specimen::tracing("m");
        let mut expected: Vec<String> = (0..count).map(|number| format!("\"f{number}\":{number}")).collect();
        for number in 0..count {
            specimen.field(&format!("f{number}"), Value::U64(number));
        }
        let object = |fields: &[String]| format!("{{\"fields\":{{{}}}}}", fields.join(","));
        let arguments = [("fmt", names(&["fields"]))];
        assert_eq!(formatted(&arguments, &specimen), object(&expected));
        if count > 0 {
            specimen.field("f0", Value::None);
            expected[0] = "\"f0\":null".into();
            assert_eq!(formatted(&arguments, &specimen), object(&expected));
        }
    }
}

#[test]
fn fields_are_renamed_wherever_they_stand() {
    let renames = map(&[("status", "code"), ("id", "request_id"), ("nobody", "x")]);
    assert_eq!(
        formatted(&[("fmt", names(&["fields", "span"])), ("rename_fields", renames)], &specimen()),
        "{\"fields\":{\"user\":\"ann\",\"code\":200},\"span\":{\"name\":\"request\",\"request_id\":7,\"name_\":\"index\"}}"
    );
}

#[test]
fn times_are_rfc_3339s() {
    let at = |nanoseconds: i64, timespec: &str| {
        let mut specimen = Specimen::tracing("m");
        specimen.created = Timestamp(nanoseconds);
        let arguments = [("fmt", names(&["timestamp"])), ("timespec", text(timespec))];
        formatted(&arguments, &specimen)["{\"timestamp\":\"".len()..].trim_end_matches("\"}").to_owned()
    };
    // GNU date 9: `date -u -d @N +%FT%T.%NZ` of each; what is beyond is cut off, as there.
    let late = 1_700_000_000_999_999_999;
    assert_eq!(at(late, "seconds"), "2023-11-14T22:13:20Z");
    assert_eq!(at(late, "milliseconds"), "2023-11-14T22:13:20.999Z");
    assert_eq!(at(late, "microseconds"), "2023-11-14T22:13:20.999999Z");
    assert_eq!(at(late, "nanoseconds"), "2023-11-14T22:13:20.999999999Z");
    assert_eq!(at(-1, "nanoseconds"), "1969-12-31T23:59:59.999999999Z");
    assert_eq!(at(951_782_400_000_000_007, "nanoseconds"), "2000-02-29T00:00:00.000000007Z");
    assert_eq!(at(i64::MAX, "nanoseconds"), "2262-04-11T23:47:16.854775807Z");
    assert_eq!(at(i64::MIN, "seconds"), "1677-09-21T00:12:43Z");
    assert_eq!(config(&[]).unwrap().timespec, TimeSpec::Microseconds);
}

/// A process has one time zone: each zone gets a process of its own, this program with another `TZ`.
#[test]
fn times_may_be_local() {
    // CPython 3.13: datetime.fromtimestamp(1700000012.345678).astimezone().isoformat(timespec="microseconds") of each.
    for (zone, time) in [
        ("UTC0", "2023-11-14T22:13:32.345678+00:00"),
        ("<+0530>-5:30", "2023-11-15T03:43:32.345678+05:30"),
        ("<-0330>3:30<-0230>,M3.2.0,M11.1.0", "2023-11-14T18:43:32.345678-03:30"),
        ("EST5EDT,M3.2.0,M11.1.0", "2023-11-14T17:13:32.345678-05:00"),
    ] {
        let arguments = ["json::in_one_zone", "--exact", "--ignored", "--nocapture"];
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let child = command.args(arguments).env("TZ", zone).output().unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(said.contains("1 passed") && said.contains(&format!("{{\"timestamp\":\"{time}\"}}")), "{zone} {said}");
    }
}

#[test]
#[ignore = "times_may_be_local runs it, once for each zone"]
fn in_one_zone() {
    let formatter = formatter(&[("fmt", names(&["timestamp"])), ("utc", Argument::Bool(false))]).unwrap();
    let formatted = |specimen: &Specimen| {
        let mut out = String::new();
        formatter.format(&specimen.record(), &mut out).unwrap();
        out
    };
    let mut specimen = Specimen::tracing("m");
    let winter = formatted(&specimen);
    println!("{winter}");
    // Another second of another offset, and back: what is remembered is remembered of a second.
    let created = std::mem::replace(&mut specimen.created, Timestamp(1_690_000_000_000_000_000));
    let summer = formatted(&specimen);
    assert_eq!(summer, formatted(&specimen));
    specimen.created = created;
    assert_eq!(winter, formatted(&specimen));
    let is_new_york = std::env::var("TZ").unwrap().starts_with("EST");
    assert_eq!(summer.ends_with("-04:00\"}"), is_new_york, "{summer}");
}

#[test]
fn errors_and_stacks_may_be_arrays_of_lines() {
    let arguments = [("fmt", names(&["exc_info", "stack_info"])), ("exc_info_as_array", Argument::Bool(true))];
    assert_eq!(formatted(&arguments, &specimen()), "{\"exc_info\":[\"cannot write\",\"Caused by: broken pipe\"]}");
}

#[test]
fn wrong_arguments_are_refused() {
    let error = |name, value| config(&[(name, value)]).unwrap_err();
    assert_eq!(error("timespec", text("hours")), "ValueError: Unknown timespec value");
    assert_eq!(
        error("zzz", Argument::None),
        "TypeError: JsonFormatter.__init__() got an unexpected keyword argument 'zzz'"
    );
    assert_eq!(error("static_fields", Argument::Int(5)), "TypeError: 'int' object is not iterable");
    assert!(error("fmt", Argument::Int(5)).starts_with("AttributeError: "));
}

#[test]
fn what_holds_itself_too_deep_is_refused() {
    let deep = (0..2000).fold(Argument::None, |inner, _| Argument::List(vec![inner]));
    let error = formatter(&[("static_fields", Argument::Map(vec![("x".into(), deep)]))]).err().unwrap();
    assert_eq!(error, "RecursionError: maximum recursion depth exceeded while encoding a JSON object");
}

#[test]
fn spans_are_gathered_only_for_members_that_read_them() {
    let needs = |fmt: &[&str]| formatter(&[("fmt", names(fmt))]).unwrap().needs().spans;
    assert!(!needs(&["timestamp", "levelname", "name", "message", "fields", "fields.*", "exc_info", "process"]));
    for name in ["spans", "span", "spans.*", "span.*", "user", "funcName"] {
        assert!(needs(&["message", name]), "{name}");
    }
    assert!(JsonFormatterConfig::default().build().unwrap().needs().spans);
    assert!(matches!(config(&[("fmt", names(&["a"]))]).unwrap().fmt, JsonFmt::Names(names) if names == ["a"]));
}

/// What python-json-logger would print, had its records spans and errors in Rust's sense.
#[test]
fn pythons_formatter_has_fields_by_name_and_the_events_own() {
    let fmt = ["message", "id", "spans", "nobody", "levelname"].map(str::to_owned).to_vec();
    let config = PythonJsonFormatterConfig { fmt: JsonFmt::Names(fmt), ..Default::default() };
    let formatted = |config: &PythonJsonFormatterConfig| {
        let mut out = String::new();
        config.clone().build().unwrap().format(&specimen().record(), &mut out).unwrap();
        out
    };
    let line = "{\"message\": \"request \\\"answered\\\"\", \"id\": 7, \"spans\": \"connection:request\", \"nobody\": null, \
                \"levelname\": \"INFO\", \"exc_info\": \"cannot write\\nCaused by: broken pipe\", \"user\": \"ann\", \
                \"status\": 200}";
    assert_eq!(formatted(&config), line);
    let array = PythonJsonFormatterConfig { exc_info_as_array: true, ..config };
    let lines = "[\"cannot write\", \"Caused by: broken pipe\"]";
    assert_eq!(formatted(&array), line.replace("\"cannot write\\nCaused by: broken pipe\"", lines));
    assert!(
        array.build().unwrap().needs().spans && !PythonJsonFormatterConfig::default().build().unwrap().needs().spans
    );
}
