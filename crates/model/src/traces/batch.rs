//! A batch of spans as columns, decoded when they are asked for.

use super::span::{Span, SpanKind, StatusCode};
use crate::error::ReadError;
use crate::id::{SpanId, TraceId};
use crate::time::UnixNanos;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Spans that a store pushes into a sink. Columns have a value for each row, selected or not; decoding one fails only
/// where the store is damaged.
pub trait SpanBatch: Send + Sync {
    /// Rows, selected or not.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows that the scan asked for. The others are there because they stand with them.
    fn selected(&self) -> Selected<'_>;

    /// How many spans each row stands for: one, unless the scan asked for a coarser [`super::Grain`].
    fn weights(&self) -> Weights<'_> {
        Weights::One
    }

    /// No selected span starts after this.
    fn newest(&self) -> UnixNanos;

    /// The traces with their rows. In a scan by trace each trace of the batch is here once.
    fn traces(&self) -> &[TraceRows];

    /// The service of each span.
    ///
    /// # Errors
    /// The column is damaged.
    fn services(&self) -> Result<TextColumn<'_>, ReadError>;

    /// The name of each span.
    ///
    /// # Errors
    /// The column is damaged.
    fn operations(&self) -> Result<TextColumn<'_>, ReadError>;

    /// The role and the outcome of each span.
    ///
    /// # Errors
    /// The column is damaged.
    fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ReadError>;

    /// When each span began.
    ///
    /// # Errors
    /// The column is damaged.
    fn starts(&self) -> Result<Vec<UnixNanos>, ReadError>;

    /// End less start of each span in nanoseconds; negative where clocks were wrong.
    ///
    /// # Errors
    /// The column is damaged.
    fn lasting(&self) -> Result<Vec<i64>, ReadError>;

    /// The ID of each span.
    ///
    /// # Errors
    /// The column is damaged.
    fn span_ids(&self) -> Result<Vec<SpanId>, ReadError>;

    /// The parent of each span.
    ///
    /// # Errors
    /// The column is damaged.
    fn parents(&self) -> Result<Parents, ReadError>;

    /// The first attribute with this key of each span itself, not of its resource.
    ///
    /// # Errors
    /// The column is damaged.
    fn attribute(&self, key: &str) -> Result<ValueColumn, ReadError>;

    /// Whole spans: those of some rows, which grow.
    ///
    /// # Errors
    /// A column is damaged.
    fn spans(&self, rows: &[usize]) -> Result<Vec<Span>, ReadError>;
}

/// The rows of one trace in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRows {
    /// The trace.
    pub trace_id: TraceId,
    /// Its rows.
    pub rows: Range<usize>,
}

/// Which rows are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected<'b> {
    /// All, so many.
    All(usize),
    /// These, which grow.
    Some(&'b [u32]),
}

impl<'b> Selected<'b> {
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Selected::All(count) => count,
            Selected::Some(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The rows, growing.
    pub fn iter(self) -> impl Iterator<Item = usize> + 'b {
        let (all, some) = match self {
            Selected::All(count) => (0..count, &[][..]),
            Selected::Some(rows) => (0..0, rows),
        };
        all.chain(some.iter().map(|row| *row as usize))
    }

    /// Whether each of so many rows is selected.
    #[must_use]
    pub fn marks(self, rows: usize) -> Vec<bool> {
        match self {
            Selected::All(_) => vec![true; rows],
            Selected::Some(selected) => {
                let mut marks = vec![false; rows];
                for row in selected {
                    if let Some(mark) = marks.get_mut(*row as usize) {
                        *mark = true;
                    }
                }
                marks
            }
        }
    }
}

/// How many spans the rows of a batch stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights<'b> {
    /// Each row is a span.
    One,
    /// Each row stands for so many.
    Each(&'b [u64]),
    /// Each row is a span for which a row of another batch stood, which is taken back: the span comes in this batch or
    /// another one by itself too, unless another version of it is kept.
    TakenBack,
}

impl Weights<'_> {
    /// What a row adds to counts.
    #[must_use]
    pub fn of(self, row: usize) -> i64 {
        match self {
            Weights::One => 1,
            Weights::Each(weights) => weights.get(row).map_or(0, |weight| *weight as i64),
            Weights::TakenBack => -1,
        }
    }
}

/// Texts by the codes of a dictionary that this batch alone has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextColumn<'b> {
    /// For each row a place in `texts`.
    pub codes: Vec<u32>,
    /// The texts. One may stand here twice.
    pub texts: Vec<Cow<'b, str>>,
}

impl TextColumn<'_> {
    /// The text of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> &str {
        self.codes.get(row).and_then(|code| self.texts.get(*code as usize)).map_or("", |text| text)
    }
}

/// Values by the codes of a dictionary that this batch alone has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueColumn {
    /// For each row a place in `values`, or [`ValueColumn::NONE`].
    pub codes: Vec<u32>,
    /// The values. One may stand here twice.
    pub values: Vec<Value>,
}

