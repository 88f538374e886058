//! What senders said about metric families.

use crate::locks::{locked, unlocked};
use clew_model::metrics::{Metadata, MetricView};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker};
use std::sync::Mutex;

/// What is known of all families, sorted by name; of one when `metric` is given. A store bounds how much that can be.
///
/// # Errors
/// Cancelled, out of time, or a store that cannot be read.
pub fn metadata(context: &Context, view: &dyn MetricView, metric: Option<&str>) -> Result<Vec<Metadata>, ReadError> {
    let sink = Families(Mutex::default());
    view.scan_metadata(context, metric, &sink)?;
    let mut families = unlocked(sink.0);
    families.sort_by(|left, right| left.metric.cmp(&right.metric));
    Ok(families)
}

struct Families(Mutex<Vec<Metadata>>);

impl Sink<[Metadata]> for Families {
    fn worker(&self) -> Box<dyn SinkWorker<[Metadata]> + '_> {
        Box::new(Worker { sink: self, families: Vec::new() })
    }
}

struct Worker<'s> {
    sink: &'s Families,
    families: Vec<Metadata>,
}

impl SinkWorker<[Metadata]> for Worker<'_> {
    fn take(&mut self, batch: &[Metadata]) -> Result<Flow, ReadError> {
        self.families.extend_from_slice(batch);
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        locked(&self.sink.0).extend(self.families);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, context};
    use super::*;
    use clew_model::metrics::MetricType;

    #[test]
    fn families_are_sorted_whichever_worker_took_them() {
        let family = |name: &str| Metadata {
            metric: name.into(),
            metric_type: MetricType::Gauge,
            help: String::new(),
            unit: String::new(),
        };
        let view = Fake::with_metadata(["a", "b", "c"].map(family).to_vec());
        assert_eq!(metadata(&context(), &view, None).unwrap(), ["a", "b", "c"].map(family));
        assert_eq!(metadata(&context(), &view, Some("b")).unwrap(), [family("b")]);
    }
}
