//! Splitting a message into what repeats and what varies.
//!
//! A template is the message with placeholders; a *number* stands for decimal digits without leading zeros, a *text*
//! for ASCII letters and digits. Both always contain a digit, neither reaches past the word it stands in, and words
//! longer than [`MAX_TOKEN_BYTES`] have none: so a word without digits is in the message exactly if it is in the
//! template with its placeholders shown as digits. Escape sequences of terminals (colours) are no part of words and stay in
//! the template whole, so that this holds of what is shown of both.

use clew_model::limits::MAX_TOKEN_BYTES;
use clew_model::logs::{has_escapes, is_unspaced, visit_pieces};

/// Stands in templates for a number.
pub(super) const NUMBER: char = '\u{11}';
/// Stands in templates for a text.
pub(super) const TEXT: char = '\u{12}';

/// Every number of so many digits fits 64 bits.
const MAX_NUMBER_DIGITS: usize = 19;
/// From so many characters on, letters and digits that alternate are an ID, kept in one piece.
const MIN_ID_BYTES: usize = 8;

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable<'a> {
    Number(u64),
    Text(&'a str),
}

/// Appends the template of `text` and visits its variables in order. False (with the template in any state) when the
/// text contains a placeholder character itself.
pub(super) fn split<'a>(text: &'a str, template: &mut String, visit: &mut impl FnMut(Variable<'a>)) -> bool {
    if text.contains([NUMBER, TEXT]) {
        return false;
    }
    if has_escapes(text) {
        split_coloured(text, template, visit);
        return true;
    }
    split_shown(text, template, visit);
    true
}

/// A piece of a coloured text.
#[derive(Clone, Copy)]
enum Atom<'a> {
    /// Letters, digits and `_`, as far as no escape sequence stands between.
    Word(&'a str),
    Escape(&'a str),
    Other(&'a str),
}

/// Escape sequences stay in the template as they are; a word goes on behind those inside it.
fn split_coloured<'a>(text: &'a str, template: &mut String, visit: &mut impl FnMut(Variable<'a>)) {
    let mut atoms = Vec::new();
    visit_pieces(text, &mut |piece, is_shown| match is_shown {
        true => runs(piece, |run, is_word| atoms.push(if is_word { Atom::Word(run) } else { Atom::Other(run) })),
        false => atoms.push(Atom::Escape(piece)),
    });
    for word in atoms.split_inclusive(|atom| matches!(atom, Atom::Other(_))) {
        let length = |atom: &Atom<'_>| if let Atom::Word(run) = atom { run.len() } else { 0 };
        let is_cut = word.iter().map(length).sum::<usize>() > MAX_TOKEN_BYTES;
        for atom in word {
            match atom {
                Atom::Word(run) if !is_cut && has_digit(run) => split_word(run, template, visit),
                Atom::Word(run) | Atom::Escape(run) | Atom::Other(run) => template.push_str(run),
            }
        }
    }
}

/// Calls `visit` with each maximal run of word bytes, and of others.
fn runs<'a>(text: &'a str, mut visit: impl FnMut(&'a str, bool)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_word = byte_at(bytes, at).is_some_and(in_word);
        let end = end_of(bytes, at, |byte| in_word(byte) == is_word);
        visit(text.get(at..end).unwrap_or_default(), is_word);
        at = end;
    }
}

fn split_shown<'a>(text: &'a str, template: &mut String, visit: &mut impl FnMut(Variable<'a>)) {
    runs(text, |run, is_word| match is_word && has_digit(run) && !is_cut(run) {
        true => split_word(run, template, visit),
        false => template.push_str(run),
    });
}

/// Whether the run has a word that is cut into pieces.
fn is_cut(run: &str) -> bool {
    run.len() > MAX_TOKEN_BYTES && run.split(is_unspaced).any(|word| word.len() > MAX_TOKEN_BYTES)
}

fn has_digit(run: &str) -> bool {
    run.bytes().any(|byte| byte.is_ascii_digit())
}

fn split_word<'a>(word: &'a str, template: &mut String, visit: &mut impl FnMut(Variable<'a>)) {
    let bytes = word.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_piece = byte_at(bytes, at).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let end = end_of(bytes, at, |byte| byte.is_ascii_alphanumeric() == is_piece);
        let piece = word.get(at..end).unwrap_or_default();
        if !is_piece || !piece.bytes().any(|byte| byte.is_ascii_digit()) {
            template.push_str(piece);
        } else if is_id(piece) {
            template.push(TEXT);
            visit(Variable::Text(piece));
        } else {
            split_digits(piece, template, visit);
        }
        at = end;
    }
}

