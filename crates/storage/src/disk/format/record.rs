//! One operation as bytes.

use bytes::Bytes;
use crc32c::crc32c;
use document::{
    DocumentId, Effect, LastWrite, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version,
};
use shard::log::OutlineEffect;
use thiserror::Error;

use super::fields::Fields;

/// How long a checksum is.
const CHECKSUM_BYTES: usize = 4;
/// The fixed part of a record.
const HEADER_BYTES: usize = 45;
/// The length of a routing that is not there, as opposed to an empty one.
const NO_ROUTING: u16 = u16::MAX;

/// The number of [`Effect::Index`].
const INDEX: u8 = 1;
/// The number of [`Effect::Delete`].
const DELETE: u8 = 2;
/// The number of [`Effect::Noop`].
const NOOP: u8 = 3;

/// Why an operation has no place in the log: a part of it is longer than the format can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{part} of {bytes} bytes is too long to be stored")]
pub(in crate::disk) struct TooLong {
    /// Which part.
    pub(in crate::disk) part: &'static str,
    /// Its length.
    pub(in crate::disk) bytes: usize,
}

/// Why some bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(in crate::disk) struct Malformed(pub(in crate::disk) &'static str);

/// An operation taken apart into what a record holds.
struct Parts<'a> {
    kind: u8,
    version: i64,
    id: &'a str,
    routing: Option<&'a str>,
    source: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The parts of an operation.
    fn new(operation: &'a Operation) -> Self {
        match &operation.effect {
            Effect::Index { id, routing, version, source } => Self {
                kind: INDEX,
                version: version.get(),
                id: id.as_str(),
                routing: routing.as_ref().map(Routing::as_str),
                source,
            },
            Effect::Delete { id, version } => Self {
                kind: DELETE,
                version: version.get(),
                id: id.as_str(),
                routing: None,
                source: &[],
            },
            Effect::Noop { reason } => {
                Self { kind: NOOP, version: 0, id: "", routing: None, source: reason.as_bytes() }
            }
        }
    }

    /// How long their record is.
    fn record_bytes(&self) -> usize {
        HEADER_BYTES + self.id.len() + self.routing.map_or(0, str::len) + self.source.len()
    }
}

/// How long the operation's record is.
pub(super) fn record_bytes(operation: &Operation) -> usize {
    Parts::new(operation).record_bytes()
}

/// Appends the operation's record.
pub(super) fn encode_record(operation: &Operation, bytes: &mut Vec<u8>) -> Result<(), TooLong> {
    let parts = Parts::new(operation);
    let length = parts.record_bytes();
    let length =
        u32::try_from(length).map_err(|_| TooLong { part: "an operation", bytes: length })?;
    let id_length = u16::try_from(parts.id.len())
        .map_err(|_| TooLong { part: "an id", bytes: parts.id.len() })?;
    let routing_length = routing_length(parts.routing)?;

    let start = bytes.len();
    bytes.extend([0; CHECKSUM_BYTES]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(operation.seq_no.get().to_le_bytes());
    bytes.extend(operation.term.get().to_le_bytes());
    bytes.extend(operation.time.as_millis().to_le_bytes());
    bytes.extend(parts.version.to_le_bytes());
    bytes.push(parts.kind);
    bytes.extend(id_length.to_le_bytes());
    bytes.extend(routing_length.to_le_bytes());
    bytes.extend_from_slice(parts.id.as_bytes());
    bytes.extend_from_slice(parts.routing.unwrap_or_default().as_bytes());
    bytes.extend_from_slice(parts.source);

    let record = bytes.get_mut(start..).unwrap_or_default();
    if let Some((checksum, rest)) = record.split_first_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = crc32c(rest).to_le_bytes();
    }
    Ok(())
}

/// The field that says how long the routing is, if there is one.
fn routing_length(routing: Option<&str>) -> Result<u16, TooLong> {
    let Some(routing) = routing else { return Ok(NO_ROUTING) };
    u16::try_from(routing.len())
        .ok()
        .filter(|length| *length != NO_ROUTING)
        .ok_or(TooLong { part: "a routing", bytes: routing.len() })
}

