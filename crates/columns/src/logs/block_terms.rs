//! The terms of one block as they stand in the journal: found in place, so that neither a replay nor a search unpacks them.
//!
//! ```text
//! count of plain terms (4) | count of hashes (4) | ends of the plain terms in their text (4 each) | text
//! | hashes (6 each: the highest 48 bits, big endian)
//! ```
//! Plain terms and hashes ascend.

use super::needs::Need;
use super::terms::{is_varied_term, term_hash};
use crate::bytes::{Reader, put_u32};
use crate::error::ColumnsError;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Bits of a term's hash that are kept.
const HASH_BITS: u32 = 48;
/// Bytes in which a hash stands.
const HASH_BYTES: usize = HASH_BITS as usize / 8;
/// Bytes before the ends.
const HEAD_BYTES: usize = 8;
/// Bytes of an end.
const END_BYTES: usize = 4;

const WHAT: &str = "terms of a block";

/// The terms of one block, each once.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockTerms {
    bytes: Arc<[u8]>,
    /// How many terms stand as text.
    plain: usize,
    /// Where the hashes begin.
    hashes_at: usize,
}

impl BlockTerms {
    /// From terms in ascending order that hold no zero byte, and ascending hashes ([`term_hash`]).
    pub(super) fn of(plain: &[&str], hashes: &[u64]) -> Self {
        let text: usize = plain.iter().map(|term| term.len()).sum();
        let hashes_at = HEAD_BYTES + plain.len() * END_BYTES + text;
        let mut bytes = Vec::with_capacity(hashes_at + hashes.len() * HASH_BYTES);
        put_u32(&mut bytes, plain.len() as u32);
        put_u32(&mut bytes, hashes.len() as u32);
        let mut end = 0;
        for term in plain {
            end += term.len() as u32;
            put_u32(&mut bytes, end);
        }
        plain.iter().for_each(|term| bytes.extend_from_slice(term.as_bytes()));
        for hash in hashes {
            let [kept @ .., _, _] = hash.to_be_bytes();
            bytes.extend_from_slice(&kept);
        }
        Self { bytes: bytes.into(), plain: plain.len(), hashes_at }
    }

    /// Takes bytes that [`Self::bytes`] gave.
    ///
    /// # Errors
    /// Not such bytes.
    pub fn open(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let wrong = |reason| ColumnsError::Inconsistent { what: WHAT, reason };
        let mut reader = Reader::new(bytes);
        let (plain, hashes) = (reader.u32(WHAT)? as usize, reader.u32(WHAT)? as usize);
        let ends = reader.take(plain.saturating_mul(END_BYTES), WHAT)?;
        let ends = ends.chunks_exact(END_BYTES).filter_map(|end| end.try_into().ok().map(u32::from_le_bytes));
        let length = ends.clone().next_back().unwrap_or(0) as usize;
        let text = reader.take(length, WHAT)?;
        let text = std::str::from_utf8(text).map_err(|_| wrong("the text is not UTF-8"))?;
        let hashes_at = reader.offset();
        reader.take(hashes.saturating_mul(HASH_BYTES), WHAT)?;
        reader.finish(WHAT)?;
        if !ends.clone().all(|end| text.is_char_boundary(end as usize)) || !ends.is_sorted() {
            return Err(wrong("the ends of the terms are not in order"));
        }
        Ok(Self { bytes: bytes.into(), plain, hashes_at })
    }

    /// The bytes described above.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The terms for a dictionary in ascending order, none of which holds a zero byte.
    pub fn plain(&self) -> impl Iterator<Item = &str> {
        (0..self.plain).map(|place| self.plain_at(place))
    }

