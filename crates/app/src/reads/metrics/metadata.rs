//! What senders said about metric families.

use crate::error::AppError;
use crate::reads::{About, Plan, Question};
use clew_model::UnixNanos;
use clew_model::metrics::Metadata;
use std::collections::BTreeMap;

/// What senders said about metric families.
#[derive(Debug, Clone, Default)]
pub struct ListMetadata {
    /// One family; all without.
    pub metric: Option<String>,
    /// Families at most; all without.
    pub limit: Option<usize>,
    /// Entries of a family at most; all without.
    pub per_metric: Option<usize>,
}

/// What was said, by the family's name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Families {
    /// The families.
    pub by_name: BTreeMap<String, Vec<Metadata>>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl Question for ListMetadata {
    type Answer = Families;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Self::Answer>, AppError> {
        let about = About::new("prometheus_metadata");
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let rows = clew_query::metrics::metadata(context, &*view, self.metric.as_deref())?;
            Ok(Families { by_name: by_family(rows, self.limit, self.per_metric), warnings: Vec::new() })
        });
        Ok(plan.counting(|families| families.by_name.len()))
    }
}

fn by_family(rows: Vec<Metadata>, limit: Option<usize>, per_metric: Option<usize>) -> BTreeMap<String, Vec<Metadata>> {
    let mut families: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    for row in rows {
        if limit.is_some_and(|limit| families.len() >= limit && !families.contains_key(&row.metric)) {
            break;
        }
        let entries = families.entry(row.metric.clone()).or_default();
        if per_metric.is_none_or(|most| entries.len() < most) {
            entries.push(row);
        }
    }
    families
}
