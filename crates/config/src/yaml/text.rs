//! The text of a document: out of the bytes of a file, up to its end.

use std::borrow::Cow;

/// The text of a file: UTF-8, or UTF-16 in either order behind a byte order mark, which does not belong to the text.
///
/// # Errors
/// What is wrong with the bytes, as a sentence about the file.
pub fn decode_text(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest)
            .map(Cow::Borrowed)
            .map_err(|error| format!("is not UTF-8 at byte {}", bytes.len() - rest.len() + error.valid_up_to())),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>();
    text.ok().filter(|_| odd.is_empty()).ok_or_else(|| "begins as UTF-16 and is none".to_owned())
}

/// The first document of a text, and the line (from 1) of the mark at which it ends, where anything follows that mark.
/// go-yaml reads no further, be it broken or not.
pub(super) fn first_document(text: &str) -> (&str, Option<u32>) {
    let mut begun = false;
    let mut offset = 0;
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        let mark = marked(line);
        if let (Some(_), true) = (mark, begun) {
            let (document, rest) = text.split_at(offset);
            return (document, has_content(rest).then_some(number));
        }
        begun |= mark == Some("---") || (mark.is_none() && !line.starts_with('%') && has_content(line));
        offset += line.len();
    }
    (text, None)
}

/// The mark of a document's start or end that a line begins with.
fn marked(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_at_checked(3)?;
    (matches!(mark, "---" | "...") && (rest.is_empty() || rest.starts_with(char::is_whitespace))).then_some(mark)
}

/// Whether there is more than marks, comments and blanks.
fn has_content(text: &str) -> bool {
    text.lines().any(|line| {
        let rest = marked(line).and_then(|mark| line.strip_prefix(mark)).unwrap_or(line).trim();
        !rest.is_empty() && !rest.starts_with('#')
    })
}

/// The first character that may not stand in a document, with its line and column (from 1).
pub(super) fn control_character(text: &str) -> Option<(char, u32, u32)> {
    let at = text.char_indices().find(|(_, c)| is_control(*c));
    let (offset, found) = at?;
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Some((found, u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX)))
}

/// As go-yaml has it: tabs, line breaks and NEL (U+0085) are the only control characters of a text.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn files_are_utf_8_or_utf_16_behind_a_mark() {
        let utf16 = |mark: u16, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(mark).chain("a: ü😀\n".encode_utf16()).flat_map(unit).collect()
        };
        for bytes in [
            "a: ü😀\n".as_bytes().to_vec(),
            "\u{feff}a: ü😀\n".as_bytes().to_vec(),
            utf16(0xfeff, u16::to_le_bytes),
            utf16(0xfeff, u16::to_be_bytes),
        ] {
            assert_eq!(decode_text(&bytes).unwrap(), "a: ü😀\n", "{bytes:?}");
        }
        for (bytes, expected) in [
            (b"a: \xfc".as_slice(), "is not UTF-8 at byte 3"),
            (b"\xef\xbb\xbf\xfc".as_slice(), "is not UTF-8 at byte 3"),
            (b"\xff\xfea".as_slice(), "begins as UTF-16 and is none"),
            (b"\xff\xfe\x00\xd8".as_slice(), "begins as UTF-16 and is none"),
        ] {
            assert_eq!(decode_text(bytes).unwrap_err(), expected);
        }
    }

    #[test]
    fn the_first_document_ends_at_a_mark() {
        for (text, document, rest) in [
            ("a: 1\n", "a: 1\n", None),
            ("# x\n---\na: 1\n", "# x\n---\na: 1\n", None),
            ("a: 1\n---\nb: 1\n", "a: 1\n", Some(2)),
            ("---\na: 1\n--- b\n", "---\na: 1\n", Some(3)),
            ("a: 1\n...\n# end\n", "a: 1\n", None),
            ("a: 1\n---\n...\n", "a: 1\n", None),
            ("%YAML 1.1\n---\na: |\n ---\n----\n", "%YAML 1.1\n---\na: |\n ---\n----\n", None),
        ] {
            assert_eq!(first_document(text), (document, rest), "{text:?}");
        }
    }
}
