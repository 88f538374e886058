//! Texts of which one must stand in whatever a regular expression matches.

use crate::limits::{MAX_LITERALS, MIN_LITERAL_BYTES};
use clew_model::logs::Pattern;
use regex_syntax::hir::{Hir, HirKind};

/// Literals such that every text in which the pattern matches contains at least one of them, as it is spelt here; none
/// where nothing of the kind is known.
pub(super) fn literals(pattern: &Pattern) -> Vec<String> {
    regex_syntax::parse(pattern.0.as_str()).ok().and_then(|hir| required(&hir)).unwrap_or_default()
}

/// Whether what the pattern matches depends on what stands beside it: the ends of the text, borders of words.
pub(super) fn looks_around(pattern: &Pattern) -> bool {
    regex_syntax::parse(pattern.0.as_str()).map_or(true, |hir| !hir.properties().look_set().is_empty())
}

fn required(hir: &Hir) -> Option<Vec<String>> {
    let literals = match hir.kind() {
        HirKind::Literal(literal) => vec![String::from_utf8(literal.0.to_vec()).ok()?],
        HirKind::Capture(capture) => return required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => return required(&repetition.sub),
        HirKind::Alternation(branches) => {
            let mut literals = Vec::new();
            for branch in branches {
                literals.extend(required(branch)?);
            }
            literals
        }
        HirKind::Concat(pieces) => return in_sequence(pieces),
        _ => return None,
    };
    let useful = literals.iter().all(|literal| literal.len() >= MIN_LITERAL_BYTES);
    (useful && literals.len() <= MAX_LITERALS).then_some(literals)
}

/// The best that a piece, or two neighbours together, give: `reset by (peer|host)` gives `reset by peer` and
/// `reset by host`.
fn in_sequence(pieces: &[Hir]) -> Option<Vec<String>> {
    let whole: Vec<Option<Vec<String>>> = pieces.iter().map(whole_texts).collect();
    let mut runs: Vec<Vec<String>> = Vec::new();
    let mut run: Option<Vec<String>> = None;
    for texts in whole {
        run = match (run.take(), texts) {
            (Some(before), Some(texts)) if before.len().saturating_mul(texts.len()) <= MAX_LITERALS => {
                let joined = before.iter().flat_map(|first| texts.iter().map(move |second| format!("{first}{second}")));
                Some(joined.collect())
            }
            (before, texts) => {
                runs.extend(before);
                texts
            }
        };
    }
    runs.extend(run);
    let shortest = |literals: &[String]| literals.iter().map(String::len).min().unwrap_or(0);
    let useful = |literals: &Vec<String>| shortest(literals) >= MIN_LITERAL_BYTES && literals.len() <= MAX_LITERALS;
    let parts = pieces.iter().filter_map(required);
    runs.into_iter().chain(parts).filter(useful).max_by_key(|literals| shortest(literals))
}

/// All texts that the piece matches, if they are few and known.
fn whole_texts(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![String::from_utf8(literal.0.to_vec()).ok()?]),
        HirKind::Capture(capture) => whole_texts(&capture.sub),
        HirKind::Alternation(branches) => {
            let mut texts = Vec::new();
            for branch in branches {
                texts.extend(whole_texts(branch)?);
            }
            (texts.len() <= MAX_LITERALS).then_some(texts)
        }
        HirKind::Concat(pieces) => {
            let mut texts = vec![String::new()];
            for piece in pieces {
                let piece = whole_texts(piece)?;
                if texts.len().saturating_mul(piece.len()) > MAX_LITERALS {
                    return None;
                }
                texts = texts.iter().flat_map(|first| piece.iter().map(move |next| format!("{first}{next}"))).collect();
            }
            Some(texts)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    #[test]
    fn literals_are_what_a_match_must_hold() {
        for (source, expected) in [
            ("reset by (peer|host)", &["reset by peer", "reset by host"][..]),
            ("^GET /api/v[0-9]+/items", &["GET /api/v"]),
            ("(error|warning): .*", &["error: ", "warning: "]),
            ("a+timeout", &["timeout"]),
            ("(?:took){2}", &["took"]),
            ("timeout|.*", &[]),
            ("(?i)timeout", &[]),
            ("[a-z]+", &[]),
            ("x?", &[]),
            ("ab", &[]),
        ] {
            assert_eq!(literals(&Pattern(Regex::new(source).unwrap())), expected, "{source}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_text_without_them_does_not_match(
            pieces in proptest::collection::vec(
                prop::sample::select(vec![
                    "abc", "abd|", "c.", "[ab]c+", "(abc|cba)+", "(ab){2}", "\\bab", "ac*b", "(abcd|dcba)", "|",
                ]),
                1..5,
            ),
            text in "[abcd|]{0,16}",
        ) {
            let source = pieces.concat();
            let pattern = Pattern(Regex::new(&source).unwrap());
            let literals = literals(&pattern);
            if !literals.is_empty() && pattern.0.is_match(&text) {
                prop_assert!(literals.iter().any(|literal| text.contains(literal.as_str())), "{source} {text}");
            }
        }
    }
}
