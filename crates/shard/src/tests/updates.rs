//! Updates: undivided, also when the source is far away or the merge is long.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use document::{Outcome, Precondition};

use super::support::{
    AppendLetter, World, all, delete, heavy, if_seq_no, index, is, one, source, still_waits, told,
    update, write,
};
use crate::{Change, Update, Write, WriteError, Written};

fn upsert(id: &str, letter: char) -> Write {
    let modify = Arc::new(AppendLetter { letter, upsert: true, weight: 0 });
    write(
        id,
        Precondition::None,
        Change::Update(Update { modify, wants_document: true, basis: None }),
    )
}

#[tokio::test]
async fn updates_merge_create_do_nothing_delete_or_miss() {
    let shard = World::new().open();
    assert!(matches!(one(&shard, update("a", 'x')).await, Err(WriteError::Missing)));
    assert_eq!(told(&one(&shard, upsert("a", 'a')).await), "Created v1 s0 t1");
    assert_eq!(told(&one(&shard, upsert("a", 'b')).await), "Updated v2 s1 t1");
    assert_eq!(told(&one(&shard, update("a", '=')).await), "Noop v2 s1 t1");
    assert!(matches!(one(&shard, update("a", '!')).await, Err(WriteError::Unmodifiable(_))));
    assert_eq!(told(&one(&shard, if_seq_no(update("a", 'c'), 1, 1)).await), "Updated v3 s2 t1");
    assert!(matches!(
        one(&shard, if_seq_no(update("a", 'd'), 1, 1)).await,
        Err(WriteError::Refused(_))
    ));
    assert!(matches!(
        one(&shard, if_seq_no(update("b", 'd'), 1, 1)).await,
        Err(WriteError::Missing)
    ));
    assert_eq!(source(&shard, "a").await.as_deref(), Some("abc"));
    assert_eq!(told(&one(&shard, update("a", '-')).await), "Deleted v4 s3 t1");
    assert_eq!(told(&one(&shard, upsert("a", 'z')).await), "Created v5 s4 t1");
}

#[tokio::test]
async fn an_update_answers_with_the_document_it_made() {
    let shard = World::new().open();
    one(&shard, index("a", "1")).await.unwrap();
    let Written { document, last, .. } = one(&shard, update("a", 'b')).await.unwrap();
    let document = document.unwrap();
    assert_eq!((document.last, &document.source[..]), (last, &b"1b"[..]));
}

#[tokio::test]
async fn updates_of_one_batch_build_on_each_other() {
    let world = World::new();
    let shard = world.open();
    let writes = vec![index("a", ">"), update("a", 'a'), update("a", 'b'), update("a", 'c')];
    all(&shard, writes).await;
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">abc"));
    assert_eq!(*world.appended.lock(), [4], "all of it in one entry");
}

/// The source that an update brings along was replaced meanwhile; what it was replaced with is still
/// at hand.
#[tokio::test]
async fn an_update_behind_another_reads_nothing_again() {
    let world = World::gated();
    let shard = world.open();
    world.appends.add_permits(1);
    one(&shard, index("a", ">")).await.unwrap();
    world.cold.store(true, SeqCst);
    // One read for each of them, while the document is still what it was.
    world.reads.add_permits(2);
    let mut first = Box::pin(one(&shard, update("a", 'a')));
    assert!(still_waits(&mut first).await, "for its append");
    let mut second = Box::pin(one(&shard, update("a", 'b')));
    assert!(still_waits(&mut second).await, "for the first one");
    world.appends.add_permits(2);
    assert_eq!(told(&first.await), "Updated v2 s1 t1");
    assert!(!still_waits(&mut second).await, "for a read that is not needed");
    world.cold.store(false, SeqCst);
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">ab"));
}

