//! Large texts: reading them takes time and memory in proportion, whatever stands in them. Small ones by default, which
//! only what is exponential does not survive; what is quadratic shows in
//!
//! ```text
//! LOGTREE_BYTES=10000000 cargo test --release -p logtree-dictconfig --all-features --test dictconfig large
//! ```

use std::time::{Duration, Instant};

use logtree_dictconfig::{Color, Config, Format, registry};

/// How long each may take: far longer than it does.
const TIME: Duration = Duration::from_secs(60);

/// How large the texts are.
fn bytes() -> usize {
    std::env::var("LOGTREE_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(1 << 17)
}

fn read(format: Format, text: &str) {
    let start = Instant::now();
    if let Err(problems) = Config::new(&registry()).parse(text, format, "x") {
        assert!(problems.iter().count() <= 1100, "{}", problems.iter().count());
        let rendered = problems.render(Color::Never);
        assert!(rendered.len() < 50 << 20, "{} bytes", rendered.len());
    }
    let elapsed = start.elapsed();
    assert!(elapsed < TIME, "{elapsed:?} for {format:?} {:?}", text.chars().take(60).collect::<String>());
}

/// As many repetitions as fill the text.
fn many(one: impl Fn(usize) -> String) -> String {
    let count = bytes() / one(bytes()).len();
    (0..count).map(one).collect()
}

#[test]
fn json() {
    let long = "x".repeat(bytes());
    let keys = many(|number| format!("\"k{number}\":1,"));
    let handlers = many(|number| format!("\"h{number}\":{{}},"));
    let names = many(|number| format!("\"h{number}x\","));
    for text in [
        format!("\"{long}\""),
        format!("{{\"version\":1,\"{long}\":{{{keys}\"k\":1}}}}"),
        format!("{{\"version\":1,\"handlers\":{{\"{long}\":{{{keys}\"class\":\"logging.NullHandler\"}}}}}}"),
        format!("{{\"version\":1,{keys}\"a\":1}}"),
        format!("{{\"version\":1,{}\"a\":1}}", many(|_| "\"same\":1,".to_owned())),
        format!("{{\"version\":1,\"handlers\":{{{handlers}\"h\":{{}}}},\"root\":{{\"handlers\":[{names}\"h\"]}}}}"),
        format!(
            "{{\"version\":1,\"loggers\":{{{}\"h\":{{}}}}}}",
            many(|number| format!("\"a.b{number}\":{{\"level\":\"x\"}},"))
        ),
        format!("{{\"version\":1,\"root\":{{\"level\":\"{long}\",\"handlers\":\"{long}\"}}}}"),
        format!("{{\"version\":1,\"root\":{{\"level\":\"cfg://{}\"}}}}", ".a".repeat(bytes() / 2)),
        format!("{{\"version\":1,\"handlers\":{{\"h\":{{\"class\":\"{}\"}}}}}}", "a.".repeat(bytes() / 2)),
        format!("{{\"version\":1,\"formatters\":{{\"f\":{{\"format\":\"{}\"}}}}}}", "%(message)s".repeat(bytes() / 11)),
        format!("{{\"version\":1,\"env\":true,\"x\":\"{}\"}}", "${x:-".repeat(bytes() / 5)),
        format!("{{\"version\":1,\"env\":true,\"x\":[{}1]}}", many(|_| "\"${nobody}\",".to_owned())),
        "[".repeat(bytes()),
        "\n".repeat(bytes()),
    ] {
        read(Format::Json, &text);
    }
}

#[test]
fn paths_that_lead_on_twice_each_have_a_bound() {
    let levels =
        (1..60).map(|level| format!("\"x{level}\":{{\"a\":\"cfg://x{}.a.a\"}},", level - 1)).collect::<String>();
    let text =
        format!("{{\"version\":1,\"x0\":{{\"a\":\"cfg://x0\"}},{levels}\"root\":{{\"level\":\"cfg://x59.a\"}}}}");
    read(Format::Json, &text);
}

#[test]
fn yaml() {
    let long = "x".repeat(bytes());
    for text in [
        format!("version: 1\n{long}"),
        format!("version: 1\n? {long}\n: {{{}}}\n", many(|number| format!("k{number}: 1, "))),
        format!("version: 1\nx: |\n{}", many(|_| "  line\n".to_owned())),
        format!("version: 1\nx: '{}'", " \n".repeat(bytes() / 2)),
        format!("version: 1\n{}", many(|number| format!("k{number}: &a{number} 1\n"))),
        format!("version: 1\nx: &x {{{}}}\n{}", "a: 1", many(|number| format!("k{number}: *x\n"))),
        format!("version: 1\nx: &x {{{}}}\n{}", "a: 1", many(|number| format!("k{number}: {{<<: *x}}\n"))),
        format!("version: 1\nx: [{}]", "<<, ".repeat(bytes() / 4)),
        format!("{{{}", "a: 1, ".repeat(bytes() / 6)),
        format!("version: {}", "1".repeat(bytes())),
        format!("version: 0x{}", "f".repeat(bytes())),
        format!("version: 1{}", ":1".repeat(bytes() / 2)),
        "- ".repeat(bytes() / 2),
        "? ".repeat(bytes() / 2),
        "!".repeat(bytes()),
        "&".repeat(bytes()),
        "%".repeat(bytes()),
        "# x\n".repeat(bytes() / 4),
        "\t".repeat(bytes()),
        "\"\\x41".repeat(bytes() / 5),
    ] {
        read(Format::Yaml, &text);
    }
}

#[test]
#[cfg(feature = "toml")]
fn toml() {
    for text in [
        format!("version = 1\n{}", many(|number| format!("k{number} = 1\n"))),
        format!("version = 1\n{}", many(|number| format!("[a.k{number}]\n"))),
        format!("version = 1\n{}", many(|_| "[[a]]\n".to_owned())),
        format!("version = 1\n{}", many(|_| "[a]\n".to_owned())),
        format!("version = {}", "1".repeat(bytes())),
        format!("x = '''{}'''", "x\n".repeat(bytes() / 2)),
        format!("x = [{}]", "1, ".repeat(bytes() / 3)),
        format!("x{} = 1", ".x".repeat(bytes() / 2)),
        format!("x = {}", "[".repeat(bytes())),
        format!("x = {}", "{x=".repeat(bytes() / 3)),
        "=\n".repeat(bytes() / 2),
        "\"".repeat(bytes()),
    ] {
        read(Format::Toml, &text);
    }
}

#[test]
fn ini() {
    let sections = "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\n";
    let handler = |args: &str| format!("{sections}[handler_h]\nclass=FileHandler\nargs={args}\n");
    for text in [
        format!("{sections}{}", many(|number| format!("x{number}=1\n"))),
        format!("{sections}{}", many(|number| format!("[handler_x{number}]\n"))),
        format!("{sections}x=1\n{}", " y\n".repeat(bytes() / 3)),
        format!("{sections}x=1\n{}", "\n".repeat(bytes())),
        format!("[loggers]\nkeys=root{}\n[handlers]\nkeys=\n[formatters]\nkeys=\n", ",x".repeat(bytes() / 2)),
        handler(&"(".repeat(bytes())),
        handler(&"-".repeat(bytes())),
        handler(&format!("({})", "1,".repeat(bytes() / 2))),
        handler(&format!("({},)", "'a' ".repeat(bytes() / 4))),
        handler(&format!("({},)", "1+".repeat(bytes() / 2))),
        handler(&"%%".repeat(bytes() / 2)),
        handler(&format!("%(a)s\na={}\nb={}\nc={}", "%(b)s".repeat(1000), "%(c)s".repeat(1000), "%(d)s".repeat(1000))),
        handler(&format!("%(a)s\na={}\nb=1", "%(b)s".repeat(bytes() / 5))),
        "\r".repeat(bytes()),
        "[a]\n".to_owned() + &"=".repeat(bytes()),
    ] {
        read(Format::Ini, &text);
    }
}
