//! What the README shows is what there is: its program is compiled and run, its output compared, its files looked for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::built::example;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The code blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let readme = readme();
    let opening = format!("```{language}\n");
    let blocks = readme.split(&opening).skip(1).map(|rest| rest.split_once("```").unwrap().0.to_owned());
    blocks.collect()
}

/// Runs the program beside this config. Gives what is on stderr, and the log file if there is one.
fn run_with(config: &str) -> (bool, String, Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("logging.json"), config).unwrap();
    let output = Command::new(example("hello")).current_dir(directory.path()).output().unwrap();
    assert_eq!(output.stdout, b"");
    let log = fs::read_to_string(directory.path().join("shop.log")).ok();
    (output.status.success(), String::from_utf8(output.stderr).unwrap(), log)
}

/// Lines without the time at their beginning, of which only the form is looked at.
fn without_times(lines: &str) -> Vec<&str> {
    let behind_time = |line: &'_ str| {
        let form: String = line.chars().take(24).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(form, "0000-00-00 00:00:00,000 ");
        24
    };
    lines.lines().map(|line| &line[behind_time(line)..]).collect()
}

#[test]
fn the_program_and_its_config_are_the_example() {
    let example = fs::read_to_string(root().join("examples/hello/main.rs")).unwrap();
    let [program] = &*blocks("rust") else { panic!("there is one program") };
    assert!(example.ends_with(program), "{program}");
    let (attributes, _) = example.split_at(example.len() - program.len());
    assert!(!attributes.contains("use "), "the program needs more than the README shows: {attributes}");
    assert!(program.lines().count() <= 17, "it is to be short");
    assert_eq!(blocks("json")[0], fs::read_to_string(root().join("examples/hello/logging.json")).unwrap());
}

#[test]
fn the_queue_is_that_of_the_service() {
    let service = fs::read_to_string(root().join("examples/prefork/logging.json")).unwrap();
    let [service, shown] =
        [service.as_str(), &blocks("json")[1]].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(service["handlers"]["queue"], shown);
}

#[test]
fn the_output_is_what_the_program_prints() {
    let shown = &blocks("text")[0];
    let (success, stderr, log) = run_with(&blocks("json")[0]);
    assert!(success, "{stderr}");
    assert_eq!(without_times(&stderr), without_times(shown));
    assert_eq!(without_times(&log.unwrap()), without_times(shown)[1..]);
}

#[test]
fn the_problems_are_what_the_program_says_of_the_slips() {
    let shown = &blocks("text")[1];
    let config = blocks("json")[0].replace("FileHandler", "FileHandlr").replace("\"INFO\"", "\"INFOO\"");
    let (success, stderr, log) = run_with(&config);
    assert!(!success);
    assert_eq!(stderr.trim_end(), shown.trim_end());
    assert_eq!(log, None);
}

/// The table's rows without numbers and remarks, each once.
fn rows(printed: &str) -> Vec<String> {
    let rows = printed.lines().filter_map(|line| line.strip_prefix("  "));
    let names =
        rows.map(|row| row.split("  ").next().unwrap().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned());
    let mut names: Vec<_> = names.collect();
    names.dedup();
    names
}

#[test]
#[cfg(target_os = "linux")]
fn the_table_is_what_the_service_prints() {
    let output = Command::new(example("prefork")).args(["--requests", "50"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (printed, shown) = (String::from_utf8(output.stdout).unwrap(), &blocks("text")[2]);
    assert_eq!(rows(&printed), rows(shown));
    let heading = |text: &str| {
        text.lines().find(|line| line.contains("over HTTP")).unwrap().split_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(heading(&printed), heading(shown));
}

/// What a table of markdown has in its rows, but for heading and rule.
fn cells(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").collect()).collect()
}

#[test]
fn the_ratios_are_targets_that_the_results_keep() {
    let (readme, results) = (readme(), fs::read_to_string(root().join("crates/logtree-bench/RESULTS.md")).unwrap());
    let section = |text: &str, title: &str| {
        let behind = text.split(&format!("\n## {title}\n")).nth(1).unwrap_or_else(|| panic!("no section {title}"));
        behind.split("\n## ").next().unwrap().to_owned()
    };
    let shown = section(&readme, "How fast");
    let claims = cells(&shown);
    assert!(claims.len() >= 4, "{claims:?}");
    for claim in &claims {
        let [title, name, factor] = **claim else { panic!("{claim:?}") };
        let of_case = section(&results, title);
        let row = cells(&of_case).into_iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no row {name}"));
        // × **median** (spread), target ≤ factor
        let (measured, target) = row.last().unwrap().split_once(", target ≤ ").unwrap();
        assert_eq!(format!("× {target}"), factor, "{title}: {name}");
        let median: f64 = measured.split("**").nth(1).unwrap().parse().unwrap();
        assert!(median <= target.parse().unwrap(), "{title}: {name} takes {median}, and README says {factor}");
    }
    // No other ratio stands there, of which nobody knows whether it is so.
    assert_eq!(readme.matches('×').count(), claims.len());
}

#[test]
fn the_commands_are_those_that_ci_runs() {
    let commands = "cargo run --release --example prefork -- --requests 2000\ncargo test\n";
    assert_eq!(blocks("sh"), [commands]);
}

#[test]
fn the_files_that_it_links_to_are_there() {
    let readme = readme();
    let targets = readme.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
    let mut looked_at = 0;
    for target in targets.filter(|target| !target.starts_with("http")) {
        assert!(root().join(target).exists(), "{target}");
        looked_at += 1;
    }
    assert!(looked_at >= 4, "only {looked_at} links were found");
}
