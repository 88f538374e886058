//! The names under which loggers write a record's time, severity, message, service, trace and span: one table for
//! decoders, the list of fields and the query languages.
//!
//! Those of the contract come first, as they are spelt. The others are known in any spelling: case and the separators `_`,
//! `-`, `.` and blanks aside (`LogLevel`, `log_level`), since they are the same name to people.

/// The fields every record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WellKnown {
    /// The record's time.
    Time,
    /// The severity.
    Severity,
    /// The message.
    Message,
    /// The service or agent.
    Service,
    /// The trace ID.
    TraceId,
    /// The span ID.
    SpanId,
}

/// The well-known field with this name.
#[must_use]
pub fn well_known(name: &str) -> Option<WellKnown> {
    ranked(name).map(|(field, _)| field)
}

/// The field a name means and its rank among the field's names: the lowest is preferred, the contract's names have 0 and
/// up in its order.
#[must_use]
pub fn ranked(name: &str) -> Option<(WellKnown, i8)> {
    if let Some(found) = of_the_contract(name) {
        return Some(found);
    }
    let mut scratch = [0; MAX_FOLDED_BYTES];
    let folded = folded(name, &mut scratch).filter(|folded| folded.len() > 1)?;
    of_loggers(folded)
}

/// The lookup is by length first, since it runs for every member of every record.
fn of_the_contract(name: &str) -> Option<(WellKnown, i8)> {
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

/// Names of single loggers (Serilog's compact format, Log4j 2, journald, Python, Monolog, GELF, Fluent Bit, Google Cloud,
/// hclog, Azure, NXLog, nginx …), folded.
fn of_loggers(folded: &[u8]) -> Option<(WellKnown, i8)> {
    use WellKnown::{Message, Service, Severity, SpanId, Time, TraceId};
    Some(match folded {
        b"@t" => (Time, 5),
        b"instant" | b"realtimetimestamp" => (Time, 6),
        b"timemillis" | b"timestampmillis" | b"timestampms" | b"tsms" | b"timems" => (Time, 7),
        b"timestamp" | b"@timestamp" => (Time, 10),
        b"datetime" | b"timeunixnano" | b"timestampns" => (Time, 11),
        b"sourcerealtimetimestamp" => (Time, 12),
        b"time" | b"ts" => (Time, 13),
        b"timestampseconds" | b"timestamputc" | b"utctime" => (Time, 14),
        b"eventtime" | b"logtime" | b"logtimestamp" | b"timegenerated" => (Time, 20),
        b"asctime" => (Time, 22),
        b"date" => (Time, 25),
        b"epochms" | b"epochmillis" | b"unixtime" | b"unixtimestamp" => (Time, 26),
        b"isodate" | b"timeiso8601" | b"timelocal" | b"timereported" | b"startutc" => (Time, 27),
        b"starttime" | b"eventcreated" | b"receivetimestamp" => (Time, 30),
        b"requestreceivedtimestamp" | b"stagetimestamp" => (Time, 31),

        b"@l" | b"@level" => (Severity, 5),
        b"level" => (Severity, 10),
        b"severity" => (Severity, 11),
        b"loglevel" | b"logseverity" => (Severity, 12),
        b"levelname" => (Severity, 13),
        b"severitytext" | b"leveltext" => (Severity, 14),
        b"lvl" => (Severity, 15),
        b"levelstr" | b"severityname" | b"severitylabel" | b"errorseverity" | b"priorityname" => (Severity, 16),
        b"levelno" => (Severity, 17),
        b"levelvalue" | b"levelnum" | b"levelnumber" => (Severity, 18),
        b"severitylevel" => (Severity, 19),
        b"syslogseverity" | b"logsyslogseverityname" | b"logsyslogseveritycode" => (Severity, 20),

        // Beside these two stands the text before its variables were filled in, under the name of the message.
        b"formattedmessage" | b"renderedmessage" => (Message, -1),
        b"@m" | b"@message" => (Message, 5),
        b"@mt" => (Message, 8),
        b"message" => (Message, 10),
        b"msg" => (Message, 11),
        b"shortmessage" => (Message, 12),
        b"messagetemplate" | b"textpayload" | b"logmessage" | b"eventmessage" => (Message, 13),
        b"fullmessage" | b"jsonpayload" => (Message, 14),
        b"body" => (Message, 15),
        b"event" => (Message, 16),
        b"log" => (Message, 17),
        b"text" => (Message, 30),

        b"service" => (Service, 10),
        b"servicename" => (Service, 11),
        b"agentname" => (Service, 12),
        b"application" | b"applicationname" | b"appname" | b"app" => (Service, 13),
        b"agentid" => (Service, 14),
        b"component" | b"componentname" => (Service, 15),
        b"syslogidentifier" | b"programname" => (Service, 16),
        b"systemdunit" => (Service, 18),
        b"logger" | b"loggername" | b"loglogger" | b"@module" => (Service, 20),
        b"sourcecontext" | b"categoryname" => (Service, 22),

        b"traceid" => (TraceId, 10),
        b"@tr" | b"oteltraceid" | b"logginggoogleapiscomtrace" => (TraceId, 11),
        b"spanid" => (SpanId, 10),
        b"@sp" | b"otelspanid" | b"logginggoogleapiscomspanid" => (SpanId, 11),
        _ => return None,
    })
}

/// Longest name that is looked for in any spelling.
pub(crate) const MAX_FOLDED_BYTES: usize = 32;

/// The name in lower case without separators; `None` where it is longer than any that is known.
pub(crate) fn folded<'s>(name: &str, scratch: &'s mut [u8; MAX_FOLDED_BYTES]) -> Option<&'s [u8]> {
    let mut length = 0;
    for byte in name.bytes() {
        if matches!(byte, b'_' | b'-' | b'.' | b' ') {
            continue;
        }
        *scratch.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    scratch.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            for (rank, name) in (0i8..).zip(names) {
                assert_eq!(ranked(name), Some((field, rank)), "{name}");
                assert_eq!(well_known(name), Some(field), "{name}");
            }
        }
        for other in ["", "x", "T", "L", "hostname", "event_type", "severity_texts", "priority", "name", "status"] {
            assert_eq!((ranked(other), well_known(other)), (None, None), "{other}");
        }
        assert_eq!(ranked(&"level".repeat(20)), None);
    }

    #[test]
    fn names_of_loggers_are_known_in_any_spelling() {
        for (field, names) in [
            (
                WellKnown::Time,
                "Timestamp TIMESTAMP time_stamp @t instant timeMillis time_millis __REALTIME_TIMESTAMP datetime asctime \
                 date @Timestamp EventTime timestampSeconds",
            ),
            (
                WellKnown::Severity,
                "Level LEVEL @l LogLevel log_level log-level levelname level_name levelno level_value",
            ),
            (
                WellKnown::Message,
                "Message MESSAGE @m @mt RenderedMessage MessageTemplate short_message formattedMessage textPayload",
            ),
            (
                WellKnown::Service,
                "Service serviceName SYSLOG_IDENTIFIER loggerName logger_name log.logger SourceContext",
            ),
            (WellKnown::TraceId, "TraceId TRACE_ID trace-id @tr otelTraceID"),
            (WellKnown::SpanId, "SpanId SPAN_ID span-id @sp otelSpanID"),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(well_known(name), Some(field), "{name}");
                assert!(ranked(name).is_some_and(|(_, rank)| rank == -1 || rank > 4), "{name}");
            }
        }
    }
}
