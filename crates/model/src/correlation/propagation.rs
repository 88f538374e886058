//! Headers and resource names that carry a trace ID in a form of their own.

use super::id::is_hex;
use crate::id::{SpanId, TraceId};

/// Hex digits of a trace ID in `uber-trace-id`, which leaves leading zeros out; fewer once in 4,096.
const MIN_UBER_DIGITS: usize = 13;

/// The trace that a header names, and the span if it names one.
///
/// | form | where it comes from |
/// |---|---|
/// | `00-<32 hex>-<16 hex>-<2 hex>` | W3C Trace Context, 3.2 `traceparent` |
/// | `<16 or 32 hex>-<16 hex>[-<flags>[-<16 hex>]]` | B3 single header; Sentry's `sentry-trace` |
/// | `<hex>:<hex>:<hex>:<flags>`, zeros on the left left out, `%3A` for the colons | Jaeger's `uber-trace-id` |
/// | `1-<8 hex>-<24 hex>`, alone or as `Root=` among `;` | AWS X-Ray's `X-Amzn-Trace-Id` |
/// | `<32 hex>/<decimal>[;o=<flag>]` | Google Cloud's `X-Cloud-Trace-Context` |
/// | `projects/<name>/traces/<32 hex>` | Google Cloud Logging's `trace` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropagatedContext {
    /// The trace.
    pub trace: TraceId,
    /// The span that sent the header.
    pub span: Option<SpanId>,
}

impl PropagatedContext {
    /// Reads any of the forms; `None` for other text, and for a form whose trace ID is zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The shortest form is that of Jaeger: thirteen digits, three colons, three digits.
        if text.len() < MIN_UBER_DIGITS + 6 {
            return None;
        }
        let first = text.bytes().position(|byte| matches!(byte, b'-' | b':' | b'=' | b'/' | b'%'))?;
        match text.as_bytes().get(first)? {
            b'-' if first <= 2 => traceparent(text).or_else(|| x_ray_alone(text)),
            b'-' => b3_single(text),
            b':' | b'%' if (MIN_UBER_DIGITS..=32).contains(&first) => uber(text),
            b':' | b'%' => None,
            b'=' => x_ray(text),
            _ => cloud_trace_context(text).or_else(|| cloud_resource(text)),
        }
    }
}

fn traceparent(text: &str) -> Option<PropagatedContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shaped = version.len() == 2 && flags.len() == 2 && is_hex(version) && is_hex(flags);
    // Later versions may add parts (W3C Trace Context, 3.2.4), version 00 has none.
    let complete = parts.next().is_none() || version != "00";
    let span = SpanId::from_hex(span).filter(|_| shaped && complete)?;
    Some(PropagatedContext { trace: TraceId::from_hex(trace)?, span: Some(span) })
}

fn b3_single(text: &str) -> Option<PropagatedContext> {
    let mut parts = text.split('-');
    let (trace, span) = (parts.next()?, parts.next()?);
    let (flags, parent) = (parts.next(), parts.next());
    let flagged = flags.is_none_or(|flags| matches!(flags, "0" | "1" | "d" | ""));
    let parented = parent.is_none_or(|parent| SpanId::from_hex(parent).is_some());
    // Two numbers of sixteen digits with a dash between are an order's number rather than a header without any letter.
    let is_sure = flags.is_some() || text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let span = SpanId::from_hex(span).filter(|_| is_sure && flagged && parented && parts.next().is_none())?;
    Some(PropagatedContext { trace: trace_of_width(trace)?, span: Some(span) })
}

