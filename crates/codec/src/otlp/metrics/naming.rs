//! Names of OpenTelemetry turned into names of Prometheus: metric names with unit and type suffixes, label names.
//!
//! The rules are those of Prometheus' OTLP receiver with its default settings (translation strategies; label names
//! keep runs of underscores and get `key` before a single leading one), which differ in places from the OpenTelemetry
//! specification "Prometheus and OpenMetrics Compatibility": dashboards made for Prometheus must find the same names.

use compact_str::CompactString;

/// How OpenTelemetry names become Prometheus names; the names are those of Prometheus' `otlp.translation_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TranslationStrategy {
    /// Characters other than letters, digits, `_` and `:` become `_`; unit and type suffixes are added.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Characters other than letters, digits, `_` and `:` become `_`; no suffixes.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay as they are; unit and type suffixes are added.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are; no suffixes.
    NoTranslation,
}

impl TranslationStrategy {
    fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// What of a metric's type matters for its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    /// A gauge: `_ratio` for the unit `1`.
    Gauge,
    /// A monotonic sum: `_total`.
    Counter,
    /// Anything else.
    Other,
}

/// The Prometheus name of a metric family; `None` when nothing but underscores would be left.
pub(super) fn metric_name(name: &str, unit: &str, kind: NameKind, strategy: TranslationStrategy) -> Option<String> {
    let translated = match (strategy.escapes(), strategy.adds_suffixes()) {
        (true, true) => escaped_with_suffixes(name, unit, kind),
        (true, false) => guard_first(join(name.split(|c: char| !is_name_char(c) && c != '_'))),
        (false, true) => raw_with_suffixes(name, unit, kind),
        (false, false) => name.to_owned(),
    };
    let speaks = translated == name || translated.chars().any(|c| c != '_');
    (!translated.is_empty() && speaks).then_some(translated)
}

/// The Prometheus name of a label. Where Prometheus refuses a key of which only underscores are left, Clew keeps them.
pub(super) fn label_name(key: &str, strategy: TranslationStrategy) -> CompactString {
    if !strategy.escapes() {
        return key.into();
    }
    let mut name = CompactString::with_capacity(key.len() + 4);
    if key.starts_with(|c: char| c.is_ascii_digit()) {
        name.push_str("key_");
    }
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    if name.starts_with('_') && !name.starts_with("__") {
        name.insert_str(0, "key");
    }
    name
}

/// The Prometheus name of a unit: `By/s` is `bytes_per_second`; empty for `1` and for annotations such as `{request}`.
pub(super) fn unit_name(unit: &str, strategy: TranslationStrategy) -> String {
    let (mut main, mut per) = unit_parts(unit);
    if strategy.escapes() {
        (main, per) = (clean_unit(&main), clean_unit(&per));
    }
    join([main.as_str(), per.as_str()].into_iter()).trim_matches('_').to_owned()
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// Joins what is not empty with underscores.
fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push('_');
        }
        out.push_str(part);
    }
    out
}

/// A metric's name may not begin with a digit.
fn guard_first(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn escaped_with_suffixes(name: &str, unit: &str, kind: NameKind) -> String {
    let mut words: Vec<&str> = name.split(|c| !is_name_char(c)).filter(|word| !word.is_empty()).collect();
    let (main, per) = unit_parts(unit);
    let (mut main, per) = (clean_unit(&main), clean_unit(&per));
    let per = if per == "per_" { "" } else { per.strip_suffix('_').unwrap_or(&per) };
    if !per.is_empty() && main.ends_with('_') {
        main.pop();
    }
    if !words.contains(&main.as_str()) {
        words.push(&main);
    }
    if !words.contains(&per) {
        words.push(per);
    }
    let suffix = match kind {
        NameKind::Counter => "total",
        NameKind::Gauge if unit == "1" => "ratio",
        NameKind::Gauge | NameKind::Other => "",
    };
    if !suffix.is_empty() {
        words.retain(|word| *word != suffix);
        words.push(suffix);
    }
    guard_first(join(words.into_iter()))
}

fn raw_with_suffixes(name: &str, unit: &str, kind: NameKind) -> String {
    let suffix = match kind {
        NameKind::Counter => "total",
        NameKind::Gauge if unit == "1" => "ratio",
        NameKind::Gauge | NameKind::Other => "",
    };
    let (main, per) = unit_parts(unit);
    let mut out = without_suffix(without_suffix(name, suffix), &per).to_owned();
    if !main.is_empty() && !out.ends_with(&main) {
        out.push('_');
        out.push_str(&main);
    }
    for part in [per.as_str(), suffix] {
        if !part.is_empty() {
            out.push('_');
            out.push_str(part);
        }
    }
    out
}

/// `name` without `suffix` and the character before it, where something is left.
fn without_suffix<'a>(name: &'a str, suffix: &str) -> &'a str {
    if suffix.is_empty() {
        return name;
    }
    let Some(stem) = name.strip_suffix(suffix) else { return name };
    let mut characters = stem.chars();
    characters.next_back();
    if characters.as_str().is_empty() { name } else { characters.as_str() }
}

