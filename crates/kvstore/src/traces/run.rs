//! The layout of a run of spans in the key-value engine, and reading it.
//!
//! ```text
//! 1, block (4)       a block of spans
//! 2, group (4)       the dictionary of a group of blocks
//! 3, shard (4)       a shard of the term index
//! 4                  the bounds (zone) of each block | crc32
//! 5                  the run's head: version (1) | shard bits (1) | blocks | first block of each group | crc32
//! 6                  what is counted of the run as a whole | crc32
//! 7, service (4)     what is counted of a service slot by slot | crc32
//! 8                  what is counted of calls slot by slot | crc32
//! 9                  what is counted of all services slot by slot | crc32
//! 10                 in which blocks the traces stand | crc32
//! ```
//! Keys are big endian, so that a run is written in one pass, blocks first. What is counted is not there where there
//! are too many services.

use super::cache::Cache;
use super::index::{Shard, shard_of};
use super::scan::TraceList;
use crate::engine::{Run, Slice, Snapshot};
use crate::error::KvError;
use clew_columns::ColumnsError;
use clew_columns::bytes::{BytesError, Problem, Reader, put_u32, put_varint};
use clew_columns::spans::sums::{CallCell, Cells, ServiceCells, SpanSums, decode_all_cells, decode_call_cells};
use clew_columns::spans::{BlockZone, SpanBlock, SpanDictionary};
use clew_model::ReadMeter;
use hashbrown::HashSet;
use parking_lot::Mutex;
use std::sync::Arc;

const BLOCK: u8 = 1;
const DICTIONARY: u8 = 2;
const SHARD: u8 = 3;
const ZONES: u8 = 4;
const HEAD: u8 = 5;
const SUMS: u8 = 6;
const SERVICE_CELLS: u8 = 7;
const CALL_CELLS: u8 = 8;
const ALL_CELLS: u8 = 9;
const TRACES: u8 = 10;

/// The newest layout of a run.
pub(super) const VERSION: u8 = 0;

const WHAT: &str = "head of a run of spans";

/// What a run is known by: its generation and its table.
pub(super) type RunId = (u64, u64);

/// The identity of a run.
#[must_use]
pub(super) fn run_id(run: &Run) -> RunId {
    (run.generation, run.table)
}

fn key(kind: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, a, b, c, d]
}

/// The key of a block.
pub(super) fn block_key(number: u32) -> [u8; 5] {
    key(BLOCK, number)
}

/// The key of a group's dictionary.
pub(super) fn dictionary_key(number: u32) -> [u8; 5] {
    key(DICTIONARY, number)
}

/// The key of a shard of the index.
pub(super) fn shard_key(number: u32) -> [u8; 5] {
    key(SHARD, number)
}

/// The key of the blocks' bounds.
pub(super) fn zones_key() -> [u8; 1] {
    [ZONES]
}

/// The key of the head.
pub(super) fn head_key() -> [u8; 1] {
    [HEAD]
}

/// The key of what is counted of the run as a whole.
pub(super) fn sums_key() -> [u8; 1] {
    [SUMS]
}

/// The key of what is counted of a service slot by slot.
pub(super) fn service_cells_key(service: u32) -> [u8; 5] {
    key(SERVICE_CELLS, service)
}

/// The key of what is counted of calls slot by slot.
pub(super) fn call_cells_key() -> [u8; 1] {
    [CALL_CELLS]
}

/// The key of what is counted of all services slot by slot.
pub(super) fn all_cells_key() -> [u8; 1] {
    [ALL_CELLS]
}

/// The key of the list that says in which blocks the traces stand.
pub(super) fn traces_key() -> [u8; 1] {
    [TRACES]
}

/// What is needed to find anything in a run; a few hundred bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RunHead {
    /// Bits that choose a shard of the index.
    pub shard_bits: u8,
    /// The number of blocks.
    pub blocks: u32,
    /// The first block of each group, ascending.
    pub groups: Vec<u32>,
}

impl RunHead {
    /// The head's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.shard_bits];
        put_varint(&mut out, u64::from(self.blocks));
        put_varint(&mut out, self.groups.len() as u64);
        self.groups.iter().for_each(|first| put_varint(&mut out, u64::from(*first)));
        with_checksum(out)
    }

    /// Reads what [`RunHead::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BytesError> {
        let mut reader = checked(bytes)?;
        let version = reader.u8(WHAT)?;
        if version > VERSION {
            return Err(reader.error(WHAT, Problem::BadValue(u64::from(version))));
        }
        let shard_bits = reader.u8(WHAT)?;
        let blocks = read_u32(&mut reader)?;
        let groups = (0..reader.count(1, WHAT)?).map(|_| read_u32(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish(WHAT)?;
        Ok(Self { shard_bits, blocks, groups })
    }

    /// The group of a block.
    pub(super) fn group_of(&self, block: u32) -> u32 {
        self.groups.partition_point(|first| *first <= block).saturating_sub(1) as u32
    }
}

