//! The protobuf wire format, read in place: a cursor over one message's bytes that yields its fields.
//!
//! Nothing is copied and no schema is needed: the decoders match on field numbers and skip what they do not know, as
//! the protobuf encoding guide asks. Repeated scalars may be packed or not. Deprecated groups are skipped.

use super::fault::{Fault, Outcome};
use crate::limits::MAX_GROUP_DEPTH;

/// A cursor over the fields of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset in the whole body of the byte after the last of this message.
    end: usize,
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    /// Its number in the schema, never 0.
    pub(crate) number: u32,
    /// Offset of its tag in the whole body.
    pub(crate) offset: usize,
    payload: Payload<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(Reader<'a>),
    Fixed32(u32),
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const GROUP_START: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED32: u64 = 5;

impl<'a> Reader<'a> {
    /// A cursor over a whole body.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, end: body.len() }
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Offset of the next byte in the whole body.
    pub(crate) fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// The next field, or `None` at the end of the message.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Outcome<Option<Field<'a>>> {
        while !self.rest.is_empty() {
            let offset = self.offset();
            let (number, wire_type) = self.tag()?;
            let payload = match wire_type {
                VARINT => Payload::Varint(self.varint()?),
                FIXED64 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
                BYTES => Payload::Bytes(self.delimited()?),
                FIXED32 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
                GROUP_START => {
                    self.skip_group(number, offset)?;
                    continue;
                }
                _ => return Err(bad_wire_type(offset, number, wire_type)),
            };
            return Ok(Some(Field { number, offset, payload }));
        }
        Ok(None)
    }

    #[inline(always)]
    fn tag(&mut self) -> Outcome<(u32, u64)> {
        let offset = self.offset();
        let tag = self.varint()?;
        match u32::try_from(tag >> 3) {
            Ok(number) if number != 0 && number < 1 << 29 => Ok((number, tag & 7)),
            _ => Err(Fault::malformed(offset, format!("the field number is {}, expected 1 to 536870911", tag >> 3))),
        }
    }

    #[inline(always)]
    fn varint(&mut self) -> Outcome<u64> {
        match self.rest {
            [byte @ 0..=0x7f, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Outcome<u64> {
        let offset = self.offset();
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                return Err(Fault::malformed(offset, "the bytes end inside a varint".to_owned()));
            };
            self.rest = rest;
            if shift == 63 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::malformed(offset, "a varint is longer than 64 bits".to_owned()))
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(self.short(N as u64)),
        }
    }

    #[inline(always)]
    fn delimited(&mut self) -> Outcome<Reader<'a>> {
        let length = self.varint()?;
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        match split {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(Reader { rest: bytes, end: self.offset() })
            }
            None => Err(self.short(length)),
        }
    }

    #[cold]
    fn short(&self, needed: u64) -> Fault {
        Fault::malformed(self.offset(), format!("expected {needed} bytes, {} are left", self.rest.len()))
    }

    /// Key and text of a `KeyValue` message in the form in which nearly all are sent: the key, then a string, each once and
    /// shorter than 128 bytes. `None` for any other form, which is read field by field.
    #[inline]
    pub(crate) fn short_text_attribute(&self) -> Option<(&'a [u8], &'a [u8])> {
        const KEY: u8 = 1 << 3 | BYTES as u8;
        const VALUE: u8 = 2 << 3 | BYTES as u8;
        const STRING: u8 = 1 << 3 | BYTES as u8;
        let [KEY, length @ ..0x80, rest @ ..] = self.rest else { return None };
        let (key, rest) = rest.split_at_checked(usize::from(*length))?;
        let [VALUE, outer @ ..0x80, STRING, inner @ ..0x80, text @ ..] = rest else { return None };
        let is_whole = usize::from(*inner) == text.len() && usize::from(*outer) == text.len() + 2;
        is_whole.then_some((key, text))
    }

    /// Skips to the end of the group that was just opened.
    #[cold]
    fn skip_group(&mut self, number: u32, offset: usize) -> Outcome<()> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            if self.rest.is_empty() {
                return Err(Fault::malformed(offset, format!("the group of field {innermost} has no end")));
            }
            let at = self.offset();
            let (number, wire_type) = self.tag()?;
            match wire_type {
                VARINT => drop(self.varint()?),
                FIXED64 => drop(self.array::<8>()?),
                BYTES => drop(self.delimited()?),
                FIXED32 => drop(self.array::<4>()?),
                GROUP_START if open.len() < MAX_GROUP_DEPTH => open.push(number),
                GROUP_START => return Err(Fault::exceeded(at, "the nesting of groups", MAX_GROUP_DEPTH)),
                GROUP_END if number == innermost => drop(open.pop()),
                _ => return Err(bad_wire_type(at, number, wire_type)),
            }
        }
        Ok(())
    }
}

#[cold]
fn bad_wire_type(offset: usize, number: u32, wire_type: u64) -> Fault {
    let reason = match wire_type {
        GROUP_END => format!("field {number} ends a group that is not open"),
        _ => format!("field {number} has wire type {wire_type}, expected 0, 1, 2, 3 or 5"),
    };
    Fault::malformed(offset, reason)
}

impl<'a> Field<'a> {
    #[cold]
    fn mismatch(&self, name: &'static str, expected: &str) -> Fault {
        let found = match self.payload {
            Payload::Varint(_) => "a varint",
            Payload::Fixed64(_) => "8 bytes",
            Payload::Bytes(_) => "a length-delimited field",
            Payload::Fixed32(_) => "4 bytes",
        };
        Fault::malformed(self.offset, format!("expected {expected}, found {found}")).within(name, None)
    }

