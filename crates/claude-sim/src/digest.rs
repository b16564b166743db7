//! Small deterministic hashing and drawing; nothing here protects anything.

/// FNV-1a, good enough to choose words and to name things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new(seed: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325).add(&seed.to_le_bytes())
    }

    #[must_use]
    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // Ends the part, so that "ab" + "c" differs from "a" + "bc".
        self.0 = (self.0 ^ 0xff).wrapping_mul(0x0100_0000_01b3);
        self
    }

    pub(crate) fn finish(self) -> u64 {
        mix(self.0)
    }
}

/// The finisher of splitmix64: spreads every bit over the whole word.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A sequence of numbers that its seed decides.
#[derive(Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Draws a number below `bound`, zero if there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let word = usize::try_from(self.next() >> 32).unwrap_or_default();
        word.checked_rem(bound).unwrap_or_default()
    }

    /// Draws one of several texts.
    pub(crate) fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

/// Makes an opaque id such as `msg_01…`, different for each number.
pub(crate) fn id(prefix: &str, seed: u64, number: u64) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKMNPQRSTUVWXYZabcdefghi";
    let mut draw = Draw::new(Fnv::new(seed).add(prefix.as_bytes()).finish() ^ mix(number));
    let mut id = format!("{prefix}_01");
    for _ in 0..2 {
        let mut word = draw.next();
        for _ in 0..11 {
            let at = usize::try_from(word & 31).unwrap_or_default();
            id.push(ALPHABET.get(at).copied().map_or('A', char::from));
            word >>= 5;
        }
    }
    id
}
