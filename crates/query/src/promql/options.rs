//! What an operator may set about evaluation.

use crate::limits::{DEFAULT_LOOKBACK_MILLIS, DEFAULT_MAX_SAMPLES, DEFAULT_SUBQUERY_STEP_MILLIS, MAX_STEPS};

/// Limits and defaults of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromqlOptions {
    /// How far back an instant selector looks for a sample, in milliseconds.
    pub lookback_millis: i64,
    /// Step of a subquery that names none, in milliseconds.
    pub subquery_step_millis: i64,
    /// Most steps of a range query.
    pub max_steps: usize,
    /// Most samples that one query may load or compute.
    pub max_samples: u64,
}

impl Default for PromqlOptions {
    fn default() -> Self {
        Self {
            lookback_millis: DEFAULT_LOOKBACK_MILLIS,
            subquery_step_millis: DEFAULT_SUBQUERY_STEP_MILLIS,
            max_steps: MAX_STEPS,
            max_samples: DEFAULT_MAX_SAMPLES,
        }
    }
}
