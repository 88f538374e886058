//! What a template says about all messages that are made from it.

use super::literals::{literals, looks_around};
use super::template::{NUMBER, TEXT};
use crate::limits::MAX_KEPT_VERDICTS;
use clew_model::logs::{TextTest, plain_text};
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
    /// Whether what a regular expression matches depends on what stands beside it.
    looks_around: bool,
}

impl<'a> TextMatcher<'a> {
    pub(super) fn new(test: &'a TextTest) -> Self {
        let (literals, looks_around) = match test {
            TextTest::Regex(pattern) => (literals(pattern), looks_around(pattern)),
            _ => (Vec::new(), true),
        };
        Self { test, literals, looks_around }
    }

    /// What a template says.
    pub(super) fn verdict(&self, template: &str) -> Verdict {
        let shown = plain_text(template);
        let template = &*shown;
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
            // What matches between two variables matches in every message.
            TextTest::Regex(pattern)
                if !self.looks_around && template.split([NUMBER, TEXT]).any(|between| pattern.0.is_match(between)) =>
            {
                Verdict::Yes
            }
            TextTest::Regex(_) => {
                let possible = self.literals.iter().any(|literal| may_hold(template, &shown, literal));
                if self.literals.is_empty() || possible { Verdict::Unknown } else { Verdict::No }
            }
        }
    }
}

/// Whether a message of the template may hold the text; `shown` is the template with digits for its variables.
fn may_hold(template: &str, shown: &str, part: &str) -> bool {
    if has_digit(part) || shown.contains(part) {
        return true;
    }
    let may_be_in_text = |letters: &str| letters.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (mut rest, mut behind_text) = (template, false);
    // A variable has a digit, which the part has not: of a text variable at most the last letters begin the part, and the
    // first letters of the next one end it. What is between is all that stands between the two in the template.
    loop {
        let end = rest.find([NUMBER, TEXT]).unwrap_or(rest.len());
        let (between, next) = rest.split_at(end);
        let before_text = next.starts_with(TEXT);
        let may_begin = |from: usize| from == 0 || (behind_text && part.get(..from).is_some_and(may_be_in_text));
        let fits = |from: usize| {
            let Some(own) = part.get(from..).filter(|_| may_begin(from)) else { return false };
            let inside = from > 0 && between.starts_with(own);
            let through = || own.strip_prefix(between).is_some_and(|left| before_text && may_be_in_text(left));
            inside || through()
        };
        let ends_inside_text = |from: usize| {
            let (own, left) = part.split_at_checked(from).unwrap_or_default();
            !own.is_empty() && before_text && may_be_in_text(left) && between.ends_with(own)
        };
        if (0..=part.len()).any(|from| fits(from) || ends_inside_text(from)) {
            return true;
        }
        let Some(placeholder) = next.chars().next() else { return false };
        behind_text = before_text;
        rest = next.get(placeholder.len_utf8()..).unwrap_or_default();
    }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// What templates said to one test, by their hash; the same ones come back block after block.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    known: HashMap<u64, Verdict>,
}

impl Verdicts {
    /// What the template of this hash said; `None` when it was not asked yet, or is not remembered.
    pub(super) fn of(&self, hash: u64) -> Option<Verdict> {
        self.known.get(&hash).copied()
    }

