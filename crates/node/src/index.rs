//! One index: what the catalogue says of it, and its shards.

use std::sync::Arc;

use document::Version;
use mapping::Mapping;
use shard::{Document, ReadError, Shard, store::Hold};

use crate::{Counters, DocumentError, Error, IndexMetadata, IndexRef, mappings::Mappings, routing};

/// An index that is open. Cheap to clone by `Arc`; a change of its metadata makes a new one with the
/// same shards.
#[derive(Debug)]
pub struct Index {
    metadata: IndexMetadata,
    identity: IndexRef,
    shards: Arc<[Arc<Shard>]>,
    counters: Arc<Counters>,
    /// Its mapping as it is now.
    mappings: Arc<Mappings>,
    /// The setting that blocks writes, if one does.
    write_block: Option<&'static str>,
    /// Whether reads are blocked.
    read_block: bool,
}

/// The settings that block writes.
const WRITE_BLOCKS: [&str; 3] =
    ["index.blocks.read_only", "index.blocks.read_only_allow_delete", "index.blocks.write"];
/// The setting that blocks what is kept of an index, to readers and to changes.
const METADATA_BLOCK: &str = "index.blocks.metadata";
/// The settings that block changes of what is kept of an index, those of blocks excepted.
const METADATA_BLOCKS: [&str; 3] =
    [METADATA_BLOCK, "index.blocks.read_only", "index.blocks.read_only_allow_delete"];
/// The setting that blocks reads.
const READ_BLOCK: &str = "index.blocks.read";

/// Which state of a document a read is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// That of its last write.
    #[default]
    LastWrite,
    /// That which searches see.
    LastRefresh,
}

impl Index {
    pub(crate) fn new(
        metadata: IndexMetadata,
        shards: Arc<[Arc<Shard>]>,
        counters: Arc<Counters>,
        mappings: Arc<Mappings>,
    ) -> Self {
        let identity =
            IndexRef { name: metadata.name.as_str().into(), uuid: metadata.uuid.as_str().into() };
        let blocks = |name: &str| metadata.settings.get(name) == Some("true");
        let write_block = WRITE_BLOCKS.into_iter().find(|name| blocks(name));
        let read_block = blocks(READ_BLOCK);
        Self { metadata, identity, shards, counters, mappings, write_block, read_block }
    }

    /// The same index with other metadata.
    pub(crate) fn changed(&self, metadata: IndexMetadata) -> Self {
        let (counters, mappings) = (Arc::clone(&self.counters), Arc::clone(&self.mappings));
        Self::new(metadata, Arc::clone(&self.shards), counters, mappings)
    }

    /// What was done to it since the node started.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Its mapping as it is now, for those who follow its changes.
    pub(crate) fn mappings(&self) -> &Arc<Mappings> {
        &self.mappings
    }

