//! Formats of a size that nobody writes: they cost time and memory in proportion, whatever is in them.

use std::time::Duration;

use logtree_formatters::{FormatterConfig, Style};

use crate::cpu_time::cpu_time_of;
use crate::specimen::Specimen;

#[test]
fn time_grows_with_the_length_and_no_faster() {
    let specimen = Specimen::tracing("m");
    let bits = [
        "{{", "}}", "{x", "{x:", "{x:{", "{x[", "{x.y}", "{x[0]", ".y", "x:{y}}", "$$", "${x", "$x", "$", "가", "%%",
        "%(x)s",
    ];
    for (style, bit) in
        bits.iter().flat_map(|bit| [Style::Brace, Style::Dollar, Style::Percent].map(|style| (style, bit)))
    {
        for prefix in ["", "{x:"] {
            // Text that is moved again and again moves fast: it takes millions to be noticed.
            let count = if *bit == "{{" { 2_000_000 } else { 100_000 };
            let format = Some(format!("{prefix}{}", bit.repeat(count)));
            let taken = cpu_time_of(|| {
                for validate in [true, false] {
                    let config =
                        FormatterConfig { format: format.clone(), style, validate, ..FormatterConfig::default() };
                    let Ok(formatter) = config.build() else { continue };
                    let mut out = String::new();
                    let _ = formatter.format(&specimen.record(), &mut out);
                }
            });
            // Tenths of a second without optimization; what is quadratic takes far longer.
            assert!(taken < Duration::from_secs(5), "{prefix}{bit}… in {style:?}: {taken:?}");
        }
    }
}
