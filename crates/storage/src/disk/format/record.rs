//! One operation as bytes, which can be read and verified alone, by its location.

use bytes::Bytes;
use crc32c::crc32c;
use document::{
    DocumentId, Effect, LastWrite, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version,
};
use shard::log::OutlineEffect;
use thiserror::Error;

use super::{
    fields::Fields,
    varint::{push_varint, unzigzag, varint_bytes, zigzag},
};

/// How long a checksum is.
const CHECKSUM_BYTES: usize = 4;
/// How long an id or a routing may be.
const NAME_BYTES_MAX: usize = u16::MAX as usize;

/// The number of [`Effect::Index`] without a routing.
const INDEX: u8 = 1;
/// The number of [`Effect::Delete`].
const DELETE: u8 = 2;
/// The number of [`Effect::Noop`].
const NOOP: u8 = 3;
/// The number of [`Effect::Index`] with a routing.
const INDEX_ROUTED: u8 = 4;

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
    seq_no: u64,
    term: u64,
    time: i64,
    kind: u8,
    version: i64,
    id: &'a str,
    routing: Option<&'a str>,
    source: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The parts of an operation.
    fn new(operation: &'a Operation) -> Self {
        let parts = Self {
            seq_no: operation.seq_no.get(),
            term: operation.term.get(),
            time: operation.time.as_millis(),
            kind: NOOP,
            version: 0,
            id: "",
            routing: None,
            source: &[],
        };
        match &operation.effect {
            Effect::Index { id, routing, version, source } => Self {
                kind: if routing.is_some() { INDEX_ROUTED } else { INDEX },
                version: version.get(),
                id: id.as_str(),
                routing: routing.as_ref().map(Routing::as_str),
                source,
                ..parts
            },
            Effect::Delete { id, version } => {
                Self { kind: DELETE, version: version.get(), id: id.as_str(), ..parts }
            }
            Effect::Noop { reason } => Self { source: reason.as_bytes(), ..parts },
        }
    }

    /// The numbers between a record's length and its names, in order.
    fn numbers(&self) -> [u64; 5] {
        let [seq_no, term, time] = [self.seq_no, self.term, zigzag(self.time)];
        [seq_no, term, time, self.version.cast_unsigned(), self.id.len() as u64]
    }

    /// How long what follows the length is.
    fn stated_bytes(&self) -> usize {
        let numbers: usize = self.numbers().into_iter().map(varint_bytes).sum();
        let routing =
            self.routing.map_or(0, |routing| varint_bytes(routing.len() as u64) + routing.len());
        1 + numbers + self.id.len() + routing + self.source.len()
    }

    /// Nothing, if its names are no longer than the format allows.
    fn check_names(&self) -> Result<(), TooLong> {
        for (part, name) in [("an id", self.id), ("a routing", self.routing.unwrap_or_default())] {
            if name.len() > NAME_BYTES_MAX {
                return Err(TooLong { part, bytes: name.len() });
            }
        }
        Ok(())
    }
}

/// How long the operation's record is.
pub(super) fn record_bytes(operation: &Operation) -> usize {
    let stated = Parts::new(operation).stated_bytes();
    CHECKSUM_BYTES + varint_bytes(stated as u64) + stated
}

/// Appends the operation's record.
pub(super) fn encode_record(operation: &Operation, bytes: &mut Vec<u8>) -> Result<(), TooLong> {
    let parts = Parts::new(operation);
    parts.check_names()?;
    let start = bytes.len();
    bytes.extend([0; CHECKSUM_BYTES]);
    push_varint(parts.stated_bytes() as u64, bytes);
    bytes.push(parts.kind);
    for number in parts.numbers() {
        push_varint(number, bytes);
    }
    if let Some(routing) = parts.routing {
        push_varint(routing.len() as u64, bytes);
    }
    bytes.extend_from_slice(parts.id.as_bytes());
    bytes.extend_from_slice(parts.routing.unwrap_or_default().as_bytes());
    bytes.extend_from_slice(parts.source);

    let record = bytes.get_mut(start..).unwrap_or_default();
    if let Some((checksum, rest)) = record.split_first_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = crc32c(rest).to_le_bytes();
    }
    Ok(())
}

/// How long the record at the front of these bytes says it is.
pub(super) fn stated_bytes(bytes: &[u8]) -> Option<usize> {
    let mut fields = Fields(bytes);
    fields.u32()?;
    let stated = usize::try_from(fields.varint()?).ok()?;
    stated.checked_add(bytes.len() - fields.0.len())
}

/// What stands between a record's length and its source, in order.
struct Front<'a> {
    kind: u8,
    last: LastWrite,
    time: Timestamp,
    id: &'a str,
    /// How long the routing behind the id is, if there is one.
    routing_bytes: Option<u64>,
}

impl<'a> Front<'a> {
    /// Takes it off the front of what follows a record's length, up to the id.
    fn take(fields: &mut Fields<'a>) -> Option<Self> {
        let kind = fields.u8()?;
        let seq_no = SeqNo::new(fields.varint()?);
        let term = PrimaryTerm::new(fields.varint()?);
        let time = Timestamp::from_millis(unzigzag(fields.varint()?));
        let version = Version::new(fields.varint()?.cast_signed())?;
        let id_bytes = fields.varint()?;
        let routing_bytes = if kind == INDEX_ROUTED { Some(fields.varint()?) } else { None };
        let id = take_name(fields, id_bytes)?;
        Some(Self { kind, last: LastWrite { seq_no, term, version }, time, id, routing_bytes })
    }
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
        let record_bytes = stated_bytes(bytes)?;
        let mut fields = Fields(bytes);
        fields.bytes(CHECKSUM_BYTES)?;
        fields.varint()?;
        let Front { kind, last, time, id, .. } = Front::take(&mut fields)?;
        let head_bytes = bytes.len() - fields.0.len();
        let effect = match kind {
            INDEX | INDEX_ROUTED => Some(OutlineEffect::Indexed),
            DELETE => Some(OutlineEffect::Deleted(time)),
            NOOP => None,
            _ => return None,
        };
        let document = effect.map(|effect| (id, last, effect));
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

/// The operation of a record whose checksum holds. Nothing passes but what is encoded so.
fn decode_fields(record: &Bytes, mut fields: Fields<'_>) -> Option<Operation> {
    if usize::try_from(fields.varint()?).ok()? != fields.0.len() {
        return None;
    }
    let Front { kind, last, time, id, routing_bytes } = Front::take(&mut fields)?;
    let LastWrite { seq_no, term, version } = last;
    let routing = match routing_bytes {
        Some(length) => Some(Routing::from(take_name(&mut fields, length)?)),
        None => None,
    };
    let source = fields.0;
    let effect = match kind {
        INDEX | INDEX_ROUTED => Effect::Index {
            id: DocumentId::from(id),
            routing,
            version,
            source: record.slice_ref(source),
        },
        DELETE if source.is_empty() => Effect::Delete { id: DocumentId::from(id), version },
        NOOP if id.is_empty() && version.get() == 0 => {
            Effect::Noop { reason: std::str::from_utf8(source).ok()?.into() }
        }
        _ => return None,
    };
    Some(Operation { seq_no, term, time, effect })
}

/// Takes an id or a routing of this length.
fn take_name<'a>(fields: &mut Fields<'a>, length: u64) -> Option<&'a str> {
    let length = usize::try_from(length).ok().filter(|length| *length <= NAME_BYTES_MAX)?;
    std::str::from_utf8(fields.bytes(length)?).ok()
}
