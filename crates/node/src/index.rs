//! One index: what the catalogue says of it, and its shards.

use std::sync::Arc;

use document::Version;
use shard::{Document, ReadError, Shard};

use crate::{DocumentError, Error, IndexMetadata, IndexRef, routing};

/// An index that is open. Cheap to clone by `Arc`; a change of its metadata makes a new one with the
/// same shards.
#[derive(Debug)]
pub struct Index {
    metadata: IndexMetadata,
    identity: IndexRef,
    shards: Arc<[Arc<Shard>]>,
    /// The setting that blocks writes, if one does.
    write_block: Option<&'static str>,
    /// Whether reads are blocked.
    read_block: bool,
}

/// The settings that block writes.
const WRITE_BLOCKS: [&str; 3] =
    ["index.blocks.read_only", "index.blocks.read_only_allow_delete", "index.blocks.write"];
/// The setting that blocks reads.
const READ_BLOCK: &str = "index.blocks.read";

impl Index {
    pub(crate) fn new(metadata: IndexMetadata, shards: Arc<[Arc<Shard>]>) -> Self {
        let identity =
            IndexRef { name: metadata.name.as_str().into(), uuid: metadata.uuid.as_str().into() };
        let blocks = |name: &str| metadata.settings.get(name) == Some("true");
        let write_block = WRITE_BLOCKS.into_iter().find(|name| blocks(name));
        let read_block = blocks(READ_BLOCK);
        Self { metadata, identity, shards, write_block, read_block }
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

    /// How many documents it has.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.shards.iter().map(|shard| shard.table().live()).sum()
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
        self.check_readable()?;
        let (number, shard) = self.shard_of(id, routing)?;
        shard.get(id, required).await.map_err(|error| {
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
        match self.write_block {
            None => Ok(()),
            Some(setting) => Err(Error::Blocked { index: self.identity.clone(), setting }),
        }
    }

    /// Refuses where a setting blocks reads.
    pub(crate) fn check_readable(&self) -> Result<(), Error> {
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
        if routing.is_none() && self.metadata.requires_routing() {
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
