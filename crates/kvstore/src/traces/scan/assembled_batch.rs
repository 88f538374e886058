//! Some traces of an assembly as a batch of columns.

use super::assembly::{Assembly, Row, Source, selected_of};
use crate::traces::identity::unique;
use clew_model::traces::{
    Parent, Parents, Selected, Span, SpanBatch, SpanKind, StatusCode, TextColumn, TraceRows, ValueColumn,
};
use clew_model::{ReadError, SpanId, UnixNanos, value};
use hashbrown::HashMap;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of the spans of an assembly.
pub(super) struct AssembledBatch {
    assembly: Arc<Assembly>,
    spans: Range<usize>,
    traces: Vec<TraceRows>,
    selected: Vec<u32>,
    newest: UnixNanos,
}

impl AssembledBatch {
    /// These spans, which are those of these traces; of the selected ones those of a service, by the number of its name, where
    /// one is given.
    pub(super) fn new(
        assembly: Arc<Assembly>,
        spans: Range<usize>,
        traces: Vec<TraceRows>,
        service: Option<u32>,
    ) -> Self {
        let (selected, newest) = selected_of(&assembly, spans.clone(), service);
        Self { assembly, spans, traces, selected, newest }
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.spans.clone().filter_map(|span| self.assembly.kept(span))
    }

    fn texts(&self, number: impl Fn(&Row) -> u32) -> TextColumn<'_> {
        let mut codes: HashMap<u32, u32> = HashMap::new();
        let mut column = TextColumn::default();
        for row in self.rows() {
            let number = number(row);
            let code = *codes.entry(number).or_insert_with(|| {
                column.texts.push(Cow::Borrowed(self.assembly.text(number)));
                column.texts.len() as u32 - 1
            });
            column.codes.push(code);
        }
        column
    }

    /// The whole spans that stand in these places.
    fn fetch(source: &Source, rows: &[u32]) -> Result<Vec<Span>, ReadError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
        match source {
            Source::Batch(batch) => Ok(rows.iter().filter_map(|row| batch.spans.get(*row as usize)).cloned().collect()),
            Source::Block(run, number) => {
                let (block, dictionary) = (run.block(*number)?, run.dictionary(*number)?);
                let range = *first as usize..*last as usize + 1;
                let spans = block.spans(&dictionary, range).map_err(|error| run.damaged(&error))?;
                let wanted = (*first..).zip(spans).filter(|(row, _)| rows.binary_search(row).is_ok());
                Ok(wanted.map(|(_, span)| span).collect())
            }
        }
    }
}

impl SpanBatch for AssembledBatch {
    fn len(&self) -> usize {
        self.spans.len()
    }

    fn selected(&self) -> Selected<'_> {
        Selected::Some(&self.selected)
    }

    fn newest(&self) -> UnixNanos {
        self.newest
    }

    fn traces(&self) -> &[TraceRows] {
        &self.traces
    }

    fn services(&self) -> Result<TextColumn<'_>, ReadError> {
        Ok(self.texts(|row| row.service))
    }

    fn operations(&self) -> Result<TextColumn<'_>, ReadError> {
        Ok(self.texts(|row| row.name))
    }

    fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ReadError> {
        Ok(self.rows().map(|row| (row.kind, row.status)).collect())
    }

    fn starts(&self) -> Result<Vec<UnixNanos>, ReadError> {
        Ok(self.rows().map(|row| row.start).collect())
    }

    fn lasting(&self) -> Result<Vec<i64>, ReadError> {
        Ok(self.rows().map(|row| row.end.wrapping_sub(row.start)).collect())
    }

    fn span_ids(&self) -> Result<Vec<SpanId>, ReadError> {
        Ok(self.rows().map(|row| row.span_id).collect())
    }

    fn parents(&self) -> Result<Parents, ReadError> {
        let ids = self.span_ids()?;
        let mut parents = Parents { of: Vec::with_capacity(ids.len()), shared: false };
        for trace in &self.traces {
            // Spans stand in order of their IDs.
            let own = ids.get(trace.rows.clone()).unwrap_or_default();
            parents.shared |= own.windows(2).any(|pair| matches!(pair, [left, right] if left == right));
            let row_of = |id: &SpanId| own.binary_search(id).ok().map(|row| (trace.rows.start + row) as u32);
            for row in trace.rows.clone() {
                let parent = self.assembly.kept(self.spans.start + row).and_then(|row| row.parent);
                parents.of.push(match parent {
                    None => Parent::None,
                    Some(id) => row_of(&id).map_or(Parent::Elsewhere(id), Parent::Row),
                });
            }
        }
        Ok(parents)
    }

    fn attribute(&self, key: &str) -> Result<ValueColumn, ReadError> {
        let rows: Vec<usize> = (0..self.len()).collect();
        let mut column = ValueColumn::default();
        for span in self.spans(&rows)? {
            column.codes.push(match value::find(&span.attributes, key) {
                None => ValueColumn::NONE,
                Some(value) => {
                    column.values.push(value.clone());
                    column.values.len() as u32 - 1
                }
            });
        }
        Ok(column)
    }

    fn spans(&self, rows: &[usize]) -> Result<Vec<Span>, ReadError> {
        // All versions, by where they stand, so that each block is opened once.
        let mut places: Vec<(u32, u32, usize)> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let versions = self.assembly.versions(self.spans.start + row);
            places.extend(versions.iter().map(|version| (version.source, version.row, place)));
        }
        places.sort_unstable();
        let mut found: Vec<Vec<Span>> = vec![Vec::new(); rows.len()];
        for same in places.chunk_by(|left, right| left.0 == right.0) {
            let source = same.first().and_then(|(source, ..)| self.assembly.sources.get(*source as usize));
            let Some(source) = source else { continue };
            let wanted: Vec<u32> = same.iter().map(|(_, row, _)| *row).collect();
            for ((_, _, place), span) in same.iter().zip(Self::fetch(source, &wanted)?) {
                found.get_mut(*place).into_iter().for_each(|versions| versions.push(span.clone()));
            }
        }
        Ok(found.into_iter().filter_map(|versions| unique(versions).into_iter().next()).collect())
    }
}
