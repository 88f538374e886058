//! `/api/v1/session`: logging in and out of the web page, and who is.
//!
//! The cookie is for this host alone, no script reads it, no page of another site makes a browser send it, and where the
//! connection is encrypted it never goes in the clear.

use crate::caller::challenge;
use crate::credentials::{self, SESSION};
use crate::error::{ApiError, ErrorBody};
use crate::limits::MAX_LOGIN_BODY;
use crate::members::record;
use crate::peer::Peer;
use crate::state::ApiState;
use crate::tenancy;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clew_app::access::{Access, AuthMode, Credentials, Deed, LoginError};
use clew_model::{Caller, ErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the browser reached the proxy before this server.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who is logged in, and how one can.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDto {
    /// What the server asks of callers: `none`, `basic`, `token`, `oidc`.
    mode: &'static str,
    /// By what one can log in: `password`, `token`, `oidc` (`GET /api/v1/session/oidc` leads to the provider).
    ways: Vec<&'static str>,
    /// Who it is; absent where nobody is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    /// What they may do.
    scopes: Vec<&'static str>,
    /// Of which tenants; absent where the server keeps none apart, or nobody is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenants: Option<SessionTenantsDto>,
}

/// The tenants of who is logged in.
#[derive(Debug, Serialize, ToSchema)]
struct SessionTenantsDto {
    /// That of this request; absent where it names none that they may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    /// Those that they may use, by name; none where they may use any.
    names: Vec<String>,
    /// Whether they may use any, and see what is of the whole server (`GET /api/v1/tenants`).
    any: bool,
}

impl SessionTenantsDto {
    /// Those of a caller, for a request with these headers.
    fn new(access: &Access, caller: &Caller, headers: &HeaderMap) -> Option<Self> {
        if !access.has_tenants() {
            return None;
        }
        let current = access.within(caller.clone(), &tenancy::shown(headers)).ok();
        let names = caller.tenants.names().iter().map(ToString::to_string).collect();
        let current = current.map(|caller| caller.tenant.to_string());
        Some(Self { current, names, any: caller.tenants.is_any() })
    }
}

impl SessionDto {
    fn new(access: &Access, caller: Option<&Caller>, headers: &HeaderMap) -> Self {
        let mode = access.mode();
        let ways = match mode {
            AuthMode::None => Vec::new(),
            AuthMode::Basic => vec!["password", "token"],
            AuthMode::Token => vec!["token"],
            AuthMode::Oidc => vec!["oidc", "token"],
        };
        Self {
            mode: mode.as_str(),
            ways,
            principal: caller.map(|caller| caller.principal.to_string()),
            scopes: caller.map_or(Vec::new(), |caller| caller.scopes.names()),
            tenants: caller.and_then(|caller| SessionTenantsDto::new(access, caller, headers)),
        }
    }
}

/// A login: by name and password, or by a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginDto {
    /// A user's name.
    name: Option<String>,
    /// The user's password.
    password: Option<String>,
    /// A token instead of both.
    token: Option<String>,
}

impl LoginDto {
    fn credentials(self) -> Result<Credentials, ApiError> {
        match self {
            Self { name: Some(name), password: Some(password), token: None } => {
                Ok(Credentials::Password { name, password })
            }
            Self { name: None, password: None, token: Some(token) } => Ok(Credentials::Token(token)),
            _ => Err(ApiError::bad_request("a login is a name and a password, or a token")),
        }
    }
}

/// Who asks, and how one can log in. Everybody may ask.
#[utoipa::path(
    get, path = "/api/v1/session", tag = "server", operation_id = "session",
    responses(
        (status = 200, description = "Who it is", body = SessionDto),
        (status = 401, description = "What the request shows is nobody's", body = ErrorBody),
    )
)]
pub(crate) async fn current(State(state): State<ApiState>, request: Request) -> Response {
    let mode = state.access.mode();
    let caller = match credentials::of(request.headers(), came_encrypted(&request)) {
        _ if mode == AuthMode::None => Some(Caller::anonymous()),
        Credentials::Nothing => None,
        Credentials::Session(secret) => state.access.session(&secret),
        shown => {
            let address = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
            match state.access.identify(shown, address).await {
                Ok(caller) => Some(caller),
                Err(refusal) => return challenge(&request, refusal),
            }
        }
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(SessionDto::new(&state.access, caller.as_ref(), request.headers())))
        .into_response()
}

