//! In which blocks of a run its traces stand, and which traces stand in several places.

use crate::error::KvError;
use crate::traces::run::{OpenRun, run_id};
use clew_columns::spans::trace_term;
use hashbrown::HashSet;
use std::sync::Arc;

/// So many times fewer traces than a list has are looked up one by one.
const FEW: usize = 16;

/// The traces of a run by their terms, with the block of each; sorted. Traces that share a term are taken for one,
/// which costs a little and changes nothing.
#[derive(Debug)]
pub(crate) struct TraceList(Vec<(u64, u32)>);

impl TraceList {
    /// Reads the traces of all blocks.
    pub(crate) fn read(run: &OpenRun) -> Result<Self, KvError> {
        let mut places = Vec::new();
        for number in 0..run.blocks() {
            places.extend(run.block(number)?.traces().iter().map(|trace| (trace_term(trace.trace_id), number)));
        }
        places.sort_unstable();
        Ok(Self(places))
    }

    /// Bytes of memory held.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u64, u32)>()
    }

    fn blocks_with(&self, term: u64) -> impl Iterator<Item = u32> {
        let first = self.0.partition_point(|(own, _)| *own < term);
        let rest = self.0.get(first..).unwrap_or_default().iter();
        rest.take_while(move |(own, _)| *own == term).map(|(_, block)| *block)
    }

    /// The blocks that hold one of the traces, ascending.
    pub(crate) fn blocks_of(&self, traces: &Split) -> Vec<u32> {
        let mut blocks: Vec<u32> = if traces.len() < self.0.len() / FEW {
            traces.iter().flat_map(|term| self.blocks_with(term)).collect()
        } else {
            self.0.iter().filter(|(term, _)| traces.contains(*term)).map(|(_, block)| *block).collect()
        };
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }
}

/// The traces of a scan that stand in several blocks, or in the hot tail, by their terms.
pub(crate) struct Split {
    sealed: Arc<HashSet<u64>>,
    hot: HashSet<u64>,
}

impl Split {
    /// Finds the traces that are in several blocks of these runs; `hot` are those of the hot tail.
    pub(crate) fn of(runs: &[Arc<OpenRun>], hot: HashSet<u64>) -> Result<Self, KvError> {
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
        self.sealed.contains(&term) || self.hot.contains(&term)
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
    let mut terms: Vec<u64> = lists.iter().flat_map(|list| list.0.iter().map(|(term, _)| *term)).collect();
    // Each list is sorted already: a stable sort merges them.
    terms.sort();
    let several = terms.chunk_by(|left, right| left == right).filter(|same| same.len() > 1);
    several.filter_map(<[u64]>::first).copied().collect()
}
