//! Identifiers: tenants, traces, spans, log records.

use crate::limits::MAX_TENANT_BYTES;
use crate::time::UnixNanos;
use std::fmt;
use std::sync::Arc;

/// Whose data a record is. `default` until tenants are configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// A tenant by name: 1 to 64 of `a-z A-Z 0-9 - _`, so that it can stand in paths and keys.
    ///
    /// Returns `None` for any other name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!name.is_empty() && name.len() <= MAX_TENANT_BYTES && name.bytes().all(allowed)).then(|| Self(Arc::from(name)))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A W3C trace ID: 16 bytes, shown as 32 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// A W3C span ID: 8 bytes, shown as 16 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The ID written as exactly 32 hex digits in either case, not all zero (W3C Trace Context, 3.2.2.3).
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        parse_hex(text).filter(|bytes| *bytes != [0; 16]).map(Self)
    }

    /// The 64-bit ID of an older tracer, padded with zeros on the left (W3C Trace Context, 2.2.2.3).
    #[must_use]
    pub fn from_64_bits(id: SpanId) -> Self {
        Self((u128::from(u64::from_be_bytes(id.0))).to_be_bytes())
    }

    /// The 64 bits of an ID that is padded with zeros on the left; `None` for one of 128 bits.
    #[must_use]
    pub fn as_64_bits(self) -> Option<SpanId> {
        let number = u64::try_from(u128::from_be_bytes(self.0)).ok()?;
        SpanId::from_bytes(&number.to_be_bytes())
    }

    /// The ID in binary; `None` unless it has 16 bytes that are not all zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().filter(|bytes: &[u8; 16]| *bytes != [0; 16]).map(Self)
    }
}

impl SpanId {
    /// The ID written as exactly 16 hex digits in either case, not all zero (W3C Trace Context, 3.2.2.4).
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        parse_hex(text).filter(|bytes| *bytes != [0; 8]).map(Self)
    }

    /// The ID in binary; `None` unless it has 8 bytes that are not all zero.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().filter(|bytes: &[u8; 8]| *bytes != [0; 8]).map(Self)
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (hex_digit(*high)? << 4) | hex_digit(*low)?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

macro_rules! show_as_hex {
    ($id:ty) => {
        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}
show_as_hex!(TraceId);
show_as_hex!(SpanId);

/// Where a log record stands in the order of all records: by time, then by arrival.
///
/// `number` is given once, when the record is written to the journal; it survives sealing and compaction, so the pair
/// serves as a stable record ID and as a page cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// The record's time.
    pub time: UnixNanos,
    /// The record's place in the order of arrival.
    pub number: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.time, self.number)
    }
}

impl RecordId {
    /// Reads what `Display` writes: `<time in ns>-<number>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, number) = text.rsplit_once('-')?;
        Some(Self { time: time.parse().ok()?, number: number.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_hex_in_either_case_and_never_zero() {
        let id = TraceId::from_hex("4BF92F3577B34DA6A3CE929D0E0E4736").unwrap();
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in ["", "4bf9", "00000000000000000000000000000000", "4bf92f3577b34da6a3ce929d0e0e473g"] {
            assert_eq!(TraceId::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn record_ids_are_read_back_from_their_text() {
        for id in [RecordId { time: 1_700_000_000_000_000_000, number: 7 }, RecordId { time: -5, number: 0 }] {
            assert_eq!(RecordId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(RecordId::parse("12"), None);
    }

    #[test]
    fn tenant_names_can_stand_in_paths() {
        assert_eq!(TenantId::default().as_str(), "default");
        assert!(TenantId::new("team-a_1").is_some());
        for bad in ["", "../x", "a b", &"x".repeat(65)] {
            assert_eq!(TenantId::new(bad), None, "{bad}");
        }
    }
}
