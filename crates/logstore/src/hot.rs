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
    fn push(&mut self, block: Arc<HotBlock>) {
        self.count(&block);
        self.blocks.push(block);
    }

    fn count(&mut self, block: &HotBlock) {
        self.tiny += usize::from(block.rows < TINY_BLOCK_ROWS);
        self.small += usize::from((TINY_BLOCK_ROWS..SMALL_BLOCK_ROWS).contains(&block.rows));
    }

    /// Blocks that are worth being put together, so that requests of a few records leave few blocks. A row is encoded
    /// again at most twice.
    fn joinable(&self) -> Option<Vec<Arc<HotBlock>>> {
        let sizes = match (self.tiny >= SMALL_BLOCKS, self.small >= SMALL_BLOCKS) {
            (true, _) => 0..TINY_BLOCK_ROWS,
            (false, true) => TINY_BLOCK_ROWS..SMALL_BLOCK_ROWS,
            (false, false) => return None,
        };
        Some(self.blocks.iter().filter(|block| sizes.contains(&block.rows)).cloned().collect())
    }

    fn replace(&mut self, old: &[Arc<HotBlock>], new: Vec<Arc<HotBlock>>) {
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.retain(|block| !old.iter().any(|old| Arc::ptr_eq(old, block)));
        (self.tiny, self.small) = (0, 0);
        blocks.into_iter().chain(new).for_each(|block| self.push(block));
    }
}

/// Small blocks of a partition that are to be put together.
#[derive(Debug)]
pub(crate) struct Joinable {
    generation: u64,
    partition: (TenantId, i64),
    blocks: Vec<Arc<HotBlock>>,
}

impl Joinable {
    /// Their rows in few blocks. Takes a while, in which readers go on; whoever publishes waits.
    pub(crate) fn join(&self, rules: &CorrelationRules) -> Result<Vec<Arc<HotBlock>>, ColumnsError> {
        regroup(&self.blocks, rules)
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
    /// How many were frozen before.
    generation: u64,
    partitions: BTreeMap<(TenantId, i64), Partition>,
    pub records: u64,
    /// Bytes of memory held.
    pub bytes: u64,
}

impl HotTail {
    /// Adds a block; answers blocks that are worth being put together, which [`HotTail::replace`] then takes.
    pub(crate) fn push(&mut self, tenant: &TenantId, block: Arc<HotBlock>) -> Option<Joinable> {
        self.records += block.rows as u64;
        self.bytes = self.bytes.saturating_add(block.memory_bytes() as u64);
        let partition = (tenant.clone(), day_of(block.first));
        let own = self.partitions.entry(partition.clone()).or_default();
        own.push(block);
        let blocks = own.joinable()?;
        Some(Joinable { generation: self.generation, partition, blocks })
    }

    /// Puts joined blocks in the place of those they were made of, unless these were frozen meanwhile.
    pub(crate) fn replace(&mut self, joinable: &Joinable, joined: Vec<Arc<HotBlock>>) {
        let Joinable { generation, partition, blocks } = joinable;
        let own = self.partitions.get_mut(partition).filter(|_| *generation == self.generation);
        let Some(own) = own else { return };
        let bytes = |blocks: &[Arc<HotBlock>]| blocks.iter().map(|block| block.memory_bytes() as u64).sum::<u64>();
        self.bytes = self.bytes.saturating_sub(bytes(blocks)).saturating_add(bytes(&joined));
        own.replace(blocks, joined);
    }

    pub(crate) fn blocks(&self, tenant: &TenantId, out: &mut Vec<Arc<HotBlock>>) {
        let days = (tenant.clone(), i64::MIN)..=(tenant.clone(), i64::MAX);
        for (_, partition) in self.partitions.range(days) {
            out.extend(partition.blocks.iter().cloned());
        }
    }

    /// Shows the blocks of each tenant and day.
    pub(crate) fn each_partition(&self, show: &mut impl FnMut(&TenantId, &[Arc<HotBlock>])) {
        self.partitions.iter().for_each(|((tenant, _), partition)| show(tenant, &partition.blocks));
    }

    pub(crate) fn freeze(&mut self, position: u64, next_number: u64) -> Frozen {
        let next = HotTail { generation: self.generation + 1, ..HotTail::default() };
        let tail = std::mem::replace(self, next);
        let partitions = tail.partitions.into_iter().map(|((tenant, day), own)| (tenant, day, own.blocks)).collect();
        Frozen { partitions, position, next_number, records: tail.records, bytes: tail.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64, rules: &CorrelationRules) -> Arc<HotBlock> {
        let record = LogRecord { body: format!("m {number}").as_str().into(), ..LogRecord::default() };
        let mut builder = BlockBuilder::default();
        builder.push(number, &record);
        Arc::new(builder.finish(rules))
    }

    fn numbers(tail: &HotTail) -> Vec<u64> {
        let mut blocks = Vec::new();
        tail.blocks(&TenantId::default(), &mut blocks);
        let rows =
            blocks.iter().flat_map(|block| LogBlock::open(Arc::clone(&block.bytes)).unwrap().decode_all().unwrap());
        let mut numbers: Vec<u64> = rows.map(|row| row.id.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn blocks_of_a_record_each_become_few_and_no_record_is_lost_or_doubled() {
        let rules = CorrelationRules::default();
        let (mut tail, mut joins) = (HotTail::default(), 0);
        for number in 0..1_000 {
            if let Some(joinable) = tail.push(&TenantId::default(), block(number, &rules)) {
                let joined = joinable.join(&rules).unwrap();
                tail.replace(&joinable, joined);
                joins += 1;
            }
        }
        let mut blocks = Vec::new();
        tail.blocks(&TenantId::default(), &mut blocks);
        assert!(joins > 20 && blocks.len() < 2 * SMALL_BLOCKS, "{joins} joins, {} blocks", blocks.len());
        assert_eq!(numbers(&tail), (0..1_000).collect::<Vec<_>>());
        assert_eq!(tail.bytes, blocks.iter().map(|block| block.memory_bytes() as u64).sum::<u64>());
    }

    #[test]
    fn what_was_frozen_while_it_was_joined_stays_as_it_is() {
        let rules = CorrelationRules::default();
        let mut tail = HotTail::default();
        let joinable =
            (0..SMALL_BLOCKS as u64).find_map(|number| tail.push(&TenantId::default(), block(number, &rules)));
        let joinable = joinable.unwrap();
        let joined = joinable.join(&rules).unwrap();
        let frozen = tail.freeze(1, 99);
        assert!(tail.push(&TenantId::default(), block(99, &rules)).is_none());
        tail.replace(&joinable, joined);
        assert_eq!(numbers(&tail), [99]);
        assert_eq!(frozen.records, SMALL_BLOCKS as u64);
    }
}
