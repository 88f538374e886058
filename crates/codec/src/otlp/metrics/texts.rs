//! Values as texts of labels.

use base64::Engine as _;
use clew_model::Value;
use compact_str::{CompactString, ToCompactString as _, format_compact};

/// A value as a label's text: strings bare, bytes in base64, arrays and maps as JSON, nothing as empty
/// ("Attribute Collections", representation for protocols other than OTLP).
pub(super) fn label_value(value: Value) -> CompactString {
    match value {
        Value::Null => CompactString::default(),
        Value::String(text) => text,
        Value::Int(number) => number.to_compact_string(),
        Value::Double(number) => double_text(number),
        Value::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        other => other.display_text().as_ref().into(),
    }
}

/// A double as JSON writes it: the shortest digits, without a fraction where there is none, with an exponent below
/// 1e-6 and from 1e21.
fn double_text(number: f64) -> CompactString {
    let size = number.abs();
    if !number.is_finite() {
        let text = if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        return CompactString::const_new(text);
    }
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") { text.into() } else { text.replace('e', "e+").into() };
    }
    // not `to_compact_string`, which writes a fraction always
    format_compact!("{number}")
}

/// The bounds of histograms with their texts: most histograms of a body have the same.
#[derive(Debug, Default)]
pub(super) struct BoundTexts(Vec<(f64, CompactString)>);

impl BoundTexts {
    /// These bounds, which rise, with their texts.
    pub(super) fn take(&mut self, bounds: &[f64]) -> Vec<(f64, CompactString)> {
        let mut texts = std::mem::take(&mut self.0);
        let is_same = texts.len() == bounds.len()
            && texts.iter().zip(bounds).all(|((known, _), bound)| known.to_bits() == bound.to_bits());
        if !is_same {
            texts.clear();
            texts.extend(bounds.iter().map(|bound| (*bound, bound_text(*bound))));
        }
        texts
    }

    /// Keeps them for the next histogram.
    pub(super) fn give_back(&mut self, texts: Vec<(f64, CompactString)>) {
        self.0 = texts;
    }
}

/// A bucket's bound or a quantile as a label's text: decimal, never with an exponent; `+Inf` for infinity.
pub(super) fn bound_text(bound: f64) -> CompactString {
    if bound == f64::INFINITY {
        CompactString::const_new("+Inf")
    } else if bound == f64::NEG_INFINITY {
        CompactString::const_new("-Inf")
    } else {
        format_compact!("{bound}")
    }
}
