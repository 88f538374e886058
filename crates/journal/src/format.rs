//! The bytes of segment headers and frames. All numbers are little-endian.

use crc32fast::Hasher;

use crate::limits::MAX_PAYLOAD_BYTES;

/// The first bytes of a segment.
pub(crate) const MAGIC: [u8; 8] = *b"CLEWJRNL";

/// The format written here, and the newest that can be read.
pub(crate) const VERSION: u32 = 0;

pub(crate) const SEGMENT_HEADER_BYTES: usize = 48;

pub(crate) const FRAME_HEADER_BYTES: usize = 21;

/// What stands at the beginning of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Random, the same in all segments of a journal.
    pub(crate) journal: u64,
    /// Random, this segment's own; part of every frame's checksum, so that bytes that an earlier file left in the
    /// same disk blocks never pass for frames.
    pub(crate) salt: u64,
    /// The sequence number of the first frame.
    pub(crate) first: u64,
    /// The sequence number of the last frame before this segment.
    pub(crate) previous: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Not a header, or a damaged one.
    Damaged(&'static str),
    /// A format that only newer programs know.
    Newer(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        for field in [self.journal, self.salt, self.first, self.previous] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let mut fields = Fields(bytes);
        let mut read = || -> Option<_> {
            let magic = fields.take::<8>()?;
            let version = u32::from_le_bytes(fields.take()?);
            Some((magic, version))
        };
        let (magic, version) = read().ok_or(BadHeader::Damaged("short segment header"))?;
        if magic != MAGIC {
            return Err(BadHeader::Damaged("no segment header"));
        }
        // Magic, version and checksum stand at these places in every version, lest a bent bit pass for a newer one.
        let mut read = || -> Option<_> {
            let header =
                Self { journal: fields.u64()?, salt: fields.u64()?, first: fields.u64()?, previous: fields.u64()? };
            Some((header, u32::from_le_bytes(fields.take()?)))
        };
        let (header, checksum) = read().ok_or(BadHeader::Damaged("short segment header"))?;
        let covered = bytes.get(..SEGMENT_HEADER_BYTES - 4).unwrap_or_default();
        if crc32fast::hash(covered) != checksum {
            return Err(BadHeader::Damaged("segment header with a wrong checksum"));
        }
        if version > VERSION {
            return Err(BadHeader::Newer(version));
        }
        if header.first == 0 || header.previous >= header.first {
            return Err(BadHeader::Damaged("segment header with impossible positions"));
        }
        Ok(header)
    }
}

/// What stands before a frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) length: u32,
    pub(crate) checksum: u32,
    pub(crate) sequence: u64,
    /// How many frames just before this one were not yet durable when this one was written. A frame that follows a
    /// bad one proves by it whether the bad one was durable: then it is no torn tail, but damage.
    pub(crate) unsynced: u32,
    pub(crate) kind: u8,
}

impl FrameHeader {
    /// The header of a payload that is within the limit, with its checksum.
    pub(crate) fn new(salt: u64, sequence: u64, unsynced: u32, kind: u8, payload: &[u8]) -> Self {
        let mut header = Self { length: payload.len() as u32, checksum: 0, sequence, unsynced, kind };
        header.checksum = header.compute(salt, payload);
        header
    }

    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(self.checksum.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.unsynced.to_le_bytes());
        bytes.push(self.kind);
    }

    /// The fields of a header, none of them checked; nothing if there are too few bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self {
            length: u32::from_le_bytes(fields.take()?),
            checksum: u32::from_le_bytes(fields.take()?),
            sequence: fields.u64()?,
            unsynced: u32::from_le_bytes(fields.take()?),
            kind: fields.take::<1>()?[0],
        })
    }

    pub(crate) fn has_allowed_length(&self) -> bool {
        self.length as usize <= MAX_PAYLOAD_BYTES
    }

    pub(crate) fn matches(&self, salt: u64, payload: &[u8]) -> bool {
        self.compute(salt, payload) == self.checksum
    }

    /// The highest sequence number that was durable when this frame was written.
    pub(crate) fn durable(&self) -> u64 {
        let unsynced = u64::from(self.unsynced);
        self.sequence.saturating_sub(1).saturating_sub(unsynced)
    }

    fn compute(&self, salt: u64, payload: &[u8]) -> u32 {
        let mut hasher = Hasher::new();
        hasher.update(&salt.to_le_bytes());
        hasher.update(&self.length.to_le_bytes());
        hasher.update(&self.sequence.to_le_bytes());
        hasher.update(&self.unsynced.to_le_bytes());
        hasher.update(&[self.kind]);
        hasher.update(payload);
        hasher.finalize()
    }
}

/// Takes fields of fixed size from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader =
        SegmentHeader { journal: 0x0102_0304_0506_0708, salt: 0x1112_1314_1516_1718, first: 5, previous: 4 };

    /// CRC-32 (IEEE 802.3) bit by bit, from its definition.
    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
            }
        }
        !crc
    }

    #[test]
    fn a_segment_header_has_the_documented_bytes() {
        let mut expected = b"CLEWJRNL\0\0\0\0".to_vec();
        expected.extend([8, 7, 6, 5, 4, 3, 2, 1]);
        expected.extend([0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
        expected.extend([5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(crc(&expected).to_le_bytes());
        assert_eq!(HEADER.encode(), expected);
        assert_eq!(expected.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(SegmentHeader::decode(&expected), Ok(HEADER));
    }

    #[test]
    fn every_flipped_byte_of_a_segment_header_is_found() {
        let bytes = HEADER.encode();
        for position in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[position] ^= 0x40;
            assert!(SegmentHeader::decode(&bad).is_err(), "byte {position}");
            assert!(SegmentHeader::decode(&bytes[..position]).is_err());
        }
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut bytes = HEADER.encode();
        bytes[8] = 9;
        let sum = crc(&bytes[..SEGMENT_HEADER_BYTES - 4]);
        bytes.splice(SEGMENT_HEADER_BYTES - 4.., sum.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Newer(9)));
    }

    #[test]
    fn a_frame_header_has_the_documented_bytes() {
        let header = FrameHeader::new(0x0A, 0x0102, 3, 7, b"payload");
        let mut covered = vec![0x0A, 0, 0, 0, 0, 0, 0, 0];
        covered.extend([7, 0, 0, 0]);
        covered.extend([2, 1, 0, 0, 0, 0, 0, 0]);
        covered.extend([3, 0, 0, 0, 7]);
        covered.extend(b"payload");
        let mut expected = vec![7, 0, 0, 0];
        expected.extend(crc(&covered).to_le_bytes());
        expected.extend([2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7]);
        let mut bytes = Vec::new();
        header.encode_into(&mut bytes);
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), FRAME_HEADER_BYTES);
        assert_eq!(FrameHeader::decode(&bytes), Some(header));
        assert_eq!(header.durable(), 0x0102 - 1 - 3);
    }
}