    /// Its mapping as it is now.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        self.mappings.current().mapping.clone()
    }

    /// Measures what its completions take, where that changed, for [`Counters::fields`].
    pub async fn measure_completions(&self) {
        let mapping = self.mapping();
        for (number, shard) in (0..).zip(self.shards().iter()) {
            self.counters.fields.measure(number, shard, &mapping).await;
        }
    }

    /// What the catalogue says of it.
    #[must_use]
    pub fn metadata(&self) -> &IndexMetadata {
        &self.metadata
    }

    /// Its name and uuid.
    #[must_use]
    pub fn identity(&self) -> &IndexRef {
        &self.identity
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Its shards, by number.
    #[must_use]
    pub fn shards(&self) -> &Arc<[Arc<Shard>]> {
        &self.shards
    }

    /// How many documents it has, as searches see it.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.shards.iter().map(|shard| shard.shown_documents()).sum()
    }

    /// Shows searches every write that was answered.
    pub fn refresh(&self) {
        self.counters.refreshes.rise();
        self.shards.iter().for_each(|shard| shard.refresh());
    }

    /// Keeps what the tables tell of now readable, as long as these live.
    pub fn hold(&self) -> impl Iterator<Item = Hold> {
        self.shards.iter().map(|shard| shard.hold())
    }

    /// Shows searches every write that one shard answered.
    pub fn refresh_shard(&self, number: u32) {
        self.counters.refreshes.rise();
        if let Ok(shard) = self.shard(number) {
            shard.refresh();
        }
    }

    /// The number of the shard that a document with this id and routing lives on.
    #[must_use]
    pub fn shard_number(&self, id: &str, routing: Option<&str>) -> u32 {
        let shards = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        routing::shard(routing.unwrap_or(id), self.metadata.routing_shards, shards)
    }

    /// Reads a document, or nothing where there is none.
    ///
    /// # Errors
    /// [`Error::RoutingMissing`], [`Error::Blocked`], or [`Error::Document`] when it is there in another version than
    /// `required`, or unreadable.
    pub async fn get(
        &self,
        id: &str,
        routing: Option<&str>,
        required: Option<Version>,
    ) -> Result<Option<Document>, Error> {
        self.read(id, routing, required, Freshness::LastWrite).await
    }

    /// Reads a document as one state of it is, or nothing where there is none.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub async fn read(
        &self,
        id: &str,
        routing: Option<&str>,
        required: Option<Version>,
        freshness: Freshness,
    ) -> Result<Option<Document>, Error> {
        self.check_readable()?;
        let (number, shard) = self.shard_of(id, routing)?;
        let read = match freshness {
            Freshness::LastWrite => shard.get(id, required).await,
            Freshness::LastRefresh => shard.get_shown(id, required).await,
        };
        match &read {
            Ok(Some(_)) => self.counters.found.rise(),
            Ok(None) | Err(_) => self.counters.missing.rise(),
        }
        read.map_err(|error| {
            let cause = match error {
                ReadError::Conflict(conflict) => DocumentError::Conflict(conflict),
                ReadError::Store(error) => DocumentError::Unreadable(error.to_string().into()),
            };
            self.document_error(number, id, cause)
        })
    }

    /// How many bytes are stored of a document: what reading it takes at most. Nothing where there
    /// is none.
    #[must_use]
    pub fn stored_bytes(&self, id: &str, routing: Option<&str>) -> u64 {
        self.shard_of(id, routing).map_or(0, |(_, shard)| shard.stored_bytes(id))
    }

    /// Refuses where a setting blocks writes.
    pub(crate) fn check_writable(&self) -> Result<(), Error> {
        self.check_open()?;
        match self.write_block {
            None => Ok(()),
            Some(setting) => Err(Error::Blocked { index: self.identity.clone(), setting }),
        }
    }

    /// Refuses where it is closed.
    ///
    /// # Errors
    /// [`Error::IndexClosed`].
    pub fn check_open(&self) -> Result<(), Error> {
        if self.metadata.closed {
            return Err(Error::IndexClosed { index: self.identity.clone() });
        }
        Ok(())
    }

    /// Refuses where a setting blocks changes of what the catalogue keeps of it.
    pub(crate) fn check_changeable(&self) -> Result<(), Error> {
        let blocking = METADATA_BLOCKS.into_iter();
        match blocking.into_iter().find(|name| self.metadata.settings.get(name) == Some("true")) {
            Some(setting) => Err(Error::Blocked { index: self.identity.clone(), setting }),
            None => Ok(()),
        }
    }

    /// Refuses where a setting keeps it from being deleted.
    pub(crate) fn check_deletable(&self) -> Result<(), Error> {
        let blocks = [METADATA_BLOCK, "index.blocks.read_only"].into_iter();
        match blocks.into_iter().find(|name| self.metadata.settings.get(name) == Some("true")) {
            Some(setting) => Err(Error::Blocked { index: self.identity.clone(), setting }),
            None => Ok(()),
        }
    }

    /// Refuses where a setting blocks that its metadata are shown.
    ///
    /// # Errors
    /// [`Error::Blocked`].
    pub fn check_metadata_readable(&self) -> Result<(), Error> {
        if self.metadata.settings.get(METADATA_BLOCK) == Some("true") {
            return Err(Error::Blocked { index: self.identity.clone(), setting: METADATA_BLOCK });
        }
        Ok(())
    }

    /// Refuses where it is closed or reads are blocked.
    ///
    /// # Errors
    /// [`Error::IndexClosed`], [`Error::Blocked`].
    pub fn check_readable(&self) -> Result<(), Error> {
        self.check_open()?;
        if self.read_block {
            return Err(Error::Blocked { index: self.identity.clone(), setting: READ_BLOCK });
        }
        Ok(())
    }

    pub(crate) fn document_error(&self, shard: u32, id: &str, cause: DocumentError) -> Error {
        Error::Document { index: self.identity.clone(), shard, id: id.to_owned(), cause }
    }

    /// The shard of a document; refuses where the mapping wants a routing and there is none.
    pub(crate) fn shard_of(&self, id: &str, routing: Option<&str>) -> Result<(u32, &Shard), Error> {
        if routing.is_none() && self.mappings.current().mapping.is_routing_required() {
            return Err(Error::RoutingMissing { index: self.identity.clone(), id: id.to_owned() });
        }
        let number = self.shard_number(id, routing);
        Ok((number, self.shard(number)?))
    }

    /// A shard by its number.
    pub(crate) fn shard(&self, number: u32) -> Result<&Shard, Error> {
        let shard = usize::try_from(number).ok().and_then(|number| self.shards.get(number));
        let shard = shard.map(Arc::as_ref);
        // A running index has the shards its metadata says; without them it is not there.
        shard.ok_or_else(|| Error::IndexNotFound { index: Arc::clone(&self.identity.name) })
    }
}