/// The bounds of a run's blocks as bytes.
pub(super) fn encode_zones(zones: &[BlockZone]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zones.len() * 64);
    put_varint(&mut out, zones.len() as u64);
    zones.iter().for_each(|zone| zone.put(&mut out));
    with_checksum(out)
}

fn decode_zones(bytes: &[u8]) -> Result<Vec<BlockZone>, BytesError> {
    let mut reader = checked(bytes)?;
    let zones = (0..reader.count(5, WHAT)?).map(|_| BlockZone::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish(WHAT)?;
    Ok(zones)
}

/// The bytes, and behind them their checksum.
pub(super) fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    put_u32(&mut bytes, checksum);
    bytes
}

fn checked(bytes: &[u8]) -> Result<Reader<'_>, BytesError> {
    let (body, checksum) = bytes.split_at(bytes.len().saturating_sub(4));
    let stored = Reader::new(checksum).u32(WHAT)?;
    let reader = Reader::new(body);
    if stored == crc32fast::hash(body) {
        Ok(reader)
    } else {
        Err(reader.error(WHAT, Problem::BadValue(u64::from(stored))))
    }
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32, BytesError> {
    let value = reader.varint(WHAT)?;
    u32::try_from(value).map_err(|_| reader.error(WHAT, Problem::BadValue(value)))
}

/// Runs, and the terms of the traces that stand in several of their blocks.
type SplitOfRuns = (Vec<RunId>, Arc<HashSet<u64>>);

/// Decoded parts of runs that readers share.
#[derive(Debug)]
pub(super) struct RunCaches {
    heads: Cache<RunId, RunHead>,
    zones: Cache<RunId, Vec<BlockZone>>,
    dictionaries: Cache<(RunId, u32), SpanDictionary>,
    traces: Cache<RunId, TraceList>,
    /// `None` for runs that are not counted.
    sums: Cache<RunId, Option<SpanSums>>,
    /// The traces that stand in several blocks of some runs: those that were asked for last.
    split: Mutex<Option<SplitOfRuns>>,
}

impl RunCaches {
    /// Caches of at most so many bytes of dictionaries, and of all else.
    pub(super) fn new(dictionary_bytes: usize, lookup_bytes: usize) -> Self {
        let seventh = lookup_bytes / 7;
        Self {
            heads: Cache::new(seventh),
            zones: Cache::new(2 * seventh),
            dictionaries: Cache::new(dictionary_bytes),
            traces: Cache::new(2 * seventh),
            sums: Cache::new(2 * seventh),
            split: Mutex::default(),
        }
    }

    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> usize {
        let all =
            [self.heads.bytes(), self.zones.bytes(), self.dictionaries.bytes(), self.traces.bytes(), self.sums.bytes()];
        all.into_iter().sum()
    }

    /// The traces that stand in several blocks of these runs, found by `make` when they are not those of the last call.
    pub(super) fn split_of(
        &self,
        runs: Vec<RunId>,
        make: impl FnOnce() -> Result<HashSet<u64>, KvError>,
    ) -> Result<Arc<HashSet<u64>>, KvError> {
        if let Some((_, split)) = self.split.lock().as_ref().filter(|(own, _)| *own == runs) {
            return Ok(split.clone());
        }
        let split = Arc::new(make()?);
        *self.split.lock() = Some((runs, split.clone()));
        Ok(split)
    }

    /// Forgets what belongs to runs that do not exist any more.
    pub(super) fn keep_only(&self, exists: impl Fn(&RunId) -> bool) {
        self.heads.retain(&exists);
        self.zones.retain(&exists);
        self.dictionaries.retain(|(run, _)| exists(run));
        self.traces.retain(&exists);
        self.sums.retain(&exists);
    }
}

/// A run that is being read.
#[derive(Clone)]
pub(super) struct OpenRun {
    snapshot: Arc<Snapshot>,
    /// The run.
    pub run: Run,
    /// Its head.
    pub head: Arc<RunHead>,
    caches: Arc<RunCaches>,
    /// Counts what is read of its blocks.
    pub read: ReadMeter,
}

