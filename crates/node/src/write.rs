//! Writing one document: find or create its index, choose its shard, hand it to the writer.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use document::{DocumentId, Precondition, Routing};
use mapping::MappingError;
use shard::{Change, Modified, Modify, Unfit, Update, Write, WriteError, Written};

use crate::{
    Alias, DataStream, DataStreamError, DocumentError, Error, Index, IndexMetadata,
    MissingIndex::Create, NewIndex, Node, Settings, Templates, check_source, date_math,
    index_expression::WriteTarget,
};

/// The longest id or routing, as in any index of Lucene's. Dialects are stricter about ids.
const NAME_BYTES_MAX: usize = 32_766;

/// The byte order mark of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

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
    /// What the name of the index must be.
    pub named_by: NamedBy,
    /// Where the document was found, if a search found it: the write goes there and nowhere else.
    pub found: Option<Place>,
}

/// The shard of a document: of this very index, not of another one of its name.
#[derive(Clone, Debug)]
pub struct Place {
    /// The index.
    pub index: Arc<Index>,
    /// The number of its shard.
    pub shard: u32,
}

impl DocumentWrite {
    /// Whether it can only add a document.
    pub(crate) fn adds(&self) -> bool {
        matches!(self.change, Change::Create(_))
    }

    /// Without the byte order mark that a source may begin with, which is no part of it (RFC 8259 §8.1).
    pub(crate) fn without_mark(mut self) -> Self {
        if let Change::Index(source) | Change::Create(source) = &mut self.change
            && source.starts_with(BYTE_ORDER_MARK)
        {
            source.advance(BYTE_ORDER_MARK.len());
        }
        self
    }
}

