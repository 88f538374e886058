//! Compaction: small parts of one tenant and day become one bigger part, sorted by time.

use super::LogStore;
use crate::error::LogStoreError;
use crate::limits::{
    BLOCK_BYTES, BLOCK_ROWS, MAX_MERGE_BUFFER_BYTES, MAX_MERGE_BUFFER_ROWS, MAX_MERGED_PARTS, MERGE_FAN_IN,
};
use crate::part::{BlockPlace, OpenPart, Part, PartMeta, PartWriter};
use clew_columns::logs::encode_block;
use clew_model::RecordId;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::LogRow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// What a compaction did; all zero when nothing was worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactReport {
    /// Parts merged.
    pub merged: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

impl LogStore {
    /// Merges one group of parts of similar size, if there is one. Call it again until nothing is merged. Queries that
    /// began before go on reading the old parts.
    ///
    /// # Errors
    /// The disk refuses. A part that turns out to be damaged is reported, left as it is and not tried again.
    pub fn compact(&self) -> Result<CompactReport, LogStoreError> {
        let _one = self.maintenance.lock();
        let parts = Arc::clone(&self.state.lock().parts);
        let Some(group) = self.choose(&parts) else { return Ok(CompactReport::default()) };
        let sequence = self.new_sequence();
        let merged = match self.merge(&group, sequence) {
            Ok(merged) => merged,
            Err(error) => {
                if let Some(meta) = group.first().map(|part| PartMeta { sequence, ..part.meta.clone() }) {
                    self.remove_files(&[meta]);
                }
                return Err(error);
            }
        };
        let Some(merged) = merged else { return Ok(CompactReport::default()) };
        let old = |part: &PartMeta| group.iter().any(|merged| merged.meta.sequence == part.sequence);
        let new = if merged.rows > 0 { vec![merged.clone()] } else { Vec::new() };
        let below = group.iter().map(|part| part.below).max().unwrap_or(u64::MAX);
        self.commit(&new, below, |manifest| manifest.parts.retain(|part| !old(part)), |_| {})?;
        Ok(CompactReport {
            merged: group.len(),
            records: merged.rows,
            bytes_before: group.iter().map(|part| part.meta.bytes).sum(),
            bytes_after: merged.bytes,
        })
    }

    /// At least four parts of one tenant and day within a factor of four in size, the smallest such group.
    fn choose(&self, parts: &[Arc<Part>]) -> Option<Vec<Arc<Part>>> {
        let mut groups: BTreeMap<(u32, &str, i64), Vec<Arc<Part>>> = BTreeMap::new();
        for part in parts.iter().filter(|part| part.damage().is_none()) {
            let tier = (part.meta.rows / BLOCK_ROWS as u64 + 1).ilog(MERGE_FAN_IN as u64);
            // What is nearly as large as a part may be would keep smaller ones of its group from being merged.
            let is_small = part.meta.bytes <= self.options.max_part_bytes / MERGE_FAN_IN as u64;
            if part.meta.rows < self.options.max_part_rows && is_small {
                groups.entry((tier, part.meta.tenant.as_str(), part.meta.day)).or_default().push(Arc::clone(part));
            }
        }
        groups.into_values().find_map(|mut group| {
            group.sort_by_key(|part| (part.meta.first, part.meta.sequence));
            let (mut rows, mut bytes) = (0, 0u64);
            let fits = |part: &Arc<Part>| {
                rows += part.meta.rows;
                bytes = bytes.saturating_add(part.meta.bytes);
                rows <= self.options.max_part_rows && bytes <= self.options.max_part_bytes
            };
            let chosen: Vec<_> = group.into_iter().take(MAX_MERGED_PARTS).take_while(fits).collect();
            (chosen.len() >= MERGE_FAN_IN).then_some(chosen)
        })
    }

