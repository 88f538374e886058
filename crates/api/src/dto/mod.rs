//! The JSON shapes of our own API. Domain types are converted here and never serialised themselves.

mod contrast;
mod correlation;
mod density;
mod log;
mod patterns;
mod service;
mod span;
mod status;
mod tail;
mod time;
mod value;

pub(crate) use contrast::TraceContrastDto;
pub(crate) use correlation::CorrelationDto;
pub(crate) use density::TraceDensityDto;
pub(crate) use log::{FieldValuesDto, FieldsDto, HistogramDto, IngestDto, LogContextDto, LogPageDto};
pub(crate) use patterns::LogPatternsDto;
pub(crate) use service::{ServiceDetailsDto, ServiceMapDto, ServicesDto};
pub(crate) use span::{TraceDto, TracePageDto};
pub(crate) use status::StatusDto;
pub(crate) use tail::{TailDroppedDto, TailLogsDto, TailReadyDto, TailWarningDto};
pub(crate) use time::rfc3339;
