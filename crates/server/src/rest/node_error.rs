//! The node's errors in Elasticsearch's words: status, type, reason and details, by dialect.
//!
//! The one place with the texts of version conflicts (spec concurrency §4.7, dialects §3).

use document::{DocumentState, Refusal, Required, VersionConflict};
use hyper::StatusCode;
use node::{
    DataStreamError, DocumentError, Error, IndexRef, SettingError, Settings, SourceError,
    TemplateKey, TemplateKind,
};
use shard::WriteError;

use super::dialect::Dialect;
use super::error::{ErrorBody, Outcome, bad_request, illegal_argument, too_large};
use super::update_body::SUGGESTED_BYTES_MAX;

/// An error of the node, with what its texts depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeError {
    /// What went wrong.
    pub error: Error,
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The type of the document it is about, `_doc` where there is none.
    pub type_name: String,
}

impl NodeError {
    #[allow(clippy::too_many_lines, reason = "one table, read row by row")]
    pub(super) fn body(&self) -> ErrorBody {
        let Self { error, dialect, type_name } = self;
        match error {
            // Recorded of 7.2: an expression that was not looked at as one.
            Error::OneIndexNotFound { index } if *dialect == Dialect::V7 => {
                missing("index_expression", index, format!("no such index [{index}]"))
            }
            Error::OneIndexNotFound { index } | Error::IndexNotFound { index }
                if dialect.names_missing_indices() =>
            {
                index_not_found(index, format!("no such index [{index}]"))
            }
            Error::OneIndexNotFound { index } | Error::IndexNotFound { index } => {
                index_not_found(index, "no such index".to_owned())
            }
            Error::AutoCreateForbidden { index, why } => {
                index_not_found(index, format!("no such index [{index}] and {why}"))
            }
            Error::NotAnAlias { index } => index_not_found(
                index,
                format!(
                    "no such index [{index}] and [require_alias] request flag is [true] and \
                     [{index}] is not an alias"
                ),
            ),
            Error::DataStream(DataStreamError::NotOne(name)) => {
                let why = DataStreamError::NotOne(name.clone());
                index_not_found(name, format!("no such index [{name}] and {why}"))
            }
            Error::DataStream(DataStreamError::Exists(_)) => {
                bad_request("resource_already_exists_exception", error.to_string())
            }
            Error::IndexExists { index } => dialect.index_exists(index),
            Error::InvalidIndexName { index, why } => bad_request(
                "invalid_index_name_exception",
                format!("Invalid index name [{index}], {why}"),
            )
            .with_text("index_uuid", "_na_")
            .with_text("index", &**index),
            Error::TooManyShards { .. } => {
                let reason = format!("Validation Failed: 1: {error};");
                bad_request("validation_exception", reason)
            }
            Error::TooManySearches { .. } => ErrorBody::new(
                StatusCode::TOO_MANY_REQUESTS,
                "es_rejected_execution_exception",
                format!("rejected execution of a search: {error}"),
            ),
            Error::Setting(error) => setting(error),
            Error::IndexClosed { index } => bad_request("index_closed_exception", "closed")
                .with_text("index_uuid", &*index.uuid)
                .with_text("index", &*index.name),
            Error::FixedWhileOpen { index, names } => illegal_argument(format!(
                "Can't update non dynamic settings [[{}]] for open indices [[{}/{}]]",
                names.join(", "),
                index.name,
                index.uuid
            )),
            Error::AliasRefused { alias } => illegal_argument(format!(
                "The provided expression [{alias}] matches an alias, specify the corresponding \
                 concrete indices instead."
            )),
            Error::SeveralIndices { alias, indices } => {
                illegal_argument(dialect.several_indices(alias, indices))
            }
            Error::InvalidAliasName { alias, .. } | Error::AliasIsIndex { alias } => {
                bad_request("invalid_alias_name_exception", error.to_string())
                    .with_text("index_uuid", "_na_")
                    .with_text("index", alias)
            }
            Error::SeveralWriteIndices { .. } | Error::ResizeState(_) => ErrorBody::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "illegal_state_exception",
                error.to_string(),
            )
            .with_outcome(Outcome::NotApplied),
            Error::AliasesMissing { aliases } => ErrorBody::new(
                StatusCode::NOT_FOUND,
                "aliases_not_found_exception",
                format!("aliases [{}] missing", aliases.join(",")),
            )
            .with_text("resource.type", "aliases")
            .with_text("resource.id", aliases.join(",")),
            Error::TemplateMissing { key } => template_missing(key),
            Error::TemplateExists { key } => illegal_argument(match key.kind {
                TemplateKind::Legacy => format!("index_template [{}] already exists", key.name),
                TemplateKind::Index => format!("index template [{}] already exists", key.name),
                TemplateKind::Component => {
                    format!("component template [{}] already exists", key.name)
                }
            }),
            Error::InvalidTemplate { key, why } => match key.kind {
                TemplateKind::Legacy => bad_request(
                    "invalid_index_template_exception",
                    format!(
                        "index_template [{}] invalid, cause [Validation Failed: 1: {why};]",
                        key.name
                    ),
                ),
                TemplateKind::Index | TemplateKind::Component => illegal_argument(why),
            },
            Error::NoWriteIndex { .. }
            | Error::AliasRouting { .. }
            | Error::ComponentInUse { .. }
            | Error::TooManyChanges { .. }
            | Error::ChangeTooLarge { .. }
            | Error::Rollover(_)
            | Error::Resize(_)
            | Error::DataStream(_)
            | Error::ClusterSetting(_) => illegal_argument(error.to_string()),
            Error::DateMath(why) => bad_request("parse_exception", why),
            Error::TypeConflict { index, present, asked } => illegal_argument(format!(
                "Rejecting mapping update to [{}] as the final mapping would have more than 1 \
                 type: [{present}, {asked}]",
                index.name
            )),
            Error::RoutingMissing { index, id } => bad_request(
                "routing_missing_exception",
                format!(
                    "routing is required for {}",
                    dialect.document_path(&index.name, type_name, id)
                ),
            )
            .with_text("index_uuid", &*index.uuid)
            .with_text("index", &*index.name),
            Error::TooLong { .. } => illegal_argument(error.to_string()),
            Error::Blocked { index, setting } => blocked(&index.name, setting, *dialect),
            Error::Source(error) => source(error, *dialect),
            Error::Mapping(error) => super::mapping::error_body(error, *dialect),
            Error::Document { index, shard, id, cause } => {
                let about = Document { index, shard: *shard, id, type_name, dialect: *dialect };
                about.error(cause)
            }
            Error::Catalog(error) => catalog(error),
        }
    }
}

