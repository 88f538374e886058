//! PromQL, as Prometheus 3 defines it.
//!
//! [`parse`] accepts the whole grammar and checks types; [`query_instant`] and [`query_range`] evaluate over a
//! [`MetricReader`](clew_model::metrics::MetricReader). What parses and is not evaluated yet is answered with
//! [`ErrorKind::Unsupported`](clew_model::ErrorKind) and its name.

mod annotations;
pub mod ast;
mod display;
mod duration;
mod durations;
mod eval;
pub mod functions;
mod lexer;
mod number;
mod options;
mod parser;
mod pretty;
mod selectors;
mod value;

pub use ast::Expr;
pub use duration::{format_duration, parse_duration};
pub use eval::{LastSample, query_instant, query_last, query_range};
pub use number::{format_plain, format_value};
pub use options::PromqlOptions;
pub use parser::parse;
pub use pretty::prettify;
pub use selectors::{parse_selector, reach, selectors, unescape_label_name};
pub use value::{Annotations, InstantSample, QueryResult, QueryStats, RangeSeries, SampleValue, Value};
