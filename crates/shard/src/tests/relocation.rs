//! Copies made for collection: of what counts and nothing else, in the right order, changing nothing.

use std::{collections::BTreeMap, sync::Arc};

use document::GcDeletes;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::support::{
    Ending, STREAM, World, all, create, delete, if_seq_no, index, is, one, source, told, update,
};
use crate::{
    Change, Memory, Shard, ShardOptions, Write, WriteError,
    log::{Damage, EntryOutline, LogError, LogProvider, Replay, StoredOperation, StreamId},
    store::{Location, Store},
};

/// Everything that is stored, as collection finds it.
#[derive(Default)]
struct Found {
    locations: Mutex<Vec<Location>>,
    operations: Vec<StoredOperation>,
}

impl Replay for Found {
    fn entry(&self, _: StreamId, entry: &EntryOutline<'_>, _: &mut Vec<Location>) {
        self.locations.lock().extend(entry.operations.iter().map(|operation| operation.location));
    }

    fn live_streams(&mut self, store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        for &location in self.locations.get_mut().iter() {
            let operation = store.read_blocking(location).unwrap();
            self.operations.push(StoredOperation { operation, location });
        }
        Ok(vec![STREAM])
    }
}

impl World {
    /// Everything that is stored. Fences whoever has the log open.
    fn found(&self) -> Vec<StoredOperation> {
        let mut found = Found::default();
        Box::new(self.disk.clone()).open(&mut found).unwrap();
        found.operations
    }

    /// How many copies there are of each operation, by id and number.
    fn copies(&self) -> BTreeMap<(String, u64), usize> {
        let mut copies = BTreeMap::new();
        for StoredOperation { operation, .. } in self.found() {
            let id = operation.target().unwrap().0.as_str().to_owned();
            *copies.entry((id, operation.seq_no.get())).or_default() += 1;
        }
        copies
    }
}

fn remembering(millis: i64) -> ShardOptions {
    ShardOptions { gc_deletes: GcDeletes::from_millis(millis), ..ShardOptions::default() }
}

