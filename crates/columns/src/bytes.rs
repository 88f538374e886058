//! Reading and writing the small pieces that every encoding is made of: varints, fixed numbers, text.
//!
//! Writers append to a `Vec<u8>`; [`Reader`] checks every length against what is left and never panics.

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}: {problem}")]
pub struct BytesError {
    /// What was being read.
    pub what: &'static str,
    /// Where, counted from the start of the buffer given to [`Reader::new`].
    pub offset: usize,
    /// What was wrong.
    pub problem: Problem,
}

/// What was wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The buffer ends too early.
    #[error("{needed} bytes are needed, {left} are left")]
    Truncated {
        /// Bytes needed.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
    /// A varint does not end within ten bytes.
    #[error("the varint is longer than 64 bits")]
    LongVarint,
    /// Text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A value outside what the format allows.
    #[error("the value {0} is not allowed here")]
    BadValue(u64),
    /// Bytes after the end of the format.
    #[error("{0} bytes follow the end")]
    Trailing(usize),
}

/// Appends an unsigned LEB128 varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number: zigzag, then varint.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

/// Appends a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a length and the text.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

/// Appends eight bytes, little endian.
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends four bytes, little endian.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Maps small negative and positive numbers to small unsigned ones.
#[must_use]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[must_use]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A cursor over bytes of unknown quality.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// Bytes consumed so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Bytes left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at the present place.
    #[must_use]
    pub fn error(&self, what: &'static str, problem: Problem) -> BytesError {
        BytesError { what, offset: self.offset(), problem }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], BytesError> {
        match self.rest.split_at_checked(count) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.error(what, Problem::Truncated { needed: count, left: self.rest.len() })),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// None is left.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, BytesError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BytesError> {
        let left = self.rest.len();
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.error(what, Problem::Truncated { needed: N, left })),
        }
    }

    /// Four bytes, little endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, BytesError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes, little endian.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, BytesError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// An unsigned varint.
    ///
    /// # Errors
    /// It is cut off or longer than 64 bits.
    #[inline]
    pub fn varint(&mut self, what: &'static str) -> Result<u64, BytesError> {
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low @ 0x80..=0xff, high @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(what),
        }
    }

    fn long_varint(&mut self, what: &'static str) -> Result<u64, BytesError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error(what, Problem::LongVarint))
    }

    /// A signed varint (zigzag).
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn signed(&mut self, what: &'static str) -> Result<i64, BytesError> {
        self.varint(what).map(unzigzag)
    }

    /// A varint that counts things of at least `least_bytes` each: more than could be left is refused, so that a
    /// damaged count never makes anyone allocate.
    ///
    /// # Errors
    /// As [`Reader::varint`], or a count that cannot be true.
    pub fn count(&mut self, least_bytes: usize, what: &'static str) -> Result<usize, BytesError> {
        let value = self.varint(what)?;
        match usize::try_from(value) {
            Ok(count) if count.saturating_mul(least_bytes) <= self.rest.len() => Ok(count),
            _ => Err(self.error(what, Problem::BadValue(value))),
        }
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    /// Cut off.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], BytesError> {
        let length = self.count(1, what)?;
        self.take(length, what)
    }

    /// Text behind its length.
    ///
    /// # Errors
    /// Cut off, or not UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, BytesError> {
        let bytes = self.bytes(what)?;
        std::str::from_utf8(bytes).map_err(|_| self.error(what, Problem::NotUtf8))
    }

    /// Asserts that nothing is left.
    ///
    /// # Errors
    /// Bytes are left.
    pub fn finish(&self, what: &'static str) -> Result<(), BytesError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(what, Problem::Trailing(self.rest.len()))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn varints_have_the_bytes_of_leb128() {
        for (value, bytes) in
            [(0u64, vec![0]), (127, vec![0x7f]), (128, vec![0x80, 1]), (624_485, vec![0xe5, 0x8e, 0x26])]
        {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
        }
        let eleven = [0xff; 11];
        assert_eq!(Reader::new(&eleven).varint("n").unwrap_err().problem, Problem::LongVarint);
        let too_wide = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(Reader::new(&too_wide).varint("n").unwrap_err().problem, Problem::LongVarint);
    }

    #[test]
    fn a_count_that_cannot_be_true_is_refused() {
        let mut out = Vec::new();
        put_varint(&mut out, 1_000_000);
        out.push(0);
        assert_eq!(Reader::new(&out).count(1, "rows").unwrap_err().problem, Problem::BadValue(1_000_000));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unsigned: u64, signed: i64, text: String, number: u32) {
            let mut out = Vec::new();
            put_varint(&mut out, unsigned);
            put_signed(&mut out, signed);
            put_text(&mut out, &text);
            put_u32(&mut out, number);
            put_u64(&mut out, unsigned);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint("a").unwrap(), unsigned);
            prop_assert_eq!(reader.signed("b").unwrap(), signed);
            prop_assert_eq!(reader.text("c").unwrap(), text);
            prop_assert_eq!(reader.u32("d").unwrap(), number);
            prop_assert_eq!(reader.u64("e").unwrap(), unsigned);
            prop_assert!(reader.finish("end").is_ok());
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.text("text").is_ok() && reader.signed("number").is_ok() {}
        }
    }
}
