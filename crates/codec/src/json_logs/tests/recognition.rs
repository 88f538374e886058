//! Which members become the record's own fields, and that nothing is lost; expectations from the contract's
//! "JSON logs over HTTP".

use super::*;
use clew_model::logs::Severity;
use clew_model::{Attribute, CanonicalId};
use proptest::prelude::*;

fn one(body: &str) -> LogRecord {
    let mut decoded = read(body.as_bytes()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 0), "{body}");
    decoded.records.pop().unwrap()
}

/// `date -u -d 2025-11-30T12:34:56Z +%s`
const SECOND: i64 = 1_764_506_096;

#[test]
fn the_schema_of_the_orchestrator_fits() {
    let record = one(
        r#"{"timestamp":"2023-01-01T12:00:00Z","agent_name":"orchestrator","event_type":"task_dispatch","severity":"INFO",
        "message":"Dispatching task abc123","metadata":{"task_id":"abc123","priority":"high"}}"#,
    );
    assert_eq!(record.time, 1_672_574_400_000_000_000);
    assert_eq!(record.observed_time, ARRIVAL);
    assert_eq!((record.severity, record.severity_text.as_str()), (Severity::INFO, "INFO"));
    assert_eq!(record.body, "Dispatching task abc123".into());
    assert_eq!(record.service, "orchestrator");
    assert_eq!(
        json_of(&record),
        r#"{"agent_name":"orchestrator","event_type":"task_dispatch","metadata":{"task_id":"abc123","priority":"high"}}"#
    );
}

#[test]
fn the_schema_of_the_swarm_fits() {
    let record = one(r#"{"timestamp":"2025-11-30T12:34:56.789Z","level":"ERROR","correlation_id":"req-abc123def456",
        "agent_id":"A1-haiku-001","component":"redis_bus","message":"Task claimed successfully",
        "context":{"task_id":"task:001","duration_ms":2.1,"batch_size":100},"if_citation":"if://log/redis-task-claim",
        "tags":["redis","task-processing"],"hostname":"agent-node-01","service":"infrafabric",
        "performance":{"latency_ms":1.0},"error":{"type":"Timeout","stack":"a\n  b"}}"#);
    assert_eq!(record.time, SECOND * 1_000_000_000 + 789_000_000);
    assert_eq!(record.severity, Severity::ERROR);
    assert_eq!(record.service, "infrafabric");
    assert_eq!(
        json_of(&record),
        concat!(
            r#"{"correlation_id":"req-abc123def456","agent_id":"A1-haiku-001","component":"redis_bus","#,
            r#""context":{"task_id":"task:001","duration_ms":2.1,"batch_size":100},"#,
            r#""if_citation":"if://log/redis-task-claim","tags":["redis","task-processing"],"#,
            r#""hostname":"agent-node-01","service":"infrafabric","performance":{"latency_ms":1.0},"#,
            r#""error":{"type":"Timeout","stack":"a\n  b"}}"#
        )
    );
    let mut seen = Vec::new();
    record.any_field("context.task_id", &mut |value| {
        seen.push(value.display_text().into_owned());
        false
    });
    assert_eq!(seen, ["task:001"]);
}

