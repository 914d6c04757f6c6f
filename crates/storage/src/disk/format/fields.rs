//! Taking numbers off the front of some bytes.

use std::ops::Range;

/// What is left of some bytes. Each method takes a field off the front, or nothing if they are too
/// few.
#[derive(Clone, Copy)]
pub(in crate::disk) struct Fields<'a>(pub(in crate::disk) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `N` bytes.
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(in crate::disk) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    pub(in crate::disk) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(in crate::disk) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(in crate::disk) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(field)
    }
}

/// A length or an offset as memory counts it. What does not fit is beyond any buffer anyway.
pub(in crate::disk) fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The bytes at these offsets, if there are that many.
pub(in crate::disk) fn slice(bytes: &[u8], range: Range<u64>) -> Option<&[u8]> {
    bytes.get(in_memory(range.start)..in_memory(range.end))
}
