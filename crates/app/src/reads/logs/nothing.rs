//! Why a search of logs finds nothing: a field or a value that is not there, with what is near it, or text of another
//! language.

use crate::limits::{MAX_EXPLAINED_FIELDS, MAX_OFFERED_NAMES, RECENT_NANOS};
use clew_model::correlation::{context_field, looks_like_id};
use clew_model::logs::{FieldTest, LogFilter, LogQuery, LogView, Order, WellKnown, well_known};
use clew_model::near::near;
use clew_model::{Context, ReadError, TimeRange};
use clew_query::logs::{foreign, sinks};

/// Values of a field among which near ones are looked for.
const LOOKED_AT_VALUES: usize = 1000;

/// Says why a query finds nothing, a text for each reason that can be told. To be asked only where nothing was found. It
/// looks at recent records alone, those of the quarter of an hour before the newest one, so that it costs the same however
/// much is held.
pub(super) fn why_nothing(context: &Context, view: &dyn LogView, text: &str, filter: &LogFilter) -> Vec<String> {
    let mut reasons: Vec<String> = foreign(text).into_iter().collect();
    let mut fields = Vec::new();
    collect(filter, &mut fields);
    fields.dedup();
    // An answer is not lost for what would be said about it.
    let Ok(Some(recent)) = recent(context, view) else { return reasons };
    for (name, test) in fields.into_iter().take(MAX_EXPLAINED_FIELDS) {
        if let Ok(Some(reason)) = explain(context, view, name, test, recent)
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    reasons
}

/// The fields that a record must have to pass.
fn collect<'f>(filter: &'f LogFilter, into: &mut Vec<(&'f str, &'f FieldTest)>) {
    match filter {
        LogFilter::And(all) | LogFilter::Or(all) => all.iter().for_each(|one| collect(one, into)),
        LogFilter::Field { name, test } => into.push((name, test)),
        _ => {}
    }
}

fn explain(
    context: &Context,
    view: &dyn LogView,
    name: &str,
    test: &FieldTest,
    recent: TimeRange,
) -> Result<Option<String>, ReadError> {
    // Which of many IDs there are is no help, and listing them costs what they are.
    if matches!(well_known(name), Some(WellKnown::TraceId | WellKnown::SpanId | WellKnown::Time | WellKnown::Message)) {
        return Ok(None);
    }
    let found = |test: FieldTest| newest(context, view, LogFilter::Field { name: name.to_owned(), test }, recent);
    if found(FieldTest::Exists)?.is_none() {
        let known = sinks::fields(context, view, &LogFilter::All, recent, 0)?;
        let names = known.fields.iter().map(|field| field.name.as_ref());
        return Ok(Some(format!(
            "no recent record has a field {name:?}{}",
            offered(&near(name, names, MAX_OFFERED_NAMES))
        )));
    }
    let (FieldTest::Is(value) | FieldTest::Equals(value)) = test else { return Ok(None) };
    if found(test.clone())?.is_some() {
        return Ok(None);
    }
    if looks_like_id(value) || context_field(name).is_some() {
        return Ok(Some(format!("no recent record has {name}:{value}")));
    }
    let known = sinks::field_values(context, view, name, &LogFilter::All, recent, LOOKED_AT_VALUES)?;
    let values = known.field.top.iter().map(|value| value.value.as_ref());
    Ok(Some(format!("no recent record has {name}:{value}{}", offered(&near(value, values, MAX_OFFERED_NAMES)))))
}

/// When the newest record that passes came.
fn newest(
    context: &Context,
    view: &dyn LogView,
    filter: LogFilter,
    range: TimeRange,
) -> Result<Option<i64>, ReadError> {
    let query = LogQuery { filter, range, order: Order::Descending, limit: 1, after: None };
    Ok(sinks::search(context, view, &query)?.rows.first().map(|row| row.record.time))
}

/// The stretch before the newest record; `None` without any.
fn recent(context: &Context, view: &dyn LogView) -> Result<Option<TimeRange>, ReadError> {
    let newest = newest(context, view, LogFilter::All, TimeRange::ALL)?;
    Ok(newest.map(|end| TimeRange::new(end.saturating_sub(RECENT_NANOS), end)))
}

fn offered(names: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("; near it: {}", quoted.join(", "))
}
