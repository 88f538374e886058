//! A column of numbers, in the smallest of four forms.
//!
//! Form byte, then: 0 one number for all; 1 one number a trace, nested column of them; 2 frame of reference; 3 local
//! dictionary (count, differences of the sorted numbers, packed indices). An empty column takes no bytes.

use super::limits::MAX_LOCAL_ENTRIES;
use crate::bits::{pack, packed_bytes, put_unsigned, read_unsigned, unpack, unpack_into, width_of};
use crate::bytes::{BytesError, Problem, Reader, put_varint};

const WHAT: &str = "column of spans";

const CONSTANT: u8 = 0;
const BY_RUN: u8 = 1;
const FRAME: u8 = 2;
const LOCAL: u8 = 3;

/// Appends a column. `runs` gives the trace (by its number in the block, growing) of each value.
pub(super) fn put(out: &mut Vec<u8>, values: &[u64], runs: &[u32]) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value == first) {
        out.push(CONSTANT);
        put_varint(out, *first);
        return;
    }
    if let Some(by_run) = one_a_run(values, runs) {
        out.push(BY_RUN);
        put(out, &by_run, &[]);
        return;
    }
    let (least, most) = values.iter().fold((u64::MAX, 0), |(low, high), value| (low.min(*value), high.max(*value)));
    let framed = packed_bytes(values.len(), width_of(most - least));
    match Local::of(values).filter(|local| local.bytes(values.len()) < framed) {
        Some(local) => {
            out.push(LOCAL);
            local.put(out, values);
        }
        None => {
            out.push(FRAME);
            put_unsigned(out, values);
        }
    }
}

/// Reads as many values as `runs` has entries.
///
/// # Errors
/// The bytes are not a column of that length.
pub(super) fn read(reader: &mut Reader<'_>, runs: &[u32]) -> Result<Vec<u64>, BytesError> {
    read_nested(reader, runs.len(), Some(runs))
}

