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
pub(crate) const NO_FIELD: u32 = u32::MAX;

/// A state of the prediction: after the opening brace, or after a certain key.
pub(crate) type KeyState = usize;

/// After the opening brace.
pub(crate) const AFTER_BRACE: KeyState = 0;

/// After a key that is not remembered.
const UNKNOWN_KEY: KeyState = usize::MAX;

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
    /// Index of the field whose value follows, or [`NO_FIELD`].
    target: u32,
    /// Tokens that came next; only the first ones are valid.
    next: [u16; GUESSES],
    next_count: usize,
    /// Which guess was replaced last, once all are in use.
    replaced_guess: usize,
}

/// The keys of the objects that were read so far.
#[derive(Debug)]
pub(crate) struct KeyPredictor {
    tokens: Vec<Token>,
}

/// A key that was guessed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundKey {
    pub(crate) state: KeyState,
    pub(crate) target: u32,
    /// Index of the value, or of the white space before it.
    pub(crate) value_start: usize,
}

impl KeyPredictor {
    pub(crate) fn new() -> Self {
        let start = Token::new(&[], NO_FIELD).into_iter();
        Self {
            tokens: start.collect(),
        }
    }

    /// Guesses the key at `pos`, which follows the last key. `None` if no guess
    /// matches.
    #[inline(always)]
    pub(crate) fn guess_key(&self, last_key: KeyState, buf: &[u8], pos: usize) -> Option<FoundKey> {
        let last = self.tokens.get(last_key)?;
        let words_here = to_words(buf.get(pos..)?.first_chunk::<TOKEN_BYTES>()?);
        for &next in last.next.get(..last.next_count)? {
            let token = self.tokens.get(usize::from(next))?;
            if token.matches_words(&words_here) {
                return Some(FoundKey {
                    state: usize::from(next),
                    target: token.target,
                    value_start: pos + token.length,
                });
            }
        }
        None
    }

    /// Remembers that after the last key came `text` and a value of `target`.
    #[cold]
    pub(crate) fn learn_key(&mut self, last_key: KeyState, text: &[u8], target: u32) -> KeyState {
        let Some(token) = Token::new(text, target) else {
            return UNKNOWN_KEY;
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
            None => return UNKNOWN_KEY,
        };
        if let (Some(last), Ok(next)) = (self.tokens.get_mut(last_key), u16::try_from(at)) {
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
            text: to_words(&bytes),
            mask: to_words(&mask),
            length: text.len(),
            target,
            next: [0; GUESSES],
            next_count: 0,
            replaced_guess: 0,
        })
    }

    #[inline(always)]
    fn matches_words(&self, here: &Words) -> bool {
        let [h0, h1, h2, h3] = here;
        let [t0, t1, t2, t3] = &self.text;
        let [m0, m1, m2, m3] = &self.mask;
        ((h0 & m0) ^ t0) | ((h1 & m1) ^ t1) | ((h2 & m2) ^ t2) | ((h3 & m3) ^ t3) == 0
    }

    fn expect_next(&mut self, next: u16) {
        let taken = self.next.get(..self.next_count).unwrap_or_default();
        if taken.contains(&next) {
            return;
        }
        let slot = if self.next_count < GUESSES {
            self.next_count += 1;
            self.next_count - 1
        } else {
            self.replaced_guess = (self.replaced_guess + 1) % GUESSES;
            self.replaced_guess
        };
        if let Some(slot) = self.next.get_mut(slot) {
            *slot = next;
        }
    }
}

#[inline(always)]
fn to_words(bytes: &[u8; TOKEN_BYTES]) -> Words {
    let mut words = [0; TOKEN_BYTES / 8];
    let (chunks, _) = bytes.as_chunks::<8>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = u64::from_le_bytes(*chunk);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{AFTER_BRACE, FoundKey, KeyPredictor, NO_FIELD};

    const LINE: &[u8] = br#""id": 1, "city": "Rome", "tag": null}                              "#;

    #[test]
    fn follows_what_it_learned() {
        let mut shape = KeyPredictor::new();
        assert_eq!(shape.guess_key(AFTER_BRACE, LINE, 0), None);
        let id = shape.learn_key(AFTER_BRACE, br#""id": "#, 0);
        let city = shape.learn_key(id, br#", "city": "#, NO_FIELD);
        let found = |at, target, value| {
            Some(FoundKey {
                state: at,
                target,
                value_start: value,
            })
        };
        assert_eq!(shape.guess_key(AFTER_BRACE, LINE, 0), found(id, 0, 6));
        assert_eq!(shape.guess_key(id, LINE, 7), found(city, NO_FIELD, 17));
        assert_eq!(shape.guess_key(city, LINE, 23), None);
    }

    #[test]
    fn takes_no_guess_from_a_key_that_only_begins_alike() {
        let mut shape = KeyPredictor::new();
        shape.learn_key(AFTER_BRACE, br#""i": "#, 0);
        assert_eq!(shape.guess_key(AFTER_BRACE, LINE, 0), None);
    }

    #[test]
    fn stops_learning_and_keeps_working() {
        let mut shape = KeyPredictor::new();
        let mut at = AFTER_BRACE;
        for n in 0..1000 {
            at = shape.learn_key(at, format!(", \"key{n}\": ").as_bytes(), n);
        }
        assert!(shape.tokens.len() <= super::MAX_TOKENS);
        assert_eq!(
            shape.learn_key(AFTER_BRACE, &[b'x'; 33], 1),
            super::UNKNOWN_KEY
        );
        assert_eq!(shape.guess_key(super::UNKNOWN_KEY, LINE, 0), None);
    }
}
