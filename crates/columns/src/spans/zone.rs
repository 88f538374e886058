//! What is known of a block without opening it.

use super::terms::service_term;
use crate::bits::width_of;
use crate::bytes::{BytesError, Reader, put_signed, put_u32, put_varint};
use clew_model::TimeRange;
use clew_model::traces::Span;

const WHAT: &str = "zone of a block";

/// Bounds of a block's spans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockZone {
    /// Its spans.
    pub spans: u32,
    /// First start.
    pub min_start: i64,
    /// Last start.
    pub max_start: i64,
    /// Longest duration in nanoseconds.
    pub max_duration: i64,
    /// Each service by the low half of its term, with the bits of its longest duration; sorted.
    pub services: Vec<(u32, u8)>,
}

impl BlockZone {
    /// Takes a span in.
    pub(super) fn add(&mut self, span: &Span, service: u32) {
        let duration = span.duration();
        let class = width_of(duration.unsigned_abs());
        if self.spans == 0 {
            (self.min_start, self.max_start) = (span.start, span.start);
        }
        self.spans += 1;
        self.min_start = self.min_start.min(span.start);
        self.max_start = self.max_start.max(span.start);
        self.max_duration = self.max_duration.max(duration);
        match self.services.iter_mut().find(|(own, _)| *own == service) {
            Some((_, most)) => *most = class.max(*most),
            None => self.services.push((service, class)),
        }
    }

    /// Whether a span may start in the range.
    #[must_use]
    pub fn overlaps(&self, range: &TimeRange) -> bool {
        self.min_start <= range.end && range.start <= self.max_start
    }

    /// Whether a span of the service (any service when `None`) may last at least so long.
    #[must_use]
    pub fn may_last(&self, service: Option<&str>, least: i64) -> bool {
        if least > self.max_duration {
            return false;
        }
        let Some(service) = service else { return true };
        let term = service_term(service) as u32;
        let class = width_of(least.max(0).unsigned_abs());
        self.services.iter().any(|(own, most)| *own == term && *most >= class)
    }

    /// Appends the zone.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.spans));
        put_signed(out, self.min_start);
        put_varint(out, self.max_start.wrapping_sub(self.min_start) as u64);
        put_varint(out, self.max_duration.unsigned_abs());
        put_varint(out, self.services.len() as u64);
        for (service, class) in &self.services {
            put_u32(out, *service);
            out.push(*class);
        }
    }

    /// Reads what [`BlockZone::put`] wrote.
    ///
    /// # Errors
    /// The bytes end too early.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, BytesError> {
        let spans = u32::try_from(reader.varint(WHAT)?).unwrap_or(u32::MAX);
        let min_start = reader.signed(WHAT)?;
        let max_start = min_start.wrapping_add(reader.varint(WHAT)? as i64);
        let max_duration = i64::try_from(reader.varint(WHAT)?).unwrap_or(i64::MAX);
        let count = reader.count(5, WHAT)?;
        let mut services = Vec::with_capacity(count);
        for _ in 0..count {
            services.push((reader.u32(WHAT)?, reader.u8(WHAT)?));
        }
        Ok(Self { spans, min_start, max_start, max_duration, services })
    }
}