#[test]
fn structlogs_json_fits() {
    // Printed by structlog 26.1 (but for the date) with add_log_level, add_logger_name, TimeStamper(fmt="iso"), JSONRenderer.
    let record = one(
        r#"{"n": 3, "user": "anna", "event": "logged in", "level": "warning", "logger": "auth", "timestamp": "2025-11-30T12:34:56.789012Z"}"#,
    );
    assert_eq!(record.time, SECOND * 1_000_000_000 + 789_012_000);
    assert_eq!((record.severity, record.severity_text.as_str()), (Severity::WARN, "warning"));
    assert_eq!((record.body.clone(), record.service.as_str()), ("logged in".into(), "auth"));
    assert_eq!(json_of(&record), r#"{"n":3,"user":"anna","logger":"auth"}"#);
}

#[test]
fn the_preferred_name_wins_wherever_it_stands() {
    let record =
        one(r#"{"t":1,"log":"l","msg":"m","app":"a","logger":"g","lvl":"debug","severity":"error","ts":1764506096}"#);
    assert_eq!(record.body, "m".into());
    assert_eq!(record.service, "a");
    assert_eq!(record.severity, Severity::ERROR);
    assert_eq!(record.time, SECOND * 1_000_000_000);
    assert_eq!(json_of(&record), r#"{"t":1,"log":"l","app":"a","logger":"g","lvl":"debug"}"#);
    // The first of repeated keys.
    let record = one(r#"{"msg":"first","msg":"second"}"#);
    assert_eq!((record.body.clone(), json_of(&record)), ("first".into(), r#"{"msg":"second"}"#.to_owned()));
    // A preferred name whose value is of no use is passed over.
    let record = one(
        r#"{"message":null,"level":{"x":1},"timestamp":"soon","msg":"m","severity":"warn","time":"2025-11-30T12:34:56Z"}"#,
    );
    assert_eq!(
        (record.body.clone(), record.severity, record.time),
        ("m".into(), Severity::WARN, SECOND * 1_000_000_000)
    );
    assert_eq!(json_of(&record), r#"{"message":null,"level":{"x":1},"timestamp":"soon"}"#);
}

#[test]
fn fields_inside_containers_are_recognised_and_stay_there() {
    let inner = r#"{"time":"2025-11-30T12:34:56Z","level":"error","msg":"m","app":"a","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}"#;
    for container in ["metadata", "context", "extra", "attributes", "fields"] {
        let body = format!("{{\"{container}\":{inner}}}");
        let record = one(&body);
        assert_eq!(json_of(&record), body);
        assert_eq!((record.time, record.severity), (SECOND * 1_000_000_000, Severity::ERROR), "{container}");
        assert_eq!((record.body, record.service.as_str()), ("m".into(), "a"));
        assert_eq!(record.trace_id.unwrap().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(record.span_id.unwrap().to_string(), "00f067aa0ba902b7");
    }
    let record =
        one(r#"{"fields":{"msg":"f","level":"debug"},"metadata":{"msg":"m","log":"x"},"other":{"level":"error"}}"#);
    assert_eq!((record.body, record.severity), ("m".into(), Severity::DEBUG));
    let record = one(r#"{"metadata":{"message":"inner"},"log":"outer"}"#);
    assert_eq!(record.body, "outer".into(), "the top level comes first");
}

#[test]
fn objects_of_the_elastic_common_schema_are_recognised() {
    let body = r#"{"log":{"level":"error","logger":"x"},"service":{"name":"shop"},"trace":{"id":"4bf92f3577b34da6a3ce929d0e0e4736"},"span":{"id":"00f067aa0ba902b7"},"event":{"dataset":"d"}}"#;
    let record = one(body);
    assert_eq!((record.severity, record.service.as_str(), record.body.clone()), (Severity::ERROR, "shop", Value::Null));
    assert!(record.trace_id.is_some() && record.span_id.is_some());
    assert_eq!(json_of(&record), body);
}

#[test]
fn messages_may_be_any_value() {
    for (message, body) in [
        (r#""""#, Value::from("")),
        ("12", Value::Int(12)),
        ("false", Value::Bool(false)),
        (r#"["a",1]"#, Value::Array(vec!["a".into(), Value::Int(1)])),
        (r#"{"a":1}"#, Value::Map(vec![Attribute::new("a", Value::Int(1))])),
    ] {
        let record = one(&format!("{{\"message\":{message}}}"));
        assert_eq!((record.body, record.attributes.len()), (body, 0));
    }
}

#[test]
fn times_move_only_when_the_record_says_all_of_them() {
    let base = SECOND * 1_000_000_000;
    for (value, time, stays) in [
        (r#""2025-11-30T13:34:56+01:00""#, base, false),
        ("1764506096", base, false),
        ("1764506096.789", base + 789_000_000, false),
        ("1764506096789", base + 789_000_000, false),
        ("1764506096789012345", base + 789_012_345, false),
        ("1764506096.1234567891", base + 123_456_789, true),
        ("1.764506096e9", base, false),
        (r#""1764506096""#, base, false),
        (r#""2025-11-30 12:34:56,789""#, base + 789_000_000, true),
        (r#""2025-11-30T12:34:56.1234567891Z""#, base + 123_456_789, true),
        (r#""half past two""#, ARRIVAL, true),
        ("null", ARRIVAL, true),
        (r#""2025-13-45T99:00:00Z""#, ARRIVAL, true),
        ("{}", ARRIVAL, true),
    ] {
        let body = format!("{{\"timestamp\":{value}}}");
        let record = one(&body);
        assert_eq!(record.time, time, "{body}");
        assert_eq!(json_of(&record), if stays { body.as_str() } else { "{}" });
    }
    // `time` and `t` are also durations.
    for (body, time) in
        [(r#"{"time":0.25}"#, ARRIVAL), (r#"{"t":17}"#, ARRIVAL), (r#"{"timestamp":17}"#, 17_000_000_000)]
    {
        assert_eq!(one(body).time, time, "{body}");
    }
}

#[test]
fn a_time_that_cannot_be_expressed_is_refused_by_itself_with_what_was_sent() {
    for (member, shown) in [
        (r#""timestamp":"2999-01-01""#, "\"timestamp\" is \"2999-01-01\""),
        (r#""timestamp":"1500-01-01T00:00:00Z""#, "\"timestamp\" is \"1500-01-01T00:00:00Z\""),
        (r#""ts":1e30"#, "\"ts\" is \"1e30\""),
        (r#""t":-1e300"#, "\"t\" is \"-1e300\""),
        // 2999-01-01 in seconds and in milliseconds; `date -u -d 2999-01-01 +%s`.
        (r#""@timestamp":32472144000"#, "\"@timestamp\" is \"32472144000\""),
        (r#""time":32472144000000"#, "\"time\" is \"32472144000000\""),
        (r#""metadata":{"timestamp":"9999-12-31T23:59:59Z"}"#, "\"timestamp\" is \"9999-12-31T23:59:59Z\""),
    ] {
        for (open, separator, close) in [("[", ",", "]"), ("", "\n", "")] {
            let body = format!("{open}{{\"n\":0}}{separator}{{{member}}}{separator}{{\"n\":2}}{close}");
            let decoded = decode(body.as_bytes(), ARRIVAL, &JsonLogOptions::default()).unwrap();
            assert_eq!((decoded.accepted, decoded.rejected, decoded.records.len()), (2, 1, 2), "{body}");
            let reject = &decoded.rejects[0];
            assert_eq!(reject.index, 1);
            for part in ["outside 1677-09-21 to 2262-04-11", shown, "clock"] {
                assert!(reject.reason.contains(part), "{part} is not in {}", reject.reason);
            }
        }
    }
}

#[test]
fn a_time_that_cannot_be_expressed_gives_way_to_one_that_can() {
    let record = one(r#"{"timestamp":"2999-01-01","time":"2025-11-30T12:34:56Z"}"#);
    assert_eq!(record.time, SECOND * 1_000_000_000);
    assert_eq!(json_of(&record), r#"{"timestamp":"2999-01-01"}"#);
    // A body of nothing else was read all the same.
    let decoded = decode(br#"{"timestamp":1e30}"#, ARRIVAL, &JsonLogOptions::default()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (0, 1));
}

#[test]
fn severities_come_as_words_and_as_numbers() {
    for (body, number, text, rest) in [
        (r#"{"level":"Warning"}"#, 13, "Warning", "{}"),
        (r#"{"level":"critical"}"#, 18, "critical", "{}"),
        (r#"{"level":"high"}"#, 0, "high", "{}"),
        (r#"{"level":30}"#, 9, "", r#"{"level":30}"#),
        (r#"{"level":"30"}"#, 9, "", r#"{"level":"30"}"#),
        (r#"{"level":3}"#, 17, "", r#"{"level":3}"#),
        (r#"{"severity":17}"#, 17, "", r#"{"severity":17}"#),
        (r#"{"level":""}"#, 0, "", r#"{"level":""}"#),
        (r#"{"level":99}"#, 0, "", r#"{"level":99}"#),
        (r#"{"level":"high","severity":"error"}"#, 17, "error", r#"{"level":"high"}"#),
        (r#"{"severity":"error","level":30}"#, 9, "", r#"{"severity":"error","level":30}"#),
        (r#"{"severity_text":"Odd","severity_number":13}"#, 13, "Odd", r#"{"severity_number":13}"#),
        (r#"{"SeverityNumber":1}"#, 1, "", r#"{"SeverityNumber":1}"#),
        (r#"{"severity_number":"17"}"#, 17, "", r#"{"severity_number":"17"}"#),
        (r#"{"severity_number":0,"level":"warn"}"#, 13, "warn", r#"{"severity_number":0}"#),
        (r#"{"severityNumber":"SEVERITY_NUMBER_ERROR"}"#, 17, "", r#"{"severityNumber":"SEVERITY_NUMBER_ERROR"}"#),
    ] {
        let record = one(body);
        assert_eq!((record.severity.number(), record.severity_text.as_str()), (number, text), "{body}");
        assert_eq!(json_of(&record), rest);
    }
}

#[test]
fn trace_and_span_ids_in_odd_forms_reach_the_same_trace_and_stay_as_they_were_sent() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (member, stays) in [
        (r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#, false),
        (r#""traceId":"4BF92F3577B34DA6A3CE929D0E0E4736""#, true),
        (r#""trace_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736""#, true),
        (r#""trace_id":100985939111033328018442752961257817910"#, true),
        (r#""trace_id":"100985939111033328018442752961257817910""#, true),
        (r#""trace.id":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01""#, true),
        (r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01""#, true),
        (r#""uber-trace-id":"4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1""#, true),
        (r#""b3":"4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1""#, true),
        (r#""X-Amzn-Trace-Id":"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=1""#, true),
        (r#""logging.googleapis.com/trace":"projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736""#, true),
        (r#""otelTraceID":"4bf92f3577b34da6a3ce929d0e0e4736""#, false),
        (r#""context":{"X-B3-TraceId":"4bf92f3577b34da6a3ce929d0e0e4736"}"#, true),
    ] {
        let body = format!("{{{member}}}");
        let record = one(&body);
        assert_eq!(record.trace_id.map(|id| id.to_string()).as_deref(), Some(trace), "{body}");
        assert_eq!(json_of(&record), if stays { body.as_str() } else { "{}" });
    }
    for (member, span, stays) in [
        (r#""span_id":"00f067aa0ba902b7""#, Some("00f067aa0ba902b7"), false),
        (r#""spanId":"00F067AA0BA902B7""#, Some("00f067aa0ba902b7"), true),
        // int("ff067aa0ba902b71", 16)
        (r#""span_id":18376510160275254129"#, Some("ff067aa0ba902b71"), true),
        (r#""span_id":7"#, None, true),
        (r#""span_id":"0000000000000000""#, None, true),
        (r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01""#, Some("00f067aa0ba902b7"), true),
        (r#""span_id":"18376510160275254129""#, Some("ff067aa0ba902b71"), true),
        (r#""otelSpanID":"00f067aa0ba902b7""#, Some("00f067aa0ba902b7"), false),
        (r#""dd.span_id":"18376510160275254129""#, Some("ff067aa0ba902b71"), true),
        (r#""parent_span_id":"00f067aa0ba902b7""#, None, true),
        (r#""uber-trace-id":"4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1""#, Some("00f067aa0ba902b7"), true),
    ] {
        let body = format!("{{{member}}}");
        let record = one(&body);
        assert_eq!(record.span_id.map(|id| id.to_string()).as_deref(), span, "{body}");
        assert_eq!(json_of(&record), if stays { body.as_str() } else { "{}" });
    }
    for unusable in [r#"{"trace_id":""}"#, r#"{"trace_id":"0"}"#, r#"{"trace_id":null}"#, r#"{"trace_id":"task:001"}"#]
    {
        let record = one(unusable);
        assert_eq!((record.trace_id, json_of(&record)), (None, unusable.to_owned()));
    }
}

fn member() -> impl Strategy<Value = (String, Value)> {
    let names = prop::sample::select(vec![
        "timestamp",
        "time",
        "t",
        "level",
        "severity",
        "lvl",
        "message",
        "event",
        "log",
        "service",
        "app",
        "trace_id",
        "traceId",
        "span_id",
        "metadata",
        "other",
        "fields",
        "severity_number",
    ]);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Int),
        (0i64..30).prop_map(Value::Int),
        (-1e12f64..1e12).prop_map(|number| Value::Int(number as i64)),
        "(info|WARN|high|2025-11-30T12:34:56Z|2025-11-30 12:34:56|[0-9a-f]{32}|[0-9A-F]{16}|hello world|)"
            .prop_map(Value::from),
    ];
    let inner = prop::collection::vec(("(msg|level|ts|x)", scalar.clone()), 0..3)
        .prop_map(|members| Value::Map(members.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()));
    (names.prop_map(str::to_owned), prop_oneof![4 => scalar, 1 => inner])
}

/// Whether a whole number is a time by its magnitude, but none that 64 bits of nanoseconds can say.
fn is_unsayable(number: i64) -> bool {
    let unit: i128 = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    i64::try_from(i128::from(number) * unit).is_err()
}

proptest! {
    /// Each member is either still an attribute, in the same order, or moved into the field of its name, which says it.
    /// Only what says a time that cannot be expressed is refused.
    #[test]
    fn nothing_is_lost(members in prop::collection::vec(member(), 0..10)) {
        let members: Vec<Attribute> = members.into_iter().map(|(key, value)| Attribute::new(key, value)).collect();
        let mut text = String::new();
        write_json(&Value::Map(members.clone()), &mut text);
        let decoded = read(text.as_bytes()).unwrap();
        if decoded.rejected > 0 {
            let inner = members.iter().filter_map(|member| match &member.value {
                Value::Map(inner) => Some(inner),
                _ => None,
            });
            let mut values = inner.flatten().chain(&members).map(|member| &member.value);
            let reason = &decoded.rejects[0].reason;
            prop_assert!(values.any(|value| matches!(value, Value::Int(number) if is_unsayable(*number))), "{}", reason);
            return Ok(());
        }
        let record = one(&text);
        let mut left = record.attributes.iter().peekable();
        for member in &members {
            if left.next_if(|own| *own == member).is_some() {
                continue;
            }
            let said = member.value.display_text();
            let is_said = match member.key.as_str() {
                "timestamp" | "time" | "t" => crate::time_text::parse_timestamp(&said).unwrap().nanos == record.time,
                "level" | "severity" | "lvl" => record.severity_text == said,
                "message" | "event" | "log" => record.body == member.value,
                "trace_id" | "traceId" => record.trace_id.is_some_and(|id| CanonicalId::from(id).as_str() == said),
                "span_id" => record.span_id.is_some_and(|id| CanonicalId::from(id).as_str() == said),
                _ => false,
            };
            prop_assert!(is_said, "{} of {} is lost: {:?}", member.key, text, record);
        }
        prop_assert!(left.next().is_none());
    }
}
