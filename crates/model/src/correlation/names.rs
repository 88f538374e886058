//! How the names of fields that hold IDs are recognised, in any spelling.

/// A field that holds trace or span IDs, or a header that carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextField {
    /// The record's trace ID.
    Trace,
    /// The record's span ID.
    Span,
    /// The ID of another span, such as the parent's.
    OtherSpan,
    /// A header.
    Header,
}

/// Names that count after any border between words (`otelTraceID`, `x-b3-traceid`), folded.
const WORDS: [(&str, ContextField); 4] = [
    ("parentspanid", ContextField::OtherSpan),
    ("traceid", ContextField::Trace),
    ("spanid", ContextField::Span),
    ("traceparent", ContextField::Header),
];
/// Names that count only where a name begins, since they could end another.
const NAMES: [(&str, ContextField); 5] = [
    ("b3", ContextField::Header),
    ("cloudtracecontext", ContextField::Header),
    ("sentrytrace", ContextField::Header),
    ("datadogparentid", ContextField::OtherSpan),
    ("logginggoogleapiscom/trace", ContextField::Trace),
];

/// Which trace or span IDs the field at this path holds: `trace_id`, `spanId`, `traceparent`, `uber-trace-id`, `b3`,
/// `X-B3-TraceId`, `X-Amzn-Trace-Id`, `dd.trace_id`, `otelTraceID`, `logging.googleapis.com/trace` …
#[must_use]
pub fn context_field(path: &str) -> Option<ContextField> {
    // Asked of every attribute of a log without a trace ID: most names end otherwise.
    if !matches!(path.as_bytes(), [.., b'd' | b'D' | b'e' | b'E' | b't' | b'T' | b'3']) {
        return None;
    }
    let of_words = WORDS.iter().find(|(word, _)| FieldName::ends_in_word(path, word));
    of_words.or_else(|| NAMES.iter().find(|(name, _)| FieldName::ends(path, name))).map(|(_, field)| *field)
}

/// Comparing the end of a field's path with a folded name.
pub(super) struct FieldName;

impl FieldName {
    /// Whether the path ends in the name, which begins at its start, after a dot, or after the `X-` of an HTTP header.
    pub(super) fn ends(path: &str, folded: &str) -> bool {
        start_of(folded, path.as_bytes()).is_some_and(|start| begins_a_name(path, start))
    }

    /// Whether the path ends in the name, which begins where a word does: after a separator, or at a capital after a
    /// small letter.
    fn ends_in_word(path: &str, folded: &str) -> bool {
        let Some(start) = start_of(folded, path.as_bytes()) else { return false };
        let (before, from) = path.as_bytes().split_at_checked(start).unwrap_or_default();
        match (before.last(), from.first()) {
            (None, _) => true,
            (Some(before), _) if !before.is_ascii_alphanumeric() => true,
            (Some(before), Some(first)) => !before.is_ascii_uppercase() && first.is_ascii_uppercase(),
            (Some(_), None) => false,
        }
    }
}

/// The name without case and separators.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| !is_separator(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// Where in the path its end begins that reads as the folded name.
fn start_of(name: &str, path: &[u8]) -> Option<usize> {
    let mut at = path.len();
    for wanted in name.bytes().rev() {
        loop {
            at = at.checked_sub(1)?;
            let own = *path.get(at)?;
            if own.to_ascii_lowercase() == wanted {
                break;
            }
            // Separators stand between words, not behind the last one.
            if !is_separator(char::from(own)) || at + 1 == path.len() {
                return None;
            }
        }
    }
    Some(at)
}

/// Whether a name begins there: at the start, after a dot, or after the `X-` of an HTTP header.
fn begins_a_name(path: &str, start: usize) -> bool {
    let before = path.as_bytes().get(..start).unwrap_or_default();
    match before {
        [] | [.., b'.'] => true,
        [rest @ .., b'x' | b'X', b'-' | b'_'] => matches!(rest, [] | [.., b'.']),
        _ => false,
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::super::CorrelationRules;
    use super::*;

    #[test]
    fn configured_fields_are_recognised_at_the_end_of_a_path_and_in_any_spelling() {
        let rules = CorrelationRules::default();
        for (path, is_field) in [
            ("correlation_id", true),
            ("context.task_id", true),
            ("metadata.Task-Id", true),
            ("session.id", true),
            ("resource.session.id", true),
            ("subtask_id", false),
            ("task_id.value", false),
            ("traceparent", true),
            ("requestId", true),
            ("request-id", true),
            ("X-Request-ID", true),
            ("x_request_id", true),
            ("http.request.id", true),
            ("http.headers.X-Request-Id", true),
            ("context.taskId", true),
            ("TraceID", true),
            ("dd.trace_id", true),
            ("request_id_", false),
            ("prerequest_id", false),
            ("box_request_id", false),
            ("xrequest_id", false),
            ("id", false),
            ("", false),
        ] {
            assert_eq!(rules.field(path).is_some(), is_field, "{path}");
        }
    }

    #[test]
    fn fields_of_trace_and_span_ids_are_recognised_by_their_last_words() {
        for path in [
            "trace_id",
            "traceId",
            "TraceID",
            "trace.id",
            "dd.trace_id",
            "otelTraceID",
            "otelSpanID",
            "parent_span_id",
            "parentSpanId",
            "context.trace_id",
            "X-B3-TraceId",
            "x-b3-spanid",
            "b3",
            "http.headers.b3",
            "uber-trace-id",
            "traceparent",
            "elastic-apm-traceparent",
            "X-Amzn-Trace-Id",
            "x_amzn_trace_id",
            "xray_trace_id",
            "X-Cloud-Trace-Context",
            "sentry-trace",
            "x-datadog-trace-id",
            "x-datadog-parent-id",
            "logging.googleapis.com/trace",
            "logging.googleapis.com/spanId",
            "logging.googleapis.com/trace_id",
        ] {
            assert!(context_field(path).is_some(), "{path}");
        }
        for path in [
            "backtraceid",
            "backtrace",
            "stack_trace",
            "trace",
            "parent_id",
            "tab3",
            "id",
            "",
            "trace_ids",
            "wingspanid",
        ] {
            assert_eq!(context_field(path), None, "{path}");
        }
    }
}