/// The document an error is about.
struct Document<'e> {
    index: &'e IndexRef,
    shard: u32,
    id: &'e str,
    type_name: &'e str,
    dialect: Dialect,
}

impl Document<'_> {
    fn error(&self, cause: &DocumentError) -> ErrorBody {
        match cause {
            DocumentError::Write(error) => self.write_error(error),
            DocumentError::Conflict(conflict) => self.conflict(*conflict),
            DocumentError::Unreadable(reason) => self.unreadable(reason),
        }
    }

    fn write_error(&self, error: &WriteError) -> ErrorBody {
        match error {
            WriteError::Refused(Refusal::Conflict(conflict)) => self.conflict(*conflict),
            WriteError::Refused(Refusal::VersionExhausted) => illegal_argument(format!(
                "[{}]: the version is {} and cannot rise further",
                self.id,
                i64::MAX
            )),
            WriteError::Missing => {
                let prefix = self.dialect.missing_document_prefix(self.type_name, self.id);
                self.located(ErrorBody::new(
                    StatusCode::NOT_FOUND,
                    "document_missing_exception",
                    format!("{prefix}: document missing"),
                ))
            }
            WriteError::Unmodifiable(reason) => {
                bad_request(source_exception(self.dialect), format!("[{}]: {reason}", self.id))
            }
            // The node says what its mappings refuse.
            WriteError::Unfit(reason) => {
                bad_request(source_exception(self.dialect), reason.to_string())
            }
            WriteError::Busy => {
                let reason = format!(
                    "rejected execution of a write on [{}][{}]: its queue is full",
                    self.index.name, self.shard
                );
                let status = StatusCode::TOO_MANY_REQUESTS;
                ErrorBody::new(status, "es_rejected_execution_exception", reason)
            }
            WriteError::Unreadable(reason) => self.unreadable(reason),
            WriteError::NoMemory { wanted, limit } => no_memory(*wanted, *limit),
            WriteError::NoRoom(_)
            | WriteError::Damaged(_)
            | WriteError::Fenced
            | WriteError::Closed
            | WriteError::Unknown(_) => {
                let shard = format!("[{}][{}]", self.index.name, self.shard);
                self.located(unavailable(&shard, error))
            }
        }
    }

    fn unreadable(&self, reason: &str) -> ErrorBody {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.located(
            ErrorBody::new(status, "corrupt_index_exception", format!("[{}]: {reason}", self.id))
                .with_outcome(Outcome::NotApplied),
        )
    }

    fn conflict(&self, conflict: VersionConflict) -> ErrorBody {
        let (kind, text) = self.dialect.conflict(conflict);
        let prefix = self.dialect.document_prefix(self.type_name, self.id);
        let reason = format!("{prefix}: {text}");
        self.located(ErrorBody::new(StatusCode::CONFLICT, kind, reason))
    }

    /// Adds where it happened. 2.x does not know the index's uuid.
    fn located(&self, body: ErrorBody) -> ErrorBody {
        let (index, shard) = (&*self.index.name, self.shard.to_string());
        if self.dialect.locates_by_uuid() {
            body.with_text("index_uuid", &*self.index.uuid)
                .with_text("shard", shard)
                .with_text("index", index)
        } else {
            body.with_text("index", index).with_text("shard", shard)
        }
    }
}

