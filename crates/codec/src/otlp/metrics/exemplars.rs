//! Exemplars: the measurement, its trace and span, and the attributes that the aggregation left out.

use super::labels::LabelNames;
use super::points::{Head, RawExemplar};
use crate::limits::MAX_EXEMPLAR_LABEL_BYTES;
use crate::metric_batch::Example;
use clew_model::metrics::Labels;
use clew_model::time::NANOS_PER_MILLI;
use compact_str::{CompactString, ToCompactString};

const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

/// The exemplars of a data point; those without a time have that of the point.
pub(super) fn examples(head: &mut Head<'_>, names: &LabelNames) -> Result<Vec<Example>, String> {
    let point_time = head.time;
    let read = |(index, raw): (usize, RawExemplar<'_>)| {
        let value = raw.value.ok_or_else(|| format!("exemplars[{index}]: no value, expected as_double or as_int"))?;
        let time = if raw.time == 0 { point_time } else { raw.time };
        let labels = labels(raw, names).map_err(|error| format!("exemplars[{index}]: {error}"))?;
        Ok(Example { time: time.div_euclid(NANOS_PER_MILLI), value, labels })
    };
    std::mem::take(&mut head.exemplars).into_iter().enumerate().map(read).collect()
}

/// The IDs, then attributes as long as there is room.
fn labels(raw: RawExemplar<'_>, names: &LabelNames) -> Result<Labels, String> {
    let ids = [
        (TRACE_ID, raw.trace_id.map(|id| id.to_compact_string())),
        (SPAN_ID, raw.span_id.map(|id| id.to_compact_string())),
    ];
    let mut pairs: Vec<(CompactString, CompactString)> =
        ids.into_iter().filter_map(|(name, id)| Some((name.into(), id?))).collect();
    let size = |pair: &(CompactString, CompactString)| pair.0.len() + pair.1.len();
    let mut room = MAX_EXEMPLAR_LABEL_BYTES.saturating_sub(pairs.iter().map(size).sum());
    for pair in names.pairs(&raw.attributes) {
        let taken = pairs.iter().take(2).any(|(name, _)| *name == pair.0);
        if let (false, Some(left)) = (taken, room.checked_sub(size(&pair))) {
            room = left;
            pairs.push(pair);
        }
    }
    Labels::new(pairs).map_err(|error| error.to_string())
}
