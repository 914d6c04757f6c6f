//! Writing one document: find or create its index, choose its shard, hand it to the writer.

use std::sync::Arc;

use document::{DocumentId, Precondition, Routing};
use mapping::MappingError;
use shard::{Change, Modify, Write, WriteError, Written};

use crate::{DocumentError, Error, Index, IndexMetadata, NewIndex, Node, Settings, check_source};

/// The longest id or routing, as in any index of Lucene's. Dialects are stricter about ids.
const NAME_BYTES_MAX: usize = 32_766;

/// The type of an index that typeless requests created.
const TYPELESS: &str = "_doc";

/// One write of one document, as a request asks for it.
#[derive(Debug)]
pub struct DocumentWrite {
    /// The index.
    pub index: Arc<str>,
    /// The type, where the request names one other than `_doc`.
    pub type_name: Option<Arc<str>>,
    /// The id; without one the document gets one.
    pub id: Option<String>,
    /// The routing.
    pub routing: Option<String>,
    /// What the write requires.
    pub precondition: Precondition,
    /// What it does.
    pub change: Change,
    /// What happens where there is no such index.
    pub missing_index: MissingIndex,
    /// Whether the index must be named by an alias.
    pub require_alias: bool,
}

/// What a write does where there is no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingIndex {
    /// It is refused.
    Refuse,
    /// The index is created, with these settings unless something else sets them; its mapping follows
    /// the rules of this dialect.
    Create(&'static [(&'static str, &'static str)], mapping::Dialect),
}

/// A document that was written.
#[derive(Debug)]
pub struct WrittenDocument {
    /// The index it is in.
    pub index: Arc<Index>,
    /// The number of its shard.
    pub shard: u32,
    /// Its id.
    pub id: String,
    /// What the write did.
    pub written: Written,
}

/// A write that knows its index and shard.
pub(crate) struct Routed {
    pub(crate) index: Arc<Index>,
    pub(crate) shard: u32,
    pub(crate) id: String,
    pub(crate) write: Write,
}

impl Node {
    /// Writes one document. What was answered with success is durable and seen by every later read.
    ///
    /// # Errors
    /// [`Error`] when it was not written; [`WriteError::Unknown`] when that cannot be told.
    pub async fn write(&self, write: DocumentWrite) -> Result<WrittenDocument, Error> {
        let index = self.index_for(&write).await?;
        let Routed { index, shard, id, mut write } = self.route(index, write)?;
        index.mappings().check_write(&mut write)?;
        let answer = index.shard(shard)?.write(vec![write]).await.pop();
        let answer = answer.unwrap_or(Err(WriteError::Closed));
        self.written(index, shard, id, answer)
    }

    /// The index that a write goes to, of the right type; created if need be.
    pub(crate) async fn index_for(&self, write: &DocumentWrite) -> Result<Arc<Index>, Error> {
        if write.require_alias {
            return Err(Error::NotAnAlias { index: Arc::clone(&write.index) });
        }
        let index = match self.catalog.get(&write.index) {
            Some(index) => index,
            None => {
                check_change(&write.change)?;
                self.create_missing(write).await?
            }
        };
        index.check_writable()?;
        let Some(asked) = &write.type_name else { return Ok(index) };
        let index = match index.metadata().type_name {
            Some(_) => index,
            None => {
                check_change(&write.change)?;
                self.fix_type(&index, asked).await?
            }
        };
        match index.metadata().type_name.as_deref() {
            Some(present) if present != &**asked => Err(Error::TypeConflict {
                index: index.identity().clone(),
                present: present.into(),
                asked: Arc::clone(asked),
            }),
            Some(_) | None => Ok(index),
        }
    }

    /// Fixes the type of an index that has none yet; somebody else may be quicker.
    async fn fix_type(&self, index: &Index, asked: &Arc<str>) -> Result<Arc<Index>, Error> {
        let asked = asked.to_string();
        let fix = |metadata: &mut IndexMetadata| {
            metadata.type_name.get_or_insert(asked);
            Ok(())
        };
        self.catalog.change(index.identity(), fix).await
    }

    async fn create_missing(&self, write: &DocumentWrite) -> Result<Arc<Index>, Error> {
        let (defaults, dialect) = match write.missing_index {
            MissingIndex::Refuse => {
                return Err(Error::IndexNotFound { index: Arc::clone(&write.index) });
            }
            MissingIndex::Create(defaults, dialect) => (defaults, dialect),
        };
        if let Some(why) = self.options.auto_create.objection(&write.index) {
            return Err(Error::AutoCreateForbidden { index: Arc::clone(&write.index), why });
        }
        let created = self.create_index(NewIndex {
            name: Arc::clone(&write.index),
            settings: Settings::default().or(defaults),
            mappings: serde_json::Value::Object(serde_json::Map::new()),
            // A typeless write fixes the type as well, as it does in Elasticsearch 7.
            type_name: Some(write.type_name.as_deref().unwrap_or(TYPELESS).to_owned()),
            dialect,
        });
        match created.await {
            // Somebody else was quicker.
            Err(Error::IndexExists { .. }) => self.index(&write.index),
            created => created,
        }
    }

    /// Leads a write to its shard.
    pub(crate) fn route(&self, index: Arc<Index>, write: DocumentWrite) -> Result<Routed, Error> {
        let id = write.id.unwrap_or_else(|| self.random.document_id(self.machine.clock.now()));
        for (what, name) in [("id", Some(&id)), ("routing", write.routing.as_ref())] {
            let length = name.map_or(0, String::len);
            if length > NAME_BYTES_MAX {
                return Err(Error::TooLong { what, limit: NAME_BYTES_MAX, length });
            }
        }
        let (shard, _) = index.shard_of(&id, write.routing.as_deref())?;
        let routed = Write {
            id: DocumentId::from(id.as_str()),
            routing: write.routing.map(Routing::from),
            precondition: write.precondition,
            change: write.change,
            fits: None,
        };
        Ok(Routed { index, shard, id, write: routed })
    }

    pub(crate) fn written(
        &self,
        index: Arc<Index>,
        shard: u32,
        id: String,
        answer: Result<Written, WriteError>,
    ) -> Result<WrittenDocument, Error> {
        match answer {
            Ok(written) => Ok(WrittenDocument { index, shard, id, written }),
            Err(WriteError::Closed) if !self.is_current(&index) => {
                Err(Error::IndexNotFound { index: Arc::clone(&index.identity().name) })
            }
            Err(WriteError::Unfit(unfit)) => Err(match unfit.reason::<MappingError>() {
                Some(error) => Error::Mapping(error.clone()),
                None => {
                    index.document_error(shard, &id, DocumentError::Write(WriteError::Unfit(unfit)))
                }
            }),
            Err(error) => Err(index.document_error(shard, &id, DocumentError::Write(error))),
        }
    }

    /// Whether this very index is still there: not deleted, and not another one of its name.
    fn is_current(&self, index: &Index) -> bool {
        let present = self.catalog.get(index.name());
        present.is_some_and(|present| present.identity() == index.identity())
    }
}

/// Refuses a source that is none, before anything is created for it.
fn check_change(change: &Change) -> Result<(), Error> {
    match change {
        Change::Index(source) | Change::Create(source) => Ok(check_source(source)?),
        Change::Delete | Change::Update(_) => Ok(()),
    }
}

/// An update as a shard takes it; `wants_document` says whether the answer shall hold the document.
#[must_use]
pub fn update(modify: Arc<dyn Modify>, wants_document: bool) -> Change {
    Change::Update(shard::Update { modify, wants_document, basis: None })
}
