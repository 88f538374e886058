//! The dictionary of terms of a part: which of its blocks have a term.
//!
//! Terms stand in ascending order in pages of about [`TERM_PAGE_BYTES`]; a list of the pages' first terms says which page
//! may hold one. So a lookup reads that list once a part, and then one page for each term.

use crate::error::LogStoreError;
use crate::limits::TERM_PAGE_BYTES;
use crate::pages::Pages;
use clew_columns::bytes::{BytesError, Problem, Reader, put_bytes, put_varint};
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::sync::Arc;

const WHAT: &str = "a term index";

/// Where a stored term index is in the index region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TermPlaces {
    /// Where its pages begin.
    pub start: usize,
    /// Bytes of the pages.
    pub pages: usize,
    /// Bytes of the list of pages, which follows them.
    pub list: usize,
}

/// Collects the terms of blocks.
#[derive(Debug, Default)]
pub(crate) struct TermIndexBuilder {
    terms: HashMap<Box<str>, Blocks>,
    blocks: u32,
}

/// The blocks that have a term, in order.
#[derive(Debug)]
struct Blocks {
    first: u32,
    last: u32,
    /// From each to the next, as varints.
    steps: Vec<u8>,
}

impl TermIndexBuilder {
    /// Adds the next block, with its terms, each once.
    pub fn add_block<'t>(&mut self, terms: impl Iterator<Item = &'t str>) {
        let block = self.blocks;
        self.blocks = block.saturating_add(1);
        for term in terms {
            match self.terms.get_mut(term) {
                Some(blocks) => {
                    put_varint(&mut blocks.steps, u64::from(block - blocks.last));
                    blocks.last = block;
                }
                None => {
                    let blocks = Blocks { first: block, last: block, steps: Vec::new() };
                    self.terms.insert(term.into(), blocks);
                }
            }
        }
    }

    /// Appends the index to `region` and answers where it is.
    pub fn finish(self, region: &mut Vec<u8>) -> TermPlaces {
        let mut terms: Vec<(Box<str>, Blocks)> = self.terms.into_iter().collect();
        terms.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let start = region.len();
        let (mut list, mut page) = (Vec::new(), Vec::new());
        let mut before: &str = "";
        for (term, blocks) in &terms {
            if page.len() >= TERM_PAGE_BYTES {
                put_varint(&mut list, page.len() as u64);
                region.append(&mut page);
            }
            if page.is_empty() {
                put_bytes(&mut list, term.as_bytes());
                before = "";
            }
            let shared = term.bytes().zip(before.bytes()).take_while(|(left, right)| left == right).count();
            put_varint(&mut page, shared as u64);
            put_bytes(&mut page, term.as_bytes().get(shared..).unwrap_or_default());
            blocks.put(&mut page);
            before = term;
        }
        if !page.is_empty() {
            put_varint(&mut list, page.len() as u64);
            region.append(&mut page);
        }
        let places = TermPlaces { start, pages: region.len() - start, list: list.len() };
        region.append(&mut list);
        places
    }
}

impl Blocks {
    /// Writes them as steps or as a bitmap, whichever is shorter.
    fn put(&self, out: &mut Vec<u8>) {
        let mut steps = Vec::with_capacity(self.steps.len() + 2);
        put_varint(&mut steps, u64::from(self.first));
        steps.extend_from_slice(&self.steps);
        let bitmap_bytes = (self.last / 8) as usize + 1;
        if steps.len() <= bitmap_bytes {
            put_varint(out, (steps.len() as u64) << 1);
            out.extend_from_slice(&steps);
            return;
        }
        let mut bitmap = vec![0u8; bitmap_bytes];
        // What was written above is well-formed.
        let _ = each_step(&steps, |block| {
            if let Some(bits) = bitmap.get_mut(block / 8) {
                *bits |= 1 << (block % 8);
            }
        });
        put_varint(out, (bitmap.len() as u64) << 1 | 1);
        out.extend_from_slice(&bitmap);
    }
}

