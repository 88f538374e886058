//! Single values: what JSON may write for each type of the schema.

use super::schema::Kind;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::fmt;

/// A JSON value that is neither list nor object nor null.
pub(super) enum Scalar<'a> {
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(&'a str),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => write!(formatter, "{value}"),
            Scalar::Int(value) => write!(formatter, "{value}"),
            Scalar::Double(value) => write!(formatter, "{value}"),
            Scalar::Text(value) => write!(formatter, "{:?}", value.chars().take(64).collect::<String>()),
        }
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The bytes of a length-delimited scalar.
pub(super) fn bytes<'a>(value: &Scalar<'a>, kind: Kind) -> Result<Cow<'a, [u8]>, String> {
    let Scalar::Text(text) = value else {
        return Err(format!("expected a string, found {value}"));
    };
    match kind {
        Kind::Id => Ok(Cow::Owned(hex(text))),
        Kind::Bytes => {
            let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
            engine.decode(text).map(Cow::Owned).map_err(|error| format!("expected base64, found {value}: {error}"))
        }
        _ => Ok(Cow::Borrowed(text.as_bytes())),
    }
}

/// The bytes of an ID in hex digits. A text that is not hex becomes bytes that are longer than any ID and tell the
/// text, so that the record is refused by itself for its ID.
fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let decoded = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Vec<u8>>>();
    match decoded {
        Some(bytes) if rest.is_empty() => bytes,
        _ => format!("not hex digits: {text:?}").into_bytes(),
    }
}

/// The wire type and bits of a number.
pub(super) fn bits(value: &Scalar<'_>, kind: Kind) -> Result<(u32, u64), String> {
    match kind {
        Kind::Bool => match value {
            Scalar::Bool(flag) => Ok((0, u64::from(*flag))),
            _ => Err(format!("expected true or false, found {value}")),
        },
        Kind::Double => Ok((1, double(value)?.to_bits())),
        Kind::Int64 => Ok((0, integer::<i64>(value)?.cast_unsigned())),
        Kind::Uint64 => Ok((0, integer::<u64>(value)?)),
        Kind::Uint32 => Ok((0, integer::<u32>(value)?.into())),
        Kind::Sint32 => {
            let number = integer::<i32>(value)?;
            Ok((0, u64::from((number << 1 ^ number >> 31).cast_unsigned())))
        }
        Kind::Fixed32 => Ok((5, integer::<u32>(value)?.into())),
        Kind::Fixed64 => Ok((1, integer::<u64>(value)?)),
        Kind::Sfixed64 => Ok((1, integer::<i64>(value)?.cast_unsigned())),
        Kind::Enum(names) => Ok((0, i64::from(enumeration(value, names)?).cast_unsigned())),
        Kind::Message(_) | Kind::Text | Kind::Id | Kind::Bytes => Err(format!("expected another type than {value}")),
    }
}

fn double(value: &Scalar<'_>) -> Result<f64, String> {
    match value {
        Scalar::Double(number) => Ok(*number),
        Scalar::Int(number) => Ok(*number as f64),
        Scalar::Text("NaN") => Ok(f64::NAN),
        Scalar::Text("Infinity") => Ok(f64::INFINITY),
        Scalar::Text("-Infinity") => Ok(f64::NEG_INFINITY),
        Scalar::Text(text) => clew_model::value::parse_decimal(text).ok_or(()),
        Scalar::Bool(_) => Err(()),
    }
    .map_err(|()| format!("expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", found {value}"))
}

/// An integer: a number, a number without a fraction, or either in a string.
fn integer<T: TryFrom<i128>>(value: &Scalar<'_>) -> Result<T, String> {
    let number = match value {
        Scalar::Int(number) => Some(*number),
        Scalar::Double(number) => whole(*number),
        Scalar::Text(text) => text.parse().ok().or_else(|| clew_model::value::parse_decimal(text).and_then(whole)),
        Scalar::Bool(_) => None,
    };
    let bits = size_of::<T>() * 8;
    let number = number.ok_or_else(|| format!("expected an integer, found {value}"))?;
    T::try_from(number).map_err(|_| format!("{number} is out of range for its {bits}-bit type"))
}

fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e20).then_some(number as i128)
}

fn enumeration(value: &Scalar<'_>, names: &'static [&'static str]) -> Result<i32, String> {
    if let Scalar::Text(text) = value
        && let Some(number) = names.iter().position(|name| name == text)
    {
        return i32::try_from(number).map_err(|error| error.to_string());
    }
    integer(value).map_err(|error| match value {
        Scalar::Text(_) => {
            format!("expected a number or a name such as {}, found {value}", names.first().unwrap_or(&""))
        }
        _ => error,
    })
}

/// Appends a varint.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
