//! What produced a record: the OpenTelemetry resource and instrumentation scope.

use crate::value::{Attributes, Value, find};
use compact_str::CompactString;

/// The entity that produced telemetry (OpenTelemetry resource).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Attributes in the order they were sent.
    pub attributes: Attributes,
    /// Schema URL of the resource, empty when none was sent.
    pub schema_url: CompactString,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
}

impl Resource {
    /// The value of `service.name`, if it is a string.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        match find(&self.attributes, "service.name") {
            Some(Value::String(name)) => Some(name.as_str()),
            _ => None,
        }
    }
}

/// The instrumentation scope (library) that produced telemetry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Name, empty when unknown.
    pub name: CompactString,
    /// Version, empty when unknown.
    pub version: CompactString,
    /// Attributes in the order they were sent.
    pub attributes: Attributes,
    /// Schema URL of the scope, empty when none was sent.
    pub schema_url: CompactString,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
}
