//! What documents do to mappings, and what they leave alone.

use std::{collections::BTreeSet, time::Duration};

use document::{SeqNo, Version};

use super::*;

/// The names of the fields that an index has.
fn fields(node: &Node, index: &str) -> BTreeSet<String> {
    let mapping = node.index(index).unwrap().mapping().render();
    let properties = mapping.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|fields| fields.keys().cloned()).collect()
}

/// A set of names.
fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn required(mut write: DocumentWrite, precondition: Precondition) -> DocumentWrite {
    write.precondition = precondition;
    write
}

fn seq_no(number: u64) -> Precondition {
    Precondition::SeqNo { seq_no: SeqNo::new(number), term: document::PrimaryTerm::FIRST }
}

fn created(index: &str, id: &str, source: &str) -> DocumentWrite {
    write(index, id, Change::Create(source.to_owned().into()))
}

#[tokio::test]
async fn a_refused_write_leaves_no_field_behind() {
    let node = World::new().start().await;
    node.write(index("a", "1", r#"{"n":1}"#)).await.unwrap();
    let refused = node
        .bulk(vec![
            created("a", "1", r#"{"exists":1}"#),
            required(index("a", "1", r#"{"stale":1}"#), seq_no(7)),
            required(index("a", "gone", r#"{"gone":1}"#), seq_no(0)),
            required(
                index("a", "1", r#"{"old":1}"#),
                Precondition::ExternalGreater(Version::FIRST),
            ),
            required(merge("a", "1", json!({"stale_merge": 1})), seq_no(7)),
            merge("a", "missing", json!({"missing": 1})),
            index("a", "2", r#"{"before":1,"n":"x"}"#),
            index("a", "2", r#"{"before":1,"broken"#),
            index("a", "2", r#"{"before":1,"d":1,"d":2}"#),
            merge("a", "1", json!({"before": 1, "n": "x"})),
            index("a", "2", r#"{"before":1,"mixed":[1,"a"]}"#),
        ])
        .await;
    assert!(refused.iter().all(Result::is_err));
    assert_eq!(fields(&node, "a"), names(["n"]));
    let noop = node.write(merge("a", "1", json!({"n": 1}))).await.unwrap();
    assert_eq!((noop.written.outcome, noop.written.last.seq_no.get()), (Outcome::Noop, 0));
    let next = node.write(merge("a", "1", json!({"m": 1}))).await.unwrap();
    assert_eq!(next.written.last.seq_no.get(), 1);
    assert_eq!(fields(&node, "a"), names(["m", "n"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writes_that_race_only_the_accepted_ones_leave_fields() {
    let node = World::new().start().await;
    let shards = json!({"number_of_shards": 3, "mapping.total_fields.limit": 100_000});
    node.create_index(new("a", shards)).await.unwrap();
    let mut expected = BTreeSet::new();
    for round in 0..20 {
        let racers = (0..8).map(|racer| {
            let node = Arc::clone(&node);
            let field = format!("f{round}_{racer}");
            tokio::spawn(async move {
                let (id, source) = (round.to_string(), format!(r#"{{"{field}":1}}"#));
                let write = match racer % 2 {
                    0 => created("a", &id, &source),
                    _ => required(
                        write("a", &id, Change::Index(source.into())),
                        Precondition::ExternalGreater(Version::new(5).unwrap()),
                    ),
                };
                node.write(write).await.is_ok().then_some(field)
            })
        });
        let mut accepted = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            accepted.extend(racer.await.unwrap());
        }
        assert!(!accepted.is_empty() && accepted.len() <= 2, "{accepted:?}");
        expected.extend(accepted);
    }
    assert_eq!(fields(&node, "a"), expected);
}

#[tokio::test]
async fn each_item_of_a_bulk_sees_the_mapping_that_the_one_before_it_left() {
    let node = World::new().start().await;
    let answers = node
        .bulk(vec![
            index("a", "1", r#"{"z":1}"#),
            index("a", "2", r#"{"z":"foo"}"#),
            index("a", "3", r#"{"z":"7"}"#),
            index("a", "4", r#"{"f":1.5}"#),
            index("a", "5", r#"{"f":99999999999999999999}"#),
            index("a", "6", r#"{"f":{"x":1}}"#),
        ])
        .await;
    let fits: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(fits, [true, false, true, true, true, false]);
    assert!(matches!(&answers[1], Err(Error::Mapping(error)) if error.reason().contains("[z]")));
    let numbers = answers.iter().flatten().map(|answer| answer.written.last.seq_no.get());
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_race_to_map_a_field_the_second_is_judged_like_any_later_document() {
    let node = World::new().start().await;
    node.create_index(new("a", json!({"number_of_shards": 5}))).await.unwrap();
    for round in 0..40 {
        let racers = ["1", "\"x\""].map(|value| {
            let node = Arc::clone(&node);
            let source = format!(r#"{{"f{round}":{value}}}"#);
            let id = format!("{round}{value}");
            tokio::spawn(
                async move { node.write(write("a", &id, Change::Index(source.into()))).await },
            )
        });
        let [number, text] = racers;
        let (number, text) = (number.await.unwrap(), text.await.unwrap());
        // A number fits a text field, and a word does not fit one of numbers.
        assert!(number.is_ok());
        if let Err(Error::Mapping(error)) = &text {
            assert_eq!(
                error.reason(),
                format!(
                    "failed to parse field [f{round}] of type [long] in document with id '{round}\"x\"'"
                )
            );
        } else {
            text.unwrap();
        }
    }
}

#[tokio::test]
async fn a_restart_finds_the_mapping_and_a_new_index_of_the_name_has_none_of_it() {
    let world = World::new();
    let node = world.start().await;
    node.create_index(NewIndex {
        mappings: json!({"dynamic": "strict", "properties": {"o": {"dynamic": "true", "type": "object"}}}),
        ..new("a", json!({}))
    })
    .await
    .unwrap();
    node.write(index("a", "1", r#"{"o":{"x":1}}"#)).await.unwrap();
    let indices = [node.index("a").unwrap()];
    let definition = json!({"properties": {"k": {"type": "keyword"}}});
    node.change_mappings(&indices, None, definition).await.unwrap();
    let before = node.index("a").unwrap().mapping().render();
    node.close().await.unwrap();

    let node = world.start().await;
    assert_eq!(node.index("a").unwrap().mapping().render(), before);
    assert_eq!(node.index("a").unwrap().metadata().mappings, before);
    let strict = node.write(index("a", "2", r#"{"y":1}"#)).await;
    assert!(matches!(strict, Err(Error::Mapping(_))));
    let typed = node.write(index("a", "2", r#"{"o":{"x":"word"}}"#)).await;
    assert!(matches!(typed, Err(Error::Mapping(_))));
    node.write(index("a", "2", r#"{"o":{"z":1},"k":"v"}"#)).await.unwrap();
    node.delete_indices(vec!["a".into()]).await.unwrap();
    node.write(index("a", "1", r#"{"y":1}"#)).await.unwrap();
    assert_eq!(fields(&node, "a"), names(["y"]));
}

#[tokio::test]
async fn mappings_of_several_indices_change_together_or_not_at_all() {
    let node = World::new().start().await;
    node.write(index("a", "1", "{}")).await.unwrap();
    node.write(index("b", "1", r#"{"x":1}"#)).await.unwrap();
    let both = [node.index("a").unwrap(), node.index("b").unwrap()];
    let clash = json!({"properties": {"x": {"type": "keyword"}, "y": {"type": "long"}}});
    let refused = node.change_mappings(&both, None, clash).await;
    assert!(matches!(refused, Err(Error::Mapping(_))));
    assert_eq!((fields(&node, "a"), fields(&node, "b")), (names([]), names(["x"])));
    let fine = json!({"properties": {"y": {"type": "long"}}});
    node.change_mappings(&both, None, fine).await.unwrap();
    assert_eq!((fields(&node, "a"), fields(&node, "b")), (names(["y"]), names(["x", "y"])));
}

#[tokio::test]
async fn limits_are_settings_that_can_change() {
    let node = World::new().start().await;
    node.create_index(new("a", json!({"mapping.total_fields.limit": 1}))).await.unwrap();
    node.write(index("a", "1", r#"{"x":1}"#)).await.unwrap();
    let refused = node.write(index("a", "2", r#"{"y":1}"#)).await;
    assert!(matches!(refused, Err(Error::Mapping(_))));
    let a = node.index("a").unwrap();
    let given = json!({"index.mapping.total_fields.limit": 2});
    node.change_settings(vec![a], SettingsChange { given, preserves: false }).await.unwrap();
    node.write(index("a", "2", r#"{"y":1}"#)).await.unwrap();
    assert_eq!(fields(&node, "a"), names(["x", "y"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_index_can_be_deleted_and_the_node_closed_while_documents_add_fields() {
    let node = World::new().start().await;
    for round in 0..30 {
        node.write(index("a", "0", "{}")).await.unwrap();
        let writers = (0..4).map(|writer| {
            let node = Arc::clone(&node);
            tokio::spawn(async move {
                for n in 0..10 {
                    let source = format!(r#"{{"f{round}_{writer}_{n}":1}}"#);
                    let id = format!("{writer}_{n}");
                    // Its index may be gone at any moment.
                    let _ = node.write(write("a", &id, Change::Index(source.into()))).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let ended = tokio::time::timeout(Duration::from_secs(60), async {
            if round == 29 {
                node.close().await.unwrap();
            } else {
                node.delete_indices(vec!["a".into()]).await.unwrap();
            }
            for writer in writers {
                writer.await.unwrap();
            }
        });
        ended.await.unwrap();
        if round < 29 && node.index("a").is_ok() {
            node.delete_indices(vec!["a".into()]).await.unwrap();
        }
    }
}
