//! The walk through the tree. What is expected here is what CPython 3.13's `Logger.handle`, `callHandlers`,
//! `isEnabledFor` and `getEffectiveLevel` do; each test names the rule.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use logtree_core::{
    Callsite, Direct, EmitError, FieldName, FieldsBuf, Filter, FormatError, Formatter, Handler, HandlerEntry,
    HeldRecords, Level, Logger, NameFilter, Origin, Record, Replacement, Source, SpansBuf, Steps, Timestamp, Tree,
    TreeBuilder, Value, Verdict,
};

type Seen = Arc<Mutex<Vec<String>>>;

/// Notes `handler:logger`, or panics, as it was told to.
struct Note {
    tag: &'static str,
    seen: Seen,
    panics: bool,
}

impl Handler for Note {
    fn emit(&self, record: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        assert!(!self.panics, "as told");
        self.seen.lock().unwrap().push(format!("{}:{}", self.tag, record.name));
        Ok(())
    }
}

struct NoText;

impl Formatter for NoText {
    fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), FormatError> {
        Ok(())
    }
}

fn entry(tag: &'static str, seen: &Seen, level: Level) -> Arc<HandlerEntry> {
    let note = Note { tag, seen: Arc::clone(seen), panics: tag == "panics" };
    let entry = HandlerEntry::new(tag, Box::new(note), Arc::new(NoText));
    entry.set_level(level);
    Arc::new(entry)
}

fn with_filters(tag: &'static str, seen: &Seen, level: Level, filters: Vec<Arc<dyn Filter>>) -> Arc<HandlerEntry> {
    let mut entry = Arc::into_inner(entry(tag, seen, level)).unwrap();
    entry.filters = filters;
    Arc::new(entry)
}

fn named(name: &str) -> Arc<dyn Filter> {
    Arc::new(NameFilter { name: name.into() })
}

/// Logs as `Logger.log` does and answers with who saw it.
fn log(tree: &Tree, seen: &Seen, name: &str, level: Level) -> Vec<String> {
    let callsite = Callsite { name: name.into(), ..Callsite::default() };
    let origin = Origin::default();
    let record = Record { name, source: Source::Python, ..Record::new(&callsite, &origin, level, Timestamp(0), "m") };
    let route = tree.find(name);
    if route.is_enabled_for(level) {
        route.handle(&record, &mut Direct);
    }
    std::mem::take(&mut *seen.lock().unwrap())
}

fn logger(level: Level, handlers: &[&Arc<HandlerEntry>]) -> Logger {
    Logger { level, handlers: handlers.iter().map(|entry| Arc::clone(entry)).collect(), ..Logger::default() }
}

fn with_root(level: Level, handlers: &[&Arc<HandlerEntry>]) -> TreeBuilder {
    let mut builder = Tree::builder();
    builder.logger("root", logger(level, handlers));
    builder
}

#[test]
fn the_walk_calls_each_loggers_handlers_in_order_and_stops_where_propagate_is_false() {
    let seen = Seen::default();
    let [a, b, r] = ["a", "b", "r"].map(|tag| entry(tag, &seen, Level::NOTSET));
    let mut builder = with_root(Level::DEBUG, &[&r]);
    builder.logger("x", logger(Level::NOTSET, &[&b, &a]));
    builder.logger("x.y", Logger { propagate: false, ..logger(Level::NOTSET, &[&a]) });
    let tree = builder.build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["b:x", "a:x", "r:x"]);
    assert_eq!(log(&tree, &seen, "x.z.deep", Level::INFO), ["b:x.z.deep", "a:x.z.deep", "r:x.z.deep"]);
    assert_eq!(log(&tree, &seen, "x.y", Level::INFO), ["a:x.y"]);
    assert_eq!(log(&tree, &seen, "x.y.z", Level::INFO), ["a:x.y.z"]);
    assert_eq!(log(&tree, &seen, "xy", Level::INFO), ["r:xy"]);
}

