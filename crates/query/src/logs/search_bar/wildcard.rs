//! Wildcards into regular expressions.

use super::cursor::Word;
use clew_model::logs::Pattern;
use regex::Regex;

/// A pattern that finds a word with these wildcards anywhere in a text, in any case; wildcards stay within the word.
pub(super) fn within_text(word: &Word) -> Option<Pattern> {
    let is_wordlike =
        |(c, escaped): &(char, bool)| c.is_alphanumeric() || *c == '_' || (!escaped && matches!(c, '*' | '?'));
    let bound = |end: Option<&(char, bool)>| if end.is_some_and(is_wordlike) { r"\b" } else { "" };
    let (first, last) = (word.characters.first(), word.characters.last());
    compile(&format!("(?i){}{}{}", bound(first), body(word, r"\w*", r"\w"), bound(last)))
}

/// A pattern that matches a whole value with these wildcards, in any case.
pub(super) fn whole_value(word: &Word) -> Option<Pattern> {
    compile(&format!("(?is){}", body(word, ".*", ".")))
}

fn body(word: &Word, many: &str, one: &str) -> String {
    let mut out = String::new();
    for (c, escaped) in &word.characters {
        match c {
            '*' if !escaped => out.push_str(many),
            '?' if !escaped => out.push_str(one),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

fn compile(source: &str) -> Option<Pattern> {
    Regex::new(source).ok().map(Pattern)
}
