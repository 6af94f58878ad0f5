//! Whatever bytes a format, a date format and an event have: nothing panics, hangs, or takes memory out of proportion, and a
//! record that cannot be formatted leaves nothing behind. The first byte tells the style; 0xff, which no text has, parts the
//! three. `run` builds it and runs it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logtree_core::{Callsite, LevelNames, Origin};
use logtree_formatters::{Converter, FormatterConfig, Style};

#[allow(dead_code, reason = "the fuzzer only parses and prints")]
#[path = "../crates/logtree-cli/src/event.rs"]
mod event;
#[allow(dead_code, reason = "the fuzzer only parses and prints")]
#[path = "../crates/logtree-cli/src/python.rs"]
mod python;

const STYLES: [Style; 3] = [Style::Percent, Style::Brace, Style::Dollar];

/// No width is larger, and no piece of a format makes more than one of each of some value.
const MOST_OF_ONE: usize = 3 << 16;

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let mut parts = bytes.splitn(3, |byte| *byte == 0xff);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (Some(format), Some(datefmt), Some(line)) = (text(), text(), text()) else { return };
    let config = FormatterConfig {
        format: Some(format.to_owned()),
        datefmt: Some(datefmt.to_owned()),
        style: STYLES[usize::from(*first) % STYLES.len()],
        validate: first & 0x80 == 0,
        converter: if first & 0x40 == 0 { Converter::GmTime } else { Converter::LocalTime },
        ..FormatterConfig::default()
    };
    let Ok(formatter) = config.build() else { return };
    let Ok(event) = event::Event::parse(line.as_bytes(), LevelNames::STANDARD) else { return };
    let unsaid = event::Unsaid { callsite: Callsite::default(), origin: Origin::default() };
    let mut out = String::from("before");
    let outcome = formatter.format(&event.record(LevelNames::STANDARD, &unsaid), &mut out);
    assert!(out.starts_with("before"));
    assert!(outcome.is_ok() || out == "before");
    assert!(out.len() < (data.len() + 64) * MOST_OF_ONE);
});
