//! Spans in blocks of columns: about 512 spans cut where a trace ends, behind a dictionary that a group of blocks
//! shares.
//!
//! [`encode_group`] makes a dictionary and its blocks from spans in order (traces by first start, spans by start);
//! [`SpanBlock`] reads one: single columns, single traces, or everything. Nothing of a span is lost.

mod attributes;
mod block;
mod dictionary;
mod encode;
mod filter;
mod intern;
pub mod limits;
mod numbers;
mod scan_columns;
mod section;
pub mod sums;
mod terms;
mod weight;
mod zone;

#[cfg(test)]
pub(crate) mod samples;

pub use block::{SpanBlock, SpanHead};
pub use dictionary::SpanDictionary;
pub use encode::{EncodedBlock, EncodedGroup, encode_group};
pub use filter::FilterPlan;
pub use terms::{
    id_term, key_seed, operation_term, outcome_term, service_term, span_term, terms_of_id, trace_term, value_term,
    visit_elements,
};
pub use weight::{weight_of_all, weights_of};
pub use zone::BlockZone;

#[cfg(test)]
mod tests;
