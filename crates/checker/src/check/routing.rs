//! The shard of a document (spec concurrency §1.2), written a second time: byte by byte, as the
//! published description of the hash has it.

use crate::Shape;

/// Murmur3, x86, 32 bit, seed 0, of the text in UTF-16, little endian.
fn murmur3(text: &str) -> i32 {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut hash: u32 = 0;
    let mix =
        |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    for block in bytes.chunks(4) {
        let word =
            (0..).zip(block).fold(0, |word, (place, byte)| word | u32::from(*byte) << (8 * place));
        hash ^= mix(word);
        if block.len() == 4 {
            hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
        }
    }
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    for (shift, factor) in [(16, 0x85eb_ca6b), (13, 0xc2b2_ae35), (16, 1)] {
        hash = (hash ^ hash >> shift).wrapping_mul(factor);
    }
    hash.cast_signed()
}

/// The shard of a routing, or of an id that has none.
pub(super) fn shard(shape: &Shape, routing: &str) -> u32 {
    let shards = shape.shards.unwrap_or(1).max(1);
    let slots = shape.routing_shards.unwrap_or_else(|| default_slots(shards)).max(shards);
    let slot = i64::from(murmur3(routing)).rem_euclid(i64::from(slots));
    u32::try_from(slot).unwrap_or(0) / (slots / shards)
}

/// Room to split an index by twos, up to 1,024 shards.
fn default_slots(shards: u32) -> u32 {
    let splits = (1..=10_u32).rev().find(|splits| shards << splits <= 1_024).unwrap_or(1);
    shards << splits
}

#[cfg(test)]
mod tests {
    use super::{default_slots, murmur3, shard};
    use crate::Shape;

    #[test]
    fn the_published_hashes_and_shards() {
        let hashes = [("hell", 0x5a0c_b7c3_u32), ("hello", 0xd7c3_1989), ("hello w", 0x22ab_2984)];
        for (text, expected) in hashes {
            assert_eq!(murmur3(text), expected.cast_signed(), "{text}");
        }
        let shape = Shape { shards: Some(5), routing_shards: Some(5), ..Shape::default() };
        assert_eq!([1, 2, 3, 5, 1_024].map(default_slots), [1_024, 1_024, 768, 640, 2_048]);
        assert_eq!(["1", "7", "8"].map(|id| shard(&shape, id)), [3, 3, 1]);
    }
}
