//! The hot tail: records that no part has yet, as blocks of the same form as in parts.

use crate::limits::{BLOCK_BYTES, BLOCK_ROWS, PARTITION_NANOS};
use clew_columns::logs::{LogBlock, Need, TermFilter, encode_block};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::LogRow;
use clew_model::{TenantId, UnixNanos};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A block in memory.
#[derive(Debug)]
pub(crate) struct HotBlock {
    pub bytes: Arc<[u8]>,
    pub first: UnixNanos,
    pub last: UnixNanos,
    pub rows: usize,
    /// Which terms it may have, made when the first question asks.
    terms: OnceLock<TermFilter>,
}

impl HotBlock {
    pub fn of(rows: &[LogRow]) -> Self {
        let times = || rows.iter().map(|row| row.id.time);
        Self {
            bytes: encode_block(rows).into(),
            first: times().min().unwrap_or(0),
            last: times().max().unwrap_or(0),
            rows: rows.len(),
            terms: OnceLock::new(),
        }
    }

    /// Whether it may have a passing row.
    pub fn may_have(&self, need: &Need, rules: &CorrelationRules) -> bool {
        *need == Need::Nothing || self.terms.get_or_init(|| self.filter(rules)).fulfils(need)
    }

    /// Its terms; those of a block that cannot be read say yes to everything, so that whoever reads it finds out.
    fn filter(&self, rules: &CorrelationRules) -> TermFilter {
        let terms = LogBlock::open(Arc::clone(&self.bytes)).and_then(|block| block.terms(rules));
        terms.map_or_else(|_| TermFilter::of_everything(), |terms| TermFilter::of(&terms))
    }
}

/// The day of a time, counted from the epoch.
pub(crate) fn day_of(time: UnixNanos) -> i64 {
    time.div_euclid(PARTITION_NANOS)
}

/// The records of one tenant and one day.
#[derive(Debug, Default)]
struct Partition {
    blocks: Vec<Arc<HotBlock>>,
    pending: Vec<LogRow>,
    pending_bytes: u64,
    /// The pending rows as a block, if a query has asked since the last one came.
    remainder: Option<Arc<HotBlock>>,
}

impl Partition {
    fn push(&mut self, row: LogRow) {
        self.pending.push(row);
        self.remainder = None;
        if self.pending.len() >= BLOCK_ROWS || self.pending_bytes >= BLOCK_BYTES as u64 {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        if let Some(block) = self.remainder() {
            self.blocks.push(block);
            self.pending.clear();
            self.remainder = None;
        }
    }

    fn remainder(&mut self) -> Option<Arc<HotBlock>> {
        if self.pending.is_empty() {
            return None;
        }
        let pending = &self.pending;
        Some(Arc::clone(self.remainder.get_or_insert_with(|| Arc::new(HotBlock::of(pending)))))
    }
}

/// The partitions of a hot generation, frozen while their parts are written.
#[derive(Debug, Default)]
pub(crate) struct Frozen {
    pub partitions: Vec<(TenantId, i64, Vec<Arc<HotBlock>>)>,
    pub position: u64,
    pub next_number: u64,
    pub records: u64,
    pub bytes: u64,
}

impl Frozen {
    pub fn blocks(&self, tenant: &TenantId, out: &mut Vec<Arc<HotBlock>>) {
        let own = self.partitions.iter().filter(|(own, ..)| own == tenant);
        out.extend(own.flat_map(|(.., blocks)| blocks).cloned());
    }
}

/// The hot generation that takes new records.
#[derive(Debug, Default)]
pub(crate) struct HotTail {
    partitions: BTreeMap<(TenantId, i64), Partition>,
    pub records: u64,
    /// Bytes of memory held: blocks, and the rows not yet in one.
    pub bytes: u64,
}

impl HotTail {
    pub fn push(&mut self, tenant: &TenantId, row: LogRow) {
        self.records += 1;
        let partition = self.partitions.entry((tenant.clone(), day_of(row.id.time))).or_default();
        let (blocks, row_bytes) = (partition.blocks.len(), row.record.memory_bytes() as u64);
        partition.pending_bytes += row_bytes;
        self.bytes += row_bytes;
        partition.push(row);
        if let Some(block) = partition.blocks.get(blocks) {
            // Its rows are gone, the block stays.
            self.bytes = self.bytes.saturating_sub(partition.pending_bytes).saturating_add(block.bytes.len() as u64);
            partition.pending_bytes = 0;
        }
    }

    pub fn blocks(&mut self, tenant: &TenantId, out: &mut Vec<Arc<HotBlock>>) {
        let days = (tenant.clone(), i64::MIN)..=(tenant.clone(), i64::MAX);
        for (_, partition) in self.partitions.range_mut(days) {
            let remainder = partition.remainder();
            out.extend(partition.blocks.iter().chain(&remainder).cloned());
        }
    }

    pub fn freeze(&mut self, position: u64, next_number: u64) -> Frozen {
        let tail = std::mem::take(self);
        let close = |((tenant, day), mut partition): ((TenantId, i64), Partition)| {
            partition.close_block();
            (tenant, day, partition.blocks)
        };
        let partitions: Vec<_> = tail.partitions.into_iter().map(close).collect();
        let bytes = partitions.iter().flat_map(|(.., blocks)| blocks).map(|block| block.bytes.len() as u64).sum();
        Frozen { partitions, position, next_number, records: tail.records, bytes }
    }
}
