//! Sealing: the hot generation becomes parts, published together with the journal position they reach.

use super::LogStore;
use crate::error::LogStoreError;
use crate::hot::{Frozen, HotBlock, regroup};
use crate::limits::SMALL_BLOCK_ROWS;
use crate::part::PartMeta;
use std::sync::Arc;

/// What a seal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealReport {
    /// The journal position that parts cover now.
    pub position: u64,
    /// Parts written.
    pub parts: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl LogStore {
    /// Writes everything applied so far to parts, one for each tenant and day, and publishes them with one commit.
    /// Records may be applied and searched meanwhile. After an error the records stay readable in memory, and the next
    /// seal writes them.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn seal(&self) -> Result<SealReport, LogStoreError> {
        let _one = self.sealing.lock();
        let mut report = SealReport::default();
        // A generation whose seal failed comes first, then the present one.
        if let Some(left) = self.frozen() {
            self.seal_generation(&left, &mut report)?;
        }
        let frozen = self.freeze();
        if let Some(frozen) = frozen {
            self.seal_generation(&frozen, &mut report)?;
        }
        report.position = self.sealed_position();
        Ok(report)
    }

    fn frozen(&self) -> Option<Arc<Frozen>> {
        self.state.lock().frozen.clone()
    }

    /// `None` when nothing was applied since the last seal.
    fn freeze(&self) -> Option<Arc<Frozen>> {
        let sealed = self.sealed_position();
        let mut state = self.state.lock();
        if state.position == sealed && state.hot.records == 0 {
            return None;
        }
        let (position, next_number) = (state.position, state.next_number);
        let frozen = Arc::new(state.hot.freeze(position, next_number));
        state.frozen = Some(Arc::clone(&frozen));
        Some(frozen)
    }

    fn seal_generation(&self, frozen: &Frozen, report: &mut SealReport) -> Result<(), LogStoreError> {
        let mut parts = Vec::new();
        if let Err(error) = self.write_parts(frozen, &mut parts) {
            self.remove_files(&parts);
            return Err(error);
        }
        self.commit(
            &parts,
            frozen.next_number,
            |manifest| {
                manifest.position = frozen.position;
                manifest.next_number = frozen.next_number;
            },
            |state| state.frozen = None,
        )?;
        report.parts += parts.len();
        report.records += parts.iter().map(|part| part.rows).sum::<u64>();
        report.bytes += parts.iter().map(|part| part.bytes).sum::<u64>();
        Ok(())
    }

    /// Whatever was begun is in `parts`, also when it fails: on a full disk every attempt would leave a file otherwise.
    fn write_parts(&self, frozen: &Frozen, parts: &mut Vec<PartMeta>) -> Result<(), LogStoreError> {
        let cutoff = self.state.lock().cutoff;
        for (tenant, day, blocks) in &frozen.partitions {
            let blocks: Vec<_> =
                blocks.iter().filter(|block| block.last >= cutoff && block.rows > 0).cloned().collect();
            if blocks.is_empty() {
                continue;
            }
            let blocks = self.settled(blocks)?;
            let sequence = self.new_sequence();
            parts.push(PartMeta { sequence, tenant: tenant.clone(), day: *day, rows: 0, bytes: 0, first: 0, last: 0 });
            let mut writer = self.part_writer(sequence, tenant, *day, blocks.len())?;
            for block in blocks {
                writer.add(&block)?;
            }
            let finished = writer.finish()?;
            if let Some(begun) = parts.last_mut() {
                *begun = finished;
            }
        }
        Ok(())
    }

    /// The blocks in the order of time, the small ones among them put together.
    fn settled(&self, blocks: Vec<Arc<HotBlock>>) -> Result<Vec<Arc<HotBlock>>, LogStoreError> {
        let (mut small, mut settled): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| block.rows < SMALL_BLOCK_ROWS);
        small.sort_by_key(|block| block.first);
        if small.len() > 1 {
            small = regroup(&small, &self.rules)?;
        }
        settled.append(&mut small);
        settled.sort_by_key(|block| block.first);
        Ok(settled)
    }
}
