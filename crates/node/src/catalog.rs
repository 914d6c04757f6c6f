//! The catalogue: which indices there are. A view of stream 0 of the node's log.
//!
//! It is kept like documents: one per index, by uuid, and one for the node itself. A change is
//! durable before anything relies on it; one change happens at a time, and runs to its end although
//! its caller may be gone.

mod mapping;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use document::{DocumentId, Precondition};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use shard::{
    Admission, Alarm, Change, Machine, Recovery, Shard, ShardOptions, Write, WriteError,
    log::{
        AppendError, BoxFuture, Damage, Logs, Refused, Relocate, RelocateError, StoredOperation,
        StreamId,
    },
};
use tokio::sync::Mutex;

use crate::{
    Error, Index, IndexRef, Random, Settings, index_name,
    mappings::{CatalogLink, Mappings},
    node::Tables,
};

/// How many shards a node may have: each costs some kilobytes.
const SHARDS_MAX: u64 = 50_000;
/// How many indices are deleted by one entry of the log.
const DELETED_TOGETHER_MAX: usize = 1_000;

/// How long the id of an index's record is: a uuid's text.
const RECORD_ID_BYTES: usize = 22;

/// The catalogue document of the node itself.
const NODE_RECORD: &str = "_node";

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
    streams: Vec<u64>,
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
    next_stream: u64,
}

impl NodeRecord {
    fn new(random: &dyn Random) -> Self {
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
    /// Whose rules its mapping follows, unless the settings say.
    pub dialect: ::mapping::Dialect,
}

/// The catalogue as it was stored, before its shards run.
#[derive(Default)]
pub(crate) struct Stored {
    node: Option<NodeRecord>,
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
    let records = documents.iter().filter(|(id, _)| id.as_str() != NODE_RECORD);
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

/// The catalogue of a running node.
pub(crate) struct Catalog {
    /// What readers see: applied changes only.
    indices: RwLock<BTreeMap<Arc<str>, Arc<Index>>>,
    /// The shards by their streams, the catalogue's own among them.
    by_stream: RwLock<HashMap<StreamId, Arc<Shard>>>,
    /// What the one change at a time works with.
    writer: Mutex<CatalogWriter>,
    node: NodeRecord,
    logs: Arc<dyn Logs>,
    machine: Machine,
    tables: Tables,
    alarm: Alarm,
    /// Where the mappings of the indices find this catalogue.
    link: CatalogLink,
}

struct CatalogWriter {
    /// The shard on stream 0.
    records: Arc<Shard>,
    next_stream: u64,
}

impl Catalog {
    /// Starts the catalogue and the shards it names.
    pub(crate) async fn start(
        stored: Stored,
        records: Shard,
        mut recoveries: impl FnMut(StreamId) -> Recovery,
        logs: Arc<dyn Logs>,
        machine: Machine,
        tables: Tables,
        alarm: Alarm,
    ) -> Result<Self, String> {
        let records = Arc::new(records);
        let link = CatalogLink::default();
        let mut indices = BTreeMap::new();
        let mut by_stream = HashMap::from([(StreamId::CATALOG, Arc::clone(&records))]);
        for metadata in stored.indices {
            let mut shards = Vec::new();
            let threads = Arc::clone(&machine.threads);
            let mappings = Mappings::of(&metadata, CatalogLink::clone(&link), threads);
            for &stream in &metadata.streams {
                let id = StreamId::new(stream);
                let opened = match logs.stream(id) {
                    Some(opened) => opened,
                    None => return Err(format!("stream {id} of [{}] is missing", metadata.name)),
                };
                let options = shard_options(&metadata.settings, &mappings);
                let recovery = recoveries(id);
                let shard = Shard::start(opened, recovery, machine.clone(), options, &alarm);
                shard.set_durability(metadata.settings.durability());
                let shard = Arc::new(shard);
                by_stream.insert(id, Arc::clone(&shard));
                shards.push(shard);
            }
            indices.insert(
                metadata.name.as_str().into(),
                Arc::new(Index::new(metadata, shards.into(), mappings)),
            );
        }
        let (node, is_new) = match stored.node {
            Some(node) => (node, false),
            None => (NodeRecord::new(tables.random.as_ref()), true),
        };
        let next_stream = node.next_stream.max(stored.stream_behind_last);
        let mut writer = CatalogWriter { records, next_stream };
        if is_new {
            let record = record(NODE_RECORD, &node);
            writer.write(vec![record]).await.map_err(|error| error.to_string())?;
        }
        Ok(Self {
            indices: RwLock::new(indices),
            by_stream: RwLock::new(by_stream),
            writer: Mutex::new(writer),
            node,
            logs,
            machine,
            tables,
            alarm,
            link,
        })
    }

