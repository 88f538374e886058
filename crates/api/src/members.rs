//! `/api/v1/users`, `/api/v1/tokens`: who may use the server; `/api/v1/audit`: who did what.

use crate::error::{ApiError, ErrorBody};
use crate::limits::{AUDIT_MOST, AUDIT_PAGE, MAX_LOGIN_BODY};
use crate::params::Params;
use crate::peer;
use crate::state::ApiState;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use clew_app::access::{Deed, May, Member, MemberError, Members};
use clew_model::{Caller, ErrorKind, Scopes, TenantSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user or token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberDto {
    /// The name.
    name: String,
    /// What they may do: `ingest`, `read`, `admin`.
    scopes: Vec<&'static str>,
    /// The tenants that they may use: names, or `*` for all.
    tenants: Vec<String>,
    /// Where they stand: `configuration`, or `catalog` for those that are made while the server runs.
    source: &'static str,
    /// When they were made; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

impl From<Member> for MemberDto {
    fn from(member: Member) -> Self {
        let (at, by) = member.made.clone().unzip();
        Self {
            name: member.name,
            scopes: member.scopes.names(),
            tenants: member.tenants.words(),
            source: if member.made.is_some() { "catalog" } else { "configuration" },
            created: at.map(crate::dto::rfc3339),
            created_by: by,
        }
    }
}

/// Users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsersDto {
    /// By name.
    users: Vec<MemberDto>,
}

/// Tokens, without their text: nobody has that but who was given it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensDto {
    /// By name.
    tokens: Vec<MemberDto>,
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserDto {
    /// The name, without colons.
    name: String,
    /// The password.
    password: String,
    /// What they may do: `ingest`, `read`, `admin`.
    scopes: Vec<String>,
    /// The tenants that they may use: names, or `*` for all; `default` alone unless told.
    tenants: Option<Vec<String>>,
}

/// What is to change of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedUserDto {
    /// Another password; sessions end with it.
    password: Option<String>,
    /// Other scopes.
    scopes: Option<Vec<String>>,
    /// Other tenants.
    tenants: Option<Vec<String>>,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenDto {
    /// What it is called.
    name: String,
    /// What it may do: `ingest`, `read`, `admin`.
    scopes: Vec<String>,
    /// The tenants that it may use: names, or `*` for all; `default` alone unless told.
    tenants: Option<Vec<String>>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenMadeDto {
    /// What it is called.
    name: String,
    /// The token itself. It is not shown again.
    token: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditDto {
    /// The newest first.
    entries: Vec<AuditEntryDto>,
    /// `before` of the page that follows; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntryDto {
    /// Its number, from 1.
    seq: i64,
    /// When; RFC 3339.
    time: String,
    /// By whom.
    who: String,
    /// From where: an address, `command`, `signal`, `server`.
    origin: String,
    /// What: `login`, `user_added` …
    what: String,
    /// To what, or how it ended.
    detail: String,
    /// The hash of the entry before it.
    previous: String,
    /// Its hash.
    hash: String,
}

/// The users. Needs the scope `admin`, as all of these.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "server", operation_id = "users",
    responses((status = 200, description = "The users", body = UsersDto))
)]
pub(crate) async fn users(State(state): State<ApiState>) -> Result<Json<UsersDto>, ApiError> {
    let users = on_a_thread(&state, |members| members.users()).await?;
    Ok(Json(UsersDto { users: users.into_iter().map(MemberDto::from).collect() }))
}

/// Makes a user.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "server", operation_id = "add_user", request_body = NewUserDto,
    responses(
        (status = 201, description = "The user was made"),
        (status = 400, description = "A name, password or scope that cannot be one", body = ErrorBody),
        (status = 409, description = "The name is taken", body = ErrorBody),
    )
)]
pub(crate) async fn add_user(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let origin = peer::origin(request.extensions());
    let NewUserDto { name, password, scopes, tenants } = read(request).await?;
    let may = read_may(&scopes, tenants.as_deref())?;
    on_a_thread(&state, move |members| {
        let detail = format!("{name}: {may}");
        members.add_user(&name, &password, may, &caller.principal)?;
        members.audit().record(&caller.principal, &origin, Deed::UserAdded, &detail);
        Ok(())
    })
    .await?;
    Ok(StatusCode::CREATED)
}

