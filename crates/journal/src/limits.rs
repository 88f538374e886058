//! Every bound of this crate.

/// Bytes of a frame's payload. Replay holds one frame in memory.
pub const MAX_PAYLOAD_BYTES: usize = 128 << 20;

/// Bytes after which a segment is closed and the next begun, unless the options say otherwise. The frame that crosses
/// the line still belongs to it.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes read from a segment at once; a frame that is bigger is read whole.
pub const READ_CHUNK_BYTES: usize = 1 << 20;

/// Bytes of encoding buffer kept from one append to the next.
pub const MAX_RETAINED_BUFFER_BYTES: usize = 4 << 20;

/// Positions left free after a damaged last segment, whose frames cannot be counted any more, so that none is given
/// out again. More than a segment can hold.
pub const SALVAGE_POSITION_GAP: u64 = 1 << 32;