fn split_digits<'a>(piece: &'a str, template: &mut String, visit: &mut impl FnMut(Variable<'a>)) {
    let bytes = piece.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_digits = byte_at(bytes, at).is_some_and(|byte| byte.is_ascii_digit());
        let end = end_of(bytes, at, |byte| byte.is_ascii_digit() == is_digits);
        let part = piece.get(at..end).unwrap_or_default();
        if !is_digits {
            template.push_str(part);
        } else if let Some(number) = canonical_number(part) {
            template.push(NUMBER);
            visit(Variable::Number(number));
        } else {
            template.push(TEXT);
            visit(Variable::Text(part));
        }
        at = end;
    }
}

/// The number whose decimal text is exactly this.
fn canonical_number(digits: &str) -> Option<u64> {
    let canonical = digits.len() <= MAX_NUMBER_DIGITS && (digits.len() == 1 || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten()
}

fn is_id(piece: &str) -> bool {
    if piece.len() < MIN_ID_BYTES || piece.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let hex = piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    let upper = piece.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = piece.bytes().any(|byte| byte.is_ascii_lowercase());
    let turns = piece.as_bytes().windows(2).filter(|pair| match pair {
        [a, b] => a.is_ascii_digit() != b.is_ascii_digit(),
        _ => false,
    });
    hex || (upper && lower) || turns.count() >= 2
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn byte_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn end_of(bytes: &[u8], start: usize, holds: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| !holds(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> String {
        let mut template = String::new();
        let mut variables = String::new();
        assert!(split(text, &mut template, &mut |variable| variables.push_str(&format!(" {variable:?}"))));
        template.replace(NUMBER, "#").replace(TEXT, "$") + &variables
    }

    #[test]
    fn what_varies_is_cut_out() {
        for (text, expected) in [
            ("took 250ms", "took #ms Number(250)"),
            ("user u12 from 10.0.0.7", "user u# from #.#.#.# Number(12) Number(10) Number(0) Number(0) Number(7)"),
            ("task:001 done", "task:$ done Text(\"001\")"),
            ("trace 4bf92f3577b34da6", "trace $ Text(\"4bf92f3577b34da6\")"),
            ("id aB3xY9zQ1k", "id $ Text(\"aB3xY9zQ1k\")"),
            ("no digits, größe", "no digits, größe"),
            ("用户marie123登录失败2次", "用户marie#登录失败#次 Number(123) Number(2)"),
            ("v99999999999999999999", "v$ Text(\"99999999999999999999\")"),
            ("\u{1b}[31mFailed\u{1b}[0m after 7ms", "\u{1b}[31mFailed\u{1b}[0m after #ms Number(7)"),
            ("us\u{1b}[1mer\u{1b}[0m7", "us\u{1b}[1mer\u{1b}[0m# Number(7)"),
        ] {
            assert_eq!(show(text), expected, "{text}");
        }
        assert!(!split("odd \u{11}", &mut String::new(), &mut |_| {}));
    }

    proptest! {
        #[test]
        fn filling_in_the_variables_gives_the_text(text in "([a-fA-F0-9xyz_ é.:-]{0,20}(\u{1b}\\[[0-9;]{0,3}m?)?){0,5}") {
            let mut template = String::new();
            let mut variables = Vec::new();
            let splits = split(&text, &mut template, &mut |variable| {
                variables.push(match variable {
                    Variable::Number(number) => (NUMBER, number.to_string()),
                    Variable::Text(text) => (TEXT, text.to_owned()),
                });
            });
            prop_assert!(splits);
            let mut variables = variables.into_iter();
            let mut filled = String::new();
            for character in template.chars() {
                if matches!(character, NUMBER | TEXT) {
                    let (kind, text) = variables.next().unwrap();
                    prop_assert_eq!(kind, character);
                    filled.push_str(&text);
                } else {
                    filled.push(character);
                }
            }
            prop_assert_eq!(filled, text);
        }
    }
}
