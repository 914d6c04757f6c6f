//! Data streams: what is written to them, what becomes of their indices, what a restart finds.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use bytes::Bytes;
use document::{Precondition, PrimaryTerm, SeqNo};
use mapping::Dialect;
use serde_json::{Value, json};
use shard::Change;

use super::{World, index, merge, new, upsert, write};
use crate::{
    Alias, AliasAction, Aliases, DataStream, DataStreamError, DataStreamRule, DocumentWrite, Error,
    Expansion, Lifecycle, NamedBy, Node, Settings, StreamAction, Template, TemplateBody,
    TemplateKey, TemplateKind,
};

/// Puts a template that makes data streams of the names that begin with `s`.
async fn put_template(node: &Node, body: TemplateBody) {
    let template = Template {
        index_patterns: vec!["s*".to_owned()],
        data_stream: Some(DataStreamRule::default()),
        body: Some(body),
        ..Template::default()
    };
    node.put_template(key(), template, false, Dialect::Seven).await.unwrap();
}

fn key() -> TemplateKey {
    TemplateKey { kind: TemplateKind::Index, name: "t".to_owned() }
}

/// A document that is added to a stream.
fn create(stream: &str, id: &str) -> DocumentWrite {
    let source = Bytes::from_static(br#"{"@timestamp":0}"#);
    write(stream, id, Change::Create(source))
}

async fn refusal(node: &Node, write: DocumentWrite) -> DataStreamError {
    match node.write(write).await {
        Err(Error::DataStream(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The indices of a stream, by the numbers in their names.
fn indices(node: &Node, stream: &str) -> String {
    let stream = node.data_stream(stream).unwrap();
    let short = |name: &Arc<str>| name.rsplit("-00000").next().unwrap().to_owned();
    stream.indices.iter().map(short).collect::<Vec<_>>().join(" ")
}

async fn roll(node: &Node, stream: &str) {
    let old = node.data_stream(stream).unwrap().write_index().unwrap().to_string();
    node.roll_over_data_stream(stream, &old, Dialect::Seven).await.unwrap();
}

#[tokio::test]
async fn what_is_written_to_a_stream_is_added_to_its_last_index() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    let created = node.write(create("s", "1")).await.unwrap();
    assert_eq!(created.index.name(), ".ds-s-1970.01.01-000001");
    let made = DocumentWrite { id: None, ..create("s", "") };
    node.write(made).await.unwrap();
    node.write(create("s", "1")).await.unwrap_err();
    for other in [index("s", "1", r#"{"@timestamp":0}"#), write("s", "1", Change::Delete)] {
        assert_eq!(refusal(&node, other).await, DataStreamError::CreateOnly);
    }
    assert_eq!(refusal(&node, merge("s", "1", json!({}))).await, DataStreamError::CreateOnly);
    let routed = DocumentWrite { routing: Some("r".to_owned()), ..create("s", "2") };
    assert_eq!(refusal(&node, routed).await, DataStreamError::Routing("s".to_owned()));
    let undated = write("s", "3", Change::Create(Bytes::from_static(b"{}")));
    assert!(matches!(node.write(undated).await, Err(Error::Mapping(_))));
    roll(&node, "s").await;
    let second = node.write(create("s", "1")).await.unwrap();
    assert_eq!(second.index.name(), ".ds-s-1970.01.01-000002");
}

#[tokio::test]
async fn what_cannot_be_added_creates_no_stream() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    let refused = index("s", "1", r#"{"@timestamp":0}"#);
    assert_eq!(refusal(&node, refused).await, DataStreamError::CreateOnly);
    node.write(write("s", "1", Change::Create(Bytes::from_static(b"[]")))).await.unwrap_err();
    assert_eq!(node.data_streams().len(), 0);
    let only = NamedBy { data_stream: true, ..NamedBy::default() };
    let elsewhere = DocumentWrite { named_by: only, ..index("other", "1", "{}") };
    assert_eq!(refusal(&node, elsewhere).await, DataStreamError::NotOne("other".to_owned()));
    assert_eq!(node.indices().len(), 0);
    node.write(DocumentWrite { named_by: only, ..create("s", "1") }).await.unwrap();
}

#[tokio::test]
async fn items_of_a_bulk_are_told_apart() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    let answers = node
        .bulk(vec![
            index("s", "1", r#"{"@timestamp":0}"#),
            create("s", "1"),
            index("s", "1", r#"{"@timestamp":0}"#),
            write("s", "1", Change::Delete),
            create("s", "2"),
        ])
        .await;
    let told: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(told, [false, true, false, false, true]);
}

#[tokio::test]
async fn an_index_of_a_stream_takes_conditional_changes_only() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    let created = node.write(create("s", "1")).await.unwrap();
    let name = created.index.name().to_owned();
    let direct = refusal(&node, index(&name, "1", r#"{"@timestamp":1}"#)).await.to_string();
    assert!(direct.contains("op_type=index and no if_primary_term and if_seq_no set"), "{direct}");
    let direct = refusal(&node, create(&name, "2")).await.to_string();
    assert!(direct.contains("op_type=create targeting backing indices"), "{direct}");
    let last = created.written.last;
    let precondition = Precondition::SeqNo { seq_no: last.seq_no, term: last.term };
    let changed = index(&name, "1", r#"{"@timestamp":1}"#);
    node.write(DocumentWrite { precondition, ..changed }).await.unwrap();
    node.write(merge(&name, "1", json!({"n": 1}))).await.unwrap();
    node.write(upsert(&name, "1", json!({"n": 2}))).await.unwrap();
    let added = upsert(&name, "2", json!({"@timestamp": 1}));
    let direct = refusal(&node, added).await.to_string();
    assert!(direct.contains("op_type=create targeting backing indices"), "{direct}");
    let added = upsert(&name, "2", json!({"@timestamp": 1}));
    let in_bulk = node.bulk(vec![added, merge(&name, "1", json!({"n": 3}))]).await;
    assert_eq!(in_bulk.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true]);
    let stale = Precondition::SeqNo { seq_no: SeqNo::new(9), term: PrimaryTerm::FIRST };
    let removed = write(&name, "1", Change::Delete);
    let lost = DocumentWrite { precondition: stale, ..removed };
    assert!(matches!(node.write(lost).await, Err(Error::Document { .. })));
    node.write(write(&name, "1", Change::Delete)).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_found_by_its_name_and_wildcards_and_its_indices_are_hidden() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s1", Dialect::Seven).await.unwrap();
    node.create_data_stream("s2", Dialect::Seven).await.unwrap();
    node.create_index(new("plain", json!({}))).await.unwrap();
    let found = |names: &str, expansion| match node.resolve(names, expansion) {
        Ok(indices) => indices.iter().map(|index| index.name().len()).sum::<usize>(),
        Err(_) => usize::MAX,
    };
    let one = ".ds-s1-1970.01.01-000001".len();
    for (names, expected) in [
        ("s1", one),
        ("s*", 2 * one),
        ("s*,-s1", one),
        ("*", 2 * one + 5),
        ("", 2 * one + 5),
        (".ds-*", 2 * one),
        ("s3", usize::MAX),
    ] {
        assert_eq!(found(names, Expansion::OPEN), expected, "{names}");
    }
    let indices_only = Expansion { refuses_streams: true, ..Expansion::OPEN };
    assert_eq!(found("*", indices_only), 5);
    assert_eq!(found("s1", indices_only), usize::MAX);
    assert!(matches!(node.index("s1"), Err(Error::OneIndexNotFound { .. })));
    let taken = node.create_index(new("s1", json!({}))).await.unwrap_err();
    assert!(matches!(taken, Error::DataStream(DataStreamError::StreamsOnly { .. })));
}

#[tokio::test]
async fn names_are_taken_once() {
    let node = World::new().start().await;
    let alias = |name: &str| Aliases::from([(name.to_owned(), Alias::default())]);
    node.create_index(new("s-index", json!({}))).await.unwrap();
    node.create_index(crate::NewIndex { aliases: alias("s-alias"), ..new("a", json!({})) })
        .await
        .unwrap();
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    let refused = |name| {
        let node = Arc::clone(&node);
        async move { node.create_data_stream(name, Dialect::Seven).await.unwrap_err().to_string() }
    };
    assert_eq!(refused("s").await, "data_stream [s] already exists");
    assert_eq!(refused("s-index").await, "data stream [s-index] conflicts with index");
    assert_eq!(refused("s-alias").await, "data stream [s-alias] conflicts with alias");
    assert_eq!(refused("x").await, "no matching index template found for data stream [x]");
    let aliases = alias("s");
    let aliased = node.create_index(crate::NewIndex { aliases, ..new("b", json!({})) }).await;
    assert!(matches!(aliased, Err(Error::AliasIsIndex { .. })));
    assert_eq!(node.data_streams().len(), 1);
    // The template stays as long as it is needed.
    let removed = node.delete_templates(key(), Dialect::Seven).await.unwrap_err().to_string();
    assert!(removed.contains("in use by a data streams [s]"), "{removed}");
    let other = Template { index_patterns: vec!["s*".to_owned()], ..Template::default() };
    let put = node.put_template(key(), other, false, Dialect::Seven).await;
    assert!(put.unwrap_err().to_string().contains("no data stream configuration"));
    node.delete_data_stream("s").await.unwrap();
    node.delete_templates(key(), Dialect::Seven).await.unwrap();
}

#[tokio::test]
async fn streams_outlive_the_process() {
    let world = World::new();
    let node = world.start().await;
    let settings = Settings::from_json(&json!({"number_of_shards": 2})).unwrap();
    put_template(&node, TemplateBody { settings: Some(settings), ..TemplateBody::default() }).await;
    node.write(create("s", "1")).await.unwrap();
    roll(&node, "s").await;
    roll(&node, "s").await;
    let action = AliasAction::Add {
        indices: "s".to_owned(),
        aliases: vec!["alias".to_owned()],
        alias: Alias { is_write_index: Some(true), ..Alias::default() },
    };
    node.change_aliases(vec![action]).await.unwrap();
    let middle = Arc::clone(node.data_stream("s").unwrap().indices.get(1).unwrap());
    node.delete_indices(vec![middle]).await.unwrap();
    let before = DataStream::clone(&node.data_stream("s").unwrap());
    assert_eq!(indices(&node, "s"), "1 3");
    node.close().await.unwrap();
    drop(node);
    let node = world.start().await;
    assert_eq!(*node.data_stream("s").unwrap(), before);
    let added = node.write(create("alias", "2")).await.unwrap();
    assert_eq!(added.index.name(), ".ds-s-1970.01.01-000003");
    assert_eq!(added.index.shards().len(), 2);
    roll(&node, "s").await;
    assert_eq!(indices(&node, "s"), "1 3 4");
    node.delete_data_stream("s").await.unwrap();
    node.close().await.unwrap();
    drop(node);
    let node = world.start().await;
    assert_eq!((node.data_streams().len(), node.indices().len()), (0, 0));
}

#[tokio::test]
async fn the_index_that_is_written_to_stays() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    roll(&node, "s").await;
    let stream = node.data_stream("s").unwrap();
    let last = Arc::clone(stream.write_index().unwrap());
    let all = stream.indices.clone();
    let refused = node.delete_indices(all).await.unwrap_err().to_string();
    assert!(refused.ends_with("is the write index for data stream [s] and cannot be deleted"));
    assert_eq!(indices(&node, "s"), "1 2", "all or none");
    let index = node.index(&last).unwrap();
    let closed = node.set_closed(vec![index], true).await.unwrap_err().to_string();
    assert!(closed.contains("cannot close"), "{closed}");
    let remove = StreamAction::Remove { stream: "s".to_owned(), index: last.to_string() };
    let removed = node.modify_data_streams(vec![remove]).await.unwrap_err().to_string();
    assert!(removed.ends_with("because it is the write index"), "{removed}");
    let gone = AliasAction::RemoveIndex { indices: last.to_string() };
    node.change_aliases(vec![gone]).await.unwrap_err();
    let stale = node.roll_over_data_stream("s", "other", Dialect::Seven).await;
    assert!(matches!(stale, Err(Error::Rollover(_))));
}

#[tokio::test]
async fn a_stream_of_very_many_indices_is_deleted_in_parts() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    for _ in 0..1_100 {
        roll(&node, "s").await;
    }
    node.delete_data_stream("s").await.unwrap();
    assert_eq!((node.data_streams().len(), node.indices().len()), (0, 0));
    assert!(matches!(node.delete_data_stream("s").await, Err(Error::IndexNotFound { .. })));
}

#[tokio::test]
async fn indices_are_taken_in_and_out_all_or_none() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    for name in ["a", "b", "c"] {
        node.write(index(name, "1", "{}")).await.unwrap();
    }
    let add = |index: &str| StreamAction::Add { stream: "s".to_owned(), index: index.to_owned() };
    let refused = node.modify_data_streams(vec![add("a"), add("gone")]).await.unwrap_err();
    assert_eq!(refused.to_string(), "index [gone] not found");
    assert_eq!(indices(&node, "s"), "1");
    node.modify_data_streams(vec![add("a"), add("b")]).await.unwrap();
    node.modify_data_streams(vec![add("c")]).await.unwrap();
    assert_eq!(indices(&node, "s"), "c b a 1");
    let twice = node.modify_data_streams(vec![add("a")]).await.unwrap_err().to_string();
    assert!(twice.ends_with("because it is already a backing index on data stream [s]"), "{twice}");
    let taken = node.index("a").unwrap();
    assert_eq!(taken.metadata().settings.get("index.hidden"), Some("true"));
    assert_eq!(taken.metadata().mappings["properties"]["@timestamp"]["type"], "date");
    let remove = StreamAction::Remove { stream: "s".to_owned(), index: "b".to_owned() };
    node.modify_data_streams(vec![remove]).await.unwrap();
    assert_eq!(indices(&node, "s"), "c a 1");
    // It is an index like others again.
    node.write(index("b", "2", r#"{"@timestamp":0}"#)).await.unwrap();
    node.delete_indices(vec!["c".into()]).await.unwrap();
    assert_eq!(indices(&node, "s"), "a 1");
}

#[tokio::test]
async fn an_alias_becomes_a_stream() {
    let node = World::new().start().await;
    let alias = |leads| {
        let alias = Alias { is_write_index: leads, ..Alias::default() };
        Aliases::from([("s".to_owned(), alias)])
    };
    for (name, leads) in [("a", Some(true)), ("b", None), ("c", None)] {
        let aliases = alias(leads);
        node.create_index(crate::NewIndex { aliases, ..new(name, json!({})) }).await.unwrap();
    }
    let none = node.migrate_to_data_stream("s", Dialect::Seven).await.unwrap_err().to_string();
    assert_eq!(none, "no matching index template found for data stream [s]");
    put_template(&node, TemplateBody::default()).await;
    node.migrate_to_data_stream("s", Dialect::Seven).await.unwrap();
    assert_eq!(indices(&node, "s"), "b c a");
    assert!(!node.is_alias("s"));
    assert_eq!(node.write(create("s", "1")).await.unwrap().index.name(), "a");
    roll(&node, "s").await;
    assert_eq!(indices(&node, "s"), "b c a 4");
    let missing = node.migrate_to_data_stream("x", Dialect::Seven).await.unwrap_err().to_string();
    assert_eq!(missing, "alias [x] does not exist");
}

#[tokio::test]
async fn aliases_of_streams_lead_to_all_their_indices() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s1", Dialect::Seven).await.unwrap();
    node.create_data_stream("s2", Dialect::Seven).await.unwrap();
    node.create_index(new("plain", json!({}))).await.unwrap();
    let add = |indices: &str, alias: Alias| AliasAction::Add {
        indices: indices.to_owned(),
        aliases: vec!["a".to_owned()],
        alias,
    };
    let routed = Alias { index_routing: Some("r".to_owned()), ..Alias::default() };
    for (indices, alias) in [("s1,plain", Alias::default()), ("s1", routed)] {
        let refused = node.change_aliases(vec![add(indices, alias)]).await;
        assert!(matches!(refused, Err(Error::DataStream(_))), "{indices}");
    }
    node.change_aliases(vec![add("s*", Alias::default())]).await.unwrap();
    roll(&node, "s1").await;
    assert_eq!(node.resolve("a", Expansion::OPEN).unwrap().len(), 3);
    assert!(matches!(node.write(create("a", "1")).await, Err(Error::NoWriteIndex { .. })));
    let leads = Alias { is_write_index: Some(true), ..Alias::default() };
    node.change_aliases(vec![add("s2", leads)]).await.unwrap();
    let added = node.write(create("a", "1")).await.unwrap();
    assert_eq!(added.index.name(), ".ds-s2-1970.01.01-000001");
    let mixed = node.change_aliases(vec![add("plain", Alias::default())]).await;
    assert!(matches!(mixed, Err(Error::DataStream(_))));
    let behind = node.change_aliases(vec![add(added.index.name(), Alias::default())]).await;
    assert!(behind.unwrap_err().to_string().contains("don't support aliases"));
    let remove = |indices: &str| AliasAction::Remove {
        indices: indices.to_owned(),
        aliases: vec!["a".to_owned()],
        must_exist: Some(true),
    };
    node.change_aliases(vec![remove("s1,s2")]).await.unwrap();
    assert!(!node.is_alias("a"));
}

#[tokio::test]
async fn settings_of_a_stream_go_to_its_indices_where_they_can() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    let given = json!({"index": {"number_of_shards": 3, "refresh_interval": "7s"}});
    let trial = node.change_data_stream_settings("s", &given, true).await.unwrap();
    assert_eq!(trial.stream.settings.get("index.number_of_shards"), Some("3"));
    assert!(node.data_stream("s").unwrap().settings.is_empty());
    let changed = node.change_data_stream_settings("s", &given, false).await.unwrap();
    assert_eq!(changed.everywhere, ["index.refresh_interval"]);
    assert_eq!(changed.later, ["index.number_of_shards"]);
    roll(&node, "s").await;
    let shown: Vec<_> = node.ages(&node.data_stream("s").unwrap());
    let shown = shown.iter().map(|(index, _)| {
        let settings = &index.metadata().settings;
        (settings.number_of_shards(), settings.get("index.refresh_interval").unwrap().to_owned())
    });
    assert_eq!(shown.collect::<Vec<_>>(), [(1, "7s".to_owned()), (3, "7s".to_owned())]);
    for name in ["fake", "hidden", "routing_path", "uuid"] {
        let given = json!({ "index": { name: "1" } });
        let refused = node.change_data_stream_settings("s", &given, false).await.unwrap_err();
        let expected =
            format!("Cannot set the following settings on a data stream: [index.{name}]");
        assert_eq!(refused.to_string(), expected);
    }
}

#[tokio::test]
async fn lifecycles_begin_indices_and_delete_what_is_over() {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let world = World::new();
    let node = world.start().await;
    let lifecycle = Some(Lifecycle { enabled: true, data_retention: Some("10d".to_owned()) });
    put_template(&node, TemplateBody { lifecycle, ..TemplateBody::default() }).await;
    node.write(create("s", "1")).await.unwrap();
    let run = node.run_lifecycles().await;
    assert_eq!((run.streams, run.begun, run.deleted), (1, 0, 0));
    world.clock.0.store(1 + DAY, SeqCst);
    let run = node.run_lifecycles().await;
    assert_eq!((run.begun, run.deleted, run.since_last_millis), (1, 0, DAY));
    assert_eq!(indices(&node, "s"), "1 2");
    world.clock.0.store(DAY + 10 * DAY, SeqCst);
    assert_eq!(node.run_lifecycles().await.deleted, 0, "a millisecond is left");
    world.clock.0.store(1 + DAY + 10 * DAY, SeqCst);
    // The empty index that is written to is neither ended nor deleted.
    let run = node.run_lifecycles().await;
    assert_eq!((run.begun, run.deleted), (0, 1));
    assert_eq!(indices(&node, "s"), "2");
    // The name of a policy goes before, which nobody carries out.
    node.write(create("s", "2")).await.unwrap();
    let policy = json!({"index.lifecycle.name": "p"});
    node.change_data_stream_settings("s", &policy, false).await.unwrap();
    world.clock.0.store(100 * DAY, SeqCst);
    assert_eq!(node.run_lifecycles().await.streams, 0);
    let ours = json!({"index.lifecycle.prefer_ilm": false});
    node.change_data_stream_settings("s", &ours, false).await.unwrap();
    node.change_lifecycle("s", None).await.unwrap();
    assert_eq!(node.run_lifecycles().await.streams, 0);
    let kept: Value = json!({"enabled": true});
    node.change_lifecycle("s", serde_json::from_value(kept).ok()).await.unwrap();
    let run = node.run_lifecycles().await;
    assert_eq!((run.streams, run.begun, run.deleted), (1, 1, 0));
}

#[tokio::test]
async fn version_8_brings_templates_of_streams_along() {
    let node = World::new().start().await;
    let of = |dialect, id: &str| DocumentWrite {
        missing_index: crate::MissingIndex::Create(&[], dialect),
        ..create("logs-app-default", id)
    };
    // A client of 7 gets what it always got.
    let plain = node.write(of(Dialect::Seven, "1")).await.unwrap();
    assert_eq!(plain.index.name(), "logs-app-default");
    node.delete_indices(vec!["logs-app-default".into()]).await.unwrap();
    let added = node.write(of(Dialect::Eight, "1")).await.unwrap();
    assert_eq!(added.index.name(), ".ds-logs-app-default-1970.01.01-000001");
    assert_eq!(added.index.mapping().field("@timestamp").unwrap().render()["type"], "date");
    // Removing what was put in its place brings it back; it does not go itself.
    let key = TemplateKey { kind: TemplateKind::Index, name: "logs".to_owned() };
    node.delete_templates(key.clone(), Dialect::Eight).await.unwrap();
    assert!(node.delete_templates(key, Dialect::Seven).await.is_err());
    node.delete_data_stream("logs-app-default").await.unwrap();
    let off = json!({"stack.templates.enabled": false});
    node.change_cluster_settings(off, json!({})).await.unwrap();
    let plain = node.write(of(Dialect::Eight, "1")).await.unwrap();
    assert_eq!(plain.index.name(), "logs-app-default");
}

#[tokio::test]
async fn a_lifecycle_that_is_taken_back_deletes_nothing_more() {
    let world = World::new();
    let node = world.start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    for _ in 0..3 {
        roll(&node, "s").await;
    }
    let lifecycle = Lifecycle { enabled: true, data_retention: Some("1ms".to_owned()) };
    node.change_lifecycle("s", Some(lifecycle)).await.unwrap();
    // What is kept from being deleted stays, and so does what is not of the stream any more.
    let blocked = node.index(".ds-s-1970.01.01-000001").unwrap();
    let given = json!({"index.blocks.read_only": true});
    let change = crate::SettingsChange { given, preserves: false };
    node.change_settings(vec![blocked], change).await.unwrap();
    let (stream, index) = ("s".to_owned(), ".ds-s-1970.01.01-000002".to_owned());
    node.modify_data_streams(vec![StreamAction::Remove { stream, index }]).await.unwrap();
    world.clock.0.store(1_000, SeqCst);
    assert_eq!(node.run_lifecycles().await.deleted, 1);
    assert_eq!(indices(&node, "s"), "1 4");
    node.index(".ds-s-1970.01.01-000002").unwrap();
    node.change_lifecycle("s", None).await.unwrap();
    roll(&node, "s").await;
    world.clock.0.store(1_000_000, SeqCst);
    assert_eq!(node.run_lifecycles().await.deleted, 0);
}

#[tokio::test]
async fn names_meet_in_no_order() {
    let node = World::new().start().await;
    let aliases = Aliases::from([("s-all".to_owned(), Alias::default())]);
    put_template(&node, TemplateBody { aliases: Some(aliases), ..TemplateBody::default() }).await;
    node.create_data_stream("s1", Dialect::Seven).await.unwrap();
    let taken = node.create_data_stream("s-all", Dialect::Seven).await.unwrap_err().to_string();
    assert_eq!(taken, "data stream [s-all] conflicts with alias");
    let others = TemplateKey { kind: TemplateKind::Index, name: "u".to_owned() };
    let plain = Template {
        index_patterns: vec!["s-all".to_owned()],
        order: Some(9),
        ..Template::default()
    };
    node.put_template(others, plain, false, Dialect::Seven).await.unwrap();
    let taken = node.create_index(new("s-all", json!({}))).await.unwrap_err();
    assert!(matches!(taken, Error::InvalidIndexName { .. }), "{taken}");
    // In one change an alias goes from a stream to an index, and back.
    node.create_index(new("plain", json!({}))).await.unwrap();
    let add = |indices: &str| AliasAction::Add {
        indices: indices.to_owned(),
        aliases: vec!["s-all".to_owned()],
        alias: Alias::default(),
    };
    let remove = |indices: &str| AliasAction::Remove {
        indices: indices.to_owned(),
        aliases: vec!["s-all".to_owned()],
        must_exist: Some(true),
    };
    assert!(node.change_aliases(vec![add("plain")]).await.is_err());
    node.change_aliases(vec![remove("s1"), add("plain")]).await.unwrap();
    assert!(node.change_aliases(vec![add("s1")]).await.is_err());
    node.change_aliases(vec![remove("plain"), add("s1")]).await.unwrap();
    // An action on a stream counts as something done.
    let missing = AliasAction::Remove {
        indices: "plain".to_owned(),
        aliases: vec!["none".to_owned()],
        must_exist: None,
    };
    node.change_aliases(vec![add("s1"), missing]).await.unwrap();
}

#[tokio::test]
async fn the_last_stream_that_is_told_to_leads_the_writes_of_an_alias() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s1", Dialect::Seven).await.unwrap();
    node.create_data_stream("s2", Dialect::Seven).await.unwrap();
    let add = |indices: &str, leads: bool| AliasAction::Add {
        indices: indices.to_owned(),
        aliases: vec!["a".to_owned()],
        alias: Alias { is_write_index: leads.then_some(true), ..Alias::default() },
    };
    // Also the only one does not lead by itself.
    node.change_aliases(vec![add("s1", false)]).await.unwrap();
    assert!(matches!(node.write(create("a", "1")).await, Err(Error::NoWriteIndex { .. })));
    for (stream, expected) in [("s1", "s1"), ("s2", "s2"), ("s1", "s1")] {
        node.change_aliases(vec![add(stream, true)]).await.unwrap();
        let written = node.write(create("a", "x")).await;
        let name = match written {
            Ok(written) => written.index.name().to_owned(),
            Err(Error::Document { index, .. }) => index.name.to_string(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(name, format!(".ds-{expected}-1970.01.01-000001"));
    }
    let both = node.change_aliases(vec![add("s1,s2", true)]).await;
    both.unwrap();
    assert!(node.write(create("a", "y")).await.unwrap().index.name().contains("s2"));
    // What excludes a stream excludes it from actions too.
    let some = AliasAction::Add {
        indices: "s*,-s1*".to_owned(),
        aliases: vec!["some".to_owned()],
        alias: Alias::default(),
    };
    node.change_aliases(vec![some]).await.unwrap();
    assert_eq!(node.resolve("some", Expansion::OPEN).unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_keeps_a_template_whatever_goes_with_it() {
    let node = World::new().start().await;
    let named = |name: &str| TemplateKey { kind: TemplateKind::Index, name: name.to_owned() };
    for (name, order) in [("ta", 1), ("tb", 2)] {
        let template = Template {
            index_patterns: vec!["s*".to_owned()],
            order: Some(order),
            data_stream: Some(DataStreamRule::default()),
            ..Template::default()
        };
        node.put_template(named(name), template, false, Dialect::Seven).await.unwrap();
    }
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    node.delete_templates(named("ta,tb"), Dialect::Seven).await.unwrap_err();
    node.delete_templates(named("ta"), Dialect::Seven).await.unwrap();
    // Components that may be missing may go.
    let custom = TemplateKey { kind: TemplateKind::Component, name: "logs@custom".to_owned() };
    let body = Some(TemplateBody::default());
    let component = Template { body, ..Template::default() };
    node.put_template(custom.clone(), component, false, Dialect::Eight).await.unwrap();
    node.delete_templates(custom, Dialect::Eight).await.unwrap();
    // Streams that version 8 made go on without its templates being offered, or by others.
    node.create_data_stream("logs-a-b", Dialect::Eight).await.unwrap();
    let off = json!({"stack.templates.enabled": false});
    node.change_cluster_settings(off, json!({})).await.unwrap();
    roll(&node, "logs-a-b").await;
    assert!(node.create_data_stream("logs-a-c", Dialect::Eight).await.is_err());
    let neither = json!({"stack.templates.enabled": "banana"});
    assert!(node.change_cluster_settings(neither, json!({})).await.is_err());
}

#[tokio::test]
async fn a_rollover_passes_over_names_that_are_taken() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    node.create_index(new(".ds-s-1970.01.01-000002", json!({}))).await.unwrap();
    roll(&node, "s").await;
    assert_eq!(indices(&node, "s"), "1 3");
    assert_eq!(node.data_stream("s").unwrap().generation, 3);
}

#[tokio::test]
async fn a_rollover_may_wait_for_the_next_write() {
    let world = World::new();
    let node = world.start().await;
    put_template(&node, TemplateBody::default()).await;
    node.write(create("s", "1")).await.unwrap();
    node.roll_over_on_write("s").await.unwrap();
    assert_eq!(indices(&node, "s"), "1");
    node.close().await.unwrap();
    drop(node);
    let node = world.start().await;
    let refused = index("s", "1", r#"{"@timestamp":0}"#);
    assert_eq!(refusal(&node, refused).await, DataStreamError::CreateOnly);
    assert_eq!(indices(&node, "s"), "1");
    let written = node.write(create("s", "1")).await.unwrap();
    assert_eq!(written.index.name(), ".ds-s-1970.01.01-000002");
    node.write(create("s", "2")).await.unwrap();
    assert_eq!(indices(&node, "s"), "1 2");
}

#[tokio::test]
async fn an_alias_with_a_filter_is_never_bypassed() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("secret", Dialect::Seven).await.unwrap();
    let shown = Alias { filter: Some(json!({"term": {"n": 1}})), ..Alias::default() };
    let add = |indices: &str, alias: &str| AliasAction::Add {
        indices: indices.to_owned(),
        aliases: vec![alias.to_owned()],
        alias: shown.clone(),
    };
    let hidden = json!({"index.hidden": true});
    node.create_index(new(".hid-x", hidden)).await.unwrap();
    node.create_index(new("plain", json!({}))).await.unwrap();
    let actions =
        vec![add("secret", "public-secret"), add(".hid-x", "show-hid-x"), add("plain", "part")];
    node.change_aliases(actions).await.unwrap();
    for (names, filtered) in [
        ("secret", false),
        ("public-secret", true),
        ("*-secret*", true),
        ("secret*,-secret,public-secret", true),
        ("*,-secret*,public-secret", true),
        ("public-secret,secret", false),
        ("public-*,sec*", false),
        (".ds-secret*", false),
        ("*hid-*", true),
        ("plain*,-plain,part", true),
        ("part,plain", false),
    ] {
        let scopes = node.scopes(names, Expansion::OPEN, None).unwrap();
        let meant = |name: &str| ["secret", "hid-x", "plain"].iter().any(|own| name.contains(own));
        let own = scopes.iter().filter(|scope| meant(scope.index.name()));
        let own: Vec<bool> = own.map(|scope| scope.filter.is_some()).collect();
        assert!(own.contains(&filtered), "{names}: {own:?}");
        if names.contains("secret") && filtered {
            let of = scopes.iter().filter(|scope| scope.index.name().contains("secret"));
            assert!(of.clone().all(|scope| scope.filter.is_some()), "{names}");
            assert_eq!(of.count(), 1, "{names}");
        }
    }
}

#[tokio::test]
async fn wildcards_that_stand_for_nothing_find_no_stream() {
    let node = World::new().start().await;
    put_template(&node, TemplateBody::default()).await;
    node.create_data_stream("s", Dialect::Seven).await.unwrap();
    let none = Expansion { open: false, closed: false, hidden: false, ..Expansion::OPEN };
    assert_eq!(node.resolve_data_streams("*", none).unwrap().len(), 0);
    assert_eq!(node.resolve_data_streams("s", none).unwrap().len(), 1);
    assert_eq!(node.resolve_data_streams("*", Expansion::OPEN).unwrap().len(), 1);
}

#[tokio::test]
async fn an_index_where_a_stream_belongs_is_made_by_nobody() {
    let node = World::new().start().await;
    let aliases = Aliases::from([("a".to_owned(), Alias::default())]);
    node.create_index(crate::NewIndex { aliases, ..new("s-000001", json!({})) }).await.unwrap();
    put_template(&node, TemplateBody::default()).await;
    let (alias, old) = ("a".to_owned(), "s-000001".to_owned());
    let rollover = crate::Rollover { alias, old, new: new("s-000002", json!({})) };
    let refused = node.roll_over(rollover).await.unwrap_err();
    assert!(matches!(refused, Error::DataStream(DataStreamError::StreamsOnly { .. })));
}

#[tokio::test]
async fn a_stream_is_made_by_what_counts_for_who_made_it() {
    let node = World::new().start().await;
    let put = |name: &str, pattern: &str, shards: u32| {
        let settings = Settings::from_json(&json!({ "number_of_shards": shards })).unwrap();
        let body = TemplateBody { settings: Some(settings), ..TemplateBody::default() };
        let template = Template {
            index_patterns: vec![pattern.to_owned()],
            order: Some(50),
            data_stream: Some(DataStreamRule::default()),
            body: Some(body),
            ..Template::default()
        };
        let key = TemplateKey { kind: TemplateKind::Index, name: name.to_owned() };
        let node = Arc::clone(&node);
        async move { node.put_template(key, template, false, Dialect::Seven).await }
    };
    put("own", "metrics-*-*", 3).await.unwrap();
    let shards = |stream: &str| {
        let stream = node.data_stream(stream).unwrap();
        node.index(stream.write_index().unwrap()).unwrap().shards().len()
    };
    node.create_data_stream("metrics-a-7", Dialect::Seven).await.unwrap();
    node.create_data_stream("metrics-a-8", Dialect::Eight).await.unwrap();
    for _ in 0..2 {
        assert_eq!((shards("metrics-a-7"), shards("metrics-a-8")), (3, 1));
        roll(&node, "metrics-a-7").await;
        roll(&node, "metrics-a-8").await;
    }
    // Where ours are not offered, others count first.
    let off = json!({"stack.templates.enabled": false});
    node.change_cluster_settings(off, json!({})).await.unwrap();
    roll(&node, "metrics-a-8").await;
    assert_eq!(shards("metrics-a-8"), 3);
    // Components that were brought along count for templates of anybody.
    let key = TemplateKey { kind: TemplateKind::Index, name: "parts".to_owned() };
    let template = Template {
        index_patterns: vec!["p-*".to_owned()],
        composed_of: Some(vec!["ecs@mappings".to_owned()]),
        ..Template::default()
    };
    node.put_template(key, template, false, Dialect::Seven).await.unwrap();
    let created = node.create_index(new("p-1", json!({}))).await.unwrap();
    assert!(created.metadata().mappings["dynamic_templates"].is_array());
}
