//! Records of `tracing` and `log`: where they go beyond what Python's records can say.

use logtree_core::{Argument, Kwargs};
use logtree_core::{Formatter as _, Needs, Record, Source, Timestamp, Value};
use logtree_formatters::{BraceFormatter, Converter, DollarFormatter, FormatterConfig, PercentFormatter, TimeSpec};

use crate::specimen::Specimen;

fn formatted(format: &str, specimen: &Specimen) -> String {
    let mut out = String::new();
    PercentFormatter::new(format).unwrap().format(&specimen.record(), &mut out).unwrap();
    out
}

fn formatted_in_braces(format: &str, specimen: &Specimen) -> String {
    let mut out = String::new();
    BraceFormatter::new(format).unwrap().format(&specimen.record(), &mut out).unwrap();
    out
}

fn formatted_in_dollars(format: &str, specimen: &Specimen) -> String {
    let mut out = String::new();
    DollarFormatter::new(format).unwrap().format(&specimen.record(), &mut out).unwrap();
    out
}

#[test]
fn fields_that_the_format_does_not_name_follow_the_message() {
    let mut specimen = Specimen::tracing("served");
    specimen.indexed_field(0, Value::Str("ann"));
    specimen.field("status", Value::I64(200));
    specimen.field("took_s", Value::F64(0.25));
    assert_eq!(formatted("%(message)s", &specimen), "served user=ann status=200 took_s=0.25");
    assert_eq!(formatted("%(user)s: %(message)s", &specimen), "ann: served status=200 took_s=0.25");
    assert_eq!(formatted("%(user)s %(status)03d %(took_s).1f %(message)s", &specimen), "ann 200 0.2 served");
    assert_eq!(formatted("%(msg)s", &specimen), "served");
    assert_eq!(formatted("[%(message)-12.10s]", &specimen), "[served use  ]");
}

