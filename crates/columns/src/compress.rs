//! Sections of bytes compressed with zstd where that pays.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::error::ColumnsError;
use crate::limits::{MAX_EXPANDED_BYTES, MIN_COMPRESSED_BYTES, ZSTD_LEVEL};

const WHAT: &str = "compressed section";

/// Appends `bytes`, compressed if that is smaller: expanded length + 1 (0 = stored as it is), then length and bytes.
pub fn put_compressed(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() >= MIN_COMPRESSED_BYTES
        && let Ok(packed) = zstd::bulk::compress(bytes, ZSTD_LEVEL)
        && packed.len() < bytes.len()
    {
        put_varint(out, bytes.len() as u64 + 1);
        put_bytes(out, &packed);
    } else {
        put_varint(out, 0);
        put_bytes(out, bytes);
    }
}

/// Reads what [`put_compressed`] wrote.
///
/// # Errors
/// Cut off, not zstd, or larger than a section may be.
pub fn read_compressed(reader: &mut Reader<'_>) -> Result<Vec<u8>, ColumnsError> {
    let expanded = reader.varint(WHAT)?;
    let stored = reader.bytes(WHAT)?;
    let Some(expanded) = expanded.checked_sub(1) else { return Ok(stored.to_vec()) };
    let size = usize::try_from(expanded).ok().filter(|size| *size <= MAX_EXPANDED_BYTES);
    let size = size.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "the expanded length is too large" })?;
    // The frame states its own length; believing a larger one would allocate for nothing.
    match zstd::zstd_safe::get_frame_content_size(stored) {
        Ok(Some(own)) if own == expanded => {}
        _ => return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the lengths disagree" }),
    }
    let bytes = zstd::bulk::decompress(stored, size)
        .map_err(|error| ColumnsError::Decompress { what: WHAT, reason: error.to_string() })?;
    if bytes.len() != size {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the lengths disagree" });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repetition_shrinks_and_noise_grows_by_its_header_only() {
        let mut out = Vec::new();
        put_compressed(&mut out, &[7; 10_000]);
        assert!(out.len() < 100, "{}", out.len());
        let noise: Vec<u8> = (0..63u8).collect();
        out.clear();
        put_compressed(&mut out, &noise);
        assert_eq!(out.len(), 2 + noise.len());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: Vec<u8>, repeats in 1usize..20) {
            let bytes = bytes.repeat(repeats);
            let mut out = Vec::new();
            put_compressed(&mut out, &bytes);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(read_compressed(&mut reader).unwrap(), bytes);
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let _ = read_compressed(&mut Reader::new(&bytes));
        }
    }
}
