//! Scripts in the language of Prometheus' promqltest: `load`, `clear`, `eval instant at`, `eval range from … to … step`,
//! and the lines below an eval: `expect fail [msg: …]`, `expect ordered`, `expect warn [msg: …]`, `expect info [msg: …]`,
//! `expect no_warn`, `expect no_info`, or a series and its values (`_` for none).

use crate::store::{MemoryStore, Stored};
use clew_model::Context;
use clew_model::metrics::{Labels, MatchOp, STALE_NAN};
use clew_query::promql::{
    InstantSample, PromqlOptions, QueryResult, SampleValue, Value, ast, parse, parse_duration, query_instant,
    query_range,
};
use std::time::Duration;

/// Runs a script; panics at the first eval that does not answer as the script says.
pub(crate) fn run(name: &str, text: &str) -> usize {
    let mut store = MemoryStore::default();
    let mut evals = 0;
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'))
        .peekable();
    while let Some((number, line)) = lines.next() {
        let mut body = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with([' ', '\t'])) {
            body.push(line.trim());
        }
        let place = format!("{name}:{}: {line}", number + 1);
        if line == "clear" {
            store = MemoryStore::default();
        } else if let Some(step) = line.strip_prefix("load ") {
            let step = parse_duration(step.trim()).unwrap();
            body.iter().for_each(|line| load(&mut store, step, line));
        } else if let Some(rest) = line.strip_prefix("eval instant at ") {
            evals += 1;
            let (at, query) = rest.split_once(' ').unwrap();
            instant(&store, parse_duration(at).unwrap(), query, &body, &place);
        } else if let Some(rest) = line.strip_prefix("eval range from ") {
            evals += 1;
            let words: Vec<&str> = rest.splitn(6, ' ').collect();
            let [from, "to", to, "step", step, query] = words[..] else { panic!("{place}: malformed") };
            let times = [from, to, step].map(|text| parse_duration(text).unwrap());
            range(&store, times, query, &body, &place);
        } else {
            panic!("{place}: unknown command");
        }
    }
    evals
}

/// `{a="b"}` or `name{a="b"}` as labels.
fn labels(text: &str) -> Labels {
    if text == "{}" {
        return Labels::empty();
    }
    let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let ast::ExprKind::Selector(selector) = expr.kind else { panic!("{text} is no series") };
    assert!(selector.matchers.iter().all(|matcher| matcher.op == MatchOp::Equal), "{text}");
    Labels::new(selector.matchers.into_iter().map(|matcher| (matcher.name, matcher.value))).unwrap()
}

/// The series and its values: split at the blank that ends the labels.
fn split_series(line: &str) -> (&str, &str) {
    let end = match line.find('}') {
        Some(end) => end + 1,
        None => line.find(' ').unwrap_or(line.len()),
    };
    (&line[..end], line[end..].trim())
}

fn load(store: &mut MemoryStore, step: i64, line: &str) {
    let (series, values) = split_series(line);
    let labels = labels(series);
    for (index, value) in expand(values).into_iter().enumerate() {
        if let Some(value) = value {
            store.put(&labels, index as i64 * step, Stored::Float(value));
        }
    }
}

/// `1 2+3x4 _ _x3 stale` as samples.
fn expand(values: &str) -> Vec<Option<f64>> {
    let mut out = Vec::new();
    for item in values.split_whitespace() {
        let (base, times) = match item.rsplit_once('x') {
            Some((base, times)) => (base, times.parse::<usize>().unwrap()),
            None => (item, 0),
        };
        if base == "_" {
            out.extend(std::iter::repeat_n(None, times.max(1)));
            continue;
        }
        // The sign between start and increment is the last one that is neither the first character nor an exponent's.
        let split =
            base.char_indices().skip(1).filter(|(at, c)| matches!(c, '+' | '-') && !base[..*at].ends_with('e')).last();
        match split.filter(|_| item.contains('x')) {
            None => out.extend(std::iter::repeat_n(Some(number(base)), times + 1)),
            Some((at, _)) => {
                let (start, increment) = (number(&base[..at]), number(&base[at..]));
                let mut value = start;
                for _ in 0..=times {
                    out.push(Some(value));
                    value += increment;
                }
            }
        }
    }
    out
}

fn number(text: &str) -> f64 {
    match text {
        "stale" => f64::from_bits(STALE_NAN),
        "NaN" => f64::NAN,
        "Inf" | "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.trim_start_matches('+').parse().unwrap_or_else(|_| panic!("{text:?} is no number")),
    }
}

