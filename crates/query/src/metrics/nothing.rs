//! Why a selector finds nothing: a metric or a label that is not there, with what is near it.

use super::{label_names, label_values};
use clew_model::metrics::{METRIC_NAME, MatchOp, Matcher, MetricView, SeriesBatch, SeriesScan, is_stale};
use clew_model::near::near;
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Names and values that are offered.
const MOST_OFFERED: usize = 3;

/// Says why a selector finds nothing, as far as the names of all that is kept can tell, and whether samples lie outside
/// of `looked_at`, the times at which some were looked for at most. To be asked only where nothing was found: it reads
/// names, of all that is kept.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn why_nothing(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    looked_at: Option<TimeRange>,
) -> Result<Option<String>, ReadError> {
    let values = |label: &str, matchers: &[Matcher]| label_values(context, view, label, matchers, TimeRange::ALL);
    let is_name = |matcher: &&Matcher| matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal;
    let name = matchers.iter().find(is_name);
    if !values(METRIC_NAME, matchers)?.is_empty() {
        let Some(range) = looked_at else { return Ok(None) };
        if has_samples(context, view, matchers, range)? {
            return Ok(None);
        }
        let what = name
            .map_or_else(|| "series that pass this selector".to_owned(), |name| format!("series of {:?}", name.value));
        return Ok(Some(format!(
            "{what} are there, but have no samples at these times; they lie outside of the range"
        )));
    }
    let base: Vec<Matcher> = name.cloned().into_iter().collect();
    if let Some(name) = name
        && values(METRIC_NAME, &base)?.is_empty()
    {
        let known = values(METRIC_NAME, &[])?;
        return Ok(Some(format!("there is no metric {:?}{}", name.value, offered(&name.value, &known))));
    }
    let of = name.map_or_else(|| "no series has".to_owned(), |name| format!("no series of {:?} has", name.value));
    for matcher in matchers.iter().filter(|matcher| !is_name(matcher)) {
        let mut with = base.clone();
        with.push(matcher.clone());
        if !values(METRIC_NAME, &with)?.is_empty() {
            continue;
        }
        let known = values(&matcher.name, &base)?;
        if known.is_empty() {
            let names = label_names(context, view, &base, TimeRange::ALL)?;
            return Ok(Some(format!("{of} a label {:?}{}", matcher.name, offered(&matcher.name, &names))));
        }
        return Ok(Some(format!("{of} {matcher}{}", offered_or_some(&matcher.value, &known))));
    }
    let whose = name.map_or_else(String::new, |name| format!(" of {:?}", name.value));
    Ok(matchers.len().gt(&base.len()).then(|| format!("no series{whose} passes all matchers together")))
}

/// Whether there is a sample that is no mark of an end.
fn has_samples(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<bool, ReadError> {
    let found = AtomicBool::new(false);
    view.scan_samples(context, &SeriesScan { matchers, range }, &First(&found))?;
    Ok(found.into_inner())
}

/// Stops at the first sample.
struct First<'a>(&'a AtomicBool);

impl Sink<SeriesBatch> for First<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<SeriesBatch> + '_> {
        Box::new(First(self.0))
    }
}

impl SinkWorker<SeriesBatch> for First<'_> {
    fn take(&mut self, batch: &SeriesBatch) -> Result<Flow, ReadError> {
        let series = &batch.series;
        if !series.histograms.is_empty() || series.values.iter().any(|value| !is_stale(*value)) {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(if self.0.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue })
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        Ok(())
    }
}

/// `; near it: "a", "b"`, or nothing where nothing is near.
fn offered(word: &str, known: &BTreeSet<String>) -> String {
    let near = near(word, known.iter().map(String::as_str), MOST_OFFERED);
    if near.is_empty() { String::new() } else { format!("; near it: {}", quoted(&near)) }
}

/// What is near, or else some of what there is.
fn offered_or_some(word: &str, known: &BTreeSet<String>) -> String {
    let offered = offered(word, known);
    if !offered.is_empty() {
        return offered;
    }
    let some: Vec<&str> = known.iter().map(String::as_str).take(MOST_OFFERED).collect();
    let more = if known.len() > some.len() { format!(" and {} more", known.len() - some.len()) } else { String::new() };
    format!("; it has: {}{more}", quoted(&some))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::sinks::testing::{Fake, context};
    use super::*;
    use crate::promql::parse_selector;
    use clew_model::metrics::Labels;

    #[test]
    fn what_is_not_there_is_named_with_what_is_near() {
        let series = |pairs: &[(&str, &str)]| (Labels::new(pairs.iter().copied()).unwrap(), vec![(1, 1.0)]);
        let view = Fake::new(vec![
            series(&[("__name__", "http_requests_total"), ("job", "api"), ("code", "200")]),
            series(&[("__name__", "http_requests_total"), ("job", "web"), ("code", "500")]),
            series(&[("__name__", "up"), ("job", "api"), ("instance", "a:1")]),
        ]);
        for (selector, expected) in [
            ("http_request_total", "there is no metric \"http_request_total\"; near it: \"http_requests_total\""),
            ("http_requests", "there is no metric \"http_requests\"; near it: \"http_requests_total\""),
            ("bandwidth", "there is no metric \"bandwidth\""),
            ("up{jbo=\"api\"}", "no series of \"up\" has a label \"jbo\"; near it: \"job\""),
            (
                "http_requests_total{job=\"apii\"}",
                "no series of \"http_requests_total\" has job=\"apii\"; near it: \"api\"",
            ),
            (
                "http_requests_total{code=~\"4..\"}",
                "no series of \"http_requests_total\" has code=~\"4..\"; it has: \"200\", \"500\"",
            ),
            (
                "http_requests_total{job=\"api\",code=\"500\"}",
                "no series of \"http_requests_total\" passes all matchers together",
            ),
            ("{job=\"nope\"}", "no series has job=\"nope\"; it has: \"api\", \"web\""),
            ("up", "series of \"up\" are there, but have no samples at these times; they lie outside of the range"),
        ] {
            let later = Some(TimeRange::from_millis(2, 9));
            let told = why_nothing(&context(), &view, &parse_selector(selector).unwrap(), later).unwrap();
            assert_eq!(told.as_deref(), Some(expected), "{selector}");
        }
        // What a comparison left out was found, and of what was looked for at a fixed time nothing is known.
        for looked_at in [Some(TimeRange::from_millis(0, 9)), None] {
            assert_eq!(why_nothing(&context(), &view, &parse_selector("up").unwrap(), looked_at).unwrap(), None);
        }
    }
}
