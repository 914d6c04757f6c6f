//! Writing one document: find or create its index, choose its shard, hand it to the writer.

use std::sync::Arc;

use document::{DocumentId, Precondition, Routing};
use mapping::MappingError;
use shard::{Change, Modify, Write, WriteError, Written};

use crate::{
    Alias, DocumentError, Error, Index, IndexMetadata, MissingIndex::Create, NewIndex, Node,
    Settings, check_source, date_math,
};

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

/// Where a write goes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) index: Arc<Index>,
    /// The routing of the alias it is named by.
    routing: Option<String>,
    /// The name it goes by.
    name: Arc<str>,
}

/// The routing of an operation through an alias, which may have one of its own.
pub(crate) fn through_alias(
    alias: &str,
    own: Option<String>,
    given: Option<String>,
) -> Result<Option<String>, Error> {
    match (own, given) {
        (Some(own), Some(given)) if own != given => {
            Err(Error::AliasRouting { alias: alias.to_owned(), own, given })
        }
        (own, given) => Ok(own.or(given)),
    }
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
        let target = self.target_for(&write).await?;
        let Routed { index, shard, id, mut write } = self.route(target, write)?;
        index.mappings().check_write(&mut write)?;
        let answer = index.shard(shard)?.write(vec![write]).await.pop();
        let answer = answer.unwrap_or(Err(WriteError::Closed));
        self.written(index, shard, id, answer)
    }

    /// The index that a write goes to, of the right type; created if need be.
    pub(crate) async fn target_for(&self, write: &DocumentWrite) -> Result<Target, Error> {
        let name = date_math::resolve(&write.index, self.machine.clock.now());
        let name: Arc<str> = match name.map_err(Error::DateMath)? {
            same if *same == *write.index => Arc::clone(&write.index),
            resolved => resolved.into(),
        };
        let found = self.catalog.view().write_target(&name)?;
        let is_alias = found.as_ref().is_some_and(|(_, alias)| alias.is_some());
        if write.require_alias && !is_alias {
            return Err(Error::NotAnAlias { index: name });
        }
        let (index, alias) = match found {
            Some(found) => found,
            None => {
                check_change(&write.change)?;
                (self.create_missing(&name, write).await?, None)
            }
        };
        let index = self.of_type(index, write).await?;
        let routing = alias.and_then(|Alias { index_routing, .. }| index_routing);
        Ok(Target { index, routing, name })
    }

    /// The index, once it takes writes of the type.
    async fn of_type(&self, index: Arc<Index>, write: &DocumentWrite) -> Result<Arc<Index>, Error> {
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

    async fn create_missing(
        &self,
        name: &Arc<str>,
        write: &DocumentWrite,
    ) -> Result<Arc<Index>, Error> {
        let Create(defaults, dialect) = write.missing_index else {
            return Err(Error::IndexNotFound { index: Arc::clone(name) });
        };
        if let Some(why) = self.auto_create().objection(name) {
            return Err(Error::AutoCreateForbidden { index: Arc::clone(name), why });
        }
        let new = NewIndex {
            name: Arc::clone(name),
            settings: Settings::default(),
            mappings: serde_json::Value::Object(serde_json::Map::new()),
            type_name: None,
            aliases: crate::Aliases::new(),
            dialect,
        };
        // A typeless write fixes the type as well, as it does in Elasticsearch 7.
        let type_name = write.type_name.as_deref().unwrap_or(TYPELESS).to_owned();
        match self.create_along_the_way(new, defaults, type_name).await {
            // Somebody else was quicker.
            Err(Error::IndexExists { .. }) => self.index(name),
            created => created,
        }
    }

    /// Leads a write to its shard.
    pub(crate) fn route(&self, target: Target, write: DocumentWrite) -> Result<Routed, Error> {
        let Target { index, routing, name } = target;
        let write =
            DocumentWrite { routing: through_alias(&name, routing, write.routing)?, ..write };
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
        match &answer {
            Ok(written) => index.counters().note(written.outcome),
            Err(error) => index.counters().note_failure(error),
        }
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
