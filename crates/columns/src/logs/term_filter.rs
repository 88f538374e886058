//! The terms of a block as a Bloom filter: what a block in memory has instead of an index.
//!
//! Split into lines of 256 bits (Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", 2007): a term
//! sets one bit in each of the eight words of one line, so that a question costs one line of memory.

use super::needs::Need;
use super::terms::{BlockTerms, term_hash};

/// Bits for each term: about one question in a thousand is answered yes wrongly.
const BITS_A_TERM: usize = 16;

/// Odd numbers that spread a hash over the words of a line (those of the Parquet format's filter).
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

type Line = [u32; 8];

/// Which terms a block may have. A term that it has is never denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermFilter {
    /// None: every term may be there.
    lines: Vec<Line>,
}

impl TermFilter {
    /// The filter of these terms.
    #[must_use]
    pub fn of(terms: &BlockTerms) -> Self {
        let count = terms.plain.len() + terms.hashes.len();
        let mut lines = vec![Line::default(); (count * BITS_A_TERM).div_ceil(256).max(1)];
        let plain = terms.plain.iter().map(|term| term_hash(term));
        for hash in plain.chain(terms.hashes.iter().copied()) {
            let place = place_of(hash, lines.len());
            if let Some(line) = lines.get_mut(place) {
                line.iter_mut().zip(bits_of(hash)).for_each(|(word, bit)| *word |= bit);
            }
        }
        Self { lines }
    }

    /// A filter that denies nothing.
    #[must_use]
    pub fn of_everything() -> Self {
        Self { lines: Vec::new() }
    }

    /// Whether the block may have what is needed.
    #[must_use]
    pub fn fulfils(&self, need: &Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Term(term) => self.may_have(term_hash(term)),
            Need::All(needs) => needs.iter().all(|need| self.fulfils(need)),
            Need::Any(needs) => needs.iter().any(|need| self.fulfils(need)),
        }
    }

    /// Whether the block may have a term with this hash.
    #[must_use]
    pub fn may_have(&self, hash: u64) -> bool {
        let Some(line) = self.lines.get(place_of(hash, self.lines.len())) else { return true };
        line.iter().zip(bits_of(hash)).all(|(word, bit)| word & bit != 0)
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }
}

fn place_of(hash: u64, lines: usize) -> usize {
    // The upper half scaled to the number of lines, without a division.
    (((hash >> 32) * lines as u64) >> 32) as usize
}

fn bits_of(hash: u64) -> impl Iterator<Item = u32> {
    SALTS.iter().map(move |salt| 1 << ((hash as u32).wrapping_mul(*salt) >> 27))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_denies_no_term_it_has_and_nearly_every_other() {
        let terms = BlockTerms {
            plain: (0..500).map(|n| format!("word{n}")).collect(),
            hashes: (0..2_500).map(|n| term_hash(&format!("{n:08x}"))).collect(),
        };
        let filter = TermFilter::of(&terms);
        assert!(filter.heap_bytes() < 3_000 * 2 + 64);
        assert!((0..500).all(|n| filter.fulfils(&Need::Term(format!("word{n}")))));
        assert!((0..2_500).all(|n| filter.fulfils(&Need::Term(format!("{n:08x}")))));
        let wrong = (0..100_000).filter(|n| filter.fulfils(&Need::Term(format!("other{n}")))).count();
        assert!(wrong < 300, "{wrong} of 100,000");
        let both = |other: &str| Need::All(vec![Need::Term("word7".into()), Need::Term(other.into())]);
        assert!(filter.fulfils(&both("word8")) && !filter.fulfils(&both("absent")));
        assert!(filter.fulfils(&Need::Nothing) && !filter.fulfils(&Need::Any(Vec::new())));
        assert!(TermFilter::of_everything().fulfils(&both("absent")));
    }
}
