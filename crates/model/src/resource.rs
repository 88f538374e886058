//! What produced a record: the OpenTelemetry resource and instrumentation scope.

use crate::value::{Attributes, Value};
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

/// The service of a resource that names none (OpenTelemetry semantic conventions, "Service": `service.name`).
pub const UNKNOWN_SERVICE: &str = "unknown_service";

impl Resource {
    /// The service that it is: the text of its `service.name`; [`UNKNOWN_SERVICE`] where that is missing, blank or no text.
    #[must_use]
    pub fn service_name(&self) -> &str {
        let names = self.attributes.iter().filter(|own| own.key == "service.name").filter_map(|own| match &own.value {
            Value::String(name) if !name.trim().is_empty() => Some(name.as_str()),
            _ => None,
        });
        names.into_iter().next().unwrap_or(UNKNOWN_SERVICE)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Attribute;

    #[test]
    fn a_resource_always_has_a_service() {
        let named = |values: &[Value]| {
            let attributes = values.iter().map(|value| Attribute::new("service.name", value.clone())).collect();
            Resource { attributes, ..Resource::default() }.service_name().to_owned()
        };
        assert_eq!(named(&["shop".into()]), "shop");
        assert_eq!(named(&[" shop ".into()]), " shop ");
        assert_eq!(named(&["".into(), "shop".into()]), "shop");
        for nothing in [
            Value::Null,
            "".into(),
            " \t".into(),
            Value::Int(7),
            Value::Double(0.5),
            Value::Bool(true),
            Value::Bytes(b"shop".to_vec()),
            Value::Array(vec!["shop".into()]),
            Value::Map(vec![Attribute::new("name", "shop")]),
        ] {
            assert_eq!(named(std::slice::from_ref(&nothing)), "unknown_service", "{nothing:?}");
        }
        assert_eq!(named(&[]), "unknown_service");
    }
}
