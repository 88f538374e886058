//! The words of text, as `clew_model::logs::tokens` cuts them, without its cost for plain ASCII.

use clew_model::logs::{has_escapes, tokens};

/// Calls `visit` with each token of `text`, lowercased, in order.
pub(super) fn for_each_word(text: &str, scratch: &mut String, mut visit: impl FnMut(&str)) {
    // Other text than ASCII, and colours, are left to the model's function.
    if !text.is_ascii() || has_escapes(text) {
        tokens(text).for_each(|token| visit(&token));
        return;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(start) = rest.iter().position(|byte| is_word(*byte)) else { return };
        let rest = rest.get(start..).unwrap_or_default();
        let mut upper = false;
        let length = rest
            .iter()
            .position(|byte| {
                upper |= byte.is_ascii_uppercase();
                !is_word(*byte)
            })
            .unwrap_or(rest.len());
        let begin = at + start;
        at = begin + length;
        let run = text.get(begin..at).unwrap_or_default();
        if length > clew_model::limits::MAX_TOKEN_BYTES {
            tokens(run).for_each(|token| visit(&token));
        } else if upper {
            scratch.clear();
            scratch.push_str(run);
            scratch.make_ascii_lowercase();
            visit(scratch);
        } else {
            visit(run);
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_are_the_models_tokens(text in "[a-zA-Z0-9_é .:K用接ก사-]{0,30}|[a-zA-Z]{60,140}|.{0,40}") {
            let mut seen = Vec::new();
            for_each_word(&text, &mut String::new(), |word| seen.push(word.to_owned()));
            prop_assert_eq!(seen, tokens(&text).map(|token| token.into_owned()).collect::<Vec<_>>());
        }
    }
}
