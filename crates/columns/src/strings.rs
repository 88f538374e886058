//! Columns of text: IDs as binary, the rest compressed.
//!
//! One byte says which encoding was chosen:
//! - `0` plain: lengths by frame of reference, then all text as one compressed section;
//! - `1` a common prefix, then hex digits of one length and case, two a byte;
//! - `2` a common prefix, then a dashed lowercase UUID as 16 bytes;
//! - `3` a common prefix, then a decimal number (padded to one width or without leading zeros) by frame of reference.

use crate::bits::{put_unsigned, read_unsigned};
use crate::bytes::{Problem, Reader, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::error::ColumnsError;
use crate::limits::MAX_EXPANDED_BYTES;

const WHAT: &str = "text column";

const PLAIN: u8 = 0;
const HEX: u8 = 1;
const UUID: u8 = 2;
const DECIMAL: u8 = 3;

/// Shorter runs of hex digits gain nothing over plain text.
const MIN_HEX_DIGITS: usize = 4;
/// Every number of so many digits fits 64 bits.
const MAX_DECIMAL_DIGITS: usize = 19;
/// RFC 9562, 4: hex digits and dashes of a UUID.
const UUID_BYTES: usize = 36;
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

/// Many texts in one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    /// No texts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one at the end.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at `index`; empty when there is none.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> &str {
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).copied(),
            None => Some(0),
        };
        let range = start.zip(self.ends.get(index).copied());
        range.and_then(|(start, end)| self.all.get(start..end)).unwrap_or("")
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.get(index))
    }

    /// All, one after the other without separators.
    #[must_use]
    pub fn joined(&self) -> &str {
        &self.all
    }

    /// The index of the text that holds the byte at `offset` of [`Texts::joined`], and where it ends there.
    #[must_use]
    pub fn at(&self, offset: usize) -> (usize, usize) {
        let index = self.ends.partition_point(|end| *end <= offset);
        (index, self.ends.get(index).copied().unwrap_or(self.all.len()))
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.all.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.all.clear();
        self.ends.clear();
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut all = Self::new();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

/// Appends a column. The count is the caller's to keep.
pub fn put_texts(out: &mut Vec<u8>, texts: &Texts) {
    if !(put_uuids(out, texts) || put_decimals(out, texts) || put_hex(out, texts)) {
        put_plain(out, texts);
    }
}

/// Reads what [`put_texts`] wrote. The caller bounds `count`.
///
/// # Errors
/// Cut off, not UTF-8, or an unknown encoding.
pub fn read_texts(reader: &mut Reader<'_>, count: usize) -> Result<Texts, ColumnsError> {
    match reader.u8(WHAT)? {
        PLAIN => read_plain(reader, count),
        HEX => read_hex(reader, count),
        UUID => read_uuids(reader, count),
        DECIMAL => read_decimals(reader, count),
        other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
    }
}

fn put_plain(out: &mut Vec<u8>, texts: &Texts) {
    out.push(PLAIN);
    let lengths: Vec<u64> = texts.iter().map(|text| text.len() as u64).collect();
    put_unsigned(out, &lengths);
    put_compressed(out, texts.joined().as_bytes());
}

fn read_plain(reader: &mut Reader<'_>, count: usize) -> Result<Texts, ColumnsError> {
    let lengths = read_unsigned(reader, count)?;
    let all = String::from_utf8(read_compressed(reader)?).map_err(|_| reader.error(WHAT, Problem::NotUtf8))?;
    let mut end = 0usize;
    let mut ends = Vec::with_capacity(count);
    for length in lengths {
        end = usize::try_from(length).ok().and_then(|length| end.checked_add(length)).unwrap_or(usize::MAX);
        if !all.is_char_boundary(end) {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "a length cuts the text wrongly" });
        }
        ends.push(end);
    }
    if end != all.len() {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the lengths do not add up to the text" });
    }
    Ok(Texts { all, ends })
}

/// The length of all texts, if they have one, and the bytes they all begin with.
fn shape(texts: &Texts) -> Option<(usize, &[u8])> {
    let first = texts.iter().next()?.as_bytes();
    let mut common = first.len();
    for text in texts.iter() {
        if text.len() != first.len() {
            return None;
        }
        common = first.iter().zip(text.as_bytes()).take(common).take_while(|(a, b)| a == b).count();
    }
    first.get(..common).map(|prefix| (first.len(), prefix))
}

