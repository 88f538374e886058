//! `GET /federate`: the last samples of the series that are asked for, as a target exposes them.

use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use clew_app::reads::metrics::{FindLast, Listed};
use clew_model::Caller;
use clew_model::metrics::{Labels, METRIC_NAME};
use clew_query::promql::{self, LastSample, SampleValue};
use std::fmt::Write as _;

/// The format of the answer.
const CONTENT_TYPE: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8";

/// `GET /federate`; what may be missing is said in comments; native histograms have no place in this format and are left out, as Prometheus does.
pub(super) async fn federate(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    match found(&state, &caller, request).await {
        Ok(found) => {
            let missing: String =
                found.warnings.iter().map(|warning| format!("# {}\n", warning.replace('\n', " "))).collect();
            ([(header::CONTENT_TYPE, CONTENT_TYPE)], missing + &exposition(found.items)).into_response()
        }
        Err(error) => {
            error.with_retry_after((error.prometheus_status(), format!("{}\n", error.message)).into_response())
        }
    }
}

async fn found(state: &ApiState, caller: &Caller, request: Request<Body>) -> Result<Listed<LastSample>, ApiError> {
    let params = Params::of_request(request).await?;
    let selectors = params.all("match[]").map(str::to_owned).collect();
    Ok(state.app.ask(caller, FindLast { selectors }).await?)
}

/// Samples by the names of their metrics, each name with its line of type.
fn exposition(mut samples: Vec<LastSample>) -> String {
    samples.retain(|sample| !sample.labels.metric_name().is_empty());
    samples.sort_by(|left, right| {
        let names = left.labels.metric_name().cmp(right.labels.metric_name());
        names.then_with(|| left.labels.cmp(&right.labels))
    });
    let mut out = String::new();
    let mut last = String::new();
    for LastSample { labels, time, value } in samples {
        let SampleValue::Float(value) = value else { continue };
        let name = labels.metric_name();
        if name != last {
            let _ = writeln!(out, "# TYPE {} untyped", written_name(name));
            name.clone_into(&mut last);
        }
        let _ = writeln!(out, "{} {} {time}", series(&labels), promql::format_value(value));
    }
    out
}

fn series(labels: &Labels) -> String {
    let name = labels.metric_name();
    let pairs = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let pairs = pairs.map(|(name, value)| format!("{}=\"{}\"", written_name(name), escaped(value)));
    if is_legacy(name) {
        // Prometheus writes an empty instance, so that who federates does not put in its own.
        let instance = labels.get("instance").is_none().then(|| "instance=\"\"".to_owned());
        let mut pairs: Vec<String> = pairs.chain(instance).collect();
        pairs.sort_unstable();
        return format!("{name}{{{}}}", pairs.join(","));
    }
    let pairs: Vec<String> = std::iter::once(written_name(name)).chain(pairs).collect();
    format!("{{{}}}", pairs.join(","))
}

fn is_legacy(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn written_name(name: &str) -> String {
    if is_legacy(name) { name.to_owned() } else { format!("\"{}\"", escaped(name)) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_exposed_by_name_with_their_own_times() {
        let sample = |pairs: &[(&str, &str)], value: f64| LastSample {
            labels: Labels::new(pairs.iter().copied()).unwrap(),
            time: 1500,
            value: SampleValue::Float(value),
        };
        let text = exposition(vec![
            sample(&[("__name__", "b"), ("instance", "x")], f64::INFINITY),
            sample(&[("__name__", "a"), ("l", "q\"\\\n")], 0.5),
            sample(&[("__name__", "a.b"), ("c.d", "1")], 1.0),
        ]);
        let expected = "# TYPE a untyped\na{instance=\"\",l=\"q\\\"\\\\\\n\"} 0.5 1500\n# TYPE \"a.b\" untyped\n{\"a.b\",\"c.d\"=\"1\"} 1 1500\n# TYPE b untyped\nb{instance=\"x\"} +Inf 1500\n";
        assert_eq!(text, expected);
    }
}
