//! Batches, order, refusals and their basis.

use document::{GcDeletes, Outcome, Precondition, SeqNo, Version};

use super::support::{
    World, all, create, delete, if_seq_no, index, is, one, source, still_waits, told, write,
};
use crate::{Change, ReadError, ShardOptions, WriteError};

#[tokio::test]
async fn sequence_numbers_count_what_changed_something_and_nothing_else() {
    let shard = World::new().open();
    let writes = vec![
        index("a", "1"),
        delete("missing"),
        create("a", "2"),
        if_seq_no(index("a", "3"), 7, 1),
        index("b", "1"),
        index("a", "1"),
    ];
    let found = all(&shard, writes).await;
    assert_eq!(found[0], "Created v1 s0 t1");
    assert_eq!(found[1], "NotFound v1 s1 t1");
    assert!(found[2].starts_with("version conflict"), "{}", found[2]);
    assert!(found[3].starts_with("version conflict"), "{}", found[3]);
    assert_eq!(found[4], "Created v1 s2 t1");
    assert_eq!(found[5], "Updated v2 s3 t1");
    assert_eq!(shard.max_seq_no(), Some(SeqNo::new(3)));
    assert_eq!(shard.table().live(), 2);
}

#[tokio::test]
async fn a_later_write_of_a_batch_sees_the_earlier_ones() {
    let shard = World::new().open();
    let writes = vec![
        index("a", "1"),
        if_seq_no(index("a", "2"), 0, 1),
        delete("a"),
        if_seq_no(index("a", "3"), 2, 1),
        create("a", "4"),
    ];
    let found = all(&shard, writes).await;
    assert_eq!(found[..3], ["Created v1 s0 t1", "Updated v2 s1 t1", "Deleted v3 s2 t1"]);
    assert!(found[3].starts_with("version conflict"), "a tombstone matches no condition");
    assert_eq!(found[4], "Created v4 s3 t1");
    assert_eq!(source(&shard, "a").await.as_deref(), Some("4"));
}

#[tokio::test]
async fn nothing_is_shown_or_answered_before_it_is_durable() {
    let world = World::gated();
    let shard = world.open();
    let mut writing = Box::pin(one(&shard, index("a", "1")));
    assert!(still_waits(&mut writing).await);
    assert_eq!(source(&shard, "a").await, None, "a dirty read");
    world.appends.add_permits(1);
    assert!(is(Outcome::Created, &writing.await));
    assert_eq!(source(&shard, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_refusal_waits_for_the_write_it_rests_on() {
    let world = World::gated();
    let shard = world.open();
    let mut both = Box::pin(shard.write(vec![create("a", "1"), create("a", "2")]));
    assert!(still_waits(&mut both).await);
    world.appends.add_permits(1);
    let answers = both.await;
    assert!(matches!(&answers[1], Err(WriteError::Refused(_))));
    // A refusal that rests on durable state waits for nothing.
    assert!(matches!(one(&shard, create("a", "3")).await, Err(WriteError::Refused(_))));
}

#[tokio::test]
async fn one_append_serves_all_that_gathered_while_another_was_under_way() {
    let world = World::gated();
    let shard = world.open();
    let mut first = Box::pin(one(&shard, index("a", "1")));
    assert!(still_waits(&mut first).await);
    let mut second = Box::pin(one(&shard, index("b", "1")));
    let mut third = Box::pin(one(&shard, index("c", "1")));
    assert!(still_waits(&mut second).await && still_waits(&mut third).await);
    world.appends.add_permits(2);
    assert_eq!(told(&first.await), "Created v1 s0 t1");
    assert_eq!(told(&second.await), "Created v1 s1 t1");
    assert_eq!(told(&third.await), "Created v1 s2 t1");
    assert_eq!(*world.appended.lock(), [1, 2]);
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_tear_its_write() {
    let world = World::gated();
    let shard = world.open();
    let mut writing = Box::pin(shard.write(vec![index("a", "1"), index("b", "1")]));
    assert!(still_waits(&mut writing).await);
    drop(writing);
    world.appends.add_permits(2);
    assert!(is(Outcome::Updated, &one(&shard, index("b", "2")).await));
    assert_eq!(source(&shard, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_full_mailbox_is_an_answer() {
    let world = World::gated();
    let shard =
        world.open_with(ShardOptions { mailbox_requests_max: 2, ..ShardOptions::default() });
    let mut waiting = Vec::new();
    let mut busy = 0;
    for _ in 0..8 {
        let mut writing = Box::pin(one(&shard, index("a", "1")));
        if still_waits(&mut writing).await {
            waiting.push(writing);
        } else {
            busy += 1;
        }
    }
    assert_eq!((waiting.len(), busy), (3, 5), "one in the writer, two in its mailbox");
    assert_eq!(shard.waiting(), 2);
    world.appends.add_permits(3);
    for writing in waiting {
        writing.await.unwrap();
    }
    assert_eq!(shard.waiting(), 0);
}

#[tokio::test]
async fn a_long_request_is_divided_and_answered_as_one() {
    let world = World::new();
    let shard = world.open();
    let writes = (0..10_000).map(|n| index(["a", "b", "c"][n % 3], "1")).collect();
    let found = all(&shard, writes).await;
    assert_eq!(found.len(), 10_000);
    assert_eq!(found[9_999], "Updated v3334 s9999 t1");
    assert_eq!(*world.appended.lock(), [4_096, 4_096, 1_808]);
    assert!(shard.write(Vec::new()).await.is_empty());
}

#[tokio::test]
async fn tombstones_count_for_their_window_also_in_the_table() {
    let world = World::new();
    let shard = world.open_with(ShardOptions {
        gc_deletes: GcDeletes::from_millis(100),
        ..ShardOptions::default()
    });
    all(&shard, vec![index("a", "1"), delete("a")]).await;
    world.clock.set(100);
    assert_eq!(told(&one(&shard, index("a", "2")).await), "Created v3 s2 t1");
    one(&shard, delete("a")).await.unwrap();
    world.clock.set(201);
    assert_eq!(told(&one(&shard, index("a", "3")).await), "Created v1 s4 t1");
    shard.set_gc_deletes(GcDeletes::from_millis(-1));
    let found = all(&shard, vec![delete("a"), create("a", "4")]).await;
    assert_eq!(found, ["Deleted v2 s5 t1", "Created v1 s6 t1"]);
}

#[tokio::test]
async fn expired_tombstones_leave_the_table_as_writes_go_on() {
    let world = World::new();
    let shard = world.open_with(ShardOptions {
        gc_deletes: GcDeletes::from_millis(0),
        ..ShardOptions::default()
    });
    all(&shard, vec![delete("a"), delete("b"), delete("c")]).await;
    assert_eq!(shard.table().tombstones(), 3);
    for turn in 1..=256 {
        world.clock.set(turn * 10);
        one(&shard, index("d", "1")).await.unwrap();
    }
    assert_eq!((shard.table().live(), shard.table().tombstones()), (1, 0));
}

#[tokio::test]
async fn reads_can_require_a_version() {
    let shard = World::new().open();
    let external = Precondition::ExternalGreater(Version::new(5).unwrap());
    one(&shard, write("a", external, Change::Index("1".into()))).await.unwrap();
    let five = Version::new(5);
    assert!(shard.get("a", five).await.unwrap().is_some());
    assert!(shard.get("missing", five).await.unwrap().is_none());
    let conflict = shard.get("a", Version::new(4)).await;
    assert!(matches!(conflict, Err(ReadError::Conflict(_))));
}
