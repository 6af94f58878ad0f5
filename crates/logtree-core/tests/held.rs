//! Records that are held come out as they went in, in order, whatever callsites and threads they are of.
#![allow(clippy::panic)]

use logtree_core::{Callsite, FieldName, FieldsBuf, HeldRecords, Level, LevelNames, Origin, Record, Timestamp, Value};
use proptest::prelude::*;

/// What a record is made of: its callsite and whether that has an index, its thread, its message.
type Made = (u8, bool, u8, String);

fn with_record<R>((place, is_indexed, thread, message): &Made, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
    // More of each than are compared when they are looked for.
    let callsite = Callsite {
        index: is_indexed.then_some(u32::from(*place)),
        name: format!("logger.{place}").into(),
        line: u32::from(*place),
        ..Callsite::default()
    };
    let origin = Origin { thread: u64::from(*thread), thread_name: "worker".into(), ..Origin::default() };
    let mut fields = FieldsBuf::default();
    fields.push(FieldName::Inline("thread"), Value::U64(origin.thread));
    use_it(&Record {
        fields: fields.as_fields(),
        ..Record::new(&callsite, &origin, Level::INFO, Timestamp(i64::from(*thread)), message)
    })
}

fn shown(record: &Record<'_>) -> String {
    format!("{record:?}")
}

fn assert_held(held: &mut HeldRecords, records: &[Made]) {
    for made in records {
        with_record(made, |record| held.push(record));
    }
    assert_eq!((held.len(), held.is_empty()), (records.len(), records.is_empty()));
    let mut out = Vec::new();
    held.for_each(|record| out.push(shown(record)));
    let expected: Vec<String> = records.iter().map(|made| with_record(made, shown)).collect();
    assert_eq!(out, expected);
    held.clear();
    assert_eq!((held.len(), held.size_bytes()), (0, 0));
    held.for_each(|record| panic!("{record:?} was forgotten"));
}

proptest! {
    #[test]
    fn they_come_out_as_they_went_in(rounds in prop::collection::vec(prop::collection::vec(any::<Made>(), 0..100), 1..4)) {
        let mut held = HeldRecords::default();
        rounds.iter().for_each(|records| assert_held(&mut held, records));
    }
}

#[test]
fn ever_new_threads_and_callsites_are_forgotten_again() {
    let mut held = HeldRecords::default();
    for round in 0..3_u32 {
        for number in 0..10_000 {
            let callsite = Callsite { name: format!("{round}.{number}").into(), ..Callsite::default() };
            with_record(&(1, true, 1, String::new()), |indexed| {
                held.push(indexed);
                held.push(&Record { callsite: &callsite, name: &callsite.name, ..*indexed });
            });
        }
        let mut names = Vec::new();
        held.for_each(|record| names.push(record.name.to_owned()));
        assert!(names.chunks(2).enumerate().all(|(at, pair)| pair == ["logger.1".to_owned(), format!("{round}.{at}")]));
        held.clear();
    }
}

#[test]
fn a_level_keeps_the_name_that_its_config_gave_it() {
    let mut names = LevelNames::default();
    names.add(Level(35), "NOTICE");
    let mut held = HeldRecords::default();
    with_record(&(0, true, 0, String::new()), |record| {
        held.push(&Record { level: Level(35), level_names: &names, ..*record });
        held.push(&Record { level: Level::INFO, level_names: &names, ..*record });
    });
    let mut found = Vec::new();
    held.for_each(|record| {
        found.push(record.attribute("levelname").and_then(|value| value.as_str().map(str::to_owned)))
    });
    assert_eq!(found, [Some("NOTICE".to_owned()), None]);
}
