//! Exemplars, by series or by the IDs they carry.

use super::held::Held;
use crate::locks::{locked, unlocked};
use clew_model::metrics::{ExemplarRow, ExemplarScan, ExemplarsOf, Matcher, MetricView, SPAN_LATENCY};
use clew_model::{CanonicalId, Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::sync::Mutex;

/// Exemplars in the range of the series that pass all matchers, in order of time, each once.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn exemplars(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<ExemplarRow>, ReadError> {
    collect(context, view, &ExemplarScan { of: ExemplarsOf::Series(matchers), range }, usize::MAX)
}

/// Exemplars in the range with one of the IDs among their label values, in order of time, at most `limit`; and whether
/// there are more. Those that were made of spans ([`SPAN_LATENCY`]) are left out: their spans carry the ID and tell more.
///
/// # Errors
/// As [`exemplars`].
pub fn find_ids(
    context: &Context,
    view: &dyn MetricView,
    ids: &[CanonicalId],
    range: TimeRange,
    limit: usize,
) -> Result<(Vec<ExemplarRow>, bool), ReadError> {
    // One more tells whether there are more.
    let most = limit.saturating_add(1);
    let mut rows = collect(context, view, &ExemplarScan { of: ExemplarsOf::Carrying(ids), range }, most)?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, has_more))
}

/// The first `most` exemplars; a value that everything carries costs no more.
fn collect(
    context: &Context,
    view: &dyn MetricView,
    scan: &ExemplarScan<'_>,
    most: usize,
) -> Result<Vec<ExemplarRow>, ReadError> {
    let by_id = matches!(scan.of, ExemplarsOf::Carrying(_));
    let sink = Exemplars { context, by_id, most, found: Mutex::new((Vec::new(), Held::new(context))) };
    view.scan_exemplars(context, scan, &sink)?;
    let (mut rows, _memory) = unlocked(sink.found);
    keep_first(&mut rows, most);
    Ok(rows)
}

fn keep_first(rows: &mut Vec<ExemplarRow>, most: usize) {
    rows.sort_by(|one, other| {
        let order = one.time.cmp(&other.time).then_with(|| one.series.cmp(&other.series));
        order.then_with(|| one.labels.cmp(&other.labels))
    });
    // One that was sent again may stand in two places.
    rows.dedup_by(|one, other| {
        let values = one.value.to_bits() == other.value.to_bits();
        values && (one.time, &one.series, &one.labels) == (other.time, &other.series, &other.labels)
    });
    rows.truncate(most);
}

struct Exemplars<'c> {
    context: &'c Context,
    /// Whether those are left out that were made of spans.
    by_id: bool,
    most: usize,
    found: Mutex<(Vec<ExemplarRow>, Held<'c>)>,
}

impl Sink<[ExemplarRow]> for Exemplars<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<[ExemplarRow]> + '_> {
        Box::new(Worker { sink: self, rows: Vec::new(), counted: 0, memory: Held::new(self.context) })
    }
}

struct Worker<'s, 'c> {
    sink: &'s Exemplars<'c>,
    rows: Vec<ExemplarRow>,
    /// How many rows the memory was taken for.
    counted: usize,
    memory: Held<'c>,
}

impl SinkWorker<[ExemplarRow]> for Worker<'_, '_> {
    fn take(&mut self, batch: &[ExemplarRow]) -> Result<Flow, ReadError> {
        for row in batch.iter().filter(|row| !self.sink.by_id || row.series.metric_name() != SPAN_LATENCY) {
            self.rows.push(row.clone());
            if self.rows.len() > self.counted {
                self.memory.add((size_of::<ExemplarRow>() + row.labels.as_bytes().len()) as u64)?;
                self.counted = self.rows.len();
            }
            if self.rows.len() / 2 > self.sink.most {
                keep_first(&mut self.rows, self.sink.most);
            }
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        found.0.extend(self.rows);
        found.1.append(self.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, context, labels};
    use super::*;

    #[test]
    fn exemplars_come_by_time_and_once_and_those_beyond_the_limit_are_said() {
        let exemplar = |time: i64, name: &str| ExemplarRow {
            series: labels(name, "1"),
            labels: labels("e", "1"),
            value: f64::NAN,
            time,
        };
        let rows = vec![exemplar(20, "a"), exemplar(10, "b"), exemplar(20, "a"), exemplar(10, "a")];
        let view = Fake::with_exemplars(rows);
        let shown = |rows: &[ExemplarRow]| rows.iter().map(|row| (row.time, row.series.clone())).collect::<Vec<_>>();
        let all = [(10, labels("a", "1")), (10, labels("b", "1")), (20, labels("a", "1"))];
        assert_eq!(shown(&exemplars(&context(), &view, &[], TimeRange::ALL).unwrap()), all);
        let (found, more) = find_ids(&context(), &view, &[], TimeRange::ALL, 2).unwrap();
        assert_eq!((shown(&found), more), (all[..2].to_vec(), true));
        assert!(!find_ids(&context(), &view, &[], TimeRange::ALL, 3).unwrap().1);
    }

    #[test]
    fn what_many_exemplars_carry_takes_no_more_than_the_first_of_them() {
        let exemplar = |time: i64| ExemplarRow { series: labels("a", "1"), labels: labels("e", "1"), value: 1.0, time };
        let view = Fake::with_exemplars((0..10_000).rev().map(exemplar).collect());
        let context = clew_model::Context::new(std::time::Duration::from_secs(60), 64 << 10);
        let (found, more) = find_ids(&context, &view, &[], TimeRange::ALL, 3).unwrap();
        assert_eq!((found, more), ((0..3).map(exemplar).collect(), true));
    }

    #[test]
    fn an_id_does_not_lead_to_what_was_made_of_its_spans() {
        let exemplar =
            |name: &str| ExemplarRow { series: labels(name, "1"), labels: labels("e", "1"), value: 1.0, time: 10 };
        let view = Fake::with_exemplars(vec![exemplar("traces_spanmetrics_latency"), exemplar("own_seconds")]);
        let (found, more) = find_ids(&context(), &view, &[], TimeRange::ALL, 1).unwrap();
        assert_eq!((found, more), (vec![exemplar("own_seconds")], false));
        assert_eq!(exemplars(&context(), &view, &[], TimeRange::ALL).unwrap().len(), 2);
    }
}
