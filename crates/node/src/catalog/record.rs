//! What the catalogue keeps, record by record.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use document::{DocumentId, Precondition};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use shard::{Change, Write, log::StreamId};

use crate::{
    Aliases, ClusterSettings, DataStream, Random, Settings,
    data_stream::Membership,
    templates::{TemplateKey, Templates},
};

/// The catalogue document of the node itself.
pub(super) const NODE_RECORD: &str = "_node";
/// The catalogue document of the settings that all indices share.
pub(super) const SETTINGS_RECORD: &str = "_settings";
/// What the ids of the catalogue documents of data streams begin with.
const STREAM_PREFIX: &str = "data_stream/";

/// What the catalogue keeps of an index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexMetadata {
    /// Its name.
    pub name: String,
    /// Its uuid: 22 characters, new at each creation.
    pub uuid: String,
    /// When it was created, in milliseconds since 1970.
    pub created_millis: i64,
    /// The streams of its shards, by number.
    pub(super) streams: Vec<u64>,
    /// Into how many slots routing hashes fall; fixed at creation.
    pub(crate) routing_shards: u32,
    /// Its settings as given.
    pub settings: Settings,
    /// Its mapping as it is shown, without a type's name around it.
    pub mappings: Value,
    /// The name of its one type, once a mapping or a typed request fixed it.
    pub type_name: Option<String>,
    /// Whether its mapping follows the rules of version 8, because a request of that dialect created it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) rules_of_8: bool,
    /// Its aliases.
    #[serde(default)]
    pub aliases: Aliases,
    /// The data stream that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Membership>,
    /// Whether it is closed: there, but neither read nor written.
    #[serde(default)]
    pub closed: bool,
    /// Whether it is a copy of another index that is not complete yet.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_filling: bool,
}

/// Whether a flag need not be written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What the catalogue keeps of the node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    /// The uuid of the cluster that this one node is.
    pub(crate) cluster_uuid: String,
    /// The node's own id.
    pub(crate) node_id: String,
    /// The lowest stream number that was never given to a shard.
    pub(super) next_stream: u64,
}

impl NodeRecord {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self { cluster_uuid: random.uuid(), node_id: random.uuid(), next_stream: 1 }
    }
}

/// An index to be created.
#[derive(Clone, Debug)]
pub struct NewIndex {
    /// Its name.
    pub name: Arc<str>,
    /// Its settings.
    pub settings: Settings,
    /// Its mappings, without a type's name around them.
    pub mappings: Value,
    /// The name of its one type, if the request has one.
    pub type_name: Option<String>,
    /// Its aliases.
    pub aliases: Aliases,
    /// The data stream that it is to be of.
    pub stream: Option<Membership>,
    /// Whose rules its mapping follows, unless the settings say.
    pub dialect: mapping::Dialect,
}

/// The catalogue as it was stored, before its shards run.
#[derive(Default)]
pub(crate) struct Stored {
    pub(super) node: Option<NodeRecord>,
    pub(super) templates: Templates,
    pub(super) settings: ClusterSettings,
    pub(super) streams: Vec<DataStream>,
    pub(crate) indices: Vec<IndexMetadata>,
    /// Above every stream the log has seen. Where the node's record was lost with the number it keeps,
    /// no stream that still has entries is given again.
    pub(crate) stream_behind_last: u64,
}

impl Stored {
    /// Reads the catalogue's documents.
    pub(crate) fn read(documents: &[(DocumentId, Bytes)]) -> Result<Self, String> {
        let mut stored = Self::default();
        for (id, source) in documents {
            if id.as_str() == NODE_RECORD {
                stored.node = Some(read(id, source)?);
            } else if id.as_str() == SETTINGS_RECORD {
                stored.settings = read(id, source)?;
            } else if id.as_str().starts_with(STREAM_PREFIX) {
                stored.streams.push(read(id, source)?);
            } else if let Some(key) = TemplateKey::from_record_id(id.as_str()) {
                stored.templates.put(&key, read(id, source)?);
            } else {
                stored.indices.push(read(id, source)?);
            }
        }
        Ok(stored)
    }

    /// The streams of all shards.
    pub(crate) fn streams(&self) -> impl Iterator<Item = StreamId> {
        self.indices.iter().flat_map(|index| index.streams.iter().copied().map(StreamId::new))
    }
}

/// Which index each stream is of, as far as these documents of the catalogue say: for those who look
/// at a log that no node has opened.
#[must_use]
pub fn index_names(documents: &[(DocumentId, Bytes)]) -> BTreeMap<StreamId, String> {
    let mut names = BTreeMap::from([(StreamId::CATALOG, "the catalogue of indices".to_owned())]);
    let is_index = |id: &str| {
        ![NODE_RECORD, SETTINGS_RECORD].contains(&id)
            && !id.starts_with(STREAM_PREFIX)
            && TemplateKey::from_record_id(id).is_none()
    };
    let records = documents.iter().filter(|(id, _)| is_index(id.as_str()));
    for index in records.filter_map(|(id, source)| read::<IndexMetadata>(id, source).ok()) {
        let IndexMetadata { name, streams, .. } = index;
        names.extend(streams.into_iter().map(|stream| (StreamId::new(stream), name.clone())));
    }
    names
}

fn read<T: DeserializeOwned>(id: &DocumentId, source: &Bytes) -> Result<T, String> {
    serde_json::from_slice(source)
        .map_err(|error| format!("the catalogue's record [{id}] cannot be read: {error}"))
}

/// A write that puts a record.
pub(super) fn record(id: &str, value: &impl Serialize) -> Write {
    // What serde derives for these structs cannot fail.
    let source = serde_json::to_vec(value).unwrap_or_default();
    write(id, Change::Index(source.into()))
}

/// How many bytes a write of a record brings.
pub(super) fn record_bytes(write: &Write) -> usize {
    match &write.change {
        Change::Index(source) | Change::Create(source) => source.len(),
        Change::Delete | Change::Update(_) => 0,
    }
}

/// The id of the record of a data stream.
pub(super) fn stream_record(name: &str) -> String {
    format!("{STREAM_PREFIX}{name}")
}

/// A write that removes a record.
pub(super) fn removal(id: &str) -> Write {
    write(id, Change::Delete)
}

fn write(id: &str, change: Change) -> Write {
    Write { id: id.into(), routing: None, precondition: Precondition::None, change, fits: None }
}