#[tokio::test]
async fn only_what_counts_is_copied_and_nothing_changes() {
    let world = World::new();
    let shard = world.open();
    all(&shard, vec![index("a", "1"), index("b", "1"), index("a", "2"), index("c", "1")]).await;
    all(&shard, vec![delete("c")]).await;
    shard.close().await;
    let found = world.found();
    let shard = world.open();
    shard.relocate(found, false, false).await.unwrap();
    for (id, present) in [("a", Some("2")), ("b", Some("1")), ("c", None)] {
        assert_eq!(source(&shard, id).await.as_deref(), present);
    }
    // Conditions hold as before, and no number was used up.
    assert_eq!(told(&one(&shard, if_seq_no(index("b", "2"), 1, 1)).await), "Updated v2 s5 t3");
    shard.close().await;
    let copies = world.copies();
    let copied = copies.iter().filter(|(_, count)| **count == 2);
    let copied: Vec<_> = copied.map(|((id, seq_no), _)| (id.as_str(), *seq_no)).collect();
    assert_eq!(copied, [("a", 2), ("b", 1), ("c", 4)]);
    let shard = world.open();
    assert_eq!(source(&shard, "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_delete_is_kept_while_it_counts_or_older_copies_may_be_left() {
    for (now, older_elsewhere, copies) in [(10, false, 2), (11, false, 1), (11, true, 2)] {
        let world = World::new();
        let shard = world.open_with(remembering(10));
        all(&shard, vec![index("a", "1"), delete("a")]).await;
        shard.close().await;
        let found = world.found();
        world.clock.set(now);
        let shard = world.open_with(remembering(10));
        shard.relocate(found, older_elsewhere, false).await.unwrap();
        shard.close().await;
        assert_eq!(world.copies()[&("a".to_owned(), 1)], copies, "{now} {older_elsewhere}");
        assert_eq!(world.copies()[&("a".to_owned(), 0)], 1);
    }
}

#[tokio::test]
async fn a_delete_that_the_table_has_forgotten_is_kept_for_the_sake_of_older_copies() {
    let world = World::new();
    let shard = world.open_with(remembering(10));
    all(&shard, vec![index("a", "1"), delete("a")]).await;
    shard.close().await;
    let found = world.found();
    world.clock.set(1_000_000);
    let shard = world.open_with(remembering(10));
    for round in 0..600 {
        // Each batch sweeps a map.
        world.clock.set(1_000_000 + round * 100);
        one(&shard, index("b", "1")).await.unwrap();
    }
    assert_eq!(shard.table().tombstones(), 0);
    shard.relocate(found, true, false).await.unwrap();
    // It is not remembered again, whatever the clock says.
    assert_eq!(shard.table().tombstones(), 0);
    world.clock.set(0);
    assert_eq!(told(&one(&shard, index("a", "2")).await), "Created v1 s602 t3");
    shard.close().await;
    assert_eq!(world.copies()[&("a".to_owned(), 1)], 2);
}

#[tokio::test]
async fn a_copy_never_lies_behind_a_newer_operation_on_its_document() {
    let world = World::gated();
    world.appends.add_permits(1);
    let shard = Arc::new(world.open());
    one(&shard, index("a", "1")).await.unwrap();
    let found = only_document(&shard);
    // A write is on its way to the log when the copy is asked for.
    let writing = tokio::spawn({
        let shard = Arc::clone(&shard);
        async move { one(&shard, index("a", "2")).await }
    });
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    let copying = tokio::spawn({
        let shard = Arc::clone(&shard);
        async move { shard.relocate(found, false, false).await }
    });
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    world.appends.add_permits(10);
    writing.await.unwrap().unwrap();
    copying.await.unwrap().unwrap();
    shard.close().await;
    assert_eq!(world.copies(), BTreeMap::from([(("a".into(), 0), 1), (("a".into(), 1), 1)]));
    assert_eq!(source(&world.open(), "a").await.as_deref(), Some("2"));
}

/// The one document that the shard shows, as collection finds it.
fn only_document(shard: &Shard) -> Vec<StoredOperation> {
    let mut at = None;
    shard.table().for_each_live(&mut |location| at = Some(location));
    let location = at.unwrap();
    let operation = shard.store.read_blocking(location).unwrap();
    vec![StoredOperation { operation, location }]
}

/// Writes a document of so many bytes.
fn large(id: &str, bytes: usize) -> Write {
    Write { change: Change::Index("1".repeat(bytes).into()), ..index(id, "") }
}

#[tokio::test]
async fn copies_do_not_split_a_request_over_two_entries() {
    let world = World::gated();
    world.appends.add_permits(1);
    let shard = Arc::new(world.open());
    one(&shard, large("a", 2 << 20)).await.unwrap();
    let found = only_document(&shard);
    // Copies and the first write of the request are more than an entry takes.
    let request = vec![large("b", 13 << 19), index("c", "1"), index("d", "1")];
    let mut tasks = JoinSet::new();
    for writes in [vec![index("e", "1")], request] {
        let shard = Arc::clone(&shard);
        tasks.spawn(async move {
            let answers = shard.write(writes).await;
            assert!(answers.iter().all(Result::is_ok));
        });
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }
    tasks.spawn(async move { shard.relocate(found, false, false).await.unwrap() });
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    world.appends.add_permits(10);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(*world.appended.lock(), [1, 1, 1, 3]);
}

#[tokio::test]
async fn a_marker_is_appended_where_it_is_asked_for() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    let before = world.appended.lock().len();
    shard.relocate(Vec::new(), false, false).await.unwrap();
    assert_eq!(world.appended.lock().len(), before);
    shard.relocate(Vec::new(), false, true).await.unwrap();
    assert_eq!(world.appended.lock().last(), Some(&0));
    assert_eq!(told(&one(&shard, index("a", "2")).await), "Updated v2 s1 t1");
}

#[tokio::test]
async fn copies_that_are_not_durable_are_not_reported_as_made() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    shard.close().await;
    let found = world.found();
    let shard = world.open();
    *world.ending.lock() = Ending::NoRoom;
    let refused = shard.relocate(found.clone(), false, false).await;
    assert!(matches!(refused, Err(WriteError::NoRoom(_))), "{refused:?}");
    *world.ending.lock() = Ending::UnknownAndLost;
    let unknown = shard.relocate(found, false, false).await;
    assert!(matches!(unknown, Err(WriteError::Unknown(_))), "{unknown:?}");
}

#[tokio::test]
async fn without_room_for_documents_deletes_still_work() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    world.has_room.store(false, std::sync::atomic::Ordering::SeqCst);
    let answers = all(&shard, vec![index("b", "1"), delete("a"), update("a", 'x')]).await;
    assert_eq!(answers, ["the disk is full", "Deleted v2 s1 t1", "the disk is full"]);
    world.has_room.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(all(&shard, vec![create("a", "2")]).await, ["Created v3 s2 t1"]);
}

