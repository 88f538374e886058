//! One streaming pass over a JSON text that writes the protobuf message it stands for.

use super::JSON;
use super::scalar::{self, Scalar};
use super::schema::{Field, Kind, Message, camel_case};
use crate::error::{DecodeError, Position};
use crate::limits::MAX_JSON_DEPTH;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write as _};

/// Bytes kept for the length of a message that is not known yet: a varint padded to five bytes, 35 bits.
const LENGTH_BYTES: usize = 5;

/// Characters of a parser's message that are passed on: it may quote a whole text.
const SHOWN_REASON: usize = 300;

/// The protobuf bytes of `message` written in JSON.
pub(super) fn transcode(body: &[u8], message: &'static Message) -> Result<Vec<u8>, DecodeError> {
    let mut writer = Writer { out: Vec::with_capacity(body.len()), path: Vec::new(), depth: 0 };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    // the schema bounds known fields, `Writer::depth` values, and what is ignored is not recursed into
    deserializer.disable_recursion_limit();
    let read = MessageSeed { writer: &mut writer, message }.deserialize(&mut deserializer);
    match read.and_then(|()| deserializer.end()) {
        Ok(()) => Ok(writer.out),
        Err(error) => Err(writer.error(&error)),
    }
}

/// The message under construction and where the reader is.
struct Writer {
    out: Vec<u8>,
    path: Vec<(&'static str, Option<usize>)>,
    depth: usize,
}

impl Writer {
    fn error(&self, error: &serde_json::Error) -> DecodeError {
        let position = Position::Line { line: error.line(), column: error.column() };
        let mut path = String::new();
        for (name, index) in &self.path {
            let dot = if path.is_empty() { "" } else { "." };
            let _ = write!(path, "{dot}{name}");
            if let Some(index) = index {
                let _ = write!(path, "[{index}]");
            }
        }
        let path = camel_case(&path);
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        let reason = reason.chars().take(SHOWN_REASON).collect();
        DecodeError::Malformed { format: JSON, position, path, reason }
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        scalar::put_varint(u64::from(number << 3 | wire_type), &mut self.out);
    }

    /// Starts a length-delimited field; answers where its content begins.
    fn open(&mut self, number: u32) -> usize {
        self.tag(number, 2);
        self.out.extend_from_slice(&[0; LENGTH_BYTES]);
        self.out.len()
    }

    /// Fills in the length of the field whose content begins at `start`.
    fn close(&mut self, start: usize) {
        let mut length = self.out.len().saturating_sub(start);
        let place = self.out.get_mut(start.saturating_sub(LENGTH_BYTES)..start);
        let Some([first @ .., last]) = place else { return };
        for byte in first {
            *byte = (length & 0x7f) as u8 | 0x80;
            length >>= 7;
        }
        *last = length as u8;
    }
}

/// Reads a JSON object as a message.
struct MessageSeed<'w> {
    writer: &'w mut Writer,
    message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_message(self.writer, self.message, map)
    }
}

fn read_message<'de, A: MapAccess<'de>>(
    writer: &mut Writer,
    message: &'static Message,
    mut map: A,
) -> Result<(), A::Error> {
    writer.depth += 1;
    if writer.depth > MAX_JSON_DEPTH {
        // The value around it is too deep for the model already, so that its record is refused by itself.
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        writer.depth -= 1;
        return Ok(());
    }
    while let Some(field) = map.next_key_seed(KeySeed(message))? {
        match field {
            Some(field) => {
                // left in place when an error passes, so that it tells where
                writer.path.push((field.name, None));
                map.next_value_seed(FieldSeed { writer, field, element: false })?;
                writer.path.pop();
            }
            None => drop(map.next_value::<IgnoredAny>()?),
        }
    }
    writer.depth -= 1;
    Ok(())
}

/// Reads a key as the field it names, if the message has it.
struct KeySeed(&'static Message);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<&'static Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.field(key))
    }
}

/// Reads the value of a field, or one element of a list.
struct FieldSeed<'w> {
    writer: &'w mut Writer,
    field: &'static Field,
    element: bool,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FieldSeed<'_> {
    fn is_list(&self) -> bool {
        self.field.repeated && !self.element
    }

    fn scalar<E: Error>(self, value: &Scalar<'_>) -> Result<(), E> {
        if self.is_list() {
            return Err(E::custom(format!("expected a list, found {value}")));
        }
        let field = self.field;
        let (wire_type, bits) = match field.kind {
            Kind::Message(_) => return Err(E::custom(format!("expected an object, found {value}"))),
            Kind::Text | Kind::Id | Kind::Bytes => {
                let bytes = scalar::bytes(value, field.kind).map_err(E::custom)?;
                self.writer.tag(field.number, 2);
                scalar::put_varint(bytes.len() as u64, &mut self.writer.out);
                self.writer.out.extend_from_slice(&bytes);
                return Ok(());
            }
            kind => scalar::bits(value, kind).map_err(E::custom)?,
        };
        self.writer.tag(field.number, wire_type);
        match wire_type {
            0 => scalar::put_varint(bits, &mut self.writer.out),
            1 => self.writer.out.extend_from_slice(&bits.to_le_bytes()),
            _ => self.writer.out.extend_from_slice(&(bits as u32).to_le_bytes()),
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_list() { "a list" } else { "a value" })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        // null is an absent field, but nothing that a list may hold
        if self.element { Err(E::custom("expected a value, found null")) } else { Ok(()) }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(&Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(&Scalar::Int(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(&Scalar::Int(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(&Scalar::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(&Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.is_list() {
            return Err(A::Error::custom("expected one value, found a list"));
        }
        for index in 0.. {
            if let Some(step) = self.writer.path.last_mut() {
                step.1 = Some(index);
            }
            let seed = FieldSeed { writer: &mut *self.writer, field: self.field, element: true };
            if items.next_element_seed(seed)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(A::Error::custom("expected a value, found an object"));
        };
        if self.is_list() {
            return Err(A::Error::custom("expected a list, found an object"));
        }
        let start = self.writer.open(self.field.number);
        read_message(self.writer, message, map)?;
        self.writer.close(start);
        Ok(())
    }
}
