//! Random records and filters for tests: few distinct texts, so that filters hit.

use clew_model::logs::{Comparison, FieldTest, LogFilter, LogRecord, LogRow, Severity, TextTest};
use clew_model::{Attribute, Attributes, Number, RecordId, Resource, Scope, SpanId, TraceId, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "request failed", "Request done", "error", "INFO", "info", "Notice", "critical", "30", "GET", "null", "true", "checkout", "a", "-", "",
            "task:001", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", "4bf92f3577b34da6a3ce929d0e0e4736", "42", "4.5",
            "100985939111033328018442752961257817910", "req-77aa", "0x52908400098527886e0779030069857d2e4169ee",
            "52908400098527886e0779030069857d2e4169ee", "[4bf92f3577b34da6a3ce929d0e0e4736],", "1000000000000000000000000000000000000000000000", "1e45", "DEADBEEF", "größe 12µs", "\u{11}odd", "a\0b",
        ]).prop_map(str::to_owned),
        3 => (0u32..50).prop_map(|n| format!("took {n}ms for user u{n} from 10.0.0.{n}")),
        2 => (0u32..50).prop_map(|n| format!("\u{1b}[{n}mtook {n}ms\u{1b}[0m for us\u{1b}[1mer u{n}")),
        1 => prop::sample::select(vec![
            "\u{1b}[31mrequest\u{1b}[0m failed", "\u{1b}[1mERROR\u{1b}[0m", "\u{9b}1m42", "\u{1b}]8;;x\u{7}cache\u{1b}]8;;\u{7}",
            "\u{1b}[36m4BF92F35-77B3-4DA6-A3CE-929D0E0E4736\u{1b}[0m", "cut \u{1b}[7",
        ]).prop_map(str::to_owned),
        2 => (any::<u64>()).prop_map(|n| format!("trace {n:016x} hit cache_{n}")),
        2 => (0u32..20).prop_map(|n| format!("用户marie{n}登录失败{n}次，连接数据库超时")),
        1 => prop::sample::select(vec!["データベースのエラー", "사용자가 로그인 5.0", "5e0", "05.00", "12.5", "พบข้อผิดพลาด 7 ครั้ง"])
            .prop_map(str::to_owned),
        1 => "[a-z0-9 ]{0,12}",
        1 => ".{0,8}",
    ]
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => (-3i64..100).prop_map(Value::Int),
        1 => any::<i64>().prop_map(Value::Int),
        2 => (-300i32..300).prop_map(|n| Value::Double(f64::from(n) / 4.0)),
        1 => any::<f64>().prop_map(Value::Double),
        1 => prop::sample::select(vec!["1.0", "1e3", "4.5", "123456789012345678901234567890"])
            .prop_map(|text| Value::Number(Number(text.into()))),
        6 => any_text().prop_map(Value::from),
        1 => vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec((any_key(), inner), 0..3).prop_map(attributes).prop_map(Value::Map),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::sample::select(vec![
            "a", "b", "a.b", "context", "metadata", "task_id", "level", "LogLevel", "service", "msg", "trace_id", "http.method",
            "resource", "scope", "time", "", "name",
        ]).prop_map(str::to_owned),
        1 => ".{0,4}",
    ]
}

fn attributes(pairs: Vec<(String, Value)>) -> Attributes {
    pairs.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    vec((any_key(), any_value()), 0..5).prop_map(attributes)
}

fn any_resource() -> impl Strategy<Value = Arc<Resource>> {
    (any_attributes(), "[a-z]{0,2}", 0u32..3).prop_map(|(attributes, schema_url, dropped_attributes_count)| {
        Arc::new(Resource { attributes, schema_url: schema_url.into(), dropped_attributes_count })
    })
}

fn any_scope() -> impl Strategy<Value = Arc<Scope>> {
    (any_attributes(), any_text(), "[a-z]{0,2}").prop_map(|(attributes, name, version)| {
        Arc::new(Scope { attributes, name: name.into(), version: version.into(), ..Scope::default() })
    })
}

