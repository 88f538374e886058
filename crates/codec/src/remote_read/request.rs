//! `ReadRequest`.

use crate::error::DecodeError;
use crate::limits::{MAX_READ_MATCHERS, MAX_READ_QUERIES};
use crate::protobuf::{Fault, Outcome, Reader};
use clew_model::UnixMillis;
use clew_model::metrics::{MatchOp, Matcher};

/// What errors call the format.
const FORMAT: &str = "remote read";

/// `ReadRequest.ResponseType.SAMPLES`
const SAMPLES: u64 = 0;

/// Most types of answers that a list names; more are left out.
const MAX_TYPES: usize = 16;

/// One of the queries of a request.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// The first time.
    pub start: UnixMillis,
    /// The last time.
    pub end: UnixMillis,
    /// What the labels must pass, all of them.
    pub matchers: Vec<Matcher>,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct ReadRequest {
    /// Each is answered by itself, in their order.
    pub queries: Vec<ReadQuery>,
    /// Whether raw samples are among the types of answers that the sender takes; who names none takes them.
    pub takes_samples: bool,
}

/// Reads a `ReadRequest`. Hints are left aside: the range of a query is what must be answered.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, matchers that are none, and more queries or matchers than one
/// request may have.
pub fn decode(body: &[u8]) -> Result<ReadRequest, DecodeError> {
    request(Reader::new(body)).map_err(|fault| fault.into_error(FORMAT))
}

fn request(mut reader: Reader<'_>) -> Outcome<ReadRequest> {
    let (mut queries, mut types) = (Vec::new(), Vec::new());
    while let Some(field) = reader.next()? {
        match field.number {
            1 if queries.len() >= MAX_READ_QUERIES => {
                return Err(Fault::exceeded(field.offset, "queries", MAX_READ_QUERIES));
            }
            1 => queries.push(field.element("queries", queries.len(), query)?),
            2 => field.varints("accepted_response_types", MAX_TYPES, &mut types)?,
            _ => {}
        }
    }
    Ok(ReadRequest { queries, takes_samples: types.is_empty() || types.contains(&SAMPLES) })
}

fn query(mut reader: Reader<'_>) -> Outcome<ReadQuery> {
    let mut query = ReadQuery { start: 0, end: 0, matchers: Vec::new() };
    while let Some(field) = reader.next()? {
        match field.number {
            1 => query.start = field.int("start_timestamp_ms")?,
            2 => query.end = field.int("end_timestamp_ms")?,
            3 if query.matchers.len() >= MAX_READ_MATCHERS => {
                return Err(Fault::exceeded(field.offset, "matchers", MAX_READ_MATCHERS));
            }
            3 => query.matchers.push(field.element("matchers", query.matchers.len(), matcher)?),
            _ => {}
        }
    }
    Ok(query)
}

fn matcher(mut reader: Reader<'_>) -> Outcome<Matcher> {
    let offset = reader.offset();
    let (mut kind, mut name, mut value) = (0, "", "");
    while let Some(field) = reader.next()? {
        match field.number {
            1 => kind = field.int("type")?,
            2 => name = field.string("name")?,
            3 => value = field.string("value")?,
            _ => {}
        }
    }
    let op = match kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        _ => return Err(Fault::unacceptable(offset, format!("the type {kind} of a matcher is none, expected 0 to 3"))),
    };
    Matcher::new(name, op, value).map_err(|error| Fault::unacceptable(offset, error.to_string()))
}