/// Opens a session; its secret comes as a cookie.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "server", operation_id = "log_in", request_body = LoginDto,
    responses(
        (status = 200, description = "Who is logged in now", body = SessionDto),
        (status = 400, description = "The login cannot be read", body = ErrorBody),
        (status = 401, description = "The name and password, or the token, are nobody's", body = ErrorBody),
        (status = 415, description = "The login is no JSON", body = ErrorBody),
        (status = 429, description = "Too many attempts failed; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub(crate) async fn log_in(State(state): State<ApiState>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let credentials = match read(&head.headers, body).await {
        Ok(credentials) => credentials,
        Err(error) => return error.into_response(),
    };
    if state.access.mode() == AuthMode::None {
        return Json(SessionDto::new(&state.access, Some(&Caller::anonymous()), &head.headers)).into_response();
    }
    let named = match &credentials {
        Credentials::Password { name, .. } => state.access.shown(name).to_owned(),
        _ => "?".to_owned(),
    };
    let request = Request::from_parts(head, axum::body::Body::empty());
    let peer = request.extensions().get::<Peer>().copied();
    match state.access.log_in(credentials, peer.map(|peer| peer.address.ip())).await {
        Ok((caller, secret)) => {
            // Whoever logs in anew leaves the session before.
            let is_encrypted = came_encrypted(&request);
            if let Some(before) = credentials::session(request.headers(), is_encrypted) {
                state.access.log_out(&before);
            }
            record(&state, request.extensions(), &caller.principal, Deed::Login, "").await;
            let age = state.access.session_age().as_secs();
            let cookie = cookie(&secret, age, is_encrypted);
            let body = Json(SessionDto::new(&state.access, Some(&caller), request.headers()));
            ([(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())], body).into_response()
        }
        Err(LoginError::Refused(refusal)) => {
            record(&state, request.extensions(), &named, Deed::LoginFailed, "by the form of the page").await;
            challenge(&request, refusal)
        }
        Err(LoginError::Failed(why)) => ApiError::new(ErrorKind::Internal, why).into_response(),
    }
}

/// Ends the session that the cookie names.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "server", operation_id = "log_out",
    responses((status = 204, description = "Nobody is logged in any more"))
)]
pub(crate) async fn log_out(State(state): State<ApiState>, request: Request) -> Response {
    let is_encrypted = came_encrypted(&request);
    if let Some(secret) = credentials::session(request.headers(), is_encrypted)
        && let Some(caller) = state.access.session(&secret)
    {
        state.access.log_out(&secret);
        record(&state, request.extensions(), &caller.principal, Deed::Logout, "").await;
        if let Err(error) = write_ended(&state).await {
            return error.into_response();
        }
    }
    let cookie = cookie("", 0, is_encrypted);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Writes down at once that a session ended.
async fn write_ended(state: &ApiState) -> Result<(), ApiError> {
    let members = state.members.clone();
    let written = tokio::task::spawn_blocking(move || members.write_ended()).await;
    if matches!(written, Ok(Ok(()))) {
        return Ok(());
    }
    let message =
        "the session has ended, but that could not be written down: a restart of the server may bring it back";
    Err(ApiError::new(ErrorKind::Internal, message))
}

/// JSON alone: a form of another page cannot send it without asking first.
async fn read(headers: &HeaderMap, body: axum::body::Body) -> Result<Credentials, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind: &HeaderValue| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(ApiError::unsupported_media_type("a login is JSON; send application/json"));
    }
    let body = crate::body::read(body, MAX_LOGIN_BODY).await?;
    // serde's own words would show what was sent.
    let login: LoginDto = serde_json::from_slice(&body)
        .map_err(|_| ApiError::bad_request("a login is {\"name\": …, \"password\": …} or {\"token\": …}"))?;
    login.credentials()
}

/// Whether a request came over an encrypted connection, to here or to the proxy before.
#[must_use]
pub(crate) fn came_encrypted<B>(request: &Request<B>) -> bool {
    let is_tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_tls);
    is_tls || request.headers().get(FORWARDED_PROTO).is_some_and(|proto| proto == "https")
}

pub(crate) fn cookie(secret: &str, age: u64, is_encrypted: bool) -> String {
    let (name, secure) = (SESSION.on(is_encrypted), if is_encrypted { "; Secure" } else { "" });
    format!("{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}
