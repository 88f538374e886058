//! Regular expressions as RE2 and Go spell them, which is how PromQL and relabelling rules are written.
//!
//! The engine is Rust's `regex`, linear in time as RE2 is, with a dialect that differs in a few spellings. They are
//! written anew here, so that an expression means what it means in Prometheus.

use regex::{Regex, RegexBuilder};
use std::iter::Peekable;
use std::str::Chars;

/// Compiles an expression that must match a whole text, in which `.` matches line ends too, as Prometheus does.
///
/// # Errors
/// The expression is none, or compiles to more than `size_limit` bytes.
pub fn whole_text_regex(text: &str, size_limit: usize) -> Result<Regex, regex::Error> {
    let spelled = rust_spelling(text);
    // Alone first, so that an unbalanced bracket cannot close the anchoring group.
    regex_syntax::parse(&spelled).map_err(|error| regex::Error::Syntax(error.to_string()))?;
    RegexBuilder::new(&format!("^(?s:{spelled})$")).size_limit(size_limit).build()
}

/// An expression of RE2 in the spelling of Rust's `regex`: `\Q…\E` is quoted text, a brace that begins no repetition
/// and a bracket in a class stand for themselves, `\d`, `\s`, `\w` and `\b` are of ASCII, `\<` and `\>` are signs.
#[must_use]
pub fn rust_spelling(text: &str) -> String {
    let mut spelling = Spelling { rest: text.chars().peekable(), out: String::with_capacity(text.len() + 8) };
    while let Some(c) = spelling.rest.next() {
        match c {
            '\\' => spelling.escape(false),
            '[' => spelling.class(),
            '{' if !spelling.is_repetition() => spelling.out.push_str("\\{"),
            _ => spelling.out.push(c),
        }
    }
    spelling.out
}

struct Spelling<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Spelling<'_> {
    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) {
        let Some(c) = self.rest.next() else { return self.out.push('\\') };
        match c {
            'Q' if !in_class => self.quoted(),
            // The end of a quotation that was not begun.
            'E' if !in_class => {}
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.perl_class(c, in_class),
            'b' if !in_class => self.out.push_str("(?-u:\\b)"),
            '<' | '>' => self.out.push_str(if c == '<' { "\\x3C" } else { "\\x3E" }),
            _ => self.out.extend(['\\', c]),
        }
    }

    fn perl_class(&mut self, c: char, in_class: bool) {
        let members = match c.to_ascii_lowercase() {
            'd' => "0-9",
            's' => "\\t\\n\\f\\r ",
            _ => "0-9A-Za-z_",
        };
        match (c.is_ascii_uppercase(), in_class) {
            (false, true) => self.out.push_str(members),
            (negated, _) => {
                self.out.push_str(if negated { "[^" } else { "[" });
                self.out.push_str(members);
                self.out.push(']');
            }
        }
    }

    /// Text up to `\E`, or to the end.
    fn quoted(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            text.push(c);
        }
        self.out.push_str(&regex::escape(&text));
    }

    /// Whether what follows an open brace makes it a repetition: `{2}`, `{2,}`, `{2,3}`.
    fn is_repetition(&self) -> bool {
        let inner: String = self.rest.clone().take_while(|c| *c != '}').take(32).collect();
        let closed = self.rest.clone().nth(inner.chars().count()) == Some('}');
        let (least, most) = inner.split_once(',').unwrap_or((&inner, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        closed && !least.is_empty() && digits(least) && digits(most)
    }

    /// A class in brackets.
    fn class(&mut self) {
        self.out.push('[');
        self.out.extend(self.rest.next_if_eq(&'^'));
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str("\\]");
        }
        let mut before = '[';
        while let Some(c) = self.rest.next() {
            match c {
                ']' => return self.out.push(']'),
                '\\' => self.escape(true),
                '[' if self.rest.peek() == Some(&':') && self.named_class() => {}
                '[' => self.out.push_str("\\["),
                // Doubled they would be operations between classes.
                '&' | '~' | '-' if before == c => self.out.extend(['\\', c]),
                _ => self.out.push(c),
            }
            before = c;
        }
    }

    /// `[:alpha:]` and the like; nothing is taken where it is none.
    fn named_class(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        let name: String = ahead.by_ref().take_while(|c| *c != ':').take(16).collect();
        if ahead.next() != Some(']') {
            return false;
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.rest = ahead;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        // Each row as `regexp.MustCompile("^(?s:" + text + ")$").MatchString` of Go answers it.
        for (text, matching, other) in [
            ("a.b", "a\nb", "axxb"),
            ("\\Qa.b\\E+", "a.bb", "axb"),
            ("\\Qa+b", "a+b", "aab"),
            ("{job}", "{job}", "job"),
            ("a{2}", "aa", "a"),
            ("a{2,}x{,3}", "aaax{,3}", "aaaxxx"),
            ("[[a]", "[", "b"),
            ("[[:alpha:]_]+", "ab_", "1"),
            ("[a&&b]+", "&ab", "x"),
            ("[+--]", ",", "0"),
            ("[]a]+", "]a", "b"),
            ("[^]]", "a", "]"),
            ("\\d+", "12", "١٢"),
            ("[\\d.]+", "1.2", "١"),
            ("\\w+", "a_1", "é"),
            ("[^\\W]+", "a_1", "é"),
            ("\\<x\\>", "<x>", "x"),
            ("(?i)node", "NODE", "nod"),
            ("(?P<a>x)(?:y)", "xy", "x"),
            ("\\pL+", "é", "1"),
            ("a|b", "b", "ab"),
            ("x\\bz?-", "x-", "x"),
        ] {
            let regex = whole_text_regex(text, 1 << 20).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(regex.is_match(matching), "{text} and {matching:?}");
            assert!(!regex.is_match(other), "{text} and {other:?}");
        }
        for text in ["(", "a)|(b", "[a", "*", "\\", "(?<n", "x{2,1}"] {
            assert!(whole_text_regex(text, 1 << 20).is_err(), "{text}");
        }
    }
}