/// Gives a user another password, other scopes or other tenants.
#[utoipa::path(
    put, path = "/api/v1/users/{name}", tag = "server", operation_id = "change_user", request_body = ChangedUserDto,
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 204, description = "The user was changed"),
        (status = 400, description = "A password or scope that cannot be one, or nothing to change", body = ErrorBody),
        (status = 404, description = "There is no such user", body = ErrorBody),
        (status = 409, description = "The user stands in the configuration", body = ErrorBody),
    )
)]
pub(crate) async fn change_user(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let origin = peer::origin(request.extensions());
    let ChangedUserDto { password, scopes, tenants } = read(request).await?;
    let scopes = scopes.as_deref().map(read_scopes).transpose()?;
    let tenants = tenants.as_deref().map(read_tenants).transpose()?;
    let changes: Vec<String> = [
        scopes.map(|scopes| scopes.names().join(", ")),
        tenants.as_ref().map(|tenants| format!("in {tenants}")),
        password.is_some().then(|| "another password".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if changes.is_empty() {
        return Err(ApiError::bad_request("name what changes: a password, scopes, tenants"));
    }
    on_a_thread(&state, move |members| {
        members.change_user(&name, password.as_deref(), scopes, tenants.as_ref())?;
        let detail = format!("{name}: {}", changes.join(", "));
        members.audit().record(&caller.principal, &origin, Deed::UserChanged, &detail);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a user; their sessions end.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", tag = "server", operation_id = "remove_user",
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 204, description = "The user was removed"),
        (status = 404, description = "There is no such user", body = ErrorBody),
        (status = 409, description = "The user stands in the configuration", body = ErrorBody),
    )
)]
pub(crate) async fn remove_user(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let origin = peer::origin(request.extensions());
    on_a_thread(&state, move |members| {
        members.remove_user(&name)?;
        members.audit().record(&caller.principal, &origin, Deed::UserRemoved, &name);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The tokens.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "server", operation_id = "tokens",
    responses((status = 200, description = "The tokens", body = TokensDto))
)]
pub(crate) async fn tokens(State(state): State<ApiState>) -> Result<Json<TokensDto>, ApiError> {
    let tokens = on_a_thread(&state, |members| members.tokens()).await?;
    Ok(Json(TokensDto { tokens: tokens.into_iter().map(MemberDto::from).collect() }))
}

/// Makes a token. The answer alone holds it.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "server", operation_id = "add_token", request_body = NewTokenDto,
    responses(
        (status = 201, description = "The token", body = TokenMadeDto),
        (status = 400, description = "A name or scope that cannot be one", body = ErrorBody),
        (status = 409, description = "The name is taken", body = ErrorBody),
    )
)]
pub(crate) async fn add_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let origin = peer::origin(request.extensions());
    let NewTokenDto { name, scopes, tenants } = read(request).await?;
    let may = read_may(&scopes, tenants.as_deref())?;
    let made = on_a_thread(&state, move |members| {
        let detail = format!("{name}: {may}");
        let token = members.add_token(&name, may, &caller.principal)?;
        members.audit().record(&caller.principal, &origin, Deed::TokenAdded, &detail);
        Ok(TokenMadeDto { name, token })
    })
    .await?;
    Ok((StatusCode::CREATED, [("cache-control", "no-store")], Json(made)).into_response())
}

