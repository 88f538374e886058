//! Query parameters as people and tools write them: times, durations, numbers, lists.

use crate::error::ApiError;
use crate::limits::MAX_QUERY_BODY;
use axum::body::Body;
use axum::http::{Request, header};
use clew_app::reads::Period;
use clew_codec::time_text;
use clew_model::UnixNanos;
use std::fmt::Display;
use std::str::FromStr;

/// The parameters of a request, in order; names may repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of a URL's query.
    #[must_use]
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        Self(query.map(decode_form).unwrap_or_default())
    }

    /// The parameters of the URL and, for `POST`, of an `application/x-www-form-urlencoded` body.
    ///
    /// # Errors
    /// A body that cannot be read.
    pub(crate) async fn of_request(request: Request<Body>) -> Result<Self, ApiError> {
        let mut params = Self::of_query(request.uri().query());
        let is_form = request.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
            value.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
        });
        if is_form {
            let body = crate::body::read(request.into_body(), MAX_QUERY_BODY).await?;
            params.0.extend(decode_form(&String::from_utf8_lossy(&body)));
        }
        Ok(params)
    }

    /// The first value of a parameter that is given and not empty.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, value)| own == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// It is missing or empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::bad_request(format!("the parameter {name:?} is missing")))
    }

    /// A parameter read as a number or another simple type.
    ///
    /// # Errors
    /// A value that cannot be read so.
    pub(crate) fn parse<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T::Err: Display,
    {
        self.get(name).map(|text| text.parse().map_err(|error| bad(name, text, error))).transpose()
    }

    /// A point in time: RFC 3339, Unix s, ms, µs, ns by magnitude, or relative (`now-1h`).
    ///
    /// # Errors
    /// A value that is no time.
    pub(crate) fn time(&self, name: &str, now: UnixNanos) -> Result<Option<UnixNanos>, ApiError> {
        self.get(name).map(|text| time_text::parse_time(text, now).map_err(|error| bad(name, text, error))).transpose()
    }

    /// From `start` to `end`, as far as they are given.
    ///
    /// # Errors
    /// Values that are no times.
    pub(crate) fn period(&self, now: UnixNanos) -> Result<Period, ApiError> {
        Ok(Period { start: self.time("start", now)?, end: self.time("end", now)? })
    }

    /// A text, owned; `None` where it is not given or empty.
    #[must_use]
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A duration in nanoseconds: `250ms`, `1.5s`, `1m`, or plain seconds.
    ///
    /// # Errors
    /// A value that is no duration.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|text| parse_duration(text).ok_or_else(|| bad(name, text, "write it as 250ms, 1.5s, 5m or 1h")))
            .transpose()
    }
}

fn bad(name: &str, text: &str, reason: impl Display) -> ApiError {
    let shown: String = text.chars().take(100).collect();
    ApiError::bad_request(format!("the parameter {name:?} has the value {shown:?}: {reason}"))
}

/// A duration in nanoseconds: a decimal number and a unit (ns, us, µs, ms, s, m, h, d, w), seconds without one.
#[must_use]
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let nanos = match unit.trim() {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        "w" => 604_800e9,
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * nanos;
    (value.is_finite() && value <= 9.2e18).then_some(value as i64)
}

/// Pairs of `application/x-www-form-urlencoded` text (WHATWG URL, 5.1).
fn decode_form(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decode(name), form_decode(value))
        })
        .collect()
}

fn form_decode(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode(&text.replace('+', " "))).into_owned()
}

/// Undoes percent-encoding; a `%` that begins no escape stands for itself.
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let mut ahead = bytes.clone();
                let digits = ahead.next().and_then(hex).zip(ahead.next().and_then(hex));
                match digits {
                    Some((high, low)) => {
                        out.push(high << 4 | low);
                        bytes = ahead;
                    }
                    None => out.push(b'%'),
                }
            }
            other => out.push(other),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_as_browsers_encode_them() {
        let params = Params::of_query(Some("query=a%20%2B+b%C3%BC&match[]=x&match%5B%5D=y&empty=&bad=%zz"));
        assert_eq!(params.get("query"), Some("a + bü"));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(params.get("empty"), None);
        assert_eq!(params.get("bad"), Some("%zz"));
    }

    #[test]
    fn durations_have_units_and_seconds_without() {
        for (text, nanos) in [
            ("250ms", Some(250_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2", Some(2_000_000_000)),
            ("1h", Some(3_600_000_000_000)),
            ("10us", Some(10_000)),
            ("x", None),
            ("5 parsecs", None),
            ("-1s", None),
        ] {
            assert_eq!(parse_duration(text), nanos, "{text}");
        }
    }
}
