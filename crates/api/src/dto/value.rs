//! Attribute values as JSON, the text of numbers kept.

use clew_model::value::{double_text, hex_text};
use clew_model::{Attribute, Value};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::{PartialSchema, ToSchema};

/// A value as JSON. Doubles that JSON cannot say become strings (`NaN`, `Infinity`), bytes become hex.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueDto(pub Value);

/// Attributes as a JSON object, in the order they were sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttributesDto(pub Vec<Attribute>);

impl Serialize for ValueDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed(&self.0).serialize(serializer)
    }
}

impl Serialize for AttributesDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        map(&self.0, serializer)
    }
}

struct Borrowed<'a>(&'a Value);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Double(number) => serializer.serialize_str(&double_text(*number)),
            Value::Number(number) => match RawValue::from_string(number.0.to_string()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(&number.0),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_str(&hex_text(bytes)),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Borrowed(item)))?;
                list.end()
            }
            Value::Map(attributes) => map(attributes, serializer),
        }
    }
}

fn map<S: Serializer>(attributes: &[Attribute], serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(attributes.len()))?;
    attributes.iter().try_for_each(|one| object.serialize_entry(one.key.as_str(), &Borrowed(&one.value)))?;
    object.end()
}

impl PartialSchema for ValueDto {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some("Any JSON value; bytes are written as hex"))
            .into()
    }
}

impl ToSchema for ValueDto {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Value")
    }
}

impl PartialSchema for AttributesDto {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .description(Some("Attributes by name, in the order they were sent"))
            .additional_properties(Some(<ValueDto as PartialSchema>::schema()))
            .into()
    }
}

impl ToSchema for AttributesDto {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Attributes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::Number;

    #[test]
    fn key_order_and_the_text_of_numbers_survive() {
        let attributes = AttributesDto(vec![
            Attribute::new("z", Value::Number(Number("1.50e3".into()))),
            Attribute::new("a", Value::Double(0.1)),
            Attribute::new("big", Value::Number(Number("123456789012345678901234567890".into()))),
            Attribute::new("list", Value::Array(vec![Value::Null, Value::Bytes(vec![0xab, 1])])),
            Attribute::new("nan", Value::Double(f64::NAN)),
        ]);
        assert_eq!(
            serde_json::to_string(&attributes).unwrap(),
            r#"{"z":1.50e3,"a":0.1,"big":123456789012345678901234567890,"list":[null,"ab01"],"nan":"NaN"}"#
        );
    }
}