#[test]
fn a_handler_on_child_and_root_fires_twice_and_on_one_logger_once() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let mut builder = with_root(Level::DEBUG, &[&a]);
    builder.logger("x", logger(Level::NOTSET, &[&a, &a]));
    assert_eq!(log(&builder.build(), &seen, "x", Level::INFO), ["a:x", "a:x"]);
}

#[test]
fn the_effective_level_is_the_first_that_is_set_whatever_propagate_says() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let mut builder = with_root(Level::ERROR, &[]);
    builder.logger("x", Logger { propagate: false, ..logger(Level::NOTSET, &[&a]) });
    builder.logger("x.y", logger(Level::DEBUG, &[]));
    let tree = builder.build();
    assert!(log(&tree, &seen, "x", Level::WARNING).is_empty());
    assert_eq!(log(&tree, &seen, "x", Level::ERROR), ["a:x"]);
    assert_eq!(log(&tree, &seen, "x.y.z", Level::DEBUG), ["a:x.y.z"]);
}

#[test]
fn ancestors_levels_filters_and_disabled_play_no_part() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let mut builder = with_root(Level::CRITICAL, &[&a]);
    builder.logger("x", Logger { disabled: true, filters: vec![named("nothing")], ..Logger::default() });
    builder.logger("x.y", logger(Level::DEBUG, &[]));
    let tree = builder.build();
    assert!(log(&tree, &seen, "x", Level::CRITICAL).is_empty());
    assert_eq!(log(&tree, &seen, "x.y", Level::DEBUG), ["a:x.y"]);
    assert_eq!(log(&tree, &seen, "x.unnamed", Level::CRITICAL), ["a:x.unnamed"]);
}

#[test]
fn records_of_level_zero_or_below_never_pass() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let tree = with_root(Level::NOTSET, &[&a]).build();
    assert!(log(&tree, &seen, "x", Level(0)).is_empty());
    assert!(log(&tree, &seen, "x", Level(-3)).is_empty());
    assert_eq!(log(&tree, &seen, "x", Level(1)), ["a:x"]);
}

#[test]
fn disable_drops_its_level_and_below() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let tree = with_root(Level::NOTSET, &[&a]).disable(Level::INFO).build();
    assert!(log(&tree, &seen, "x", Level::INFO).is_empty());
    assert_eq!(log(&tree, &seen, "x", Level(21)), ["a:x"]);
    assert_eq!(tree.lowest_wanted(), Some(Level(21)));
}

#[test]
fn a_handlers_level_and_filters_keep_records_from_it_alone() {
    let seen = Seen::default();
    let high = entry("high", &seen, Level::ERROR);
    let low = entry("low", &seen, Level::NOTSET);
    let tree = with_root(Level::DEBUG, &[&high, &low]).build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["low:x"]);
    assert_eq!(log(&tree, &seen, "x", Level::ERROR), ["high:x", "low:x"]);
}

#[test]
fn filters_of_a_logger_and_of_a_handler_both_must_pass() {
    // CPython 3.13: a logger's filters are looked at for its own records only, a handler's for all.
    let seen = Seen::default();
    let of_handler = with_filters("a", &seen, Level::NOTSET, vec![named("x"), named("x.y")]);
    let mut builder = with_root(Level::DEBUG, &[&of_handler]);
    builder.logger("x.y", Logger { filters: vec![named("x"), named("x.z")], ..Logger::default() });
    let tree = builder.build();
    let names = ["x", "x.y", "x.y.w", "x.z", "v"];
    let passed: Vec<&str> = names.into_iter().filter(|name| !log(&tree, &seen, name, Level::INFO).is_empty()).collect();
    assert_eq!(passed, ["x.y.w"]);
}

#[test]
fn the_last_resort_takes_what_meets_no_handler_at_all() {
    let seen = Seen::default();
    let last = entry("last", &seen, Level::WARNING);
    let high = entry("high", &seen, Level::CRITICAL);
    let mut builder = with_root(Level::DEBUG, &[]);
    builder.logger("x", logger(Level::NOTSET, &[&high]));
    let tree = builder.last_resort(last).build();
    assert_eq!(log(&tree, &seen, "y", Level::WARNING), ["last:y"]);
    assert!(log(&tree, &seen, "y", Level::INFO).is_empty());
    assert!(log(&tree, &seen, "x", Level::WARNING).is_empty(), "a handler that refuses is a handler met");
}

