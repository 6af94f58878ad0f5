//! Control characters in what a record brings, with the key `escape`.

use std::sync::Arc;

use logtree_core::{Argument, FormatError, Formatter, Kwargs, Registry, Value};
use logtree_formatters::{Escape, FormatterConfig, Style};
use proptest::prelude::*;

use crate::specimen::Specimen;

fn formatter(style: Style, format: &str, escape: Escape) -> Arc<dyn Formatter> {
    FormatterConfig { format: Some(format.into()), style, escape, ..FormatterConfig::default() }.build().unwrap()
}

fn formatted(formatter: &dyn Formatter, specimen: &Specimen) -> Result<String, FormatError> {
    // What stands before belongs to others, whatever it is.
    let before = "\x1b\n";
    let mut out = String::from(before);
    formatter.format(&specimen.record(), &mut out)?;
    Ok(out.strip_prefix(before).unwrap().to_owned())
}

fn percent(format: &str, escape: Escape, specimen: &Specimen) -> String {
    formatted(&*formatter(Style::Percent, format, escape), specimen).unwrap()
}

/// CPython 3.13: `repr(char)[1:-1]` for all characters below U+00A0 and the two others that are no printable ones.
fn repr(char: char) -> String {
    match char {
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\0'..=' ' | '\x7f'..='\u{9f}' if char != ' ' => format!("\\x{:02x}", u32::from(char)),
        '\u{2028}' => "\\u2028".into(),
        '\u{2029}' => "\\u2029".into(),
        char => char.into(),
    }
}

/// CPython 3.13: characters at which `str.splitlines` breaks.
const BREAKS: &[char] = &['\n', '\x0b', '\x0c', '\r', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];

#[test]
fn each_control_character_is_written_as_repr_has_it() {
    for char in ('\0'..='\u{2ff}').chain(['\u{2028}', '\u{2029}', '\u{200b}', '😀']) {
        let specimen = Specimen::tracing(&format!("a{char}b\\"));
        let is_layout = matches!(char, '\t' | '\n');
        let is_control = char.is_control() && !is_layout;
        let shown = |escaped: bool| if escaped { format!("a{}b\\", repr(char)) } else { format!("a{char}b\\") };
        assert_eq!(percent("%(message)s", Escape::None, &specimen), shown(false));
        assert_eq!(percent("%(message)s", Escape::Terminal, &specimen), shown(is_control), "{char:?}");
        let is_taken = is_control || is_layout || BREAKS.contains(&char);
        assert_eq!(percent("%(message)s", Escape::Controls, &specimen), shown(is_taken), "{char:?}");
    }
}

#[test]
fn all_that_a_record_brings_is_escaped_and_the_format_is_not() {
    let mut specimen = Specimen::tracing("in\x1b[31m\nforged");
    specimen.field("na\x07me", Value::Display("fi\x1beld"));
    specimen.field("direct", Value::Str("di\x1b\nrect"));
    specimen.span("s\x1bpan", &[("of_span", Value::Str("sp\x08an"))]);
    let fields = r#"na\x07me="fi\u{1b}eld""#;
    for (style, format) in [
        (Style::Percent, "\x1b[1m%(spans)s\t%(direct)s\n%(of_span)-8s|%(message)s\x1b[0m"),
        (Style::Brace, "\x1b[1m{spans}\t{direct}\n{of_span:8}|{message}\x1b[0m"),
        (Style::Dollar, "\x1b[1m$spans\t$direct\n$of_span |$message\x1b[0m"),
    ] {
        let line = formatted(&*formatter(style, format, Escape::Controls), &specimen).unwrap();
        // A width counts the record's own characters.
        let blanks = if style == Style::Dollar { " " } else { "   " };
        let expected =
            format!("\x1b[1ms\\x1bpan\tdi\\x1b\\nrect\nsp\\x08an{blanks}|in\\x1b[31m\\nforged {fields}\x1b[0m");
        assert_eq!(line, expected);
        let line = formatted(&*formatter(style, format, Escape::Terminal), &specimen).unwrap();
        assert_eq!(line, expected.replace("\\n", "\n"));
    }
}