    pub(crate) fn node(&self) -> &NodeRecord {
        &self.node
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.indices.read().get(name).cloned()
    }

    /// What is wrong with what is stored of the catalogue itself, if anything is.
    pub(crate) fn damage(&self) -> Option<Damage> {
        self.shard_on(StreamId::CATALOG)?.damage().cloned()
    }

    /// All indices, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Index>> {
        self.indices.read().values().cloned().collect()
    }

    /// Creates an index. It may take writes when this returns.
    pub(crate) async fn create(self: &Arc<Self>, new: NewIndex) -> Result<Arc<Index>, Error> {
        if let Some(why) = index_name::objection(&new.name) {
            return Err(Error::InvalidIndexName { index: new.name, why });
        }
        let catalog = Arc::clone(self);
        to_its_end(async move { catalog.create_now(new).await }).await
    }

    /// Deletes indices, none if one of them is missing: their documents are gone and their space is freed in time.
    pub(crate) async fn delete(self: &Arc<Self>, names: Vec<Arc<str>>) -> Result<(), Error> {
        let catalog = Arc::clone(self);
        to_its_end(async move { catalog.delete_now(&names).await }).await
    }

    /// Changes what is kept of an index, unless `change` refuses. What it leaves as it was is not
    /// written again.
    pub(crate) async fn change(
        self: &Arc<Self>,
        index: &IndexRef,
        change: impl FnOnce(&mut IndexMetadata) -> Result<(), Error> + Send + 'static,
    ) -> Result<Arc<Index>, Error> {
        let (catalog, index) = (Arc::clone(self), index.clone());
        to_its_end(async move { catalog.change_now(&index, change).await }).await
    }

    /// Ends the writers of all shards, the catalogue's last.
    pub(crate) async fn close(&self) {
        let writer = self.writer.lock().await;
        for index in self.all() {
            index.mappings().close();
            for shard in index.shards().iter() {
                shard.close().await;
            }
        }
        writer.records.close().await;
    }

