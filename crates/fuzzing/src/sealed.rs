//! The files of a log, written by the description of their format and not by the code that writes
//! them in production: whatever they hold, their checksums are right.

use crc32c::{crc32c, crc32c_append};

/// What reaches the disk whole or not at all.
const SECTOR_BYTES: usize = 512;
/// How long the header of a group is.
const GROUP_HEADER_BYTES: usize = 44;

/// A segment while it is written.
#[derive(Clone)]
pub(crate) struct SealedSegment {
    pub(crate) number: u32,
    pub(crate) generation: u64,
    pub(crate) bytes: Vec<u8>,
    /// Where its header and its groups end.
    pub(crate) ends: Vec<u64>,
}

impl SealedSegment {
    /// A segment without groups.
    pub(crate) fn new(number: u32, generation: u64) -> Self {
        let mut bytes = b"OCCAMSEG".to_vec();
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(generation.to_le_bytes());
        bytes.resize(508, 0);
        bytes.extend(crc32c(&bytes).to_le_bytes());
        Self { number, generation, bytes, ends: vec![512] }
    }

    /// Adds a group of this kind with this payload, written when the log ended durably at `durable`:
    /// the segment and the offset.
    pub(crate) fn push_group(&mut self, kind: u32, payload: &[u8], durable: (u32, u64)) {
        let rest_of_sector = SECTOR_BYTES - self.bytes.len() % SECTOR_BYTES;
        if rest_of_sector < GROUP_HEADER_BYTES {
            self.bytes.resize(self.bytes.len() + rest_of_sector, 0);
        }
        let start = self.bytes.len();
        let sectors = payload.len().div_ceil(SECTOR_BYTES);
        let count = sectors + usize::from(sectors > 0);
        let mut sums = Vec::new();
        let (mut at, mut rest) = (start + GROUP_HEADER_BYTES + 4 * count, payload);
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(SECTOR_BYTES - at % SECTOR_BYTES));
            sums.extend(crc32c(part).to_le_bytes());
            (at, rest) = (at + part.len(), behind);
        }
        sums.resize(4 * count, 0);
        let mut header = b"OGRP".to_vec();
        header.extend(kind.to_le_bytes());
        header.extend((start as u64).to_le_bytes());
        header.extend((payload.len() as u64).to_le_bytes());
        header.extend(durable.1.to_le_bytes());
        header.extend(durable.0.to_le_bytes());
        header.extend(crc32c(&sums).to_le_bytes());
        let checksum = crc32c_append(crc32c(&self.generation.to_le_bytes()), &header);
        header.extend(checksum.to_le_bytes());
        self.bytes.extend(header);
        self.bytes.extend(sums);
        self.bytes.extend(payload);
        self.ends.push(self.bytes.len() as u64);
    }

    /// The checkpoint of the segment as it is: blocks of these payloads, and an end that states so
    /// many frames and operations.
    pub(crate) fn checkpoint(&self, blocks: &[&[u8]], frames: u64, operations: u64) -> Vec<u8> {
        let end = self.bytes.len() as u64;
        let mut bytes = b"OCCAMCPT".to_vec();
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(end.to_le_bytes());
        bytes.extend(crc32c(&bytes).to_le_bytes());
        let stated: Vec<u8> =
            [frames, operations].iter().flat_map(|number| number.to_le_bytes()).collect();
        let outlines = blocks.iter().map(|block| (1_u32, *block));
        for (kind, payload) in outlines.chain([(2, &stated[..])]) {
            let place =
                [self.generation, end, bytes.len() as u64, u64::from(kind), payload.len() as u64];
            let sum = place.iter().fold(0, |sum, field| crc32c_append(sum, &field.to_le_bytes()));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
            bytes.extend(crc32c_append(sum, payload).to_le_bytes());
            bytes.extend(payload);
        }
        bytes
    }
}

/// A frame of these records, each without its checksum and its length.
pub(crate) fn frame(stream: u64, term: u64, next_seq_no: u64, records: &[&[u8]]) -> Vec<u8> {
    let mut sealed = Vec::new();
    for record in records {
        let mut stated = Vec::new();
        push_varint(record.len() as u64, &mut stated);
        stated.extend(*record);
        sealed.extend(crc32c(&stated).to_le_bytes());
        sealed.extend(stated);
    }
    let mut frame = Vec::new();
    for field in [stream, term, next_seq_no, sealed.len() as u64] {
        frame.extend(field.to_le_bytes());
    }
    frame.extend(u32::try_from(records.len()).unwrap().to_le_bytes());
    frame.extend(sealed);
    frame
}

/// A manifest of these lines, with its first and its last.
pub(crate) fn manifest(lines: &str) -> Vec<u8> {
    let text = format!("occam manifest 1\n{lines}");
    let checksum = crc32c(text.as_bytes());
    format!("{text}crc32c {checksum:08x}\n").into_bytes()
}

/// Seven bits in each byte, the lowest first, and the highest bit of all but the last set.
fn push_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}