#[test]
fn a_name_filter_passes_the_name_and_what_is_below() {
    // CPython 3.13: logging.Filter('a.b').filter(makeLogRecord({'name': n})).
    let filter = |name: &str, record: &str| {
        let seen = Seen::default();
        let a = entry("a", &seen, Level::NOTSET);
        let mut builder = Tree::builder();
        builder.logger(record, Logger { filters: vec![named(name)], ..logger(Level::DEBUG, &[&a]) });
        !log(&builder.build(), &seen, record, Level::INFO).is_empty()
    };
    assert!(filter("a.b", "a.b"));
    assert!(filter("a.b", "a.b.c"));
    assert!(!filter("a.b", "a.bb"));
    assert!(!filter("a.b", "a"));
    assert!(filter("", "anything"));
}

#[test]
fn a_panic_in_a_handler_is_counted_and_the_next_handler_still_runs() {
    let seen = Seen::default();
    let bad = entry("panics", &seen, Level::NOTSET);
    let good = entry("good", &seen, Level::NOTSET);
    let tree = with_root(Level::DEBUG, &[&bad, &good]).build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["good:x"]);
    assert_eq!(bad.errors.count(), 1);
    assert_eq!(good.errors.count(), 0);
}

#[test]
fn what_no_handler_wants_is_not_wanted() {
    let seen = Seen::default();
    let high = entry("high", &seen, Level::ERROR);
    let tree = with_root(Level::DEBUG, &[&high]).build();
    let route = tree.find("x");
    assert!(route.is_enabled_for(Level::INFO) && !route.wants(Level::INFO));
    assert_eq!(tree.lowest_wanted(), Some(Level::ERROR));
    assert_eq!(with_root(Level::DEBUG, &[]).build().lowest_wanted(), None);
}

/// Says beforehand that it passes or refuses all, and may put others in their place.
struct Known {
    passes: Option<bool>,
    keeps_name: bool,
}

impl Filter for Known {
    fn filter(&self, _: &Record<'_>) -> Verdict {
        self.passes.unwrap_or(true).into()
    }

    fn decides(&self, name: &str, _: Level) -> Option<bool> {
        assert_ne!(name, "panics", "as told");
        self.passes
    }

    fn keeps_name_and_level(&self) -> bool {
        self.keeps_name
    }
}

#[test]
fn what_all_filters_refuse_beforehand_is_not_wanted() {
    let known = |passes, keeps_name| -> Arc<dyn Filter> { Arc::new(Known { passes, keeps_name }) };
    let refuses = || known(Some(false), true);
    let seen = Seen::default();
    let with_filters = |filters| with_filters("a", &seen, Level::INFO, filters);
    for (filters, wants) in [
        (vec![], true),
        (vec![refuses()], false),
        (vec![known(Some(true), true), refuses()], false),
        // Before it one sees the record that nobody knows of, or gives it another name, or is to be asked.
        (vec![known(None, true), refuses()], true),
        (vec![known(Some(true), false), refuses()], true),
        (vec![known(Some(true), true)], true),
    ] {
        let count = filters.len();
        let of_handler = with_root(Level::DEBUG, &[&with_filters(filters.clone())]).build();
        assert_eq!(of_handler.wants("x::y", Level::INFO), wants, "{count} filters of a handler");
        assert!(!of_handler.wants("x::y", Level::DEBUG) && of_handler.find("x::y").wants(Level::INFO));
        // Whoever has a filter that panics is asked, and it is counted there.
        assert!(of_handler.wants("panics", Level::INFO));
        let mut of_logger = with_root(Level::DEBUG, &[&with_filters(Vec::new())]);
        of_logger.logger("x.y", Logger { filters, ..Logger::default() });
        let of_logger = of_logger.build();
        assert_eq!(of_logger.wants("x::y", Level::INFO), wants, "{count} filters of a logger");
        assert!(of_logger.wants("x::y::z", Level::INFO), "a logger's filters are for its own records");
    }
    let [one, other] = [with_filters(vec![refuses()]), with_filters(Vec::new())];
    assert!(with_root(Level::DEBUG, &[&one, &other]).build().wants("x", Level::INFO));
}

