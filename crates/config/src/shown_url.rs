//! URLs as they may be told to people: a user's name, password or token in them is a secret.

/// A URL for messages: without user name, password, query and fragment; `…` stands for what cannot be told.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, authority, path)) = split(url) else { return HIDDEN.to_owned() };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if path.contains('@') { format!("{scheme}://{HIDDEN}") } else { format!("{scheme}://{authority}{path}") }
}

/// A URL without user name and password.
pub(crate) fn url_without_user(url: &str) -> String {
    let Some((scheme, authority, rest)) = split(url) else { return HIDDEN.to_owned() };
    format!("{scheme}://{authority}{rest}")
}

/// What stands for a text of which nothing can be told.
const HIDDEN: &str = "…";

/// The scheme, the host with its port, and what follows. `None` where a password that is not encoded may stand beyond
/// the place at which the host ends.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at_checked(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()))?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    has_valid_port(host).then_some((scheme, host, path))
}

/// Whether what follows the colon of `host:port`, if there is one, is digits.
pub(crate) fn has_valid_port(host: &str) -> bool {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_passwords_and_queries_are_taken_away() {
        for (url, shown, without_user) in [
            ("http://h:80/a/b", "http://h:80/a/b", "http://h:80/a/b"),
            ("https://me:s3cret@h/a?dc=1#f", "https://h/a", "https://h/a?dc=1#f"),
            ("https://s3cret@h", "https://h", "https://h"),
            ("http://me:s3@cret@h:80/a", "http://h:80/a", "http://h:80/a"),
            ("http://h?token=s3cret", "http://h", "http://h?token=s3cret"),
            ("http://h/a?mail=a@b", "http://h/a", "http://h/a?mail=a@b"),
            ("http://me:s3cret@[::1]:80/a", "http://[::1]:80/a", "http://[::1]:80/a"),
            // Passwords that are not encoded.
            ("http://me:s3/cret@h/a", "…", "…"),
            ("http://me:s3?cret@h/a", "…", "…"),
            ("http://me:x@s3/cret@h/a", "http://…", "http://s3/cret@h/a"),
            ("s3cret", "…", "…"),
        ] {
            assert_eq!((shown_url(url).as_str(), url_without_user(url).as_str()), (shown, without_user), "{url}");
        }
    }
}
