//! What a request shows of who it is from (RFC 9110, 11.6; RFC 7617; RFC 6750).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use clew_app::access::Credentials;

/// Some programs leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials in these headers of a request that came over an encrypted connection, or did not.
#[must_use]
pub(crate) fn of(headers: &HeaderMap, is_encrypted: bool) -> Credentials {
    let mut written = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = written.next() else {
        return session(headers, is_encrypted).map_or(Credentials::Nothing, Credentials::Session);
    };
    if written.next().is_some() {
        return Credentials::Unreadable("there are several Authorization headers");
    }
    let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
        return Credentials::Unreadable("the Authorization header is no UTF-8");
    };
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    if rest.is_empty() {
        return Credentials::Unreadable("the Authorization header holds a scheme alone");
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        Credentials::Token(rest.to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(rest)
    } else {
        Credentials::Unreadable("the scheme is neither Basic nor Bearer")
    }
}

/// A cookie of this server's. Over encrypted connections its name has the prefix by which browsers take it from this very
/// host and encrypted alone (RFC 6265bis, 4.1.3.2): no other host of the domain, and nobody on the wire, puts one under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CookieName {
    plain: &'static str,
    prefixed: &'static str,
}

/// The cookie of a session.
pub(crate) const SESSION: CookieName = CookieName { plain: "clew_session", prefixed: "__Host-clew_session" };

/// The cookie that binds a login through a provider to the browser that began it.
pub(crate) const LOGIN: CookieName = CookieName { plain: "clew_login", prefixed: "__Host-clew_login" };

impl CookieName {
    /// What it is called on a connection that is encrypted, or is not.
    #[must_use]
    pub(crate) fn on(self, is_encrypted: bool) -> &'static str {
        if is_encrypted { self.prefixed } else { self.plain }
    }
}

/// The secret text of the session that a browser shows (RFC 6265, 5.4).
#[must_use]
pub(crate) fn session(headers: &HeaderMap, is_encrypted: bool) -> Option<String> {
    cookie(headers, SESSION.on(is_encrypted))
}

/// The value of a cookie, unless it is empty.
#[must_use]
pub(crate) fn cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, value)| *name == wanted && !value.is_empty());
    ours.next().map(|(_, value)| value.to_owned())
}

fn basic(encoded: &str) -> Credentials {
    let Ok(bytes) = BASE64.decode(encoded) else {
        return Credentials::Unreadable("what follows Basic is no base64");
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return Credentials::Unreadable("the name and password are no UTF-8");
    };
    match text.split_once(':') {
        Some((name, password)) => Credentials::Password { name: name.to_owned(), password: password.to_owned() },
        None => Credentials::Unreadable("there is no colon between name and password"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&str]) -> Credentials {
        let pairs = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        of(&headers, false)
    }

    #[test]
    fn both_schemes_are_read_however_they_are_spelled() {
        let password =
            |name: &str, password: &str| Credentials::Password { name: name.into(), password: password.into() };
        // RFC 7617, 2 and 2.1: Aladdin, and 123£ in UTF-8.
        for (value, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", password("Aladdin", "open sesame")),
            ("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ", password("Aladdin", "open sesame")),
            ("Basic dGVzdDoxMjPCow==", password("test", "123£")),
            ("Basic YTpiOmM=", password("a", "b:c")),
            ("Basic Og==", password("", "")),
            ("Bearer abc", Credentials::Token("abc".into())),
            ("BEARER abc", Credentials::Token("abc".into())),
        ] {
            assert!(read(&[value]) == expected, "{value}");
        }
        assert!(of(&HeaderMap::new(), false) == Credentials::Nothing);
        let cookies = |text: &'static str| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))]);
        assert_eq!(session(&cookies("a=b; clew_session=xyz;c=d"), false).as_deref(), Some("xyz"));
        assert_eq!(session(&cookies("xclew_session=xyz; clew_session="), false), None);
        let planted = cookies("clew_session=planted; __Host-clew_session=xyz");
        assert_eq!(session(&planted, true).as_deref(), Some("xyz"));
        assert_eq!(session(&cookies("clew_session=planted"), true), None, "another host of the domain could set it");
        let mut both = cookies("clew_session=xyz");
        assert!(of(&both, false) == Credentials::Session("xyz".into()));
        both.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert!(of(&both, false) == Credentials::Token("abc".into()), "what was written wins");
        for values in [
            &["Basic"][..],
            &["Bearer "],
            &["Digest x"],
            &["Basic !"],
            &["Basic YQ=="],
            &["Basic /zo="],
            &["Bearer a", "Bearer b"],
            &[""],
        ] {
            assert!(matches!(read(values), Credentials::Unreadable(_)), "{values:?}");
        }
    }
}