/// Puts a record of another name or level in place of those of one name.
struct Instead {
    of: &'static str,
    by: Replacement,
}

impl Filter for Instead {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        assert_ne!(self.of, "panics", "as told");
        if record.name == self.of { self.by.clone().into() } else { Verdict::Pass }
    }
}

fn renames(of: &'static str, to: &str) -> Arc<dyn Filter> {
    Arc::new(Instead { of, by: Replacement { name: Some(to.into()), ..Replacement::default() } })
}

#[test]
fn what_a_loggers_filter_puts_in_a_records_place_goes_to_all_handlers_and_later_filters() {
    // CPython 3.13: Filterer.filter, Logger.handle.
    let seen = Seen::default();
    let [a, r] = ["a", "r"].map(|tag| entry(tag, &seen, Level::NOTSET));
    let mut builder = with_root(Level::DEBUG, &[&r]);
    let filters = vec![renames("x", "y"), renames("x", "not seen"), renames("y", "z")];
    builder.logger("x", Logger { filters, ..logger(Level::NOTSET, &[&a]) });
    assert_eq!(log(&builder.build(), &seen, "x", Level::INFO), ["a:z", "r:z"]);
}

#[test]
fn what_a_handlers_filter_puts_in_a_records_place_is_for_that_handler_alone() {
    // CPython 3.13: Handler.handle.
    let seen = Seen::default();
    let first = with_filters("first", &seen, Level::NOTSET, vec![renames("x", "y"), renames("y", "z")]);
    let second = with_filters("second", &seen, Level::NOTSET, vec![renames("z", "not seen")]);
    let tree = with_root(Level::DEBUG, &[&first, &second]).build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["first:z", "second:x"]);
}

#[test]
fn handlers_look_at_the_level_of_the_record_that_a_loggers_filter_made() {
    // CPython 3.13: callHandlers looks at the level of the record that the filters gave.
    let seen = Seen::default();
    let high = entry("high", &seen, Level::ERROR);
    let low = entry("low", &seen, Level::NOTSET);
    let mut builder = with_root(Level::DEBUG, &[&high, &low]);
    let by = Replacement { level: Some(Level::ERROR), ..Replacement::default() };
    builder.logger("x", Logger { filters: vec![Arc::new(Instead { of: "x", by })], ..Logger::default() });
    let tree = builder.build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["high:x", "low:x"]);
    assert_eq!(log(&tree, &seen, "x.y", Level::INFO), ["low:x.y"]);
}

#[test]
fn a_loggers_filter_that_panics_loses_that_record_alone() {
    let seen = Seen::default();
    let a = entry("a", &seen, Level::NOTSET);
    let mut builder = with_root(Level::DEBUG, &[&a]);
    builder.logger("x", Logger { filters: vec![renames("panics", "")], ..Logger::default() });
    let tree = builder.build();
    assert!(log(&tree, &seen, "x", Level::INFO).is_empty());
    assert_eq!(log(&tree, &seen, "x.y", Level::INFO), ["a:x.y"]);
}

