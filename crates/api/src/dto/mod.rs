//! The JSON shapes of our own API. Domain types are converted here and never serialised themselves.

mod correlation;
mod log;
mod service;
mod span;
mod status;
mod tail;
mod time;
mod value;

pub use correlation::CorrelationDto;
pub use log::{FieldValuesDto, FieldsDto, HistogramDto, IngestDto, LogContextDto, LogPageDto};
pub use service::{ServiceDetailsDto, ServiceMapDto, ServicesDto};
pub use span::{TraceDto, TracePageDto};
pub use status::StatusDto;
pub use tail::{TailDroppedDto, TailLogsDto, TailReadyDto, TailWarningDto};
pub use time::rfc3339;
