//! Text into tokens. The lexer knows quotes, numbers, durations and comments; which words are keywords is the parser's.

use crate::error::QueryError;

/// A token and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A metric or label name, a function or a keyword.
    Word(String),
    /// A number as written.
    Number(String),
    /// A duration as written.
    Duration(String),
    /// A quoted text, unescaped.
    Text(String),
    /// Punctuation or an operator.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Two-character symbols first, so that the longest wins.
const SYMBOLS: [&str; 27] = [
    "==", "=~", "!=", "!~", "<=", ">=", "</", ">/", "(", ")", "{", "}", "[", "]", ",", ":", "+", "-", "*", "/", "%",
    "^", "=", "<", ">", "@", ";",
];

/// Cuts `text` into tokens; the last is always [`TokenKind::End`].
pub(super) fn lex(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, at: 0, brackets: 0, braces: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let kind = lexer.next_kind()?;
        let done = kind == TokenKind::End;
        tokens.push(Token { kind, start, end: lexer.at });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Depth of `[`: inside, a colon separates the range from the step.
    brackets: usize,
    /// Depth of `{`: inside, a colon is no part of a name.
    braces: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn next_kind(&mut self) -> Result<TokenKind, QueryError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(TokenKind::End) };
        let second_digit = rest.as_bytes().get(1).copied().is_some_and(|byte| byte.is_ascii_digit());
        let colon_is_name = self.brackets == 0 && self.braces == 0;
        match first {
            '"' | '\'' | '`' => self.quoted(first),
            '0'..='9' => self.number(),
            '.' if second_digit => self.number(),
            c if c.is_ascii_alphabetic() || c == '_' || (c == ':' && colon_is_name) => Ok(self.word(colon_is_name)),
            _ => self.symbol(first),
        }
    }

    fn take(&mut self, keep: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find({
            let mut keep = keep;
            move |c| !keep(c)
        });
        let taken = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn word(&mut self, colon_is_name: bool) -> TokenKind {
        let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colon_is_name));
        TokenKind::Word(word.to_owned())
    }

    fn symbol(&mut self, first: char) -> Result<TokenKind, QueryError> {
        let rest = self.rest();
        let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) else {
            let end = self.at + first.len_utf8();
            return Err(QueryError::invalid(format!("unexpected character {first:?}"))
                .at(self.at, end)
                .hint("names with other characters than letters, digits, _ and : are written {\"my.metric\"}"));
        };
        match symbol {
            "[" => self.brackets += 1,
            "]" => self.brackets = self.brackets.saturating_sub(1),
            "{" => self.braces += 1,
            "}" => self.braces = self.braces.saturating_sub(1),
            _ => {}
        }
        self.at += symbol.len();
        Ok(TokenKind::Symbol(symbol))
    }

    /// A number (`1`, `.5`, `1e3`, `0x1F`, `1_000`) or, when units follow, a duration (`1h30m`).
    fn number(&mut self) -> Result<TokenKind, QueryError> {
        let start = self.at;
        let hex = self.rest().starts_with("0x") || self.rest().starts_with("0X");
        if hex {
            self.at += 2;
            self.take(|c| c.is_ascii_hexdigit() || c == '_');
        } else {
            self.take(|c| c.is_ascii_digit() || c == '_');
            if self.rest().starts_with('.') {
                self.at += 1;
                self.take(|c| c.is_ascii_digit() || c == '_');
            }
            self.exponent();
        }
        let is_duration = !hex && self.rest().starts_with(['y', 'w', 'd', 'h', 'm', 's']);
        self.take(|c| c.is_ascii_alphanumeric() || c == '_');
        let text = self.text.get(start..self.at).unwrap_or_default();
        if is_duration && super::duration::parse_duration(text).is_ok() {
            return Ok(TokenKind::Duration(text.to_owned()));
        }
        if !is_duration && parse_number(text).is_some() {
            return Ok(TokenKind::Number(text.to_owned()));
        }
        Err(QueryError::invalid(format!("bad number or duration syntax: {text:?}"))
            .at(start, self.at)
            .hint("numbers: 1, 0.5, 1e3, 0x1F, 1_000; durations: 30s, 5m, 1h30m, with units y, w, d, h, m, s, ms in this order"))
    }

    fn exponent(&mut self) {
        let mut ahead = self.rest().bytes();
        if !matches!(ahead.next(), Some(b'e' | b'E')) {
            return;
        }
        let sign = match ahead.next() {
            Some(b'+' | b'-') => 1,
            Some(byte) if byte.is_ascii_digit() => 0,
            _ => return,
        };
        if sign == 1 && !ahead.next().is_some_and(|byte| byte.is_ascii_digit()) {
            return;
        }
        self.at += 1 + sign;
        self.take(|c| c.is_ascii_digit() || c == '_');
    }

    fn quoted(&mut self, quote: char) -> Result<TokenKind, QueryError> {
        let start = self.at;
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { return Err(unterminated(start, self.at)) };
            self.at += c.len_utf8();
            match c {
                c if c == quote => break,
                '\n' if quote != '`' => return Err(unterminated(start, self.at)),
                '\\' if quote != '`' => self.escape(quote, &mut out)?,
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        String::from_utf8(out).map(TokenKind::Text).map_err(|_| {
            QueryError::invalid("the escapes of the quoted text do not make valid UTF-8").at(start, self.at)
        })
    }

    /// Go's escapes, after the backslash.
    fn escape(&mut self, quote: char, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let start = self.at - 1;
        let next = self.rest().chars().next();
        self.at += next.map_or(0, char::len_utf8);
        let simple = match next {
            Some('a') => 7,
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('v') => 11,
            Some('\\') => b'\\',
            Some(c) if c == quote => quote as u8,
            Some('x') => return self.coded(start, 2, 16, out),
            Some('u') => return self.coded(start, 4, 16, out),
            Some('U') => return self.coded(start, 8, 16, out),
            Some('0'..='7') => {
                self.at -= 1;
                return self.coded(start, 3, 8, out);
            }
            _ => return Err(bad_escape(start, self.at)),
        };
        out.push(simple);
        Ok(())
    }

    /// An escape by number: three octal or two hex digits are a byte, four or eight hex digits a character.
    fn coded(&mut self, start: usize, digits: usize, radix: u32, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let code = self.rest().get(..digits).filter(|text| text.chars().all(|c| c.is_digit(radix)));
        let code = code.and_then(|text| u32::from_str_radix(text, radix).ok());
        let Some(code) = code else { return Err(bad_escape(start, self.at)) };
        self.at += digits;
        if digits < 4 {
            out.push(u8::try_from(code).map_err(|_| bad_escape(start, self.at))?);
        } else {
            let c = char::from_u32(code).ok_or_else(|| bad_escape(start, self.at))?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

fn unterminated(start: usize, end: usize) -> QueryError {
    QueryError::invalid("unterminated quoted text").at(start, end).hint("close the quote; `…` may contain line breaks")
}

fn bad_escape(start: usize, end: usize) -> QueryError {
    QueryError::invalid("unknown escape sequence in quoted text")
        .at(start, end)
        .hint("write \\\\ for a backslash, or quote with `…`, where nothing is escaped")
}

/// A number as Prometheus reads it: `ParseInt` with base 0 (so `0755` is octal, `0x1F` hex), else `ParseFloat`.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|number| number as f64);
    }
    if plain.len() > 1
        && plain.starts_with('0')
        && let Ok(octal) = i64::from_str_radix(&plain, 8)
    {
        return Some(octal as f64);
    }
    plain.parse().ok()
}