    /// Asks a template, and remembers what it says.
    pub(super) fn learn(&mut self, hash: u64, matcher: &TextMatcher<'_>, template: &str) -> Verdict {
        let verdict = matcher.verdict(template);
        if self.known.len() < MAX_KEPT_VERDICTS {
            self.known.insert(hash, verdict);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{Variable, split};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        /// What a message holds, its template may hold.
        #[test]
        fn no_text_that_a_message_holds_is_ruled_out(message in "[ab1 :_]{0,24}", from: prop::sample::Index, length in 0usize..10) {
            let mut template = String::new();
            let splits = split(&message, &mut template, &mut |_: Variable<'_>| {});
            prop_assert!(splits);
            let from = from.index(message.len() + 1);
            let part = &message[from..(from + length).min(message.len())];
            let test = TextTest::Substring(part.to_owned());
            prop_assert_ne!(TextMatcher::new(&test).verdict(&template), Verdict::No, "{:?} in {:?}", part, template);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5000))]
        /// What a coloured message passes or not, its template says.
        #[test]
        fn a_template_speaks_for_coloured_messages(
            message in "([ab1 :_]{1,4}(\u{1b}\\[[0-9;]{0,2}m|\u{9b}1m|\u{1b}\\[)?){0,6}",
            from: prop::sample::Index,
            length in 0usize..8,
            word in "[ab1]{1,3}",
        ) {
            let mut template = String::new();
            let splits = split(&message, &mut template, &mut |_: Variable<'_>| {});
            prop_assert!(splits);
            let shown = plain_text(&message);
            let from = from.index(shown.len() + 1);
            let part = shown[from..(from + length).min(shown.len())].to_owned();
            let regex = clew_model::logs::Pattern(regex::Regex::new(&regex::escape(&part)).unwrap());
            let tests = [TextTest::Substring(part.clone()), TextTest::words(&part), TextTest::words(&word), TextTest::Regex(regex)];
            for test in tests {
                let passes = test.matches(&message);
                match TextMatcher::new(&test).verdict(&template) {
                    Verdict::Yes => prop_assert!(passes, "{:?} in {:?}", test, message),
                    Verdict::No => prop_assert!(!passes, "{:?} in {:?}", test, message),
                    Verdict::Unknown => {}
                }
            }
        }
    }

    #[test]
    fn a_regex_is_decided_by_what_stands_between_variables() {
        let verdict = |message: &str, pattern: &str| {
            let mut template = String::new();
            assert!(split(message, &mut template, &mut |_| {}));
            let test = TextTest::Regex(clew_model::logs::Pattern(regex::Regex::new(pattern).unwrap()));
            TextMatcher::new(&test).verdict(&template)
        };
        for (message, pattern, expected) in [
            ("job 17 reset by peer 10.0.0.1", "reset by (peer|host)", Verdict::Yes),
            ("job 17 reset by peer 10.0.0.1", "(?i)RESET BY", Verdict::Yes),
            ("job 17 reset by peer 10.0.0.1", "^reset by", Verdict::Unknown),
            ("job 17 reset by peer 10.0.0.1", "peer$", Verdict::Unknown),
            ("job 17 reset by peer 10.0.0.1", r"\bpeer\b", Verdict::Unknown),
            ("job 17 reset by peer 10.0.0.1", r"job \d+", Verdict::Unknown),
            ("job 17 reset by peer 10.0.0.1", "timeout", Verdict::No),
        ] {
            assert_eq!(verdict(message, pattern), expected, "{pattern:?} in {message:?}");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_template_is_ruled_out() {
        let verdict = |message: &str, part: &str| {
            let mut template = String::new();
            assert!(split(message, &mut template, &mut |_| {}));
            TextMatcher::new(&TextTest::Substring(part.to_owned())).verdict(&template)
        };
        for (message, part, expected) in [
            ("request 1a2b3c4d stored by the cache", "reset by peer", Verdict::No),
            ("request 1a2b3c4d stored by the cache", "stored by", Verdict::Yes),
            ("request 1a2b3c4d stored by the cache", "d stored", Verdict::Unknown),
            ("request 1a2b3c4d stored by the cache", "request abc", Verdict::Unknown),
            ("request 1a2b3c4d stored by the cache", "request: abc", Verdict::No),
            ("request 1a2b3c4d stored by the cache", "request a stored", Verdict::No),
            ("1a2b3c4d:x1y2z3w4", "d:x", Verdict::Unknown),
            ("took 12 ms", "b ms", Verdict::No),
        ] {
            assert_eq!(verdict(message, part), expected, "{part:?} in {message:?}");
        }
    }
}
