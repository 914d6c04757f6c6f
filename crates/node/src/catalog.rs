//! The catalogue: which indices there are, and the templates and settings they share. A view of
//! stream 0 of the node's log.
//!
//! It is kept like documents: one per index, by uuid, one per template, one for the settings and one
//! for the node itself. A change is durable before anything relies on it; one change happens at a
//! time, and runs to its end although its caller may be gone.

mod changes;
mod mapping;
mod record;
mod view;

use std::{collections::HashMap, sync::Arc};

use parking_lot::{RwLock, RwLockReadGuard};
use shard::{
    Admission, Alarm, Machine, Recovery, Shard, ShardOptions, Write, WriteError,
    log::{
        AppendError, BoxFuture, Damage, Logs, Refused, Relocate, RelocateError, StoredOperation,
        Stream, StreamId,
    },
};
use tokio::sync::Mutex;

pub(crate) use changes::Changes;
pub(crate) use mapping::check_definition;
pub use record::{IndexMetadata, NewIndex, index_names};
use record::{NODE_RECORD, SETTINGS_RECORD, record, record_bytes, removal, stream_record};
pub(crate) use record::{NodeRecord, Stored};
pub(crate) use view::View;

use crate::{
    Error, Index, IndexRef, Settings, index_name,
    mappings::{CatalogLink, Mappings},
    node::Tables,
};

/// How many shards a node may have: each costs some kilobytes.
pub const SHARDS_MAX: u64 = 50_000;
/// How many records one change may touch: they go into one entry of the log.
const CHANGED_TOGETHER_MAX: usize = 1_000;

/// How many bytes the records of one change may have, where it is about several: the log takes no
/// more as one entry.
const CHANGED_BYTES_MAX: usize = 7 << 20;

/// How long the id of an index's record is: a uuid's text.
const RECORD_ID_BYTES: usize = 22;

