//! The words of a pasted text, with the name that stands before them.

use std::borrow::Cow;

/// A quoted string, or a run between separators.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// Without its quotes.
    pub text: Cow<'t, str>,
    /// What stands before a `=`, `:` or `=>` before it.
    pub name: Option<&'t str>,
    /// Whether it is itself the name of the next.
    pub is_name: bool,
}

/// The tokens of a text in order. Blanks, quotes, brackets and `,;&|=` separate; `:` does where a blank or a quote is
/// beside it, since IDs hold colons.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    let mut name = None;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| (is_separator(c) && !is_quote(c)) || c == ':');
        let first = rest.chars().next()?;
        let (token, raw, after) = match first {
            quote if is_quote(quote) => quoted(rest, quote),
            _ => bare(rest),
        };
        rest = after;
        let own_name = name.take();
        let (raw, is_name) = match raw.strip_suffix(':') {
            Some(name) => (name, true),
            None => (raw, says_name(after)),
        };
        name = is_name.then_some(raw);
        Some(Token { text: token, name: own_name, is_name })
    })
}

fn quoted(text: &str, quote: char) -> (Cow<'_, str>, &str, &str) {
    let inner = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    let end = inner.find(|c: char| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    // An apostrophe without its other half is none.
    let Some(end) = end else { return bare(inner) };
    let (raw, after) = (inner.get(..end).unwrap_or_default(), inner.get(end + 1..).unwrap_or_default());
    let token =
        if raw.contains('\\') { Cow::Owned(raw.replace("\\\"", "\"").replace("\\\\", "\\")) } else { raw.into() };
    (token, raw, after)
}

fn bare(text: &str) -> (Cow<'_, str>, &str, &str) {
    let end = text.find(is_separator).unwrap_or(text.len());
    let (raw, after) = text.split_at_checked(end).unwrap_or((text, ""));
    (raw.into(), raw, after)
}

/// Whether what follows a token makes it the name of the next.
fn says_name(after: &str) -> bool {
    after.trim_start().starts_with(['=', ':'])
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

fn is_separator(c: char) -> bool {
    const SEPARATORS: [char; 16] = ['(', ')', '[', ']', '{', '}', '<', '>', ',', ';', '&', '|', '=', '“', '”', '…'];
    c.is_whitespace() || is_quote(c) || SEPARATORS.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_the_name_before_them() {
        for (text, expected) in [
            (r#"a=1 b: 2 "c": "three 3", d => 4"#, "a,a>1,b:,b>2,c,c>three 3,d,d>4"),
            (r#"{"k":"v\"w"}"#, "k,k>v\"w"),
            ("it's task:001 done", "it,s,task:001,done"),
            ("[x] <y>", "x,y"),
        ] {
            let found: Vec<String> = tokens(text)
                .map(|token| match token.name {
                    Some(name) => format!("{name}>{}", token.text),
                    None => token.text.into_owned(),
                })
                .collect();
            assert_eq!(found.join(","), expected, "{text}");
        }
    }
}