    /// The fields of a sub-message.
    #[inline]
    pub(crate) fn message(&self, name: &'static str) -> Outcome<Reader<'a>> {
        match self.payload {
            Payload::Bytes(reader) => Ok(reader),
            _ => Err(self.mismatch(name, "a message")),
        }
    }

    /// Reads a sub-message by `read`; faults inside it carry its name.
    #[inline]
    pub(crate) fn nested<T>(&self, name: &'static str, read: impl FnOnce(Reader<'a>) -> Outcome<T>) -> Outcome<T> {
        read(self.message(name)?).map_err(|fault| fault.within(name, None))
    }

    /// As [`Field::nested`], for the element `index` of a repeated field.
    #[inline]
    pub(crate) fn element<T>(
        &self,
        name: &'static str,
        index: usize,
        read: impl FnOnce(Reader<'a>) -> Outcome<T>,
    ) -> Outcome<T> {
        read(self.message(name)?).map_err(|fault| fault.within(name, Some(index)))
    }

    /// Bytes.
    #[inline]
    pub(crate) fn bytes(&self, name: &'static str) -> Outcome<&'a [u8]> {
        match self.payload {
            Payload::Bytes(reader) => Ok(reader.rest),
            _ => Err(self.mismatch(name, "bytes")),
        }
    }

    /// Text; a string that is not UTF-8 makes the whole message malformed (protobuf language guide, "Scalar value
    /// types").
    #[inline]
    pub(crate) fn string(&self, name: &'static str) -> Outcome<&'a str> {
        let Payload::Bytes(reader) = self.payload else {
            return Err(self.mismatch(name, "a string"));
        };
        std::str::from_utf8(reader.rest).map_err(|error| {
            let at = reader.offset().saturating_add(error.valid_up_to());
            Fault::malformed(at, "expected a string in UTF-8, found other bytes".to_owned()).within(name, None)
        })
    }

    /// A varint: `uint64`, and `int64` by its two's complement.
    #[inline]
    pub(crate) fn varint(&self, name: &'static str) -> Outcome<u64> {
        match self.payload {
            Payload::Varint(value) => Ok(value),
            _ => Err(self.mismatch(name, "a varint")),
        }
    }

    /// `int64`, `int32`, or an enum.
    #[inline]
    pub(crate) fn int(&self, name: &'static str) -> Outcome<i64> {
        Ok(self.varint(name)?.cast_signed())
    }

    /// `uint32`; higher bits are cut off, as the encoding guide asks.
    #[inline]
    pub(crate) fn uint32(&self, name: &'static str) -> Outcome<u32> {
        Ok((self.varint(name)? & u64::from(u32::MAX)) as u32)
    }

    /// `sint32` in zigzag encoding.
    #[inline]
    pub(crate) fn sint32(&self, name: &'static str) -> Outcome<i32> {
        let value = self.uint32(name)?;
        Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    /// A truth value.
    #[inline]
    pub(crate) fn boolean(&self, name: &'static str) -> Outcome<bool> {
        Ok(self.varint(name)? != 0)
    }

    /// `fixed64`.
    #[inline]
    pub(crate) fn fixed64(&self, name: &'static str) -> Outcome<u64> {
        match self.payload {
            Payload::Fixed64(value) => Ok(value),
            _ => Err(self.mismatch(name, "8 bytes")),
        }
    }

    /// `fixed32`.
    #[inline]
    pub(crate) fn fixed32(&self, name: &'static str) -> Outcome<u32> {
        match self.payload {
            Payload::Fixed32(value) => Ok(value),
            _ => Err(self.mismatch(name, "4 bytes")),
        }
    }

    /// `double`.
    #[inline]
    pub(crate) fn double(&self, name: &'static str) -> Outcome<f64> {
        Ok(f64::from_bits(self.fixed64(name)?))
    }

    /// Appends the values of a repeated `fixed64`, packed or not, until `out` has `most`; reads past the others.
    pub(crate) fn fixed64s(&self, name: &'static str, most: usize, out: &mut Vec<u64>) -> Outcome<()> {
        let single = if let Payload::Fixed64(value) = self.payload { Some(value) } else { None };
        self.repeated(name, most, out, single, |packed| Ok(u64::from_le_bytes(packed.array()?)))
    }

    /// As [`Field::fixed64s`], for `double`.
    pub(crate) fn doubles(&self, name: &'static str, most: usize, out: &mut Vec<f64>) -> Outcome<()> {
        let single = if let Payload::Fixed64(value) = self.payload { Some(f64::from_bits(value)) } else { None };
        self.repeated(name, most, out, single, |packed| Ok(f64::from_le_bytes(packed.array()?)))
    }

    /// As [`Field::fixed64s`], for `uint64`.
    pub(crate) fn varints(&self, name: &'static str, most: usize, out: &mut Vec<u64>) -> Outcome<()> {
        let single = if let Payload::Varint(value) = self.payload { Some(value) } else { None };
        self.repeated(name, most, out, single, Reader::varint)
    }

    fn repeated<T>(
        &self,
        name: &'static str,
        most: usize,
        out: &mut Vec<T>,
        single: Option<T>,
        read: impl Fn(&mut Reader<'a>) -> Outcome<T>,
    ) -> Outcome<()> {
        if let Some(value) = single {
            if out.len() < most {
                out.push(value);
            }
            return Ok(());
        }
        let Payload::Bytes(mut packed) = self.payload else {
            return Err(self.mismatch(name, "repeated numbers"));
        };
        out.reserve((packed.remaining() / 8).min(most.saturating_sub(out.len())));
        while packed.remaining() > 0 {
            let value = read(&mut packed).map_err(|fault| fault.within(name, None))?;
            if out.len() < most {
                out.push(value);
            }
        }
        Ok(())
    }
}