/// Says something of its own before each record, and at the end.
struct Speaks(&'static str);

impl Filter for Speaks {
    fn filter(&self, record: &Record<'_>) -> Verdict {
        let mut first = HeldRecords::default();
        first.push(&Record { name: self.0, ..*record });
        Verdict::PassAfter(Box::new(first))
    }

    fn unsaid(&self, say: &mut dyn FnMut(&Record<'_>)) {
        assert_ne!(self.0, "panics", "as told");
        logtree_core::with_own_record("filter", "m", |record| say(&Record { name: self.0, ..*record }));
    }
}

#[test]
fn what_a_filter_says_goes_first_and_through_the_filters_behind_it() {
    let seen = Seen::default();
    let not = |name: &'static str| Arc::new(move |record: &Record<'_>| record.name != name) as Arc<dyn Filter>;
    let filters: Vec<Arc<dyn Filter>> = vec![not("one"), Arc::new(Speaks("one")), Arc::new(Speaks("two")), not("two")];
    let h = with_filters("h", &seen, Level::NOTSET, filters);
    let mut builder = with_root(Level::DEBUG, &[&h]);
    assert_eq!(log(&builder.clone().build(), &seen, "x", Level::INFO), ["h:one", "h:x"]);
    // A logger's filter says it to all handlers.
    builder.logger("x", Logger { filters: vec![Arc::new(Speaks("own"))], ..Logger::default() });
    let tree = builder.build();
    assert_eq!(log(&tree, &seen, "x", Level::INFO), ["h:one", "h:own", "h:one", "h:x"]);
    // At a flush loggers' filters come first, as what they say still passes those of handlers.
    assert!(tree.flush(std::time::Instant::now()));
    assert_eq!(*seen.lock().unwrap(), ["h:one", "h:own", "h:one"]);
}

#[test]
fn a_filter_that_panics_at_a_flush_harms_nobody() {
    let seen = Seen::default();
    let panics = with_filters("h", &seen, Level::NOTSET, vec![Arc::new(Speaks("panics"))]);
    let speaks = with_filters("i", &seen, Level::NOTSET, vec![Arc::new(Speaks("said"))]);
    let mut builder = with_root(Level::DEBUG, &[&panics, &speaks]);
    builder.logger("x", Logger { filters: vec![Arc::new(Speaks("panics"))], ..Logger::default() });
    assert!(builder.build().flush(std::time::Instant::now()));
    assert_eq!(*seen.lock().unwrap(), ["i:said"]);
    assert_eq!(panics.errors.count(), 1);
}

/// Notes that it was flushed, or panics.
struct Flushes(Option<Seen>);

impl Handler for Flushes {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }

    fn flush(&self, _: std::time::Instant) -> bool {
        self.0.as_ref().unwrap().lock().unwrap().push("flushed".to_owned());
        true
    }
}

#[test]
fn a_handler_that_panics_at_a_flush_harms_nobody() {
    let seen = Seen::default();
    let flushes = |seen| Arc::new(HandlerEntry::new("h", Box::new(Flushes(seen)), Arc::new(NoText)));
    let [before, panics, after] = [Some(Arc::clone(&seen)), None, Some(Arc::clone(&seen))].map(flushes);
    let tree = with_root(Level::DEBUG, &[&before, &panics, &after]).build();
    assert!(!tree.flush(std::time::Instant::now()));
    assert_eq!(*seen.lock().unwrap(), ["flushed"; 2]);
    assert_eq!([&before, &panics, &after].map(|entry| entry.errors.count()), [0, 1, 0]);
}

#[test]
fn a_replacement_is_the_record_but_for_what_it_says() {
    let callsite = Callsite { name: "x".into(), ..Callsite::default() };
    let origin = Origin::default();
    let mut fields = FieldsBuf::default();
    fields.push(FieldName::Inline("user"), Value::Str("ann"));
    let record = Record {
        name: "x",
        fields: fields.as_fields(),
        function: Some("f"),
        exc_text: Some("e"),
        stack_info: Some("s"),
        ..Record::new(&callsite, &origin, Level::INFO, Timestamp(1), "m")
    };
    let shown = |replacement: Replacement| format!("{:?}", replacement.of(&record));
    assert_eq!(shown(Replacement::default()), format!("{record:?}"));
    let mut hidden = FieldsBuf::default();
    hidden.push(FieldName::Inline("user"), Value::Str("***"));
    let mut spans = SpansBuf::default();
    spans.push("outer", &hidden);
    let replaced = Replacement {
        name: Some("y".into()),
        level: Some(Level::ERROR),
        created: Some(Timestamp(2)),
        message: Some("n".into()),
        fields: Some(hidden.clone()),
        spans: Some(spans.clone()),
        function: Some("g".into()),
        exc_text: Some(String::new()),
        stack_info: Some("t".into()),
        attributes: Some(hidden.clone()),
    };
    let expected = Record {
        name: "y",
        level: Level::ERROR,
        created: Timestamp(2),
        message: "n",
        fields: hidden.as_fields(),
        spans: spans.as_spans(),
        function: Some("g"),
        exc_text: None,
        stack_info: Some("t"),
        attributes: hidden.as_fields(),
        ..record
    };
    assert_eq!(shown(replaced), format!("{expected:?}"));
}

