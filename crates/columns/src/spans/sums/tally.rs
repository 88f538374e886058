//! Spans counted together.

use super::WHAT;
use crate::bytes::{BytesError, Problem, Reader, put_varint};
use clew_model::traces::{DURATION_BUCKETS, duration_bucket};

/// Spans counted together, wherever their buckets stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TallyRef<'t> {
    /// Start of the last, where it is told.
    pub last: i64,
    /// Shortest duration.
    pub least: i64,
    /// Longest duration.
    pub most: i64,
    /// Durations by bucket, ascending; empty where there is no span.
    pub buckets: &'t [(u16, u32)],
}

/// Spans counted together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Start of the last.
    pub last: i64,
    /// Shortest duration.
    pub least: i64,
    /// Longest duration.
    pub most: i64,
    /// Durations by bucket, ascending; empty where there is no span.
    pub buckets: Vec<(u16, u32)>,
}

impl Tally {
    /// The same, borrowed.
    #[must_use]
    pub fn view(&self) -> TallyRef<'_> {
        TallyRef { last: self.last, least: self.least, most: self.most, buckets: &self.buckets }
    }

    /// Appends it; `base` is at or before the last start.
    pub(super) fn put(&self, out: &mut Vec<u8>, base: i64) {
        put_varint(out, self.buckets.len() as u64);
        let Some(((first, count), rest)) = self.buckets.split_first() else { return };
        put_varint(out, self.last.wrapping_sub(base) as u64);
        put_varint(out, self.least as u64);
        put_varint(out, self.most.wrapping_sub(self.least) as u64);
        put_varint(out, u64::from(*count));
        let mut before = *first;
        for (bucket, count) in rest {
            put_varint(out, u64::from(bucket - before));
            put_varint(out, u64::from(*count));
            before = *bucket;
        }
    }

    /// Reads what [`Self::put`] wrote.
    pub(super) fn read(reader: &mut Reader<'_>, base: i64) -> Result<Self, BytesError> {
        let buckets = reader.count(1, WHAT)?;
        let Some(rest) = buckets.checked_sub(1) else { return Ok(Self::default()) };
        let last = base.wrapping_add(reader.varint(WHAT)? as i64);
        let least = (reader.varint(WHAT)? as i64).max(0);
        let most = least.saturating_add((reader.varint(WHAT)? as i64).max(0));
        let mut bucket = duration_bucket(least) as u64;
        let mut tally = Self { last, least, most, buckets: Vec::with_capacity(buckets.min(DURATION_BUCKETS)) };
        tally.buckets.push((bucket as u16, read_count(reader)?));
        for _ in 0..rest {
            bucket = bucket.saturating_add(reader.varint(WHAT)?);
            if bucket >= DURATION_BUCKETS as u64 {
                return Err(reader.error(WHAT, Problem::BadValue(bucket)));
            }
            tally.buckets.push((bucket as u16, read_count(reader)?));
        }
        Ok(tally)
    }
}

/// How many spans have their durations in one bucket.
pub(super) fn read_count(reader: &mut Reader<'_>) -> Result<u32, BytesError> {
    let count = reader.varint(WHAT)?;
    u32::try_from(count).map_err(|_| reader.error(WHAT, Problem::BadValue(count)))
}

/// Tallies added up.
#[derive(Debug, Default)]
pub struct TallySum {
    counts: Vec<u64>,
    bounds: Option<(i64, i64, i64)>,
}

impl TallySum {
    /// Adds one.
    pub fn add(&mut self, tally: TallyRef<'_>) {
        let Some((highest, _)) = tally.buckets.last() else { return };
        if self.counts.len() <= usize::from(*highest) {
            self.counts.resize(usize::from(*highest) + 1, 0);
        }
        for (bucket, count) in tally.buckets {
            if let Some(own) = self.counts.get_mut(usize::from(*bucket)) {
                *own += u64::from(*count);
            }
        }
        let (last, least, most) = self.bounds.unwrap_or((tally.last, tally.least, tally.most));
        self.bounds = Some((last.max(tally.last), least.min(tally.least), most.max(tally.most)));
    }

    /// All together.
    #[must_use]
    pub fn finish(self) -> Tally {
        let Some((last, least, most)) = self.bounds else { return Tally::default() };
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let buckets = (0u16..).zip(self.counts.into_iter().map(count)).filter(|(_, count)| *count > 0).collect();
        Tally { last, least, most, buckets }
    }
}
