//! Who may use the server: users and tokens, in the configuration and in a file that is read anew when it changes.

use super::tenants;
use clew_app::access::{
    AccessOptions, AuthMode, Book, OidcOptions, PasswordHash, Tenancy, Token, TokenDigest, User, check_name,
};
use clew_config::yaml::{Document, Fault, Faults, Origin, Severity, Source, Value, decode_text};
use clew_model::{Scopes, TenantSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Largest `auth.file`, bytes.
const FILE_BYTES: u64 = 4 << 20;

/// Who may use the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Auth {
    /// What is asked of callers.
    pub mode: AuthMode,
    /// Whether the mode was written: an open server that is meant differs from one by default.
    pub is_written: bool,
    /// Users.
    pub users: Vec<User>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// More users and tokens.
    pub file: Option<PathBuf>,
    /// The provider of identities.
    pub oidc: OidcOptions,
    /// A file with the secret that it gave this server.
    pub oidc_secret_file: Option<PathBuf>,
    /// How long a session lives without use.
    pub session_idle: Duration,
    /// How long a session lives.
    pub session_age: Duration,
}

impl Auth {
    /// How the door is built, for tenants that are told apart so.
    pub(crate) fn options(&self, tenancy: Tenancy) -> AccessOptions {
        AccessOptions { mode: self.mode, session_idle: self.session_idle, session_age: self.session_age, tenancy }
    }