#[test]
fn a_time_is_the_configs_own() {
    let config = FormatterConfig {
        format: Some("%(asctime)s %(message)s".into()),
        datefmt: Some("\x1b[2m%Y\n\x1b[0m".into()),
        escape: Escape::Controls,
        ..FormatterConfig::default()
    };
    let formatter = config.build().unwrap();
    let line = formatted(&*formatter, &Specimen::tracing("a\x1b")).unwrap();
    assert_eq!(line, "\x1b[2m2023\n\x1b[0m a\\x1b");
}

#[test]
fn below_the_line_lines_stay_and_are_told_from_records() {
    let mut specimen = Specimen::tracing("failed");
    specimen.exc_text = Some("Error: no such user\n2026-01-01 INFO root: \x1b[2Jforged\r\n\ttab\u{2028}".into());
    let plain = "failed\nError: no such user\n2026-01-01 INFO root: \x1b[2Jforged\r\n\ttab\u{2028}";
    assert_eq!(percent("%(message)s", Escape::None, &specimen), plain);
    assert_eq!(
        percent("%(message)s", Escape::Terminal, &specimen),
        "failed\nError: no such user\n2026-01-01 INFO root: \\x1b[2Jforged\\r\n\ttab\u{2028}"
    );
    let below = "\n\tError: no such user\n\t2026-01-01 INFO root: \\x1b[2Jforged\\r\n\t\ttab\\u2028";
    assert_eq!(percent("%(message)s", Escape::Controls, &specimen), format!("failed{below}"));
    // Where the line has its line break, there is none added, as in Python.
    assert_eq!(percent("%(message)s\n", Escape::Controls, &specimen), format!("failed{below}"));
    // An empty line is one.
    assert_eq!(percent("%(nobody)s", Escape::Controls, &specimen), below);
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let mut specimen = Specimen::python();
    specimen.message = "\x1b".into();
    let formatter = formatter(Style::Percent, "%(message)s %(nobody)s", Escape::Controls);
    let mut out = String::from("before");
    assert!(formatter.format(&specimen.record(), &mut out).is_err());
    assert_eq!(out, "before");
}

#[test]
fn colours_of_formatters_stay_and_what_stands_between_them_is_escaped() {
    let mut registry = Registry::default();
    logtree_formatters::register(&mut registry);
    let line = |class: &str, arguments: &[(&str, Argument)], specimen: &Specimen| {
        let mut arguments: Vec<_> = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        arguments.push(("escape".into(), Argument::Str("controls".into())));
        let formatter = registry.find_formatter(class).unwrap()(Kwargs::new("f()", arguments)).unwrap();
        formatted(&*formatter, specimen).unwrap()
    };
    let text = |text: &str| Argument::Str(text.to_owned());
    let attack = Specimen::tracing("a\x1b[2J\nb");

    let format = ("fmt", text("%(log_color)s%(levelname)s%(reset)s %(message)s"));
    let colored = line("colorlog.ColoredFormatter", &[format, ("force_color", Argument::Bool(true))], &attack);
    assert_eq!(colored, "\x1b[32mINFO\x1b[0m a\\x1b[2J\\nb\x1b[0m");

    let mut request = Specimen::tracing("");
    for (name, value) in [("client_addr", "1\x1b"), ("method", "G\x1bT"), ("full_path", "/\n"), ("http_version", "1.1")]
    {
        request.field(name, Value::Str(value));
    }
    request.field("status_code", Value::I64(200));
    let format = ("fmt", text("%(levelprefix)s %(client_addr)s - \"%(request_line)s\" %(status_code)s"));
    let colored = ("use_colors", Argument::Bool(true));
    assert_eq!(
        line("uvicorn.logging.AccessFormatter", &[format, colored.clone()], &request),
        "\x1b[32mINFO\x1b[0m:     1\\x1b - \"\x1b[1mG\\x1bT /\\n HTTP/1.1\x1b[0m\" \x1b[32m200 OK\x1b[0m"
    );

    // What a program colours itself is what a stranger may colour, too.
    let mut started = Specimen::tracing("started\x07");
    started.field("color_message", Value::Str("\x1b[1mstarted\x1b[0m"));
    let format = ("fmt", text("%(levelprefix)s %(message)s"));
    assert_eq!(
        line("uvicorn.logging.DefaultFormatter", &[format, colored], &started),
        "\x1b[32mINFO\x1b[0m:     started\\x07"
    );
}

