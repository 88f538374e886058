//! One log record, in the shape of OpenTelemetry's log data model.

use crate::id::{SpanId, TraceId};
use crate::logs::severity::Severity;
use crate::resource::{Resource, Scope};
use crate::time::UnixNanos;
use crate::value::{Attributes, Value, attributes_heap_bytes, text_heap_bytes};
use compact_str::CompactString;
use std::sync::Arc;

/// A decided log record: parsed, stamped with its arrival time, limits applied.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// When it happened; the arrival time where the sender gave none.
    pub time: UnixNanos,
    /// When the sender's collector, or else Clew, first saw it.
    pub observed_time: UnixNanos,
    /// The severity as a number; [`Severity::UNSPECIFIED`] where the sender gave none.
    pub severity: Severity,
    /// The severity as the sender wrote it; empty where the sender gave none.
    pub severity_text: CompactString,
    /// The message: a string for most senders, any value for OTLP.
    pub body: Value,
    /// The service or agent that wrote it. OTLP: that of the resource, never empty (`Resource::service_name`). JSON logs:
    /// the first of the well-known names, which also stays among the attributes; empty where there is none.
    pub service: CompactString,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// The span it belongs to.
    pub span_id: Option<SpanId>,
    /// W3C trace flags and reserved bits as sent.
    pub flags: u32,
    /// OTLP event name; empty where there is none.
    pub event_name: CompactString,
    /// Attributes, nested as sent, in the order they were sent.
    pub attributes: Attributes,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
    /// What produced it; empty for JSON logs.
    pub resource: Arc<Resource>,
    /// The library that produced it; empty for JSON logs.
    pub scope: Arc<Scope>,
}

impl Default for LogRecord {
    fn default() -> Self {
        Self {
            time: 0,
            observed_time: 0,
            severity: Severity::UNSPECIFIED,
            severity_text: CompactString::default(),
            body: Value::Null,
            service: CompactString::default(),
            trace_id: None,
            span_id: None,
            flags: 0,
            event_name: CompactString::default(),
            attributes: Attributes::new(),
            dropped_attributes_count: 0,
            resource: Arc::default(),
            scope: Arc::default(),
        }
    }
}

impl LogRecord {
    /// Bytes of memory the record holds, without its shared resource and scope; an estimate for budgets.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let texts = [&self.severity_text, &self.service, &self.event_name];
        let texts: usize = texts.into_iter().map(text_heap_bytes).sum();
        size_of::<Self>() + texts + self.body.heap_bytes() + attributes_heap_bytes(&self.attributes)
    }
}
