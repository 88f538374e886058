//! The words that loggers use for levels.
//!
//! Numbers are those of OpenTelemetry's logs data model, appendix B, and of its bridges where the appendix is silent
//! (winston's `http`: DEBUG3). `docs/levels.md` lists them for users.

use super::Severity;
use crate::logs::terminal::plain_text;

/// Longest word, with what may stand around it (`SEVERITY_NUMBER_INFORMATIONAL`); longer texts are none.
const MAX_WORD_BYTES: usize = 40;

/// What stands before the word where a constant's name is logged.
const PREFIXES: [&[u8]; 5] = [b"severity_number_", b"loglevel_", b"level_", b"log_", b"kern_"];

/// The severity of a text: a word in any case, alone (`ERROR`), with a step (`WARN2`, slog's `INFO+2`, `DEBUG5`), in
/// brackets or other marks (`[error]`, `<warn>`), behind a type's name (`LogLevel.Error`), coloured.
pub(super) fn severity_of(text: &str) -> Option<Severity> {
    let text = text.trim();
    if text.len() > MAX_WORD_BYTES * 2 {
        return None;
    }
    if let Some(severity) = of_word(text) {
        return Some(severity);
    }
    let plain = plain_text(text);
    let word = plain.rsplit(['.', ':', '/', '=']).map(without_marks).find(|part| !part.is_empty())?;
    of_word(word).or_else(|| of_constant(word)).or_else(|| of_offset(word))
}

fn without_marks(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

/// Calls `use_word` with the text in lower case.
fn lowered<T>(text: &str, use_word: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let mut lower = [0u8; MAX_WORD_BYTES];
    let lower = lower.get_mut(..text.len())?;
    lower.copy_from_slice(text.as_bytes());
    lower.make_ascii_lowercase();
    use_word(lower)
}

fn of_word(text: &str) -> Option<Severity> {
    lowered(text, |word| known(word).or_else(|| stepped(word)))
}

fn of_constant(text: &str) -> Option<Severity> {
    lowered(text, |word| {
        PREFIXES
            .iter()
            .find_map(|prefix| word.strip_prefix(*prefix))
            .and_then(|word| known(word).or_else(|| stepped(word)))
    })
}

fn known(word: &[u8]) -> Option<Severity> {
    Some(Severity(match word {
        b"trace" | b"trc" | b"trce" | b"trac" | b"t" | b"verbose" | b"verb" | b"vrb" | b"v" | b"finest" | b"silly"
        | b"all" => 1,
        b"debug" | b"dbug" | b"dbg" | b"debu" | b"deb" | b"d" | b"finer" => 5,
        b"fine" => 6,
        b"config" | b"conf" | b"http" => 7,
        b"info" | b"inf" | b"i" | b"information" | b"informational" | b"informative" | b"log" | b"normal" => 9,
        b"notice" | b"noti" | b"note" | b"ntc" | b"success" | b"succ" => 10,
        b"warning" | b"warn" | b"wrn" | b"warni" | b"w" => 13,
        b"error" | b"err" | b"erro" | b"eror" | b"errr" | b"e" | b"severe" | b"fail" | b"failure" => 17,
        b"critical" | b"crit" | b"crt" | b"cri" | b"c" | b"dpanic" => 18,
        b"alert" | b"alrt" | b"aler" => 19,
        b"fatal" | b"ftl" | b"fata" | b"fatl" | b"f" | b"panic" | b"pnc" | b"pani" | b"emergency" | b"emerg"
        | b"emrg" | b"eme" | b"assert" => 21,
        _ => return None,
    }))
}

/// OpenTelemetry's short names (`ERROR3`), and the finer steps downwards of others (Apache's `trace8`, PostgreSQL's
/// `DEBUG5`, MongoDB's `D2`), which are no more than the lowest.
fn stepped(word: &[u8]) -> Option<Severity> {
    let (digit, word) = word.split_last()?;
    let step = digit.checked_sub(b'1').filter(|step| *step < 9)?;
    match word {
        b"trace" | b"debug" | b"info" | b"warn" | b"error" | b"fatal" if step < 4 => {
            known(word).map(|base| Severity(base.0 + step))
        }
        b"trace" | b"debug" | b"d" => known(word),
        _ => None,
    }
}

/// slog's levels between and beyond its four: `INFO+2`, `ERROR+4`, `DEBUG-4`; its steps are OpenTelemetry's.
fn of_offset(text: &str) -> Option<Severity> {
    let at = text.find(['+', '-'])?;
    let (word, offset) = text.split_at_checked(at)?;
    let base = of_word(word).filter(|base| matches!(base.0, 5 | 9 | 13 | 17))?;
    let offset: i32 = offset.parse().ok().filter(|offset: &i32| offset.abs() < 100)?;
    let number = i32::from(base.0).saturating_add(offset).clamp(1, 24);
    u8::try_from(number).ok().map(Severity)
}

#[cfg(test)]
mod tests {
    use super::super::Severity;

    /// The words, by the documentation of each logger.
    #[test]
    fn words_of_loggers_mean_their_levels() {
        for (words, number) in [
            // OpenTelemetry, zerolog's console, Serilog's u3, w4, log4j, java.util.logging, winston, Android
            ("TRACE trc Trce verbose VRB VERB FINEST silly V T all", 1),
            ("DEBUG dbug DBG Debu d FINER", 5),
            ("FINE DEBUG2", 6),
            ("CONFIG http", 7),
            ("INFO inf Information informational I Log", 9),
            ("notice NOTICE ntc Success INFO2", 10),
            ("WARN Warning WRN w", 13),
            ("ERROR err Erro EROR severe E fail", 17),
            ("critical CRIT crt dpanic ERROR2", 18),
            ("alert ERROR3", 19),
            ("FATAL FTL fata panic PNC emergency emerg F", 21),
        ] {
            for word in words.split(' ') {
                for text in [word.to_owned(), word.to_lowercase(), word.to_uppercase()] {
                    assert_eq!(Severity::from_text(&text).map(Severity::number), Some(number), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_word_is_found_in_what_stands_around_it() {
        for (text, number) in [
            (" debug ", 5),
            ("[ERROR]", 17),
            ("<warn>", 13),
            ("error:", 17),
            ("*** FATAL ***", 21),
            ("❌ error", 17),
            ("LogLevel.Error", 17),
            ("Level::WARN", 13),
            ("logging.INFO", 9),
            ("SEVERITY_NUMBER_ERROR2", 18),
            ("LOG_ERR", 17),
            ("\u{1b}[31mERROR\u{1b}[0m", 17),
            ("\u{1b}[33;1m[warning]\u{1b}[39m", 13),
            ("\u{1b}[38;5;196mer\u{1b}[0mror", 17),
            ("INFO+2", 11),
            ("ERROR+4", 21),
            ("DEBUG-4", 1),
            ("ERROR+90", 24),
            ("trace8", 1),
            ("DEBUG5", 5),
            ("D3", 5),
        ] {
            assert_eq!(Severity::from_text(text).map(Severity::number), Some(number), "{text}");
        }
        for unknown in [
            "",
            "high",
            "critical2",
            "a very long severity text",
            "5",
            "-4",
            "\u{1b}[0m",
            "none",
            "[]",
            "x",
            "INFO+x",
            "…",
        ] {
            assert_eq!(Severity::from_text(unknown), None, "{unknown}");
        }
    }
}
