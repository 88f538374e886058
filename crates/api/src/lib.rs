//! HTTP, gRPC, JSON shapes, OpenAPI.
