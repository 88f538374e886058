//! What is counted slot by slot.

use super::WHAT;
use super::head::{CallSum, SpanSums, place};
use super::tally::{Tally, TallyRef, read_count};
use crate::bytes::{Problem, Reader, put_signed, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::error::ColumnsError;
use clew_model::traces::{DURATION_BUCKETS, SpanKind, duration_bucket};
use compact_str::CompactString;

/// Spans counted by series (services, or operations of one) and slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cells {
    keys: Vec<(u32, u32)>,
    /// Two for each key, each with the end of its buckets.
    tallies: Vec<(Bounds, usize)>,
    buckets: Vec<(u16, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bounds {
    last: i64,
    least: i64,
    most: i64,
}

/// The spans of one series in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'c> {
    /// The place of the series.
    pub series: u32,
    /// The place of the slot among those of the head.
    pub slot: u32,
    /// Those that did not fail, those that did.
    pub tallies: [TallyRef<'c>; 2],
}

/// A cell while a run is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct NewCell {
    pub series: u32,
    pub slot: u32,
    pub tallies: [Tally; 2],
}

/// The spans of one service by operation and slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceCells {
    /// Name and kind of its operations, which are the series.
    pub operations: Vec<(CompactString, SpanKind)>,
    /// Slots with spans of it, ascending, and the last start in each.
    pub lasts: Vec<(u32, i64)>,
    /// By operation and slot, ascending; no last starts.
    pub cells: Cells,
}

/// Calls between two services in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallCell {
    /// The place of the slot among those of the head.
    pub slot: u32,
    /// The calls.
    pub sum: CallSum,
}

impl Cells {
    /// The cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut start = 0;
        let mut tallies = self.tallies.iter();
        let mut next = move || {
            let (bounds, end) = tallies.next().copied().unwrap_or((Bounds::default(), start));
            let buckets = self.buckets.get(start..end).unwrap_or_default();
            start = end;
            TallyRef { last: bounds.last, least: bounds.least, most: bounds.most, buckets }
        };
        self.keys.iter().map(move |(series, slot)| Cell { series: *series, slot: *slot, tallies: [next(), next()] })
    }

    /// Appends cells, number by number of a kind, so that each compresses with its like.
    fn put(out: &mut Vec<u8>, cells: &[NewCell], sums: &SpanSums, has_lasts: bool) {
        let [mut keys, mut bounds, mut steps, mut counts]: [Vec<u8>; 4] = Default::default();
        put_varint(&mut keys, cells.len() as u64);
        let mut before = 0i64;
        for cell in cells {
            put_varint(&mut keys, u64::from(cell.series));
            put_signed(&mut keys, i64::from(cell.slot) - before);
            before = i64::from(cell.slot);
            for tally in &cell.tallies {
                put_varint(&mut keys, tally.buckets.len() as u64);
                let Some((first, _)) = tally.buckets.first() else { continue };
                if has_lasts {
                    put_varint(&mut bounds, tally.last.wrapping_sub(sums.first_of(cell.slot)) as u64);
                }
                put_varint(&mut bounds, tally.least as u64);
                put_varint(&mut bounds, tally.most.wrapping_sub(tally.least) as u64);
                let mut before = *first;
                for (place, (bucket, count)) in tally.buckets.iter().enumerate() {
                    if place > 0 {
                        put_varint(&mut steps, u64::from(bucket - before));
                    }
                    before = *bucket;
                    put_varint(&mut counts, u64::from(*count));
                }
            }
        }
        [keys, bounds, steps, counts].iter().for_each(|numbers| put_compressed(out, numbers));
    }

    fn read(reader: &mut Reader<'_>, series: usize, sums: &SpanSums, has_lasts: bool) -> Result<Self, ColumnsError> {
        let sections: [Vec<u8>; 4] =
            [read_compressed(reader)?, read_compressed(reader)?, read_compressed(reader)?, read_compressed(reader)?];
        let [mut keys, mut bounds, mut steps, mut counts] = sections.each_ref().map(|section| Reader::new(section));
        let count = keys.count(4, WHAT)?;
        let mut cells = Self {
            keys: Vec::with_capacity(count),
            tallies: Vec::with_capacity(2 * count),
            // Each has a byte at least.
            buckets: Vec::with_capacity(counts.left()),
        };
        let mut slot = 0i64;
        for _ in 0..count {
            let own = place(&mut keys, series)?;
            slot = slot.saturating_add(keys.signed(WHAT)?);
            let slot = usize::try_from(slot).ok().filter(|slot| *slot < sums.slots.len());
            let slot = slot.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a slot is out of range" })? as u32;
            cells.keys.push((own, slot));
            for _ in 0..2 {
                let buckets = keys.varint(WHAT)?;
                let mut own = Bounds::default();
                if buckets > 0 {
                    let last = if has_lasts { bounds.varint(WHAT)? as i64 } else { 0 };
                    own.last = sums.first_of(slot).wrapping_add(last);
                    own.least = (bounds.varint(WHAT)? as i64).max(0);
                    own.most = own.least.saturating_add((bounds.varint(WHAT)? as i64).max(0));
                }
                let mut bucket = duration_bucket(own.least) as u64;
                for place in 0..buckets {
                    if place > 0 {
                        bucket = bucket.saturating_add(steps.varint(WHAT)?);
                    }
                    if bucket >= DURATION_BUCKETS as u64 {
                        return Err(steps.error(WHAT, Problem::BadValue(bucket)).into());
                    }
                    cells.buckets.push((bucket as u16, read_count(&mut counts)?));
                }
                cells.tallies.push((own, cells.buckets.len()));
            }
        }
        [keys, bounds, steps, counts].iter().try_for_each(|numbers| numbers.finish(WHAT))?;
        Ok(cells)
    }
}

