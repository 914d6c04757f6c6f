//! What can go wrong, in the words of the node: which index or document it is about, and the cause.

use std::sync::Arc;

use document::VersionConflict;
use mapping::MappingError;
use shard::WriteError;
use thiserror::Error;

use crate::{
    ClusterSettingError, DataStreamError, SettingError, SourceError, templates::TemplateKey,
};

/// An index as it is called in an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRef {
    /// Its name.
    pub name: Arc<str>,
    /// Its uuid, which tells it from others of that name before and after it.
    pub uuid: Arc<str>,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// There is no index of that name.
    #[error("no such index [{index}]")]
    IndexNotFound {
        /// The name.
        index: Arc<str>,
    },
    /// There is no index of that name, where one alone is meant.
    #[error("no such index [{index}]")]
    OneIndexNotFound {
        /// The name.
        index: Arc<str>,
    },
    /// What is asked of a data stream cannot be.
    #[error(transparent)]
    DataStream(#[from] DataStreamError),
    /// There is none, and it may not be created along the way.
    #[error("no such index [{index}] and {why}")]
    AutoCreateForbidden {
        /// The name.
        index: Arc<str>,
        /// The rule that forbids it.
        why: String,
    },
    /// It is there, but closed.
    #[error("index [{}] is closed", index.name)]
    IndexClosed {
        /// The index.
        index: IndexRef,
    },
    /// A name of an alias where only indices can be named.
    #[error("[{alias}] is an alias")]
    AliasRefused {
        /// The alias.
        alias: String,
    },
    /// An alias of several indices where one is meant.
    #[error("alias [{alias}] has more than one index [{}]", indices.join(", "))]
    SeveralIndices {
        /// The alias.
        alias: String,
        /// Its indices.
        indices: Vec<String>,
    },
    /// A write through an alias of several indices of which none leads.
    #[error(
        "no write index is defined for alias [{alias}]. The write index may be explicitly disabled \
         using is_write_index=false or the alias points to multiple indices without one being \
         designated as a write index"
    )]
    NoWriteIndex {
        /// The alias.
        alias: String,
    },
    /// A write through an alias with another routing than the alias has.
    #[error(
        "Alias [{alias}] has index routing associated with it [{own}], and was provided with \
         routing value [{given}], rejecting operation"
    )]
    AliasRouting {
        /// The alias.
        alias: String,
        /// The routing of the alias.
        own: String,
        /// The routing of the request.
        given: String,
    },
    /// An alias cannot be called so.
    #[error("Invalid alias name [{alias}], {why}")]
    InvalidAliasName {
        /// The name.
        alias: String,
        /// What is wrong with it.
        why: String,
    },
    /// An alias cannot be called so, because an index is.
    #[error("Invalid alias name [{alias}], an index exists with the same name as the alias")]
    AliasIsIndex {
        /// The name.
        alias: String,
    },
    /// An alias would lead writes to several indices.
    #[error("alias [{alias}] has more than one write index [{}]", indices.join(","))]
    SeveralWriteIndices {
        /// The alias.
        alias: String,
        /// The indices that would lead.
        indices: Vec<String>,
    },
    /// There are no such aliases.
    #[error("aliases [{}] missing", aliases.join(","))]
    AliasesMissing {
        /// Their names as asked for.
        aliases: Vec<String>,
    },
    /// There is no such template.
    #[error("template [{}] is missing", key.name)]
    TemplateMissing {
        /// Kind and name.
        key: TemplateKey,
    },
    /// There is a template of that name already.
    #[error("template [{}] already exists", key.name)]
    TemplateExists {
        /// Kind and name.
        key: TemplateKey,
    },
    /// A template cannot be as it is given.
    #[error("template [{}] is invalid: {why}", key.name)]
    InvalidTemplate {
        /// Kind and name.
        key: TemplateKey,
        /// What is wrong with it.
        why: String,
    },
    /// A component that composable templates use is to be removed.
    #[error("component templates [{component}] cannot be removed as they are still in use by index templates [{}]", users.join(", "))]
    ComponentInUse {
        /// The component.
        component: String,
        /// The templates that use it.
        users: Vec<String>,
    },
    /// One change is about too much at once.
    #[error(
        "one change may touch [{limit}] indices and templates at most, this one touches [{wanted}]"
    )]
    TooManyChanges {
        /// How many it is about.
        wanted: usize,
        /// How many it may be.
        limit: usize,
    },
    /// One change is about too many bytes of metadata.
    #[error("one change may write [{limit}] bytes of metadata at most, this one writes [{bytes}]")]
    ChangeTooLarge {
        /// How many it is about.
        bytes: usize,
        /// How many it may be.
        limit: usize,
    },
    /// A date in a name cannot be told.
    #[error("{0}")]
    DateMath(String),
    /// A rollover cannot be.
    #[error("{0}")]
    Rollover(String),
    /// An index cannot be copied as asked.
    #[error("{0}")]
    Resize(String),
    /// An index is not in the state that copying it needs.
    #[error("{0}")]
    ResizeState(String),
    /// A setting of the whole node cannot be.
    #[error(transparent)]
    ClusterSetting(#[from] ClusterSettingError),
    /// Settings that are fixed while an index is open.
    #[error("settings [{}] are fixed while [{}] is open", names.join(", "), index.name)]
    FixedWhileOpen {
        /// The index.
        index: IndexRef,
        /// The settings.
        names: Vec<String>,
    },
    /// The write may go to an alias only, and that is none.
    #[error("[{index}] is not an alias")]
    NotAnAlias {
        /// The name.
        index: Arc<str>,
    },
    /// There is an index of that name already.
    #[error("index [{}/{}] already exists", index.name, index.uuid)]
    IndexExists {
        /// The index that is there.
        index: IndexRef,
    },
    /// No index can be called so.
    #[error("Invalid index name [{index}], {why}")]
    InvalidIndexName {
        /// The name.
        index: Arc<str>,
        /// What is wrong with it.
        why: String,
    },
    /// The node has as many shards as it can.
    #[error(
        "this action would add [{added}] shards, but this cluster currently has [{present}]/[{limit}] \
         maximum shards open"
    )]
    TooManyShards {
        /// How many it would add.
        added: u64,
        /// How many there are.
        present: u64,
        /// How many there may be.
        limit: u64,
    },
    /// As many searches wait for their turn as may.
    #[error("[{running}] searches run and [{waiting}] wait, which is as many as may")]
    TooManySearches {
        /// How many run.
        running: usize,
        /// How many wait.
        waiting: usize,
    },
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// An index has one type, and this is another.
    #[error("the type of [{}] is [{present}], not [{asked}]", index.name)]
    TypeConflict {
        /// The index.
        index: IndexRef,
        /// Its type.
        present: Arc<str>,
        /// The type of the request.
        asked: Arc<str>,
    },
    /// The mapping requires a routing, and there is none.
    #[error("routing is required for [{}]/[{id}]", index.name)]
    RoutingMissing {
        /// The index.
        index: IndexRef,
        /// The document.
        id: String,
    },
    /// An id or a routing is longer than any index could hold.
    #[error("the {what} is too long, must be no longer than {limit} bytes but was: {length}")]
    TooLong {
        /// Which of the two.
        what: &'static str,
        /// The bound in bytes.
        limit: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// A setting of the index blocks this.
    #[error("index [{}] is blocked by [{setting}]", index.name)]
    Blocked {
        /// The index.
        index: IndexRef,
        /// The setting.
        setting: &'static str,
    },
    /// The source cannot be a document's.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A mapping cannot be so, or a document does not fit it.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// It is about one document.
    #[error("[{id}]: {cause}")]
    Document {
        /// The index.
        index: IndexRef,
        /// The shard's number.
        shard: u32,
        /// The document.
        id: String,
        /// The reason.
        cause: DocumentError,
    },
    /// The catalogue could not take the change.
    #[error("the catalogue of indices could not be changed: {0}")]
    Catalog(WriteError),
}

/// Why a document was not written or shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It was not written.
    #[error(transparent)]
    Write(WriteError),
    /// It is there in another version than the reader required.
    #[error(transparent)]
    Conflict(VersionConflict),
    /// Its source cannot be read.
    #[error("{0}")]
    Unreadable(Arc<str>),
}
