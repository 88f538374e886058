//! What a template says about all messages that are made from it.

use super::literals::literals;
use super::template::{NUMBER, TEXT};
use crate::limits::MAX_KEPT_VERDICTS;
use clew_model::logs::TextTest;
use hashbrown::HashMap;

/// Whether the messages of a template pass a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// Each message must be looked at.
    Unknown,
}

/// A test on text with everything worked out that does not depend on a block.
#[derive(Debug)]
pub(super) struct TextMatcher<'a> {
    pub(super) test: &'a TextTest,
    /// Of a regular expression: one of them stands in every text that passes. Empty where that is not known.
    literals: Vec<String>,
}

impl<'a> TextMatcher<'a> {
    pub(super) fn new(test: &'a TextTest) -> Self {
        let literals = match test {
            TextTest::Regex(pattern) => literals(pattern),
            _ => Vec::new(),
        };
        Self { test, literals }
    }

    /// What a template says.
    pub(super) fn verdict(&self, template: &str) -> Verdict {
        let decided = |passes: bool| if passes { Verdict::Yes } else { Verdict::No };
        if !template.contains([NUMBER, TEXT]) {
            return decided(self.test.matches(template));
        }
        let shown = template.replace([NUMBER, TEXT], "0");
        match self.test {
            TextTest::Words(words) if words.iter().all(|word| !has_digit(word)) => decided(self.test.matches(&shown)),
            TextTest::Words(words) => {
                // Every word without digits must be there, whatever the variables hold.
                let holds = |word: &String| TextTest::Words(vec![word.clone()]).matches(&shown);
                let possible = words.iter().filter(|word| !has_digit(word)).all(holds);
                if possible { Verdict::Unknown } else { Verdict::No }
            }
            TextTest::Substring(part) if may_hold(template, &shown, part) => {
                // Numbers hold digits only, texts may hold letters too.
                if !has_digit(part) && shown.contains(part.as_str()) { Verdict::Yes } else { Verdict::Unknown }
            }
            TextTest::Substring(_) => Verdict::No,
            TextTest::Regex(_) => {
                let possible = self.literals.iter().any(|literal| may_hold(template, &shown, literal));
                if self.literals.is_empty() || possible { Verdict::Unknown } else { Verdict::No }
            }
        }
    }
}

/// Whether a message of the template may hold the text; `shown` is the template with digits for its variables.
fn may_hold(template: &str, shown: &str, part: &str) -> bool {
    has_digit(part) || template.contains(TEXT) || shown.contains(part)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// What templates said to one test; the same ones come back block after block.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    known: HashMap<Box<str>, Verdict>,
}

impl Verdicts {
    pub(super) fn of(&mut self, matcher: &TextMatcher<'_>, template: &str) -> Verdict {
        if let Some(verdict) = self.known.get(template) {
            return *verdict;
        }
        let verdict = matcher.verdict(template);
        if self.known.len() < MAX_KEPT_VERDICTS {
            self.known.insert(template.into(), verdict);
        }
        verdict
    }
}
