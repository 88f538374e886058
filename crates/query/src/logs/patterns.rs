//! What messages of one cause have in common: a message with what changes left out, and the query that finds exactly the
//! messages of which the same is left.
//!
//! The first line is cut into quoted texts, delimiters, and words between them; a word with a digit (an ID, a number, a
//! time) and a quoted text stand for any other. The pattern of a message and the regular expression made of it tell the
//! same messages apart, since a word never matches a part of a longer one: what is counted under a pattern is what its
//! query finds.

use std::cell::Cell;
use std::fmt::Write;

/// Delimiters of words beside blanks.
const DELIMITERS: &str = "/=\"'()[]{}<>|;?&`\\";

/// What is no delimiter, as a class of a regular expression.
const WITHIN: &str = r#"[^\s/="'()\[\]{}<>|;?&`\\]"#;

/// Stretches of delimiters after which a pattern ends: what follows is left out.
const MAX_PARTS: usize = 40;

/// A pattern, by its text for people and as a regular expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessagePattern {
    /// The message with `<*>` for what changes.
    pub text: String,
    regex: String,
    /// Whether it holds a quote that nothing closes.
    is_open: bool,
}

impl MessagePattern {
    /// The pattern of a message.
    #[must_use]
    pub fn of(message: &str) -> Self {
        let mut line = message.split('\n').next().unwrap_or_default();
        let mut pattern = Self { text: String::new(), regex: String::new(), is_open: false };
        let (mut parts, quotes) = (0, Quotes { may_close: Cell::new(true) });
        while let Some(first) = line.chars().next() {
            let length = if let Some(length) = quotes.text(line) {
                pattern.text.push_str("\"…\"");
                pattern.regex.push_str(r#""(?:[^"\\\n]|\\[^\n])*""#);
                length
            } else if is_delimiter(first) {
                let length = quotes.delimiters(line);
                let stretch = line.get(..length).unwrap_or_default();
                pattern.is_open |= stretch.contains('"');
                pattern.push_literal(stretch);
                parts += 1;
                length
            } else {
                let length = line.find(is_delimiter).unwrap_or(line.len());
                pattern.push_word(line.get(..length).unwrap_or_default());
                length
            };
            line = line.get(length..).unwrap_or_default();
            if parts >= MAX_PARTS && line.chars().next().is_some_and(|next| !is_delimiter(next)) {
                // After a quote that nothing closes no other may come: it would close it.
                let tail = if pattern.is_open { "[^\"\\n]*" } else { "[^\\n]*" };
                if !pattern.is_open || !line.contains('"') {
                    pattern.text.push('…');
                    let _ = write!(pattern.regex, "{WITHIN}{tail}");
                    break;
                }
            }
        }
        pattern
    }

    /// The query of the search bar that finds the messages with this pattern, and no others.
    #[must_use]
    pub fn query(&self) -> String {
        format!("message:/^{}(?:\\n|$)/", self.regex.replace('/', "\\/"))
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.text.capacity() + self.regex.capacity()
    }

    fn push_word(&mut self, word: &str) {
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            self.text.push_str("<*>");
            let _ = write!(self.regex, "{WITHIN}*[0-9]{WITHIN}*");
        } else {
            self.push_literal(word);
        }
    }

    fn push_literal(&mut self, text: &str) {
        self.text.push_str(text);
        self.regex.push_str(&regex::escape(text));
    }
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || DELIMITERS.contains(c)
}

/// Reads the quoted texts of one line.
struct Quotes {
    /// Whether a quote was not yet seen that nothing closes: then nothing closes any behind it either, since escapes fall in
    /// the same places, and looking again would take quadratic time.
    may_close: Cell<bool>,
}

impl Quotes {
    /// The length of the quoted text that the rest of the line begins with.
    fn text(&self, rest: &str) -> Option<usize> {
        if !self.may_close.get() || !rest.starts_with('"') {
            return None;
        }
        let length = quoted(rest);
        self.may_close.set(length.is_some());
        length
    }

    /// The length of the stretch of delimiters that the rest of the line begins with; a quote that opens a text ends it.
    fn delimiters(&self, rest: &str) -> usize {
        let opens = |at: usize| rest.get(at..).and_then(|rest| self.text(rest)).is_some();
        let ends = |&(at, c): &(usize, char)| at > 0 && (!is_delimiter(c) || (c == '"' && opens(at)));
        rest.char_indices().find(ends).map_or(rest.len(), |(at, _)| at)
    }
}

/// The length of the quoted text that a line begins with.
fn quoted(line: &str) -> Option<usize> {
    let mut characters = line.char_indices();
    characters.next().filter(|(_, c)| *c == '"')?;
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => drop(characters.next()?),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::parse;
    use clew_model::logs::LogRecord;

    #[test]
    fn what_changes_is_left_out() {
        for (message, text) in [
            ("task failed after 250 ms", "task failed after <*> ms"),
            ("took 1.5s, limit 2s", "took <*> limit <*>"),
            ("GET /users/28474/notes?_=238427835 500", "GET /users/<*>/notes?_=<*> <*>"),
            ("user \"marie o'\\\"neil\" is unknown", "user \"…\" is unknown"),
            ("say \"open", "say \"open"),
            ("id 550e8400-e29b-41d4-a716-446655440000: gone", "id <*> gone"),
            ("peer 10.0.0.7:8080 closed\n  at line 3", "peer <*> closed"),
            ("", ""),
            ("用户 连接 失败", "用户 连接 失败"),
        ] {
            assert_eq!(MessagePattern::of(message).text, text, "{message}");
        }
    }

    #[test]
    fn a_megabyte_of_quotes_that_nothing_closes_is_read_once() {
        // Read anew at each quote this would take hours.
        let message = format!("\"{}", "\\\"".repeat(500_000));
        assert!(MessagePattern::of(&message).text.starts_with("\"\\\""));
    }

    /// Messages of a few parts, so that many are nearly alike.
    fn message(random: &mut fastrand::Rng) -> String {
        const PARTS: [&str; 24] = [
            "a", "b1", "7", " ", "  ", "\t", "/", "=", "\"", "\\", "\\\"", "'", "(", ")", "[", "{", ".*", "$", "^",
            "é", "\n", "-", "\"x y\"", "\r",
        ];
        (0..random.usize(0..9)).map(|_| PARTS[random.usize(0..PARTS.len())]).collect()
    }

    #[test]
    fn a_query_finds_the_messages_that_have_the_pattern_and_no_others() {
        let mut random = fastrand::Rng::with_seed(19);
        let mut messages: Vec<String> = (0..300).map(|_| message(&mut random)).collect();
        let long = |last: &str| format!("{}{last}", "w ".repeat(MAX_PARTS));
        messages.extend([
            long(""),
            long("x"),
            long("y 1"),
            long("\"y\""),
            long("\"y"),
            long("\"y \\\" z"),
            "w ".repeat(MAX_PARTS - 1),
        ]);
        let records: Vec<(MessagePattern, LogRecord)> = messages
            .iter()
            .map(|text| (MessagePattern::of(text), LogRecord { body: text.as_str().into(), ..LogRecord::default() }))
            .collect();
        for (pattern, record) in &records {
            let filter = parse(&pattern.query()).unwrap_or_else(|error| panic!("{}: {error:?}", pattern.query()));
            assert!(filter.matches(record), "{:?} is not found by {}", record.body, pattern.query());
            for (other, record) in &records {
                assert_eq!(filter.matches(record), other == pattern, "{:?} by {}", record.body, pattern.query());
            }
        }
    }
}
