//! Guesses the next key of an object from the previous objects.
//!
//! Producers write the same keys in the same order with the same punctuation,
//! line after line. This module remembers the text between one value and the next
//! (`, "user_id": `), and which of these texts followed which, so that finding a
//! known key takes one comparison of up to 32 bytes. A wrong guess costs a
//! little time and never changes a result: the key is then parsed.

/// The longest text between two values that is remembered.
const TOKEN_BYTES: usize = 32;
/// The most texts that are remembered. If objects keep bringing new keys,
/// learning stops here.
const MAX_TOKENS: usize = 128;
/// Guesses tried for each key.
const GUESSES: usize = 4;

/// The value belongs to no field of the schema.
pub(crate) const SKIP: u32 = u32::MAX;

/// A state of the prediction: after the opening brace, or after a certain key.
pub(crate) type At = usize;

/// After the opening brace.
pub(crate) const START: At = 0;

/// After a key that is not remembered.
const NOWHERE: At = usize::MAX;

type Words = [u64; TOKEN_BYTES / 8];

// Aligned so that finding a token by its index is a shift.
#[derive(Debug)]
#[repr(align(128))]
struct Token {
    /// The text, padded with zeros.
    text: Words,
    /// Ones for the bytes of `text`, zeros for the padding.
    mask: Words,
    length: usize,
    /// Index of the field whose value follows, or [`SKIP`].
    target: u32,
    /// Tokens that came next; only the first ones are valid.
    next: [u16; GUESSES],
    known: usize,
    /// Which guess was replaced last, once all are in use.
    rotor: usize,
}

/// The keys of the objects that were read so far.
#[derive(Debug)]
pub(crate) struct Shape {
    tokens: Vec<Token>,
}

/// A key that was guessed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) at: At,
    pub(crate) target: u32,
    /// Index of the value, or of the white space before it.
    pub(crate) value: usize,
}

impl Shape {
    pub(crate) fn new() -> Self {
        let start = Token::new(&[], SKIP).into_iter();
        Self {
            tokens: start.collect(),
        }
    }

    /// Guesses the key at `pos`, which follows the last key. `None` if no guess
    /// matches.
    #[inline(always)]
    pub(crate) fn guess(&self, from: At, buf: &[u8], pos: usize) -> Option<Found> {
        let last = self.tokens.get(from)?;
        let here = words(buf.get(pos..)?.first_chunk::<TOKEN_BYTES>()?);
        for &next in last.next.get(..last.known)? {
            let token = self.tokens.get(usize::from(next))?;
            if token.matches(&here) {
                return Some(Found {
                    at: usize::from(next),
                    target: token.target,
                    value: pos + token.length,
                });
            }
        }
        None
    }

    /// Remembers that after the last key came `text` and a value of `target`.
    #[cold]
    pub(crate) fn learn(&mut self, from: At, text: &[u8], target: u32) -> At {
        let Some(token) = Token::new(text, target) else {
            return NOWHERE;
        };
        let same = |t: &Token| t.length == token.length && t.text == token.text;
        // The first token stands for the opening brace and matches nothing.
        let known = self.tokens.iter().skip(1).position(same);
        let at = match known {
            Some(before) => before + 1,
            None if self.tokens.len() < MAX_TOKENS => {
                self.tokens.push(token);
                self.tokens.len() - 1
            }
            None => return NOWHERE,
        };
        if let (Some(last), Ok(next)) = (self.tokens.get_mut(from), u16::try_from(at)) {
            last.expect_next(next);
        }
        at
    }
}

impl Token {
    fn new(text: &[u8], target: u32) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        let mut mask = [0; TOKEN_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        mask.get_mut(..text.len())?.fill(0xff);
        Some(Self {
            text: words(&bytes),
            mask: words(&mask),
            length: text.len(),
            target,
            next: [0; GUESSES],
            known: 0,
            rotor: 0,
        })
    }

    #[inline(always)]
    fn matches(&self, here: &Words) -> bool {
        let [h0, h1, h2, h3] = here;
        let [t0, t1, t2, t3] = &self.text;
        let [m0, m1, m2, m3] = &self.mask;
        ((h0 & m0) ^ t0) | ((h1 & m1) ^ t1) | ((h2 & m2) ^ t2) | ((h3 & m3) ^ t3) == 0
    }

    fn expect_next(&mut self, next: u16) {
        let taken = self.next.get(..self.known).unwrap_or_default();
        if taken.contains(&next) {
            return;
        }
        let slot = if self.known < GUESSES {
            self.known += 1;
            self.known - 1
        } else {
            self.rotor = (self.rotor + 1) % GUESSES;
            self.rotor
        };
        if let Some(slot) = self.next.get_mut(slot) {
            *slot = next;
        }
    }
}

#[inline(always)]
fn words(bytes: &[u8; TOKEN_BYTES]) -> Words {
    let mut words = [0; TOKEN_BYTES / 8];
    let (chunks, _) = bytes.as_chunks::<8>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Found, SKIP, START, Shape};

    const LINE: &[u8] = br#""id": 1, "city": "Rome", "tag": null}                              "#;

    #[test]
    fn follows_what_it_learned() {
        let mut shape = Shape::new();
        assert_eq!(shape.guess(START, LINE, 0), None);
        let id = shape.learn(START, br#""id": "#, 0);
        let city = shape.learn(id, br#", "city": "#, SKIP);
        let found = |at, target, value| Some(Found { at, target, value });
        assert_eq!(shape.guess(START, LINE, 0), found(id, 0, 6));
        assert_eq!(shape.guess(id, LINE, 7), found(city, SKIP, 17));
        assert_eq!(shape.guess(city, LINE, 23), None);
    }

    #[test]
    fn takes_no_guess_from_a_key_that_only_begins_alike() {
        let mut shape = Shape::new();
        shape.learn(START, br#""i": "#, 0);
        assert_eq!(shape.guess(START, LINE, 0), None);
    }

    #[test]
    fn stops_learning_and_keeps_working() {
        let mut shape = Shape::new();
        let mut at = START;
        for n in 0..1000 {
            at = shape.learn(at, format!(", \"key{n}\": ").as_bytes(), n);
        }
        assert!(shape.tokens.len() <= super::MAX_TOKENS);
        assert_eq!(shape.learn(START, &[b'x'; 33], 1), super::NOWHERE);
        assert_eq!(shape.guess(super::NOWHERE, LINE, 0), None);
    }
}
