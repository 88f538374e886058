//! Spans of a run counted together, so that questions about services need not look at each: by service, by service,
//! operation and slot of time, and calls between services by slot. Counts are exact, durations fall into buckets
//! ([`clew_model::traces::duration_bucket`]).
//!
//! A slot is a multiple of a width that is chosen so that a run has at most some dozens. Every value is a compressed
//! section; numbers are varints.
//!
//! ```text
//! head:  version (1) | width (signed) | slots | services | calls | blocks with open traces
//! slots: count, of each: number (signed, after the one before), first start after its begin, last after the first
//! services, sorted by name: count, of each: name, whether its operations are known (1), tally of those that did not fail, of
//!     those that did; times after the first start of all
//! calls: whether they are known (1), count, of each: client, server (numbers of services), calls, failed ones
//! blocks: count, numbers after the one before
//!
//! cells of a service: operations: count, of each: name, kind (1); slots with spans: count, of each: slot, last start; cells
//!     by operation
//! cells of all services: cells by service, with last starts
//! cells, as four sections: count, then of each series, slot (signed, after the one before), buckets of its two tallies; of
//!     each tally with buckets last start (if told), shortest duration, longest after it; of each bucket but the first its
//!     number after the one before; of each bucket its count. Times are after the first start of the slot.
//! calls by slot: count, of each: slot, client, server, calls, failed ones
//! tally: buckets; if any: last start, shortest duration, longest after it, count of the first bucket; of each other: number
//!     after the one before, count. The first bucket is that of the shortest duration.
//! ```
//!
//! Spans that call are counted trace by trace, as far as a trace stands in one block. A trace there is open while a parent is
//! missing: nothing of its calls is counted, its block is listed.

mod build;
mod cells;
mod head;
mod slots;
mod tally;

pub use build::{EncodedSums, SumsBuilder};
pub use cells::{CallCell, Cell, Cells, ServiceCells, decode_all_cells, decode_call_cells};
pub use head::{CallSum, ServiceSum, SpanSums};
pub use slots::{Slot, slot_width};
pub use tally::{Tally, TallyRef, TallySum};

const WHAT: &str = "sums of spans";

/// The newest layout.
const VERSION: u8 = 0;

#[cfg(test)]
mod tests;
