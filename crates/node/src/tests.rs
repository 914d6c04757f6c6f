//! The node as a whole, in memory: indices, bulks, restarts.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
};

use bytes::Bytes;
use document::{Outcome, Precondition, Timestamp};
use mapping::Dialect;
use query::Search;
use serde_json::{Value, json};
use shard::{Change, Clock, Machine, WriteError, log::memory::MemoryLog};

use crate::{
    Alias, AliasAction, Aliases, AutoCreate, DocumentError, DocumentMerge, DocumentWrite, Error,
    Expansion, Hit, MissingIndex, NamedBy, NewIndex, Node, NodeOptions, Place, Random, Rollover,
    Scope, SearchRequest, Searcher, Settings, SettingsChange, Template, TemplateBody, TemplateKey,
    TemplateKind, Within, WrittenDocument, update,
};

mod data_streams;
mod mappings;
mod resize;

struct Fixed(AtomicI64);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(SeqCst))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, SeqCst).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
    }
}

struct World {
    disk: MemoryLog,
    random: Arc<Counting>,
    clock: Arc<Fixed>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Fixed(AtomicI64::new(1)));
        Self { disk: MemoryLog::default(), random: Arc::default(), clock }
    }

    async fn start(&self) -> Arc<Node> {
        let options = NodeOptions {
            cluster_name: "test".to_owned(),
            node_name: "node".to_owned(),
            auto_create: AutoCreate::parse("-secret*,+*"),
            table_bytes_max: u64::MAX,
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let log = Box::new(self.disk.clone());
        let machine = Machine::with_clock(clock);
        Node::start(log, machine, Arc::clone(&self.random) as Arc<dyn Random>, options)
            .await
            .unwrap()
            .node
    }
}

const LEGACY: MissingIndex = MissingIndex::Create(
    &[("index.number_of_shards", "5"), ("index.number_of_routing_shards", "5")],
    mapping::Dialect::Seven,
);

fn write(index: &str, id: &str, change: Change) -> DocumentWrite {
    DocumentWrite {
        index: index.into(),
        type_name: None,
        id: Some(id.to_owned()),
        routing: None,
        precondition: Precondition::None,
        change,
        missing_index: MissingIndex::Create(&[], mapping::Dialect::Seven),
        named_by: NamedBy::default(),
        found: None,
    }
}

fn index(index: &str, id: &str, source: &'static str) -> DocumentWrite {
    write(index, id, Change::Index(Bytes::from_static(source.as_bytes())))
}

fn typed(mut write: DocumentWrite, type_name: &str) -> DocumentWrite {
    write.type_name = Some(type_name.into());
    write
}

fn merge(index: &str, id: &str, doc: Value) -> DocumentWrite {
    let doc = Some(doc.to_string().into());
    let merge = DocumentMerge { doc, upsert: None, detect_noop: true };
    write(index, id, update(Arc::new(merge), false))
}

/// A merge that brings the same along for a document that is not there.
fn upsert(index: &str, id: &str, doc: Value) -> DocumentWrite {
    let doc = Some(Bytes::from(doc.to_string()));
    let merge = DocumentMerge { doc: doc.clone(), upsert: doc, detect_noop: true };
    write(index, id, update(Arc::new(merge), false))
}

fn new(name: &str, settings: Value) -> NewIndex {
    NewIndex {
        name: name.into(),
        settings: Settings::from_json(&settings).unwrap(),
        mappings: json!({}),
        type_name: None,
        aliases: Aliases::new(),
        stream: None,
        dialect: mapping::Dialect::Seven,
    }
}

async fn source(node: &Node, index: &str, id: &str) -> Option<String> {
    let document = node.index(index).unwrap().get(id, None, None).await.unwrap()?;
    Some(String::from_utf8(document.source.to_vec()).unwrap())
}

