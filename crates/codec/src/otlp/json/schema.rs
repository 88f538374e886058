//! The messages of OTLP that Clew reads, as tables: what the JSON mapping needs to know of each field.

/// A message: its fields.
#[derive(Debug)]
pub(super) struct Message(pub(super) &'static [Field]);

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its number on the wire.
    pub(super) number: u32,
    /// Its name in the schema, in snake case; in JSON usually written in camel case.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it is a list.
    pub(super) repeated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Message(&'static Message),
    Text,
    /// Bytes that OTLP/JSON writes in hex: trace and span IDs.
    Id,
    /// Bytes in base64.
    Bytes,
    Bool,
    Int64,
    Uint64,
    Uint32,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    /// A number, or one of these names; the first is number 0.
    Enum(&'static [&'static str]),
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false }
}

const fn list(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true }
}

impl Message {
    /// The field that JSON calls `key`: its name in camel case, or as the schema writes it.
    pub(super) fn field(&self, key: &str) -> Option<&'static Field> {
        self.0.iter().find(|field| key == field.name || is_camel_case_of(key, field.name))
    }
}

/// Whether `key` is `name` with every underscore dropped and the letter after it raised.
fn is_camel_case_of(key: &str, name: &str) -> bool {
    let mut key = key.bytes();
    let mut raise = false;
    for byte in name.bytes() {
        if byte == b'_' {
            raise = true;
            continue;
        }
        let expected = if raise { byte.to_ascii_uppercase() } else { byte };
        raise = false;
        if key.next() != Some(expected) {
            return false;
        }
    }
    key.next().is_none()
}

/// A path of field names in camel case.
pub(super) fn camel_case(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut raise = false;
    for character in path.chars() {
        match character {
            '_' => raise = true,
            other if raise => {
                out.push(other.to_ascii_uppercase());
                raise = false;
            }
            other => out.push(other),
        }
    }
    out
}

pub(super) static LOGS_REQUEST: Message = Message(&[list(1, "resource_logs", Kind::Message(&RESOURCE_LOGS))]);
static RESOURCE_LOGS: Message = Message(&[
    one(1, "resource", Kind::Message(&RESOURCE)),
    list(2, "scope_logs", Kind::Message(&SCOPE_LOGS)),
    one(3, "schema_url", Kind::Text),
]);
static SCOPE_LOGS: Message = Message(&[
    one(1, "scope", Kind::Message(&SCOPE)),
    list(2, "log_records", Kind::Message(&LOG_RECORD)),
    one(3, "schema_url", Kind::Text),
]);
static LOG_RECORD: Message = Message(&[
    one(1, "time_unix_nano", Kind::Fixed64),
    one(11, "observed_time_unix_nano", Kind::Fixed64),
    one(2, "severity_number", Kind::Enum(&SEVERITY_NUMBER)),
    one(3, "severity_text", Kind::Text),
    one(5, "body", Kind::Message(&ANY_VALUE)),
    list(6, "attributes", Kind::Message(&KEY_VALUE)),
    one(7, "dropped_attributes_count", Kind::Uint32),
    one(8, "flags", Kind::Fixed32),
    one(9, "trace_id", Kind::Id),
    one(10, "span_id", Kind::Id),
    one(12, "event_name", Kind::Text),
]);
static SEVERITY_NUMBER: [&str; 25] = [
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];

static RESOURCE: Message =
    Message(&[list(1, "attributes", Kind::Message(&KEY_VALUE)), one(2, "dropped_attributes_count", Kind::Uint32)]);
static SCOPE: Message = Message(&[
    one(1, "name", Kind::Text),
    one(2, "version", Kind::Text),
    list(3, "attributes", Kind::Message(&KEY_VALUE)),
    one(4, "dropped_attributes_count", Kind::Uint32),
]);
static KEY_VALUE: Message = Message(&[one(1, "key", Kind::Text), one(2, "value", Kind::Message(&ANY_VALUE))]);
static ANY_VALUE: Message = Message(&[
    one(1, "string_value", Kind::Text),
    one(2, "bool_value", Kind::Bool),
    one(3, "int_value", Kind::Int64),
    one(4, "double_value", Kind::Double),
    one(5, "array_value", Kind::Message(&ARRAY_VALUE)),
    one(6, "kvlist_value", Kind::Message(&KEY_VALUE_LIST)),
    one(7, "bytes_value", Kind::Bytes),
]);
static ARRAY_VALUE: Message = Message(&[list(1, "values", Kind::Message(&ANY_VALUE))]);
static KEY_VALUE_LIST: Message = Message(&[list(1, "values", Kind::Message(&KEY_VALUE))]);