#[tokio::test]
async fn a_batch_adds_no_more_than_there_is_memory_for_and_deletes_make_room() {
    let memory = Arc::new(Memory::new(100_000));
    let world = World::new();
    let shard = world.open_with_memory(Arc::clone(&memory), &[]).await;
    shard.set_gc_deletes(document::GcDeletes::from_millis(0));
    let id = |number: usize| format!("{number:0>500}");
    let ids = |numbers: std::ops::Range<usize>| numbers.map(id).collect::<Vec<_>>();
    let added = |answers: Vec<Result<_, WriteError>>| answers.iter().filter(|a| a.is_ok()).count();
    let write = async |ids: Vec<String>| {
        added(shard.write(ids.iter().map(|id| index(id, "1")).collect()).await)
    };
    let first = write(ids(0..1_000)).await;
    assert!((130..200).contains(&first), "{first} ids of 500 bytes in 100,000");
    let mut more = 1_000;
    while write(ids(more..more + 1_000)).await > 0 {
        more += 1_000;
    }
    assert!(memory.used() <= 100_000 + 100_000 / 8, "{} bytes", memory.used());

    let delete = shard.write(ids(0..20).iter().map(|id| delete(id)).collect()).await;
    assert_eq!(added(delete), 20);
    let before = memory.used();
    world.clock.set(1_000);
    // Any write sweeps; the next one finds the room.
    assert_eq!(write(vec![id(50)]).await, 1);
    assert_eq!(write(ids(900_000..900_100)).await, 20);
    assert!(memory.used() <= before);
}

#[tokio::test]
async fn when_memory_is_short_new_ids_are_refused_and_everything_else_goes_on() {
    let memory = Arc::new(Memory::new(0));
    let world = World::new();
    let shard = world.open_with_memory(Arc::clone(&memory), &["a", "b"]).await;
    let refused = one(&shard, index("new", "1")).await;
    assert!(matches!(refused, Err(WriteError::NoMemory { limit: 0, .. })), "{refused:?}");
    // A delete of an id that is not there would leave a tombstone.
    let refused = one(&shard, delete("new")).await;
    assert!(matches!(refused, Err(WriteError::NoMemory { .. })), "{refused:?}");
    assert!(is(document::Outcome::Updated, &one(&shard, index("a", "2")).await));
    assert!(is(document::Outcome::Updated, &one(&shard, update("a", 'x')).await));
    assert!(is(document::Outcome::Deleted, &one(&shard, delete("b")).await));
    assert!(is(document::Outcome::Created, &one(&shard, index("b", "2")).await));
    // A refused write has taken no number.
    assert_eq!(shard.max_seq_no().unwrap().get(), 5);
}

#[tokio::test]
async fn a_shard_that_has_lost_operations_decides_nothing_and_shows_what_is_certain() {
    let world = World::new();
    let shard = world.open();
    all(&shard, vec![index("old", "1"), index("young", "1")]).await;
    shard.close().await;
    let lost_below = Some(document::SeqNo::new(1));
    let shard = world.open_damaged(Damage { what: "file at 7".into(), lost_below });
    assert_eq!(source(&shard, "young").await.as_deref(), Some("1"));
    for id in ["old", "never seen"] {
        let error = shard.get(id, None).await.unwrap_err().to_string();
        assert!(error.contains("file at 7"), "{error}");
    }
    for write in [index("young", "2"), delete("old"), update("young", 'x')] {
        assert!(matches!(one(&shard, write).await, Err(WriteError::Damaged(_))));
    }
    // A marker changes nothing; what counts of operations cannot be told.
    shard.relocate(Vec::new(), false, true).await.unwrap();
    shard.close().await;
    let found = world.found();
    let shard = world.open_damaged(Damage { what: "file at 7".into(), lost_below });
    assert!(matches!(shard.relocate(found, false, true).await, Err(WriteError::Damaged(_))));
    shard.close().await;
    // Where only sources are damaged everything can be decided.
    let shard = world.open_damaged(Damage { what: "file at 7".into(), lost_below: None });
    assert_eq!(told(&one(&shard, index("old", "2")).await), "Updated v2 s2 t5");
}
