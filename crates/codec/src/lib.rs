//! Wire bytes to model and back: OTLP, JSON logs, the Prometheus exposition formats.
