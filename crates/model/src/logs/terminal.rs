//! Escape sequences of terminals (ECMA-48): colours and the like, which loggers write into their texts.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
/// `ESC [` in one character (ECMA-48, 5.4).
const CONTROL_SEQUENCE: char = '\u{9b}';

/// The text as a terminal would show it: without control sequences (`ESC [31m`), operating system commands such as
/// hyperlinks (`ESC ]8;;… BEL`), and other escapes. Of a sequence that does not end only the escape character is left out.
#[must_use]
pub fn plain_text(text: &str) -> Cow<'_, str> {
    if !has_escapes(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    visit_pieces(text, &mut |piece, is_shown| {
        if is_shown {
            out.push_str(piece);
        }
    });
    Cow::Owned(out)
}

/// Calls `visit` with the pieces of a text in order, and whether each is shown; the others are escape sequences.
pub fn visit_pieces<'t>(text: &'t str, visit: &mut dyn FnMut(&'t str, bool)) {
    let mut rest = text;
    while let Some(at) = rest.find([ESCAPE, CONTROL_SEQUENCE]) {
        let (before, sequence) = rest.split_at(at);
        if !before.is_empty() {
            visit(before, true);
        }
        let (escape, behind) = sequence.split_at_checked(sequence_length(sequence)).unwrap_or((sequence, ""));
        visit(escape, false);
        rest = behind;
    }
    if !rest.is_empty() {
        visit(rest, true);
    }
}

/// Whether [`plain_text`] leaves anything out.
#[must_use]
pub fn has_escapes(text: &str) -> bool {
    // Both begin with a byte that other characters do not have, or have as the second of two.
    memchr::memchr2(0x1b, 0x9b, text.as_bytes()).is_some() && text.contains([ESCAPE, CONTROL_SEQUENCE])
}

/// Bytes of the sequence that `text` begins with. A command ends at the next escape at the latest: one without an end has
/// no sequence behind it, so that no text is looked through twice.
fn sequence_length(text: &str) -> usize {
    let mut characters = text.chars();
    let first = characters.next().map_or(0, char::len_utf8);
    let body = characters.as_str();
    let introducer = body.as_bytes().first().copied();
    let length = match (text.starts_with(CONTROL_SEQUENCE), introducer) {
        (true, _) => control_sequence(body),
        (false, Some(b'[')) => body.get(1..).and_then(control_sequence).map(|length| length + 1),
        // OSC, DCS, SOS, PM, APC: up to BEL or ST.
        (false, Some(b']' | b'P' | b'X' | b'^' | b'_')) => command(body),
        (false, Some(b' '..=b'~')) => simple_escape(body),
        _ => None,
    };
    first + length.unwrap_or(0)
}

/// Parameters, intermediates and a final byte (ECMA-48, 5.4).
fn control_sequence(body: &str) -> Option<usize> {
    let length = body.bytes().position(|byte| !(b' '..=b'?').contains(&byte))?;
    body.as_bytes().get(length).filter(|last| (b'@'..=b'~').contains(last)).map(|_| length + 1)
}

fn command(body: &str) -> Option<usize> {
    let end = memchr::memchr2(0x07, 0x1b, body.as_bytes())?;
    match body.as_bytes().get(end..) {
        Some([0x07, ..]) => Some(end + 1),
        Some([0x1b, b'\\', ..]) => Some(end + 2),
        // Another sequence interrupts it.
        _ => Some(end),
    }
}

/// Intermediates and a final byte: `ESC ( B`, `ESC 7`.
fn simple_escape(body: &str) -> Option<usize> {
    let length = body.bytes().position(|byte| !(b' '..=b'/').contains(&byte))?;
    body.as_bytes().get(length).filter(|last| (b'0'..=b'~').contains(last)).map(|_| length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_what_a_terminal_shows() {
        for (text, shown) in [
            ("plain", "plain"),
            ("\u{1b}[31mfrobnicate\u{1b}[0m failed", "frobnicate failed"),
            ("\u{1b}[1;38;5;196merr\u{1b}[mor", "error"),
            ("\u{1b}[38;2;1;2;3mx\u{1b}[39;49m", "x"),
            ("\u{1b}[2K\u{1b}[1Gdone", "done"),
            ("\u{9b}31mred\u{9b}0m", "red"),
            ("\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}]0;title\u{7}prompt", "prompt"),
            ("\u{1b}(Bascii \u{1b}7", "ascii "),
            ("cut \u{1b}[31", "cut [31"),
            ("cut \u{1b}]8;;x", "cut ]8;;x"),
            ("end\u{1b}", "end"),
            ("\u{1b}[3é1m", "[3é1m"),
            ("\u{1b}é", "é"),
            ("größe \u{1b}[0m12µs \u{6db}", "größe 12µs \u{6db}"),
        ] {
            assert_eq!(plain_text(text), shown, "{text:?}");
            assert_eq!(has_escapes(text), text != shown, "{text:?}");
        }
    }

    #[test]
    fn commands_that_do_not_end_are_looked_through_once() {
        let text = "\u{1b}]".repeat(200_000);
        assert!(plain_text(&text).len() <= text.len());
    }

    proptest! {
        #[test]
        fn colours_around_words_change_nothing_else(
            words in proptest::collection::vec("[a-zA-Z0-9 é:.]{0,6}", 0..6),
            codes in proptest::collection::vec("(\u{1b}\\[[0-9;]{0,6}m|\u{9b}[0-9;]{0,4}K)", 6),
        ) {
            let coloured: String = words.iter().zip(&codes).map(|(word, code)| format!("{code}{word}")).collect();
            prop_assert_eq!(plain_text(&coloured), words.concat());
        }
    }
}
