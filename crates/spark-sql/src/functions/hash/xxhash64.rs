//! XXH64.

use super::columns::ValueHash;

pub(super) struct XxHash64;

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}

fn merge_lane(hash: u64, lane: u64) -> u64 {
    (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4)
}

fn add_word(hash: u64, word: u64) -> u64 {
    (hash ^ round(0, word))
        .rotate_left(27)
        .wrapping_mul(P1)
        .wrapping_add(P4)
}

fn add_half(hash: u64, half: u32) -> u64 {
    (hash ^ u64::from(half).wrapping_mul(P1))
        .rotate_left(23)
        .wrapping_mul(P2)
        .wrapping_add(P3)
}

fn add_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte).wrapping_mul(P5))
        .rotate_left(11)
        .wrapping_mul(P1)
}

fn finish(hash: u64) -> i64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    let hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    (hash ^ (hash >> 32)).cast_signed()
}

impl ValueHash for XxHash64 {
    type Hash = i64;

    fn of_int(value: i32, seed: i64) -> i64 {
        let start = seed.cast_unsigned().wrapping_add(P5).wrapping_add(4);
        finish(add_half(start, value.cast_unsigned()))
    }

    fn of_long(value: i64, seed: i64) -> i64 {
        let start = seed.cast_unsigned().wrapping_add(P5).wrapping_add(8);
        finish(add_word(start, value.cast_unsigned()))
    }

    fn of_bytes(value: &[u8], seed: i64) -> i64 {
        let seed = seed.cast_unsigned();
        let (stripes, rest) = value.as_chunks::<32>();
        let mut hash = if stripes.is_empty() {
            seed.wrapping_add(P5)
        } else {
            let mut lanes = [
                seed.wrapping_add(P1).wrapping_add(P2),
                seed.wrapping_add(P2),
                seed,
                seed.wrapping_sub(P1),
            ];
            for stripe in stripes {
                let (words, _) = stripe.as_chunks::<8>();
                for (lane, word) in lanes.iter_mut().zip(words) {
                    *lane = round(*lane, u64::from_le_bytes(*word));
                }
            }
            let [a, b, c, d] = lanes;
            let sum = a
                .rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18));
            lanes.into_iter().fold(sum, merge_lane)
        };
        hash = hash.wrapping_add(value.len() as u64);
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            hash = add_word(hash, u64::from_le_bytes(*word));
        }
        let (halves, rest) = rest.as_chunks::<4>();
        for half in halves {
            hash = add_half(hash, u32::from_le_bytes(*half));
        }
        finish(rest.iter().fold(hash, |hash, byte| add_byte(hash, *byte)))
    }
}
