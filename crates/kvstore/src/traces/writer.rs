//! Writing a run: groups of spans in order become blocks, dictionaries, an index and a head; beside them they are counted.

use super::index::IndexBuilder;
use super::run::{
    RunHead, all_cells_key, block_key, call_cells_key, dictionary_key, encode_zones, head_key, service_cells_key,
    shard_key, sums_key, traces_key, with_checksum, zones_key,
};
use super::scan::TraceList;
use crate::engine::{RunSpan, RunWriter};
use crate::error::KvError;
use clew_columns::spans::limits::{GROUP_BYTES, GROUP_SPANS, MAX_BLOCK_SPANS};
use clew_columns::spans::sums::{SumsBuilder, slot_width};
use clew_columns::spans::{BlockZone, encode_group, weights_of};
use clew_model::TimeRange;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;

/// Writes one run of spans.
pub(super) struct SpanRunWriter<'w, 'k> {
    writer: &'w mut RunWriter<'k>,
    rules: &'w CorrelationRules,
    head: RunHead,
    zones: Vec<BlockZone>,
    dictionaries: Vec<Vec<u8>>,
    index: IndexBuilder,
    sums: SumsBuilder,
    traces: TraceList,
    spans: u64,
}

impl<'w, 'k> SpanRunWriter<'w, 'k> {
    /// Begins a run of spans that start in a range.
    pub(super) fn new(writer: &'w mut RunWriter<'k>, rules: &'w CorrelationRules, range: TimeRange) -> Self {
        Self {
            writer,
            rules,
            head: RunHead::default(),
            zones: Vec::new(),
            dictionaries: Vec::new(),
            index: IndexBuilder::default(),
            sums: SumsBuilder::new(slot_width(range)),
            traces: TraceList::default(),
            spans: 0,
        }
    }

    /// Writes spans in order as blocks of one or more groups.
    pub(super) fn push(&mut self, mut spans: &[&Span]) -> Result<(), KvError> {
        let weights = weights_of(spans);
        let mut weights = weights.as_slice();
        while !spans.is_empty() {
            let end = group_end(spans, weights);
            let (group, rest) = spans.split_at(end);
            let (own, others) = weights.split_at(end.min(weights.len()));
            self.push_group(group, own)?;
            (spans, weights) = (rest, others);
        }
        Ok(())
    }

    /// Writes and removes as many whole groups as there are.
    pub(super) fn push_full(&mut self, spans: &mut Vec<Span>) -> Result<(), KvError> {
        let mut written = 0;
        loop {
            let rest: Vec<&Span> = spans.iter().skip(written).take(GROUP_SPANS + 1).collect();
            let weights = weights_of(&rest);
            let end = group_end(&rest, &weights);
            if end == rest.len() {
                break;
            }
            self.push_group(rest.get(..end).unwrap_or_default(), &weights)?;
            written += end;
        }
        spans.drain(..written);
        Ok(())
    }

    fn push_group(&mut self, spans: &[&Span], weights: &[usize]) -> Result<(), KvError> {
        let group = encode_group(spans, weights, self.rules);
        self.head.groups.push(self.zones.len() as u32);
        self.dictionaries.push(group.dictionary);
        let mut left = spans;
        for block in group.blocks {
            let number = self.zones.len() as u32;
            self.writer.put(&block_key(number), &block.bytes)?;
            self.index.add(number, &block.terms, &block.id_terms);
            let (own, rest) = left.split_at(left.len().min(block.zone.spans as usize));
            self.sums.add_block(own);
            let traces = own.chunk_by(|before, after| before.trace_id == after.trace_id);
            self.traces.add(number, traces.filter_map(<[_]>::first).map(|span| span.trace_id));
            left = rest;
            self.spans += u64::from(block.zone.spans);
            self.zones.push(block.zone);
        }
        Ok(())
    }

    /// Writes what stands beside the blocks.
    pub(super) fn finish(mut self) -> Result<RunSpan, KvError> {
        for (number, dictionary) in (0u32..).zip(&self.dictionaries) {
            self.writer.put(&dictionary_key(number), dictionary)?;
        }
        let (shards, bits) = self.index.finish();
        for (number, shard) in (0u32..).zip(&shards) {
            self.writer.put(&shard_key(number), shard)?;
        }
        self.writer.put(&zones_key(), &encode_zones(&self.zones))?;
        self.head.shard_bits = bits;
        self.head.blocks = self.zones.len() as u32;
        self.writer.put(&head_key(), &self.head.encode())?;
        if let Some(sums) = self.sums.finish() {
            self.writer.put(&sums_key(), &with_checksum(sums.head))?;
            for (number, cells) in (0u32..).zip(sums.services) {
                self.writer.put(&service_cells_key(number), &with_checksum(cells))?;
            }
            self.writer.put(&call_cells_key(), &with_checksum(sums.calls))?;
            self.writer.put(&all_cells_key(), &with_checksum(sums.all))?;
        }
        self.writer.put(&traces_key(), &with_checksum(self.traces.encode()))?;
        Ok(RunSpan {
            min_time: self.zones.iter().map(|zone| zone.min_start).min().unwrap_or(i64::MAX),
            max_time: self.zones.iter().map(|zone| zone.max_start).max().unwrap_or(i64::MIN),
            rows: self.spans,
        })
    }
}

/// Where the first group ends: at the last trace boundary that fits, unless a long trace leaves none nearby. All of the
/// spans when they fit.
fn group_end(spans: &[&Span], weights: &[usize]) -> usize {
    let fitting = fitting(weights);
    if spans.len() <= fitting {
        return spans.len();
    }
    let cut_trace = spans.get(fitting).map(|span| span.trace_id);
    let tail = spans.get(..fitting).unwrap_or_default().iter().rev();
    let into_it = tail.take_while(|span| Some(span.trace_id) == cut_trace).take(MAX_BLOCK_SPANS).count();
    if into_it < MAX_BLOCK_SPANS.min(fitting) { fitting - into_it } else { fitting }
}

/// How many of the spans a group has room for, at least one.
fn fitting(weights: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |weight: &&usize| {
        let has_room = bytes < GROUP_BYTES;
        bytes += **weight;
        has_room
    };
    weights.iter().take(GROUP_SPANS).take_while(fits).count().max(1)
}