pub(super) static TRACES_REQUEST: Message = Message(&[list(1, "resource_spans", Kind::Message(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Message = Message(&[
    one(1, "resource", Kind::Message(&RESOURCE)),
    list(2, "scope_spans", Kind::Message(&SCOPE_SPANS)),
    one(3, "schema_url", Kind::Text),
]);
static SCOPE_SPANS: Message = Message(&[
    one(1, "scope", Kind::Message(&SCOPE)),
    list(2, "spans", Kind::Message(&SPAN)),
    one(3, "schema_url", Kind::Text),
]);
static SPAN: Message = Message(&[
    one(1, "trace_id", Kind::Id),
    one(2, "span_id", Kind::Id),
    one(3, "trace_state", Kind::Text),
    one(4, "parent_span_id", Kind::Id),
    one(16, "flags", Kind::Fixed32),
    one(5, "name", Kind::Text),
    one(6, "kind", Kind::Enum(&SPAN_KIND)),
    one(7, "start_time_unix_nano", Kind::Fixed64),
    one(8, "end_time_unix_nano", Kind::Fixed64),
    list(9, "attributes", Kind::Message(&KEY_VALUE)),
    one(10, "dropped_attributes_count", Kind::Uint32),
    list(11, "events", Kind::Message(&EVENT)),
    one(12, "dropped_events_count", Kind::Uint32),
    list(13, "links", Kind::Message(&LINK)),
    one(14, "dropped_links_count", Kind::Uint32),
    one(15, "status", Kind::Message(&STATUS)),
]);
static SPAN_KIND: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
static EVENT: Message = Message(&[
    one(1, "time_unix_nano", Kind::Fixed64),
    one(2, "name", Kind::Text),
    list(3, "attributes", Kind::Message(&KEY_VALUE)),
    one(4, "dropped_attributes_count", Kind::Uint32),
]);
static LINK: Message = Message(&[
    one(1, "trace_id", Kind::Id),
    one(2, "span_id", Kind::Id),
    one(3, "trace_state", Kind::Text),
    list(4, "attributes", Kind::Message(&KEY_VALUE)),
    one(5, "dropped_attributes_count", Kind::Uint32),
    one(6, "flags", Kind::Fixed32),
]);
static STATUS: Message = Message(&[one(2, "message", Kind::Text), one(3, "code", Kind::Enum(&STATUS_CODE))]);
static STATUS_CODE: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

pub(super) static METRICS_REQUEST: Message = Message(&[list(1, "resource_metrics", Kind::Message(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Message = Message(&[
    one(1, "resource", Kind::Message(&RESOURCE)),
    list(2, "scope_metrics", Kind::Message(&SCOPE_METRICS)),
    one(3, "schema_url", Kind::Text),
]);
static SCOPE_METRICS: Message = Message(&[
    one(1, "scope", Kind::Message(&SCOPE)),
    list(2, "metrics", Kind::Message(&METRIC)),
    one(3, "schema_url", Kind::Text),
]);
static METRIC: Message = Message(&[
    one(1, "name", Kind::Text),
    one(2, "description", Kind::Text),
    one(3, "unit", Kind::Text),
    one(5, "gauge", Kind::Message(&GAUGE)),
    one(7, "sum", Kind::Message(&SUM)),
    one(9, "histogram", Kind::Message(&HISTOGRAM)),
    one(10, "exponential_histogram", Kind::Message(&EXPONENTIAL_HISTOGRAM)),
    one(11, "summary", Kind::Message(&SUMMARY)),
]);
static TEMPORALITY: [&str; 3] =
    ["AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA", "AGGREGATION_TEMPORALITY_CUMULATIVE"];
static GAUGE: Message = Message(&[list(1, "data_points", Kind::Message(&NUMBER_POINT))]);
static SUM: Message = Message(&[
    list(1, "data_points", Kind::Message(&NUMBER_POINT)),
    one(2, "aggregation_temporality", Kind::Enum(&TEMPORALITY)),
    one(3, "is_monotonic", Kind::Bool),
]);
static HISTOGRAM: Message = Message(&[
    list(1, "data_points", Kind::Message(&HISTOGRAM_POINT)),
    one(2, "aggregation_temporality", Kind::Enum(&TEMPORALITY)),
]);
static EXPONENTIAL_HISTOGRAM: Message = Message(&[
    list(1, "data_points", Kind::Message(&EXPONENTIAL_POINT)),
    one(2, "aggregation_temporality", Kind::Enum(&TEMPORALITY)),
]);
static SUMMARY: Message = Message(&[list(1, "data_points", Kind::Message(&SUMMARY_POINT))]);
static NUMBER_POINT: Message = Message(&[
    list(7, "attributes", Kind::Message(&KEY_VALUE)),
    one(2, "start_time_unix_nano", Kind::Fixed64),
    one(3, "time_unix_nano", Kind::Fixed64),
    one(4, "as_double", Kind::Double),
    one(6, "as_int", Kind::Sfixed64),
    list(5, "exemplars", Kind::Message(&EXEMPLAR)),
    one(8, "flags", Kind::Uint32),
]);
static HISTOGRAM_POINT: Message = Message(&[
    list(9, "attributes", Kind::Message(&KEY_VALUE)),
    one(2, "start_time_unix_nano", Kind::Fixed64),
    one(3, "time_unix_nano", Kind::Fixed64),
    one(4, "count", Kind::Fixed64),
    one(5, "sum", Kind::Double),
    list(6, "bucket_counts", Kind::Fixed64),
    list(7, "explicit_bounds", Kind::Double),
    list(8, "exemplars", Kind::Message(&EXEMPLAR)),
    one(10, "flags", Kind::Uint32),
    one(11, "min", Kind::Double),
    one(12, "max", Kind::Double),
]);
static EXPONENTIAL_POINT: Message = Message(&[
    list(1, "attributes", Kind::Message(&KEY_VALUE)),
    one(2, "start_time_unix_nano", Kind::Fixed64),
    one(3, "time_unix_nano", Kind::Fixed64),
    one(4, "count", Kind::Fixed64),
    one(5, "sum", Kind::Double),
    one(6, "scale", Kind::Sint32),
    one(7, "zero_count", Kind::Fixed64),
    one(8, "positive", Kind::Message(&BUCKETS)),
    one(9, "negative", Kind::Message(&BUCKETS)),
    one(10, "flags", Kind::Uint32),
    list(11, "exemplars", Kind::Message(&EXEMPLAR)),
    one(12, "min", Kind::Double),
    one(13, "max", Kind::Double),
    one(14, "zero_threshold", Kind::Double),
]);
static BUCKETS: Message = Message(&[one(1, "offset", Kind::Sint32), list(2, "bucket_counts", Kind::Uint64)]);
static SUMMARY_POINT: Message = Message(&[
    list(7, "attributes", Kind::Message(&KEY_VALUE)),
    one(2, "start_time_unix_nano", Kind::Fixed64),
    one(3, "time_unix_nano", Kind::Fixed64),
    one(4, "count", Kind::Fixed64),
    one(5, "sum", Kind::Double),
    list(6, "quantile_values", Kind::Message(&VALUE_AT_QUANTILE)),
    one(8, "flags", Kind::Uint32),
]);
static VALUE_AT_QUANTILE: Message = Message(&[one(1, "quantile", Kind::Double), one(2, "value", Kind::Double)]);
static EXEMPLAR: Message = Message(&[
    list(7, "filtered_attributes", Kind::Message(&KEY_VALUE)),
    one(2, "time_unix_nano", Kind::Fixed64),
    one(3, "as_double", Kind::Double),
    one(6, "as_int", Kind::Sfixed64),
    one(4, "span_id", Kind::Id),
    one(5, "trace_id", Kind::Id),
]);
