//! Series, their values and durations as scripts write them.

use crate::naive_histogram::NaiveHistogram;
use crate::store::Stored;
use clew_model::metrics::{Labels, MatchOp, ResetHint, STALE_NAN};
use clew_query::promql::{ast, parse, parse_duration};
use std::iter::repeat_n;
use std::sync::Arc;

/// A value, and whether the script names the reset hint of the histogram.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) value: Stored,
    pub(super) has_hint: bool,
}

impl Point {
    pub(super) fn float(value: f64) -> Self {
        Self { value: Stored::Float(value), has_hint: false }
    }
}

/// `{a="b"}` or `name{a="b"}` as labels.
pub(super) fn labels(text: &str) -> Result<Labels, String> {
    if text == "{}" {
        return Ok(Labels::empty());
    }
    let expr = parse(text).map_err(|error| format!("{text}: {error}"))?;
    let ast::ExprKind::Selector(selector) = expr.kind else { return Err(format!("{text} is no series")) };
    if selector.matchers.iter().any(|matcher| matcher.op != MatchOp::Equal) {
        return Err(format!("{text} is no series"));
    }
    let pairs = selector.matchers.into_iter().filter(|matcher| !matcher.value.is_empty());
    Labels::new(pairs.map(|matcher| (matcher.name, matcher.value))).map_err(|error| format!("{text}: {error}"))
}

/// The series and its values: split at the blank that ends the labels.
pub(super) fn split_series(line: &str) -> (&str, &str) {
    let mut quote = None;
    let mut is_escaped = false;
    let mut depth = 0;
    for (at, c) in line.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(open) if c == '\\' && open != '`' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '{' => depth += 1,
                '}' => depth -= 1,
                ' ' | '\t' if depth == 0 => {
                    let rest = line[at..].trim_start();
                    // A blank may stand between the name and its labels; two braces begin a histogram.
                    if rest.starts_with('{') && !rest.starts_with("{{") && !line[..at].contains('}') {
                        continue;
                    }
                    return (&line[..at], rest);
                }
                _ => {}
            },
        }
    }
    (line, "")
}

/// A duration, or a number of seconds, in milliseconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    match digits.parse::<f64>() {
        Ok(seconds) => Ok(sign * (seconds * 1000.0).round() as i64),
        Err(_) => parse_duration(digits).map(|millis| sign * millis).map_err(|error| format!("{text}: {error}")),
    }
}

pub(super) fn number(text: &str) -> Result<f64, String> {
    let lower = text.to_ascii_lowercase();
    let (sign, digits) = match lower.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    let value = match digits {
        "stale" => return Ok(f64::from_bits(STALE_NAN)),
        "nan" => f64::NAN,
        "inf" => f64::INFINITY,
        digits => match digits.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).map_err(|error| format!("{text:?}: {error}"))? as f64,
            None if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                digits.parse().map_err(|_| format!("{text:?} is no number"))?
            }
            None => return Err(format!("{text:?} is no number")),
        },
    };
    Ok(sign * value)
}

