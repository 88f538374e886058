//! What the name of a member means, worked out once: most records have the names of the record before in the same places.

use super::loggers::{self, CONTAINERS_OF_LOGGERS};
use crate::limits::MAX_JSON_EXPECTED_MEMBERS;
use clew_model::correlation::{ContextField, context_field};
use clew_model::logs::{CONTAINER_FIELDS, WellKnown, ranked};
use compact_str::CompactString;

/// Names of OpenTelemetry's severity number.
const SEVERITY_NUMBERS: [&str; 3] = ["severity_number", "SeverityNumber", "severityNumber"];

/// What a name means at the top level of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meaning {
    /// The field that it says and its rank among the field's names.
    pub field: Option<(WellKnown, i8)>,
    /// Whether it may mean a field beside others of its logger.
    pub needs_neighbours: bool,
    /// Whether it is OpenTelemetry's severity number.
    pub is_severity_number: bool,
    /// The IDs that it holds beside the record's own.
    pub context: Option<ContextField>,
    /// Its place among the containers, if it is one.
    pub container: Option<u8>,
}

impl Meaning {
    fn of(name: &str) -> Self {
        let mut containers = (0u8..).zip(CONTAINER_FIELDS.into_iter().chain(CONTAINERS_OF_LOGGERS));
        Self {
            field: ranked(name),
            needs_neighbours: loggers::may_be_known_beside(name),
            is_severity_number: SEVERITY_NUMBERS.contains(&name),
            context: context_field(name),
            container: containers.find(|(_, own)| *own == name).map(|(place, _)| place),
        }
    }
}

/// The names of the record before, by their places: a comparison is cheaper than looking a name up in any spelling.
#[derive(Debug, Default)]
pub(super) struct NamesBefore(Vec<(CompactString, Meaning)>);

impl NamesBefore {
    /// What the name of the member in this place means.
    pub(super) fn meaning(&mut self, place: usize, name: &str) -> Meaning {
        match self.0.get_mut(place) {
            Some((before, meaning)) if before == name => *meaning,
            Some(slot) => {
                *slot = (name.into(), Meaning::of(name));
                slot.1
            }
            None => {
                let meaning = Meaning::of(name);
                if self.0.len() < MAX_JSON_EXPECTED_MEMBERS {
                    self.0.push((name.into(), meaning));
                }
                meaning
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_same_whatever_stood_in_its_place() {
        let mut names = NamesBefore::default();
        let records = [["level", "name", "metadata"], ["level", "msg", "x"], ["name", "metadata", "severity_number"]];
        for record in records.iter().cycle().take(9) {
            for (place, name) in record.iter().enumerate() {
                assert_eq!(names.meaning(place, name), Meaning::of(name), "{name}");
            }
        }
        for place in 0..1_000 {
            assert_eq!(names.meaning(place, "trace_id"), Meaning::of("trace_id"));
        }
        assert!(names.0.len() <= MAX_JSON_EXPECTED_MEMBERS);
    }
}