/// Reads a column whose values belong to no trace.
///
/// # Errors
/// The bytes are not a column of that length.
pub(super) fn read_plain(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, BytesError> {
    read_nested(reader, count, None)
}

fn read_nested(reader: &mut Reader<'_>, count: usize, runs: Option<&[u32]>) -> Result<Vec<u64>, BytesError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let form = reader.u8(WHAT)?;
    match (form, runs) {
        (CONSTANT, _) => Ok(vec![reader.varint(WHAT)?; count]),
        (BY_RUN, Some(runs)) => {
            let by_run = read_nested(reader, run_count(runs), None)?;
            let mut next = by_run.into_iter();
            let mut now = (u32::MAX, 0);
            Ok(runs
                .iter()
                .map(|run| {
                    if *run != now.0 {
                        now = (*run, next.next().unwrap_or(0));
                    }
                    now.1
                })
                .collect())
        }
        (FRAME, _) => read_unsigned(reader, count),
        (LOCAL, _) => read_local(reader, count),
        _ => Err(reader.error(WHAT, Problem::BadValue(u64::from(form)))),
    }
}

fn run_count(runs: &[u32]) -> usize {
    runs.iter().zip(runs.iter().skip(1)).filter(|(before, after)| before != after).count()
        + usize::from(!runs.is_empty())
}

/// The value of each trace, if every trace has only one and that is fewer numbers.
fn one_a_run(values: &[u64], runs: &[u32]) -> Option<Vec<u64>> {
    if runs.len() != values.len() {
        return None;
    }
    let mut by_run = Vec::new();
    let mut now = None;
    for (value, run) in values.iter().zip(runs) {
        match now {
            Some((last, own)) if last == *run => {
                if own != *value {
                    return None;
                }
            }
            _ => {
                now = Some((*run, *value));
                by_run.push(*value);
            }
        }
    }
    (by_run.len() < values.len()).then_some(by_run)
}

/// The distinct numbers of a column, and where to find each.
struct Local {
    sorted: Vec<u64>,
    slots: Vec<(u64, u32)>,
}

const SLOTS: usize = MAX_LOCAL_ENTRIES * 4;
const FREE: u32 = u32::MAX;

impl Local {
    fn of(values: &[u64]) -> Option<Self> {
        let mut slots = vec![(0u64, FREE); SLOTS];
        let mut sorted: Vec<u64> = Vec::new();
        for value in values {
            let slot = find_slot(&mut slots, *value)?;
            if slot.1 == FREE {
                if sorted.len() == MAX_LOCAL_ENTRIES {
                    return None;
                }
                *slot = (*value, 0);
                sorted.push(*value);
            }
        }
        sorted.sort_unstable();
        for (index, value) in sorted.iter().enumerate() {
            if let Some(slot) = find_slot(&mut slots, *value) {
                slot.1 = index as u32;
            }
        }
        Some(Self { sorted, slots })
    }

    fn width(&self) -> u8 {
        width_of(self.sorted.len().saturating_sub(1) as u64)
    }

    fn bytes(&self, count: usize) -> usize {
        let mut before = 0;
        let entries: usize = self
            .sorted
            .iter()
            .map(|value| {
                let bits = usize::from(width_of(value - before));
                before = *value;
                bits.div_ceil(7).max(1)
            })
            .sum();
        entries + packed_bytes(count, self.width())
    }

    fn put(mut self, out: &mut Vec<u8>, values: &[u64]) {
        put_varint(out, self.sorted.len() as u64);
        let mut before = 0;
        for value in &self.sorted {
            put_varint(out, value - before);
            before = *value;
        }
        let width = self.width();
        let indices: Vec<u64> =
            values.iter().map(|value| find_slot(&mut self.slots, *value).map_or(0, |slot| u64::from(slot.1))).collect();
        pack(out, indices, width);
    }
}

/// The slot that holds the value, or the free one where it belongs. The table is never more than a quarter full.
fn find_slot(slots: &mut [(u64, u32)], value: u64) -> Option<&mut (u64, u32)> {
    let mut place = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % SLOTS;
    for _ in 0..SLOTS {
        let (held, state) = *slots.get(place)?;
        if state == FREE || held == value {
            return slots.get_mut(place);
        }
        place = (place + 1) % SLOTS;
    }
    None
}

fn read_local(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, BytesError> {
    let entries = reader.count(1, WHAT)?;
    let mut sorted = Vec::with_capacity(entries.min(MAX_LOCAL_ENTRIES));
    let mut value = 0u64;
    for _ in 0..entries {
        value = value.wrapping_add(reader.varint(WHAT)?);
        sorted.push(value);
    }
    let mut values = unpack(reader, count, width_of(entries.saturating_sub(1) as u64))?;
    for value in &mut values {
        let entry = usize::try_from(*value).ok().and_then(|index| sorted.get(index));
        *value = *entry.ok_or_else(|| reader.error(WHAT, Problem::BadValue(*value)))?;
    }
    Ok(values)
}

/// Appends numbers with a width for each trace: unit, widths, packed numbers. `lengths` are the traces' spans.
pub(super) fn put_by_run(out: &mut Vec<u8>, values: &[u64], lengths: &[u32]) {
    let unit = [1_000_000, 1_000].into_iter().find(|unit| values.iter().all(|value| value % unit == 0)).unwrap_or(1);
    put_varint(out, unit);
    let mut rest = values;
    let mut widths = Vec::with_capacity(lengths.len());
    let mut packed = Vec::with_capacity(values.len() * 4);
    for length in lengths {
        let (run, tail) = rest.split_at(rest.len().min(*length as usize));
        rest = tail;
        let width = width_of(run.iter().max().map_or(0, |most| most / unit));
        widths.push(u64::from(width));
        pack(&mut packed, run.iter().map(|value| value / unit), width);
    }
    put(out, &widths, &[]);
    out.extend_from_slice(&packed);
}

/// Reads what [`put_by_run`] wrote.
///
/// # Errors
/// The bytes are not such numbers.
pub(super) fn read_by_run(reader: &mut Reader<'_>, lengths: &[u32]) -> Result<Vec<u64>, BytesError> {
    let unit = reader.varint(WHAT)?;
    let widths = read_plain(reader, lengths.len())?;
    let mut values = Vec::with_capacity(lengths.iter().map(|length| *length as usize).sum());
    for (length, width) in lengths.iter().zip(widths) {
        let width = u8::try_from(width).unwrap_or(u8::MAX);
        unpack_into(reader, *length as usize, width, &mut values)?;
    }
    if unit != 1 {
        values.iter_mut().for_each(|value| *value = value.wrapping_mul(unit));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[u64], runs: &[u32], form: u8, most_bytes: usize) {
        let mut out = Vec::new();
        put(&mut out, values, runs);
        assert_eq!(out[0], form, "{values:?}");
        assert!(out.len() <= most_bytes, "{} bytes", out.len());
        assert_eq!(read(&mut Reader::new(&out), runs).unwrap(), values);
    }

    #[test]
    fn each_kind_of_column_takes_its_smallest_form() {
        let runs: Vec<u32> = (0..512).map(|row| row / 16).collect();
        check(&[7; 512], &runs, CONSTANT, 2);
        let by_run: Vec<u64> = runs.iter().map(|run| u64::from(*run % 3)).collect();
        check(&by_run, &runs, BY_RUN, 1 + 1 + 4 + 8);
        let counting: Vec<u64> = (0..512).collect();
        check(&counting, &runs, FRAME, 4 + 512 * 9 / 8);
        let sparse: Vec<u64> = (0..512).map(|row| [200, 1 << 40, 500][row % 3]).collect();
        check(&sparse, &runs, LOCAL, 20 + 128);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values: Vec<u64>, every in 1u32..9) {
            let runs: Vec<u32> = (0..values.len() as u32).map(|row| row / every).collect();
            let mut out = Vec::new();
            put(&mut out, &values, &runs);
            prop_assert_eq!(read(&mut Reader::new(&out), &runs).unwrap(), values);
        }

        #[test]
        fn numbers_by_trace_are_read(values in proptest::collection::vec(any::<u64>(), 0..40), unit in prop::sample::select(vec![1u64, 1000, 1_000_000])) {
            let values: Vec<u64> = values.into_iter().map(|value| (value >> 20) * unit).collect();
            let half = values.len() as u32 / 2;
            let lengths = [half, values.len() as u32 - half];
            let mut out = Vec::new();
            put_by_run(&mut out, &values, &lengths);
            prop_assert_eq!(read_by_run(&mut Reader::new(&out), &lengths).unwrap(), values);
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, count in 0u32..1000) {
            let runs: Vec<u32> = (0..count).collect();
            let _ = read(&mut Reader::new(&bytes), &runs);
            let _ = read_by_run(&mut Reader::new(&bytes), &[count]);
        }
    }
}