#[test]
fn djangos_colours_stay_around_an_escaped_message() {
    let line = FormatterConfig { escape: Escape::Controls, ..FormatterConfig::default() };
    let config = logtree_formatters::ServerFormatterConfig { line, use_colors: Some(true) };
    let formatter = config.build().unwrap();
    let mut specimen = Specimen::tracing("GET /\x1b[2J");
    specimen.field("status_code", Value::I64(500));
    specimen.field("who", Value::Debug("a\x1bb"));
    assert_eq!(
        formatted(&*formatter, &specimen).unwrap(),
        "\x1b[35;1mGET /\\x1b[2J\x1b[0m status_code=500 who=a\\x1bb"
    );
}

#[test]
fn the_argument_is_one_of_three_names() {
    let config = |value: Argument| {
        let kwargs = Kwargs::new("Formatter.__init__()", vec![("escape".into(), value)]);
        FormatterConfig::from_kwargs(kwargs).map(|config| config.escape)
    };
    let text = |text: &str| Argument::Str(text.to_owned());
    assert_eq!(config(text("none")).unwrap(), Escape::None);
    assert_eq!(config(text("terminal")).unwrap(), Escape::Terminal);
    assert_eq!(config(text("controls")).unwrap(), Escape::Controls);
    assert_eq!(config(Argument::None).unwrap(), Escape::None);
    assert_eq!(config(Argument::Bool(false)).unwrap(), Escape::None);
    for wrong in [text("Controls"), text("json"), text(""), Argument::Bool(true), Argument::Int(1)] {
        assert_eq!(
            config(wrong).unwrap_err().to_string(),
            "ValueError: escape must be one of: none, terminal, controls"
        );
    }
}

proptest! {
    /// No text makes a second record of one, or steers a terminal.
    #[test]
    fn no_text_makes_two_records_of_one(
        message in "\\PC*|(?s).{0,30}|[a\\x00-\\x1f\\x7f-\\x9f\u{2028}]{0,20}",
        field in "(?s).{0,8}|[b\\x1b\n]{0,8}",
        error in proptest::option::of("(?s).{0,30}|[c\r\n\\x1b]{0,20}"),
        style in prop::sample::select(vec![(Style::Percent, "%(n)s %(message)s"), (Style::Brace, "{n} {message}")]),
    ) {
        let mut specimen = Specimen::tracing(&message);
        specimen.field("n", Value::Str(&field));
        specimen.field("other", Value::Display(&field));
        specimen.exc_text = error;
        let text = formatted(&*formatter(style.0, style.1, Escape::Controls), &specimen).unwrap();
        let mut lines = text.split('\n');
        let line = lines.next().unwrap();
        prop_assert!(!line.contains(|char: char| char.is_control() || BREAKS.contains(&char)), "{line:?}");
        for line in lines {
            let rest = line.strip_prefix('\t').unwrap_or("\n");
            let is_bad = |char: char| (char.is_control() && char != '\t') || BREAKS.contains(&char);
            prop_assert!(!rest.contains(is_bad), "{text:?}");
        }
    }
}
