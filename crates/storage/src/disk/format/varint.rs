//! Numbers in as few bytes as they need: seven bits in each, the lowest first, and the highest bit of
//! each byte but the last set. There is one way to write a number, and no other is read.

use super::fields::Fields;

/// The bit that says that more bytes follow.
const MORE: u8 = 0x80;
/// How many bits of the number a byte holds.
const BITS: u32 = 7;

/// How many bytes a number takes.
pub(super) fn varint_bytes(number: u64) -> usize {
    // Zero takes a byte as well.
    let bits = u64::BITS - (number | 1).leading_zeros();
    bits.div_ceil(BITS) as usize
}

/// Appends a number.
pub(in crate::disk) fn push_varint(number: u64, bytes: &mut Vec<u8>) {
    let mut rest = number;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= BITS;
        if rest == 0 {
            return bytes.push(low);
        }
        bytes.push(low | MORE);
    }
}

impl Fields<'_> {
    /// A number that takes as few bytes as it can.
    pub(super) fn varint(&mut self) -> Option<u64> {
        take_varint(&mut self.0)
    }
}

/// Takes a number off the front of some bytes, if it takes as few of them as it can.
#[inline]
pub(in crate::disk) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first & MORE == 0 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    take_long(bytes)
}

/// The same, of more than one byte.
fn take_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(BITS as usize) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & !MORE);
        let shifted = bits << shift;
        if shifted >> shift != bits {
            return None;
        }
        number |= shifted;
        if byte & MORE == 0 {
            // A last byte of nothing could be left out.
            return (byte != 0).then_some(number);
        }
    }
    None
}

/// A number with its sign in the lowest bit, so that small ones of either sign are short.
pub(in crate::disk) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// The number that [`zigzag`] made this of.
pub(in crate::disk) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_in_one_way() {
        let edges = (0..u64::BITS).flat_map(|bits| {
            let power = 1_u64 << bits;
            [power - 1, power, power + 1]
        });
        for number in edges.chain([u64::MAX - 1, u64::MAX]) {
            let mut bytes = Vec::new();
            push_varint(number, &mut bytes);
            assert_eq!(bytes.len(), varint_bytes(number));
            assert_eq!(Fields(&bytes).varint(), Some(number));
            for cut in 0..bytes.len() {
                assert_eq!(Fields(&bytes[..cut]).varint(), None);
            }
            // The same number with a byte more.
            *bytes.last_mut().unwrap() |= MORE;
            bytes.push(0);
            assert_eq!(Fields(&bytes).varint(), None);
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut bytes = [0xff; 10];
        for last in 2..=0x7f {
            bytes[9] = last;
            assert_eq!(Fields(&bytes).varint(), None);
        }
        assert_eq!(Fields(&[0xff; 20]).varint(), None);
    }

    #[test]
    fn small_numbers_of_either_sign_are_short() {
        for (number, zigzagged) in
            [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)]
        {
            assert_eq!(zigzag(number), zigzagged);
            assert_eq!(unzigzag(zigzagged), number);
        }
    }
}
