//! Updates whose preparation fails, or whose source moves meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use bytes::Bytes;
use document::Precondition;

use super::support::{Ending, World, based, index, one, source, still_waits, told, write};
use crate::{Change, Modified, Modify, Update, Write, WriteError, log::StoredOperation};

/// A long modification that panics when it is first tried.
#[derive(Debug, Default)]
struct PanicsOnce(AtomicBool);

impl Modify for PanicsOnce {
    fn modify(&self, _present: Option<&Bytes>) -> Result<Modified, WriteError> {
        assert!(self.0.swap(true, SeqCst), "the first time");
        Ok(Modified::Source(Bytes::from_static(b"again")))
    }

    fn weight(&self) -> usize {
        1 << 20
    }
}

fn panics_once(id: &str) -> Write {
    let modify = Arc::new(PanicsOnce::default());
    let update = Update { modify, wants_document: false, basis: None };
    write(id, Precondition::None, Change::Update(update))
}

#[tokio::test]
async fn a_preparation_that_fails_is_the_answer() {
    let shard = World::new().open();
    one(&shard, index("a", "1")).await.unwrap();
    let answer = one(&shard, panics_once("a")).await;
    assert!(matches!(answer, Err(WriteError::Unmodifiable(_))), "{answer:?}");
    assert_eq!(source(&shard, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_preparation_that_fails_on_what_is_no_longer_there_starts_again() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    *world.ending.lock() = Ending::NoRoomOnce;
    // It is prepared on a source that the log then refuses.
    let answers = shard.write(vec![index("a", "never"), panics_once("a")]).await;
    assert!(matches!(answers[0], Err(WriteError::NoRoom(_))));
    assert_eq!(told(&answers[1]), "Updated v2 s1 t1");
    assert_eq!(source(&shard, "a").await.as_deref(), Some("again"));
}

#[tokio::test]
async fn a_source_that_is_gone_although_nothing_moved_it_cannot_be_read() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    let old = shard.get("a", None).await.unwrap();
    one(&shard, index("a", "2")).await.unwrap();
    world.cold.store(true, SeqCst);
    world.moved.store(1, SeqCst);
    world.reads.add_permits(10);
    let answer = one(&shard, based("a", 'x', &old)).await;
    assert!(matches!(answer, Err(WriteError::Unreadable(_))), "{answer:?}");
}

#[tokio::test]
async fn an_update_whose_source_is_moved_while_it_is_read_reads_it_where_it_is() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    let old = shard.get("a", None).await.unwrap();
    one(&shard, index("a", "2")).await.unwrap();
    let mut found = Vec::new();
    shard.table().for_each_live(&mut |location| {
        let operation = shard.store.read_blocking(location).unwrap();
        found.push(StoredOperation { operation, location });
    });
    world.cold.store(true, SeqCst);
    let mut updating = Box::pin(one(&shard, based("a", 'x', &old)));
    assert!(still_waits(&mut updating).await, "for its read");
    shard.relocate(found, false, false).await.unwrap();
    world.moved.store(1, SeqCst);
    world.reads.add_permits(2);
    assert_eq!(told(&updating.await), "Updated v3 s2 t1");
    world.cold.store(false, SeqCst);
    assert_eq!(source(&shard, "a").await.as_deref(), Some("2x"));
}