#[tokio::test]
async fn many_updates_of_one_document_never_conflict_and_never_lose_one() {
    for cold in [false, true] {
        let world = World::new();
        world.cold.store(cold, SeqCst);
        world.reads.add_permits(1_000_000);
        let shard = Arc::new(world.open());
        one(&shard, index("a", "")).await.unwrap();
        let clients = (b'a'..=b'h').map(|letter| {
            let shard = Arc::clone(&shard);
            tokio::spawn(async move {
                for _ in 0..50 {
                    let answer = one(&shard, update("a", char::from(letter))).await;
                    assert!(is(Outcome::Updated, &answer), "{answer:?}");
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        let source = source(&shard, "a").await.unwrap();
        for letter in 'a'..='h' {
            assert_eq!(source.matches(letter).count(), 50, "cold: {cold}");
        }
    }
}

#[tokio::test]
async fn writes_behind_a_parked_update_wait_and_others_do_not() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", ">")).await.unwrap();
    let basis = shard.get("a", None).await.unwrap();
    one(&shard, index("a", ">>")).await.unwrap();
    // The caller's basis is of yesterday and the present source is far away.
    world.cold.store(true, SeqCst);
    let modify = Arc::new(AppendLetter { letter: 'u', upsert: false, weight: 0 });
    let stale = write(
        "a",
        Precondition::None,
        Change::Update(Update { modify, wants_document: true, basis }),
    );
    let parked = shard.write(vec![stale, index("b", "1"), update("a", 'v'), delete("c")]);
    let mut parked = Box::pin(parked);
    // `fetch_basis` of the second update reads, then the writer's own preparation.
    assert!(still_waits(&mut parked).await);
    assert!(still_waits(&mut parked).await);
    assert_eq!(shard.table().live(), 1, "nothing happened while the caller itself reads");
    world.reads.add_permits(1);
    assert!(still_waits(&mut parked).await);
    assert!(still_waits(&mut parked).await);
    assert_eq!(shard.table().live(), 2, "the write of another document went ahead");
    world.reads.add_permits(10);
    let found: Vec<_> = parked.await.iter().map(told).collect();
    assert_eq!(
        found,
        ["Updated v3 s4 t1", "Created v1 s2 t1", "Updated v4 s5 t1", "NotFound v1 s3 t1"]
    );
    world.cold.store(false, SeqCst);
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">>uv"));
}

#[tokio::test]
async fn long_merges_run_elsewhere_and_keep_their_place() {
    let shard = World::new().open();
    let writes =
        vec![index("a", ">"), heavy("a", 'x'), update("a", 'y'), heavy("a", 'z'), update("a", 'w')];
    all(&shard, writes).await;
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">xyzw"));
}

#[tokio::test]
async fn any_number_of_long_updates_of_one_document_succeed() {
    let shard = World::new().open();
    one(&shard, index("a", "")).await.unwrap();
    let answers = shard.write((0..3_000).map(|_| heavy("a", 'x')).collect()).await;
    assert!(answers.iter().all(|answer| is(Outcome::Updated, answer)));
    assert_eq!(source(&shard, "a").await.unwrap().len(), 3_000);
}

#[tokio::test]
async fn updates_of_more_far_away_documents_than_are_prepared_at_a_time_wait_their_turn() {
    let world = World::new();
    let shard = world.open();
    let names: Vec<String> = (0..3_000).map(|number| number.to_string()).collect();
    shard.write(names.iter().map(|name| index(name, ">")).collect()).await;
    world.cold.store(true, SeqCst);
    world.reads.add_permits(1_000_000);
    let updates = names.iter().chain(&names).map(|name| heavy(name, 'x'));
    let answers = shard.write(updates.collect()).await;
    assert!(answers.iter().all(|answer| is(Outcome::Updated, answer)));
    world.cold.store(false, SeqCst);
    assert_eq!(source(&shard, "2999").await.as_deref(), Some(">xx"));
}

#[tokio::test]
async fn a_condition_on_a_document_that_an_upsert_would_create_is_not_dropped() {
    let shard = World::new().open();
    for precondition in [
        Precondition::Version(document::Version::FIRST),
        if_seq_no(upsert("a", 'x'), 0, 1).precondition,
    ] {
        let conditional = Write { precondition, ..upsert("a", 'x') };
        assert!(matches!(one(&shard, conditional).await, Err(WriteError::Refused(_))));
    }
    assert_eq!(source(&shard, "a").await, None);
}
