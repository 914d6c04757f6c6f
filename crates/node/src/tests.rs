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
    AutoCreate, DocumentError, DocumentMerge, DocumentWrite, Error, Hit, MissingIndex, NewIndex,
    Node, NodeOptions, Random, SearchRequest, Searcher, Settings, Within, WrittenDocument, update,
};

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
}

impl World {
    fn new() -> Self {
        Self { disk: MemoryLog::default(), random: Arc::default() }
    }

    async fn start(&self) -> Arc<Node> {
        let options = NodeOptions {
            cluster_name: "test".to_owned(),
            node_name: "node".to_owned(),
            auto_create: AutoCreate::parse("-secret*,+*"),
            table_bytes_max: u64::MAX,
        };
        let clock = Arc::new(Fixed(AtomicI64::new(1)));
        let log = Box::new(self.disk.clone());
        let machine = Machine::with_clock(clock);
        Node::start(log, machine, Arc::clone(&self.random) as Arc<dyn Random>, options)
            .await
            .unwrap()
            .node
    }
}

const LEGACY: MissingIndex = MissingIndex::Create(&[
    ("index.number_of_shards", "5"),
    ("index.number_of_routing_shards", "5"),
]);

fn write(index: &str, id: &str, change: Change) -> DocumentWrite {
    DocumentWrite {
        index: index.into(),
        type_name: None,
        id: Some(id.to_owned()),
        routing: None,
        precondition: Precondition::None,
        change,
        missing_index: MissingIndex::Create(&[]),
        require_alias: false,
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
    write(
        index,
        id,
        update(Arc::new(DocumentMerge { doc, upsert: None, detect_noop: true }), false),
    )
}

fn new(name: &str, settings: Value) -> NewIndex {
    NewIndex {
        name: name.into(),
        settings: Settings::from_json(&settings).unwrap(),
        mappings: json!({}),
        type_name: None,
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
    assert!(matches!(node.write(plain).await, Err(Error::IndexNotFound { .. })));
    let aliased = DocumentWrite { require_alias: true, ..index("y", "1", "{}") };
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
            "the source is not an object",
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
    let a = node.index("a").unwrap();
    node.change_settings(&a, &json!({"index.blocks.write": true})).await.unwrap();
    let refused = node.write(index("a", "1", "{}")).await;
    assert!(matches!(refused, Err(Error::Blocked { setting: "index.blocks.write", .. })));
    assert_eq!(source(&node, "a", "1").await.as_deref(), Some("{}"));
    node.change_settings(&a, &json!({"blocks": {"write": null, "read": "true"}})).await.unwrap();
    node.write(index("a", "1", "{}")).await.unwrap();
    let unreadable = node.index("a").unwrap().get("1", None, None).await;
    assert!(matches!(unreadable, Err(Error::Blocked { .. })));
    let fixed = node.change_settings(&a, &json!({"number_of_shards": 2})).await;
    assert!(matches!(fixed, Err(Error::Setting(crate::SettingError::Fixed(_)))));
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

/// The ids that a search finds, in order.
async fn found(node: &Node, body: &str) -> Vec<Hit> {
    let search = Search::read(body, Dialect::Seven).unwrap();
    let indices = node.indices();
    let within = Within::Indices(&indices);
    let request =
        SearchRequest { within, search: &search, routing: None, limit: 100, deadline: None };
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
    let moment = node.searcher().moment(&node.indices()).await.unwrap();
    node.write(write("i", "1", Change::Delete)).await.unwrap();
    node.write(index("i", "2", r#"{"n":2}"#)).await.unwrap();
    node.write(index("i", "4", r#"{"n":1}"#)).await.unwrap();
    let search = Search::read(r#"{"query":{"term":{"n":1}}}"#, Dialect::Seven).unwrap();
    let within = Within::Moment(&moment);
    let request =
        SearchRequest { within, search: &search, routing: None, limit: 100, deadline: None };
    let found = node.searcher().search(request).await.unwrap();
    let ids: Vec<&str> = found.hits.iter().map(|hit| &*hit.id).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert!(moment.bytes() > 0);
}
