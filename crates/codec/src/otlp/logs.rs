//! Log records (`opentelemetry/proto/logs/v1/logs.proto`).

use super::PROTOBUF;
use super::common::{any_value, push_attribute, span_id, time, trace_id};
use super::envelope::{Names, Sink, walk};
use crate::error::{DecodeError, Decoded};
use crate::levels::{severity_among, severity_in};
use crate::limits::MIN_RECORD_BYTES;
use crate::protobuf::{Budget, Outcome, Reader};
use clew_model::logs::{LogRecord, Severity};
use clew_model::{Attributes, Resource, Scope, UnixNanos};
use compact_str::CompactString;
use std::sync::Arc;

/// Reads an `ExportLogsServiceRequest` in protobuf.
///
/// A record's time is its own, else its observed time, else `arrival`; its observed time is its own, else `arrival`.
/// A trace or span ID that is empty or all zero is absent; one of another length than 16 and 8 bytes, a time after the
/// year 2262 or values nested too deep refuse the record. Its severity is the number, else what the text says, else what an
/// attribute or a member of the body named as loggers name levels says.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, and bodies whose records take more than `memory` bytes.
pub fn decode_logs(body: &[u8], arrival: UnixNanos, memory: usize) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    let mut sink =
        LogSink { arrival, out: Decoded::default(), seen: 0, attributes: 0, service: CompactString::default() };
    walk(body, memory, &mut sink).map_err(|fault| fault.into_error(PROTOBUF))?;
    Ok(sink.out)
}

struct LogSink {
    arrival: UnixNanos,
    out: Decoded<Vec<LogRecord>>,
    /// Records read so far.
    seen: u64,
    /// Attributes of the record before, a guess at the next one's.
    attributes: usize,
    /// The service of the records that follow.
    service: CompactString,
}

impl Sink<'_> for LogSink {
    const NAMES: Names = Names { resources: "resource_logs", scopes: "scope_logs", records: "log_records" };

    fn expect(&mut self, count: usize, bytes: usize) {
        self.out.records.reserve(count.min(bytes / MIN_RECORD_BYTES));
    }

    fn begin_resource(&mut self, resource: &Arc<Resource>, _budget: &mut Budget) -> Outcome<()> {
        self.service = resource.service_name().into();
        Ok(())
    }

    fn record(
        &mut self,
        reader: Reader<'_>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let index = self.seen;
        self.seen += 1;
        // each record has the service's name for itself
        budget.take(size_of::<LogRecord>().saturating_add(self.service.len()), reader.offset())?;
        match self.read(reader, resource, scope, budget) {
            Ok(record) => {
                self.attributes = record.attributes.len();
                self.out.accepted += 1;
                self.out.records.push(record);
            }
            Err(fault) => {
                let reason = fault.into_refusal()?;
                self.out.reject(index, || reason);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, _reader: Reader<'_>, reason: &str, _budget: &mut Budget) -> Outcome<()> {
        let index = self.seen;
        self.seen += 1;
        self.out.reject(index, || reason.to_owned());
        Ok(())
    }
}

impl LogSink {
    fn read(
        &self,
        mut reader: Reader<'_>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<LogRecord> {
        let mut record = LogRecord {
            attributes: Attributes::with_capacity(self.attributes.min(reader.remaining() / 8)),
            service: self.service.clone(),
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
            ..LogRecord::default()
        };
        let mut severity_number = 0;
        while let Some(field) = reader.next()? {
            match field.number {
                1 => record.time = time(&field, "time_unix_nano")?,
                2 => severity_number = field.int("severity_number")?,
                3 => record.severity_text = field.string("severity_text")?.into(),
                5 => record.body = field.nested("body", |reader| any_value(reader, 0, budget))?,
                6 => push_attribute(&field, "attributes", &mut record.attributes, budget)?,
                7 => record.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
                8 => record.flags = field.fixed32("flags")?,
                9 => record.trace_id = trace_id(&field, "trace_id")?,
                10 => record.span_id = span_id(&field, "span_id")?,
                11 => record.observed_time = time(&field, "observed_time_unix_nano")?,
                12 => record.event_name = field.string("event_name")?.into(),
                _ => {}
            }
        }
        record.severity = severity(severity_number, &record);
        if record.observed_time == 0 {
            record.observed_time = self.arrival;
        }
        if record.time == 0 {
            record.time = record.observed_time;
        }
        Ok(record)
    }
}

/// The severity by the two fields for it; where these say nothing, by a member of the attributes or of the body, as of lines
/// that a collector parsed without telling where their level is.
fn severity(number: i64, record: &LogRecord) -> Severity {
    let own = Severity::of_number_and_text(number, &record.severity_text);
    if own != Severity::UNSPECIFIED || !record.severity_text.is_empty() {
        return own;
    }
    severity_among(&record.attributes).or_else(|| severity_in(&record.body)).unwrap_or_default()
}
