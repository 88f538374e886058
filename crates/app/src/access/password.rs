//! Passwords, kept as argon2id hashes in PHC form (RFC 9106; <https://github.com/P-H-C/phc-string-format>).

use super::limits::{PASSWORD_BYTES, PASSWORD_MEMORY, PASSWORD_PASSES};
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHasher, PasswordVerifier};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The hash of a password. Not shown: whoever has it may guess without being slowed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// Reads `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
    ///
    /// # Errors
    /// What is wrong, without showing what was written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed = argon2::PasswordHash::new(text).map_err(|error| format!("it is no hash in PHC form: {error}"))?;
        if parsed.algorithm != ARGON2ID_IDENT {
            return Err(format!("it is a hash by {}, not by argon2id", parsed.algorithm.as_str()));
        }
        if parsed.salt.is_none() || parsed.hash.is_none() {
            return Err("it has no salt or no hash".to_owned());
        }
        let params = Params::try_from(&parsed).map_err(|error| format!("its parameters cannot be used: {error}"))?;
        if params.m_cost() > PASSWORD_MEMORY || params.t_cost() > PASSWORD_PASSES {
            return Err(format!(
                "it asks for m={} KiB and t={}; at most m={PASSWORD_MEMORY} and t={PASSWORD_PASSES} are taken, so that \
                 logins cannot exhaust the server",
                params.m_cost(),
                params.t_cost()
            ));
        }
        Ok(Self(Arc::from(text)))
    }

    /// What a check takes, in KiB times passes: its time is about in proportion.
    pub(super) fn cost(&self) -> u64 {
        let parsed = argon2::PasswordHash::new(&self.0).ok();
        let params = parsed.and_then(|parsed| Params::try_from(&parsed).ok());
        params.map_or(0, |params| u64::from(params.m_cost()).saturating_mul(params.t_cost().into()))
    }

    /// The PHC form.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this password's. Takes tens of milliseconds.
    #[must_use]
    pub(super) fn verify(&self, password: &str) -> bool {
        password.len() <= PASSWORD_BYTES
            && argon2::PasswordHash::new(&self.0)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<password hash>")
    }
}

/// The hash of a password, with argon2id's parameters by OWASP (19 MiB, two passes) and a salt of its own.
///
/// # Errors
/// A password that is empty or too long; no randomness.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    if password.len() > PASSWORD_BYTES {
        return Err(format!("the password is longer than {PASSWORD_BYTES} bytes"));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash: argon2::PasswordHash| hash.to_string()).map_err(|error| error.to_string())
}

/// Fails after the time that a check against the costliest hash takes; where there is none, against a usual one.
pub(super) fn take_as_long(password: &str, costliest: Option<&PasswordHash>) -> bool {
    if let Some(hash) = costliest {
        let _ = hash.verify(password);
        return false;
    }
    static NOBODYS: OnceLock<Option<PasswordHash>> = OnceLock::new();
    let nobodys = NOBODYS.get_or_init(|| PasswordHash::parse(&hash_password("nobody's").ok()?).ok());
    if let Some(hash) = nobodys {
        let _ = hash.verify(password);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`
    /// (its own test vectors, phc-winner-argon2/src/test.c).
    const REFERENCE: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let reference = PasswordHash::parse(REFERENCE).unwrap();
        assert!(reference.verify("password") && !reference.verify("Password"));
        let (one, two) = (hash_password("s3cret").unwrap(), hash_password("s3cret").unwrap());
        assert_ne!(one, two, "each has its own salt");
        assert!(PasswordHash::parse(&one).unwrap().verify("s3cret"));
        assert!(hash_password("").is_err() && hash_password(&"x".repeat(1_025)).is_err());
    }

    #[test]
    fn what_a_check_takes_is_memory_times_passes() {
        // 64 MiB and two passes; OWASP's 19 MiB and two.
        assert_eq!(PasswordHash::parse(REFERENCE).unwrap().cost(), 65_536 * 2);
        assert_eq!(PasswordHash::parse(&hash_password("x").unwrap()).unwrap().cost(), 19_456 * 2);
        let reference = PasswordHash::parse(REFERENCE).unwrap();
        assert!(!take_as_long("password", Some(&reference)), "the right password of another lets nobody in");
    }

    #[test]
    fn what_is_no_usable_hash_is_explained_without_being_shown() {
        for (text, expected) in [
            ("hunter2", "no hash in PHC form"),
            ("$2y$10$abcdefghijklmnopqrstuv", "no hash in PHC form"),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
                "not by argon2id",
            ),
            ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ", "no salt or no hash"),
            (
                "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "cannot exhaust the server",
            ),
        ] {
            let error = PasswordHash::parse(text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(format!("{:?}", PasswordHash::parse(REFERENCE).unwrap()), "<password hash>");
    }
}
