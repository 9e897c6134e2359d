//! Murmur3 of 32 bits as Spark has it: the bytes after the last four count one by
//! one, with their sign.

use super::columns::ValueHash;

pub(super) struct Murmur3;

fn mix_key(key: u32) -> u32 {
    key.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

fn mix_hash(hash: u32, key: u32) -> u32 {
    (hash ^ mix_key(key))
        .rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64)
}

fn finish(hash: u32, length: u32) -> i32 {
    let mut hash = hash ^ length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}

impl ValueHash for Murmur3 {
    type Hash = i32;

    fn of_int(value: i32, seed: i32) -> i32 {
        finish(mix_hash(seed.cast_unsigned(), value.cast_unsigned()), 4)
    }

    fn of_long(value: i64, seed: i32) -> i32 {
        let value = value.cast_unsigned();
        let (low, high) = (value as u32, (value >> 32) as u32);
        finish(mix_hash(mix_hash(seed.cast_unsigned(), low), high), 8)
    }

    fn of_bytes(value: &[u8], seed: i32) -> i32 {
        let (words, rest) = value.as_chunks::<4>();
        let mut hash = seed.cast_unsigned();
        for word in words {
            hash = mix_hash(hash, u32::from_le_bytes(*word));
        }
        for byte in rest {
            hash = mix_hash(hash, i32::from(byte.cast_signed()).cast_unsigned());
        }
        // A column's value has at most 2 GiB.
        finish(hash, u32::try_from(value.len()).unwrap_or(u32::MAX))
    }
}
