//! Tokens: long random texts for programs, of which only the digest is kept. They need no slow hash, since nobody can
//! guess 256 random bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;

/// How every token begins, so that people and scanners for leaked secrets know one when they see it.
const PREFIX: &str = "clew_";

/// The SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of this token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Reads 64 hex digits, after `sha256:` or not.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with(PREFIX) {
            return Err("it is a token, not the digest of one");
        }
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return Err("it is not 64 hex digits");
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            // `from_str_radix` takes signs.
            let digit = pair.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(pair, 16).ok());
            *byte = digit.flatten().ok_or("it is not 64 hex digits")?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<token digest>")
    }
}

/// A token that nobody had before.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_token() -> Result<String, String> {
    Ok(format!("{PREFIX}{}", random_text()?))
}

/// 256 random bits, as text.
///
/// # Errors
/// The system gives no random numbers.
pub(super) fn random_text() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha_256_in_hex_with_or_without_its_name() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenDigest::of("abc").to_string(), format!("sha256:{abc}"));
        assert_eq!(TokenDigest::parse(abc), Ok(TokenDigest::of("abc")));
        assert_eq!(TokenDigest::parse(&format!("sha256:{}", abc.to_uppercase())), Ok(TokenDigest::of("abc")));
        for wrong in ["", "clew_x", &abc[1..], &abc.replace('b', "g"), &abc.replace("ba", "+a"), &"ü".repeat(32)] {
            assert!(TokenDigest::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, two) = (new_token().unwrap(), new_token().unwrap());
        assert!(one != two && one.starts_with("clew_") && one.len() == 48, "{one}");
        assert!(one.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    }
}