#[test]
fn a_format_may_name_many_fields_and_one_of_them_again() {
    let mut specimen = Specimen::tracing("m");
    specimen.indexed_field(0, Value::Str("ann"));
    let names: Vec<String> = (0..20).map(|number| format!("field_{number}")).collect();
    for (name, number) in names.iter().zip(0..) {
        specimen.field(name, Value::I64(number));
    }
    // Of one name the last counts.
    specimen.field("field_3", Value::Str("three"));
    let span: Vec<(&str, Value<'_>)> = names.iter().map(|name| (&**name, Value::Bool(true))).collect();
    specimen.span("outer", &[("of_outer", Value::I64(1)), ("of_both", Value::I64(2)), ("user", Value::Str("bob"))]);
    specimen.span("inner", &[("of_both", Value::I64(3)), ("field_3", Value::None)]);
    specimen.span("full", &span);
    let format = names.iter().map(|name| format!("%({name})s")).collect::<Vec<_>>().join(" ");
    let shown = formatted(&format!("%(of_both)s %(user)s {format} %(user)r %(of_outer)s %(spans)s %(msg)s"), &specimen);
    let numbers: Vec<String> =
        (0..20).map(|number| if number == 3 { "three".into() } else { number.to_string() }).collect();
    assert_eq!(shown, format!("3 ann {} 'ann' 1 outer:inner:full m", numbers.join(" ")));
}

#[test]
fn without_a_message_the_fields_begin_the_text() {
    let mut specimen = Specimen::tracing("");
    specimen.field("a", Value::I64(1));
    specimen.field("b", Value::I64(2));
    assert_eq!(formatted("INFO: %(message)s", &specimen), "INFO: a=1 b=2");
}

#[test]
fn text_that_would_run_into_its_neighbours_is_quoted() {
    let shown = |value| {
        let mut specimen = Specimen::tracing("m");
        specimen.field("f", value);
        formatted("%(message)s", &specimen)
    };
    assert_eq!(shown(Value::Str("plain")), "m f=plain");
    assert_eq!(shown(Value::Str("가나다")), "m f=가나다");
    assert_eq!(shown(Value::Str("two words")), r#"m f="two words""#);
    assert_eq!(shown(Value::Str("")), r#"m f="""#);
    assert_eq!(shown(Value::Str(r#"say "hi""#)), r#"m f="say \"hi\"""#);
    assert_eq!(shown(Value::Display("line\nline")), r#"m f="line\nline""#);
    assert_eq!(shown(Value::Str("a\u{1b}[31m")), r#"m f="a\u{1b}[31m""#);
    // `Debug` quotes for itself.
    assert_eq!(shown(Value::Debug(r#"Some("two words")"#)), r#"m f=Some("two words")"#);
    assert_eq!(shown(Value::Bool(true)), "m f=True");
    assert_eq!(shown(Value::None), "m f=None");
    assert_eq!(shown(Value::U128(u128::MAX)), "m f=340282366920938463463374607431768211455");
}

#[test]
fn an_attribute_hides_a_field_of_its_name_and_the_message_shows_it() {
    let mut specimen = Specimen::tracing("m");
    specimen.indexed_field(1, Value::Str("ann"));
    assert_eq!(formatted("%(name)s %(message)s", &specimen), "my_logger m name=ann");
}

#[test]
fn fields_come_from_the_event_first_then_from_the_nearest_span() {
    let mut specimen = Specimen::tracing("m");
    specimen.field("id", Value::I64(3));
    specimen.span("outer", &[("id", Value::I64(1)), ("user", Value::Str("ann")), ("peer", Value::Str("p"))]);
    specimen.span("inner", &[("id", Value::I64(2)), ("user", Value::Str("bob"))]);
    assert_eq!(formatted("%(id)d %(user)s %(peer)s", &specimen), "3 bob p");
    // The message shows the event's own alone.
    assert_eq!(formatted("%(message)s", &specimen), "m id=3");
}

#[test]
fn a_field_that_is_missing_prints_nothing() {
    let specimen = Specimen::tracing("m");
    assert_eq!(formatted("[%(nobody)s|%(nobody)5d|%(nobody)r] %(message)s", &specimen), "[||] m");
}

#[test]
fn spans_are_a_path_unless_a_field_has_the_name() {
    let mut specimen = Specimen::tracing("m");
    assert_eq!(formatted("[%(spans)s]", &specimen), "[]");
    specimen.span("request", &[]);
    assert_eq!(formatted("[%(spans)s]", &specimen), "[request]");
    specimen.span("db", &[]);
    assert_eq!(formatted("[%(spans)s] [%(spans)12s]", &specimen), "[request:db] [  request:db]");
    specimen.indexed_field(2, Value::I64(7));
    assert_eq!(formatted("[%(spans)s] %(message)s", &specimen), "[7] m");
}

#[test]
fn the_function_has_a_name_or_says_that_it_has_none() {
    let mut specimen = Specimen::tracing("m");
    assert_eq!(formatted("%(funcName)s", &specimen), "(unknown function)");
    specimen.function = Some("connect".into());
    assert_eq!(formatted("%(funcName)s", &specimen), "connect");
}

#[test]
fn an_error_stands_below_the_line_and_not_in_it() {
    let mut specimen = Specimen::tracing("cannot connect");
    specimen.field("error", Value::Error("refused"));
    specimen.field("attempt", Value::I64(3));
    specimen.exc_text = Some("refused\nCaused by: no route".into());
    let expected = "cannot connect attempt=3\nrefused\nCaused by: no route";
    assert_eq!(formatted("%(message)s", &specimen), expected);
    // An error that is not the one below is a field like others.
    specimen.field("earlier", Value::Error("timed out"));
    assert!(formatted("%(message)s", &specimen).starts_with("cannot connect attempt=3 earlier=\"timed out\"\n"));
    assert!(formatted("%(error)s", &specimen).starts_with("refused\n"));
}

#[test]
fn of_several_errors_each_stands_below_the_line_and_none_in_it() {
    let mut specimen = Specimen::tracing("failed");
    specimen.field("first", Value::Error("refused"));
    specimen.field("second", Value::Error("timed out\nfor good"));
    // The beginning, the middle and the end of a line are no line.
    ["ref", "no", "route"].iter().for_each(|text| specimen.field("part", Value::Error(text)));
    let below = "refused\nCaused by: no route\ntimed out\nfor good";
    specimen.exc_text = Some(below.into());
    assert_eq!(formatted("%(message)s", &specimen), format!("failed part=ref part=no part=route\n{below}"));
}

#[test]
fn a_time_may_be_as_rfc_3339_has_it() {
    let config = |arguments: &[(&str, Argument)]| {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let format = ("fmt".to_owned(), Argument::Str("%(asctime)s %(message)s".into()));
        FormatterConfig::from_kwargs(Kwargs::new("f()", arguments.chain([format]).collect()))
    };
    let text = |text: &str| Argument::Str(text.to_owned());
    let line = |config: FormatterConfig, specimen: &Specimen| {
        let mut out = String::new();
        config.build().unwrap().format(&specimen.record(), &mut out).unwrap();
        out
    };
    let mut specimen = Specimen::tracing("m");
    // CPython 3.13: datetime.fromtimestamp(1700000012, timezone.utc).isoformat() is 2023-11-14T22:13:32+00:00.
    for (spec, shown) in [
        ("seconds", "2023-11-14T22:13:32Z m"),
        ("milliseconds", "2023-11-14T22:13:32.345Z m"),
        ("microseconds", "2023-11-14T22:13:32.345678Z m"),
        ("nanoseconds", "2023-11-14T22:13:32.345678901Z m"),
    ] {
        let utc = config(&[("timespec", text(spec)), ("utc", Argument::Bool(true))]).unwrap();
        assert_eq!(line(utc, &specimen), shown);
        // The process's own zone says how far it is ahead.
        let local = line(config(&[("timespec", text(spec))]).unwrap(), &specimen);
        let fraction = shown.trim_start_matches("2023-11-14T22:13:32").trim_end_matches("Z m");
        assert!(local.contains(&format!(":32{fraction}")), "{local}");
    }
    // Without it the time is Python's, and in UTC all the same.
    assert_eq!(line(config(&[("utc", Argument::Bool(true))]).unwrap(), &specimen), "2023-11-14 22:13:32,345 m");
    assert_eq!(config(&[("utc", Argument::Bool(false))]).unwrap().converter, Converter::LocalTime);
    // A time that a record was given counts.
    specimen.attribute("created", Value::I64(0));
    let utc = config(&[("timespec", text("seconds")), ("utc", Argument::Bool(true))]).unwrap();
    assert_eq!(line(utc, &specimen), "1970-01-01T00:00:00Z m");
    let error = |arguments: &[(&str, Argument)]| config(arguments).unwrap_err().to_string();
    assert_eq!(error(&[("timespec", text("micros"))]), "ValueError: Unknown timespec value");
}

#[test]
fn a_datefmt_may_have_a_fraction() {
    // CPython 3.13: time.strftime("%d.%m. %H:%M:%S", time.gmtime(1_700_000_012)).
    let formatted = |timespec, created: i64, attribute: Option<f64>| {
        let mut specimen = Specimen::tracing("m");
        specimen.created = Timestamp(created);
        attribute.into_iter().for_each(|created| specimen.attribute("created", Value::F64(created)));
        let (format, datefmt) = (Some("%(asctime)s|".to_owned()), Some("%d.%m. %H:%M:%S".to_owned()));
        let config = FormatterConfig { format, datefmt, timespec: Some(timespec), ..FormatterConfig::default() };
        let config = FormatterConfig { converter: Converter::GmTime, ..config };
        let mut out = String::new();
        config.build().unwrap().format(&specimen.record(), &mut out).unwrap();
        out
    };
    let created = 1_700_000_012_345_678_901;
    assert_eq!(formatted(TimeSpec::Seconds, created, None), "14.11. 22:13:32|");
    assert_eq!(formatted(TimeSpec::Milliseconds, created, None), "14.11. 22:13:32.345|");
    assert_eq!(formatted(TimeSpec::Microseconds, created, None), "14.11. 22:13:32.345678|");
    assert_eq!(formatted(TimeSpec::Nanoseconds, created, None), "14.11. 22:13:32.345678901|");
    // As a float it is the next second.
    assert_eq!(formatted(TimeSpec::Nanoseconds, 1_700_000_012_999_999_999, None), "14.11. 22:13:32.999999999|");
    assert_eq!(formatted(TimeSpec::Milliseconds, created, Some(1_700_000_013.5)), "14.11. 22:13:33.500|");
}

#[test]
fn full_spans_have_their_fields() {
    let mut specimen = Specimen::tracing("m");
    assert_eq!(formatted("[%(full_spans)s]", &specimen), "[]");
    specimen
        .span("request", &[("id", Value::I64(7)), ("user", Value::Str("ann lee")), ("peer", Value::Display("::1"))]);
    specimen.span("db", &[]);
    specimen.field("id", Value::I64(8));
    let spans = "request{id=7 user=\"ann lee\" peer=::1}:db";
    assert_eq!(formatted("%(full_spans)s %(message)s", &specimen), format!("{spans} m id=8"));
    assert_eq!(formatted_in_braces("{full_spans} {msg}", &specimen), format!("{spans} m"));
    assert_eq!(formatted_in_dollars("$full_spans $msg", &specimen), format!("{spans} m"));
    assert!(PercentFormatter::new("%(full_spans)s").unwrap().needs().spans);
    // Fields win.
    specimen.field("full_spans", Value::I64(1));
    assert_eq!(formatted("%(full_spans)s %(msg)s", &specimen), "1 m");
}

#[test]
fn target_and_module_path_are_whole() {
    let mut specimen = Specimen::tracing("m");
    specimen.callsite.target = "my_app::db".into();
    let whole = "my_app::db my_app::main main";
    assert_eq!(formatted("%(target)s %(module_path)s %(module)s", &specimen), whole);
    assert_eq!(formatted_in_braces("{target} {module_path} {module}", &specimen), whole);
    assert_eq!(formatted_in_dollars("$target $module_path $module", &specimen), whole);
    // Fields win, and then do not stand behind the message.
    specimen.field("target", Value::Str("moon"));
    assert_eq!(formatted("%(target)s %(message)s", &specimen), "moon m");
    // Python's own records have neither.
    let python = Record { source: Source::Python, ..specimen.record() };
    let error = PercentFormatter::new("%(module_path)s").unwrap().format(&python, &mut String::new());
    assert_eq!(error.unwrap_err().message, "Formatting field not found in record: 'module_path'");
}

#[test]
fn spans_are_gathered_only_for_formats_that_read_them() {
    let needs = |format| PercentFormatter::new(format).unwrap().needs();
    let none = Needs { spans: false };
    let spans = Needs { spans: true };
    assert_eq!(needs("%(asctime)s %(levelname)s %(name)s %(process)d %(message)s"), none);
    assert_eq!(needs("%(msg)s %(exc_text)s %(taskName)s"), none);
    assert_eq!(needs("%(spans)s %(message)s"), spans);
    assert_eq!(needs("%(request_id)s %(message)s"), spans);
    // The layer finds the function among the spans.
    assert_eq!(needs("%(funcName)s %(message)s"), spans);
    assert_eq!(PercentFormatter::default().needs(), none);
}

#[test]
fn other_styles_print_the_same_of_a_record() {
    let mut specimen = Specimen::tracing("served");
    specimen.indexed_field(0, Value::Str("ann"));
    specimen.field("status", Value::I64(200));
    specimen.field("width", Value::I64(4));
    specimen.span("request", &[("id", Value::I64(7))]);
    specimen.span("db", &[]);
    assert_eq!(formatted_in_braces("{message}", &specimen), "served user=ann status=200 width=4");
    assert_eq!(formatted_in_dollars("$message", &specimen), "served user=ann status=200 width=4");
    // A field within a spec is named as well.
    assert_eq!(formatted_in_braces("{id:{width}}|{user!r}|{message}", &specimen), "   7|'ann'|served status=200");
    assert_eq!(formatted_in_dollars("${id}|$user|$message", &specimen), "7|ann|served status=200 width=4");
    assert_eq!(formatted_in_braces("[{spans:>12}] {spans[0]} {msg}", &specimen), "[  request:db] r served");
    assert_eq!(formatted_in_dollars("[$spans] $msg", &specimen), "[request:db] served");
    // What no one has prints nothing, whatever was to be made of it.
    assert_eq!(formatted_in_braces("[{nobody}|{nobody:>5d}|{nobody.x[0]!r}|{id:{nobody}}]", &specimen), "[|||7]");
    assert_eq!(formatted_in_dollars("[$nobody] $$", &specimen), "[] $");
}

#[test]
fn other_styles_need_spans_for_the_same_names() {
    let needs_spans = |format| BraceFormatter::new(format).unwrap().needs().spans;
    assert!(!needs_spans("{asctime} {levelname:<8} {message}"));
    assert!(needs_spans("{request_id} {message}") && needs_spans("{message:{width}}") && needs_spans("{spans}"));
    let needs_spans = |format| DollarFormatter::new(format).unwrap().needs().spans;
    assert!(!needs_spans("$asctime $levelname $$request_id $message"));
    assert!(needs_spans("$request_id $message") && needs_spans("${funcName}"));
}