fn uber(text: &str) -> Option<PropagatedContext> {
    let decoded = text.replace("%3A", ":").replace("%3a", ":");
    let mut parts = decoded.split(':');
    let (trace, span, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shaped = (MIN_UBER_DIGITS..=32).contains(&trace.len())
        && (1..=16).contains(&span.len())
        && (1..=16).contains(&parent.len())
        && (1..=2).contains(&flags.len())
        && [trace, span, parent, flags].into_iter().all(is_hex)
        && parts.next().is_none();
    let trace = shaped.then(|| TraceId::from_hex(&format!("{trace:0>32}"))).flatten()?;
    Some(PropagatedContext { trace, span: SpanId::from_hex(&format!("{span:0>16}")) })
}

fn x_ray(text: &str) -> Option<PropagatedContext> {
    let field = |name: &str| {
        let mut fields = text.split(';').filter_map(|field| field.split_once('='));
        fields.find(|(own, _)| own.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let context = x_ray_alone(field("Root")?)?;
    Some(PropagatedContext { span: field("Parent").and_then(SpanId::from_hex), ..context })
}

fn x_ray_alone(text: &str) -> Option<PropagatedContext> {
    let mut parts = text.split('-');
    let (version, time, unique) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = version == "1" && time.len() == 8 && unique.len() == 24 && parts.next().is_none();
    let trace = shaped.then(|| TraceId::from_hex(&format!("{time}{unique}"))).flatten()?;
    Some(PropagatedContext { trace, span: None })
}

fn cloud_trace_context(text: &str) -> Option<PropagatedContext> {
    let (trace, rest) = text.split_once('/')?;
    let span = rest.split(';').next()?;
    let number: u64 = span.parse().ok()?;
    Some(PropagatedContext { trace: TraceId::from_hex(trace)?, span: SpanId::from_bytes(&number.to_be_bytes()) })
}

fn cloud_resource(text: &str) -> Option<PropagatedContext> {
    let path = text.find("projects/").and_then(|at| text.get(at..)).filter(|path| {
        // `//cloudtrace.googleapis.com/projects/…` is the full resource name.
        path.len() == text.len() || text.ends_with(&format!("/{path}"))
    })?;
    let mut parts = path.split('/');
    let named = (parts.next(), parts.next().filter(|name| !name.is_empty()), parts.next());
    let (Some("projects"), Some(_), Some("traces")) = named else { return None };
    let trace = TraceId::from_hex(parts.next()?)?;
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Some(PropagatedContext { trace, span: None }),
        (Some("spans"), Some(span), None) => Some(PropagatedContext { trace, span: SpanId::from_hex(span) }),
        _ => None,
    }
}

/// 32 hex digits, or the 16 of a 64-bit ID.
fn trace_of_width(text: &str) -> Option<TraceId> {
    TraceId::from_hex(text).or_else(|| SpanId::from_hex(text).map(TraceId::from_64_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_names_its_trace_and_span() {
        // Examples of the specifications: W3C Trace Context 3.2, B3 propagation, Jaeger client libraries, AWS X-Ray
        // concepts, Google Cloud Trace; the decimal span ID of the last is 0xe457b5a2e4d86bd1.
        let long = "80f198ee56343ba864fe8b2a57d3eff7";
        let span = Some("e457b5a2e4d86bd1");
        let short = "0000000000000000a7890b687652000e";
        for (text, trace, span) in [
            ("00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01", long, span),
            ("01-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01-later", long, span),
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90", long, span),
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1", long, span),
            ("80F198EE56343BA864FE8B2A57D3EFF7-E457B5A2E4D86BD1-d", long, span),
            ("a7890b687652000e-e457b5a2e4d86bd1-0", short, span),
            ("80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1", long, span),
            ("a7890b687652000e:e457b5a2e4d86bd1:a7890b687652000e:3", short, span),
            ("80f198ee56343ba864fe8b2a57d3eff7%3Ae457b5a2e4d86bd1%3A0%3A1", long, span),
            ("a7890b687652000e%3a57b5a2e4d86bd1%3a0%3a1", short, Some("0057b5a2e4d86bd1")),
            ("7890b687652000e:e457b5a2e4d86bd1:0:1", "000000000000000007890b687652000e", span),
            ("1-5759e988-bd862e3fe1be46a994272793", "5759e988bd862e3fe1be46a994272793", None),
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                "5759e988bd862e3fe1be46a994272793",
                Some("53995c3f42cd8ad8"),
            ),
            (
                "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793",
                "5759e988bd862e3fe1be46a994272793",
                None,
            ),
            ("80f198ee56343ba864fe8b2a57d3eff7/16453819474850114513;o=1", long, span),
            ("80f198ee56343ba864fe8b2a57d3eff7/16453819474850114513", long, span),
            ("projects/my-project/traces/80f198ee56343ba864fe8b2a57d3eff7", long, None),
            ("projects/p/traces/80f198ee56343ba864fe8b2a57d3eff7/spans/e457b5a2e4d86bd1", long, span),
            ("//cloudtrace.googleapis.com/projects/p/traces/80f198ee56343ba864fe8b2a57d3eff7", long, None),
        ] {
            let read = PropagatedContext::parse(text)
                .map(|context| (context.trace.to_string(), context.span.map(|span| span.to_string())));
            assert_eq!(read, Some((trace.to_owned(), span.map(str::to_owned))), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_header_is_none() {
        for text in [
            "",
            "00-00000000000000000000000000000000-e457b5a2e4d86bd1-01",
            "00-80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-01-more",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-maybe",
            "80f198ee56343ba8-64fe8b2a57d3",
            "2024113012345678-0000000000000017",
            "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
            "fe80:0:0:0",
            "de:ad:be:ef:00:01:02:03:04",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "1-5759e988-bd862e3fe1be46a99427279",
            "2-5759e988-bd862e3fe1be46a994272793",
            "Root=yes;Parent=53995c3f42cd8ad8",
            "a=b;c=d, a text of some length",
            "80f198ee56343ba864fe8b2a57d3eff7/path",
            "projects/my-project/topics/80f198ee56343ba864fe8b2a57d3eff7",
            "projects//traces/80f198ee56343ba864fe8b2a57d3eff7",
            "task-2026-11-30-000000001",
        ] {
            assert_eq!(PropagatedContext::parse(text), None, "{text}");
        }
    }
}
