//! A segment's header and its file's name.

use crc32c::crc32c;

use super::fields::Fields;

/// The first bytes of the file; groups follow.
pub(in crate::disk) const SEGMENT_HEADER_BYTES: u64 = HEADER_BYTES as u64;

/// The same, in memory.
const HEADER_BYTES: usize = 512;
/// What a segment begins with.
const MAGIC: [u8; 8] = *b"OCCAMSEG";
/// The version of everything in the file.
const FORMAT_VERSION: u32 = 2;
/// How long a checksum is.
const CHECKSUM_BYTES: usize = 4;

/// Which segment, and which file of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct SegmentIdentity {
    /// Its number, from 1, rising in the order of writing.
    pub(in crate::disk) number: u32,
    /// Mixed into checksums, so that nothing of another file passes for this one's.
    pub(in crate::disk) generation: u64,
}

impl SegmentIdentity {
    /// The segment `number`, created after so many editions of the manifest.
    pub(in crate::disk) fn new(number: u32, edition: u64) -> Self {
        // The finish of SplitMix64: any change of the input changes half of the output's bits.
        let mut mixed = (edition << 32 | u64::from(number)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { number, generation: mixed ^ (mixed >> 31) }
    }

    /// The name of its file.
    pub(in crate::disk) fn file_name(self) -> String {
        format!("segment-{:08}.log", self.number)
    }

    /// The first bytes of its file; whoever reads them compares them with these.
    pub(in crate::disk) fn header(self) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(FORMAT_VERSION.to_le_bytes());
        header.extend(self.number.to_le_bytes());
        header.extend(self.generation.to_le_bytes());
        header.resize(HEADER_BYTES - CHECKSUM_BYTES, 0);
        header.extend(crc32c(&header).to_le_bytes());
        header
    }
}

impl SegmentIdentity {
    /// Which segment a file with this beginning is, if it is one.
    pub(in crate::disk) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.bytes(MAGIC.len())?;
        let (_version, number, generation) = (fields.u32()?, fields.u32()?, fields.u64()?);
        let identity = Self { number, generation };
        bytes.starts_with(&identity.header()).then_some(identity)
    }
}

/// The number of the segment whose file has this name.
pub(in crate::disk) fn segment_number(file_name: &str) -> Option<u32> {
    let number = file_name.strip_prefix("segment-")?.strip_suffix(".log")?.parse().ok()?;
    let identity = SegmentIdentity { number, generation: 0 };
    (identity.file_name() == file_name).then_some(number)
}
