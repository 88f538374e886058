//! OTLP decoders against independent sources: prost's messages as encoder and oracle, the JSON mapping written by
//! hand, the specifications' examples, and hostile bytes.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod expected;
mod generate;
mod hostile;
mod json;
mod metric_labels;
mod metrics;
mod metrics_oracle;
mod records;
mod responses;
mod roomy;
