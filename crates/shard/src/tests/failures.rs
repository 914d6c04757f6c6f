//! What everybody is told when the log does not append.

use super::support::{
    Ending, World, all, create, heavy, index, one, source, still_waits, told, update,
};
use crate::WriteError;

#[tokio::test]
async fn no_room_is_told_to_the_whole_batch_and_the_shard_goes_on() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    *world.ending.lock() = Ending::NoRoom;
    // The refusal in the batch rests on a write that did not happen: it is no conflict.
    let answers = shard.write(vec![create("b", "1"), create("b", "2"), update("a", '=')]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(WriteError::NoRoom(_)))));
    assert_eq!(source(&shard, "b").await, None);
    *world.ending.lock() = Ending::Appended;
    assert_eq!(all(&shard, vec![create("b", "3")]).await, ["Created v1 s1 t1"]);
}

#[tokio::test]
async fn an_update_prepared_on_a_write_that_found_no_room_starts_again() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", ">")).await.unwrap();
    *world.ending.lock() = Ending::NoRoomOnce;
    // The long merge is prepared on a source that the log then refuses.
    let answers = shard.write(vec![index("a", "never"), heavy("a", 'x')]).await;
    assert!(matches!(answers[0], Err(WriteError::NoRoom(_))));
    assert_eq!(told(&answers[1]), "Updated v2 s1 t1");
    assert_eq!(source(&shard, "a").await.as_deref(), Some(">x"));
}

#[tokio::test]
async fn unknown_is_told_as_unknown_and_ends_the_shard() {
    for (ending, stored) in [(Ending::UnknownButStored, true), (Ending::UnknownAndLost, false)] {
        let world = World::new();
        let shard = world.open();
        one(&shard, index("a", "1")).await.unwrap();
        *world.ending.lock() = ending;
        let answers = shard.write(vec![create("b", "1"), create("b", "2"), create("a", "2")]).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(WriteError::Unknown(_)))));
        assert_eq!(source(&shard, "b").await, None, "what is not known to be durable is not shown");
        assert!(matches!(one(&shard, index("c", "1")).await, Err(WriteError::Closed)));
        assert_eq!(source(&shard, "a").await.as_deref(), Some("1"), "reads go on");
        shard.close().await;
        // Only the log can tell: after the restart it happened once or never.
        *world.ending.lock() = Ending::Appended;
        let shard = world.open();
        assert_eq!(source(&shard, "b").await.is_some(), stored);
    }
}

/// *Closed* says that it was not applied, which *unknown* does not.
#[tokio::test]
async fn who_waits_behind_an_append_of_unknown_end_is_told_that_nothing_happened() {
    let world = World::gated();
    let shard = world.open();
    *world.ending.lock() = Ending::UnknownAndLost;
    let mut first = Box::pin(one(&shard, index("a", "1")));
    assert!(still_waits(&mut first).await);
    let mut second = Box::pin(one(&shard, index("b", "1")));
    let mut copying = Box::pin(shard.relocate(Vec::new(), false, true));
    assert!(still_waits(&mut second).await && still_waits(&mut copying).await);
    world.appends.add_permits(1);
    assert!(matches!(first.await, Err(WriteError::Unknown(_))));
    assert!(matches!(second.await, Err(WriteError::Closed)));
    assert!(matches!(copying.await, Err(WriteError::Closed)));
}

#[tokio::test]
async fn a_writer_that_was_replaced_is_fenced() {
    let world = World::new();
    let old = world.open();
    one(&old, index("a", "1")).await.unwrap();
    let new = world.open();
    assert!(matches!(one(&old, index("a", "2")).await, Err(WriteError::Fenced)));
    assert!(matches!(one(&old, create("a", "2")).await, Err(WriteError::Closed)));
    assert_eq!(all(&new, vec![index("a", "3")]).await, ["Updated v2 s1 t2"]);
}

#[tokio::test]
async fn a_closed_shard_answers_what_waits_and_refuses_the_rest() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    shard.close().await;
    assert!(matches!(one(&shard, index("a", "2")).await, Err(WriteError::Closed)));
    assert_eq!(source(&shard, "a").await.as_deref(), Some("1"));
    shard.close().await;
}

#[tokio::test]
async fn a_writer_that_panics_raises_the_alarm_and_answers_unknown() {
    let world = World::new();
    let shard = world.open();
    one(&shard, index("a", "1")).await.unwrap();
    assert!(matches!(one(&shard, update("a", '*')).await, Err(WriteError::Unknown(_))));
    assert_eq!(world.alarm.raised().await, "a shard's writer panicked");
    assert!(matches!(one(&shard, index("a", "2")).await, Err(WriteError::Closed)));
}
