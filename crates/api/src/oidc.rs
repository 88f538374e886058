//! `/api/v1/session/oidc`: logging in to the page through a provider of identities. People come here by links and
//! redirects, so that what goes wrong is text for them.

use crate::credentials::{self, LOGIN};
use crate::members::record;
use crate::params::Params;
use crate::peer::Peer;
use crate::session;
use crate::state::ApiState;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use clew_app::access::{Deed, OidcError};

/// Seconds that a login may take.
const AGE: u64 = 600;

/// From the callback up to the page, relative: a proxy may serve all of it below a prefix.
const PAGE: &str = "../../../../";

/// `GET /api/v1/session/oidc`: to the provider.
pub(crate) async fn begin(State(state): State<ApiState>, request: Request) -> Response {
    let Some(oidc) = &state.options.oidc else { return no_provider() };
    let address = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    match oidc.begin(address).await {
        Ok(begun) => {
            let cookie = login_cookie(&request, &begun.state, AGE);
            let headers = [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())];
            (StatusCode::SEE_OTHER, headers, [(header::LOCATION, begun.url)]).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// `GET /api/v1/session/oidc/callback`: back from it.
pub(crate) async fn callback(State(state): State<ApiState>, request: Request) -> Response {
    let Some(oidc) = &state.options.oidc else { return no_provider() };
    let params = Params::of_query(request.uri().query());
    let is_encrypted = session::came_encrypted(&request);
    let begun = credentials::cookie(request.headers(), LOGIN.on(is_encrypted));
    let (Some(shown), Some(begun)) = (params.get("state"), begun) else { return failed(&OidcError::Unknown) };
    if shown != begun {
        return failed(&OidcError::Unknown);
    }
    let Some(code) = params.get("code") else {
        let said: String = params.get("error").unwrap_or("no code").chars().take(100).collect();
        return failed(&OidcError::Provider(format!("it answers {said:?}")));
    };
    let person = match oidc.finish(shown, code.to_owned()).await {
        Ok(person) => person,
        Err(error) => {
            record(&state, request.extensions(), "?", Deed::LoginFailed, &error.to_string()).await;
            return failed(&error);
        }
    };
    let (caller, secret) = match state.access.let_in(&person) {
        Ok(let_in) => let_in,
        Err(error) => return failed(&OidcError::Provider(error)),
    };
    record(&state, request.extensions(), &caller.principal, Deed::Login, "by the provider of identities").await;
    if let Some(before) = credentials::session(request.headers(), is_encrypted) {
        state.access.log_out(&before);
    }
    let opened = session::cookie(&secret, state.access.session_age().as_secs(), is_encrypted);
    let cookies = AppendHeaders([(header::SET_COOKIE, opened), (header::SET_COOKIE, login_cookie(&request, "", 0))]);
    (StatusCode::SEE_OTHER, cookies, [(header::LOCATION, PAGE), (header::CACHE_CONTROL, "no-store")]).into_response()
}

/// The provider leads back from another site, so that it is `Lax`: with a link it comes, with anything else of another site
/// it does not.
fn login_cookie(request: &Request, state: &str, age: u64) -> String {
    let is_encrypted = session::came_encrypted(request);
    let (name, secure) = (LOGIN.on(is_encrypted), if is_encrypted { "; Secure" } else { "" });
    format!("{name}={state}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
}

fn no_provider() -> Response {
    (StatusCode::BAD_REQUEST, "no provider of identities is configured (auth.mode: oidc)\n").into_response()
}

fn failed(error: &OidcError) -> Response {
    let status = match error {
        OidcError::Provider(_) => StatusCode::BAD_GATEWAY,
        OidcError::Unknown | OidcError::Untrusted(_) | OidcError::NoGroup(_) | OidcError::NoTenant(..) => {
            StatusCode::FORBIDDEN
        }
    };
    tracing::warn!(%error, "nobody was logged in by the provider of identities");
    (status, format!("{error}\n")).into_response()
}
