//! Which shard a document lives on (spec concurrency §1.2).

/// The hash of a routing text: Murmur3 (x86, 32 bit, seed 0) over its UTF-16 code units, little
/// endian. Austin Appleby's algorithm, which is in the public domain.
pub(crate) fn hash(routing: &str) -> i32 {
    let mut hash = 0_u32;
    let mut length = 0_u32;
    let mut units = routing.encode_utf16();
    while let Some(low) = units.next() {
        let Some(high) = units.next() else {
            // A tail of two bytes.
            length += 2;
            hash ^= scramble(u32::from(low));
            break;
        };
        length += 4;
        hash ^= scramble(u32::from(low) | u32::from(high) << 16);
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= length;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    (hash ^ hash >> 16).cast_signed()
}

fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// The shard of a document with this routing, or this id where it has none.
pub(crate) fn shard(routing: &str, routing_shards: u32, shards: u32) -> u32 {
    let slots = i64::from(routing_shards.max(1));
    let slot = u32::try_from(i64::from(hash(routing)).rem_euclid(slots)).unwrap_or(0);
    (slot / (routing_shards / shards.max(1)).max(1)).min(shards.saturating_sub(1))
}

/// The `number_of_routing_shards` of an index that does not set it: room to split it by factors of
/// two up to 1,024 shards (Elasticsearch 7.0 and later).
pub(crate) fn default_routing_shards(shards: u32) -> u32 {
    let log2 = shards.max(1).next_power_of_two().trailing_zeros();
    shards << 10_u32.saturating_sub(log2).max(1)
}

#[cfg(test)]
mod tests {
    use super::{default_routing_shards, hash, shard};

    #[test]
    fn hashes_are_those_of_elasticsearch() {
        let vectors = [
            ("hell", 0x5a0c_b7c3),
            ("hello", 0xd7c3_1989),
            ("hello w", 0x22ab_2984),
            ("hello wo", 0xdf0c_a123),
            ("The quick brown fox jumps over the lazy dog", 0xe07d_b09c),
            ("1", 0xf879_cc33),
            ("7", 0xba6a_6966),
            ("8", 0x2bd4_5632_u32),
        ];
        for (text, expected) in vectors {
            assert_eq!(hash(text).cast_unsigned(), expected, "{text}");
        }
    }

    #[test]
    fn the_ids_of_the_legacy_profile_fall_where_the_transcripts_say() {
        assert_eq!([shard("1", 5, 5), shard("7", 5, 5), shard("8", 5, 5)], [3, 3, 1]);
    }

    #[test]
    fn room_to_split_as_elasticsearch_leaves_it() {
        let of = [1, 2, 3, 5, 512, 1_024].map(default_routing_shards);
        assert_eq!(of, [1_024, 1_024, 768, 640, 1_024, 2_048]);
        for n in 1..=1_024 {
            let routing = default_routing_shards(n);
            assert!((0..200).all(|id| shard(&id.to_string(), routing, n) < n));
        }
    }
}