impl OpenRun {
    /// Opens a run that the snapshot lists.
    pub(super) fn open(snapshot: &Arc<Snapshot>, run: &Run, caches: &Arc<RunCaches>) -> Result<Self, KvError> {
        let head = caches.heads.get_or_make(&run_id(run), || {
            let bytes = required(snapshot, run, &head_key(), "head")?;
            let head = RunHead::decode(&bytes).map_err(KvError::damaged(place(run, "head")));
            let head = head.map_err(|error| snapshot.blame(run, error))?;
            let size = head.groups.len() * 4 + 128;
            Ok::<_, KvError>((head, size))
        })?;
        Ok(Self {
            snapshot: snapshot.clone(),
            run: run.clone(),
            head,
            caches: caches.clone(),
            read: ReadMeter::default(),
        })
    }

    /// What is shared by all who read.
    pub(super) fn caches(&self) -> &RunCaches {
        &self.caches
    }

    /// In which blocks its traces stand.
    pub(super) fn traces(&self) -> Result<Arc<TraceList>, KvError> {
        self.caches.traces.get_or_make(&run_id(&self.run), || {
            let bytes = required(&self.snapshot, &self.run, &traces_key(), "list of traces")?;
            let list = TraceList::decode(self.counted(&bytes)?).map_err(|error| self.damaged(&error))?;
            let size = list.heap_bytes();
            Ok((list, size))
        })
    }

    /// The number of blocks.
    pub(super) fn blocks(&self) -> u32 {
        self.head.blocks
    }

    /// The bounds of the blocks, in order.
    pub(super) fn zones(&self) -> Result<Arc<Vec<BlockZone>>, KvError> {
        self.caches.zones.get_or_make(&run_id(&self.run), || {
            let bytes = required(&self.snapshot, &self.run, &zones_key(), "bounds")?;
            let zones = decode_zones(&bytes).map_err(KvError::damaged(place(&self.run, "bounds")));
            let zones = zones.map_err(|error| self.blame(error))?;
            if zones.len() != self.head.blocks as usize {
                let what = place(&self.run, "bounds");
                return Err(self.blame(KvError::inconsistent(what, "they are not as many as the blocks")));
            }
            let services: usize = zones.iter().map(|zone| zone.services.capacity() * 8).sum();
            let size = services + zones.len() * size_of::<BlockZone>();
            Ok((zones, size))
        })
    }

    /// What is counted of it as a whole, in an `Option` that is empty where it is not counted.
    pub(super) fn sums(&self) -> Result<Arc<Option<SpanSums>>, KvError> {
        self.caches.sums.get_or_make(&run_id(&self.run), || {
            let Some(bytes) = self.snapshot.get(&self.run, &sums_key())? else { return Ok((None, 64)) };
            let sums = SpanSums::decode(self.counted(&bytes)?).map_err(|error| self.damaged(&error))?;
            let size = sums.heap_bytes() + 256;
            Ok((Some(sums), size))
        })
    }

    /// What is counted of a service slot by slot, by its place in the sums.
    pub(super) fn service_cells(&self, sums: &SpanSums, service: usize) -> Result<ServiceCells, KvError> {
        let bytes = required(&self.snapshot, &self.run, &service_cells_key(service as u32), "counts of a service")?;
        ServiceCells::decode(self.counted(&bytes)?, sums).map_err(|error| self.damaged(&error))
    }

    /// What is counted of all services slot by slot.
    pub(super) fn all_cells(&self, sums: &SpanSums) -> Result<Cells, KvError> {
        let bytes = required(&self.snapshot, &self.run, &all_cells_key(), "counts of services")?;
        decode_all_cells(self.counted(&bytes)?, sums).map_err(|error| self.damaged(&error))
    }

    /// What is counted of calls slot by slot.
    pub(super) fn call_cells(&self, sums: &SpanSums) -> Result<Vec<CallCell>, KvError> {
        let bytes = required(&self.snapshot, &self.run, &call_cells_key(), "counts of calls")?;
        decode_call_cells(self.counted(&bytes)?, sums).map_err(|error| self.damaged(&error))
    }