    /// `None` when a part is damaged.
    fn merge(&self, group: &[Arc<Part>], sequence: u64) -> Result<Option<PartMeta>, LogStoreError> {
        let Some(first) = group.first() else { return Ok(None) };
        let (tenant, day) = (&first.meta.tenant, first.meta.day);
        let cutoff = self.state.lock().cutoff;
        let mut sources: Vec<(&Arc<Part>, Arc<OpenPart>, BlockPlace)> = Vec::new();
        for part in group {
            let Some(open) = healthy(part, part.open())? else { return Ok(None) };
            sources.extend(open.places.iter().map(|place| (part, Arc::clone(&open), *place)));
        }
        sources.sort_by_key(|(_, _, place)| place.first);
        let mut writer = self.part_writer(sequence, tenant, day, sources.len())?;
        let mut buffer = Buffer::default();
        let mut abandoned = false;
        for (part, open, place) in &sources {
            buffer.write_before(&mut writer, place.first, &self.rules)?;
            let rows = open.block(place).and_then(|block| Ok(block.decode_all()?));
            let Some(rows) = healthy(part, rows)? else {
                abandoned = true;
                break;
            };
            rows.into_iter().filter(|row| row.id.time >= cutoff).for_each(|row| buffer.push(row));
        }
        while !buffer.rows.is_empty() && !abandoned {
            buffer.write_block(&mut writer, &self.rules)?;
        }
        let meta = writer.finish()?;
        if abandoned || meta.rows == 0 {
            self.remove_files(std::slice::from_ref(&meta));
        }
        Ok((!abandoned).then_some(meta))
    }
}

/// `None` where the part is damaged, which is reported; a disk that does not answer is an error, to be tried again.
fn healthy<T>(part: &Part, result: Result<T, LogStoreError>) -> Result<Option<T>, LogStoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_damage() => {
            part.report(&error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Rows that wait for those of other parts, in order.
#[derive(Default)]
struct Buffer {
    rows: BTreeMap<RecordId, LogRow>,
    bytes: usize,
}

impl Buffer {
    fn push(&mut self, row: LogRow) {
        self.bytes += row.record.memory_bytes();
        self.rows.insert(row.id, row);
    }

    /// Writes full blocks of rows that no later block can precede; and of any rows when too many are held.
    fn write_before(
        &mut self,
        writer: &mut PartWriter,
        time: i64,
        rules: &CorrelationRules,
    ) -> Result<(), LogStoreError> {
        loop {
            let is_final = self.end_of_block().is_some_and(|end| end.time < time);
            let has_room = self.rows.len() <= MAX_MERGE_BUFFER_ROWS && self.bytes <= MAX_MERGE_BUFFER_BYTES;
            if !is_final && has_room {
                return Ok(());
            }
            self.write_block(writer, rules)?;
        }
    }

    /// The last row of the first block, if there are enough for a full one.
    fn end_of_block(&self) -> Option<RecordId> {
        let mut bytes = 0;
        let is_full = |(index, (_, row)): &(usize, (&RecordId, &LogRow))| {
            bytes += row.record.memory_bytes();
            index + 1 >= BLOCK_ROWS || bytes >= BLOCK_BYTES
        };
        self.rows.iter().enumerate().find(is_full).map(|(_, (id, _))| *id)
    }

    fn write_block(&mut self, writer: &mut PartWriter, rules: &CorrelationRules) -> Result<(), LogStoreError> {
        let behind = self.end_of_block().and_then(|end| {
            let behind = self.rows.range((Bound::Excluded(end), Bound::Unbounded)).next();
            behind.map(|(id, _)| *id)
        });
        let rest = behind.map(|behind| self.rows.split_off(&behind)).unwrap_or_default();
        let rows: Vec<LogRow> = std::mem::replace(&mut self.rows, rest).into_values().collect();
        let bytes: usize = rows.iter().map(|row| row.record.memory_bytes()).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        writer.add(&encode_block(&rows, rules))
    }
}