fn told(answer: &Result<WrittenDocument, Error>) -> String {
    match answer {
        Ok(WrittenDocument { shard, id, written, .. }) => {
            format!("{id}@{shard} {:?} s{}", written.outcome, written.last.seq_no)
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_write_creates_its_index_unless_that_is_forbidden() {
    let node = World::new().start().await;
    assert_eq!(told(&node.write(index("movies", "1", "{}")).await), "1@0 Created s0");
    let refused = node.write(index("secrets", "1", "{}")).await;
    assert!(matches!(refused, Err(Error::AutoCreateForbidden { .. })));
    let invalid = node.write(index("Movies", "1", "{}")).await;
    assert!(matches!(invalid, Err(Error::InvalidIndexName { .. })));
    let plain =
        DocumentWrite { missing_index: MissingIndex::Refuse, ..write("x", "1", Change::Delete) };
    assert!(matches!(node.write(plain).await, Err(Error::OneIndexNotFound { .. })));
    let aliased = DocumentWrite {
        named_by: NamedBy { alias: true, ..NamedBy::default() },
        ..index("y", "1", "{}")
    };
    assert!(matches!(node.write(aliased).await, Err(Error::NotAnAlias { .. })));
    assert_eq!(node.indices().len(), 1);
}

#[tokio::test]
async fn a_bulk_keeps_its_order_on_each_shard_and_answers_in_order() {
    let node = World::new().start().await;
    let answers = node
        .bulk(vec![
            DocumentWrite { missing_index: LEGACY, ..index("a", "1", "{\"n\":1}") },
            DocumentWrite { missing_index: LEGACY, ..index("a", "8", "{}") },
            merge("a", "1", json!({"m": 2})),
            index("a", "7", "[]"),
            index("secret", "1", "{}"),
            index("b", "1", "{}"),
            merge("b", "gone", json!({})),
            index("a", "1", "{}"),
        ])
        .await;
    let told: Vec<_> = answers.iter().map(told).collect();
    assert_eq!(
        told,
        [
            "1@3 Created s0",
            "8@1 Created s0",
            "1@3 Updated s1",
            "mapper_parsing_exception: failed to parse <= not_x_content_exception: Compressor \
             detection can only be called on some xcontent bytes or compressed xcontent bytes",
            "no such index [secret] and [action.auto_create_index] contains [-secret*] which \
             forbids automatic creation of the index",
            "1@0 Created s0",
            "[gone]: document missing",
            "1@3 Updated s2",
        ]
    );
    assert_eq!(source(&node, "a", "1").await.as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_deleted_index_created_again_never_sees_its_predecessor() {
    let world = World::new();
    for restart in [false, true] {
        let mut node = world.start().await;
        node.create_index(new("a", json!({"number_of_shards": 2}))).await.unwrap();
        let uuid = node.index("a").unwrap().identity().uuid.clone();
        let exists = node.create_index(new("a", json!({}))).await;
        assert!(matches!(exists, Err(Error::IndexExists { index }) if index.uuid == uuid));
        node.write(index("a", "1", "{}")).await.unwrap();
        let doomed = node.index("a").unwrap();
        node.delete_indices(vec!["a".into()]).await.unwrap();
        assert!(node.index("a").is_err());
        assert!(node.delete_indices(vec!["a".into()]).await.is_err());
        // Whoever still holds it is told that it is gone.
        let shard = &doomed.shards()[0];
        let late = shard::Write {
            id: "1".into(),
            routing: None,
            precondition: Precondition::None,
            change: Change::Delete,
            fits: None,
        };
        assert!(matches!(shard.write(vec![late]).await[..], [Err(WriteError::Closed)]));
        if restart {
            node.close().await.unwrap();
            node = world.start().await;
            assert!(node.index("a").is_err());
        }
        node.create_index(new("a", json!({"number_of_shards": 2}))).await.unwrap();
        assert_ne!(node.index("a").unwrap().identity().uuid, uuid);
        assert_eq!(source(&node, "a", "1").await, None);
        assert!(told(&node.write(index("a", "1", "{}")).await).ends_with("Created s0"));
        node.delete_indices(vec!["a".into()]).await.unwrap();
        node.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_finds_everything_as_it_was() {
    let world = World::new();
    let node = world.start().await;
    let identity = (node.cluster_uuid().to_owned(), node.id().to_owned());
    node.create_index(NewIndex {
        mappings: json!({"_routing": {"required": true}}),
        ..new("routed", json!({"number_of_shards": 3, "gc_deletes": "5s"}))
    })
    .await
    .unwrap();
    let unrouted = node.write(index("routed", "1", "{}")).await;
    assert!(matches!(unrouted, Err(Error::RoutingMissing { .. })));
    let routed = DocumentWrite { routing: Some("r".to_owned()), ..index("routed", "1", "{}") };
    node.write(routed).await.unwrap();
    node.write(typed(index("blog", "1", "{\"a\":1}"), "post")).await.unwrap();
    let before: Vec<_> = node.indices().iter().map(|index| index.metadata().clone()).collect();
    node.close().await.unwrap();
    let late = node.write(index("blog", "1", "{}")).await;
    assert!(matches!(
        late,
        Err(Error::Document { cause: DocumentError::Write(WriteError::Closed), .. })
    ));

    let node = world.start().await;
    assert_eq!((node.cluster_uuid().to_owned(), node.id().to_owned()), identity);
    let after: Vec<_> = node.indices().iter().map(|index| index.metadata().clone()).collect();
    assert_eq!(before, after);
    let routed = node.index("routed").unwrap();
    let document = routed.get("1", Some("r"), None).await.unwrap().unwrap();
    assert_eq!(document.routing.unwrap().as_str(), "r");
    let written = node.write(index("blog", "1", "{}")).await.unwrap();
    assert_eq!(written.written.last.term.get(), 2);
}

#[tokio::test]
async fn an_index_has_one_type() {
    let node = World::new().start().await;
    node.create_index(new("blog", json!({}))).await.unwrap();
    node.write(index("blog", "1", "{}")).await.unwrap();
    node.write(typed(index("blog", "2", "{}"), "post")).await.unwrap();
    node.write(index("plain", "1", "{}")).await.unwrap();
    let typed_later = node.write(typed(index("plain", "2", "{}"), "post")).await;
    assert!(matches!(typed_later, Err(Error::TypeConflict { present, .. }) if &*present == "_doc"));
    let other = node.write(typed(index("blog", "3", "{}"), "comment")).await;
    assert!(matches!(other, Err(Error::TypeConflict { present, .. }) if &*present == "post"));
    node.write(index("blog", "3", "{}")).await.unwrap();
}

#[tokio::test]
async fn ids_are_made_where_none_is_given() {
    let node = World::new().start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let auto = DocumentWrite { id: None, ..index("a", "", "{}") };
        let written = node.write(auto).await.unwrap();
        assert_eq!(written.written.outcome, Outcome::Created);
        assert_eq!(written.id.len(), 20);
        ids.push(written.id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn many_clients_may_create_the_same_index_at_once() {
    let node = World::new().start().await;
    let writes = (0..50).map(|n| {
        let node = Arc::clone(&node);
        tokio::spawn(async move { node.write(index("a", &n.to_string(), "{}")).await.map(drop) })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(node.index("a").unwrap().documents(), 50);
}

#[tokio::test]
async fn blocks_block() {
    let node = World::new().start().await;
    node.write(index("a", "1", "{}")).await.unwrap();
    let set = |given| {
        let change = SettingsChange { given, preserves: false };
        node.change_settings(vec![node.index("a").unwrap()], change)
    };
    set(json!({"index.blocks.write": true})).await.unwrap();
    let refused = node.write(index("a", "1", "{}")).await;
    assert!(matches!(refused, Err(Error::Blocked { setting: "index.blocks.write", .. })));
    assert_eq!(source(&node, "a", "1").await.as_deref(), Some("{}"));
    set(json!({"blocks": {"write": null, "read": "true"}})).await.unwrap();
    node.write(index("a", "1", "{}")).await.unwrap();
    let unreadable = node.index("a").unwrap().get("1", None, None).await;
    assert!(matches!(unreadable, Err(Error::Blocked { .. })));
    let fixed = set(json!({"number_of_shards": 2})).await;
    assert!(matches!(fixed, Err(Error::FixedWhileOpen { .. })));
}

#[tokio::test]
async fn names_that_no_record_could_hold_are_refused_alone() {
    let node = World::new().start().await;
    let long = "x".repeat(32_767);
    let answers = node
        .bulk(vec![
            index("a", "1", "{}"),
            index("a", &long, "{}"),
            DocumentWrite { routing: Some(long.clone()), ..index("a", "2", "{}") },
            index("a", &long[1..], "{}"),
        ])
        .await;
    assert!(answers[0].is_ok() && answers[3].is_ok());
    assert!(matches!(answers[1], Err(Error::TooLong { what: "id", length: 32_767, .. })));
    assert!(matches!(answers[2], Err(Error::TooLong { what: "routing", .. })));
}

fn alias(indices: &str, name: &str, alias: Alias) -> AliasAction {
    AliasAction::Add { indices: indices.to_owned(), aliases: vec![name.to_owned()], alias }
}

fn leading() -> Alias {
    Alias { is_write_index: Some(true), ..Alias::default() }
}

#[tokio::test]
async fn writes_through_an_alias_go_to_the_index_that_leads() {
    let world = World::new();
    let node = world.start().await;
    node.create_index(new("a", json!({}))).await.unwrap();
    node.create_index(new("b", json!({}))).await.unwrap();
    let actions = vec![alias("a", "x", Alias::default()), alias("b", "x", Alias::default())];
    node.change_aliases(actions).await.unwrap();
    let nobody = node.write(index("x", "1", "{}")).await;
    assert!(matches!(nobody, Err(Error::NoWriteIndex { .. })));
    node.change_aliases(vec![alias("b", "x", leading())]).await.unwrap();
    let written = node.write(index("x", "1", "{}")).await.unwrap();
    assert_eq!(written.index.name(), "b");
    assert!(matches!(node.index("x"), Err(Error::SeveralIndices { .. })));
    let two = node.change_aliases(vec![alias("a", "x", leading())]).await;
    assert!(matches!(two, Err(Error::SeveralWriteIndices { .. })));
    node.close().await.unwrap();
    let node = world.start().await;
    assert!(node.is_alias("x"));
    assert_eq!(node.write(index("x", "2", "{}")).await.unwrap().index.name(), "b");
}

#[tokio::test]
async fn actions_on_aliases_happen_together_or_not_at_all() {
    let node = World::new().start().await;
    node.create_index(new("a", json!({}))).await.unwrap();
    node.create_index(new("b", json!({}))).await.unwrap();
    let refused = node
        .change_aliases(vec![alias("a", "x", Alias::default()), alias("a", "b", Alias::default())]);
    assert!(matches!(refused.await, Err(Error::AliasIsIndex { .. })));
    assert!(!node.is_alias("x"));
    // An index makes room for an alias of its name.
    let removal = AliasAction::RemoveIndex { indices: "b".to_owned() };
    node.change_aliases(vec![alias("a", "b", Alias::default()), removal]).await.unwrap();
    assert_eq!(node.index("b").unwrap().name(), "a");
    assert!(matches!(
        node.create_index(new("b", json!({}))).await,
        Err(Error::InvalidIndexName { .. })
    ));
}

#[tokio::test]
async fn a_routing_of_an_alias_is_taken_and_not_contradicted() {
    let node = World::new().start().await;
    node.create_index(new("a", json!({"number_of_shards": 5}))).await.unwrap();
    let routed = Alias { index_routing: Some("r".to_owned()), ..Alias::default() };
    node.change_aliases(vec![alias("a", "x", routed)]).await.unwrap();
    let written = node.write(index("x", "1", "{}")).await.unwrap();
    assert_eq!(written.shard, node.index("a").unwrap().shard_number("1", Some("r")));
    let other = DocumentWrite { routing: Some("q".to_owned()), ..index("x", "1", "{}") };
    assert!(matches!(node.write(other).await, Err(Error::AliasRouting { .. })));
    let (_, routing) = node.read_target("x", None).unwrap();
    assert_eq!(routing.as_deref(), Some("r"));
}

#[tokio::test]
async fn what_was_found_is_written_where_it_was_found() {
    let node = World::new().start().await;
    node.create_index(new("a", json!({"number_of_shards": 5}))).await.unwrap();
    let routing = (0..).map(|number| format!("r{number}")).find(|routing| {
        let index = node.index("a").unwrap();
        index.shard_number("1", Some(routing)) != index.shard_number("1", None)
    });
    // Two documents of one id, both with the first sequence number of their shards.
    let routed = node.write(DocumentWrite { routing, ..index("a", "1", "{}") }).await.unwrap();
    let innocent = node.write(index("a", "1", "{}")).await.unwrap();
    let precondition = Precondition::SeqNo {
        seq_no: innocent.written.last.seq_no,
        term: innocent.written.last.term,
    };
    let found = |at: &WrittenDocument| {
        let place = Place { index: Arc::clone(&at.index), shard: at.shard };
        let missing_index = MissingIndex::Refuse;
        DocumentWrite {
            precondition,
            missing_index,
            found: Some(place),
            ..write("a", "1", Change::Delete)
        }
    };
    let deleted = node.write(found(&routed)).await.unwrap();
    assert_eq!(deleted.shard, routed.shard);
    assert!(source(&node, "a", "1").await.is_some(), "the other one of that id is still there");

    // Neither another index of that name, nor one that an alias of that name leads to, is meant.
    node.delete_indices(vec!["a".into()]).await.unwrap();
    node.write(index("a", "1", "{}")).await.unwrap();
    for write in
        [node.write(found(&innocent)).await, node.bulk(vec![found(&innocent)]).await.remove(0)]
    {
        assert!(matches!(write, Err(Error::OneIndexNotFound { .. })), "{write:?}");
    }
    assert!(source(&node, "a", "1").await.is_some());
}

#[tokio::test]
async fn a_closed_index_is_neither_written_nor_read() {
    let world = World::new();
    let node = world.start().await;
    node.write(index("a", "1", "{}")).await.unwrap();
    node.set_closed(vec![node.index("a").unwrap()], true).await.unwrap();
    node.close().await.unwrap();
    let node = world.start().await;
    assert!(matches!(node.write(index("a", "2", "{}")).await, Err(Error::IndexClosed { .. })));
    let read = node.index("a").unwrap().get("1", None, None).await;
    assert!(matches!(read, Err(Error::IndexClosed { .. })));
    node.set_closed(vec![node.index("a").unwrap()], false).await.unwrap();
    assert_eq!(source(&node, "a", "1").await.as_deref(), Some("{}"));
}

#[tokio::test]
async fn expressions_name_indices() {
    let node = World::new().start().await;
    for name in ["a1", "a2", "b1"] {
        node.create_index(new(name, json!({}))).await.unwrap();
    }
    node.create_index(new(".h", json!({"hidden": true}))).await.unwrap();
    let aliased = [("xs".to_owned(), Alias::default())];
    let aliases = Aliases::from(aliased);
    node.create_index(NewIndex { aliases, ..new("c", json!({})) }).await.unwrap();
    node.set_closed(vec![node.index("b1").unwrap()], true).await.unwrap();
    let found = |names: &str, expansion: Expansion| match node.resolve(names, expansion) {
        Ok(indices) => indices.iter().map(|index| index.name()).collect::<Vec<_>>().join(","),
        Err(error) => error.to_string(),
    };
    for (names, expected) in [
        ("", "a1,a2,c"),
        ("_all", "a1,a2,c"),
        ("a*", "a1,a2"),
        ("a*,-a1", "a2"),
        ("*,-a*", "c"),
        ("-a1", "no such index [-a1]"),
        ("b1", "index [b1] is closed"),
        ("b*", ""),
        ("x*", "c"),
        ("xs,a1", "c,a1"),
        (".*", ".h"),
        ("nope", "no such index [nope]"),
        ("_nope", "Invalid index name [_nope], must not start with '_'."),
    ] {
        assert_eq!(found(names, Expansion::OPEN), expected, "{names}");
    }
    let all = Expansion { hidden: true, ..Expansion::ALL };
    assert_eq!(found("*", all), ".h,a1,a2,b1,c");
    let strict = Expansion { allows_none: false, ..Expansion::OPEN };
    assert_eq!(found("a*,z*", strict), "no such index [z*]");
    let lenient = Expansion { ignores_unavailable: true, ..Expansion::OPEN };
    assert_eq!(found("nope,b1,a2", lenient), "a2");
    let concrete = Expansion { refuses_aliases: true, ..Expansion::OPEN };
    assert_eq!(found("xs", concrete), "[xs] is an alias");
    assert_eq!(found("x*", concrete), "");
}

#[tokio::test]
async fn templates_and_settings_survive_and_count() {
    let world = World::new();
    let node = world.start().await;
    let key = TemplateKey { kind: TemplateKind::Legacy, name: "t".to_owned() };
    let body = TemplateBody {
        settings: Some(Settings::from_json(&json!({"number_of_shards": 3})).unwrap()),
        mappings: Some(json!({"properties": {"f": {"type": "long"}}})),
        ..TemplateBody::default()
    };
    let patterns = vec!["logs-*".to_owned()];
    let template = Template { index_patterns: patterns, body: Some(body), ..Template::default() };
    let seven = mapping::Dialect::Seven;
    let mut impossible = template.clone();
    impossible.body.as_mut().unwrap().mappings = Some(json!({"properties": {"x": {"type": "y"}}}));
    let refused = node.put_template(key.clone(), impossible, true, seven).await;
    assert!(matches!(refused, Err(Error::Mapping(_))));
    node.put_template(key.clone(), template.clone(), true, seven).await.unwrap();
    let again = node.put_template(key.clone(), template, true, seven).await;
    assert!(matches!(again, Err(Error::TemplateExists { .. })));
    let forbids = json!({"action.auto_create_index": "-no*,+*"});
    node.change_cluster_settings(forbids, json!({})).await.unwrap();
    node.close().await.unwrap();
    let node = world.start().await;
    let mut logged = index("logs-1", "1", "{}");
    logged.missing_index = LEGACY;
    let index_of = node.write(logged).await.unwrap().index;
    assert_eq!(index_of.shards().len(), 3);
    assert!(index_of.metadata().mappings.pointer("/properties/f").is_some());
    let refused = node.write(index("no-1", "1", "{}")).await;
    assert!(matches!(refused, Err(Error::AutoCreateForbidden { .. })));
    node.delete_templates(key.clone(), Dialect::Seven).await.unwrap();
    assert!(matches!(
        node.delete_templates(key, Dialect::Seven).await,
        Err(Error::TemplateMissing { .. })
    ));
}

#[tokio::test]
async fn a_rollover_moves_its_alias_in_one_step() {
    let node = World::new().start().await;
    let aliases = Aliases::from([("x".to_owned(), leading())]);
    node.create_index(NewIndex { aliases, ..new("a-1", json!({})) }).await.unwrap();
    let rollover =
        Rollover { alias: "x".to_owned(), old: "a-1".to_owned(), new: new("a-2", json!({})) };
    node.roll_over(rollover.clone()).await.unwrap();
    assert_eq!(node.write(index("x", "1", "{}")).await.unwrap().index.name(), "a-2");
    // Who comes late is told so, before the name that is taken by then.
    assert!(matches!(node.roll_over(rollover).await, Err(Error::Rollover(_))));
    let back =
        Rollover { alias: "x".to_owned(), old: "a-2".to_owned(), new: new("a-1", json!({})) };
    assert!(matches!(node.roll_over(back).await, Err(Error::IndexExists { .. })));
}

#[tokio::test]
async fn copies_that_are_wished_for_are_bounded() {
    let node = World::new().start().await;
    let many = node.create_index(new("a", json!({"number_of_replicas": 100_000}))).await;
    assert!(matches!(many, Err(Error::TooManyShards { .. })));
    node.create_index(new("a", json!({"number_of_replicas": 60_000}))).await.unwrap();
    let again = node.create_index(new("b", json!({"number_of_replicas": 60_000}))).await;
    assert!(matches!(again, Err(Error::TooManyShards { .. })));
    node.create_index(new("b", json!({}))).await.unwrap();
    let given = json!({"number_of_replicas": 60_000});
    let change = SettingsChange { given, preserves: false };
    let raised = node.change_settings(vec![node.index("b").unwrap()], change).await;
    assert!(matches!(raised, Err(Error::TooManyShards { .. })));
}

#[tokio::test]
async fn a_change_of_several_records_is_bounded_in_bytes() {
    let node = World::new().start().await;
    let meta = json!({"_meta": "x".repeat(4 << 20)});
    for name in ["a", "b"] {
        let new = NewIndex { mappings: meta.clone(), ..new(name, json!({})) };
        node.create_index(new).await.unwrap();
    }
    let both = node.change_aliases(vec![alias("a,b", "x", Alias::default())]).await;
    assert!(matches!(both, Err(Error::ChangeTooLarge { .. })));
    assert!(!node.is_alias("x"));
    node.change_aliases(vec![alias("a", "x", Alias::default())]).await.unwrap();
}

/// The ids that a search finds, in order.
async fn found(node: &Node, body: &str) -> Vec<Hit> {
    let search = Search::read(body, Dialect::Seven).unwrap();
    found_by(node, &search, "_all").await
}

/// The documents that a search finds of what an expression means, in order.
async fn found_by(node: &Node, search: &Search, names: &str) -> Vec<Hit> {
    let scopes = node.scopes(names, Expansion::OPEN, None).unwrap();
    let request = SearchRequest {
        within: Within::Now(&scopes),
        search,
        limit: 100,
        deadline: None,
        room: None,
    };
    let found = node.searcher().search(request).await.unwrap();
    assert!(found.failures.is_empty(), "{:?}", found.failures);
    found.hits
}

#[tokio::test]
async fn a_search_sees_every_write_that_was_answered() {
    let node = World::new().start().await;
    for number in 0..300 {
        let id = number.to_string();
        let source = format!(r#"{{"n":{number}}}"#);
        node.write(write("i", &id, Change::Index(source.into()))).await.unwrap();
        let hits = found(&node, &format!(r#"{{"query":{{"term":{{"_id":"{id}"}}}}}}"#)).await;
        assert_eq!(hits.len(), 1, "{id}");
    }
    let hits = found(&node, r#"{"query":{"range":{"n":{"gte":290}}},"sort":[{"n":"desc"}]}"#).await;
    let ids: Vec<&str> = hits.iter().map(|hit| &*hit.id).collect();
    assert_eq!(ids, ["299", "298", "297", "296", "295", "294", "293", "292", "291", "290"]);
    node.write(write("i", "299", Change::Delete)).await.unwrap();
    assert_eq!(found(&node, r#"{"query":{"term":{"n":299}}}"#).await.len(), 0);
}

#[tokio::test]
async fn what_was_found_is_no_condition_for_what_was_written_since() {
    let node = World::new().start().await;
    node.write(index("i", "1", r#"{"n":1}"#)).await.unwrap();
    let hits = found(&node, "{}").await;
    node.write(index("i", "1", r#"{"n":2}"#)).await.unwrap();
    let [hit] = hits.as_slice() else { panic!("{hits:?}") };
    let document = hit.read().await.unwrap().unwrap();
    assert_eq!(&document.source[..], br#"{"n":1}"#);
    let precondition = Precondition::SeqNo { seq_no: hit.last.seq_no, term: hit.last.term };
    for change in [Change::Index(document.source.clone()), Change::Delete] {
        let again = DocumentWrite { precondition, ..write("i", "1", change) };
        let refused = node.write(again).await.unwrap_err();
        let cause = matches!(&refused, Error::Document { cause: DocumentError::Write(_), .. });
        assert!(cause, "{refused:?}");
    }
    assert_eq!(source(&node, "i", "1").await.as_deref(), Some(r#"{"n":2}"#));
}

#[tokio::test]
async fn a_moment_shows_what_was_there() {
    let node = World::new().start().await;
    for id in ["1", "2", "3"] {
        node.write(index("i", id, r#"{"n":1}"#)).await.unwrap();
    }
    let scopes: Vec<Scope> = node.indices().into_iter().map(Scope::whole).collect();
    let moment = node.searcher().moment(&scopes).await.unwrap();
    node.write(write("i", "1", Change::Delete)).await.unwrap();
    node.write(index("i", "2", r#"{"n":2}"#)).await.unwrap();
    node.write(index("i", "4", r#"{"n":1}"#)).await.unwrap();
    let search = Search::read(r#"{"query":{"term":{"n":1}}}"#, Dialect::Seven).unwrap();
    let within = Within::Moment(&moment);
    let request = SearchRequest { within, search: &search, limit: 100, deadline: None, room: None };
    let found = node.searcher().search(request).await.unwrap();
    let ids: Vec<&str> = found.hits.iter().map(|hit| &*hit.id).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert!(moment.bytes() > 0);
}

#[tokio::test]
async fn an_alias_shows_only_its_part_of_an_index() {
    let node = World::new().start().await;
    node.create_index(new("i", json!({"number_of_shards": 5}))).await.unwrap();
    for (id, source) in [("1", r#"{"n":1}"#), ("2", r#"{"n":2}"#), ("3", r#"{"n":3}"#)] {
        let written = DocumentWrite { routing: Some(id.to_owned()), ..index("i", id, source) };
        node.write(written).await.unwrap();
    }
    let filter = |n: u8| Alias { filter: Some(json!({"term": {"n": n}})), ..Alias::default() };
    let routed = Alias { search_routing: Some("3".to_owned()), ..Alias::default() };
    let aliases = [
        ("one", filter(1)),
        ("two", filter(2)),
        ("three", routed),
        ("all", Alias::default()),
        ("hidden", Alias { is_hidden: Some(true), ..Alias::default() }),
    ];
    for (name, metadata) in aliases {
        node.change_aliases(vec![alias("i", name, metadata)]).await.unwrap();
    }
    let search = Search::read("{}", Dialect::Seven).unwrap();
    for (names, expected) in [
        ("one", vec!["1"]),
        ("one,two", vec!["1", "2"]),
        ("o*", vec!["1"]),
        ("three", vec!["3"]),
        // What one narrows, the other does not.
        ("one,three", vec!["1", "2", "3"]),
        ("one,all", vec!["1", "2", "3"]),
        ("one,i", vec!["1", "2", "3"]),
        ("_all", vec!["1", "2", "3"]),
        ("*", vec!["1", "2", "3"]),
        ("", vec!["1", "2", "3"]),
    ] {
        let mut ids: Vec<_> =
            found_by(&node, &search, names).await.into_iter().map(|hit| hit.id).collect();
        ids.sort();
        let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
        assert_eq!(ids, expected, "{names}");
    }
    let asked = ["1".to_owned()];
    let scopes = node.scopes("three", Expansion::OPEN, Some(&asked)).unwrap();
    let within = Within::Now(&scopes);
    let request = SearchRequest { within, search: &search, limit: 100, deadline: None, room: None };
    assert_eq!(node.searcher().search(request).await.unwrap().total, 0, "no value is in both");
    let scopes = node.scopes("two", Expansion::OPEN, None).unwrap();
    let moment = node.searcher().moment(&scopes).await.unwrap();
    let within = Within::Moment(&moment);
    let request = SearchRequest { within, search: &search, limit: 100, deadline: None, room: None };
    assert_eq!(node.searcher().search(request).await.unwrap().total, 1, "a moment is as narrow");
}
