//! The answer to JSON logs: how many records were taken, and why the others were not.

use crate::error::Reject;
use crate::limits::{MAX_REASON_BYTES, MAX_REJECT_REASONS};
use clew_model::value::write_json_string;
use std::fmt::Write as _;

/// The body of the answer: `{"accepted":N,"rejected":M,"errors":[{"index":i,"reason":"…"}]}`.
///
/// At most [`MAX_REJECT_REASONS`] errors are listed, each reason cut at [`MAX_REASON_BYTES`]; `rejected` counts them all.
#[must_use]
pub fn answer(accepted: u64, rejected: u64, rejects: &[Reject]) -> String {
    let mut out = format!("{{\"accepted\":{accepted},\"rejected\":{rejected},\"errors\":[");
    for (number, reject) in rejects.iter().take(MAX_REJECT_REASONS).enumerate() {
        let separator = if number == 0 { "" } else { "," };
        let _ = write!(out, "{separator}{{\"index\":{},\"reason\":", reject.index);
        write_json_string(bounded(&reject.reason), &mut out);
        out.push('}');
    }
    out.push_str("]}");
    out
}

fn bounded(reason: &str) -> &str {
    let end = reason.floor_char_boundary(MAX_REASON_BYTES);
    reason.get(..end).unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_json_with_bounded_reasons() {
        let rejects: Vec<Reject> = (0..40)
            .map(|index| Reject { index, reason: if index == 0 { "a \"b\"\n".to_owned() } else { "é".repeat(2_000) } })
            .collect();
        let answer: serde_json::Value = serde_json::from_str(&answer(7, 40, &rejects)).unwrap();
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&7.into(), &40.into()));
        assert_eq!(answer["errors"][0], serde_json::json!({"index": 0, "reason": "a \"b\"\n"}));
        assert_eq!(answer["errors"].as_array().unwrap().len(), MAX_REJECT_REASONS);
        assert_eq!(answer["errors"][1]["reason"], "é".repeat(MAX_REASON_BYTES / 2));
    }
}
