//! The vocabulary of Clew: records, spans, labels, samples, time ranges, IDs, limits, error kinds, and the traits by
//! which queries read stores. Pure: no I/O, no clock, no async, no globals; it imports no other crate of the project.
//!
//! Modules are named by signal (`logs`, `metrics`, `traces`) so that one feature is found under one word on every floor.

pub mod caller;
pub mod context;
pub mod correlation;
pub mod damage;
pub mod error;
pub mod id;
pub mod limits;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod near;
pub mod numeral;
pub mod re2;
pub mod resource;
pub mod rows;
pub mod scan;
pub mod signal;
pub mod tenants;
pub mod time;
pub mod traces;
pub mod usage;
pub mod value;

pub use caller::{Caller, Scopes};
pub use context::{Cancel, CancelReason, Context, ReadMeter};
pub use correlation::CanonicalId;
pub use damage::{SetAside, Warnings};
pub use error::{ErrorKind, ReadError};
pub use id::{RecordId, SpanId, TenantId, TraceId};
pub use memory::{MemoryBudget, MemoryShare, Reservation, Taken};
pub use resource::{Resource, Scope, UNKNOWN_SERVICE};
pub use rows::RowSet;
pub use scan::{Executor, Flow, Serial, Sink, SinkWorker};
pub use signal::Signal;
pub use tenants::TenantSet;
pub use time::{TimeRange, UnixMillis, UnixNanos};
pub use usage::{Usage, UsageByTenant};
pub use value::{Attribute, Attributes, Number, Value};
