//! Copies of an index with other shards.

use std::sync::Arc;

use serde_json::json;
use shard::Change;

use super::{World, index, new, source};
use crate::{DocumentWrite, Error, Index, Node, Resize, ResizeKind, SettingsChange};

/// A copy that is asked for.
fn copy(kind: ResizeKind, name: &str, settings: serde_json::Value) -> Resize {
    Resize { kind, new: new(name, settings.clone()), given: settings }
}

/// Blocks writes to an index, or allows them.
async fn block(node: &Node, name: &str, blocks: bool) -> Arc<Index> {
    let given = json!({"index.blocks.write": blocks});
    let change = SettingsChange { given, preserves: false };
    node.change_settings(vec![node.index(name).unwrap()], change).await.unwrap();
    node.index(name).unwrap()
}

/// A node with an index of 100 documents, some of them written twice, that takes no writes.
async fn with_documents(world: &World, shards: u32) -> (Arc<Node>, Arc<Index>) {
    let node = world.start().await;
    let settings = json!({"number_of_shards": shards, "number_of_routing_shards": 12});
    node.create_index(new("a", settings)).await.unwrap();
    for number in 0..110 {
        let id = (number % 100).to_string();
        let change = Change::Index(json!({"n": number}).to_string().into());
        node.write(DocumentWrite { change, ..index("a", &id, "{}") }).await.unwrap();
    }
    let source = block(&node, "a", true).await;
    (node, source)
}

#[tokio::test]
async fn a_copy_has_every_document_with_its_version() {
    for (from, kind, to) in
        [(4, ResizeKind::Shrink, 2), (2, ResizeKind::Split, 6), (3, ResizeKind::Clone, 3)]
    {
        let (node, original) = with_documents(&World::new(), from).await;
        let asked = copy(kind, "b", json!({"number_of_shards": to, "index.blocks.write": null}));
        let made = node.resize(&original, asked).await.unwrap();
        assert_eq!((made.shards().len(), made.documents()), (to, 100), "{kind:?}");
        for id in 0..100 {
            let number = if id < 10 { id + 100 } else { id };
            let expected = Some(json!({"n": number}).to_string());
            assert_eq!(source(&node, "b", &id.to_string()).await, expected);
        }
        let twice = made.get("3", None, None).await.unwrap().unwrap();
        assert_eq!(twice.last.version.get(), 2);
        assert_eq!(original.documents(), 100);
        node.write(index("b", "new", "{}")).await.unwrap();
    }
}

#[tokio::test]
async fn what_takes_writes_is_not_copied() {
    let (node, _) = with_documents(&World::new(), 2).await;
    let open = block(&node, "a", false).await;
    let refused = node.resize(&open, copy(ResizeKind::Clone, "b", json!({}))).await;
    assert!(matches!(refused, Err(Error::ResizeState(_))), "{refused:?}");
    assert!(node.index("b").is_err());
}

#[tokio::test]
async fn a_copy_that_was_not_finished_is_neither_shown_nor_kept() {
    let world = World::new();
    let (node, _) = with_documents(&world, 2).await;
    let half = crate::catalog::Changes {
        created: Some(new("half", json!({}))),
        is_filling: true,
        ..Default::default()
    };
    node.catalog.apply(move |_| Ok(half)).await.unwrap();
    let refused = node.write(index("half", "1", "{}")).await;
    assert!(matches!(refused, Err(Error::IndexClosed { .. })), "{refused:?}");
    let opened = node.set_closed(vec![node.index("half").unwrap()], false).await;
    assert!(matches!(opened, Err(Error::ResizeState(_))), "{opened:?}");
    node.close().await.unwrap();
    let node = world.start().await;
    assert!(node.index("half").is_err(), "it is deleted by the next start");
    assert_eq!(node.index("a").unwrap().documents(), 100);
}
