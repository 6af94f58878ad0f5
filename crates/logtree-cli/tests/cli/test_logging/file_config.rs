//! The older format: CPython's ConfigFileTest.

use super::support::{CRITICAL, ERROR, Event, INFO, WARNING, emit_text, lines};

/// A root that prints warnings, and what else stands in the file.
fn file(root: &str, rest: &str) -> String {
    format!(
        "[loggers]\nkeys=root,till\n\n[handlers]\nkeys=out\n\n[formatters]\nkeys=line\n\n[logger_root]\n{root}\n\n{rest}\n\n\
         [formatter_line]\nformat=%(levelname)s ++ %(message)s\ndatefmt=\n"
    )
}

const TILL: &str = "[logger_till]\nlevel=DEBUG\nhandlers=out\npropagate=1\nqualname=shop.till";
const OUT: &str = "[handler_out]\nclass=StreamHandler\nlevel=NOTSET\nformatter=line\nargs=(sys.stdout,)";

fn usual() -> String {
    file("level=WARNING\nhandlers=", &format!("{TILL}\n\n{OUT}"))
}

fn printed(text: &str, events: &[Event<'_>]) -> String {
    let said = emit_text("config.ini", text, &lines(events));
    assert_eq!((said.code, said.stderr()), (Some(0), ""), "{text}");
    said.stdout().to_owned()
}

fn refused(text: &str) -> String {
    let said = emit_text("config.ini", text, "{\"msg\": \"never\"}\n");
    assert_eq!((said.code, said.stdout()), (Some(2), ""), "{text}");
    said.stderr().to_owned()
}

const EVENTS: [Event<'_>; 2] = [("shop.till", INFO, "a"), ("shop.till", ERROR, "b")];

#[test]
fn a_root_with_a_handler() {
    let text = file("level=WARNING\nhandlers=out", &format!("[logger_till]\nqualname=x\nhandlers=\n\n{OUT}"));
    assert_eq!(printed(&text, &[("", INFO, "a"), ("", ERROR, "b")]), "ERROR ++ b\n");
}

#[test]
fn a_logger_with_a_handler_below_a_root_without() {
    assert_eq!(printed(&usual(), &EVENTS), "INFO ++ a\nERROR ++ b\n");
    assert_eq!(printed(&usual().replace("class=Stream", "class=logging.Stream"), &EVENTS), "INFO ++ a\nERROR ++ b\n");
    // Keys may stand apart, and arguments may have names.
    let text = usual().replace("keys=root,till", "keys=root , till");
    assert_eq!(printed(&text, &EVENTS), "INFO ++ a\nERROR ++ b\n");
    let text = usual().replace("args=(sys.stdout,)", "kwargs={'stream': sys.stdout,}");
    assert_eq!(printed(&text, &EVENTS), "INFO ++ a\nERROR ++ b\n");
}

#[test]
fn what_is_misspelt_is_refused() {
    assert!(refused(&usual().replace("sys.stdout", "sys.stdbout")).contains("stdbout"));
    assert!(refused(&usual().replace("formatter=line", "formatter=lines")).contains("lines"));
    assert!(refused(&usual().replace("level=DEBUG", "level=DEBGU")).contains("DEBGU"));
}

#[test]
fn a_parent_and_its_child_are_named_and_their_neighbour_is_not() {
    let rest = "[logger_till]\nlevel=DEBUG\nhandlers=\npropagate=1\nqualname=shop";
    let text = file("level=WARNING\nhandlers=out", &format!("{rest}\n\n{OUT}"));
    let events =
        [("shop.till", INFO, "a"), ("shop-online", INFO, "b"), ("shop-online", CRITICAL, "c"), ("shop", INFO, "d")];
    assert_eq!(printed(&text, &events), "INFO ++ a\nCRITICAL ++ c\nINFO ++ d\n");
}

#[test]
fn a_file_handler_with_arguments_of_both_kinds() {
    let handler = "[handler_out]\nclass=FileHandler\nlevel=DEBUG\nformatter=line\nargs=(\"shop.log\",)\nkwargs={\"encoding\": \"utf-8\"}";
    let text = file("level=DEBUG\nhandlers=out", &format!("{TILL}\n\n{handler}"));
    let place = crate::support::Place::new();
    place.write("config.ini", &text);
    let said = place.run(&["emit", "config.ini"], &lines(&[("a", WARNING, "é")]));
    assert_eq!((said.code, said.stderr()), (Some(0), ""));
    assert_eq!(place.read("shop.log"), "WARNING ++ é\n".as_bytes());
}

#[test]
fn a_formatters_defaults_fill_gaps() {
    let text = usual().replace(
        "format=%(levelname)s ++ %(message)s\ndatefmt=",
        "format=%(message)s ++ %(shelf)s\ndefaults={\"shelf\": \"none\"}",
    );
    let events =
        "{\"name\": \"shop.till\", \"msg\": \"a\"}\n{\"name\": \"shop.till\", \"msg\": \"b\", \"shelf\": \"top\"}\n";
    let said = emit_text("config.ini", &text, events);
    assert_eq!((said.stdout(), said.stderr()), ("a ++ none\nb ++ top\n", ""));
}

#[test]
fn what_is_no_such_file_is_refused() {
    // CPython 3.13: RuntimeError for what configparser does not read and for an empty file, FileNotFoundError for none.
    assert!(refused(&(usual() + "\nprince\n")).contains("prince"));
    assert!(!refused("").is_empty());
    let said = crate::support::Place::new().run(&["emit", "nowhere.ini"], "");
    assert!(said.code == Some(2) && said.stderr().contains("nowhere.ini"), "{said:?}");
}