fn put_hex(out: &mut Vec<u8>, texts: &Texts) -> bool {
    let Some((length, prefix)) = shape(texts) else { return false };
    // The prefix may end inside a character only where the rest is not hex, and then this form is not taken.
    let digits = length - prefix.len();
    let Ok(prefix) = std::str::from_utf8(prefix) else { return false };
    if digits < MIN_HEX_DIGITS {
        return false;
    }
    let rests = || texts.iter().filter_map(|text| text.as_bytes().get(prefix.len()..));
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let upper = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let uppercase = if rests().all(|rest| rest.iter().all(lower)) {
        false
    } else if rests().all(|rest| rest.iter().all(upper)) {
        true
    } else {
        return false;
    };
    out.push(HEX);
    out.push(u8::from(uppercase));
    put_text(out, prefix);
    put_varint(out, digits as u64);
    for rest in rests() {
        put_nibbles(out, rest.iter().copied());
    }
    true
}

fn read_hex(reader: &mut Reader<'_>, count: usize) -> Result<Texts, ColumnsError> {
    let uppercase = reader.u8(WHAT)? == 1;
    let prefix = reader.text(WHAT)?;
    let digits = usize::try_from(reader.varint(WHAT)?).unwrap_or(usize::MAX);
    let each = digits.div_ceil(2);
    let bytes = reader.take(each.saturating_mul(count), WHAT)?;
    check_expansion(count, prefix.len(), digits)?;
    let mut texts = Texts::default();
    for chunk in bytes.chunks_exact(each.max(1)) {
        texts.all.push_str(prefix);
        push_digits(&mut texts.all, chunk, digits, uppercase);
        texts.ends.push(texts.all.len());
    }
    Ok(texts)
}

fn put_uuids(out: &mut Vec<u8>, texts: &Texts) -> bool {
    let Some((length, common)) = shape(texts) else { return false };
    let Some(start) = length.checked_sub(UUID_BYTES) else { return false };
    let Some(Ok(prefix)) = common.get(..start).map(std::str::from_utf8) else { return false };
    let rests = || texts.iter().filter_map(|text| text.as_bytes().get(start..));
    let is_uuid = |rest: &[u8]| {
        rest.iter().enumerate().all(|(at, byte)| match UUID_DASHES.contains(&at) {
            true => *byte == b'-',
            false => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
    };
    if !rests().all(is_uuid) {
        return false;
    }
    out.push(UUID);
    put_text(out, prefix);
    for rest in rests() {
        put_nibbles(out, rest.iter().copied().filter(|byte| *byte != b'-'));
    }
    true
}

fn read_uuids(reader: &mut Reader<'_>, count: usize) -> Result<Texts, ColumnsError> {
    let prefix = reader.text(WHAT)?;
    let bytes = reader.take(count.saturating_mul(16), WHAT)?;
    check_expansion(count, prefix.len(), UUID_BYTES)?;
    let mut texts = Texts::default();
    for chunk in bytes.chunks_exact(16) {
        texts.all.push_str(prefix);
        for (at, byte) in chunk.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                texts.all.push('-');
            }
            push_digits(&mut texts.all, &[*byte], 2, false);
        }
        texts.ends.push(texts.all.len());
    }
    Ok(texts)
}

fn put_decimals(out: &mut Vec<u8>, texts: &Texts) -> bool {
    let Some(first) = texts.iter().next() else { return false };
    let head = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let rest_of = |text: &str| text.strip_prefix(head).and_then(decimal);
    let mut numbers = Vec::with_capacity(texts.len());
    let (mut padded, mut bare) = (Some(first.len() - head.len()), true);
    for text in texts.iter() {
        let Some(number) = rest_of(text) else { return false };
        let digits = text.len() - head.len();
        padded = padded.filter(|width| *width == digits);
        bare = bare && (digits == 1 || text.as_bytes().get(head.len()) != Some(&b'0'));
        numbers.push(number);
    }
    let width = match (padded, bare) {
        (_, true) => 0,
        (Some(width), false) => width,
        (None, false) => return false,
    };
    out.push(DECIMAL);
    put_text(out, head);
    put_varint(out, width as u64);
    put_unsigned(out, &numbers);
    true
}

fn decimal(text: &str) -> Option<u64> {
    let shaped = (1..=MAX_DECIMAL_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    shaped.then(|| text.parse().ok()).flatten()
}

fn read_decimals(reader: &mut Reader<'_>, count: usize) -> Result<Texts, ColumnsError> {
    use std::fmt::Write as _;
    let prefix = reader.text(WHAT)?;
    let width = reader.varint(WHAT)?;
    let width = usize::try_from(width).ok().filter(|width| *width <= MAX_DECIMAL_DIGITS);
    let width = width.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a number is too wide" })?;
    let numbers = read_unsigned(reader, count)?;
    check_expansion(count, prefix.len(), MAX_DECIMAL_DIGITS + 1)?;
    let mut texts = Texts::default();
    for number in numbers {
        texts.all.push_str(prefix);
        // Writing to a String cannot fail.
        let _ = write!(texts.all, "{number:0width$}");
        texts.ends.push(texts.all.len());
    }
    Ok(texts)
}

/// Appends a number in decimal.
pub(crate) fn push_number(text: &mut String, number: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        start -= 1;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits.iter().skip(start).map(|digit| char::from(*digit)));
}