/// Calls `visit` with each block that steps lead to.
fn each_step(steps: &[u8], mut visit: impl FnMut(usize)) -> Result<(), BytesError> {
    let mut reader = Reader::new(steps);
    let mut block = 0u64;
    while !reader.is_empty() {
        block = block.saturating_add(reader.varint(WHAT)?);
        visit(usize::try_from(block).unwrap_or(usize::MAX));
    }
    Ok(())
}

/// Calls `visit` with each block whose bit is set.
fn each_bit(bitmap: &[u8], mut visit: impl FnMut(usize)) {
    for (byte, bits) in bitmap.iter().enumerate() {
        (0..8).filter(|bit| bits >> bit & 1 == 1).for_each(|bit| visit(byte * 8 + bit));
    }
}

/// A stored index opened for lookups.
#[derive(Debug)]
pub(crate) struct TermIndex {
    pages: Arc<Pages>,
    list: Vec<PagePlace>,
}

/// A page of terms.
#[derive(Debug)]
struct PagePlace {
    first: Box<[u8]>,
    offset: usize,
    length: usize,
}

impl TermIndex {
    /// Reads the list of pages.
    pub fn open(pages: Arc<Pages>, places: TermPlaces, file: &str) -> Result<Self, LogStoreError> {
        let end = places.start.saturating_add(places.pages);
        let bytes = pages.read(end, places.list)?;
        let list = read_list(&bytes, places).map_err(|error| damaged(file, &error))?;
        Ok(Self { pages, list })
    }

    /// Calls `visit` with each block that has the term.
    pub fn blocks_with(&self, term: &str, file: &str, visit: impl FnMut(usize)) -> Result<(), LogStoreError> {
        let after = self.list.partition_point(|page| *page.first <= *term.as_bytes());
        let Some(page) = after.checked_sub(1).and_then(|at| self.list.get(at)) else { return Ok(()) };
        let bytes = self.pages.read(page.offset, page.length)?;
        look_up(&bytes, term.as_bytes(), visit).map_err(|error| damaged(file, &error))
    }
}

fn damaged(file: &str, error: &BytesError) -> LogStoreError {
    LogStoreError::damaged(file, format!("its term index: {error}"))
}

fn read_list(bytes: &[u8], places: TermPlaces) -> Result<Vec<PagePlace>, BytesError> {
    let mut reader = Reader::new(bytes);
    let (mut list, mut offset, mut left) = (Vec::new(), places.start, places.pages);
    while !reader.is_empty() {
        let first = reader.bytes(WHAT)?.into();
        let length = bounded(&mut reader, left)?;
        list.push(PagePlace { first, offset, length });
        offset += length;
        left -= length;
    }
    Ok(list)
}

/// A number that is at most `most`.
fn bounded(reader: &mut Reader<'_>, most: usize) -> Result<usize, BytesError> {
    let number = reader.varint(WHAT)?;
    let fits = usize::try_from(number).ok().filter(|number| *number <= most);
    fits.ok_or_else(|| reader.error(WHAT, Problem::BadValue(number)))
}