/// Removes a token; what it opened ends.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{name}", tag = "server", operation_id = "remove_token",
    params(("name" = String, Path, description = "The token's name")),
    responses(
        (status = 204, description = "The token was removed"),
        (status = 404, description = "There is no such token", body = ErrorBody),
        (status = 409, description = "The token stands in the configuration", body = ErrorBody),
    )
)]
pub(crate) async fn remove_token(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let origin = peer::origin(request.extensions());
    on_a_thread(&state, move |members| {
        members.remove_token(&name)?;
        members.audit().record(&caller.principal, &origin, Deed::TokenRemoved, &name);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who did what, the newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "server", operation_id = "audit",
    params(
        ("limit" = Option<usize>, Query, description = "Most entries; 100 unless told, 1,000 at most"),
        ("before" = Option<i64>, Query, description = "Entries with smaller numbers alone: `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Entries of the audit log", body = AuditDto),
        (status = 400, description = "A parameter that cannot be read", body = ErrorBody),
    )
)]
pub(crate) async fn audit(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<Json<AuditDto>, ApiError> {
    let params = Params::of_query(query.as_deref());
    let limit = params.parse::<usize>("limit")?.unwrap_or(AUDIT_PAGE).clamp(1, AUDIT_MOST);
    let before = params.parse("before")?;
    let entries = on_a_thread(&state, move |members| members.audit().entries(before, limit)).await?;
    let last = entries.last().map(|entry| entry.seq);
    let next = last.filter(|seq| *seq > 1 && entries.len() == limit);
    let entry = |entry: clew_app::access::AuditEntry| AuditEntryDto {
        seq: entry.seq,
        time: crate::dto::rfc3339(entry.event.at),
        who: entry.event.who,
        origin: entry.event.origin,
        what: entry.event.what,
        detail: entry.event.detail,
        previous: entry.previous,
        hash: entry.hash,
    };
    Ok(Json(AuditDto { entries: entries.into_iter().map(entry).collect(), next }))
}

/// Writes down what a caller did.
pub(crate) async fn record(state: &ApiState, extensions: &Extensions, who: &str, deed: Deed, detail: &str) {
    let (origin, who, detail) = (peer::origin(extensions), who.to_owned(), detail.to_owned());
    let recorded = on_a_thread(state, move |members| {
        members.audit().record(&who, &origin, deed, &detail);
        Ok(())
    });
    // It fails with the thread alone, which tells of it.
    let _ = recorded.await;
}

/// The catalog is on disk, and passwords take a while.
async fn on_a_thread<T: Send + 'static>(
    state: &ApiState,
    run: impl FnOnce(&Members) -> Result<T, MemberError> + Send + 'static,
) -> Result<T, ApiError> {
    let members = state.members.clone();
    let ran = tokio::task::spawn_blocking(move || run(&members)).await;
    let failed = || ApiError::new(ErrorKind::Internal, "the catalog could not be asked; the server's log says more");
    ran.map_err(|_| failed())?.map_err(|error| ApiError::new(error.kind(), error.to_string()))
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let body = crate::body::read(request.into_body(), MAX_LOGIN_BODY).await?;
    // serde's own words would show what was sent, a password perhaps.
    serde_json::from_slice(&body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        ApiError::bad_request(format!("the body is not what this takes ({place}); the API's description says what is"))
    })
}

fn read_scopes(words: &[String]) -> Result<Scopes, ApiError> {
    if words.is_empty() {
        return Err(ApiError::bad_request("no scope is named; name some of ingest, read, admin"));
    }
    words.iter().try_fold(Scopes::NONE, |all, word| {
        let known = Scopes::NAMED.into_iter().find(|(name, _)| name == word).map(|(_, scope)| all | scope);
        known.ok_or_else(|| ApiError::bad_request(format!("{word:?} is none of the scopes ingest, read, admin")))
    })
}

fn read_tenants(words: &[String]) -> Result<TenantSet, ApiError> {
    if words.is_empty() {
        return Err(ApiError::bad_request("no tenant is named; name some, or \"*\" for all"));
    }
    let unfit = |word| {
        ApiError::bad_request(format!(
            "{word:?} is no tenant: a name has 1 to 64 of a-z, A-Z, 0-9, - and _, and \"*\" stands for all"
        ))
    };
    TenantSet::parse(words.iter().map(String::as_str)).map_err(unfit)
}

fn read_may(scopes: &[String], tenants: Option<&[String]>) -> Result<May, ApiError> {
    let tenants = tenants.map(read_tenants).transpose()?.unwrap_or_default();
    Ok(May { scopes: read_scopes(scopes)?, tenants })
}
