//! Bounds of the decoders. Limits on body sizes and times are the application's.

/// Reasons for rejected records that are kept for the answer; all are counted.
pub const MAX_REJECT_REASONS: usize = 16;

/// Memory that the records of one body may take unless told: two bytes on the wire can stand for a record of hundreds of bytes,
/// and a histogram repeats its labels for every bucket.
pub const MAX_DECODED_BYTES: usize = 512 << 20;

/// Deepest nesting of deprecated protobuf groups, which are skipped.
pub const MAX_GROUP_DEPTH: usize = 64;

/// Deepest nesting of messages in OTLP/JSON that is read; what lies deeper is left out. A nested map takes three and a list
/// two, so every value that the model can hold fits, and one that is cut here is refused for its depth.
pub const MAX_JSON_DEPTH: usize = 256;

/// Bytes that a record has at least on the wire, for sizing lists ahead; smaller records are legal.
pub(crate) const MIN_RECORD_BYTES: usize = 32;

/// Most buckets of one OTLP histogram data point (SDKs use 15 explicit ones or up to 160 exponential ones).
pub const MAX_HISTOGRAM_BUCKETS: usize = 16_384;

/// Most queries of one remote read request; Prometheus sends one.
pub const MAX_READ_QUERIES: usize = 1_000;

/// Most matchers of one query of remote read.
pub const MAX_READ_MATCHERS: usize = 1_000;

/// Most bytes of the labels of one exemplar, names and values together; filtered attributes beyond it are left out.
pub const MAX_EXEMPLAR_LABEL_BYTES: usize = 4_096;

/// Most samples of `target_info` for one resource of one body.
pub const MAX_TARGET_INFO_SAMPLES: usize = 1_000;

/// Longest piece of the input, in bytes, that an error message quotes.
pub const MAX_QUOTED_BYTES: usize = 256;

/// Default for the longest JSON log record, in bytes of its JSON text.
pub const MAX_JSON_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// Memory that a JSON value (a member or an element at any depth) takes, beside its text: up to 56 bytes, and the growth of
/// the list that it is in.
pub const JSON_VALUE_BYTES: usize = 64;

/// What a JSON log record counts beside its values: its own fields take the memory of so many.
pub const JSON_VALUES_OF_A_RECORD: usize = 8;

/// JSON log records for which room is made before they are read.
pub(crate) const MAX_JSON_EXPECTED_RECORDS: usize = 4_096;

/// Members of a JSON log record for which room is made before they are read, and of which what their names mean is
/// remembered for the next.
pub(crate) const MAX_JSON_EXPECTED_MEMBERS: usize = 64;

/// Longest message, in bytes, that is looked into for a level where the record has none and the message is the text of a
/// JSON object.
pub(crate) const MAX_LEVEL_TEXT_BYTES: usize = 64 * 1024;

/// How often the bytes of a body of JSON logs may be read again, on average, to find where the next record starts after
/// a bad one.
pub const MAX_JSON_RESCANS: usize = 4;

/// Longest label set of an exemplar, in characters of names and values together (OpenMetrics 1.0, "Exemplars").
pub const MAX_EXEMPLAR_LABEL_CHARS: usize = 128;
