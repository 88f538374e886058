//! Compaction: runs of about the same size of a partition become one.

use super::identity::unique;
use super::options::CompactReport;
use super::run::{OpenRun, RunCaches};
use super::writer::SpanRunWriter;
use crate::engine::{Edit, PartitionKey, Run, Snapshot};
use crate::error::KvError;
use crate::limits::{MAX_MERGED_SPANS, MERGE_TIER_RUNS, MERGE_WINDOW_BYTES, MERGE_WINDOW_SPANS};
use clew_columns::spans::limits::{GROUP_BYTES, GROUP_SPANS};
use clew_columns::spans::weight_of_all;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::{TimeRange, TraceId};
use hashbrown::HashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Which runs to merge.
pub(super) struct Plan {
    partition: PartitionKey,
    runs: Vec<Run>,
}

/// The first merge that is worth it: of runs of about the same size, the smallest first.
pub(super) fn plan(snapshot: &Snapshot, max_bytes: u64) -> Option<Plan> {
    let mut partitions = snapshot.manifest().partitions.iter();
    partitions.find_map(|(key, partition)| {
        let readable = partition.runs.iter().filter(|run| snapshot.set_aside(run).is_none());
        let runs = same_tier(readable, max_bytes)?;
        Some(Plan { partition: key.clone(), runs })
    })
}

fn same_tier<'r>(all: impl Iterator<Item = &'r Run>, max_bytes: u64) -> Option<Vec<Run>> {
    let mut tiers: BTreeMap<u32, (Vec<Run>, u64, u64)> = BTreeMap::new();
    for run in all {
        let (runs, spans, bytes) = tiers.entry(run.rows.max(1).ilog2() / 2).or_default();
        if *spans + run.rows <= MAX_MERGED_SPANS && bytes.saturating_add(run.bytes) <= max_bytes {
            *spans += run.rows;
            *bytes += run.bytes;
            runs.push(run.clone());
        }
    }
    tiers.into_values().map(|(runs, ..)| runs).find(|runs| runs.len() >= MERGE_TIER_RUNS)
}

/// Writes the merged run into the edit.
pub(super) fn merge(
    edit: &mut Edit<'_>,
    snapshot: &Arc<Snapshot>,
    plan: &Plan,
    caches: &Arc<RunCaches>,
    rules: &CorrelationRules,
) -> Result<CompactReport, KvError> {
    let mut sources = Vec::with_capacity(plan.runs.len());
    for run in &plan.runs {
        sources.push(Source::new(OpenRun::open(snapshot, run, caches)?)?);
    }
    let range = TimeRange::new(
        plan.runs.iter().map(|run| run.min_time).min().unwrap_or(0),
        plan.runs.iter().map(|run| run.max_time).max().unwrap_or(0),
    );
    let run = edit.write_run(&plan.partition, |writer| {
        let mut window = Window { writer: SpanRunWriter::new(writer, rules, range), parts: Parts::default() };
        while let Some(source) = next_source(&mut sources) {
            if let Some(trace) = source.take()? {
                window.add(trace)?;
            }
        }
        window.finish()
    })?;
    let generations: Vec<u64> = plan.runs.iter().map(|run| run.generation).collect();
    let report = CompactReport {
        merged: plan.runs.len() as u64,
        spans: run.rows,
        duplicates: plan.runs.iter().map(|run| run.rows).sum::<u64>().saturating_sub(run.rows),
        bytes: run.bytes,
    };
    edit.replace_runs(&plan.partition, &generations, run);
    Ok(report)
}

/// One of the runs being merged, read block by block.
struct Source {
    run: OpenRun,
    next_block: u32,
    traces: VecDeque<Vec<Span>>,
}

impl Source {
    fn new(run: OpenRun) -> Result<Self, KvError> {
        let mut source = Self { run, next_block: 0, traces: VecDeque::new() };
        source.fill()?;
        Ok(source)
    }

    /// First start of the next trace.
    fn start(&self) -> Option<i64> {
        self.traces.front().and_then(|trace| trace.first()).map(|span| span.start)
    }

    fn take(&mut self) -> Result<Option<Vec<Span>>, KvError> {
        let trace = self.traces.pop_front();
        self.fill()?;
        Ok(trace)
    }

    fn fill(&mut self) -> Result<(), KvError> {
        while self.traces.is_empty() && self.next_block < self.run.blocks() {
            let block = self.run.block(self.next_block)?;
            let dictionary = self.run.dictionary(self.next_block)?;
            let spans = block.spans(&dictionary, 0..block.len()).map_err(|error| self.run.damaged(&error))?;
            let mut spans = spans.into_iter();
            for trace in block.traces() {
                self.traces.push_back(spans.by_ref().take(trace.rows.len()).collect());
            }
            self.next_block += 1;
        }
        Ok(())
    }
}

fn next_source(sources: &mut [Source]) -> Option<&mut Source> {
    sources.iter_mut().filter(|source| source.start().is_some()).min_by_key(|source| source.start())
}

/// Traces held back in order of their first start, so that parts from several runs meet; then groups of blocks.
///
/// Parts of a trace that start further apart than the window holds stay apart; readers join them, as they join what
/// several runs hold.
struct Window<'w, 'k> {
    writer: SpanRunWriter<'w, 'k>,
    parts: Parts,
}

#[derive(Default)]
struct Parts {
    starts: HashMap<TraceId, i64>,
    /// The spans of a trace, and their bytes.
    traces: BTreeMap<(i64, TraceId), (Vec<Span>, usize)>,
    held: usize,
    held_bytes: usize,
    ready: Vec<Span>,
    ready_bytes: usize,
}

impl Window<'_, '_> {
    fn add(&mut self, trace: Vec<Span>) -> Result<(), KvError> {
        self.parts.add(trace);
        while self.parts.is_full() && self.parts.release() {}
        self.push_full()
    }

    fn finish(mut self) -> Result<crate::engine::RunSpan, KvError> {
        while self.parts.release() {
            self.push_full()?;
        }
        self.writer.push(&self.parts.ready.iter().collect::<Vec<_>>())?;
        self.writer.finish()
    }

    fn push_full(&mut self) -> Result<(), KvError> {
        if self.parts.ready.len() > GROUP_SPANS || self.parts.ready_bytes > GROUP_BYTES {
            self.writer.push_full(&mut self.parts.ready)?;
            self.parts.ready_bytes = weight_of_all(&self.parts.ready);
        }
        Ok(())
    }
}

impl Parts {
    fn add(&mut self, trace: Vec<Span>) {
        let Some(first) = trace.first() else { return };
        let bytes = weight_of_all(&trace);
        self.held += trace.len();
        self.held_bytes += bytes;
        let start = *self.starts.entry(first.trace_id).or_insert(first.start);
        let (spans, own_bytes) = self.traces.entry((start, first.trace_id)).or_default();
        spans.extend(trace);
        *own_bytes += bytes;
    }

    fn is_full(&self) -> bool {
        self.held > MERGE_WINDOW_SPANS || self.held_bytes > MERGE_WINDOW_BYTES
    }

    /// Moves the first trace to what is ready; says whether there was one.
    fn release(&mut self) -> bool {
        let Some(((_, id), (trace, bytes))) = self.traces.pop_first() else { return false };
        self.starts.remove(&id);
        self.held -= trace.len();
        self.held_bytes -= bytes;
        self.ready_bytes += bytes;
        self.ready.extend(unique(trace));
        true
    }
}