impl ServiceCells {
    /// As bytes.
    pub(super) fn encode(operations: &[(CompactString, SpanKind)], cells: &[NewCell], sums: &SpanSums) -> Vec<u8> {
        let mut head = Vec::new();
        put_varint(&mut head, operations.len() as u64);
        for (name, kind) in operations {
            put_text(&mut head, name);
            head.push(kind.number());
        }
        let lasts = last_starts(cells);
        put_varint(&mut head, lasts.len() as u64);
        for (slot, last) in lasts {
            put_varint(&mut head, u64::from(slot));
            put_varint(&mut head, last.wrapping_sub(sums.first_of(slot)) as u64);
        }
        let mut out = Vec::new();
        put_compressed(&mut out, &head);
        Cells::put(&mut out, cells, sums, false);
        out
    }

    /// Reads the cells of a service of a run with this head.
    ///
    /// # Errors
    /// Damaged.
    pub fn decode(bytes: &[u8], sums: &SpanSums) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let body = read_compressed(&mut reader)?;
        let mut head = Reader::new(&body);
        let mut own = Self::default();
        for _ in 0..head.count(2, WHAT)? {
            let name = head.text(WHAT)?.into();
            own.operations.push((name, SpanKind::from_number(i64::from(head.u8(WHAT)?))));
        }
        for _ in 0..head.count(2, WHAT)? {
            let slot = place(&mut head, sums.slots.len())?;
            own.lasts.push((slot, sums.first_of(slot).wrapping_add(head.varint(WHAT)? as i64)));
        }
        head.finish(WHAT)?;
        own.cells = Cells::read(&mut reader, own.operations.len(), sums, false)?;
        reader.finish(WHAT)?;
        Ok(own)
    }

    /// The last start in a slot.
    #[must_use]
    pub fn last_in(&self, slot: u32) -> Option<i64> {
        let place = self.lasts.binary_search_by_key(&slot, |(own, _)| *own).ok()?;
        self.lasts.get(place).map(|(_, last)| *last)
    }
}

/// Of each slot the last start, ascending by slot.
fn last_starts(cells: &[NewCell]) -> Vec<(u32, i64)> {
    let tallies = cells.iter().flat_map(|cell| cell.tallies.iter().map(|tally| (cell.slot, tally)));
    let mut lasts: Vec<(u32, i64)> =
        tallies.filter(|(_, tally)| !tally.buckets.is_empty()).map(|(slot, tally)| (slot, tally.last)).collect();
    // The last of a slot comes first and stays.
    lasts.sort_unstable_by_key(|(slot, last)| (*slot, std::cmp::Reverse(*last)));
    lasts.dedup_by_key(|(slot, _)| *slot);
    lasts
}

/// The cells of all services, which are the series.
pub(super) fn encode_all(cells: &[NewCell], sums: &SpanSums) -> Vec<u8> {
    let mut out = Vec::new();
    Cells::put(&mut out, cells, sums, true);
    out
}

/// Reads the cells of all services of a run with this head.
///
/// # Errors
/// Damaged.
pub fn decode_all_cells(bytes: &[u8], sums: &SpanSums) -> Result<Cells, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let cells = Cells::read(&mut reader, sums.services.len(), sums, true)?;
    reader.finish(WHAT)?;
    Ok(cells)
}

pub(super) fn encode_call_cells(cells: &[CallCell]) -> Vec<u8> {
    let mut body = Vec::new();
    put_varint(&mut body, cells.len() as u64);
    for CallCell { slot, sum } in cells {
        [u64::from(*slot), u64::from(sum.client), u64::from(sum.server), sum.calls, sum.errors]
            .into_iter()
            .for_each(|number| put_varint(&mut body, number));
    }
    let mut out = Vec::new();
    put_compressed(&mut out, &body);
    out
}

/// Reads the calls by slot of a run with this head.
///
/// # Errors
/// Damaged.
pub fn decode_call_cells(bytes: &[u8], sums: &SpanSums) -> Result<Vec<CallCell>, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let body = read_compressed(&mut reader)?;
    reader.finish(WHAT)?;
    let mut reader = Reader::new(&body);
    let count = reader.count(5, WHAT)?;
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        let slot = place(&mut reader, sums.slots.len())?;
        let (client, server) = (place(&mut reader, sums.services.len())?, place(&mut reader, sums.services.len())?);
        let sum = CallSum { client, server, calls: reader.varint(WHAT)?, errors: reader.varint(WHAT)? };
        cells.push(CallCell { slot, sum });
    }
    reader.finish(WHAT)?;
    Ok(cells)
}
