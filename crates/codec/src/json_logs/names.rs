//! The names under which a JSON log says its time, severity, message, service, trace and span, in order of preference.
//!
//! They are those of [`clew_model::logs::well_known`]; here each has a rank, and the lookup is by length first, since it
//! runs for every member of every record.

use clew_model::logs::WellKnown;

/// The field a name means and its rank among the field's names; rank 0 is preferred.
pub(super) fn ranked(name: &str) -> Option<(WellKnown, u8)> {
    use WellKnown::{Message, Service, Severity, SpanId, Time, TraceId};
    Some(match name.len() {
        1 if name == "t" => (Time, 4),
        2 if name == "ts" => (Time, 3),
        3 => match name {
            "msg" => (Message, 1),
            "log" => (Message, 4),
            "lvl" => (Severity, 4),
            "app" => (Service, 6),
            _ => return None,
        },
        4 => match name {
            "time" => (Time, 2),
            "body" => (Message, 3),
            _ => return None,
        },
        5 => match name {
            "level" => (Severity, 0),
            "event" => (Message, 2),
            _ => return None,
        },
        6 => match name {
            "logger" => (Service, 7),
            "spanId" => (SpanId, 1),
            "spanid" => (SpanId, 3),
            "spanID" => (SpanId, 4),
            _ => return None,
        },
        7 => match name {
            "message" => (Message, 0),
            "service" => (Service, 0),
            "span_id" => (SpanId, 0),
            "traceId" => (TraceId, 1),
            "span.id" => (SpanId, 2),
            "traceid" => (TraceId, 3),
            "traceID" => (TraceId, 4),
            _ => return None,
        },
        8 => match name {
            "severity" => (Severity, 1),
            "trace_id" => (TraceId, 0),
            "agent_id" => (Service, 4),
            "trace.id" => (TraceId, 2),
            _ => return None,
        },
        9 => match name {
            "timestamp" => (Time, 0),
            "component" => (Service, 5),
            "log.level" => (Severity, 2),
            _ => return None,
        },
        10 => match name {
            "@timestamp" => (Time, 1),
            "agent_name" => (Service, 3),
            _ => return None,
        },
        12 => match name {
            "service.name" => (Service, 1),
            "service_name" => (Service, 2),
            _ => return None,
        },
        13 if name == "severity_text" => (Severity, 3),
        _ => return None,
    })
}

/// Names whose value may be an object that holds a well-known field: `{"service": {"name": …}}` is `service.name`, as in
/// the Elastic Common Schema. The name inside, and the dotted name.
pub(super) fn nested(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "log" => ("level", "log.level"),
        "service" => ("name", "service.name"),
        "trace" => ("id", "trace.id"),
        "span" => ("id", "span.id"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::logs::well_known;

    #[test]
    fn the_contracts_names_are_known_in_its_order() {
        for (field, names) in [
            (WellKnown::Time, &["timestamp", "@timestamp", "time", "ts", "t"][..]),
            (WellKnown::Severity, &["level", "severity", "log.level", "severity_text", "lvl"]),
            (WellKnown::Message, &["message", "msg", "event", "body", "log"]),
            (
                WellKnown::Service,
                &["service", "service.name", "service_name", "agent_name", "agent_id", "component", "app", "logger"],
            ),
            (WellKnown::TraceId, &["trace_id", "traceId", "trace.id", "traceid", "traceID"]),
            (WellKnown::SpanId, &["span_id", "spanId", "span.id", "spanid", "spanID"]),
        ] {
            for (rank, name) in names.iter().enumerate() {
                assert_eq!(ranked(name), Some((field, rank as u8)), "{name}");
                assert_eq!(well_known(name), Some(field), "{name}");
            }
        }
        for other in ["", "x", "Level", "hostname", "event_type", "severity_texts"] {
            assert_eq!((ranked(other), well_known(other)), (None, None), "{other}");
        }
    }
}