/// Finds a term in a page.
fn look_up(page: &[u8], wanted: &[u8], visit: impl FnMut(usize)) -> Result<(), BytesError> {
    let mut reader = Reader::new(page);
    let mut term: Vec<u8> = Vec::new();
    while !reader.is_empty() {
        let shared = bounded(&mut reader, term.len())?;
        term.truncate(shared);
        term.extend_from_slice(reader.bytes(WHAT)?);
        let blocks = reader.varint(WHAT)?;
        let bytes = reader.take(usize::try_from(blocks >> 1).unwrap_or(usize::MAX), WHAT)?;
        match term.as_slice().cmp(wanted) {
            Ordering::Less => {}
            Ordering::Greater => return Ok(()),
            Ordering::Equal if blocks & 1 == 0 => return each_step(bytes, visit),
            Ordering::Equal => {
                each_bit(bytes, visit);
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::pages::{PageCache, page_checksums};
    use clew_host::ReadFile;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// A file that is its bytes.
    #[derive(Debug)]
    struct Bytes(Vec<u8>);

    impl ReadFile for Bytes {
        fn len(&self) -> std::io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_exact_at(&self, out: &mut [u8], offset: u64) -> std::io::Result<()> {
            let from = usize::try_from(offset).unwrap();
            out.copy_from_slice(self.0.get(from..from + out.len()).ok_or(std::io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    fn pages(region: Vec<u8>) -> Arc<Pages> {
        let (length, checksums) = (region.len(), page_checksums(&region));
        let cache = Arc::new(PageCache::new(1 << 20));
        Arc::new(Pages::new(Arc::new(Bytes(region)), "f", 0, length, checksums, cache))
    }

    fn build(blocks: &[BTreeSet<String>]) -> (Vec<u8>, TermPlaces) {
        let mut builder = TermIndexBuilder::default();
        blocks.iter().for_each(|terms| builder.add_block(terms.iter().map(String::as_str)));
        // Something stands before it, as the hash list does.
        let mut region = vec![0xff; 7];
        let places = builder.finish(&mut region);
        (region, places)
    }

    fn found(index: &TermIndex, term: &str) -> Vec<usize> {
        let mut found = Vec::new();
        index.blocks_with(term, "f", |block| found.push(block)).unwrap();
        found
    }

    fn check(blocks: &[BTreeSet<String>], strangers: &[String]) {
        let (region, places) = build(blocks);
        let index = TermIndex::open(pages(region), places, "f").unwrap();
        let mut model: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (block, terms) in blocks.iter().enumerate() {
            terms.iter().for_each(|term| model.entry(term).or_default().push(block));
        }
        for (term, blocks) in &model {
            assert_eq!(found(&index, term), *blocks, "{term:?}");
        }
        for term in strangers.iter().filter(|term| !model.contains_key(term.as_str())) {
            assert_eq!(found(&index, term), Vec::<usize>::new(), "{term:?}");
        }
    }

    #[test]
    fn many_terms_over_many_pages_and_blocks_are_found() {
        // Terms in every block, in every second, in one; enough for many pages and for bitmaps.
        let blocks: Vec<BTreeSet<String>> = (0..300)
            .map(|block| {
                let own = (0..20).map(move |own| format!("word{:04}", (block * 20 + own) % 4_000));
                let rare = (block % 2 == 0).then(|| "even\u{1f}".to_owned());
                own.chain(rare).chain(["all".to_owned(), String::new()]).collect()
            })
            .collect();
        let strangers = ["al", "alll", "\u{0}", "word", "word4000", "zzz"].map(str::to_owned);
        check(&blocks, &strangers);
        let (_, places) = build(&blocks);
        assert!(places.pages > 4 * TERM_PAGE_BYTES, "{places:?}");
        check(&[], &strangers);
        check(&[BTreeSet::new()], &strangers);
    }

    proptest! {
        #[test]
        fn what_was_added_is_found_and_nothing_else(
            blocks in prop::collection::vec(prop::collection::btree_set("[ab\u{1f}é]{0,6}", 0..40), 0..40),
            strangers in prop::collection::vec("[ab\u{1f}é]{0,7}", 0..40),
        ) {
            check(&blocks, &strangers);
        }

        #[test]
        fn damage_is_an_error_or_a_wrong_answer_but_no_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let terms = |from: usize| (from..from + 9).map(|own| format!("term{own}")).collect();
            let (mut region, places) = build(&[terms(0), terms(5), terms(3)]);
            let at = at.index(region.len());
            region[at] = byte;
            // The checksums are those of the damaged bytes: a page that passes them may still be anything.
            if let Ok(index) = TermIndex::open(pages(region), places, "f") {
                let _ = index.blocks_with("term4", "f", |_| {});
            }
        }
    }
}
