//! What documents and their operations are called, and the numbers that go with them.

use std::collections::HashMap;

use super::last;
use crate::{
    DocumentId, Effect, GcDeletes, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version,
    adopt_term,
};

#[test]
fn names_are_the_texts_they_were_made_of() {
    for text in ["d", "", "a document, ü"] {
        assert_eq!(DocumentId::from(text).as_str(), text);
        assert_eq!(DocumentId::from(text.to_owned()).as_str(), text);
        assert_eq!(Routing::from(text).as_str(), text);
        assert_eq!(Routing::from(text.to_owned()).as_str(), text);
    }
}

#[test]
fn numbers_are_those_they_were_made_of() {
    for number in [0, 1, 2, 1_700_000_000_000] {
        assert_eq!(Timestamp::from_millis(number).as_millis(), number);
        assert_eq!(GcDeletes::from_millis(number).as_millis(), number);
        assert_eq!(Version::new(number).map(Version::get), Some(number));
    }
    for number in [0, 1, 2, u64::MAX] {
        assert_eq!(SeqNo::new(number).get(), number);
        assert_eq!(PrimaryTerm::new(number).get(), number);
    }
    assert_eq!(
        (SeqNo::new(4).next(), PrimaryTerm::new(4).next()),
        (SeqNo::new(5), PrimaryTerm::new(5))
    );
}

#[test]
fn an_id_is_looked_up_by_its_text() {
    let held = HashMap::from([(DocumentId::from("a"), 1), (DocumentId::from("b"), 2)]);
    assert_eq!(
        ["a", "b", "c", ""].map(|text| held.get(text).copied()),
        [Some(1), Some(2), None, None]
    );
}

#[test]
fn an_operation_names_its_document_and_the_write_that_it_is() {
    let id = || DocumentId::from("d");
    let version = Version::new(5).unwrap();
    let operation = |effect| {
        let (seq_no, term) = (SeqNo::new(7), PrimaryTerm::new(2));
        Operation { seq_no, term, time: Timestamp::from_millis(0), effect }
    };
    let index = Effect::Index { id: id(), routing: None, version, source: "{}".into() };
    for effect in [index, Effect::Delete { id: id(), version }] {
        assert_eq!(operation(effect).target(), Some((&id(), last(5, 7, 2))));
    }
    assert_eq!(operation(Effect::Noop { reason: "a gap".into() }).target(), None);
}

/// It goes on under the term it follows; only an older one is refused.
#[test]
fn an_operation_of_the_same_term_is_welcome() {
    let term = PrimaryTerm::new(4);
    assert_eq!(adopt_term(term, term), Ok(term));
}
