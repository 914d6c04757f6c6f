//! Writes that searches see only after a refresh.

use std::sync::atomic::Ordering::SeqCst;

use document::{GcDeletes, Timestamp};

use super::support::{World, all, delete, index, source};
use crate::Shard;

/// What searches see: the documents by id with the number of their last write.
fn shown(shard: &Shard) -> Vec<String> {
    let (mut found, mut part) = (Vec::new(), 0);
    while shard.for_each_shown_in_part(part, &mut |id, last, _| {
        found.push(format!("{id} s{}", last.seq_no.get()));
    }) {
        part += 1;
    }
    found.sort();
    for id in ["a", "b", "c", "d"] {
        let by_id = shard.shown(id).map(|(last, _)| format!("{id} s{}", last.seq_no.get()));
        let is_there = by_id.as_ref().is_some_and(|by_id| found.contains(by_id));
        assert_eq!(by_id.is_some(), is_there, "{id} {found:?}");
    }
    assert_eq!(shard.shown_documents(), found.len() as u64);
    found
}

#[tokio::test]
async fn searches_see_the_last_refresh_and_reads_by_id_the_last_write() {
    let shard = World::new().open();
    all(&shard, vec![index("a", "1"), index("b", "1"), index("c", "1")]).await;
    shard.set_waits_for_refresh(true);
    assert_eq!(shown(&shard), ["a s0", "b s1", "c s2"]);
    all(&shard, vec![index("a", "2"), delete("b"), index("d", "1"), index("a", "3")]).await;
    all(&shard, vec![delete("a"), index("b", "2")]).await;
    assert_eq!(shown(&shard), ["a s0", "b s1", "c s2"]);
    let earlier = shard.get_shown("a", None).await.unwrap().unwrap();
    assert_eq!((&*earlier.source, source(&shard, "a").await), (b"1".as_slice(), None));
    assert_eq!(shard.get_shown("d", None).await.unwrap(), None);
    shard.refresh();
    assert_eq!(shown(&shard), ["b s8", "c s2", "d s5"]);
    assert_eq!(shard.get_shown("a", None).await.unwrap(), None);
}

#[tokio::test]
async fn where_something_shown_is_given_up_all_is_shown() {
    let world = World::new();
    let shard = world.open();
    all(&shard, vec![index("a", "1"), index("b", "1"), index("c", "1")]).await;
    shard.set_waits_for_refresh(true);
    all(&shard, vec![index("a", "2"), delete("b"), index("d", "1")]).await;
    let _held = shard.hold_shown();
    assert_eq!(shown(&shard), ["a s0", "b s1", "c s2"]);
    world.gave_up.store(true, SeqCst);
    let _held = shard.hold_shown();
    assert_eq!(
        shown(&shard),
        ["a s3", "c s2", "d s5"],
        "as after a refresh, and the count with it"
    );
    world.gave_up.store(false, SeqCst);
    all(&shard, vec![index("a", "3")]).await;
    assert_eq!(shown(&shard), ["a s3", "c s2", "d s5"]);
}

#[tokio::test]
async fn where_writes_do_not_wait_searches_see_them_at_once() {
    let shard = World::new().open();
    all(&shard, vec![index("a", "1")]).await;
    assert_eq!(shown(&shard), ["a s0"]);
    shard.set_waits_for_refresh(true);
    all(&shard, vec![index("a", "2"), index("b", "1")]).await;
    assert_eq!(shown(&shard), ["a s0"]);
    shard.set_waits_for_refresh(true);
    assert_eq!(shown(&shard), ["a s0"], "said twice");
    shard.set_waits_for_refresh(false);
    assert_eq!(shown(&shard), ["a s1", "b s2"]);
    assert_eq!(&*shard.get_shown("a", None).await.unwrap().unwrap().source, b"2");
}

#[tokio::test]
async fn a_forgotten_delete_is_not_shown_before_the_refresh() {
    let world = World::new();
    let shard = world.open();
    shard.set_gc_deletes(GcDeletes::from_millis(1));
    all(&shard, vec![index("a", "1")]).await;
    shard.set_waits_for_refresh(true);
    all(&shard, vec![delete("a")]).await;
    world.clock.set(1_000_000);
    let from = shard.max_seq_no();
    shard.table().sweep(Timestamp::from_millis(1_000_000), GcDeletes::from_millis(1), from);
    assert_eq!(shown(&shard), ["a s0"]);
    shard.refresh();
    assert_eq!(shown(&shard), [""; 0]);
}

#[tokio::test]
async fn what_is_remembered_for_searches_is_given_back() {
    let shard = World::new().open();
    all(&shard, vec![index("a", "1"), index("b", "1")]).await;
    shard.set_waits_for_refresh(true);
    let before = shard.table().memory().used();
    all(&shard, vec![index("a", "2"), index("b", "2"), index("b", "3")]).await;
    assert!(shard.table().memory().used() > before, "two earlier writes are remembered");
    shard.refresh();
    assert_eq!(shard.table().memory().used(), before);
}
