//! A shard opened again: state from the log alone, in a new term.

use document::GcDeletes;

use super::support::{STREAM, World, all, create, delete, if_seq_no, index, one, source, told};
use crate::ShardOptions;

#[tokio::test]
async fn a_document_keeps_its_term_and_the_shard_starts_another() {
    let world = World::new();
    let shard = world.open();
    all(&shard, vec![index("a", "1"), index("b", "1"), delete("b")]).await;
    shard.close().await;
    let shard = world.open();
    assert_eq!(shard.term().get(), 2);
    assert_eq!(source(&shard, "a").await.as_deref(), Some("1"));
    assert_eq!(source(&shard, "b").await, None);
    // s12 and s13: the condition names the document's term, not the shard's.
    assert!(one(&shard, if_seq_no(index("a", "2"), 0, 2)).await.is_err());
    assert_eq!(told(&one(&shard, if_seq_no(index("a", "2"), 0, 1)).await), "Updated v2 s3 t2");
    assert_eq!(told(&one(&shard, create("b", "2")).await), "Created v3 s4 t2");
}

#[tokio::test]
async fn tombstones_survive_a_restart_and_expire_by_the_time_of_the_delete() {
    let world = World::new();
    let options =
        ShardOptions { gc_deletes: GcDeletes::from_millis(1_000), ..ShardOptions::default() };
    let shard = world.open_with(options.clone());
    all(&shard, vec![delete("a"), delete("b")]).await;
    shard.close().await;
    world.clock.set(1_000);
    let shard = world.open_with(options.clone());
    assert_eq!(told(&one(&shard, index("a", "1")).await), "Created v2 s2 t2");
    world.clock.set(1_001);
    assert_eq!(told(&one(&shard, index("b", "1")).await), "Created v1 s3 t2");
}

#[tokio::test]
async fn a_removed_stream_is_forgotten() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    shard.close().await;
    world.logs().remove(STREAM);
    assert_eq!(source(&world.open(), "a").await, None);
}