impl ValueColumn {
    /// The code of a row without a value.
    pub const NONE: u32 = u32::MAX;

    /// The value of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&Value> {
        self.codes.get(row).and_then(|code| self.values.get(*code as usize))
    }
}

/// The parents of a batch's spans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parents {
    /// For each row.
    pub of: Vec<Parent>,
    /// Whether a trace may have several rows with one span ID, as where client and server share it (Zipkin): a parent
    /// is then all rows with its ID, of which [`Parent::Row`] names one.
    pub shared: bool,
}

/// The parent of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// It is a root.
    None,
    /// The span in this row of the batch.
    Row(u32),
    /// A span that is not in the batch.
    Elsewhere(SpanId),
}

/// A batch of whole spans, by its rows: for stores that hold them so, and for tests.
#[derive(Debug)]
pub struct SpanList<S> {
    spans: S,
    selected: Vec<u32>,
    traces: Vec<TraceRows>,
    newest: UnixNanos,
}

impl<S: AsRef<[Span]>> SpanList<S> {
    /// These spans, of which some rows (growing) are selected. Those of a trace should stand together.
    pub fn new(spans: S, selected: Vec<u32>) -> Self {
        let mut traces = Vec::new();
        let mut start = 0;
        for trace in spans.as_ref().chunk_by(|before, after| before.trace_id == after.trace_id) {
            let end = start + trace.len();
            traces.extend(trace.first().map(|first| TraceRows { trace_id: first.trace_id, rows: start..end }));
            start = end;
        }
        let starts = selected.iter().filter_map(|row| spans.as_ref().get(*row as usize)).map(|span| span.start);
        let newest = starts.max().unwrap_or(UnixNanos::MIN);
        Self { spans, selected, traces, newest }
    }

    /// As [`SpanList::new`], with all rows selected.
    pub fn all(spans: S) -> Self {
        let selected = (0..spans.as_ref().len() as u32).collect();
        Self::new(spans, selected)
    }

    /// Says that no span of this and of later batches starts after an instant, in a scan newest first.
    #[must_use]
    pub fn with_newest(self, newest: UnixNanos) -> Self {
        Self { newest, ..self }
    }

    fn rows(&self) -> &[Span] {
        self.spans.as_ref()
    }

    fn texts<'b>(&'b self, text: impl Fn(&'b Span) -> &'b str) -> TextColumn<'b> {
        let mut column = TextColumn::default();
        let mut known: HashMap<&'b str, u32> = HashMap::new();
        for span in self.rows() {
            let text = text(span);
            let code = *known.entry(text).or_insert_with(|| {
                column.texts.push(Cow::Borrowed(text));
                column.texts.len() as u32 - 1
            });
            column.codes.push(code);
        }
        column
    }
}

impl<S: AsRef<[Span]> + Send + Sync> SpanBatch for SpanList<S> {
    fn len(&self) -> usize {
        self.rows().len()
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
        Ok(self.texts(Span::service))
    }

    fn operations(&self) -> Result<TextColumn<'_>, ReadError> {
        Ok(self.texts(|span| span.name.as_str()))
    }

    fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ReadError> {
        Ok(self.rows().iter().map(|span| (span.kind, span.status.code)).collect())
    }

    fn starts(&self) -> Result<Vec<UnixNanos>, ReadError> {
        Ok(self.rows().iter().map(|span| span.start).collect())
    }

    fn lasting(&self) -> Result<Vec<i64>, ReadError> {
        Ok(self.rows().iter().map(|span| span.end.wrapping_sub(span.start)).collect())
    }

    fn span_ids(&self) -> Result<Vec<SpanId>, ReadError> {
        Ok(self.rows().iter().map(|span| span.span_id).collect())
    }

    fn parents(&self) -> Result<Parents, ReadError> {
        let mut of = Vec::with_capacity(self.len());
        let mut shared = false;
        for trace in self.rows().chunk_by(|before, after| before.trace_id == after.trace_id) {
            let base = of.len() as u32;
            let mut by_id = HashMap::with_capacity(trace.len());
            for (row, span) in (base..).zip(trace) {
                shared |= by_id.insert(span.span_id, row).is_some();
            }
            of.extend(trace.iter().map(|span| match span.parent_span_id {
                None => Parent::None,
                Some(parent) => by_id.get(&parent).map_or(Parent::Elsewhere(parent), |row| Parent::Row(*row)),
            }));
        }
        Ok(Parents { of, shared })
    }

    fn attribute(&self, key: &str) -> Result<ValueColumn, ReadError> {
        let mut column = ValueColumn::default();
        for span in self.rows() {
            let value = crate::value::find(&span.attributes, key);
            column.codes.push(value.map_or(ValueColumn::NONE, |value| {
                column.values.push(value.clone());
                column.values.len() as u32 - 1
            }));
        }
        Ok(column)
    }

    fn spans(&self, rows: &[usize]) -> Result<Vec<Span>, ReadError> {
        Ok(rows.iter().filter_map(|row| self.rows().get(*row)).cloned().collect())
    }
}
