//! The log streams of a tenant: distinct services with their resources that sent lately.

use crate::limits::STREAM_AGE;
use clew_model::logs::LogRecord;
use clew_model::{Resource, Value};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// Streams by the hash of what tells them apart, with their last use. No more than the limit.
#[derive(Debug, Default)]
pub(super) struct Streams {
    used: HashMap<u64, Instant>,
    /// When the first of them may have ended, as far as was looked last.
    look: Option<Instant>,
}

impl Streams {
    /// Streams that sent lately.
    pub(super) fn active(&mut self, now: Instant) -> usize {
        self.used.retain(|_, used| now.saturating_duration_since(*used) < STREAM_AGE);
        self.look = self.used.values().min().and_then(|oldest| oldest.checked_add(STREAM_AGE));
        self.used.len()
    }

    /// Whether a stream may send: it is known, or there is room for it.
    pub(super) fn admit(&mut self, stream: u64, limit: usize, now: Instant) -> bool {
        if let Some(used) = self.used.get_mut(&stream) {
            *used = now;
            return true;
        }
        // Looked through only where it is full and one may have ended: not for each of many new ones.
        let may_have_ended = self.look.is_none_or(|look| look <= now);
        if self.used.len() >= limit && (!may_have_ended || self.active(now) >= limit) {
            return false;
        }
        self.used.insert(stream, now);
        true
    }
}

/// Tells the streams of records apart; records of one request mostly share their resource.
#[derive(Default)]
pub(super) struct StreamOf {
    last: Option<(Arc<Resource>, u64)>,
}

impl StreamOf {
    /// The stream of a record.
    pub(super) fn record(&mut self, record: &LogRecord) -> u64 {
        let resource = match &self.last {
            Some((resource, hash)) if Arc::ptr_eq(resource, &record.resource) => *hash,
            _ => {
                let hash = hash_of(&record.resource);
                self.last = Some((Arc::clone(&record.resource), hash));
                hash
            }
        };
        let mut hasher = DefaultHasher::new();
        (resource, record.service.as_str()).hash(&mut hasher);
        hasher.finish()
    }
}

/// A hash of the attributes of a resource, whatever their order.
fn hash_of(resource: &Resource) -> u64 {
    let one = |key: &str, value: &Value| {
        let mut hasher = DefaultHasher::new();
        (key, format!("{value:?}")).hash(&mut hasher);
        hasher.finish()
    };
    resource.attributes.iter().fold(0_u64, |all, own| all.wrapping_add(one(&own.key, &own.value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::Attribute;
    use std::time::Duration;

    fn record(service: &str, attributes: &[(&str, &str)]) -> LogRecord {
        let attributes = attributes.iter().map(|(key, value)| Attribute::new(*key, Value::from(*value))).collect();
        let resource = Arc::new(Resource { attributes, ..Resource::default() });
        LogRecord { service: service.into(), resource, ..LogRecord::default() }
    }

    #[test]
    fn services_and_resources_tell_streams_apart_and_nothing_else_does() {
        let of = |record: &LogRecord| StreamOf::default().record(record);
        let first = record("shop", &[("pod", "1"), ("zone", "a")]);
        let turned = record("shop", &[("zone", "a"), ("pod", "1")]);
        assert_eq!(of(&first), of(&LogRecord { body: "x".into(), ..turned }));
        for other in [record("cart", &[("pod", "1"), ("zone", "a")]), record("shop", &[("pod", "1")])] {
            assert_ne!(of(&first), of(&other));
        }
        let twice = |pod| of(&record("shop", &[("pod", pod), ("pod", pod)]));
        assert_ne!(twice("1"), twice("2"));
    }

    #[test]
    fn a_stream_beyond_the_limit_waits_until_another_has_ended() {
        let (mut streams, start) = (Streams::default(), Instant::now());
        assert!(streams.admit(1, 2, start) && streams.admit(2, 2, start) && !streams.admit(3, 2, start));
        let later = start + STREAM_AGE / 2;
        assert!(streams.admit(2, 2, later), "who is known goes on");
        assert!(streams.admit(3, 2, start + STREAM_AGE + Duration::from_secs(1)), "the first has ended");
        assert_eq!(streams.active(start + STREAM_AGE + Duration::from_secs(1)), 2);
    }
}
