//! What a process says once.

use logtree_os::{MAX_DEFINITION_BYTES, ProcessIdentity, SlotIndex};

use crate::support::{attached, fork, payload, segment};

#[test]
fn definitions_of_every_size_are_found_by_their_id() {
    let (process, segment, _directory) = attached();
    let mut writer = process.definitions();
    let sizes: Vec<usize> = (0..40)
        .chain((0..400).map(|n| n * 41 % MAX_DEFINITION_BYTES))
        .chain([MAX_DEFINITION_BYTES, 0, MAX_DEFINITION_BYTES - 1, 1])
        .collect();
    let define = |(number, &size): (usize, &usize)| writer.define(&payload(number as u64, size)).unwrap();
    let ids: Vec<_> = sizes.iter().enumerate().map(define).collect();
    assert!(ids.iter().all(|&id| id != 0));
    for (number, (&id, &size)) in ids.iter().zip(&sizes).enumerate() {
        let mut bytes = b"before".to_vec();
        assert!(segment.definition(process.slot(), id, &mut bytes));
        assert_eq!(&bytes[6..], payload(number as u64, size), "definition {number} of {size} bytes");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let (process, _segment, _directory) = attached();
    let error = process.definitions().define(&vec![0; MAX_DEFINITION_BYTES + 1]).unwrap_err();
    assert!(error.is_too_large());
}

#[test]
fn an_id_is_worth_nothing_elsewhere_or_beyond_what_is_published() {
    let (process, segment, _directory) = attached();
    let mut writer = process.definitions();
    let id = writer.define(b"mine").unwrap();
    // Its unit is full then, and says itself how far it goes.
    writer.define(&vec![0; MAX_DEFINITION_BYTES]).unwrap();
    let other = SlotIndex::new(process.slot().number() + 1).unwrap();
    let mut bytes = b"before".to_vec();
    for (slot, id) in [
        (other, id),
        (process.slot(), id + 1),
        (process.slot(), id + 2),
        (process.slot(), 0),
        (process.slot(), 1),
        (process.slot(), u32::MAX),
    ] {
        assert!(!segment.definition(slot, id, &mut bytes), "{slot:?} {id}");
    }
    assert_eq!(bytes, b"before");
}

#[test]
fn a_length_that_somebody_made_up_is_refused() {
    let (process, segment, _directory) = attached();
    // Its bytes, taken for a definition, begin with a length.
    let mut writer = process.definitions();
    for length in [9_u64, 16 * 1024, 1 << 40, u64::MAX] {
        let id = writer.define(&length.to_ne_bytes()).unwrap();
        let mut bytes = Vec::new();
        assert!(!segment.definition(process.slot(), id + 1, &mut bytes), "{length}");
        assert_eq!(bytes.capacity(), 0);
    }
}

#[test]
fn definitions_outlive_their_process_until_its_slot_is_released() {
    let (segment, _directory) = segment();
    let child = {
        let segment = segment.clone();
        fork(move || {
            let process = segment.attach(&ProcessIdentity::current()).unwrap();
            let id = process.definitions().define(b"from beyond").unwrap();
            process.set_word(0, id.into());
            0
        })
    };
    assert_eq!(child.wait(), 0);
    let process = segment.processes().next().unwrap();
    let id = segment.process_word(process.slot, 0).unwrap() as u32;
    let mut bytes = Vec::new();
    assert!(segment.definition(process.slot, id, &mut bytes));
    assert_eq!(bytes, b"from beyond");
    assert!(segment.release_process(process.slot));
    assert!(!segment.definition(process.slot, id, &mut bytes));
}
