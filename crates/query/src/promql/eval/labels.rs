//! `label_replace` and `label_join`: new labels from old ones.

use super::call::missing;
use super::column::Vector;
use super::{Evaluator, Expr};
use crate::error::QueryError;
use crate::limits::MAX_MADE_LABEL_BYTES;
use clew_model::limits::MAX_REGEX_BYTES;
use clew_model::metrics::METRIC_NAME;
use clew_model::re2::whole_text_regex;

impl Evaluator<'_> {
    pub(super) fn label_replace(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [vector, target, replacement, source, pattern] = args else { return Err(missing()) };
        let (target, replacement) = (self.text(target)?, self.text(replacement)?);
        let (source, pattern_text) = (self.text(source)?, self.text(pattern)?);
        let regex = whole_text_regex(&pattern_text, MAX_REGEX_BYTES).map_err(|error| {
            QueryError::execution(format!("invalid regular expression in label_replace(): {pattern_text}: {error}"))
                .at(pattern.span.start, pattern.span.end)
        })?;
        check_target(&target, "label_replace")?;
        let mut vector = self.vector(vector)?;
        for column in &mut vector.columns {
            let value = column.labels.get(&source).unwrap_or_default();
            let Some(captures) = regex.captures(value) else { continue };
            let mut made = String::new();
            captures.expand(&replacement, &mut made);
            check_length(&made)?;
            column.labels = column.labels.with(&target, &made);
            column.drop_name &= target != METRIC_NAME;
        }
        vector.merged()
    }

    pub(super) fn label_join(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [vector, target, separator, sources @ ..] = args else { return Err(missing()) };
        let (target, separator) = (self.text(target)?, self.text(separator)?);
        check_target(&target, "label_join")?;
        let sources = sources.iter().map(|source| self.text(source)).collect::<Result<Vec<_>, _>>()?;
        let mut vector = self.vector(vector)?;
        for column in &mut vector.columns {
            let values: Vec<&str> =
                sources.iter().map(|source| column.labels.get(source).unwrap_or_default()).collect();
            let made = values.join(&separator);
            check_length(&made)?;
            column.labels = column.labels.with(&target, &made);
            column.drop_name &= target != METRIC_NAME;
        }
        vector.merged()
    }
}

/// Prometheus 3 takes any UTF-8 text as a label's name, except none.
fn check_target(name: &str, function: &str) -> Result<(), QueryError> {
    if name.is_empty() {
        return Err(QueryError::execution(format!("invalid destination label name in {function}(): {name:?}")));
    }
    Ok(())
}

pub(super) fn check_length(value: &str) -> Result<(), QueryError> {
    if value.len() <= MAX_MADE_LABEL_BYTES {
        return Ok(());
    }
    Err(QueryError::new(
        clew_model::ErrorKind::LimitExceeded,
        format!("a label value of {} bytes exceeds the limit of {MAX_MADE_LABEL_BYTES}", value.len()),
    ))
}
