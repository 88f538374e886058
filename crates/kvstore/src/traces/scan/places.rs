//! In which blocks of a run its traces stand, and which traces stand in several places.

use crate::error::KvError;
use crate::traces::run::{OpenRun, run_id};
use clew_columns::ColumnsError;
use clew_columns::bytes::{Reader, put_varint};
use clew_columns::compress::{put_compressed, read_compressed};
use clew_columns::spans::trace_term;
use clew_model::TraceId;
use hashbrown::HashSet;
use std::sync::Arc;

/// So many times fewer traces than a list has are looked up one by one.
const FEW: usize = 16;

/// The low bits of a place are the number of a block, those above it the highest bits of a trace's term.
const BLOCK_BITS: u32 = 24;

const WHAT: &str = "list of traces";

/// In which blocks the traces of a run stand: for each trace and block a number, sorted. Traces that share the bits that are
/// kept of their terms (one pair in 10^12) are taken for one, which costs a little and changes nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceList(Vec<u64>);

impl TraceList {
    /// Adds the traces of a block.
    pub(crate) fn add(&mut self, block: u32, traces: impl Iterator<Item = TraceId>) {
        let kept = |id: TraceId| trace_term(id) >> BLOCK_BITS << BLOCK_BITS;
        self.0.extend(traces.map(|id| kept(id) | u64::from(block)));
    }

    /// As bytes: count, then as two sections the differences of the terms, and the blocks.
    pub(crate) fn encode(mut self) -> Vec<u8> {
        self.0.sort_unstable();
        self.0.dedup();
        let (mut terms, mut blocks) = (Vec::with_capacity(self.0.len() * 5), Vec::with_capacity(self.0.len() * 2));
        let mut before = 0;
        for place in &self.0 {
            put_varint(&mut terms, (place >> BLOCK_BITS) - before);
            put_varint(&mut blocks, u64::from(block_of(*place)));
            before = place >> BLOCK_BITS;
        }
        let mut out = Vec::with_capacity(terms.len() + blocks.len() + 16);
        put_varint(&mut out, self.0.len() as u64);
        put_compressed(&mut out, &terms);
        put_compressed(&mut out, &blocks);
        out
    }

    /// Reads what [`TraceList::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let count = reader.varint(WHAT)?;
        let (terms, blocks) = (read_compressed(&mut reader)?, read_compressed(&mut reader)?);
        reader.finish(WHAT)?;
        let (mut terms, mut blocks) = (Reader::new(&terms), Reader::new(&blocks));
        // Each place takes a byte at least.
        let mut places = Vec::with_capacity(blocks.left());
        let mut term = 0u64;
        for _ in 0..count {
            term = term.wrapping_add(terms.varint(WHAT)?);
            places.push(term << BLOCK_BITS | blocks.varint(WHAT)? & ((1 << BLOCK_BITS) - 1));
        }
        terms.finish(WHAT)?;
        blocks.finish(WHAT)?;
        Ok(Self(places))
    }

    /// Bytes of memory held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<u64>()
    }

    fn terms(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|place| place >> BLOCK_BITS)
    }

    fn blocks_with(&self, term: u64) -> impl Iterator<Item = u32> {
        let first = self.0.partition_point(|place| place >> BLOCK_BITS < term);
        let rest = self.0.get(first..).unwrap_or_default().iter();
        rest.take_while(move |place| **place >> BLOCK_BITS == term).map(|place| block_of(*place))
    }

    /// The blocks that hold one of the traces, ascending.
    pub(crate) fn blocks_of(&self, traces: &Split) -> Vec<u32> {
        let mut blocks: Vec<u32> = if traces.len() < self.0.len() / FEW {
            traces.iter().flat_map(|term| self.blocks_with(term)).collect()
        } else {
            let is_split = |place: &&u64| traces.holds(**place >> BLOCK_BITS);
            self.0.iter().filter(is_split).map(|place| block_of(*place)).collect()
        };
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }
}

fn block_of(place: u64) -> u32 {
    (place & ((1 << BLOCK_BITS) - 1)) as u32
}

/// The traces of a scan that stand in several blocks, or in the hot tail, by what is kept of their terms.
pub(crate) struct Split {
    sealed: Arc<HashSet<u64>>,
    hot: HashSet<u64>,
}

impl Split {
    /// Finds the traces that are in several blocks of these runs; `hot` are those of the hot tail.
    pub(crate) fn of(runs: &[Arc<OpenRun>], hot: HashSet<u64>) -> Result<Self, KvError> {
        let hot = hot.into_iter().map(|term| term >> BLOCK_BITS).collect();
        let Some(first) = runs.first() else { return Ok(Self { sealed: Arc::default(), hot }) };
        let ids = runs.iter().map(|run| run_id(&run.run)).collect();
        let sealed = first.caches().split_of(ids, || {
            let lists = runs.iter().map(|run| run.traces()).collect::<Result<Vec<_>, _>>()?;
            Ok(in_several_places(&lists))
        })?;
        Ok(Self { sealed, hot })
    }

    /// Whether a trace with this term is among them.
    pub(crate) fn contains(&self, term: u64) -> bool {
        self.holds(term >> BLOCK_BITS)
    }

    fn holds(&self, kept: u64) -> bool {
        self.sealed.contains(&kept) || self.hot.contains(&kept)
    }

    /// How many, some counted twice.
    fn len(&self) -> usize {
        self.sealed.len() + self.hot.len()
    }

    fn iter(&self) -> impl Iterator<Item = u64> {
        self.sealed.iter().chain(self.hot.iter()).copied()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.hot.is_empty()
    }
}

fn in_several_places(lists: &[Arc<TraceList>]) -> HashSet<u64> {
    let mut terms: Vec<u64> = lists.iter().flat_map(|list| list.terms()).collect();
    // Each list is sorted already: a stable sort merges them.
    terms.sort();
    let several = terms.chunk_by(|left, right| left == right).filter(|same| same.len() > 1);
    several.filter_map(<[u64]>::first).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_back_and_finds_the_blocks_of_split_traces() {
        let id = |number: u32| {
            let mut id = [7; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            TraceId(id)
        };
        let list = || {
            let mut list = TraceList::default();
            (0..200).for_each(|block| list.add(block, (block * 10..block * 10 + 11).map(id)));
            list
        };
        let bytes = list().encode();
        let read = TraceList::decode(&bytes).unwrap();
        assert_eq!(read.0.len(), 2_200);
        // The last trace of each block is the first of the next.
        let sealed = in_several_places(&[Arc::new(TraceList::decode(&bytes).unwrap())]);
        assert_eq!(sealed.len(), 199);
        let hot = HashSet::from_iter([trace_term(id(5)) >> BLOCK_BITS]);
        let few = Split { sealed: Arc::default(), hot: hot.clone() };
        assert_eq!(read.blocks_of(&few), [0]);
        assert!(few.contains(trace_term(id(5))) && !few.contains(trace_term(id(6))));
        let many = Split { sealed: Arc::new(sealed), hot };
        assert_eq!(read.blocks_of(&many), (0..200).collect::<Vec<_>>());
        for length in 0..bytes.len() {
            assert!(TraceList::decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
