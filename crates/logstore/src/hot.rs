//! The hot tail: records that no part has yet, as blocks of the same form as in parts.

use crate::limits::{BLOCK_BYTES, BLOCK_ROWS, PARTITION_NANOS, SMALL_BLOCK_ROWS, SMALL_BLOCKS, TINY_BLOCK_ROWS};
use clew_columns::ColumnsError;
use clew_columns::logs::{BlockBuilder, EncodedBlock, LogBlock};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogRecord, LogRow};
use clew_model::{TenantId, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block in memory, with the terms by which a search passes it over and a seal indexes it.
pub(crate) type HotBlock = EncodedBlock;

/// The day of a time, counted from the epoch.
pub(crate) fn day_of(time: UnixNanos) -> i64 {
    time.div_euclid(PARTITION_NANOS)
}

/// Cuts records into blocks of one day each, their rows numbered from 0 in the order in which they came.
pub(crate) fn cut(records: &[LogRecord], rules: &CorrelationRules) -> Vec<EncodedBlock> {
    let mut days: BTreeMap<i64, Cutter> = BTreeMap::new();
    let mut blocks = Vec::new();
    // As many blocks as must be, all of a size.
    let rows = records.len().div_ceil(records.len().div_ceil(BLOCK_ROWS).max(1)).max(1);
    for (number, record) in (0u64..).zip(records) {
        days.entry(day_of(record.time)).or_default().push(number, record, rows, rules, &mut blocks);
    }
    blocks.extend(days.into_values().filter(|day| day.builder.rows() > 0).map(|day| day.builder.finish(rules)));
    blocks
}

/// Gathers the records of one block.
#[derive(Default)]
struct Cutter {
    builder: BlockBuilder,
    bytes: usize,
}

impl Cutter {
    fn push(
        &mut self,
        number: u64,
        record: &LogRecord,
        rows: usize,
        rules: &CorrelationRules,
        blocks: &mut Vec<EncodedBlock>,
    ) {
        self.builder.push(number, record);
        self.bytes += record.memory_bytes();
        if self.builder.rows() >= rows || self.bytes >= BLOCK_BYTES {
            self.bytes = 0;
            blocks.push(std::mem::take(&mut self.builder).finish(rules));
        }
    }
}

/// Encodes the rows of several blocks again as few.
pub(crate) fn regroup(blocks: &[Arc<HotBlock>], rules: &CorrelationRules) -> Result<Vec<Arc<HotBlock>>, ColumnsError> {
    let mut rows: Vec<LogRow> = Vec::new();
    for block in blocks {
        rows.extend(LogBlock::open(Arc::clone(&block.bytes))?.decode_all()?);
    }
    let (mut cutter, mut regrouped) = (Cutter::default(), Vec::new());
    rows.iter().for_each(|row| cutter.push(row.id.number, &row.record, BLOCK_ROWS, rules, &mut regrouped));
    if cutter.builder.rows() > 0 {
        regrouped.push(cutter.builder.finish(rules));
    }
    Ok(regrouped.into_iter().map(Arc::new).collect())
}

/// The records of one tenant and one day.
#[derive(Debug, Default)]
struct Partition {
    blocks: Vec<Arc<HotBlock>>,
    /// How many of the blocks are tiny, and how many are small but not tiny.
    tiny: usize,
    small: usize,
}

impl Partition {
    fn push(&mut self, block: Arc<HotBlock>, rules: &CorrelationRules) {
        self.count(&block);
        self.blocks.push(block);
        if self.tiny >= SMALL_BLOCKS {
            self.join(0..TINY_BLOCK_ROWS, rules);
        }
        if self.small >= SMALL_BLOCKS {
            self.join(TINY_BLOCK_ROWS..SMALL_BLOCK_ROWS, rules);
        }
    }

    fn count(&mut self, block: &HotBlock) {
        self.tiny += usize::from(block.rows < TINY_BLOCK_ROWS);
        self.small += usize::from((TINY_BLOCK_ROWS..SMALL_BLOCK_ROWS).contains(&block.rows));
    }

    /// Puts the blocks of these sizes together, so that requests of a few records leave few blocks. A row is encoded
    /// again at most twice.
    fn join(&mut self, sizes: std::ops::Range<usize>, rules: &CorrelationRules) {
        let (joined, kept): (Vec<_>, Vec<_>) =
            self.blocks.iter().cloned().partition(|block| sizes.contains(&block.rows));
        // Blocks were read when their frame was; one that cannot be read now stays as it is, to be told at the seal.
        if let Ok(regrouped) = regroup(&joined, rules) {
            self.blocks = kept;
            self.blocks.extend(regrouped);
            (self.tiny, self.small) = (0, 0);
            let blocks = std::mem::take(&mut self.blocks);
            blocks.iter().for_each(|block| self.count(block));
            self.blocks = blocks;
        }
    }

    fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.memory_bytes() as u64).sum()
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
    pub(crate) fn blocks(&self, tenant: &TenantId, out: &mut Vec<Arc<HotBlock>>) {
        let own = self.partitions.iter().filter(|(own, ..)| own == tenant);
        out.extend(own.flat_map(|(.., blocks)| blocks).cloned());
    }
}

/// The hot generation that takes new records.
#[derive(Debug, Default)]
pub(crate) struct HotTail {
    partitions: BTreeMap<(TenantId, i64), Partition>,
    pub records: u64,
    /// Bytes of memory held.
    pub bytes: u64,
}

impl HotTail {
    pub(crate) fn push(&mut self, tenant: &TenantId, block: Arc<HotBlock>, rules: &CorrelationRules) {
        self.records += block.rows as u64;
        let partition = self.partitions.entry((tenant.clone(), day_of(block.first))).or_default();
        let own = block.memory_bytes() as u64;
        // Only when blocks are joined does more change than the new one.
        let may_join = partition.tiny + 1 >= SMALL_BLOCKS || partition.small + 1 >= SMALL_BLOCKS;
        let was = if may_join { partition.bytes() } else { 0 };
        partition.push(block, rules);
        if may_join {
            self.bytes = self.bytes.saturating_sub(was).saturating_add(partition.bytes());
        } else {
            self.bytes = self.bytes.saturating_add(own);
        }
    }

    pub(crate) fn blocks(&self, tenant: &TenantId, out: &mut Vec<Arc<HotBlock>>) {
        let days = (tenant.clone(), i64::MIN)..=(tenant.clone(), i64::MAX);
        for (_, partition) in self.partitions.range(days) {
            out.extend(partition.blocks.iter().cloned());
        }
    }

    pub(crate) fn freeze(&mut self, position: u64, next_number: u64) -> Frozen {
        let tail = std::mem::take(self);
        let partitions = tail.partitions.into_iter().map(|((tenant, day), own)| (tenant, day, own.blocks)).collect();
        Frozen { partitions, position, next_number, records: tail.records, bytes: tail.bytes }
    }
}
