//! What was counted of spans, as a batch whose rows stand for several.

use clew_columns::spans::sums::TallyRef;
use clew_model::traces::{
    Parent, Parents, Selected, Span, SpanBatch, SpanKind, StatusCode, TextColumn, TraceRows, ValueColumn, Weights,
    duration_of_bucket,
};
use clew_model::{ReadError, SpanId, TraceId, UnixNanos};
use hashbrown::HashMap;
use std::borrow::Cow;

/// Rows that stand for spans or calls.
#[derive(Debug, Default)]
pub(super) struct SummedBatch {
    texts: Vec<String>,
    places: HashMap<String, u32>,
    services: Vec<u32>,
    operations: Vec<u32>,
    outcomes: Vec<(SpanKind, StatusCode)>,
    starts: Vec<UnixNanos>,
    lasting: Vec<i64>,
    weights: Vec<u64>,
    selected: Vec<u32>,
    traces: Vec<TraceRows>,
    parents: Vec<Parent>,
}

/// A row that is made.
#[derive(Default)]
struct Row {
    service: u32,
    operation: u32,
    kind: SpanKind,
    status: StatusCode,
    start: UnixNanos,
    lasting: i64,
    weight: u64,
}

impl SummedBatch {
    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.texts.len() as u32;
        self.places.insert(text.to_owned(), place);
        self.texts.push(text.to_owned());
        place
    }

    /// Spans of a service, of one operation and kind where that is told, by the numbers of their names.
    pub(super) fn push_spans(
        &mut self,
        service: u32,
        operation: Option<(u32, SpanKind)>,
        is_error: bool,
        tally: TallyRef<'_>,
    ) {
        let (operation, kind) = operation.unwrap_or((service, SpanKind::Unspecified));
        let status = if is_error { StatusCode::Error } else { StatusCode::Unset };
        let mut push = |lasting: i64, weight: u64| {
            if weight > 0 {
                self.push(Row { service, operation, kind, status, start: tally.last, lasting, weight });
            }
        };
        let last = tally.buckets.len().saturating_sub(1);
        for (place, (bucket, count)) in tally.buckets.iter().enumerate() {
            // The shortest and the longest stand for themselves.
            let count = u64::from(*count);
            let shortest = u64::from(place == 0).min(count);
            let longest = u64::from(place == last).min(count - shortest);
            push(tally.least, shortest);
            let middle = duration_of_bucket(usize::from(*bucket)).max(tally.least).min(tally.most);
            push(middle, count - shortest - longest);
            push(tally.most, longest);
        }
    }

    /// Calls from one service to another, by the numbers of their names.
    pub(super) fn push_calls(&mut self, [client, server]: [u32; 2], calls: u64, errors: u64) {
        let first = self.weights.len();
        self.push(Row { service: client, operation: client, weight: 1, ..Row::default() });
        self.selected.pop();
        for (status, weight) in [(StatusCode::Unset, calls.saturating_sub(errors)), (StatusCode::Error, errors)] {
            if weight > 0 {
                self.push(Row { service: server, operation: server, status, weight, ..Row::default() });
                self.parents.pop();
                self.parents.push(Parent::Row(first as u32));
            }
        }
        self.traces.push(TraceRows { trace_id: TraceId([0; 16]), rows: first..self.weights.len() });
    }

    fn push(&mut self, row: Row) {
        self.selected.push(self.weights.len() as u32);
        self.services.push(row.service);
        self.operations.push(row.operation);
        self.outcomes.push((row.kind, row.status));
        self.starts.push(row.start);
        self.lasting.push(row.lasting);
        self.weights.push(row.weight);
        self.parents.push(Parent::None);
    }

    /// Bytes of memory held, an estimate.
    pub(super) fn memory_bytes(&self) -> u64 {
        (self.weights.len() * size_of::<Row>() * 2) as u64
    }

    fn column(&self, codes: &[u32]) -> TextColumn<'_> {
        let texts = self.texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect();
        TextColumn { codes: codes.to_vec(), texts }
    }
}

impl SpanBatch for SummedBatch {
    fn len(&self) -> usize {
        self.weights.len()
    }

    fn selected(&self) -> Selected<'_> {
        Selected::Some(&self.selected)
    }

    fn weights(&self) -> Weights<'_> {
        Weights::Each(&self.weights)
    }

    fn newest(&self) -> UnixNanos {
        self.starts.iter().copied().max().unwrap_or(UnixNanos::MIN)
    }

    fn traces(&self) -> &[TraceRows] {
        &self.traces
    }

    fn services(&self) -> Result<TextColumn<'_>, ReadError> {
        Ok(self.column(&self.services))
    }

    fn operations(&self) -> Result<TextColumn<'_>, ReadError> {
        Ok(self.column(&self.operations))
    }

    fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ReadError> {
        Ok(self.outcomes.clone())
    }

    fn starts(&self) -> Result<Vec<UnixNanos>, ReadError> {
        Ok(self.starts.clone())
    }

    fn lasting(&self) -> Result<Vec<i64>, ReadError> {
        Ok(self.lasting.clone())
    }

    fn span_ids(&self) -> Result<Vec<SpanId>, ReadError> {
        Ok(vec![SpanId([0; 8]); self.len()])
    }

    fn parents(&self) -> Result<Parents, ReadError> {
        Ok(Parents { of: self.parents.clone(), shared: false })
    }

    fn attribute(&self, _key: &str) -> Result<ValueColumn, ReadError> {
        Ok(ValueColumn { codes: vec![ValueColumn::NONE; self.len()], values: Vec::new() })
    }

    fn spans(&self, _rows: &[usize]) -> Result<Vec<Span>, ReadError> {
        Ok(Vec::new())
    }
}
