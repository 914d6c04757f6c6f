//! What the clients of a small world do.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use checker::{Action, Condition, Fields, ReadBy, Upsert};
use document::{Precondition, PrimaryTerm, SeqNo, Version};
use shard::{Change, Modified, Modify, Update, Write, WriteError};

use super::disk::Bug;

/// The one document.
pub(super) const ID: &str = "d";

/// So many bytes are merged beside the writer.
const LONG_MERGE_BYTES: usize = 1 << 20;

/// One operation of a client. What it requires is what the client knows of the document by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Reads it.
    Get,
    /// Indexes it.
    Index,
    /// Creates it.
    Create,
    /// Deletes it.
    Delete,
    /// Merges a field into it.
    Update,
    /// The same, by a merge that takes long.
    UpdateLong,
    /// Merges a field into it, or makes it of that field.
    Upsert,
    /// Updates it to what it was when the client saw it last, which may be no change.
    Restore,
    /// Indexes it if its last write is the one the client saw last.
    IndexIf,
    /// The same for a delete.
    DeleteIf,
    /// The same for an update.
    UpdateIf,
    /// Indexes it if its version is the one the client saw last (`version=`).
    IndexVersion,
    /// Indexes it as this external version.
    External(u64),
    /// Indexes it as this external version or one like it.
    ExternalGte(u64),
    /// Deletes it as this external version.
    DeleteExternal(u64),
}

/// How often something may happen in one interleaving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Crashes.
    pub crashes: u8,
    /// Appends that end other than they should.
    pub faults: u8,
    /// Clients that hang up.
    pub hang_ups: u8,
    /// Steps of the clock beyond `gc_deletes`.
    pub clock_steps: u8,
    /// Stored operations that collection moves.
    pub moves: u8,
}

/// A small world.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What was done, one after the other, before it begins.
    pub before: Vec<Act>,
    /// For each client its requests; one of several operations is a bulk.
    pub programs: Vec<Vec<Vec<Act>>>,
    /// What may happen besides.
    pub allowed: Allowed,
    /// Whether reads of sources take their time.
    pub slow_reads: bool,
    /// What is wrong with it.
    pub bug: Option<Bug>,
}

/// What a client knows of the document: its last write, and its source, as far as it was shown.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) seq_no: u64,
    pub(super) term: u64,
    pub(super) version: u64,
    pub(super) fields: Fields,
}

impl Default for Known {
    /// What a client may guess of a document that it has never seen.
    fn default() -> Self {
        Self { seq_no: 0, term: 1, version: 1, fields: fields("a", 0) }
    }
}

fn fields(name: &str, token: u64) -> Fields {
    BTreeMap::from([(name.to_owned(), token)])
}

impl Act {
    /// The operation as the checker sees it; `token` is its own.
    pub(super) fn action(self, known: &Known, token: u64) -> Action {
        let seq_no = Condition::SeqNo { seq_no: known.seq_no, term: known.term };
        let index = |condition| Action::Index { condition, fields: fields("a", token) };
        let update = |condition, upsert| Action::Update {
            condition,
            change: fields("b", token),
            upsert,
            detect_noop: true,
        };
        match self {
            Self::Get => Action::Read { version: None, by: ReadBy::Get },
            Self::Index => index(Condition::None),
            Self::Create => {
                Action::Create { condition: Condition::None, fields: fields("a", token) }
            }
            Self::Delete => Action::Delete { condition: Condition::None },
            Self::Update | Self::UpdateLong => update(Condition::None, None),
            Self::Upsert => update(Condition::None, Some(Upsert::Change)),
            Self::Restore => Action::Update {
                condition: Condition::None,
                change: known.fields.clone(),
                upsert: None,
                detect_noop: true,
            },
            Self::IndexIf => index(seq_no),
            Self::DeleteIf => Action::Delete { condition: seq_no },
            Self::UpdateIf => update(seq_no, None),
            Self::IndexVersion => index(Condition::Version(known.version)),
            Self::External(version) => index(Condition::External(version)),
            Self::ExternalGte(version) => index(Condition::ExternalGte(version)),
            Self::DeleteExternal(version) => {
                Action::Delete { condition: Condition::External(version) }
            }
        }
    }
}

/// The write that an action asks of the shard; a read asks for none.
pub(super) fn write(act: Act, action: &Action) -> Option<Write> {
    let (condition, change) = match action {
        Action::Index { condition, fields } => (condition, Change::Index(encode(fields))),
        Action::Create { condition, fields } => (condition, Change::Create(encode(fields))),
        Action::Delete { condition } => (condition, Change::Delete),
        Action::Update { condition, change, upsert, detect_noop: _ } => {
            let weight = if act == Act::UpdateLong { LONG_MERGE_BYTES } else { 0 };
            let (change, upserts) = (change.clone(), upsert.is_some());
            let modify = Arc::new(Merge { change, upserts, weight });
            (condition, Change::Update(Update { modify, wants_document: false, basis: None }))
        }
        Action::Read { .. } => return None,
    };
    let precondition = precondition(*condition)?;
    Some(Write { id: ID.into(), routing: None, precondition, change, fits: None })
}

/// What a shard is told; nothing of what queries require, for they look for themselves.
fn precondition(condition: Condition) -> Option<Precondition> {
    let version =
        |number| Version::new(i64::try_from(number).unwrap_or(i64::MAX)).unwrap_or(Version::MAX);
    Some(match condition {
        Condition::None => Precondition::None,
        Condition::SeqNo { seq_no, term } => {
            Precondition::SeqNo { seq_no: SeqNo::new(seq_no), term: PrimaryTerm::new(term) }
        }
        Condition::Version(number) => Precondition::Version(version(number)),
        Condition::External(number) => Precondition::ExternalGreater(version(number)),
        Condition::ExternalGte(number) => Precondition::ExternalGreaterOrEqual(version(number)),
        Condition::Holds(_) => return None,
    })
}

/// Merges fields into a source.
#[derive(Debug)]
struct Merge {
    change: Fields,
    upserts: bool,
    weight: usize,
}

impl Modify for Merge {
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, WriteError> {
        let Some(present) = present else {
            let missing = Modified::Missing;
            return Ok(if self.upserts { Modified::Source(encode(&self.change)) } else { missing });
        };
        let before = decode(present);
        let mut merged = before.clone();
        merged.extend(self.change.iter().map(|(name, token)| (name.clone(), *token)));
        let is_same = merged == before;
        Ok(if is_same { Modified::Noop } else { Modified::Source(encode(&merged)) })
    }

    fn weight(&self) -> usize {
        self.weight
    }
}

/// The source of these fields: `name=token;` for each.
pub(super) fn encode(fields: &Fields) -> Bytes {
    let source: String = fields.iter().map(|(name, token)| format!("{name}={token};")).collect();
    source.into()
}

/// The fields of a source.
pub(super) fn decode(source: &[u8]) -> Fields {
    let text = String::from_utf8_lossy(source);
    let pairs = text.split_terminator(';').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, token)| Some((name.to_owned(), token.parse().ok()?))).collect()
}