/// What the name of an index must be that a write goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NamedBy {
    /// An alias.
    pub alias: bool,
    /// That of a data stream.
    pub data_stream: bool,
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
    /// The data stream that the index is of.
    stream: Option<Arc<DataStream>>,
    /// Whether it is that stream, not the index, that is named.
    is_stream: bool,
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
        let write = write.without_mark();
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
        let is_alias = found.as_ref().is_some_and(|found| found.alias.is_some());
        if write.named_by.alias && !is_alias {
            return Err(Error::NotAnAlias { index: name });
        }
        let found = match found {
            Some(found) if found.is_stream => self.rolled_over(found, &name, write).await?,
            Some(found) => found,
            None => {
                check_change(&write.change)?;
                self.create_missing(&name, write).await?
            }
        };
        let WriteTarget { index, alias, stream, is_stream } = found;
        if write.found.as_ref().is_some_and(|place| place.index.identity() != index.identity()) {
            return Err(Error::OneIndexNotFound { index: name });
        }
        if write.named_by.data_stream && !is_stream {
            return Err(DataStreamError::NotOne(name.to_string()).into());
        }
        let index = self.of_type(index, write).await?;
        let routing = alias.and_then(|Alias { index_routing, .. }| index_routing);
        Ok(Target { index, routing, name, stream, is_stream })
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

    /// What a write to a data stream goes to, where an index is to be begun first.
    async fn rolled_over(
        &self,
        found: WriteTarget,
        name: &str,
        write: &DocumentWrite,
    ) -> Result<WriteTarget, Error> {
        let stream = found.stream.as_ref().filter(|stream| stream.rolls_over_on_write);
        let Some(stream) = stream.filter(|_| write.adds()) else { return Ok(found) };
        let dialect = found.index.mapping().settings().dialect;
        match self.roll_over_data_stream(&stream.name, found.index.name(), dialect).await {
            // Somebody else was quicker.
            Ok(_) | Err(Error::Rollover(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(self.catalog.view().write_target(name)?.unwrap_or(found))
    }

    async fn create_missing(
        &self,
        name: &Arc<str>,
        write: &DocumentWrite,
    ) -> Result<WriteTarget, Error> {
        let Create(defaults, dialect) = write.missing_index else {
            return Err(Error::OneIndexNotFound { index: Arc::clone(name) });
        };
        let templates = self.templates(dialect);
        if let Some(why) = self.auto_creation_objection(name, &templates) {
            return Err(Error::AutoCreateForbidden { index: Arc::clone(name), why });
        }
        if templates.stream_winner(name).is_some() {
            // Before the stream is created, which would be of no use to this write.
            if !write.adds() {
                return Err(DataStreamError::CreateOnly.into());
            }
            match self.create_data_stream(name, dialect).await {
                // Somebody else was quicker.
                Err(Error::DataStream(DataStreamError::Exists(_))) => {}
                created => drop(created?),
            }
            let created = self.catalog.view().write_target(name)?;
            return created.ok_or_else(|| Error::IndexNotFound { index: Arc::clone(name) });
        }
        if write.named_by.data_stream {
            return Err(DataStreamError::NotOne(name.to_string()).into());
        }
        let new = NewIndex {
            name: Arc::clone(name),
            settings: Settings::default(),
            mappings: serde_json::Value::Object(serde_json::Map::new()),
            type_name: None,
            aliases: crate::Aliases::new(),
            stream: None,
            dialect,
        };
        // A typeless write fixes the type as well, as it does in Elasticsearch 7.
        let type_name = write.type_name.as_deref().unwrap_or(TYPELESS).to_owned();
        let index = match self.create_along_the_way(new, defaults, type_name).await {
            // Somebody else was quicker.
            Err(Error::IndexExists { .. }) => self.index(name)?,
            created => created?,
        };
        Ok(WriteTarget { index, alias: None, stream: None, is_stream: false })
    }

    /// Which rule forbids that an index is created along the way, if one does. A template may know
    /// better than the setting.
    fn auto_creation_objection(&self, name: &str, templates: &Templates) -> Option<String> {
        let winner = templates.winner(name).map(|(_, template)| template);
        let says = winner.and_then(|template| template.others.get("allow_auto_create")?.as_bool());
        match (says, winner) {
            (Some(false), Some(template)) => Some(format!(
                "composable template [{}] forbids index auto creation",
                template.index_patterns.join(", ")
            )),
            (Some(_), _) => None,
            (None, _) => self.auto_create().objection(name),
        }
    }

    /// Leads a write to its shard.
    pub(crate) fn route(&self, target: Target, write: DocumentWrite) -> Result<Routed, Error> {
        let Target { index, routing, name, stream, is_stream } = target;
        let write = match stream {
            Some(stream) if is_stream => added_to(&stream, write)?,
            Some(stream) => check_direct(&stream, write)?,
            None => write,
        };
        let write =
            DocumentWrite { routing: through_alias(&name, routing, write.routing)?, ..write };
        let id = write.id.unwrap_or_else(|| self.random.document_id(self.machine.clock.now()));
        for (what, name) in [("id", Some(&id)), ("routing", write.routing.as_ref())] {
            let length = name.map_or(0, String::len);
            if length > NAME_BYTES_MAX {
                return Err(Error::TooLong { what, limit: NAME_BYTES_MAX, length });
            }
        }
        let shard = match write.found {
            Some(place) => place.shard,
            None => index.shard_of(&id, write.routing.as_deref())?.0,
        };
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
            Err(WriteError::Unfit(unfit)) => Err(match (unfit.reason(), unfit.reason()) {
                (Some(error), _) => Error::Mapping(MappingError::clone(error)),
                (None, Some(error)) => Error::DataStream(DataStreamError::clone(error)),
                (None, None) => {
                    index.document_error(shard, &id, DocumentError::Write(WriteError::Unfit(unfit)))
                }
            }),
            Err(error) => Err(index.document_error(shard, &id, DocumentError::Write(error))),
        }
    }

    /// Whether this very index is still there: not deleted, and not another one of its name.
    #[must_use]
    pub fn is_current(&self, index: &Index) -> bool {
        let present = self.catalog.get(index.name());
        present.is_some_and(|present| present.identity() == index.identity())
    }
}

/// What is written through the name of a data stream: something that is added to it.
fn added_to(stream: &DataStream, write: DocumentWrite) -> Result<DocumentWrite, Error> {
    if !write.adds() {
        return Err(DataStreamError::CreateOnly.into());
    }
    if write.routing.is_some() && !stream.allows_routing {
        return Err(DataStreamError::Routing(stream.name.clone()).into());
    }
    Ok(write)
}

/// Refuses what adds a document to an index of a data stream that is named itself. What changes one that
/// is there, under the condition of a sequence number, may.
fn check_direct(stream: &DataStream, write: DocumentWrite) -> Result<DocumentWrite, Error> {
    let has_seq_no = matches!(write.precondition, Precondition::SeqNo { .. });
    let (op, without) = match write.change {
        Change::Create(_) => ("create", ""),
        Change::Index(_) if !has_seq_no => ("index", " and no if_primary_term and if_seq_no set"),
        Change::Update(update) => {
            let modify =
                Arc::new(ChangeOnly { modify: update.modify, stream: stream.name.clone() });
            let change = Change::Update(Update { modify, ..update });
            return Ok(DocumentWrite { change, ..write });
        }
        Change::Index(_) | Change::Delete => return Ok(write),
    };
    let stream = stream.name.clone();
    Err(DataStreamError::Direct { op, without, stream }.into())
}

/// An update of an index of a data stream that is named itself: it may change what is there. Whether
/// something is, only the writer can tell.
#[derive(Debug)]
struct ChangeOnly {
    modify: Arc<dyn Modify>,
    stream: String,
}

impl Modify for ChangeOnly {
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, WriteError> {
        let modified = self.modify.modify(present)?;
        if present.is_none() && matches!(modified, Modified::Source(_)) {
            let (op, without, stream) = ("create", "", self.stream.clone());
            let refused = DataStreamError::Direct { op, without, stream };
            return Err(WriteError::Unfit(Unfit::new(refused)));
        }
        Ok(modified)
    }

    fn weight(&self) -> usize {
        self.modify.weight()
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
