//! A block of a run as a batch of columns.

use super::selection::Selection;
use crate::engine::Slice;
use crate::traces::run::OpenRun;
use clew_columns::ColumnsError;
use clew_columns::spans::{SpanBlock, SpanDictionary};
use clew_model::traces::{
    Parents, Selected, Span, SpanBatch, SpanKind, StatusCode, TextColumn, TraceRows, ValueColumn, Weights,
};
use clew_model::{ReadError, SpanId, UnixNanos};
use std::sync::Arc;

/// Bytes that the columns of a row may take while a sink looks at them, an estimate.
const ROW_BYTES: u64 = 96;

/// A block that is being read.
pub(super) struct BlockBatch {
    run: Arc<OpenRun>,
    block: Arc<SpanBlock<Slice>>,
    dictionary: Arc<SpanDictionary>,
    /// `None` when all rows are selected.
    selected: Option<Vec<u32>>,
    /// `None` when all traces of the block are here.
    traces: Option<Vec<TraceRows>>,
    newest: UnixNanos,
    is_taken_back: bool,
}

impl BlockBatch {
    /// The rows of a block that are selected.
    pub(super) fn new(
        run: Arc<OpenRun>,
        block: SpanBlock<Slice>,
        dictionary: Arc<SpanDictionary>,
        selected: Option<Vec<u32>>,
        newest: UnixNanos,
    ) -> Self {
        Self { run, block: Arc::new(block), dictionary, selected, traces: None, newest, is_taken_back: false }
    }

    /// A block of a run with its selected rows; `None` where there is no such block.
    pub(super) fn open(run: &Arc<OpenRun>, number: u32, selection: &Selection<'_>) -> Result<Option<Self>, ReadError> {
        let zones = run.zones()?;
        let Some(zone) = zones.get(number as usize) else { return Ok(None) };
        let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
        let selected = selection.rows_of_block(run, &block, &dictionary, zone)?;
        Ok(Some(Self::new(run.clone(), block, dictionary, selected, zone.max_start)))
    }

    /// Some rows and traces of the same block.
    pub(super) fn part(&self, rows: Vec<u32>, traces: Vec<TraceRows>, is_taken_back: bool) -> Self {
        Self {
            run: self.run.clone(),
            block: self.block.clone(),
            dictionary: self.dictionary.clone(),
            selected: Some(rows),
            traces: Some(traces),
            newest: self.newest,
            is_taken_back,
        }
    }

    /// Leaves these traces alone; those that go do so with their rows.
    pub(super) fn keep_traces(&mut self, traces: Vec<TraceRows>) {
        let is_kept = {
            let mut kept = vec![false; self.block.len()];
            for trace in &traces {
                kept.get_mut(trace.rows.clone()).into_iter().flatten().for_each(|row| *row = true);
            }
            move |row: &u32| kept.get(*row as usize).copied().unwrap_or(false)
        };
        self.selected = Some(match self.selected.take() {
            Some(rows) => rows.into_iter().filter(is_kept).collect(),
            None => (0..self.block.len() as u32).filter(is_kept).collect(),
        });
        self.traces = Some(traces);
    }

    /// Whether nothing is selected.
    pub(super) fn is_empty(&self) -> bool {
        self.selected.as_ref().is_some_and(Vec::is_empty)
    }

    /// Bytes that reading its columns may take.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.block.len() as u64 * ROW_BYTES
    }

    fn read<T>(&self, column: Result<T, ColumnsError>) -> Result<T, ReadError> {
        column.map_err(|error| self.run.damaged(&error).into())
    }
}

impl SpanBatch for BlockBatch {
    fn len(&self) -> usize {
        self.block.len()
    }

    fn selected(&self) -> Selected<'_> {
        self.selected.as_deref().map_or(Selected::All(self.block.len()), Selected::Some)
    }

    fn weights(&self) -> Weights<'_> {
        if self.is_taken_back { Weights::TakenBack } else { Weights::One }
    }

    fn newest(&self) -> UnixNanos {
        self.newest
    }

    fn traces(&self) -> &[TraceRows] {
        self.traces.as_deref().unwrap_or_else(|| self.block.traces())
    }

    fn services(&self) -> Result<TextColumn<'_>, ReadError> {
        self.read(self.block.service_column(&self.dictionary))
    }

    fn operations(&self) -> Result<TextColumn<'_>, ReadError> {
        self.read(self.block.operation_column(&self.dictionary))
    }

    fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ReadError> {
        self.read(self.block.outcomes())
    }

    fn starts(&self) -> Result<Vec<UnixNanos>, ReadError> {
        self.read(self.block.starts())
    }

    fn lasting(&self) -> Result<Vec<i64>, ReadError> {
        self.read(self.block.lasting())
    }

    fn span_ids(&self) -> Result<Vec<SpanId>, ReadError> {
        self.read(self.block.span_ids())
    }

    fn parents(&self) -> Result<Parents, ReadError> {
        self.read(self.block.parent_rows())
    }

    fn attribute(&self, key: &str) -> Result<ValueColumn, ReadError> {
        self.read(self.block.attribute_column(&self.dictionary, key))
    }

    fn spans(&self, rows: &[usize]) -> Result<Vec<Span>, ReadError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
        let mut spans = self.read(self.block.spans(&self.dictionary, *first..last + 1))?;
        let mut row = *first;
        spans.retain(|_| {
            row += 1;
            rows.binary_search(&(row - 1)).is_ok()
        });
        Ok(spans)
    }
}
