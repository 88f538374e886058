//! OTLP (OpenTelemetry protocol) 1.x, protobuf and JSON: logs, metrics and traces in, responses out.
