//! What tags of YAML's own (`!!int`, `!!binary` …) make of scalars.

use super::number::{Number, is_null, parse_bool, parse_number};
use super::tree::Content;

/// The scalar that `text` is under the tag `!!name` of YAML's own; the error says what is wrong with it.
pub(super) fn tagged(name: &str, text: &str) -> Result<Content, String> {
    let fits = match name {
        "null" if is_null(text) => return Ok(Content::Null),
        "null" => false,
        "bool" => parse_bool(text).is_some(),
        "int" => matches!(parse_number(text), Some(Number::Whole(_))),
        "float" => parse_number(text).is_some(),
        "binary" => {
            let bytes = base64(text).ok_or_else(|| "is not the base64 that `!!binary` says".to_owned())?;
            let text = String::from_utf8(bytes).map_err(|_| "is a `!!binary` of bytes that are no text".to_owned())?;
            return Ok(Content::Scalar(text));
        }
        _ => true,
    };
    if fits {
        Ok(Content::Scalar(text.to_owned()))
    } else {
        Err(format!("{text:?} is not the `!!{name}` that it says"))
    }
}

/// The bytes that base64 spells (RFC 4648, 4: with padding); line breaks count for nothing.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let mut groups = digits.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if group.len() != 4 || padding > 2 || (padding > 0 && groups.peek().is_some()) {
            return None;
        }
        let mut bits: u32 = 0;
        for (place, byte) in group.iter().enumerate() {
            let value = if place >= 4 - padding { 0 } else { base64_digit(*byte)? };
            bits = bits << 6 | u32::from(value);
        }
        bytes.extend(bits.to_be_bytes().into_iter().skip(1).take(3 - padding));
    }
    Some(bytes)
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, 10.
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9v\nYmFy", "foobar")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for text in ["Z", "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9 ", "Zm-v", "=m9v", "Z=9v"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }
}
