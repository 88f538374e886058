//! The inside of JSON strings: where plain text ends, and what an escape stands for.

/// Every byte of a word set to `byte`.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte of `word` that is zero, exact up to the lowest such byte.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(each(0x01)) & !word & each(0x80)
}

/// How many bytes from the start hold neither a quote, a backslash nor a control character (RFC 8259, 7). Eight bytes
/// are looked at together: strings are most of a log record.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let Ok(eight) = <[u8; 8]>::try_from(chunk) else { break };
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(each(0x20)) & !word & each(0x80);
        let special = zero_bytes(word ^ each(b'"')) | zero_bytes(word ^ each(b'\\')) | control;
        if special != 0 {
            // At most 7: the lowest set bit lies in one of eight bytes.
            return length + (special.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
    length + chunks.remainder().iter().take_while(is_plain).count()
}

/// The character that the escape at the start of `bytes` (its backslash) stands for, and the escape's length. A
/// surrogate without its partner becomes U+FFFD, so that a name which was no valid text where it was logged (Python's
/// `surrogateescape`) does not cost the record.
///
/// The error is the offset of the byte that is wrong.
pub(super) fn unescape(bytes: &[u8]) -> Result<(char, usize), usize> {
    let character = match bytes.get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(bytes),
        _ => return Err(1),
    };
    Ok((character, 2))
}

fn unescape_unicode(bytes: &[u8]) -> Result<(char, usize), usize> {
    let first = hex4(bytes, 2)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    let is_high = (0xd800..0xdc00).contains(&first);
    if is_high && bytes.get(6..8) == Some(b"\\u") {
        let second = hex4(bytes, 8)?;
        if (0xdc00..0xe000).contains(&second) {
            let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok((char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), 12));
        }
    }
    Ok((char::REPLACEMENT_CHARACTER, 6))
}

/// Four hex digits from byte `from`.
fn hex4(bytes: &[u8], from: usize) -> Result<u32, usize> {
    (from..from + 4).try_fold(0, |number, at| {
        let digit = bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16)).ok_or(at)?;
        Ok(number << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_text_ends_at_the_first_special_byte(bytes in prop::collection::vec(prop_oneof![4 => 0x20u8..=0xff, 1 => 0u8..=0x7f, 1 => Just(b'\\')], 0..40)) {
            let naive = bytes.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), naive);
        }
    }

    #[test]
    fn escapes_stand_for_characters() {
        for (escape, result) in [
            (r#"\""#, Ok(('"', 2))),
            (r"\/", Ok(('/', 2))),
            (r"\u00e9x", Ok(('é', 6))),
            (r"\u0000", Ok(('\0', 6))),
            (r"\ud83d\ude00", Ok(('😀', 12))),
            (r"\uD83D\uDE00", Ok(('😀', 12))),
            (r"\ud83dx", Ok(('\u{fffd}', 6))),
            (r"\ude00", Ok(('\u{fffd}', 6))),
            (r"\ud83d\u0041", Ok(('\u{fffd}', 6))),
            (r"\u12", Err(4)),
            (r"\u12g4", Err(4)),
            (r"\ud83d\u12", Err(10)),
            (r"\x41", Err(1)),
            (r"\", Err(1)),
        ] {
            assert_eq!(unescape(escape.as_bytes()), result, "{escape}");
        }
    }
}