pub(crate) fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

/// Relative difference that is taken for rounding, as promqltest allows.
const TOLERANCE: f64 = 1e-6;

fn near(left: f64, right: f64) -> bool {
    left == right
        || (left.is_nan() && right.is_nan())
        || (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
}

/// Handles `expect` lines; the result when there are values to compare, with the lines that hold them.
fn expected<'a>(
    result: Result<QueryResult, clew_query::QueryError>,
    body: &[&'a str],
    place: &str,
) -> Option<(Value, Vec<&'a str>, bool)> {
    let (expects, values): (Vec<&str>, Vec<&str>) = body.iter().partition(|line| line.starts_with("expect "));
    if let Some(fail) = expects.iter().find_map(|line| line.strip_prefix("expect fail")) {
        let error = result.err().unwrap_or_else(|| panic!("{place}: expected a failure"));
        if let Some(message) = fail.trim().strip_prefix("msg:") {
            assert!(error.message.contains(message.trim()), "{place}: {error}");
        }
        return None;
    }
    let result = result.unwrap_or_else(|error| panic!("{place}: {error} at {:?}", error.position));
    for (keyword, list) in [("expect warn", &result.annotations.warnings), ("expect info", &result.annotations.infos)] {
        for message in expects.iter().filter_map(|line| line.strip_prefix(keyword)) {
            let message = message.trim().trim_start_matches("msg:").trim();
            assert!(list.iter().any(|text| text.contains(message)), "{place}: no {keyword} {message:?} in {list:?}");
        }
        let none = keyword.replace("expect ", "expect no_");
        assert!(!expects.contains(&none.as_str()) || list.is_empty(), "{place}: {list:?}");
    }
    Some((result.value, values, expects.contains(&"expect ordered")))
}

fn instant(store: &MemoryStore, at: i64, query: &str, body: &[&str], place: &str) {
    let options = PromqlOptions::default();
    let result = parse(query).and_then(|expr| query_instant(store, &context(), &expr, at, &options));
    let Some((value, lines, ordered)) = expected(result, body, place) else { return };
    match value {
        Value::Scalar(_, got) => {
            assert_eq!(lines.len(), 1, "{place}: {got}");
            assert!(near(got, number(lines[0].trim_start_matches("{} "))), "{place}: got {got}");
        }
        Value::Vector(got) => vector(&got, &lines, ordered, place),
        other => panic!("{place}: got {other:?}"),
    }
}

fn vector(got: &[InstantSample], lines: &[&str], ordered: bool, place: &str) {
    let mut want: Vec<(Labels, f64)> =
        lines.iter().map(|line| split_series(line)).map(|(s, v)| (labels(s), number(v))).collect();
    let mut have: Vec<(Labels, f64)> = got
        .iter()
        .map(|sample| match &sample.value {
            SampleValue::Float(value) => (sample.labels.clone(), *value),
            SampleValue::Histogram(_) => panic!("{place}: got a histogram"),
        })
        .collect();
    if !ordered {
        want.sort_by(|left, right| left.0.cmp(&right.0));
        have.sort_by(|left, right| left.0.cmp(&right.0));
    }
    let same = want.len() == have.len() && want.iter().zip(&have).all(|(w, h)| w.0 == h.0 && near(w.1, h.1));
    assert!(same, "{place}\n want {want:?}\n  got {have:?}");
}

fn range(store: &MemoryStore, [from, to, step]: [i64; 3], query: &str, body: &[&str], place: &str) {
    let options = PromqlOptions::default();
    let result = parse(query).and_then(|expr| query_range(store, &context(), &expr, from, to, step, &options));
    let Some((value, lines, _)) = expected(result, body, place) else { return };
    let Value::Matrix(got) = value else { panic!("{place}: got {value:?}") };
    let mut want: Vec<(Labels, Vec<(i64, f64)>)> = Vec::new();
    for line in lines {
        let (series, values) = split_series(line);
        let points = expand(values).into_iter().enumerate();
        want.push((labels(series), points.filter_map(|(i, v)| v.map(|v| (from + i as i64 * step, v))).collect()));
    }
    want.sort_by(|left, right| left.0.cmp(&right.0));
    let same = want.len() == got.len()
        && want.iter().zip(&got).all(|(want, got)| {
            want.0 == got.labels
                && want.1.len() == got.floats.len()
                && want.1.iter().zip(&got.floats).all(|(w, g)| w.0 == g.0 && near(w.1, g.1))
        });
    assert!(same, "{place}\n want {want:?}\n  got {got:?}");
}
