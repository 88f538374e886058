//! What is rendered by the rules of the formats is read back the same; any bytes are an answer or an error.

use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

#[derive(Debug, Clone)]
struct Line {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    millis: Option<i64>,
    exemplar: Option<(String, f64)>,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let name = prop_oneof![3 => "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", 1 => "[a-z. é\"\\\\\n{},=#]{1,8}"];
    let label_name = prop_oneof![3 => "[a-zA-Z_][a-zA-Z0-9_]{0,5}", 1 => "[a-z. é\"\\\\\n{},=#]{1,6}"];
    let labels = prop::collection::btree_map(label_name, "[a-z \"\\\\\né{},=#}]{1,10}", 0..4)
        .prop_map(|labels| labels.into_iter().filter(|(name, _)| name != "le" && name != "quantile").collect());
    let value = prop_oneof![any::<f64>(), any::<i32>().prop_map(f64::from), Just(f64::NAN), Just(f64::INFINITY)];
    // Milliseconds that survive the way through seconds as a double.
    let millis = prop::option::of((-2_000_000_000i64..2_000_000_000).prop_map(|seconds| seconds * 1000 + 500));
    let exemplar = prop::option::of(("[0-9a-f\"\\\\]{1,32}", -1e9f64..1e9));
    prop::collection::vec((name, labels, value, millis, exemplar), 0..8).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(name, labels, value, millis, exemplar)| Line { name, labels, value, millis, exemplar })
            .collect()
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn is_bare(name: &str, colons: bool) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|own| own.is_ascii_alphanumeric() || own == '_' || (colons && own == ':'))
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => format!("{value:?}"),
    }
}

fn render(lines: &[Line], format: Format) -> String {
    let mut out = String::new();
    for line in lines {
        let mut members: Vec<String> = line
            .labels
            .iter()
            .map(|(name, value)| {
                let name = if is_bare(name, false) { name.clone() } else { quoted(name) };
                format!("{name}={}", quoted(value))
            })
            .collect();
        if is_bare(&line.name, true) {
            out.push_str(&line.name);
        } else {
            members.insert(0, quoted(&line.name));
        }
        if !members.is_empty() {
            let _ = write!(out, "{{{}}}", members.join(","));
        }
        let _ = write!(out, " {}", number(line.value));
        match (line.millis, format) {
            (Some(millis), Format::PrometheusText) => write!(out, " {millis}").unwrap(),
            (Some(millis), Format::OpenMetricsText) => write!(out, " {:?}", millis as f64 / 1000.0).unwrap(),
            (None, _) => {}
        }
        if let (Some((id, value)), Format::OpenMetricsText) = (&line.exemplar, format) {
            let _ = write!(out, " # {{trace_id={}}} {value:?}", quoted(id));
        }
        out.push('\n');
    }
    if format == Format::OpenMetricsText {
        out.push_str("# EOF\n");
    }
    out
}

proptest! {
    #[test]
    fn what_is_rendered_is_read_back(lines in lines()) {
        for format in [Format::PrometheusText, Format::OpenMetricsText] {
            let body = render(&lines, format);
            let batch = read(body.as_bytes(), format).map_err(|error| TestCaseError::fail(format!("{body}: {error}")))?;
            prop_assert_eq!(batch.samples.len(), lines.len());
            let mut exemplars = batch.exemplars.iter();
            for (line, sample) in lines.iter().zip(&batch.samples) {
                let name = [("__name__", line.name.as_str())];
                let pairs = line.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                prop_assert_eq!(batch.series.labels(sample.series as usize).unwrap(), Labels::new(pairs.chain(name)).unwrap());
                prop_assert!(sample.value.to_bits() == line.value.to_bits() || (sample.value.is_nan() && line.value.is_nan()));
                prop_assert!(!clew_model::metrics::is_stale(sample.value));
                prop_assert_eq!(sample.time, line.millis.unwrap_or(SCRAPE_TIME));
                if let (Some((id, value)), Format::OpenMetricsText) = (&line.exemplar, format) {
                    let exemplar = exemplars.next().unwrap();
                    prop_assert_eq!(exemplar.labels.get("trace_id"), Some(id.as_str()));
                    prop_assert_eq!((exemplar.value, exemplar.series), (*value, sample.series));
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "(# (HELP|TYPE|UNIT|EOF)|[a\"{}=, \t\n\\\\#0-9.\r-]){0,40}") {
        for format in [Format::PrometheusText, Format::OpenMetricsText] {
            let _ = read(&bytes, format);
            let _ = read(text.as_bytes(), format);
        }
    }
}

#[test]
fn truncation_and_damage_at_every_byte_never_panic() {
    let body = include_bytes!("../../../tests/fixtures/python_client.om");
    for at in 0..body.len() {
        let cut = read(&body[..at], Format::OpenMetricsText);
        assert!(cut.is_err() || at == body.len() - 1, "only the last line feed may be missing: {at}");
        let _ = read(&body[..at], Format::PrometheusText);
        for byte in [0, b'"', b'\\', b'{', b'}', b'\n', b' ', 0xff] {
            let mut damaged = body.to_vec();
            damaged[at] = byte;
            let _ = read(&damaged, Format::OpenMetricsText);
            let _ = read(&damaged, Format::PrometheusText);
        }
    }
}
