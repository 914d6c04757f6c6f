//! What every store promises, as functions that ask it of one.
//!
//! A store holds what a log appended, so each takes the storage of a log, as in
//! [`log::conformance`](crate::log::conformance).
//! [`store_conformance!`](crate::store_conformance) runs them all.

use document::Operation;

use super::{Location, Store, StoreError};
use crate::log::{
    StreamId,
    conformance::{Shown, ShownEntry, Storage, entry, every_kind_of_operation, index},
};

/// Makes a test of every promise of a store. The expression is an empty storage of its own for each.
#[macro_export]
macro_rules! store_conformance {
    ($storage:expr) => {
        $crate::store_conformance! { $storage =>
            what_is_applied_can_be_read,
            what_is_shown_at_opening_can_be_read,
            an_empty_entry_has_no_locations,
            what_was_never_stored_is_an_error,
            earlier_documents_stay_readable,
            copies_can_be_read_where_they_are,
            what_was_retired_is_never_something_else,
        }
    };
    ($storage:expr => $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::store::conformance::$promise(&$storage).await;
            }
        )*
    };
}

const ONE: StreamId = StreamId::new(1);

/// Reads an operation in both ways, which must agree.
async fn read(store: &dyn Store, location: Location) -> Result<Operation, StoreError> {
    let read = store.read(location).await;
    if let (Some(Ok(cached)), Ok(read)) = (store.read_cached(location), &read) {
        assert_eq!(cached, *read);
    }
    if let (Ok(waited), Ok(read)) = (store.read_blocking(location), &read) {
        assert_eq!(waited, *read);
    }
    read
}

/// Applying gives one location per operation, in order, where it can be read, whole.
pub async fn what_is_applied_can_be_read(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let stream = logs.stream(ONE).expect("the stream is open");
    let entry = entry(stream.term, every_kind_of_operation());
    let position = stream.log.append(&entry, stream.position).await.expect("the append succeeds");
    let locations = stream.store.apply(position, &entry).expect("the entry is applied");
    assert_eq!(locations.len(), entry.operations.len());
    for (location, operation) in locations.into_iter().zip(entry.operations) {
        assert_eq!(read(&*stream.store, location).await.expect("it is there"), operation);
    }
}

/// The locations that an opening shows can be read once it is open.
pub async fn what_is_shown_at_opening_can_be_read(storage: Storage<'_>) {
    for opening in 0..3 {
        let (shown, logs) = Shown::open(storage, &[ONE]);
        let stream = logs.stream(ONE).expect("the stream is open");
        for ShownEntry { entry, locations, .. } in shown.entries {
            for (location, operation) in locations.into_iter().zip(entry.operations) {
                assert_eq!(read(&*stream.store, location).await.expect("it is there"), operation);
            }
        }
        let operations = vec![index(opening, "first"), index(opening + 10, "second")];
        let entry = entry(stream.term, operations);
        stream.log.append(&entry, stream.position).await.expect("the append succeeds");
    }
}

/// A marker has nothing to read.
pub async fn an_empty_entry_has_no_locations(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let stream = logs.stream(ONE).expect("the stream is open");
    let marker = entry(stream.term, Vec::new());
    let position = stream.log.append(&marker, stream.position).await.expect("the append succeeds");
    assert_eq!(stream.store.apply(position, &marker).expect("the entry is applied"), []);
}

/// A location that no store gave is an error, never some other operation.
pub async fn what_was_never_stored_is_an_error(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let store = logs.stream(ONE).expect("the stream is open").store;
    for (segment, offset) in [(0, 0), (1, 0), (1, 600), (1, u32::MAX), (u32::MAX, 0)] {
        for length in [0, 1, 100] {
            let location = Location { segment, offset, length };
            read(&*store, location).await.expect_err("nothing is there");
        }
    }
}

/// Later writes, also of the same document, do not disturb what was stored before.
pub async fn earlier_documents_stay_readable(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let stream = logs.stream(ONE).expect("the stream is open");
    let mut last = stream.position;
    let mut stored = Vec::new();
    for seq_no in 0..20 {
        let operation = index(seq_no, &"x".repeat(200));
        let entry = entry(stream.term, vec![operation.clone()]);
        last = stream.log.append(&entry, last).await.expect("the append succeeds");
        for location in stream.store.apply(last, &entry).expect("the entry is applied") {
            stored.push((location, operation.clone()));
        }
    }
    for (location, operation) in stored {
        assert_eq!(read(&*stream.store, location).await.expect("it is there"), operation);
    }
}

/// A copy has a place of its own.
pub async fn copies_can_be_read_where_they_are(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let stream = logs.stream(ONE).expect("the stream is open");
    let entry = entry(stream.term, vec![index(0, "source")]);
    let mut last = stream.position;
    let mut locations = Vec::new();
    for _ in 0..2 {
        last = stream.log.append(&entry, last).await.expect("the append succeeds");
        locations.extend(stream.store.apply(last, &entry).expect("the entry is applied"));
    }
    assert_ne!(locations.first(), locations.last());
    for location in locations {
        assert_eq!(read(&*stream.store, location).await.expect("it is there"), index(0, "source"));
    }
}

/// Whoever reads what nobody needs any more finds it, or an error.
pub async fn what_was_retired_is_never_something_else(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let stream = logs.stream(ONE).expect("the stream is open");
    let mut last = stream.position;
    let mut retired = Vec::new();
    for seq_no in 0..20 {
        let operation = index(seq_no, &"x".repeat(100));
        let entry = entry(stream.term, vec![operation.clone()]);
        last = stream.log.append(&entry, last).await.expect("the append succeeds");
        for location in stream.store.apply(last, &entry).expect("the entry is applied") {
            stream.store.retire(location);
            retired.push((location, operation.clone()));
        }
    }
    for (location, operation) in retired {
        if let Ok(read) = read(&*stream.store, location).await {
            assert_eq!(read, operation);
        }
    }
}

#[cfg(test)]
mod memory {
    use crate::log::{LogProvider, memory::MemoryLog};

    crate::store_conformance!({
        let stored = MemoryLog::default();
        move || -> Box<dyn LogProvider> { Box::new(stored.clone()) }
    });
}
