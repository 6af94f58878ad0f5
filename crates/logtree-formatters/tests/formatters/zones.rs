//! Where the time zone comes from.

use std::path::Path;
use std::process::Command;

use logtree_core::Timestamp;
use logtree_formatters::FormatterConfig;

use crate::specimen::Specimen;

/// What a process with this `TZ` shows for the two seconds around the change to summer time in Europe.
fn shown_with(tz: &str) -> String {
    let arguments = ["zones::show", "--exact", "--ignored", "--nocapture"];
    let child = Command::new(std::env::current_exe().unwrap()).args(arguments).env("TZ", tz).output().unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("shown: ")).unwrap().to_owned()
}

#[test]
#[ignore = "the tests of this module run it in processes of their own"]
fn show() {
    let config = FormatterConfig {
        format: Some("%(asctime)s".into()),
        datefmt: Some("%H:%M:%S %Z".into()),
        ..FormatterConfig::default()
    };
    let formatter = config.build().unwrap();
    let mut specimen = Specimen::tracing("");
    let mut out = String::from("\nshown: ");
    for second in [1_711_846_799, 1_711_846_800] {
        specimen.created = Timestamp(second * 1_000_000_000);
        formatter.format(&specimen.record(), &mut out).unwrap();
        out.push('|');
    }
    println!("{out}");
}

// CPython 3.13: time.strftime('%H:%M:%S %Z', time.localtime(1711846799)), and one second later, under each TZ.

#[test]
fn rules_are_read_from_tz() {
    assert_eq!(shown_with("CET-1CEST,M3.5.0,M10.5.0/3"), "01:59:59 CET|03:00:00 CEST|");
    assert_eq!(shown_with(":CET-1CEST,M3.5.0,M10.5.0/3"), "01:59:59 CET|03:00:00 CEST|");
    // Summer time at no time that it names begins as in the United States.
    assert_eq!(shown_with("CET-1CEST"), "02:59:59 CEST|03:00:00 CEST|");
    assert_eq!(shown_with("GMT+3"), "21:59:59 GMT|22:00:00 GMT|");
}

#[test]
fn names_are_looked_up_in_the_systems_database() {
    if !Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        println!("no time zone database here: not tested");
        return;
    }
    assert_eq!(shown_with("Europe/Berlin"), "01:59:59 CET|03:00:00 CEST|");
    assert_eq!(shown_with(":Europe/Berlin"), "01:59:59 CET|03:00:00 CEST|");
    assert_eq!(shown_with("/usr/share/zoneinfo/Asia/Seoul"), "09:59:59 KST|10:00:00 KST|");
    assert_eq!(shown_with(":/usr/share/zoneinfo/Asia/Seoul"), "09:59:59 KST|10:00:00 KST|");
    assert_eq!(shown_with("../zoneinfo/Asia/Seoul"), "09:59:59 KST|10:00:00 KST|");
    assert_eq!(shown_with("EST5EDT"), "20:59:59 EDT|21:00:00 EDT|");
}

#[test]
fn a_zone_that_cannot_be_read_is_utc() {
    assert_eq!(shown_with(""), "00:59:59 UTC|01:00:00 UTC|");
    // DIFFERENCE: glibc gives it no name.
    assert_eq!(shown_with("No/Such_Zone"), "00:59:59 UTC|01:00:00 UTC|");
}