/// Records that share some resources and scopes.
pub(crate) fn any_records(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<LogRecord>> {
    let shared = (vec(any_resource(), 1..3), vec(any_scope(), 1..3));
    shared.prop_flat_map(move |(resources, scopes)| vec(any_record(resources, scopes), count.clone()))
}

fn any_record(resources: Vec<Arc<Resource>>, scopes: Vec<Arc<Scope>>) -> impl Strategy<Value = LogRecord> {
    let head = (prop_oneof![0i64..100, any::<i64>()], prop_oneof![Just(0i64), -5i64..5], 0i64..25, any_text());
    let body = prop_oneof![
        6 => any_text().prop_map(Value::from),
        1 => any_value(),
        1 => any_attributes().prop_map(Value::Map),
    ];
    let ids = (prop::option::of(0u8..4), prop::option::of(0u8..4));
    let rest = (prop::sample::select(resources), prop::sample::select(scopes), any_attributes());
    (head, body, any_text(), ids, (0u32..3, any_text(), 0u32..2), rest).prop_map(
        |(head, body, service, ids, odd, (resource, scope, attributes))| {
            let (time, lag, severity, severity_text) = head;
            let trace = |n: u8| match n {
                0 => TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
                n => TraceId([n; 16]),
            };
            LogRecord {
                time,
                observed_time: time.wrapping_add(lag),
                severity: Severity::from_number(severity),
                severity_text: if odd.0 == 0 { severity_text.into() } else { "".into() },
                body,
                service: service.into(),
                trace_id: ids.0.map(trace),
                span_id: ids.1.map(|n| SpanId([n + 1; 8])),
                flags: odd.0,
                event_name: odd.1.into(),
                attributes,
                dropped_attributes_count: odd.2,
                resource,
                scope,
            }
        },
    )
}

/// Rows numbered in order.
pub(crate) fn any_rows(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<LogRow>> {
    any_records(count).prop_map(|records| {
        let row = |(number, record): (usize, LogRecord)| LogRow {
            id: RecordId { time: record.time, number: number as u64 * 3 },
            record,
        };
        records.into_iter().enumerate().map(row).collect()
    })
}

fn any_pattern() -> impl Strategy<Value = clew_model::logs::Pattern> {
    prop::sample::select(vec![
        "req",
        "a|ab",
        "[0-9]+ms",
        "^$",
        "e.*d$",
        "(?i)error",
        "failed request",
        "took [0-9]",
        "(user|cache) ?m?",
        "ERROR2|10\\.0",
    ])
    .prop_map(|source| clew_model::logs::Pattern(regex::Regex::new(source).unwrap()))
}

fn any_query_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any_text(),
        2 => prop::sample::select(vec![
            "request", "took 7ms", "user u7", "failed request", "cache", "ms", "for user", "10.0.0.7", "7", "001", "31mrequest", "request failed", "0m",
            "warn", "ERROR2", "info", "critical", "-3", "0.25", "NaN", "登录", "marie", "数据库", "u7登录", "ラ", "로그인", "5", "5.0", "50e-1",
        ]).prop_map(str::to_owned),
    ]
}

fn any_text_test() -> impl Strategy<Value = TextTest> {
    prop_oneof![
        4 => any_query_text().prop_map(|text| TextTest::words(&text)),
        2 => any_query_text().prop_map(TextTest::Substring),
        1 => any_pattern().prop_map(TextTest::Regex),
        1 => Just(TextTest::Words(Vec::new())),
    ]
}

fn any_field_test() -> impl Strategy<Value = FieldTest> {
    let comparison = prop::sample::select(vec![
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Equal,
        Comparison::NotEqual,
    ]);
    prop_oneof![
        1 => Just(FieldTest::Exists),
        4 => any_query_text().prop_map(FieldTest::Is),
        2 => any_query_text().prop_map(FieldTest::Equals),
        1 => any_pattern().prop_map(FieldTest::Matches),
        2 => any_text_test().prop_map(FieldTest::Contains),
        2 => (comparison, -3i32..50).prop_map(|(comparison, n)| FieldTest::Compare(comparison, f64::from(n))),
        1 => (any_bound(), any_bound()).prop_map(|(low, high)| FieldTest::Between(low, high)),
    ]
}

fn any_bound() -> impl Strategy<Value = String> {
    prop_oneof![Just("*".to_owned()), (0u32..50).prop_map(|n| n.to_string()), "[a-z]{1,2}"]
}

pub(crate) fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => any_key(),
        4 => (any_key(), any_key()).prop_map(|(a, b)| format!("{a}.{b}")),
        1 => (any_key(), any_key(), any_key()).prop_map(|(a, b, c)| format!("{a}.{b}.{c}")),
        1 => any_key().prop_map(|key| format!("resource.{key}")),
        1 => any_key().prop_map(|key| format!("scope.{key}")),
        2 => any_key().prop_map(|key| format!("body.{key}")),
        1 => any_key().prop_map(|key| format!("message.{key}")),
        1 => prop::sample::select(vec!["scope.name", "scope.version", "span_id", "message"]).prop_map(str::to_owned),
    ]
}

/// Filters of every kind.
pub(crate) fn any_filter() -> impl Strategy<Value = LogFilter> {
    let leaf = prop_oneof![
        1 => Just(LogFilter::All),
        3 => any_text_test().prop_map(LogFilter::AnyText),
        2 => any_text_test().prop_map(LogFilter::Message),
        6 => (any_name(), any_field_test()).prop_map(|(name, test)| LogFilter::Field { name, test }),
        1 => (0u8..25, 0u8..25).prop_map(|(a, b)| LogFilter::SeverityBetween(a, b)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(LogFilter::And),
            vec(inner.clone(), 0..3).prop_map(LogFilter::Or),
            inner.prop_map(|filter| LogFilter::Not(Box::new(filter))),
        ]
    })
}
