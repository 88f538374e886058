//! Retention: whole parts go, the oldest first, and their space comes back.

use super::LogStore;
use crate::error::LogStoreError;
use crate::part::PartMeta;
use clew_model::UnixNanos;

/// What a retention run removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionReport {
    /// Parts removed.
    pub parts: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes of them; the disk has them back once queries that still read them are done.
    pub bytes: u64,
}

impl LogStore {
    /// Deletes records before `cutoff`, and the oldest parts beyond `max_bytes`. From here on no search answers a
    /// record before the cutoff; the cutoff never moves back. Parts that hold later records too stay until all are
    /// older.
    ///
    /// # Errors
    /// The disk refuses; nothing is deleted then.
    pub fn retain(&self, cutoff: UnixNanos, max_bytes: Option<u64>) -> Result<RetentionReport, LogStoreError> {
        let _one = self.maintenance.lock();
        let (parts, known) = {
            let manifest = self.manifest.lock();
            (manifest.parts.clone(), manifest.cutoff)
        };
        let cutoff = cutoff.max(known);
        let (mut kept, mut removed): (Vec<PartMeta>, Vec<PartMeta>) =
            parts.into_iter().partition(|part| part.last >= cutoff);
        if let Some(max_bytes) = max_bytes {
            kept.sort_by_key(|part| (part.last, part.sequence));
            let mut bytes: u64 = kept.iter().map(|part| part.bytes).sum();
            while bytes > max_bytes && !kept.is_empty() {
                let oldest = kept.remove(0);
                bytes -= oldest.bytes;
                removed.push(oldest);
            }
        }
        if cutoff == known && removed.is_empty() {
            return Ok(RetentionReport::default());
        }
        let gone = |part: &PartMeta| removed.iter().any(|removed| removed.sequence == part.sequence);
        self.commit(
            &[],
            u64::MAX,
            |manifest| {
                manifest.cutoff = cutoff;
                manifest.parts.retain(|part| !gone(part));
            },
            |state| state.cutoff = cutoff,
        )?;
        Ok(RetentionReport {
            parts: removed.len(),
            records: removed.iter().map(|part| part.rows).sum(),
            bytes: removed.iter().map(|part| part.bytes).sum(),
        })
    }
}
