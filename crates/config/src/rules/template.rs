//! The templates in labels and annotations of alerts, in the language of Go's `text/template`: whether they can be read.

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateFault {
    /// Where, in bytes.
    pub(super) position: usize,
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// Functions of Go's templates, and those that Prometheus adds.
const FUNCTIONS: [&str; 47] = [
    "and",
    "args",
    "call",
    "eq",
    "externalURL",
    "first",
    "ge",
    "graphLink",
    "gt",
    "html",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "js",
    "label",
    "le",
    "len",
    "lt",
    "match",
    "ne",
    "not",
    "now",
    "or",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "slice",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "tmpl",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
];

/// Functions too; apart, since the list above is as long as a line may be read.
const MORE_FUNCTIONS: [&str; 2] = ["urlquery", "value"];

/// Variables that stand before a template begins.
const VARIABLES: [&str; 5] = ["$", "$externalLabels", "$externalURL", "$labels", "$value"];

/// Reads a template to its end.
pub(super) fn check_template(text: &str) -> Result<(), TemplateFault> {
    let mut reader = Reader { text, at: 0, open: Vec::new(), variables: Vec::new() };
    while let Some(place) = reader.rest().find("{{") {
        reader.at += place;
        let begin = reader.at;
        reader.at += 2;
        if !reader.comment(begin)? {
            let tokens = reader.tokens(begin)?;
            reader.action(begin, &tokens)?;
        }
    }
    match reader.open.pop() {
        None => Ok(()),
        Some((keyword, position)) => Err(fault(position, format!("{keyword} has no end"), "add {{ end }}")),
    }
}

fn fault(position: usize, problem: impl Into<String>, remedy: impl Into<String>) -> TemplateFault {
    TemplateFault { position, problem: problem.into(), remedy: remedy.into() }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Keywords that wait for their `end`, and where they stand.
    open: Vec<(&'static str, usize)>,
    /// Variables that were declared.
    variables: Vec<&'a str>,
}

/// A token inside braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A word: a keyword, a function, a number.
    Word(&'a str),
    /// `$name`.
    Variable(&'a str),
    /// `.Name`, or a dot alone.
    Field,
    /// A text or a character in quotes.
    Quoted,
    /// `(`, `)`, `|`, `,`, `=`, `:=`.
    Sign(&'a str),
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes a comment; false when none begins here.
    fn comment(&mut self, begin: usize) -> Result<bool, TemplateFault> {
        let rest = self.rest();
        let inner = rest.strip_prefix("- ").unwrap_or(rest);
        if !inner.starts_with("/*") {
            return Ok(false);
        }
        let end = inner.find("*/").ok_or_else(|| fault(begin, "the comment is not closed", "add */}}"))?;
        let after = inner.get(end + 2..).unwrap_or_default();
        let after = after.strip_prefix(" -").unwrap_or(after);
        if !after.starts_with("}}") {
            return Err(fault(begin, "a comment ends before its braces do", "close it by */}}"));
        }
        self.at = self.text.len() - after.len() + 2;
        Ok(true)
    }

    /// The tokens up to the closing braces, with their places.
    fn tokens(&mut self, begin: usize) -> Result<Vec<(usize, Token<'a>)>, TemplateFault> {
        let mut tokens = Vec::new();
        if self.rest().starts_with("- ") {
            self.at += 1;
        }
        let mut parens = 0_usize;
        loop {
            let rest = self.rest();
            let at = self.at;
            let Some(c) = rest.chars().next() else {
                return Err(fault(begin, "the braces are not closed", "add }}"));
            };
            if rest.starts_with("}}") || rest.starts_with(" -}}") {
                self.at += if c == '}' { 2 } else { 4 };
                break;
            }
            let (token, length) = match c {
                c if c.is_whitespace() => {
                    self.at += c.len_utf8();
                    continue;
                }
                '"' | '`' | '\'' => (
                    Token::Quoted,
                    quoted(rest, c).ok_or_else(|| fault(at, "a quote is not closed", format!("add {c}")))?,
                ),
                '(' | ')' | '|' | ',' | '=' => (Token::Sign(rest.get(..1).unwrap_or_default()), 1),
                ':' if rest.starts_with(":=") => (Token::Sign(":="), 2),
                '$' => {
                    let length = 1 + word_length(rest.get(1..).unwrap_or_default());
                    (Token::Variable(rest.get(..length).unwrap_or_default()), length)
                }
                '.' if !rest.get(1..).is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit())) => {
                    (Token::Field, 1 + word_length(rest.get(1..).unwrap_or_default()))
                }
                c if c.is_alphanumeric() || matches!(c, '_' | '+' | '-' | '.') => {
                    let number = !(c.is_alphabetic() || c == '_');
                    let length = if number { number_length(rest) } else { word_length(rest) };
                    (Token::Word(rest.get(..length).unwrap_or_default()), length)
                }
                _ => {
                    return Err(fault(
                        at,
                        format!("{c:?} cannot stand here"),
                        "put text in quotes, or close the braces by }}",
                    ));
                }
            };
            match token {
                Token::Sign("(") => parens += 1,
                Token::Sign(")") if parens == 0 => return Err(fault(at, "a ) without its (", "remove it")),
                Token::Sign(")") => parens -= 1,
                _ => {}
            }
            tokens.push((at, token));
            self.at += length.max(1);
        }
        if parens > 0 {
            return Err(fault(begin, "a ( is not closed", "add )"));
        }
        Ok(tokens)
    }

    /// Takes what stands in a pair of braces.
    fn action(&mut self, begin: usize, tokens: &[(usize, Token<'a>)]) -> Result<(), TemplateFault> {
        let Some((_, first)) = tokens.first() else {
            return Err(fault(begin, "nothing stands in the braces", "write {{ $value }} or the like"));
        };
        let rest = tokens.get(1..).unwrap_or_default();
        let needs = |keyword: &str| {
            let missing =
                fault(begin, format!("{keyword} has nothing to look at"), format!("write {{{{ {keyword} $value }}}}"));
            if rest.is_empty() { Err(missing) } else { Ok(()) }
        };
        match first {
            Token::Word(keyword @ ("if" | "with" | "range")) => {
                needs(keyword)?;
                let known = ["if", "with", "range"].into_iter().find(|known| known == keyword).unwrap_or_default();
                self.open.push((known, begin));
                self.pipeline(rest)
            }
            Token::Word("define") => {
                needs("define")?;
                self.open.push(("define", begin));
                Ok(())
            }
            Token::Word("block") => {
                needs("block")?;
                self.open.push(("block", begin));
                self.pipeline(rest)
            }
            Token::Word("else") => match self.open.last() {
                Some(("define" | "block", _)) | None => {
                    Err(fault(begin, "else stands outside of if, with and range", "remove it"))
                }
                Some(_) => self.pipeline(after_keyword(rest)),
            },
            Token::Word("end") => {
                let closed = self.open.pop();
                closed.map(drop).ok_or_else(|| fault(begin, "end stands without if, with or range", "remove it"))
            }
            Token::Word("break" | "continue") => match self.open.iter().any(|(keyword, _)| *keyword == "range") {
                true => Ok(()),
                false => Err(fault(begin, "stands outside of range", "remove it")),
            },
            Token::Word("template") => {
                needs("template")?;
                self.pipeline(rest)
            }
            _ => self.pipeline(tokens),
        }
    }

    /// Looks whether functions and variables are known; a variable before `:=` is declared.
    fn pipeline(&mut self, tokens: &[(usize, Token<'a>)]) -> Result<(), TemplateFault> {
        let declared = tokens.iter().position(|(_, token)| *token == Token::Sign(":="));
        for (index, (at, token)) in tokens.iter().enumerate() {
            let last = index + 1 == tokens.len();
            match token {
                Token::Variable(name) if declared.is_some_and(|place| index < place) => self.variables.push(name),
                Token::Variable(name) if !VARIABLES.contains(name) && !self.variables.contains(name) => {
                    let near = crate::yaml::nearest(name, VARIABLES);
                    let remedy = near.map_or_else(
                        || "known are $labels, $value, $externalLabels, $externalURL".to_owned(),
                        |near| format!("did you mean {near}?"),
                    );
                    return Err(fault(*at, format!("the variable {name} is not known"), remedy));
                }
                Token::Word(word) if !is_known(word) => {
                    let near = crate::yaml::nearest(word, FUNCTIONS.into_iter().chain(MORE_FUNCTIONS));
                    let remedy = near.map_or_else(
                        || "put text in quotes; labels are $labels.name".to_owned(),
                        |near| format!("did you mean {near}?"),
                    );
                    return Err(fault(*at, format!("the function {word} is not known"), remedy));
                }
                Token::Sign(sign @ ("|" | "," | "=" | ":=")) if last => {
                    return Err(fault(
                        *at,
                        format!("nothing stands behind {sign}"),
                        "add what belongs there, or remove it",
                    ));
                }
                Token::Sign("|") if index == 0 => return Err(fault(*at, "nothing stands before |", "add a value")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What follows the `if` or `with` of an `else if`.
fn after_keyword<'b, 'a>(tokens: &'b [(usize, Token<'a>)]) -> &'b [(usize, Token<'a>)] {
    match tokens.first() {
        Some((_, Token::Word("if" | "with"))) => tokens.get(1..).unwrap_or_default(),
        _ => tokens,
    }
}

fn is_known(word: &str) -> bool {
    let number = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    number || matches!(word, "true" | "false" | "nil") || FUNCTIONS.contains(&word) || MORE_FUNCTIONS.contains(&word)
}

fn word_length(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len()
}

fn number_length(text: &str) -> usize {
    text.len()
        - text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')).len()
}

/// The length of a quoted text with its quotes; `None` when it is not closed on its line (or at all, in backticks).
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (place, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(place + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_go_reads_are_read() {
        for text in [
            "",
            "plain } text }} with a brace {",
            "{{ $labels.instance }} of {{$labels.job}}",
            "{{ $value | humanizePercentage }} and {{ printf \"%.2f\" $value }}",
            "{{- if gt $value 5.0 -}} high {{- else if eq $labels.x \"a}}b\" }} low {{ else }} none {{ end }}",
            "{{ range query \"up{job='a'} == 0\" }}{{ .Labels.instance }}: {{ . | value }}{{ end }}",
            "{{ with printf \"rate(x{a='%s'}[5m])\" .Labels.a | query }}{{ . | first | value | humanize }}{{ end }}",
            "{{ $x := query `up` }}{{ $x | first | label \"job\" }}{{ (index $x 0).Value }}",
            "{{ range $i, $e := query \"up\" }}{{ $i }}{{ $e }}{{ break }}{{ end }}",
            "{{/* a comment }} */}}{{- /* trimmed */ -}}",
            "{{ define \"t\" }}{{ .arg0 }}{{ end }}{{ template \"t\" (args 1 -2.5e3 .5 'x') }}",
            "{{ $externalURL }}{{ $externalLabels.cluster }}{{ $ }}{{ . }}{{ true }}",
            "{{ not (and (ne $value 0.0) (lt $value 1.0)) }}",
        ] {
            assert_eq!(check_template(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn broken_templates_are_told_where() {
        for (text, position, problem) in [
            ("a {{ $labels.job", 2, "the braces are not closed"),
            ("{{ $labels.job }", 15, "'}' cannot stand here"),
            ("{{ }}", 0, "nothing stands in the braces"),
            ("{{ $label.job }}", 3, "the variable $label is not known"),
            ("{{ $value | humanise }}", 12, "the function humanise is not known"),
            ("{{ labels.job }}", 3, "the function labels is not known"),
            ("{{ if $value }}x", 0, "if has no end"),
            ("x{{ end }}", 1, "end stands without if, with or range"),
            ("{{ else }}", 0, "else stands outside of if, with and range"),
            ("{{ printf \"%d $value }}", 10, "a quote is not closed"),
            ("{{ (eq 1 2 }}", 0, "a ( is not closed"),
            ("{{ eq 1 2) }}", 9, "a ) without its ("),
            ("{{ $value | }}", 10, "nothing stands behind |"),
            ("{{ if }}{{ end }}", 0, "if has nothing to look at"),
            ("{{/* x }}", 0, "the comment is not closed"),
            ("{{ $value % 5 }}", 10, "'%' cannot stand here"),
            ("{{ continue }}", 0, "stands outside of range"),
        ] {
            let fault = check_template(text).unwrap_err();
            assert_eq!((fault.position, fault.problem.as_str()), (position, problem), "{text}");
        }
    }
}