    async fn create_now(&self, new: NewIndex) -> Result<Arc<Index>, Error> {
        let mut writer = self.writer.lock().await;
        if let Some(index) = self.get(&new.name) {
            return Err(Error::IndexExists { index: index.identity().clone() });
        }
        let (mappings, type_name) = mapping::of_new_index(
            &new.name,
            &new.settings,
            (new.type_name.as_deref(), &new.mappings),
            mapping::rules(&new.settings, new.dialect),
        )?;
        let shards = u64::from(new.settings.number_of_shards());
        let present: usize = self.all().iter().map(|index| index.shards().len()).sum();
        let present = u64::try_from(present).unwrap_or(u64::MAX);
        if present.saturating_add(shards) > SHARDS_MAX {
            return Err(Error::TooManyShards { added: shards, present, limit: SHARDS_MAX });
        }
        // Before its streams are begun, which would be of no use without its record.
        writer.records.check_room(RECORD_ID_BYTES).map_err(Error::Catalog)?;
        let streams: Vec<u64> =
            (writer.next_stream..writer.next_stream.saturating_add(shards)).collect();
        // Given once, also if this fails halfway: a stream number is never used again.
        writer.next_stream = writer.next_stream.saturating_add(shards);
        let created = streams.iter().map(|stream| self.logs.create(StreamId::new(*stream)));
        let created = futures_util::future::join_all(created).await;
        let opened: Result<Vec<_>, _> = created.into_iter().collect();
        let remove_all =
            || streams.iter().for_each(|stream| self.logs.remove(StreamId::new(*stream)));
        let opened = opened.inspect_err(|_| remove_all()).map_err(not_created)?;
        let metadata = IndexMetadata {
            name: new.name.to_string(),
            uuid: self.tables.random.uuid(),
            created_millis: self.machine.clock.now().as_millis(),
            routing_shards: new.settings.number_of_routing_shards(),
            streams,
            settings: new.settings,
            mappings,
            type_name,
            rules_of_8: new.dialect == ::mapping::Dialect::Eight,
        };
        let node = NodeRecord { next_stream: writer.next_stream, ..self.node.clone() };
        let records = vec![record(NODE_RECORD, &node), record(&metadata.uuid, &metadata)];
        if let Err(error) = writer.write(records).await {
            metadata.streams.iter().for_each(|stream| self.logs.remove(StreamId::new(*stream)));
            return Err(Error::Catalog(error));
        }
        let mappings = self.mappings_of(&metadata);
        let options = shard_options(&metadata.settings, &mappings);
        let start = |stream| {
            let recovery = self.tables.recovery();
            let machine = self.machine.clone();
            Arc::new(Shard::start(stream, recovery, machine, options.clone(), &self.alarm))
        };
        let shards: Arc<[_]> = opened.into_iter().map(start).collect();
        shards.iter().for_each(|shard| shard.set_durability(metadata.settings.durability()));
        for (&stream, shard) in metadata.streams.iter().zip(shards.iter()) {
            self.by_stream.write().insert(StreamId::new(stream), Arc::clone(shard));
        }
        let index = Arc::new(Index::new(metadata, shards, mappings));
        self.indices.write().insert(new.name, Arc::clone(&index));
        Ok(index)
    }

    async fn delete_now(&self, names: &[Arc<str>]) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let mut doomed = Vec::new();
        for name in names {
            let index = self.get(name);
            let missing = || Error::IndexNotFound { index: Arc::clone(name) };
            doomed.push(index.ok_or_else(missing)?);
        }
        // In parts that one entry of the log holds, each gone before the next is begun.
        for part in doomed.chunks(DELETED_TOGETHER_MAX) {
            let records = part.iter().map(|index| Write {
                id: index.metadata().uuid.as_str().into(),
                routing: None,
                precondition: Precondition::None,
                change: Change::Delete,
                fits: None,
            });
            writer.write(records.collect()).await.map_err(Error::Catalog)?;
            {
                let mut indices = self.indices.write();
                for index in part {
                    indices.remove(&*index.identity().name);
                }
            }
            for index in part {
                index.mappings().close();
                for (shard, stream) in index.shards().iter().zip(&index.metadata().streams) {
                    shard.close().await;
                    self.give_up(shard, StreamId::new(*stream));
                }
            }
        }
        Ok(())
    }

    /// Gives back what a closed shard takes. Nobody need wait for it: whatever is left when the
    /// process ends is found by the next start.
    fn give_up(&self, shard: &Arc<Shard>, stream: StreamId) {
        self.by_stream.write().remove(&stream);
        let (shard, logs) = (Arc::clone(shard), Arc::clone(&self.logs));
        self.machine.threads.run(Box::new(move || {
            shard.retire();
            logs.remove(stream);
        }));
    }

    /// The shard on a stream.
    fn shard_on(&self, stream: StreamId) -> Option<Arc<Shard>> {
        self.by_stream.read().get(&stream).cloned()
    }

