//! The web configuration of Prometheus and its exporters (`--web.config.file`): TLS and users of their own pages.

use crate::shape::{Section, Shape};
use crate::yaml::{Document, Fault, Faults, Source};
use std::path::Path;

static WEB: Section = Section::of(&[&[
    (
        "tls_server_config",
        Shape::One(&Section {
            keys: &[&[
                ("cert", Shape::Text),
                ("cert_file", Shape::Text),
                ("key", Shape::Text),
                ("key_file", Shape::Text),
                (
                    "client_auth_type",
                    Shape::Choice(&[
                        "NoClientCert",
                        "RequestClientCert",
                        "RequireAnyClientCert",
                        "RequireClientCert",
                        "VerifyClientCertIfGiven",
                        "RequireAndVerifyClientCert",
                    ]),
                ),
                ("client_ca", Shape::Text),
                ("client_ca_file", Shape::Text),
                ("client_allowed_sans", Shape::Texts),
                ("cipher_suites", Shape::Texts),
                ("curve_preferences", Shape::Texts),
                ("min_version", Shape::Choice(&["TLS10", "TLS11", "TLS12", "TLS13"])),
                ("max_version", Shape::Choice(&["TLS10", "TLS11", "TLS12", "TLS13"])),
                ("prefer_server_cipher_suites", Shape::Bool),
            ]],
            required: &[],
            exclusive: &[&["cert", "cert_file"], &["key", "key_file"], &["client_ca", "client_ca_file"]],
        }),
    ),
    ("http_server_config", Shape::One(&Section::of(&[&[("http2", Shape::Bool), ("headers", Shape::TextMap)]]))),
    ("basic_auth_users", Shape::TextMap),
    ("rate_limit", Shape::One(&Section::of(&[&[("interval", Shape::Duration), ("burst", Shape::Integer)]]))),
]]);

/// Reads the text of a file. Answers what is odd about it.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn check_web_config(file: &Path, text: &str) -> Result<Vec<Fault>, Vec<Fault>> {
    let faults = Faults::new();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        let root = source.root(&document);
        WEB.check(&root);
        let users = root.fields().get("basic_auth_users").map(|value| value.entries()).unwrap_or_default();
        for (_, password) in users {
            if password.text().is_some_and(|text| !text.starts_with("$2")) {
                password
                    .fault("is no hash of a password", "write what `htpasswd -nBC 10 \"\"` prints behind the colon");
            }
        }
    }
    if faults.has_errors() { Err(faults.into_sorted()) } else { Ok(faults.into_sorted()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_hashes_are_checked() {
        for (text, expected) in [
            (
                "tls_server_config: {cert_file: a, key_file: b, min_version: TLS12}\nbasic_auth_users: {me: $2y$10$x}",
                "",
            ),
            ("tls_server_config: {cert_fil: a}", "w.yml:1:21: tls_server_config: unknown key \"cert_fil\""),
            ("basic_auth_users: {me: secret}", "w.yml:1:24: basic_auth_users.me: is no hash of a password"),
            (
                "tls_server_config: {client_auth_type: None}",
                "w.yml:1:39: tls_server_config.client_auth_type: \"None\" is not",
            ),
        ] {
            let (Ok(faults) | Err(faults)) = check_web_config(Path::new("w.yml"), text);
            let said = faults.first().map(ToString::to_string).unwrap_or_default();
            assert!(said.starts_with(expected) && faults.is_empty() == expected.is_empty(), "{text}: {said}");
        }
    }
}