/// The words for the two sides of a unit, the second with `per_` before it; either may be empty.
fn unit_parts(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let (main, per) = (main.trim(), per.trim());
    let annotated = |text: &str| text.contains(['{', '}']);
    let main = if annotated(main) { "" } else { unit_word(main) };
    let per = if per.is_empty() || annotated(per) { String::new() } else { format!("per_{}", per_word(per)) };
    (main.to_owned(), per)
}

/// Characters that may stand in a name, runs of underscores as one, none in front.
fn clean_unit(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        if is_name_char(c) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

/// The word for a UCUM unit, or the unit itself.
fn unit_word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tebibytes",
        "kBy" | "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

/// The word for a unit after `per`, or the unit itself.
fn per_word(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::TranslationStrategy::{NoTranslation, NoUtf8EscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes};
    use super::*;

    const DEFAULT: TranslationStrategy = TranslationStrategy::UnderscoreEscapingWithSuffixes;

    /// Names that Prometheus 3 gives.
    #[test]
    fn metric_names_get_unit_and_type() {
        use NameKind::{Counter, Gauge, Other};
        for (name, unit, kind, expected) in [
            ("http.server.request.duration", "s", Other, "http_server_request_duration_seconds"),
            ("requests", "", Counter, "requests_total"),
            ("requests_total", "", Counter, "requests_total"),
            ("total.requests", "", Counter, "requests_total"),
            ("cpu.usage", "1", Gauge, "cpu_usage_ratio"),
            ("cpu.usage.ratio", "1", Gauge, "cpu_usage_ratio"),
            ("items", "1", Counter, "items_total"),
            ("response.time.seconds", "s", Gauge, "response_time_seconds"),
            ("response.time", "ms", Gauge, "response_time_milliseconds"),
            ("throughput", "By/s", Gauge, "throughput_bytes_per_second"),
            ("requests", "1/s", Counter, "requests_per_second_total"),
            ("requests", "{request}/s", Other, "requests_per_second"),
            ("custom", "{thing}", Gauge, "custom"),
            ("custom", "By/{thing}", Gauge, "custom_bytes"),
            ("custom", "unit@with#special/chars", Gauge, "custom_unit_with_special_per_chars"),
            ("a__b..c", "u__v", Gauge, "a_b_c_u_v"),
            ("system.cpu.time", "s", Counter, "system_cpu_time_seconds_total"),
            ("disk", "GiBy", Gauge, "disk_gibibytes"),
            ("disk", "kBy", Gauge, "disk_kilobytes"),
            ("load", "%", Gauge, "load_percent"),
            ("temp", "Cel", Gauge, "temp_celsius"),
            ("speed", "m/m", Gauge, "speed_meters_per_minute"),
            ("0metric", "", Gauge, "_0metric"),
            ("ns:metric", "", Gauge, "ns:metric"),
            ("métric", "", Gauge, "m_tric"),
        ] {
            assert_eq!(metric_name(name, unit, kind, DEFAULT).as_deref(), Some(expected), "{name} {unit}");
        }
        for nothing in ["", "@#$%", "日本"] {
            assert_eq!(metric_name(nothing, "", Gauge, DEFAULT), None, "{nothing}");
        }
    }

    #[test]
    fn other_strategies_leave_suffixes_or_characters_alone() {
        use NameKind::{Counter, Gauge};
        for (strategy, name, unit, kind, expected) in [
            (UnderscoreEscapingWithoutSuffixes, "metric@with#chars", "s", Counter, "metric_with_chars"),
            (UnderscoreEscapingWithoutSuffixes, "a__b", "s", Counter, "a__b"),
            (UnderscoreEscapingWithoutSuffixes, "123metric", "", Gauge, "_123metric"),
            (NoUtf8EscapingWithSuffixes, "requêsts", "1/s", Counter, "requêsts_per_second_total"),
            (NoUtf8EscapingWithSuffixes, "cpu.usagé", "1", Gauge, "cpu.usagé_ratio"),
            (NoUtf8EscapingWithSuffixes, "cpu_seconds_total", "s", Counter, "cpu_seconds_total"),
            (NoUtf8EscapingWithSuffixes, "a.total", "", Counter, "a_total"),
            (NoTranslation, "http.requests", "s", Counter, "http.requests"),
        ] {
            assert_eq!(metric_name(name, unit, kind, strategy).as_deref(), Some(expected), "{strategy:?} {name}");
        }
        assert_eq!(metric_name("", "", Gauge, NoTranslation), None);
    }

    #[test]
    fn label_names_are_those_of_prometheus() {
        for (key, expected) in [
            ("http.method", "http_method"),
            ("label:with:colons", "label_with_colons"),
            ("label!with&special$chars)", "label_with_special_chars_"),
            ("123label", "key_123label"),
            ("_label", "key_label"),
            ("__label", "__label"),
            ("a..b", "a__b"),
            ("日本", "__"),
        ] {
            assert_eq!(label_name(key, DEFAULT), expected, "{key}");
            assert_eq!(label_name(key, NoTranslation), key);
        }
    }

    #[test]
    fn units_have_names_of_their_own() {
        for (unit, expected) in [
            ("s", "seconds"),
            ("By/s", "bytes_per_second"),
            ("1", ""),
            ("1/s", "per_second"),
            ("{packet}", ""),
            ("", ""),
            ("widgets per day", "widgets_per_day"),
        ] {
            assert_eq!(unit_name(unit, DEFAULT), expected, "{unit}");
        }
    }
}