    async fn change_now(
        &self,
        index: &IndexRef,
        change: impl FnOnce(&mut IndexMetadata) -> Result<(), Error>,
    ) -> Result<Arc<Index>, Error> {
        let mut writer = self.writer.lock().await;
        let present = self.get(&index.name);
        let present = present.filter(|present| present.identity() == index);
        let missing = || Error::IndexNotFound { index: Arc::clone(&index.name) };
        let present = present.ok_or_else(missing)?;
        let mut metadata = present.metadata().clone();
        change(&mut metadata)?;
        if metadata == *present.metadata() {
            return Ok(present);
        }
        let mapping = metadata.compile()?;
        writer.write(vec![record(&metadata.uuid, &metadata)]).await.map_err(Error::Catalog)?;
        for shard in present.shards().iter() {
            shard.set_gc_deletes(metadata.settings.gc_deletes());
            shard.set_durability(metadata.settings.durability());
        }
        present.mappings().publish(mapping);
        let changed = Arc::new(present.changed(metadata));
        self.indices.write().insert(Arc::clone(&index.name), Arc::clone(&changed));
        Ok(changed)
    }
}

impl Relocate for Catalog {
    fn counts(&self, stream: StreamId, found: &StoredOperation, older_elsewhere: bool) -> bool {
        // Who does not know the stream does not know what counts.
        self.shard_on(stream).is_none_or(|shard| shard.counts(found, older_elsewhere))
    }

    fn tombstones(&self) -> u64 {
        self.by_stream.read().values().map(|shard| shard.table().tombstones()).sum()
    }

    fn sweep(&self) {
        self.by_stream.read().values().for_each(|shard| shard.sweep());
    }

    fn relocate(
        &self,
        stream: StreamId,
        found: Vec<StoredOperation>,
        older_elsewhere: bool,
        with_marker: bool,
    ) -> BoxFuture<'_, Result<(), RelocateError>> {
        Box::pin(async move {
            let not_open =
                || RelocateError { stream, why: "it is not open".to_owned(), is_passing: true };
            let shard = self.shard_on(stream).ok_or_else(not_open)?;
            let relocated = shard.relocate(found, older_elsewhere, with_marker).await;
            relocated.map_err(|error| RelocateError {
                stream,
                why: error.to_string(),
                is_passing: error == WriteError::Closed,
            })
        })
    }
}

impl CatalogWriter {
    /// Makes records durable, all of them or none.
    async fn write(&mut self, records: Vec<Write>) -> Result<(), WriteError> {
        for answer in self.records.write(records).await {
            answer?;
        }
        Ok(())
    }
}

/// Runs a change to its end also when the caller is gone.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let panicked = |_| Err(Error::Catalog(WriteError::Unknown("the change panicked".into())));
    tokio::spawn(change).await.unwrap_or_else(panicked)
}

fn not_created(error: AppendError) -> Error {
    // Without its record in the catalogue a stream is nothing: whatever became of it, the index
    // was not created.
    Error::Catalog(match error {
        AppendError::Refused(Refused::Closed) => WriteError::Closed,
        AppendError::Refused(Refused::NoRoom(why)) => WriteError::NoRoom(why.to_string().into()),
        AppendError::Refused(Refused::Fenced { .. } | Refused::Ahead { .. }) => WriteError::Fenced,
        AppendError::Unknown(_) => WriteError::Closed,
    })
}

fn record(id: &str, value: &impl Serialize) -> Write {
    // What serde derives for these structs cannot fail.
    let source = serde_json::to_vec(value).unwrap_or_default();
    Write {
        id: id.into(),
        routing: None,
        precondition: Precondition::None,
        change: Change::Index(source.into()),
        fits: None,
    }
}

fn shard_options(settings: &Settings, mappings: &Arc<Mappings>) -> ShardOptions {
    let admission = Some(Arc::clone(mappings) as Arc<dyn Admission>);
    ShardOptions { gc_deletes: settings.gc_deletes(), admission, ..ShardOptions::default() }
}