    /// The provider of identities with its secret, which may stand in a file; `None` where none is asked.
    ///
    /// # Errors
    /// What is missing; a file that cannot be read.
    pub(crate) fn provider(&self) -> Result<Option<OidcOptions>, Vec<Fault>> {
        if self.mode != AuthMode::Oidc {
            return Ok(None);
        }
        let needed = [
            ("auth.oidc.issuer", self.oidc.issuer.is_empty()),
            ("auth.oidc.client_id", self.oidc.client_id.is_empty()),
            ("auth.oidc.redirect_url", self.oidc.redirect_url.is_empty()),
            ("auth.oidc.groups", self.oidc.groups.is_empty()),
        ];
        let missing =
            |(key, _): &(&str, bool)| fault(Severity::Error, key, "is missing".to_owned(), "auth.mode is oidc");
        let mut faults: Vec<Fault> = needed.iter().filter(|(_, is_missing)| *is_missing).map(missing).collect();
        let mut options = self.oidc.clone();
        if let Some(file) = &self.oidc_secret_file {
            match read_text(file) {
                Ok(text) => options.client_secret = Some(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(problem) => faults.push(fault(Severity::Error, "auth.oidc.client_secret_file", problem, "")),
            }
        }
        if faults.is_empty() { Ok(Some(options)) } else { Err(faults) }
    }

    /// All who are known, those of the file too, which is read. Warnings go to `warnings`.
    ///
    /// # Errors
    /// Every fault of the file.
    pub(crate) fn book(&self, warnings: &mut Vec<Fault>) -> Result<Book, Vec<Fault>> {
        let (mut users, mut tokens) = (self.users.clone(), self.tokens.clone());
        if let Some(file) = &self.file {
            let (more_users, more_tokens) = read_file(file)?;
            let twice = more_users.iter().find(|user| users.iter().any(|known| known.name == user.name));
            if let Some(user) = twice {
                let problem = format!("the user {:?} stands in auth.users too, which counts", user.name);
                warnings.push(fault(Severity::Warning, "auth.file", problem, ""));
            }
            users.extend(more_users);
            tokens.extend(more_tokens);
        }
        if self.mode == AuthMode::None && (!users.is_empty() || !tokens.is_empty()) {
            let problem = "users or tokens are named, and whoever reaches the server needs neither".to_owned();
            warnings.push(fault(Severity::Warning, "auth.mode", problem, "write basic or token"));
        }
        Ok(Book::new(users, tokens))
    }
}

fn fault(severity: Severity, path: &str, problem: String, remedy: &str) -> Fault {
    Fault { severity, origin: Origin::Default, path: path.to_owned(), problem, remedy: remedy.to_owned() }
}

/// What is asked of callers.
pub(super) fn mode(value: &Value<'_>, into: &mut Auth) {
    let modes = [AuthMode::None, AuthMode::Basic, AuthMode::Token, AuthMode::Oidc];
    let Some(text) = value.filled_text() else { return };
    match modes.into_iter().find(|mode| mode.as_str() == text) {
        Some(mode) => (into.mode, into.is_written) = (mode, true),
        None => value.fault(format!("{text:?} is no mode"), "write `none`, `basic`, `token` or `oidc`"),
    }
}

/// Groups of a provider, with what their members may do.
pub(super) fn groups(value: &Value<'_>, into: &mut Vec<(String, Scopes)>) {
    let groups = value.entries().into_iter();
    *into = groups.filter_map(|(group, scopes)| Some((group.to_owned(), scopes_in(&scopes)?))).collect();
}

/// Groups of a provider, with the tenants that their members may use.
pub(super) fn group_tenants(value: &Value<'_>, into: &mut Vec<(String, TenantSet)>) {
    let groups = value.entries().into_iter();
    *into = groups.filter_map(|(group, names)| Some((group.to_owned(), tenants::set(&names)?))).collect();
}

pub(super) fn users(value: &Value<'_>, into: &mut Vec<User>) {
    into.clear();
    for item in value.items() {
        if let Some(user) = user(&item) {
            if into.iter().any(|known| known.name == user.name) {
                item.fault(format!("the user {:?} is there twice", user.name), "remove one of them");
            }
            into.push(user);
        }
    }
}

fn user(item: &Value<'_>) -> Option<User> {
    let mut fields = item.fields();
    let name = fields.required("name", "ada").and_then(|value| name(&value));
    let hash = fields.required("password_hash", "'$argon2id$v=19$…' (clew hash-password)").and_then(|value| {
        value.parsed(PasswordHash::parse, "write what `clew hash-password` prints, in 'single quotes'")
    });
    let (scopes, tenants) = (scopes(&mut fields), tenants_in(&mut fields));
    fields.finish();
    Some(User { name: name?, hash: hash?, scopes: scopes?, tenants: tenants? })
}

pub(super) fn tokens(value: &Value<'_>, into: &mut Vec<Token>) {
    into.clear();
    for item in value.items() {
        if let Some(token) = token(&item) {
            if into.iter().any(|known| known.name == token.name || known.digest == token.digest) {
                item.fault(
                    format!("the token {:?} is there twice, by its name or its digest", token.name),
                    "remove one of them",
                );
            }
            into.push(token);
        }
    }
}

fn token(item: &Value<'_>) -> Option<Token> {
    let mut fields = item.fields();
    let name = fields.required("name", "agents").and_then(|value| name(&value));
    let digest = fields.required("digest", "'sha256:…' (clew new-token)").and_then(|value| {
        value.parsed(TokenDigest::parse, "write the digest that `clew new-token` prints beside the token")
    });
    let (scopes, tenants) = (scopes(&mut fields), tenants_in(&mut fields));
    fields.finish();
    Some(Token { name: name?, digest: digest?, scopes: scopes?, tenants: tenants? })
}

fn name(value: &Value<'_>) -> Option<String> {
    let text = value.filled_text()?;
    if let Err(right) = check_name(text) {
        value.fault("is no name", right);
        return None;
    }
    Some(text.to_owned())
}

fn scopes(fields: &mut clew_config::yaml::Fields<'_>) -> Option<Scopes> {
    scopes_in(&fields.required("scopes", "[read]")?)
}

/// `default` where nothing is written.
fn tenants_in(fields: &mut clew_config::yaml::Fields<'_>) -> Option<TenantSet> {
    fields.get("tenants").map_or_else(|| Some(TenantSet::default()), |value| tenants::set(&value))
}

fn scopes_in(value: &Value<'_>) -> Option<Scopes> {
    let items = value.items();
    if items.is_empty() {
        value.fault("names no scope", "write some of ingest, read, admin");
    }
    let read: Vec<Option<Scopes>> = items.iter().map(|item| item.choice(&Scopes::NAMED)).collect();
    read.into_iter().try_fold(Scopes::NONE, |all, scope| Some(all | scope?))
}

/// The users and tokens of a file.
fn read_file(file: &Path) -> Result<(Vec<User>, Vec<Token>), Vec<Fault>> {
    let faults = Faults::new();
    let (mut users_of, mut tokens_of) = (Vec::new(), Vec::new());
    match read_text(file) {
        Err(problem) => {
            let origin = Origin::File { file: Arc::from(file), line: 1, column: 1 };
            let remedy = "check the path and its permissions".to_owned();
            faults.push(Fault { severity: Severity::Error, origin, path: "auth.file".to_owned(), problem, remedy });
        }
        Ok(text) if text.trim().is_empty() => {
            let origin = Origin::File { file: Arc::from(file), line: 1, column: 1 };
            let (path, problem) = ("auth.file".to_owned(), "is empty, as a file that was not written whole".to_owned());
            let remedy = "write `users: []` where nobody is meant".to_owned();
            faults.push(Fault { severity: Severity::Error, origin, path, problem, remedy });
        }
        Ok(text) => {
            if let Some(document) = Document::parse(file, &text, &faults) {
                let source = Source::file(&Arc::from(file), &faults);
                let mut fields = source.root(&document).fields();
                if let Some(value) = fields.get("users") {
                    users(&value, &mut users_of);
                }
                if let Some(value) = fields.get("tokens") {
                    tokens(&value, &mut tokens_of);
                }
                fields.finish();
            }
        }
    }
    if faults.has_errors() { Err(faults.into_sorted()) } else { Ok((users_of, tokens_of)) }
}

fn read_text(file: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| format!("cannot be read: {error}"))?;
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(format!("is larger than {FILE_BYTES} bytes"));
    }
    decode_text(&bytes).map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Loaded, Overrides, load};
    use super::*;
    use std::collections::BTreeMap;

    const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(text: &str) -> Result<Loaded, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clew.yml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), &BTreeMap::new(), &Overrides::default())
            .map_err(|faults| faults.iter().map(|fault| format!("{fault}\n")).collect())
    }

    #[test]
    fn users_and_tokens_are_read_with_what_they_may_do() {
        let text = format!(
            "auth:\n  mode: basic\n  users: [{{ name: ada, password_hash: '{HASH}', scopes: [read, admin] }}]\n  \
             tokens:\n    - name: agents\n      digest: {DIGEST}\n      scopes: [ingest]\n"
        );
        let auth = read(&text).unwrap().config.auth;
        assert_eq!((auth.mode, auth.is_written), (AuthMode::Basic, true));
        assert_eq!((auth.users[0].name.as_str(), auth.users[0].scopes), ("ada", Scopes::READ | Scopes::ADMIN));
        assert_eq!((auth.tokens[0].digest, auth.tokens[0].scopes), (TokenDigest::of("abc"), Scopes::INGEST));
        let shown = format!("{auth:?}");
        assert!(!shown.contains("CTFhFd") && !shown.contains("ba7816"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_secrets() {
        for (text, expected) in [
            ("auth: { mode: basik }", "is no mode"),
            ("auth: { users: [{ name: ada, password_hash: hunter2, scopes: [read] }] }", "no hash in PHC form"),
            ("auth: { users: [{ name: ada, password: hunter2, scopes: [read] }] }", "unknown key \"password\""),
            ("auth: { users: [{ name: ada, scopes: [read] }] }", "password_hash is missing"),
            ("auth: { tokens: [{ name: a, digest: clew_hunter2, scopes: [read] }] }", "not the digest of one"),
            ("auth: { tokens: [{ name: a, digest: DIGEST }] }", "scopes is missing"),
            ("auth: { tokens: [{ name: a, digest: DIGEST, scopes: [] }] }", "names no scope"),
            ("auth: { tokens: [{ name: a, digest: DIGEST, scopes: [write] }] }", "write one of ingest, read, admin"),
            ("auth: { tokens: [{ name: 'a:b', digest: DIGEST, scopes: [read] }] }", "is no name"),
            (
                "auth: { tokens: [{ name: a, digest: DIGEST, scopes: [read] }, { name: b, digest: DIGEST, scopes: [read] }] }",
                "is there twice",
            ),
        ] {
            let faults = read(&text.replace("DIGEST", DIGEST)).unwrap_err();
            assert!(faults.contains(expected) && faults.contains("clew.yml:1:"), "{text}: {faults}");
            assert!(!faults.contains("hunter2"), "{faults}");
        }
    }

    #[test]
    fn a_provider_of_identities_is_read_with_its_secret_and_what_is_missing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), "hunter2\n").unwrap();
        let text = format!(
            "auth:\n  mode: oidc\n  oidc:\n    issuer: https://id.example\n    client_id: clew\n    client_secret_file: \
             {}/secret\n    redirect_url: https://clew.example/api/v1/session/oidc/callback\n    groups: {{ ops: [read, \
             admin], devs: [read] }}\n",
            dir.path().display()
        );
        let auth = read(&text).unwrap().config.auth;
        let options = auth.provider().unwrap().unwrap();
        assert_eq!(options.client_secret.as_deref(), Some("hunter2"));
        let groups = [("ops".to_owned(), Scopes::READ | Scopes::ADMIN), ("devs".to_owned(), Scopes::READ)];
        assert_eq!(options.groups, groups);
        assert_eq!((options.name_claim.as_str(), options.groups_claim.as_str()), ("preferred_username", "groups"));
        assert!(!format!("{auth:?} {options:?}").contains("hunter2"));
        let faults = read("auth: { mode: oidc }").unwrap().config.auth.provider().unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(),
            ["auth.oidc.issuer", "auth.oidc.client_id", "auth.oidc.redirect_url", "auth.oidc.groups"]
        );
        assert_eq!(read("auth: { mode: basic }").unwrap().config.auth.provider().unwrap(), None);
    }

    #[test]
    fn users_that_do_nothing_are_told() {
        let warnings = |text: &str| {
            let mut warnings = Vec::new();
            read(text).unwrap().config.auth.book(&mut warnings).unwrap();
            warnings.len()
        };
        let user = format!("users: [{{ name: ada, password_hash: '{HASH}', scopes: [read] }}]");
        assert_eq!(warnings(&format!("auth: {{ {user} }}")), 1, "while all are let in");
        assert_eq!(warnings(&format!("auth: {{ mode: basic, {user} }}")), 0);
        assert_eq!(warnings("auth: { mode: basic }"), 0, "they may be in the catalog");
    }

    #[test]
    fn a_file_adds_to_the_configuration_and_its_faults_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("door.yml");
        let auth = Auth { mode: AuthMode::Token, file: Some(file.clone()), ..Auth::default() };
        std::fs::write(&file, format!("tokens:\n  - {{ name: a, digest: '{DIGEST}', scopes: [read] }}\n")).unwrap();
        let expected = Token {
            name: "a".to_owned(),
            digest: TokenDigest::of("abc"),
            scopes: Scopes::READ,
            tenants: TenantSet::default(),
        };
        assert_eq!(auth.book(&mut Vec::new()).unwrap(), Book::new([], [expected]));
        std::fs::write(&file, "tokens: []\nuser: []\n").unwrap();
        let fault = auth.book(&mut Vec::new()).unwrap_err()[0].to_string();
        assert!(fault.contains("door.yml:2:") && fault.contains("users"), "{fault}");
        std::fs::remove_file(&file).unwrap();
        assert!(auth.book(&mut Vec::new()).unwrap_err()[0].to_string().contains("cannot be read"));
    }
}
