//! Label matchers as Prometheus defines them.

use super::labels::Labels;
use crate::limits::MAX_REGEX_BYTES;
use crate::re2::whole_text_regex;
use regex::Regex;
use std::fmt;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex,
    /// `!~`, anchored at both ends.
    NotRegex,
}

/// One label matcher. A label that is absent has the empty value.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How it compares.
    pub op: MatchOp,
    /// The value or the regular expression as written.
    pub value: String,
    regex: Option<Regex>,
}

/// A matcher whose regular expression does not compile.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the regular expression {pattern:?} of label {name:?} is not valid: {reason}")]
pub struct MatcherError {
    /// The label.
    pub name: String,
    /// The expression as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Matcher {
    /// A matcher; regular expressions have RE2 syntax and are anchored at both ends.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(whole_text_regex(&value, MAX_REGEX_BYTES).map_err(|error| {
                MatcherError { name: name.clone(), pattern: value.clone(), reason: error.to_string() }
            })?),
        };
        Ok(Self { name, op, value, regex })
    }

    /// Whether a label value passes; an absent label has the value `""`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let regex = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Regex => regex(),
            MatchOp::NotRegex => !regex(),
        }
    }

    /// Whether a label set passes.
    #[must_use]
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name).unwrap_or_default())
    }

    /// Whether a series without the label passes.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        };
        write!(formatter, "{}{op}{:?}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_anchored_and_absent_labels_are_empty() {
        let labels = Labels::new([("job", "api-server")]).unwrap();
        for (name, op, value, matches) in [
            ("job", MatchOp::Equal, "api-server", true),
            ("job", MatchOp::Regex, "api", false),
            ("job", MatchOp::Regex, "api.*", true),
            ("job", MatchOp::Regex, "x|api-server", true),
            ("job", MatchOp::NotRegex, "api", true),
            ("absent", MatchOp::Equal, "", true),
            ("absent", MatchOp::NotEqual, "x", true),
            ("absent", MatchOp::Regex, ".+", false),
        ] {
            let matcher = Matcher::new(name, op, value).unwrap();
            assert_eq!(matcher.matches_labels(&labels), matches, "{matcher}");
        }
        assert!(Matcher::new("job", MatchOp::Regex, "(").is_err());
    }
}