/// How long the record at the front of these bytes says it is.
pub(super) fn stated_bytes(bytes: &[u8]) -> Option<usize> {
    let mut fields = Fields(bytes);
    fields.u32()?;
    usize::try_from(fields.u32()?).ok()
}

/// The front of a record: all that an outline needs of it, and nothing that is checksummed apart.
pub(super) struct RecordHead<'a> {
    /// How long the whole record is.
    pub(super) record_bytes: usize,
    /// How many bytes of it were looked at. Only if all of them are what was written is this.
    pub(super) head_bytes: usize,
    /// The operation without its location; a no-op has none.
    pub(super) document: Option<(&'a str, LastWrite, OutlineEffect)>,
}

impl<'a> RecordHead<'a> {
    /// The head of the record at the front of these bytes, which its checksum says nothing about:
    /// the caller knows from elsewhere which bytes are what was written.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(CHECKSUM_BYTES)?;
        let record_bytes = usize::try_from(fields.u32()?).ok()?;
        let seq_no = SeqNo::new(fields.u64()?);
        let term = PrimaryTerm::new(fields.u64()?);
        let time = Timestamp::from_millis(fields.i64()?);
        let version = Version::new(fields.i64()?)?;
        let kind = fields.u8()?;
        let (id_length, _routing_length) = (fields.u16()?, fields.u16()?);
        let id = std::str::from_utf8(fields.bytes(usize::from(id_length))?).ok()?;
        let head_bytes = bytes.len() - fields.0.len();
        let effect = match kind {
            INDEX => Some(OutlineEffect::Indexed),
            DELETE => Some(OutlineEffect::Deleted(time)),
            NOOP => None,
            _ => return None,
        };
        let document = effect.map(|effect| (id, LastWrite { seq_no, term, version }, effect));
        let is_whole = (head_bytes..=bytes.len()).contains(&record_bytes);
        is_whole.then_some(Self { record_bytes, head_bytes, document })
    }
}

/// The operation of a record. Its source is a slice of `record`, not a copy.
pub(in crate::disk) fn decode_record(record: &Bytes) -> Result<Operation, Malformed> {
    let (checksum, rest) = record.split_first_chunk().ok_or(Malformed("a record is cut short"))?;
    if crc32c(rest) != u32::from_le_bytes(*checksum) {
        return Err(Malformed("a record does not match its checksum"));
    }
    decode_fields(record, Fields(rest)).ok_or(Malformed("a record makes no sense"))
}

/// The operation of a record whose checksum holds.
fn decode_fields(record: &Bytes, mut fields: Fields<'_>) -> Option<Operation> {
    if usize::try_from(fields.u32()?).ok()? != record.len() {
        return None;
    }
    let seq_no = SeqNo::new(fields.u64()?);
    let term = PrimaryTerm::new(fields.u64()?);
    let time = Timestamp::from_millis(fields.i64()?);
    let version = Version::new(fields.i64()?)?;
    let kind = fields.u8()?;
    let id_length = fields.u16()?;
    let routing_length = fields.u16()?;
    let id = std::str::from_utf8(fields.bytes(usize::from(id_length))?).ok()?;
    let routing = match routing_length {
        NO_ROUTING => None,
        length => Some(std::str::from_utf8(fields.bytes(usize::from(length))?).ok()?),
    };
    let source = fields.0;
    let effect = match (kind, routing) {
        (INDEX, routing) => Effect::Index {
            id: DocumentId::from(id),
            routing: routing.map(Routing::from),
            version,
            source: record.slice_ref(source),
        },
        (DELETE, None) if source.is_empty() => Effect::Delete { id: DocumentId::from(id), version },
        (NOOP, None) if id.is_empty() => {
            Effect::Noop { reason: std::str::from_utf8(source).ok()?.into() }
        }
        _ => return None,
    };
    Some(Operation { seq_no, term, time, effect })
}