/// What the dialects say differently about errors.
impl Dialect {
    /// Type and text of a conflict, without the document's name before it.
    fn conflict(self, conflict: VersionConflict) -> (&'static str, String) {
        let current = conflict.found.last_write();
        let version = current.map_or(-1, |last| last.version.get());
        let text = match (self, conflict.required) {
            (_, Required::SeqNo { seq_no, term }) => match conflict.found {
                DocumentState::Live(last) => format!(
                    "version conflict, required seqNo [{seq_no}], primary term [{term}]. current \
                     document has seqNo [{}] and primary term [{}]",
                    last.seq_no, last.term
                ),
                DocumentState::Tombstone(_) | DocumentState::Absent => format!(
                    "version conflict, required seqNo [{seq_no}], primary term [{term}]. but no \
                     document was found"
                ),
            },
            (Self::V2, Required::Absence) => {
                let text = "document already exists".to_owned();
                return ("document_already_exists_exception", text);
            }
            (Self::V5 | Self::V7 | Self::V8, Required::Absence) => {
                format!("version conflict, document already exists (current version [{version}])")
            }
            (
                Self::V2,
                Required::Version(provided)
                | Required::Below(provided)
                | Required::NotAbove(provided),
            ) => format!("version conflict, current [{version}], provided [{provided}]"),
            (Self::V7 | Self::V8, Required::Version(provided)) if current.is_none() => {
                format!("version conflict, document does not exist (expected version [{provided}])")
            }
            (Self::V5 | Self::V7 | Self::V8, Required::Version(provided)) => format!(
                "version conflict, current version [{version}] is different than the one provided \
                 [{provided}]"
            ),
            (Self::V5 | Self::V7 | Self::V8, Required::Below(provided)) => format!(
                "version conflict, current version [{version}] is higher or equal to the one \
                 provided [{provided}]"
            ),
            (Self::V5 | Self::V7 | Self::V8, Required::NotAbove(provided)) => format!(
                "version conflict, current version [{version}] is higher than the one provided \
                 [{provided}]"
            ),
        };
        ("version_conflict_engine_exception", text)
    }

    /// How a conflict names its document.
    fn document_prefix(self, type_name: &str, id: &str) -> String {
        match self {
            Self::V2 | Self::V5 => format!("[{type_name}][{id}]"),
            Self::V7 | Self::V8 => format!("[{id}]"),
        }
    }

    /// How the refusal to update a missing document names it.
    fn missing_document_prefix(self, type_name: &str, id: &str) -> String {
        match self {
            Self::V2 | Self::V5 | Self::V7 => format!("[{type_name}][{id}]"),
            Self::V8 => format!("[{id}]"),
        }
    }

    /// How a document is named with its index.
    pub(super) fn document_path(self, index: &str, type_name: &str, id: &str) -> String {
        match self {
            Self::V2 | Self::V5 | Self::V7 => format!("[{index}]/[{type_name}]/[{id}]"),
            Self::V8 => format!("[{index}]/[{id}]"),
        }
    }

