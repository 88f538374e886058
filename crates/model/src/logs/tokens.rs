//! How text is cut into words for full-text search.

use super::terminal::plain_text;
use crate::limits::MAX_TOKEN_BYTES;
use std::borrow::Cow;

/// The tokens of `text` in order, lowercased: maximal runs of letters, digits and `_` (Unicode alphanumeric), cut into
/// pieces of at most [`MAX_TOKEN_BYTES`] bytes at character boundaries. Each letter of a script that is written without
/// spaces is a token of its own ([`is_unspaced`]). Colours and other escape sequences of terminals are no part of the text.
///
/// `req-AB12 done` has the tokens `req`, `ab12`, `done`; `用户marie登录` has `用`, `户`, `marie`, `登`, `录`.
pub fn tokens(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let (shown, coloured) = match plain_text(text) {
        Cow::Borrowed(text) => (Some(text), Vec::new()),
        Cow::Owned(text) => (None, tokens_of_shown(&text).map(|token| Cow::Owned(token.into_owned())).collect()),
    };
    shown.into_iter().flat_map(tokens_of_shown).chain(coloured)
}

fn tokens_of_shown(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|run| !run.is_empty()).flat_map(words).map(lower)
}

/// Whether the letter belongs to a script that is written without spaces between words, or whose words carry their
/// particles with them: Han, kana, Hangul, Thai, Lao, Khmer, Burmese. Each such letter is a word, so that a phrase finds any
/// part of a sentence (decision 0015). Digits of these scripts make words as others do.
#[must_use]
pub fn is_unspaced(c: char) -> bool {
    // Most text ends here.
    c >= '\u{e00}'
        && matches!(c,
            '\u{e00}'..='\u{e4f}' | '\u{e80}'..='\u{ecf}' | '\u{edc}'..='\u{edf}'
            | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{108f}' | '\u{1780}'..='\u{17d3}'
            | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
            | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3031}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{ff66}'..='\u{ffdc}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
}

/// The words of a run of letters and digits.
fn words(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    let spaced = std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match is_unspaced(first) {
            true => first.len_utf8(),
            false => rest.find(is_unspaced).unwrap_or(rest.len()),
        };
        let (word, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(word)
    });
    spaced.flat_map(pieces)
}

fn pieces(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len().min(MAX_TOKEN_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}

fn lower(token: &str) -> Cow<'_, str> {
    let unchanged = token.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if unchanged { Cow::Borrowed(token) } else { Cow::Owned(token.to_lowercase()) }
}

/// Whether the tokens of `text` contain `phrase` (tokens, already lowercased) one after the other. The empty phrase is
/// in every text.
#[must_use]
pub fn contains_phrase(text: &str, phrase: &[impl AsRef<str>]) -> bool {
    match phrase {
        [] => true,
        [word] => tokens(text).any(|token| token == word.as_ref()),
        _ => {
            let all: Vec<_> = tokens(text).collect();
            all.windows(phrase.len())
                .any(|window| window.iter().zip(phrase).all(|(token, word)| token == word.as_ref()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_everything_that_is_not_a_letter_digit_or_underscore() {
        let cut = |text: &str| tokens(text).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(
            cut("Task task:001 claimed_by A1-haiku-001."),
            ["task", "task", "001", "claimed_by", "a1", "haiku", "001"]
        );
        assert_eq!(cut("Größe=12µs"), ["größe", "12µs"]);
        assert_eq!(cut("用户marie登录失败2次。"), ["用", "户", "marie", "登", "录", "失", "败", "2", "次"]);
        assert_eq!(cut("データ-ｴﾗｰ"), ["デ", "ー", "タ", "ｴ", "ﾗ", "ｰ"]);
        assert_eq!(cut("사용자가 로그인"), ["사", "용", "자", "가", "로", "그", "인"]);
        assert_eq!(cut("кот кошка ñandú Ελλάδα"), ["кот", "кошка", "ñandú", "ελλάδα"]);
        assert_eq!(cut("  "), Vec::<String>::new());
        assert_eq!(cut("\u{1b}[31mFrob\u{1b}[1mnicate\u{1b}[0m 31m"), ["frobnicate", "31m"]);
        let long = "é".repeat(40);
        assert_eq!(cut(&long).iter().map(String::len).collect::<Vec<_>>(), [64, 16]);
    }

    #[test]
    fn a_phrase_is_its_words_in_a_row() {
        for (text, phrase, found) in [
            ("connection reset by peer", vec!["reset", "by"], true),
            ("connection reset by peer", vec!["reset", "peer"], false),
            ("a a b", vec!["a", "b"], true),
            ("连接数据库失败：超时", vec!["连", "接"], true),
            ("连接数据库失败：超时", vec!["接", "连"], false),
            ("เชื่อมต่อฐานข้อมูลล้มเหลว", vec!["ข", "อ", "ม", "ู", "ล"], true),
            ("anything", vec![], true),
            ("\u{1b}[31mfrobnicate\u{1b}[0m failed", vec!["frobnicate", "failed"], true),
        ] {
            assert_eq!(contains_phrase(text, &phrase), found, "{text} {phrase:?}");
        }
    }
}
