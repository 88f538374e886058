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
pub(super) struct Streams(HashMap<u64, Instant>);

impl Streams {
    /// Streams that sent lately.
    pub(super) fn active(&mut self, now: Instant) -> usize {
        self.0.retain(|_, used| now.saturating_duration_since(*used) < STREAM_AGE);
        self.0.len()
    }

    /// Whether a stream may send: it is known, or there is room for it.
    pub(super) fn admit(&mut self, stream: u64, limit: usize, now: Instant) -> bool {
        if let Some(used) = self.0.get_mut(&stream) {
            *used = now;
            return true;
        }
        // Looked through only where it is full, and then as often as new ones come: it holds no more than the limit.
        if self.0.len() >= limit && self.active(now) >= limit {
            return false;
        }
        self.0.insert(stream, now);
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
    resource.attributes.iter().fold(0, |all, own| all ^ one(&own.key, &own.value))
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