/// `1 2+3x4 _ _x3 stale {{count:1}}+{{count:1}}x2` as points.
pub(super) fn values(text: &str) -> Result<Vec<Option<Point>>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        if rest.starts_with("{{") {
            rest = histograms(rest, &mut out)?;
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            floats(&rest[..end], &mut out)?;
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// The end of `x5`: how many more, and what follows.
fn times(text: &str) -> Result<(usize, &str), String> {
    let Some(digits) = text.strip_prefix('x') else { return Ok((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let count = digits[..end].parse().map_err(|_| format!("{text:?}: how many times?"))?;
    Ok((count, &digits[end..]))
}

fn floats(item: &str, out: &mut Vec<Option<Point>>) -> Result<(), String> {
    if let Some(rest) = item.strip_prefix('_') {
        out.extend(repeat_n(None, times(rest)?.0.max(1)));
        return Ok(());
    }
    // Among values, `0x5` is zero six times and no hexadecimal number.
    let (base, count) = match item.rsplit_once('x') {
        Some((base, count)) => (base, Some(count.parse::<usize>().map_err(|error| format!("{item}: {error}"))?)),
        None => (item, None),
    };
    // The sign between start and increment is the last one that is neither the first character nor an exponent's.
    let sign = base
        .char_indices()
        .skip(1)
        .filter(|(at, c)| matches!(c, '+' | '-') && !base[..*at].ends_with(['e', 'E']))
        .last()
        .filter(|_| count.is_some());
    let (start, increment) = match sign {
        Some((at, _)) => (number(&base[..at])?, number(&base[at..])?),
        None => (number(base)?, 0.0),
    };
    let mut value = start;
    for _ in 0..=count.unwrap_or(0) {
        out.push(Some(Point::float(value)));
        if sign.is_some() {
            value += increment;
        }
    }
    Ok(())
}

/// A histogram, or a run of them; answers what follows.
fn histograms<'a>(text: &'a str, out: &mut Vec<Option<Point>>) -> Result<&'a str, String> {
    let (mut current, has_hint, mut rest) = histogram(text)?;
    let mut step = None;
    for (sign, factor) in [("+{{", 1.0), ("-{{", -1.0)] {
        if rest.starts_with(sign) {
            let (increment, _, after) = histogram(&rest[1..])?;
            step = Some((increment, factor));
            rest = after;
        }
    }
    let (count, rest) = times(rest)?;
    for turn in 0..=count {
        if let (Some((increment, factor)), true) = (&step, turn > 0) {
            current = current.plus(increment, *factor);
        }
        out.push(Some(Point { value: Stored::Histogram(Arc::new(current.to_native())), has_hint }));
    }
    Ok(rest)
}

/// `{{schema:1 count:2 buckets:[1 1]}}`, whether it names its hint, and what follows it.
fn histogram(text: &str) -> Result<(NaiveHistogram, bool, &str), String> {
    let (body, rest) =
        text.strip_prefix("{{").and_then(|text| text.split_once("}}")).ok_or(format!("{text}: no histogram"))?;
    let mut one = NaiveHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let (mut buckets, mut negative_buckets) = (Vec::new(), Vec::new());
    let mut has_hint = false;
    let mut fields = body.trim();
    while !fields.is_empty() {
        let (key, after) = fields.split_once(':').ok_or(format!("{fields}: no value"))?;
        let after = after.trim_start();
        let end = match after.starts_with('[') {
            true => after.find(']').map(|at| at + 1),
            false => after.find(char::is_whitespace),
        };
        let (value, after) = after.split_at(end.unwrap_or(after.len()));
        let index = || value.parse::<i32>().map_err(|error| format!("{key}:{value}: {error}"));
        match key.trim() {
            "schema" => one.schema = index()?,
            "count" => one.count = number(value)?,
            "sum" => one.sum = number(value)?,
            "z_bucket" => one.zero_count = number(value)?,
            "z_bucket_w" => one.zero_threshold = number(value)?,
            "custom_values" => one.bounds = list(value)?,
            "buckets" => buckets = list(value)?,
            "offset" => offset = index()?,
            "n_buckets" => negative_buckets = list(value)?,
            "n_offset" => negative_offset = index()?,
            "counter_reset_hint" => {
                has_hint = true;
                one.hint = hint(value)?;
            }
            other => return Err(format!("{other:?} is no field of a histogram")),
        }
        fields = after.trim_start();
    }
    one.positive = (offset..).zip(buckets).collect();
    one.negative = (negative_offset..).zip(negative_buckets).collect();
    Ok((one, has_hint, rest))
}

fn hint(text: &str) -> Result<ResetHint, String> {
    match text {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NoReset),
        "gauge" => Ok(ResetHint::Gauge),
        other => Err(format!("{other:?} is no reset hint")),
    }
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    text.trim_matches(['[', ']']).split_whitespace().map(number).collect()
}

/// `_ -30s -1m-1mx3` as start times relative to the samples, in milliseconds.
pub(super) fn starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut out = Vec::new();
    for item in text.split_whitespace() {
        if let Some(rest) = item.strip_prefix('_') {
            out.extend(repeat_n(None, times(rest)?.0.max(1)));
            continue;
        }
        let (base, count) = match item.split_once('x') {
            Some((base, count)) => (base, count.parse::<i64>().map_err(|error| format!("{item}: {error}"))?),
            None => (item, 0),
        };
        let sign = base.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-'));
        let (start, increment) = match sign {
            Some((at, _)) => (duration(&base[..at])?, duration(&base[at..])?),
            None => (duration(base)?, 0),
        };
        out.extend((0..=count).map(|turn| Some(start + turn * increment)));
    }
    Ok(out)
}