    /// How the refusal of an alias of several indices words it, where one index is meant.
    fn several_indices(self, alias: &str, indices: &[String]) -> String {
        let listed = indices.join(", ");
        match self {
            Self::V2 | Self::V5 | Self::V7 => format!(
                "Alias [{alias}] has more than one indices associated with it [[{listed}]], can't \
                 execute a single index op"
            ),
            Self::V8 => format!(
                "alias [{alias}] has more than one index associated with it [{listed}], can't \
                 execute a single index op"
            ),
        }
    }

    fn names_missing_indices(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    fn locates_by_uuid(self) -> bool {
        match self {
            Self::V2 => false,
            Self::V5 | Self::V7 | Self::V8 => true,
        }
    }

    fn index_exists(self, index: &IndexRef) -> ErrorBody {
        let IndexRef { name, uuid } = index;
        let (kind, reason) = match self {
            Self::V2 => ("index_already_exists_exception", "already exists".to_owned()),
            Self::V5 => {
                let reason = format!("index [{name}/{uuid}] already exists");
                ("index_already_exists_exception", reason)
            }
            Self::V7 | Self::V8 => {
                let reason = format!("index [{name}/{uuid}] already exists");
                ("resource_already_exists_exception", reason)
            }
        };
        let body = bad_request(kind, reason);
        let body =
            if self.locates_by_uuid() { body.with_text("index_uuid", &**uuid) } else { body };
        body.with_text("index", &**name)
    }
}

fn index_not_found(index: &str, reason: String) -> ErrorBody {
    missing("index_or_alias", index, reason)
}

/// There is no index; `what` is what its name was taken for.
fn missing(what: &'static str, index: &str, reason: String) -> ErrorBody {
    ErrorBody::new(StatusCode::NOT_FOUND, "index_not_found_exception", reason)
        .with_text("resource.type", what)
        .with_text("resource.id", index)
        .with_text("index_uuid", "_na_")
        .with_text("index", index)
}

/// A block in the words and numbers of the cluster's block table.
fn blocked(index: &str, setting: &str, dialect: Dialect) -> ErrorBody {
    const READ_ONLY_ALLOW_DELETE: &str = "index.blocks.read_only_allow_delete";
    if setting == READ_ONLY_ALLOW_DELETE && dialect == Dialect::V8 {
        let block = "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has \
                     read-only-allow-delete block";
        let reason = format!("index [{index}] blocked by: [{block}];");
        let status = StatusCode::TOO_MANY_REQUESTS;
        return ErrorBody::new(status, "cluster_block_exception", reason);
    }
    let block = match setting {
        "index.blocks.read_only" => "FORBIDDEN/5/index read-only (api)",
        "index.blocks.metadata" => "FORBIDDEN/9/index metadata (api)",
        "index.blocks.read" => "FORBIDDEN/7/index read (api)",
        READ_ONLY_ALLOW_DELETE => "FORBIDDEN/12/index read-only / allow delete (api)",
        _ => "FORBIDDEN/8/index write (api)",
    };
    let reason = format!("index [{index}] blocked by: [{block}];");
    ErrorBody::new(StatusCode::FORBIDDEN, "cluster_block_exception", reason)
}

fn template_missing(key: &TemplateKey) -> ErrorBody {
    let name = &key.name;
    let (kind, reason) = match key.kind {
        TemplateKind::Legacy => {
            ("index_template_missing_exception", format!("index_template [{name}] missing"))
        }
        TemplateKind::Index => {
            ("index_template_missing_exception", format!("index_template [{name}] missing"))
        }
        TemplateKind::Component => (
            "resource_not_found_exception",
            format!("component_templates matching [{name}] not found"),
        ),
    };
    ErrorBody::new(StatusCode::NOT_FOUND, kind, reason)
}

/// The identities of documents fill the memory that they may take. Waiting does not help; deleting
/// documents does.
fn no_memory(wanted: u64, limit: u64) -> ErrorBody {
    too_large("version_table", wanted, limit).with_text("durability", "PERMANENT")
}

/// A write that failed on our side: says whether it may have happened (promise P1).
fn unavailable(what: &str, error: &WriteError) -> ErrorBody {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let outcome = match error {
        WriteError::Unknown(_) => Outcome::Unknown,
        WriteError::Refused(_)
        | WriteError::Missing
        | WriteError::Unmodifiable(_)
        | WriteError::Unfit(_)
        | WriteError::Busy
        | WriteError::Fenced
        | WriteError::NoRoom(_)
        | WriteError::NoMemory { .. }
        | WriteError::Damaged(_)
        | WriteError::Closed
        | WriteError::Unreadable(_) => Outcome::NotApplied,
    };
    let reason = match error {
        WriteError::NoRoom(why) => format!(
            "{what} has no room: {why}. Deletes still work, and other writes work again as soon as \
             there is room, without a restart"
        ),
        WriteError::Damaged(why) => format!(
            "{what} primary shard is not active: {why}; operations may be lost, so that no write \
             can be decided"
        ),
        WriteError::Refused(_)
        | WriteError::Missing
        | WriteError::Unmodifiable(_)
        | WriteError::Unfit(_)
        | WriteError::Busy
        | WriteError::Fenced
        | WriteError::NoMemory { .. }
        | WriteError::Closed
        | WriteError::Unreadable(_)
        | WriteError::Unknown(_) => error.to_string(),
    };
    ErrorBody::new(status, "unavailable_shards_exception", reason).with_outcome(outcome)
}

/// A change of the catalogue that failed: an index was not created or deleted, or perhaps.
fn catalog(error: &WriteError) -> ErrorBody {
    match error {
        WriteError::Busy => ErrorBody::new(
            StatusCode::TOO_MANY_REQUESTS,
            "es_rejected_execution_exception",
            "too many changes of indices are waiting",
        ),
        WriteError::NoMemory { wanted, limit } => no_memory(*wanted, *limit),
        WriteError::Refused(_)
        | WriteError::Missing
        | WriteError::Unmodifiable(_)
        | WriteError::Unfit(_)
        | WriteError::Fenced
        | WriteError::NoRoom(_)
        | WriteError::Damaged(_)
        | WriteError::Closed
        | WriteError::Unreadable(_)
        | WriteError::Unknown(_) => unavailable("the catalogue of indices", error),
    }
}

fn setting(error: &SettingError) -> ErrorBody {
    if let SettingError::NotANumber { value, .. } = error {
        let reason = format!("For input string: \"{value}\"");
        let cause = bad_request("number_format_exception", reason);
        return illegal_argument(error.to_string()).with_cause(cause);
    }
    let SettingError::Unknown(name) = error else { return illegal_argument(error.to_string()) };
    let near = Settings::known()
        .iter()
        .filter(|_| name.len() <= SUGGESTED_BYTES_MAX)
        .filter(|known| strsim::normalized_levenshtein(known, name) > 0.7)
        .copied()
        .collect::<Vec<_>>();
    illegal_argument(match near.as_slice() {
        [] => format!(
            "unknown setting [{name}] please check that any required plugins are installed, or \
             check the breaking changes documentation for removed settings"
        ),
        [only] => format!("unknown setting [{name}] did you mean [{only}]?"),
        several => {
            format!("unknown setting [{name}] did you mean any of [{}]?", several.join(", "))
        }
    })
}

/// The exception of a source that cannot be a document's.
fn source_exception(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V2 | Dialect::V5 | Dialect::V7 => "mapper_parsing_exception",
        Dialect::V8 => "document_parsing_exception",
    }
}

/// A source that is none (spec document-api §8.4).
pub(super) fn source(error: &SourceError, dialect: Dialect) -> ErrorBody {
    let refused = |reason: String| bad_request(source_exception(dialect), reason);
    match error {
        SourceError::Empty => refused("failed to parse, document is empty".to_owned()),
        SourceError::NotAnObject => {
            refused("Malformed content, must start with an object".to_owned())
        }
        SourceError::TrailingData(token) => refused("failed to parse".to_owned()).with_cause(
            illegal_argument(format!("Malformed content, found extra data after parsing: {token}")),
        ),
        SourceError::MetadataField(field) => refused(format!(
            "Field [{field}] is a metadata field and cannot be added inside a document. Use the \
             index API request parameters."
        )),
        SourceError::Malformed(reason) => match dialect {
            Dialect::V2 | Dialect::V5 | Dialect::V7 => refused("failed to parse".to_owned())
                .with_cause(bad_request("json_parse_exception", reason)),
            Dialect::V8 => refused(format!("[1:1] failed to parse: {reason}"))
                .with_cause(bad_request("x_content_parse_exception", reason)),
        },
        SourceError::TooDeep => {
            refused("failed to parse".to_owned()).with_cause(illegal_argument(error.to_string()))
        }
    }
}