/// The catalogue of a running node.
pub(crate) struct Catalog {
    /// What readers see: applied changes only.
    view: RwLock<View>,
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
        let mut view = View::new(stored.templates, stored.settings);
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
                shard.set_waits_for_refresh(metadata.settings.waits_for_refresh());
                let shard = Arc::new(shard);
                by_stream.insert(id, Arc::clone(&shard));
                shards.push(shard);
            }
            view.insert(Arc::new(Index::new(metadata, shards.into(), Arc::default(), mappings)));
        }
        stored.streams.into_iter().for_each(|stream| view.insert_stream(stream));
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
            view: RwLock::new(view),
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

    /// What readers see now. Held only briefly.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read()
    }

    /// An index by its own name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.view().get(name).cloned()
    }

    /// What is wrong with what is stored of the catalogue itself, if anything is.
    pub(crate) fn damage(&self) -> Option<Damage> {
        self.shard_on(StreamId::CATALOG)?.damage().cloned()
    }

    /// All indices, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Index>> {
        self.view().indices().cloned().collect()
    }

    /// Carries out what `plan` makes of the catalogue as it is, in one write, or nothing of it. The
    /// index that is created may take writes when this returns.
    pub(crate) async fn apply(
        self: &Arc<Self>,
        plan: impl FnOnce(&View) -> Result<Changes, Error> + Send + 'static,
    ) -> Result<Option<Arc<Index>>, Error> {
        let catalog = Arc::clone(self);
        to_its_end(async move { catalog.apply_now(plan).await }).await
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
        let (index, name) = (index.clone(), Arc::clone(&index.name));
        let missing = |name: &Arc<str>| Error::IndexNotFound { index: Arc::clone(name) };
        let plan = move |view: &View| {
            let present = view.get(&index.name).filter(|present| *present.identity() == index);
            let present = present.ok_or_else(|| missing(&index.name))?;
            let mut metadata = present.metadata().clone();
            change(&mut metadata)?;
            Ok(Changes { changed: vec![metadata], ..Changes::default() })
        };
        self.apply(plan).await?;
        self.get(&name).ok_or_else(|| missing(&name))
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

    async fn apply_now(
        &self,
        plan: impl FnOnce(&View) -> Result<Changes, Error>,
    ) -> Result<Option<Arc<Index>>, Error> {
        let mut writer = self.writer.lock().await;
        let mut changes = {
            let view = self.view();
            let mut changes = plan(&view)?;
            changes.check_amount(CHANGED_TOGETHER_MAX)?;
            view.check(&changes)?;
            changes.changed.retain(|changed| {
                view.get(&changed.name).is_some_and(|index| index.metadata() != changed)
            });
            changes.compile_mappings(&view)?;
            changes
        };
        let (created, streams) = match changes.created.take() {
            Some(new) => {
                let (mut metadata, streams) = self.begin(&mut writer, new).await?;
                (metadata.closed, metadata.is_filling) = (changes.is_filling, changes.is_filling);
                (Some(metadata), streams)
            }
            None => (None, Vec::new()),
        };
        let written = self.write(&mut writer, &changes, created.as_ref()).await;
        if let Err(error) = written {
            for &stream in created.iter().flat_map(|metadata| &metadata.streams) {
                self.logs.remove(StreamId::new(stream));
            }
            return Err(error);
        }
        let created = created.map(|metadata| self.start_index(metadata, streams));
        self.show(&changes, created.clone());
        for index in &changes.deleted {
            self.bury(index).await;
        }
        Ok(created)
    }

    /// Begins the streams of an index that is to be created.
    async fn begin(
        &self,
        writer: &mut CatalogWriter,
        new: NewIndex,
    ) -> Result<(IndexMetadata, Vec<Stream>), Error> {
        if let Some(why) = index_name::objection(&new.name) {
            return Err(Error::InvalidIndexName { index: new.name, why });
        }
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
        let present: usize = self.view().indices().map(|index| index.shards().len()).sum();
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
            aliases: new.aliases,
            stream: new.stream,
            closed: false,
            is_filling: false,
            rules_of_8: new.dialect == ::mapping::Dialect::Eight,
        };
        Ok((metadata, opened))
    }

    /// Makes a change durable, all of it or nothing.
    async fn write(
        &self,
        writer: &mut CatalogWriter,
        changes: &Changes,
        created: Option<&IndexMetadata>,
    ) -> Result<(), Error> {
        let mut records = Vec::new();
        if let Some(metadata) = created {
            let node = NodeRecord { next_stream: writer.next_stream, ..self.node.clone() };
            records.push(record(NODE_RECORD, &node));
            records.push(record(&metadata.uuid, metadata));
        }
        records.extend(changes.changed.iter().map(|metadata| record(&metadata.uuid, metadata)));
        records.extend(changes.deleted.iter().map(|index| removal(&index.metadata().uuid)));
        for (name, stream) in &changes.streams {
            let id = stream_record(name);
            records.push(stream.as_ref().map_or_else(|| removal(&id), |s| record(&id, s)));
        }
        for (key, template) in &changes.templates {
            let id = key.record_id();
            records.push(template.as_ref().map_or_else(|| removal(&id), |t| record(&id, t)));
        }
        if let Some(settings) = &changes.settings {
            records.push(record(SETTINGS_RECORD, settings));
        }
        if records.len() > CHANGED_TOGETHER_MAX {
            let limit = CHANGED_TOGETHER_MAX;
            return Err(Error::TooManyChanges { wanted: records.len(), limit });
        }
        if records.is_empty() {
            return Ok(());
        }
        let bytes = records.iter().map(record_bytes).sum();
        // The node's own record may well come before that of a new index.
        let together = records.len() - usize::from(created.is_some());
        if together > 1 && bytes > CHANGED_BYTES_MAX {
            return Err(Error::ChangeTooLarge { bytes, limit: CHANGED_BYTES_MAX });
        }
        // Where there is no room for what is put, what is removed with it must stay too. A record that
        // is there takes no further memory.
        let adds = created.is_some()
            || !changes.templates.is_empty()
            || changes.settings.is_some()
            || changes.streams.values().any(Option::is_some);
        if adds {
            writer.records.check_room(RECORD_ID_BYTES).map_err(Error::Catalog)?;
        } else if !changes.changed.is_empty() {
            writer.records.check_disk_room().map_err(Error::Catalog)?;
        }
        writer.write(records).await.map_err(Error::Catalog)
    }

    fn start_index(&self, metadata: IndexMetadata, streams: Vec<Stream>) -> Arc<Index> {
        let mappings = self.mappings_of(&metadata);
        let options = shard_options(&metadata.settings, &mappings);
        let start = |stream| {
            let recovery = self.tables.recovery();
            let machine = self.machine.clone();
            Arc::new(Shard::start(stream, recovery, machine, options.clone(), &self.alarm))
        };
        let shards: Arc<[_]> = streams.into_iter().map(start).collect();
        for shard in shards.iter() {
            shard.set_durability(metadata.settings.durability());
            shard.set_waits_for_refresh(metadata.settings.waits_for_refresh());
        }
        for (&stream, shard) in metadata.streams.iter().zip(shards.iter()) {
            self.by_stream.write().insert(StreamId::new(stream), Arc::clone(shard));
        }
        Arc::new(Index::new(metadata, shards, Arc::default(), mappings))
    }

    /// Shows a durable change to readers, at once.
    fn show(&self, changes: &Changes, created: Option<Arc<Index>>) {
        let mut view = self.view.write();
        for index in &changes.deleted {
            view.remove(index.name());
        }
        for metadata in &changes.changed {
            let Some(present) = view.get(&metadata.name).cloned() else { continue };
            for shard in present.shards().iter() {
                shard.set_gc_deletes(metadata.settings.gc_deletes());
                shard.set_waits_for_refresh(metadata.settings.waits_for_refresh());
                shard.set_durability(metadata.settings.durability());
            }
            if let Some(mapping) = changes.mappings.get(&metadata.name) {
                present.mappings().publish(mapping.clone());
            }
            view.insert(Arc::new(present.changed(metadata.clone())));
        }
        if let Some(created) = created {
            view.insert(created);
        }
        for (name, stream) in &changes.streams {
            match stream {
                Some(stream) => view.insert_stream(stream.clone()),
                None => view.remove_stream(name),
            }
        }
        view.change_templates(&changes.templates);
        if let Some(settings) = &changes.settings {
            view.change_settings(settings.clone());
        }
    }

    async fn delete_now(&self, names: &[Arc<str>]) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let mut doomed = Vec::new();
        for name in names {
            let index = self.get(name);
            let missing = || Error::IndexNotFound { index: Arc::clone(name) };
            doomed.push(index.ok_or_else(missing)?);
        }
        let all = Changes { deleted: doomed.clone(), ..Changes::default() };
        self.view().check(&all)?;
        // In parts that one entry of the log holds, each gone before the next is begun.
        for part in doomed.chunks(CHANGED_TOGETHER_MAX) {
            let changes = Changes { deleted: part.to_vec(), ..Changes::default() };
            self.write(&mut writer, &changes, None).await?;
            self.show(&changes, None);
            for index in part {
                self.bury(index).await;
            }
        }
        Ok(())
    }

    /// Ends the shards of an index whose record is gone.
    async fn bury(&self, index: &Index) {
        index.mappings().close();
        for (shard, stream) in index.shards().iter().zip(&index.metadata().streams) {
            shard.close().await;
            self.give_up(shard, StreamId::new(*stream));
        }
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

fn shard_options(settings: &Settings, mappings: &Arc<Mappings>) -> ShardOptions {
    let admission = Some(Arc::clone(mappings) as Arc<dyn Admission>);
    ShardOptions { gc_deletes: settings.gc_deletes(), admission, ..ShardOptions::default() }
}
