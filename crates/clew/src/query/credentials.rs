//! Who asks: a token, or a user's name and password.

use super::args::CommonArgs;
use super::error::QueryError;
use crate::secrets;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

// They hold no `__`, so they are no settings of the server's.

/// The variable that holds a token.
pub(super) const TOKEN_VARIABLE: &str = "CLEW_TOKEN";

/// The variable that holds the password of `--user`.
pub(super) const PASSWORD_VARIABLE: &str = "CLEW_PASSWORD";

/// The `Authorization` header for a server, if anybody is named: by options, by the address, by the environment. What the
/// address says is taken out of it, so that no error shows it.
///
/// # Errors
/// A password that is needed and neither given nor to be asked for.
pub(super) fn of(
    common: &CommonArgs,
    base: &mut Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<HeaderValue>, QueryError> {
    let in_address = take_out_of(base);
    let text = if let Some(token) = &common.token {
        bearer(token)
    } else if let Some(name) = &common.user {
        let password = match variable(PASSWORD_VARIABLE) {
            Some(password) => password,
            None => secrets::ask_once().map_err(|problem| {
                QueryError::Usage(format!("{problem}; the password of --user may stand in {PASSWORD_VARIABLE}"))
            })?,
        };
        basic(name, &password)
    } else if let Some((name, password)) = in_address {
        basic(&name, &password)
    } else if let Some(token) = variable(TOKEN_VARIABLE) {
        bearer(&token)
    } else {
        return Ok(None);
    };
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| QueryError::Usage("the token holds characters that no token has".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn bearer(token: &str) -> String {
    format!("Bearer {}", token.trim())
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn take_out_of(base: &mut Url) -> Option<(String, String)> {
    let decode = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B"));
        let parsed = Url::parse(&format!("http://h/?{pair}")).ok()?;
        parsed.query_pairs().next().map(|(_, value)| value.into_owned())
    };
    let name = decode(base.username())?;
    let password = decode(base.password().unwrap_or_default())?;
    // They fail for addresses without a host alone, which were refused.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    (!name.is_empty() || !password.is_empty()).then_some((name, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_named_nearest_counts_and_the_address_is_shown_without_them() {
        let args = |token: Option<&str>, user: Option<&str>| CommonArgs {
            token: token.map(str::to_owned),
            user: user.map(str::to_owned),
            ..CommonArgs::default()
        };
        let all =
            |name: &str| Some(if name == PASSWORD_VARIABLE { "open sesame" } else { "of-the-environment" }.to_owned());
        // RFC 7617, 2: Aladdin.
        let aladdin = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        for (common, address, expected) in [
            (args(Some("abc"), None), "http://u:p@h/", "Bearer abc"),
            (args(None, Some("Aladdin")), "http://u:p@h/", aladdin),
            (args(None, None), "http://Aladdin:open%20sesame@h/", aladdin),
            (args(None, None), "http://h/", "Bearer of-the-environment"),
        ] {
            let mut url = Url::parse(address).unwrap();
            let value = of(&common, &mut url, all).unwrap().unwrap();
            assert_eq!((value.to_str().unwrap(), url.as_str()), (expected, "http://h/"));
            assert!(value.is_sensitive());
        }
        let nobody = of(&args(None, None), &mut Url::parse("http://h/").unwrap(), |_| None).unwrap();
        assert_eq!(nobody, None);
    }
}
