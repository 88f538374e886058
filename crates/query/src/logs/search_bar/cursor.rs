//! Reading a query character by character.

use crate::error::QueryError;

/// A word as written, with its escapes taken away.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Word {
    /// The characters; true for those that were escaped and so are never wildcards or operators.
    pub characters: Vec<(char, bool)>,
}

impl Word {
    pub(super) fn text(&self) -> String {
        self.characters.iter().map(|(c, _)| c).collect()
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.characters.iter().any(|(c, escaped)| !escaped && matches!(c, '*' | '?'))
    }

    /// Whether it holds wildcards. Between the marks of addresses, options and formats (`/a?b=1`, `50%?`) a question mark is
    /// what it is.
    pub(super) fn wildcards(&self) -> Wildcards {
        let unescaped = |wanted: char| self.characters.contains(&(wanted, false));
        let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '?');
        match (unescaped('*'), unescaped('?')) {
            (false, false) => Wildcards::None,
            // It may end a sentence.
            (false, true) if self.asks() => Wildcards::Possible,
            _ if self.characters.iter().all(|(c, _)| is_plain(c)) => Wildcards::Meant,
            (true, _) => Wildcards::Possible,
            (false, true) => Wildcards::None,
        }
    }

    /// Whether its only question marks are at its end.
    fn asks(&self) -> bool {
        let inner = self.characters.iter().rev().skip_while(|character| **character == ('?', false));
        let mut inner = inner.peekable();
        inner.peek().is_some() && !inner.any(|character| *character == ('?', false))
    }

    /// The word with its backslashes; `None` where there are none, or where every character was escaped.
    pub(super) fn with_backslashes(&self) -> Option<String> {
        let escaped = self.characters.iter().filter(|(_, escaped)| *escaped).count();
        if escaped == 0 || escaped == self.characters.len() {
            return None;
        }
        let mut text = String::new();
        for (c, escaped) in &self.characters {
            if *escaped {
                text.push('\\');
            }
            text.push(*c);
        }
        Some(text)
    }

    /// Whether it is an unescaped `*`.
    pub(super) fn is_star(&self) -> bool {
        self.characters == [('*', false)]
    }
}

/// Whether `*` and `?` in a word stand for other characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// There are none, or they can only be what they are.
    None,
    /// They may.
    Possible,
    /// They do.
    Meant,
}

pub(super) struct Cursor<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn take_if(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes a keyword that stands alone.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let stands_alone = self.rest().strip_prefix(keyword).is_some_and(|after| {
            after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
        });
        stands_alone && self.take_if(keyword)
    }

    /// Characters up to white space or one that `ends`; brackets that open within the word close within it.
    pub(super) fn word(&mut self, ends: &[char]) -> Word {
        let mut word = Word::default();
        let mut open = 0usize;
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.take();
                    word.characters.push((self.take().unwrap_or('\\'), true));
                    continue;
                }
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                c if c.is_whitespace() || ends.contains(&c) => break,
                _ => {}
            }
            self.take();
            word.characters.push((c, false));
        }
        word
    }

    /// Text in double quotes, the first of which is next; `\"` and `\\` are escapes.
    pub(super) fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        self.take();
        let mut out = String::new();
        loop {
            match self.take() {
                Some('"') => return Ok(out),
                Some('\\') if self.rest().starts_with(['"', '\\']) => out.extend(self.take()),
                Some(c) => out.push(c),
                None => {
                    return Err(QueryError::invalid("the quoted phrase has no end")
                        .at(start, self.at)
                        .hint("close it with \", or write \\\" to search for the quote itself"));
                }
            }
        }
    }

    /// A regular expression between slashes, the first of which is next. `None`, and nothing taken, when no slash
    /// closes it at the end of a term: then it is a path.
    pub(super) fn slashed(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((offset, c)) = characters.next() {
            match c {
                '\\' if characters.peek().is_some_and(|(_, next)| *next == '/') => {
                    characters.next();
                    out.push('/');
                }
                '\\' => {
                    out.push(c);
                    out.extend(characters.next().map(|(_, next)| next));
                }
                '/' => {
                    let after = characters.peek().map(|(_, next)| *next);
                    let ends = after.is_none_or(|next| next.is_whitespace() || next == ')');
                    if !ends || out.is_empty() {
                        return None;
                    }
                    self.at += offset + 1;
                    return Some(out);
                }
                c => out.push(c),
            }
        }
        None
    }
}
