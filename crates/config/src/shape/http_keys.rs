//! The keys of Prometheus' HTTP client, which stand in many sections.

use super::{Section, Shape};

static BASIC_AUTH: Section = Section {
    keys: &[&[
        ("username", Shape::Text),
        ("username_file", Shape::Text),
        ("username_ref", Shape::Text),
        ("password", Shape::Text),
        ("password_file", Shape::Text),
        ("password_ref", Shape::Text),
    ]],
    required: &[],
    exclusive: &[&["username", "username_file", "username_ref"], &["password", "password_file", "password_ref"]],
};

static AUTHORIZATION: Section = Section {
    keys: &[&[
        ("type", Shape::Text),
        ("credentials", Shape::Text),
        ("credentials_file", Shape::Text),
        ("credentials_ref", Shape::Text),
    ]],
    required: &[],
    exclusive: &[&["credentials", "credentials_file", "credentials_ref"]],
};

const PROXY: &[(&str, Shape)] = &[
    ("proxy_url", Shape::Text),
    ("no_proxy", Shape::Text),
    ("proxy_from_environment", Shape::Bool),
    ("proxy_connect_header", Shape::TextsMap),
];

const VERSIONS: Shape = Shape::Choice(&["TLS10", "TLS11", "TLS12", "TLS13"]);

/// `tls_config`.
pub(crate) static TLS: Section = Section {
    keys: &[&[
        ("ca", Shape::Text),
        ("ca_file", Shape::Text),
        ("ca_ref", Shape::Text),
        ("cert", Shape::Text),
        ("cert_file", Shape::Text),
        ("cert_ref", Shape::Text),
        ("key", Shape::Text),
        ("key_file", Shape::Text),
        ("key_ref", Shape::Text),
        ("server_name", Shape::Text),
        ("insecure_skip_verify", Shape::Bool),
        ("min_version", VERSIONS),
        ("max_version", VERSIONS),
    ]],
    required: &[],
    exclusive: &[&["ca", "ca_file", "ca_ref"], &["cert", "cert_file", "cert_ref"], &["key", "key_file", "key_ref"]],
};

/// `oauth2`.
pub(crate) static OAUTH2: Section = Section {
    keys: &[
        &[
            ("client_id", Shape::Text),
            ("client_secret", Shape::Text),
            ("client_secret_file", Shape::Text),
            ("client_secret_ref", Shape::Text),
            ("client_certificate_key_id", Shape::Text),
            ("client_certificate_key", Shape::Text),
            ("client_certificate_key_file", Shape::Text),
            ("client_certificate_key_ref", Shape::Text),
            ("grant_type", Shape::Text),
            ("signature_algorithm", Shape::Choice(&["RS256", "RS384", "RS512"])),
            ("iss", Shape::Text),
            ("audience", Shape::Text),
            ("claims", Shape::Any),
            ("scopes", Shape::Texts),
            ("token_url", Shape::Text),
            ("endpoint_params", Shape::TextMap),
            ("tls_config", Shape::One(&TLS)),
        ],
        PROXY,
    ],
    required: &["client_id", "token_url"],
    exclusive: &[
        &["client_secret", "client_secret_file", "client_secret_ref"],
        &["client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref"],
    ],
};

static HEADER: Section =
    Section::of(&[&[("values", Shape::Texts), ("secrets", Shape::Texts), ("files", Shape::Texts)]]);

/// Ways to authenticate, of which a client takes one.
pub(crate) const AUTHENTICATION: &[&str] =
    &["basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"];

/// The keys of a client beside those of the section where they stand.
pub(crate) const HTTP_CLIENT: &[(&str, Shape)] = &[
    ("basic_auth", Shape::One(&BASIC_AUTH)),
    ("authorization", Shape::One(&AUTHORIZATION)),
    ("oauth2", Shape::One(&OAUTH2)),
    ("bearer_token", Shape::Text),
    ("bearer_token_file", Shape::Text),
    ("tls_config", Shape::One(&TLS)),
    ("follow_redirects", Shape::Bool),
    ("enable_http2", Shape::Bool),
    ("proxy_url", Shape::Text),
    ("no_proxy", Shape::Text),
    ("proxy_from_environment", Shape::Bool),
    ("proxy_connect_header", Shape::TextsMap),
    ("http_headers", Shape::SectionMap(&HEADER)),
];