    /// Counts what is read, and takes its checksum off.
    fn counted<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], KvError> {
        self.read.add(bytes.len() as u64);
        let taken = checked(bytes).and_then(|mut reader| reader.take(reader.left(), WHAT));
        taken.map_err(KvError::damaged(place(&self.run, "counts"))).map_err(|error| self.blame(error))
    }

    /// Opens a block.
    pub(super) fn block(&self, number: u32) -> Result<SpanBlock<Slice>, KvError> {
        let bytes = required(&self.snapshot, &self.run, &block_key(number), "block")?;
        self.read.add(bytes.len() as u64);
        SpanBlock::open(bytes).map_err(|error| self.damaged(&error))
    }

    /// The dictionary that a block needs.
    pub(super) fn dictionary(&self, block: u32) -> Result<Arc<SpanDictionary>, KvError> {
        let group = self.head.group_of(block);
        self.caches.dictionaries.get_or_make(&(run_id(&self.run), group), || {
            let bytes = required(&self.snapshot, &self.run, &dictionary_key(group), "dictionary")?;
            let dictionary = SpanDictionary::open(&bytes).map_err(|error| self.damaged(&error))?;
            let size = dictionary.heap_bytes();
            Ok((dictionary, size))
        })
    }

    /// The blocks that may hold a term, ascending.
    pub(super) fn find(&self, term: u64) -> Result<Vec<u32>, KvError> {
        let shard = shard_of(term, self.head.shard_bits);
        let bytes = required(&self.snapshot, &self.run, &shard_key(shard), "index")?;
        let found = Shard::open(&bytes).and_then(|shard| shard.find(term));
        let mut blocks = found.map_err(|error| self.blame(error))?;
        let count = self.blocks();
        blocks.retain(|block| *block < count);
        Ok(blocks)
    }

    /// The blocks that may hold one of some terms, ascending; each shard of the index is read once.
    pub(super) fn find_all(&self, terms: &[u64]) -> Result<Vec<u32>, KvError> {
        let mut blocks = Vec::new();
        self.visit(terms, |_, found| blocks.extend_from_slice(found))?;
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    /// Calls `visit` with each of the terms and the blocks that may hold it, ascending; each shard of the index is read
    /// once.
    pub(super) fn visit(&self, terms: &[u64], mut visit: impl FnMut(u64, &[u32])) -> Result<(), KvError> {
        let mut by_shard: Vec<(u32, u64)> =
            terms.iter().map(|term| (shard_of(*term, self.head.shard_bits), *term)).collect();
        by_shard.sort_unstable();
        for same in by_shard.chunk_by(|left, right| left.0 == right.0) {
            let Some((shard, _)) = same.first() else { continue };
            let bytes = required(&self.snapshot, &self.run, &shard_key(*shard), "index")?;
            let shard = Shard::open(&bytes).map_err(|error| self.blame(error))?;
            for (_, term) in same {
                let mut blocks = shard.find(*term).map_err(|error| self.blame(error))?;
                blocks.retain(|block| *block < self.blocks());
                visit(*term, &blocks);
            }
        }
        Ok(())
    }

    /// An error in the columns of this run.
    pub(super) fn damaged(&self, error: &ColumnsError) -> KvError {
        self.blame(KvError::inconsistent(place(&self.run, "columns"), error.to_string()))
    }

    /// Sets the run's table aside for an error in what it says.
    fn blame(&self, error: KvError) -> KvError {
        self.snapshot.blame(&self.run, error)
    }
}

fn required(snapshot: &Snapshot, run: &Run, key: &[u8], what: &str) -> Result<Slice, KvError> {
    let value = snapshot.get(run, key)?;
    value.ok_or_else(|| snapshot.blame(run, KvError::inconsistent(place(run, what), "it is not there")))
}

fn place(run: &Run, what: &str) -> String {
    format!("the {what} of run {} in table {}", run.generation, run.table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Vec<BlockZone> {
        let zone = |number: i64| BlockZone {
            spans: 512,
            min_start: number * 1000 - 5,
            max_start: number * 1000 + 700,
            max_duration: i64::MAX,
            services: vec![(7, 20), (u32::MAX, 63)],
        };
        (0..3).map(zone).collect()
    }

    #[test]
    fn heads_and_bounds_are_read_back_and_damage_is_found() {
        let head = RunHead { shard_bits: 3, blocks: 300, groups: vec![0, 64, 128] };
        let (head_bytes, zone_bytes) = (head.encode(), encode_zones(&zones()));
        assert_eq!(RunHead::decode(&head_bytes).unwrap(), head);
        assert_eq!(decode_zones(&zone_bytes).unwrap(), zones());
        for place in 0..head_bytes.len() {
            let mut bytes = head_bytes.clone();
            bytes[place] ^= 1;
            assert!(RunHead::decode(&bytes).is_err(), "byte {place}");
            assert!(RunHead::decode(&head_bytes[..place]).is_err(), "{place} bytes");
        }
        for place in 0..zone_bytes.len() {
            let mut bytes = zone_bytes.clone();
            bytes[place] ^= 1;
            assert!(decode_zones(&bytes).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_block_belongs_to_the_last_group_that_begins_before_it() {
        let head = RunHead { shard_bits: 0, blocks: 200, groups: vec![0, 64, 128] };
        for (block, group) in [(0, 0), (63, 0), (64, 1), (127, 1), (128, 2), (199, 2)] {
            assert_eq!(head.group_of(block), group, "block {block}");
        }
    }
}