/// Appends lowercase hex digits.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    push_digits(text, bytes, bytes.len() * 2, false);
}

fn check_expansion(count: usize, prefix: usize, rest: usize) -> Result<(), ColumnsError> {
    let bytes = prefix.saturating_add(rest).saturating_mul(count);
    if bytes <= MAX_EXPANDED_BYTES {
        Ok(())
    } else {
        Err(ColumnsError::Inconsistent { what: WHAT, reason: "the expanded length is too large" })
    }
}

fn put_nibbles(out: &mut Vec<u8>, digits: impl Iterator<Item = u8>) {
    let mut high = None;
    for digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            other => (other | 0x20).wrapping_sub(b'a') + 10,
        };
        match high.take() {
            None => high = Some(nibble),
            Some(first) => out.push(first << 4 | nibble),
        }
    }
    if let Some(first) = high {
        out.push(first << 4);
    }
}

fn push_digits(text: &mut String, bytes: &[u8], digits: usize, uppercase: bool) {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(digits);
    text.extend(nibbles.map(|nibble| match nibble {
        0..=9 => char::from(b'0' + nibble),
        _ if uppercase => char::from(b'A' + nibble - 10),
        _ => char::from(b'a' + nibble - 10),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(texts: &[impl AsRef<str>]) -> Vec<u8> {
        let texts: Texts = texts.iter().map(AsRef::as_ref).collect();
        let mut out = Vec::new();
        put_texts(&mut out, &texts);
        let mut reader = Reader::new(&out);
        assert_eq!(read_texts(&mut reader, texts.len()).unwrap(), texts);
        assert!(reader.is_empty());
        out
    }

    #[test]
    fn numbers_are_shown_in_decimal() {
        for number in [0, 7, 10, 1_234_567, u64::MAX] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn ids_take_their_binary_length() {
        let check = |texts: &[&str], kind: u8, bytes: usize| {
            let out = round_trip(texts);
            assert_eq!((out[0], out.len()), (kind, bytes), "{texts:?}");
        };
        let header = 1 + 1 + 1 + 1;
        check(&["4bf92f3577b34da6", "a3ce929d0e0e4736"], HEX, header + 16);
        check(&["req-4bf92f3", "req-a3ce929"], HEX, header + 4 + 8);
        check(&["4BF92F35", "A3CE929D"], HEX, header + 8);
        let uuids = ["urn:4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "urn:00000000-0000-0000-0000-00000000000a"];
        check(&uuids, UUID, 1 + 1 + 4 + 32);
        check(&["node-00017", "node-00018"], DECIMAL, 1 + 6 + 1 + 3 + 1);
        check(&["user7", "user1234", "user0"], DECIMAL, 1 + 5 + 1 + 3 + 5);
        assert_eq!(round_trip(&["4bf9", "4BF9"])[0], PLAIN);
        assert_eq!(round_trip(&["n01", "n2"])[0], PLAIN);
        assert_eq!(round_trip(&["é1234a", "è1234b"])[0], PLAIN);
    }

    proptest! {
        #[test]
        fn any_texts_are_read_back(texts: Vec<String>) {
            round_trip(&texts);
        }

        #[test]
        fn texts_of_one_shape_are_read_back(
            prefix in "[a-z0-9é-]{0,6}",
            rests in prop_oneof![
                proptest::collection::vec("[0-9a-f]{7}", 0..20),
                proptest::collection::vec("[0-9A-F]{8}", 0..20),
                proptest::collection::vec("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 0..20),
                proptest::collection::vec("[0-9]{1,20}", 0..20),
                proptest::collection::vec("[0-9]{5}", 0..20),
            ],
        ) {
            round_trip(&rests.iter().map(|rest| format!("{prefix}{rest}")).collect::<Vec<_>>());
        }

        #[test]
        fn garbage_never_panics(kind in 0u8..5, bytes: Vec<u8>, count in 0usize..100) {
            let all: Vec<u8> = std::iter::once(kind).chain(bytes).collect();
            let _ = read_texts(&mut Reader::new(&all), count);
        }
    }
}