/// Hides every message.
struct Hides;

impl Filter for Hides {
    fn filter(&self, _: &Record<'_>) -> Verdict {
        Replacement { message: Some("hidden".into()), ..Replacement::default() }.into()
    }
}

/// Python has no filter that hides, and prints the message of the record that the handler was given (`Handler.handleError`).
#[test]
fn what_a_filter_hides_is_in_no_report() {
    static REPORTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    /// Hands on to a handler, and fails.
    struct Fails(Vec<Arc<HandlerEntry>>);
    impl Handler for Fails {
        fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
            Err(std::io::Error::other("as told").into())
        }

        fn children(&self) -> &[Arc<HandlerEntry>] {
            &self.0
        }
    }
    assert!(logtree_core::set_report_hook(|report| {
        let said = format!("{report} {:?} {:?}", report.record.fields, report.record.spans);
        REPORTS.lock().unwrap().push((report.handler.to_owned(), said));
    }));
    let hides: Arc<dyn Filter> = Arc::new(Hides);
    let panics: Arc<dyn Filter> = Arc::new(|_: &Record<'_>| -> bool { unreachable!("as told") });
    let fails = |name: &str, filters: &[&Arc<dyn Filter>], children: &[&Arc<HandlerEntry>]| {
        let children = children.iter().map(|child| Arc::clone(child)).collect();
        let mut entry = HandlerEntry::new(name, Box::new(Fails(children)), Arc::new(NoText));
        entry.filters = filters.iter().map(|filter| Arc::clone(filter)).collect();
        Arc::new(entry)
    };
    let plain = fails("plain", &[], &[]);
    let behind = fails("behind", &[&hides], &[]);
    let before = fails("before", &[], &[&fails("between", &[], &[&behind])]);
    let filter_behind = fails("filter behind", &[&hides, &panics], &[]);
    let filter_before = fails("filter before", &[&panics, &hides], &[]);
    let mut tree = Tree::builder();
    tree.logger("", logger(Level::DEBUG, &[&plain, &behind, &before, &filter_behind, &filter_before]));
    tree.logger("own", Logger { filters: vec![hides, panics], ..Logger::default() });
    let tree = tree.build();

    let callsite = Callsite { pathname: "src/safe.rs".into(), line: 7, ..Callsite::default() };
    let origin = Origin::default();
    let mut fields = FieldsBuf::default();
    fields.push(FieldName::Inline("key"), Value::Str("secret"));
    let mut spans = SpansBuf::default();
    spans.push("span", &fields);
    let record = Record {
        fields: fields.as_fields(),
        spans: spans.as_spans(),
        ..Record::new(&callsite, &origin, Level::INFO, Timestamp(0), "a secret")
    };
    tree.find("other").handle(&record, &mut Direct);
    tree.find("own").handle(&record, &mut Direct);
    let reports = REPORTS.lock().unwrap();
    let report_of = |handler: &str| &reports.iter().find(|(of, _)| of == handler).unwrap().1;
    assert!(report_of("plain").contains("Message: \"a secret\""));
    assert!(report_of("behind").contains("Message: \"hidden\""));
    for handler in ["before", "filter behind", "filter before", "(filter of a logger)"] {
        let report = report_of(handler);
        assert!(!report.contains("secret") && report.contains("file safe.rs, line 7\n"), "{handler}: {report}");
    }
}
