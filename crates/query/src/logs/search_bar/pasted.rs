//! Text that was pasted from a log rather than written as a query.

use super::cursor::Cursor;
use crate::error::QueryError;
use std::borrow::Cow;

/// A query in which what can only be text is escaped. Without operators brackets group nothing, and text that was copied has
/// them anywhere; a quote without its partner and a colon at the end are text then too. With operators they are faults
/// that must be told.
pub(super) struct Pasted<'t> {
    text: Cow<'t, str>,
    /// Where a backslash was put in, by offset in the original.
    escaped: Vec<usize>,
}

impl<'t> Pasted<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let escaped =
            if has_operators(text) || text.split_whitespace().nth(2).is_none() { Vec::new() } else { marks(text) };
        let mut out = Cow::Borrowed(text);
        for at in escaped.iter().rev() {
            out.to_mut().insert(*at, '\\');
        }
        Self { text: out, escaped }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The error with its place in the original.
    pub(super) fn in_original(&self, mut error: QueryError) -> QueryError {
        let original = |at: usize| {
            let before = self.escaped.iter().enumerate().take_while(|(index, own)| **own + index < at).count();
            at.saturating_sub(before)
        };
        error.position = error.position.map(original);
        error.end = error.end.map(original);
        error
    }
}

/// Whether one of the operators stands alone somewhere, a field has a group, a group is denied, or there is a regular
/// expression.
fn has_operators(text: &str) -> bool {
    let mut words = text.split([' ', '\t', '\n', '(', ')']);
    let begins_a_term = |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| c.is_whitespace() || matches!(c, ':' | '(' | '-'))
    };
    let mut slashes = text.match_indices('/').map(|(at, _)| at).filter(|at| begins_a_term(*at));
    words.any(|word| matches!(word, "AND" | "OR" | "NOT"))
        || text.contains(":(")
        || text.contains("-(")
        || slashes.any(|at| Cursor { text, at }.slashed().is_some())
}

/// Brackets outside of phrases, quotes if one has no partner, and a colon at the end, in order, as far as no backslash
/// stands before them.
fn marks(text: &str) -> Vec<usize> {
    let mut all = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                characters.next();
            }
            '(' | ')' | '"' => all.push((at, c)),
            _ => {}
        }
    }
    let is_paired = all.iter().filter(|(_, c)| *c == '"').count() % 2 == 0;
    let mut in_phrase = false;
    all.retain(|(_, c)| {
        in_phrase ^= is_paired && *c == '"';
        !(is_paired && (*c == '"' || in_phrase))
    });
    let mut marks: Vec<usize> = all.into_iter().map(|(at, _)| at).collect();
    // `Traceback:` at the end of a line is no field.
    marks.extend(text.trim_end().strip_suffix(':').filter(|before| !before.ends_with('\\')).map(str::len));
    marks
}
