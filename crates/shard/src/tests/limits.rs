//! How much one entry of the log takes, and how much is remembered.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use bytes::Bytes;
use document::Precondition;

use super::support::{
    QueuedThreads, World, based, index, one, source, still_waits, told, update, write,
};
use crate::{Change, Shard, Write, log::StoredOperation};

const MIB: usize = 1 << 20;

/// Indexes that many bytes.
fn long(id: &str, bytes: usize) -> Write {
    write(id, Precondition::None, Change::Index(Bytes::from(vec![b'x'; bytes])))
}

#[tokio::test]
async fn an_entry_takes_eight_mebibytes_of_sources_and_the_one_that_is_too_many() {
    let world = World::new();
    let shard = world.open();
    let writes = ["a", "b", "c"].map(|id| long(id, 5 * MIB));
    assert!(shard.write(writes.into()).await.iter().all(Result::is_ok));
    assert_eq!(*world.appended.lock(), [2, 1]);
}

/// Ids count as well, as what they are.
#[tokio::test]
async fn many_documents_with_long_ids_are_one_entry() {
    let world = World::new();
    let shard = world.open();
    let writes = (0..100).map(|number| long(&format!("{number:0>500}"), 4_000));
    assert!(shard.write(writes.collect()).await.iter().all(Result::is_ok));
    assert_eq!(*world.appended.lock(), [100]);
}

/// What is stored of these documents, as the shard finds it.
async fn stored(shard: &Shard, documents: Vec<Write>) -> Vec<StoredOperation> {
    assert!(shard.write(documents).await.iter().all(Result::is_ok));
    let mut locations = Vec::new();
    shard.table().for_each_live(&mut |location| locations.push(location));
    let found = locations.into_iter().map(|location| {
        let operation = shard.store.read_blocking(location).unwrap();
        StoredOperation { operation, location }
    });
    found.collect()
}

#[tokio::test]
async fn a_few_copies_share_an_entry_with_writes() {
    let cases = [
        (vec![long("aaaa", MIB / 2)], vec![2]),
        (vec![long("aaaa", 3 * MIB)], vec![1, 1]),
        (vec![long("a", 5 * MIB), long("b", 5 * MIB)], vec![2, 1]),
    ];
    for (documents, entries) in cases {
        let world = World::new();
        let shard = world.open();
        let found = stored(&shard, documents).await;
        world.appended.lock().clear();
        let copying = shard.relocate(found, false, false);
        let (copied, written) = tokio::join!(copying, one(&shard, index("z", "1")));
        assert!(copied.is_ok() && written.is_ok());
        assert_eq!(*world.appended.lock(), entries);
    }
}

#[tokio::test]
async fn what_updates_made_is_remembered_within_bounds() {
    let world = World::new();
    let shard = world.open();
    for id in ["a", "b"] {
        one(&shard, index(id, ">")).await.unwrap();
    }
    let old = shard.get("a", None).await.unwrap();
    one(&shard, update("a", 'x')).await.unwrap();
    one(&shard, update("b", 'x')).await.unwrap();
    world.cold.store(true, SeqCst);
    let mut known = Box::pin(one(&shard, based("a", 'y', &old)));
    assert!(still_waits(&mut known).await, "for its append");
    assert!(!still_waits(&mut known).await, "for a source that was made a moment ago");
    world.cold.store(false, SeqCst);
    for id in ["1", "2", "3", "4"] {
        one(&shard, long(id, 60_000)).await.unwrap();
        one(&shard, update(id, 'x')).await.unwrap();
    }
    world.cold.store(true, SeqCst);
    let mut forgotten = Box::pin(one(&shard, based("a", 'z', &old)));
    assert!(still_waits(&mut forgotten).await, "for the writer");
    assert!(still_waits(&mut forgotten).await, "much more was made since");
    world.reads.add_permits(1);
    assert_eq!(told(&forgotten.await).split(' ').next(), Some("Updated"));
    world.cold.store(false, SeqCst);
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">xyz"));
}

/// Two documents of 40 MiB are more than may be prepared at a time.
#[tokio::test]
async fn long_sources_are_prepared_one_after_the_other() {
    let threads = Arc::new(QueuedThreads::default());
    let world = World { threads: Arc::clone(&threads) as Arc<_>, ..World::new() };
    let shard = world.open();
    let source = Bytes::from(vec![b'x'; 40 * MIB]);
    for id in ["a", "b"] {
        let change = Change::Index(source.clone());
        one(&shard, write(id, Precondition::None, change)).await.unwrap();
    }
    let mut both = Box::pin(shard.write(vec![update("a", '='), update("b", '=')]));
    for _ in 0..2 {
        assert!(still_waits(&mut both).await);
        assert!(still_waits(&mut both).await);
        assert_eq!(threads.waiting(), 1);
        threads.work();
    }
    let answers = both.await;
    assert!(answers.iter().all(|answer| told(answer).starts_with("Noop")), "{answers:?}");
}
