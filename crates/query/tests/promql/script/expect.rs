//! What a script expects beside the values: failures, warnings, infos, order.

use super::literal;
use clew_query::promql::Annotations;
use regex::Regex;

/// A message, or all that a pattern finds.
#[derive(Debug)]
enum Message {
    Any,
    Exact(String),
    Pattern(Regex),
}

impl Message {
    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let (kind, message) = text.split_once(':').ok_or(format!("{text}: expected msg: or regex:"))?;
        let message = message.trim();
        match kind {
            "msg" => {
                let bare = message.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                Ok(Self::Exact(bare.unwrap_or(message).to_owned()))
            }
            "regex" => Regex::new(message).map(Self::Pattern).map_err(|error| error.to_string()),
            other => Err(format!("{other}: expected msg: or regex:")),
        }
    }

    /// Of an annotation: with its position, or at any.
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(message) => message == text || message == without_position(text),
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

/// The text without the ` (1:15)` that it ends with.
fn without_position(text: &str) -> &str {
    match text.rsplit_once(" (") {
        Some((message, position))
            if position.ends_with(')')
                && position.starts_with(|c: char| c.is_ascii_digit())
                && position.contains(':') =>
        {
            message
        }
        _ => text,
    }
}

#[derive(Debug, Default)]
pub(super) struct Expectations {
    fail: Option<Message>,
    warnings: Vec<Message>,
    infos: Vec<Message>,
    no_warning: bool,
    no_info: bool,
    pub(super) is_ordered: bool,
    pub(super) string: Option<String>,
    /// Start and step of the samples of a range vector.
    pub(super) range: Option<(i64, i64)>,
}

impl Expectations {
    /// Those of the command's word and of the lines below it; the lines that are none.
    pub(super) fn read<'a>(word: &str, body: &[&'a str]) -> Result<(Self, Vec<&'a str>), String> {
        let mut all = Self::default();
        match word {
            "eval" => {}
            "eval_fail" => all.fail = Some(Message::Any),
            "eval_warn" => all.warnings.push(Message::Any),
            "eval_info" => all.infos.push(Message::Any),
            "eval_ordered" => all.is_ordered = true,
            other => return Err(format!("{other} is no command")),
        }
        let mut values = Vec::new();
        for line in body {
            if let Some(message) = line.strip_prefix("expected_fail_message") {
                all.fail = Some(Message::Exact(message.trim().to_owned()));
            } else if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
                all.fail = Some(Message::Pattern(Regex::new(pattern.trim()).map_err(|error| error.to_string())?));
            } else if let Some(rest) = line.strip_prefix("expect ") {
                all.expect(rest.trim())?;
            } else {
                values.push(*line);
            }
        }
        Ok((all, values))
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if let Some(range) = text.strip_prefix("range vector from ") {
            let words: Vec<&str> = range.split_whitespace().collect();
            let [from, "to", _, "step", step] = words[..] else { return Err(format!("{text}: malformed")) };
            self.range = Some((literal::duration(from)?, literal::duration(step)?));
            return Ok(());
        }
        let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match kind {
            "fail" => self.fail = Some(Message::read(rest)?),
            "warn" => self.warnings.push(Message::read(rest)?),
            "info" => self.infos.push(Message::read(rest)?),
            "no_warn" => self.no_warning = true,
            "no_info" => self.no_info = true,
            "ordered" => self.is_ordered = true,
            "string" => {
                let quoted = rest.trim();
                let raw = quoted.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
                let text = match raw {
                    Some(raw) => raw.to_owned(),
                    None => serde_json::from_str(quoted).map_err(|error| format!("{quoted}: {error}"))?,
                };
                self.string = Some(text);
            }
            other => return Err(format!("expect {other} is not known")),
        }
        Ok(())
    }

    pub(super) fn fails(&self) -> bool {
        self.fail.is_some()
    }

    pub(super) fn check_failure(&self, message: &str) -> Result<(), String> {
        match &self.fail {
            None => Err(format!("failed: {message}")),
            Some(Message::Exact(want)) if !message.contains(want.as_str()) => {
                Err(format!("failed with {message:?} instead of {want:?}"))
            }
            Some(Message::Pattern(want)) if !want.is_match(message) => {
                Err(format!("failed with {message:?}, which does not match {want}"))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn check_annotations(&self, got: &Annotations) -> Result<(), String> {
        for (kind, want, none, got) in [
            ("warning", &self.warnings, self.no_warning, &got.warnings),
            ("info", &self.infos, self.no_info, &got.infos),
        ] {
            if let Some(message) = want.iter().find(|message| !got.iter().any(|text| message.matches(text))) {
                return Err(format!("no {kind} {message:?} in {got:?}"));
            }
            let unexpected = |text: &&String| !want.iter().any(|message| message.matches(text));
            if let Some(text) = got.iter().find(unexpected).filter(|_| none || !want.is_empty()) {
                return Err(format!("unexpected {kind} {text:?}"));
            }
        }
        Ok(())
    }
}