    /// The hashes ([`term_hash`]) of the other terms in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        self.kept_hashes().iter().map(|kept| hash_of_kept(*kept))
    }

    /// Whether the block has the term; now and then (once in billions) true for one that it has not.
    #[must_use]
    pub fn has(&self, term: &str) -> bool {
        self.has_hash(term_hash(term)) || (!is_varied_term(term) && self.has_plain(term))
    }

    /// Whether a row of the block may pass a filter that needs this.
    #[must_use]
    pub fn fulfil(&self, need: &Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Term(term) => self.has(term),
            Need::All(needs) => needs.iter().all(|need| self.fulfil(need)),
            Need::Any(needs) => needs.iter().any(|need| self.fulfil(need)),
        }
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn has_hash(&self, hash: u64) -> bool {
        let [wanted @ .., _, _] = hash.to_be_bytes();
        let kept = self.kept_hashes();
        // Hashes lie evenly: near their share of the list, so that a look touches one or two lines of memory.
        let near = (u128::from(hash) * kept.len() as u128) >> u64::BITS;
        let (before, after) = kept.split_at((near as usize).min(kept.len()));
        match after.first().map(|first| first.cmp(&wanted)) {
            Some(Ordering::Equal) => true,
            Some(Ordering::Less) => after.iter().find(|kept| **kept >= wanted) == Some(&wanted),
            _ => before.iter().rev().find(|kept| **kept <= wanted) == Some(&wanted),
        }
    }

    fn has_plain(&self, term: &str) -> bool {
        let (mut low, mut high) = (0, self.plain);
        while low < high {
            let middle = low.midpoint(high);
            match self.plain_at(middle).cmp(term) {
                Ordering::Equal => return true,
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        false
    }

    fn kept_hashes(&self) -> &[[u8; HASH_BYTES]] {
        self.bytes.get(self.hashes_at..).unwrap_or_default().as_chunks().0
    }

    fn plain_at(&self, place: usize) -> &str {
        let end_of = |place: usize| {
            let at = HEAD_BYTES + place * END_BYTES;
            let end = self.bytes.get(at..at + END_BYTES).and_then(|end| end.try_into().ok());
            end.map_or(0, u32::from_le_bytes) as usize
        };
        let text = HEAD_BYTES + self.plain * END_BYTES;
        let (start, end) = (place.checked_sub(1).map_or(0, end_of), end_of(place));
        let term = self.bytes.get(text + start..text + end).unwrap_or_default();
        // All text was looked through when the terms were opened.
        std::str::from_utf8(term).unwrap_or_default()
    }
}

impl Default for BlockTerms {
    fn default() -> Self {
        Self::of(&[], &[])
    }
}

impl fmt::Debug for BlockTerms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.plain()).entries(self.hashes()).finish()
    }
}

/// A term's hash from its bits that are kept: the lowest bits repeat some, since hash lists look at both ends.
fn hash_of_kept([a, b, c, d, e, f]: [u8; HASH_BYTES]) -> u64 {
    widened(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

/// A term's hash from the bits that are kept of it.
pub(super) fn widened(kept: u64) -> u64 {
    const LIST_BITS: u64 = (1 << crate::limits::HASH_LIST_FINGERPRINT_BITS) - 1;
    kept << (u64::BITS - HASH_BITS) | (kept & LIST_BITS)
}

/// The bits of a full hash that are kept.
pub(super) fn kept_bits(hash: u64) -> u64 {
    hash >> (u64::BITS - HASH_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn what_is_in_is_found_and_nothing_else(
            plain in proptest::collection::btree_set("[a-z=\u{1f}é]{0,6}", 0..40),
            varied in proptest::collection::btree_set("[a-f]{3}[0-9]{4}", 0..300),
        ) {
            let hashes: BTreeSet<u64> = varied.iter().map(|term| term_hash(term)).collect();
            let hashes: Vec<u64> = hashes.into_iter().collect();
            let terms = BlockTerms::of(&plain.iter().map(String::as_str).collect::<Vec<_>>(), &hashes);
            prop_assert!(plain.iter().chain(&varied).all(|term| terms.has(term)));
            prop_assert!(!terms.has("absent") && !terms.has("absent0001"));
            prop_assert!(terms.plain().eq(plain.iter().map(String::as_str)));
            prop_assert_eq!(terms.hashes().collect::<Vec<_>>(), hashes);
            prop_assert_eq!(BlockTerms::open(terms.bytes()).unwrap(), terms);
        }

        #[test]
        fn garbage_never_panics(mut bytes: Vec<u8>, small in 0u8..3) {
            if let [a, b, c, d, ..] = bytes.as_mut_slice() {
                (*a, *b, *c, *d) = (small, 0, 0, 0);
            }
            if let Ok(terms) = BlockTerms::open(&bytes) {
                let _ = (format!("{terms:?}"), terms.has("a"), terms.has("abcd1234"));
            }
        }
    }

    #[test]
    fn needs_are_fulfilled_as_they_say() {
        let terms = BlockTerms::of(&["one", "two"], &[]);
        let term = |term: &str| Need::Term(term.into());
        let (both, either) =
            (|other| Need::All(vec![term("one"), term(other)]), |other| Need::Any(vec![term("one"), term(other)]));
        assert!(terms.fulfil(&Need::Nothing) && !terms.fulfil(&Need::Any(Vec::new())));
        assert!(terms.fulfil(&both("two")) && !terms.fulfil(&both("three")) && terms.fulfil(&either("three")));
    }
}
