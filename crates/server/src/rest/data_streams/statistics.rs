//! What data streams take, and how far they reach.

use node::{Expansion, Node, SearchRequest, Searcher, Within};
use query::{Key, Search};
use serde_json::{Map, Value, json};

use super::take_streams;
use crate::rest::api::Call;
use crate::rest::error::{Error, human_bytes};
use crate::rest::index::{copies, primaries};
use crate::rest::mapping::rules;
use crate::rest::response::Answer;

/// The last document by its time.
const LAST: &str = r#"{"size":1,"sort":[{"@timestamp":{"order":"desc","unmapped_type":"date"}}]}"#;

/// Show it.
pub(super) async fn statistics(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let streams = take_streams(node, call)?;
    let (mut shown, mut wished_for, mut active) = (Vec::new(), 0, 0);
    let (mut all_indices, mut all_bytes) = (0, 0);
    for stream in &streams {
        let expansion = Expansion { refuses_closed: false, ..Expansion::OPEN };
        let indices = node.resolve(&stream.name, expansion);
        let indices = indices.map_err(|error| call.node_error(error))?;
        let shards = indices.iter().flat_map(|index| index.shards().iter());
        let bytes: u64 = shards.map(|shard| shard.table().live_bytes()).sum();
        active += indices.iter().map(|index| primaries(index)).sum::<u64>();
        wished_for += indices.iter().map(|index| primaries(index) * copies(index)).sum::<u64>();
        (all_indices, all_bytes) = (all_indices + indices.len(), all_bytes + bytes);
        let mut own = Map::new();
        let mut add = |name: &str, value: Value| drop(own.insert(name.to_owned(), value));
        add("data_stream", json!(stream.name));
        add("backing_indices", json!(indices.len()));
        if call.rendering.human {
            add("store_size", json!(human_bytes(bytes)));
        }
        add("store_size_bytes", json!(bytes));
        add("maximum_timestamp", json!(last_moment(node, call, &stream.name).await?));
        shown.push(Value::Object(own));
    }
    let mut body = Map::new();
    let mut add = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    add("_shards", json!({"total": wished_for, "successful": active, "failed": 0}));
    add("data_stream_count", json!(shown.len()));
    add("backing_indices", json!(all_indices));
    if call.rendering.human {
        add("total_store_sizes", json!(human_bytes(all_bytes)));
    }
    add("total_store_size_bytes", json!(all_bytes));
    add("data_streams", json!(shown));
    Ok(Answer::value(&Value::Object(body)))
}

/// The latest time of a document of a stream, in milliseconds since 1970; 0 where there is none.
async fn last_moment(node: &Node, call: &Call<'_>, stream: &str) -> Result<i64, Error> {
    let scopes =
        node.scopes(stream, Expansion { ignores_unavailable: true, ..Expansion::OPEN }, None);
    let scopes = scopes.map_err(|error| call.node_error(error))?;
    let Ok(search) = Search::read(LAST, rules(call.dialect)) else { return Ok(0) };
    let request = SearchRequest {
        within: Within::Now(&scopes),
        search: &search,
        limit: 1,
        deadline: None,
        room: None,
    };
    let found = node.searcher().search(request).await.map_err(|error| call.node_error(error))?;
    let Some(hit) = found.hits.first() else { return Ok(0) };
    let field = hit.index.mapping();
    let kind = field.field(node::mapping::TIMESTAMP).map(|field| field.field_type());
    let in_nanos = kind == Some(node::mapping::FieldType::DateNanos);
    Ok(match hit.keys.first() {
        Some(Key::Whole(moment)) if in_nanos => moment.div_euclid(1_000_000),
        Some(Key::Whole(moment)) => *moment,
        Some(_) | None => 0,
    })
}
