//! Which texts of a column pass a text test: a fast search over all of them first, the exact test where it hits.

use crate::strings::Texts;
use clew_model::logs::{TextTest, has_escapes};
use memchr::memmem;

/// Of each text, whether it passes.
pub(super) fn texts_passing(texts: &Texts, test: &TextTest) -> Vec<bool> {
    match test {
        // Colours may stand inside of what is looked for.
        _ if has_escapes(texts.joined()) => texts.iter().map(|text| test.matches(text)).collect(),
        // Lowercasing of other text than ASCII may make ASCII letters of foreign ones.
        TextTest::Words(words) if texts.joined().is_ascii() => match words.iter().max_by_key(|word| word.len()) {
            Some(longest) => {
                let lower = texts.joined().to_ascii_lowercase();
                hits(texts, lower.as_bytes(), longest, test)
            }
            None => vec![true; texts.len()],
        },
        TextTest::Substring(part) if !part.is_empty() => hits(texts, texts.joined().as_bytes(), part, test),
        _ => texts.iter().map(|text| test.matches(text)).collect(),
    }
}

/// Tests the texts in which `needle` begins; `all` are the bytes of all texts, as the needle is spelt.
fn hits(texts: &Texts, all: &[u8], needle: &str, test: &TextTest) -> Vec<bool> {
    let mut found = vec![false; texts.len()];
    let finder = memmem::Finder::new(needle);
    let mut from = 0;
    while let Some(hit) = all.get(from..).and_then(|rest| finder.find(rest)) {
        let at = from + hit;
        let (index, end) = texts.at(at);
        if at + needle.len() > end {
            // It runs into the next text, in which another hit may begin.
            from = at + 1;
            continue;
        }
        if let Some(passes) = found.get_mut(index) {
            *passes = test.matches(texts.get(index));
        }
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_agrees_with_the_test_of_each_text(
            texts in proptest::collection::vec("[abA ]{0,4}|[abé\u{212a}k ]{0,3}|[ab]\u{1b}\\[1m[ab]", 0..8),
            words in proptest::collection::vec("[abk]{1,2}", 0..3),
            part in "[abA é]{0,3}",
        ) {
            let texts: Texts = texts.iter().map(String::as_str).collect();
            for test in [TextTest::Words(words), TextTest::Substring(part)] {
                let expected: Vec<bool> = texts.iter().map(|text| test.matches(text)).collect();
                prop_assert_eq!(texts_passing(&texts, &test), expected, "{:?}", test);
            }
        }
    }
}
