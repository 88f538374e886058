//! What field names say: which are severities, and how severities compare.

use clew_model::logs::{Comparison, LogFilter, Severity, WellKnown, well_known};

/// Whether a field holds the severity.
pub(super) fn is_severity(name: &str) -> bool {
    well_known(name) == Some(WellKnown::Severity) || name == "detected_level"
}

/// The severities that compare so with a word such as `warn`; all that the word asks for count as equal, so that
/// `level:>warn` begins at ERROR, `level:<=warn` includes WARN4, and `level:>=critical` leaves plain errors out.
pub(super) fn severity_filter(comparison: Comparison, name: &str) -> Option<LogFilter> {
    let (low, high) = Severity::asked_by(name)?.into_inner();
    Some(match comparison {
        Comparison::Less => LogFilter::SeverityBetween(1, low.saturating_sub(1)),
        Comparison::LessOrEqual => LogFilter::SeverityBetween(1, high),
        Comparison::Greater => LogFilter::SeverityBetween(high.saturating_add(1), 24),
        Comparison::GreaterOrEqual => LogFilter::SeverityBetween(low, 24),
        Comparison::Equal => LogFilter::SeverityBetween(low, high),
        Comparison::NotEqual => super::not(LogFilter::SeverityBetween(low, high)),
    })
}
