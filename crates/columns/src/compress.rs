//! Sections of bytes compressed with zstd where that pays.

use crate::bytes::{Reader, put_bytes, put_varint};
use crate::error::ColumnsError;
use crate::limits::{MAX_EXPANDED_BYTES, MIN_COMPRESSED_BYTES, ZSTD_LEVEL};
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

const WHAT: &str = "compressed section";

/// Appends `bytes`, compressed if that is smaller: expanded length + 1 (0 = stored as it is), then length and bytes.
pub fn put_compressed(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() >= MIN_COMPRESSED_BYTES
        && let Some(packed) = compress(bytes, ZSTD_LEVEL)
        && packed.len() < bytes.len()
    {
        put_varint(out, bytes.len() as u64 + 1);
        put_bytes(out, &packed);
    } else {
        put_varint(out, 0);
        put_bytes(out, bytes);
    }
}

thread_local! {
    /// The working memory of the compressor, a megabyte, which costs more to make than a column takes to compress. It
    /// carries nothing from one call to the next.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// `None` where zstd refuses.
pub(crate) fn compress(bytes: &[u8], level: i32) -> Option<Vec<u8>> {
    if level != ZSTD_LEVEL {
        return zstd::bulk::compress(bytes, level).ok();
    }
    COMPRESSOR.with(|compressor| {
        let mut compressor = compressor.try_borrow_mut().ok()?;
        if compressor.is_none() {
            *compressor = Compressor::new(ZSTD_LEVEL).ok();
        }
        compressor.as_mut()?.compress(bytes).ok()
    })
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
    let bytes =
        decompress(stored, size).map_err(|error| ColumnsError::Decompress { what: WHAT, reason: error.to_string() })?;
    if bytes.len() != size {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the lengths disagree" });
    }
    Ok(bytes)
}

thread_local! {
    /// The working memory of the decompressor, which costs more to make than a column takes to expand. It carries
    /// nothing from one call to the next.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The expanded bytes, at most `size`.
pub(crate) fn decompress(bytes: &[u8], size: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with(|decompressor| {
        let Ok(mut decompressor) = decompressor.try_borrow_mut() else { return zstd::bulk::decompress(bytes, size) };
        let decompressor = match &mut *decompressor {
            Some(decompressor) => decompressor,
            empty => empty.insert(Decompressor::new()?),
        };
        decompressor.decompress(bytes, size)
    })
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
