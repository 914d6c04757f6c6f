//! What tasks leave behind that nobody waited for: documents of the index `.tasks`, as in Elasticsearch,
//! so that a result is there after a restart, can be searched, and goes when its document is deleted.

use std::collections::VecDeque;

use bytes::Bytes;
use document::Precondition;
use node::{
    Aliases, DocumentWrite, Error as NodeError, MissingIndex, NamedBy, NewIndex, Node, Settings,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use shard::Change;

/// The index.
const INDEX: &str = ".tasks";
/// How many results are kept in memory that could not be written.
const UNWRITTEN_MAX: usize = 100;

/// Results that could not be written, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Results {
    unwritten: Mutex<VecDeque<(String, Bytes)>>,
}

impl Results {
    /// Keeps the result of a task.
    pub(crate) async fn keep(&self, node: &Node, id: String, result: Bytes) {
        let Err(error) = write(node, &id, result.clone()).await else { return };
        tracing::warn!(%id, %error, "the result of a task cannot be written; it is kept in memory");
        let mut unwritten = self.unwritten.lock();
        if unwritten.len() >= UNWRITTEN_MAX {
            unwritten.pop_front();
        }
        unwritten.push_back((id, result));
    }

    /// The result of a task, if there is one.
    pub(crate) async fn find(&self, node: &Node, id: &str) -> Result<Option<Bytes>, NodeError> {
        let unwritten = {
            let unwritten = self.unwritten.lock();
            unwritten.iter().find(|(of, _)| of == id).map(|(_, result)| result.clone())
        };
        if unwritten.is_some() {
            return Ok(unwritten);
        }
        match node.index(INDEX) {
            Ok(index) => Ok(index.get(id, None, None).await?.map(|document| document.source)),
            Err(NodeError::OneIndexNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Writes a result, into an index that is made like Elasticsearch's.
async fn write(node: &Node, id: &str, result: Bytes) -> Result<(), NodeError> {
    if node.index(INDEX).is_err() {
        let settings = json!({"index": {"number_of_shards": 1, "number_of_replicas": 0}});
        let index = NewIndex {
            name: INDEX.into(),
            settings: Settings::from_json(&settings)?,
            mappings: mappings(),
            type_name: None,
            aliases: Aliases::new(),
            stream: None,
            dialect: node::mapping::Dialect::Seven,
        };
        match node.create_index(index).await {
            Ok(_) | Err(NodeError::IndexExists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let write = DocumentWrite {
        index: INDEX.into(),
        type_name: None,
        id: Some(id.to_owned()),
        routing: None,
        precondition: Precondition::None,
        change: Change::Index(result),
        missing_index: MissingIndex::Refuse,
        named_by: NamedBy::default(),
        found: None,
    };
    node.write(write).await.map(|_| ())
}

/// Its mappings.
fn mappings() -> Value {
    let opaque = json!({"type": "object", "enabled": false});
    json!({
        "dynamic": "strict",
        "properties": {
            "completed": {"type": "boolean"},
            "task": {"properties": {
                "action": {"type": "keyword"},
                "cancellable": {"type": "boolean"},
                "id": {"type": "long"},
                "parent_task_id": {"type": "keyword"},
                "node": {"type": "keyword"},
                "running_time_in_nanos": {"type": "long"},
                "start_time_in_millis": {"type": "long"},
                "type": {"type": "keyword"},
                "status": opaque,
                "description": {"type": "text"},
                "headers": opaque,
            }},
            "response": opaque,
            "error": opaque,
        },
    })
}
