//! Whatever bytes a config has: nothing panics, hangs, or takes memory out of proportion, and every problem has its place in
//! the text. The first byte tells the format. `run` builds it and runs it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logtree_dictconfig::{Color, Config, Format, registry};

const FORMATS: [Format; 4] = [Format::Json, Format::Yaml, Format::Toml, Format::Ini];

fuzz_target!(|data: &[u8]| {
    let registry = registry();
    let Some((first, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let outcome = Config::new(&registry).parse(text, format, "x");
    let problems = match &outcome {
        Ok(plan) => plan.warnings().iter().collect::<Vec<_>>(),
        Err(problems) => problems.iter().collect(),
    };
    for problem in problems {
        assert!(!problem.to_string().contains('\n'));
        assert!(problem.place().is_none_or(|place| text.get(place.span.start..place.span.end).is_some()));
        assert!(!problem.render(Color::Never).is_empty());
    }
});
