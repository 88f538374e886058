//! Who calls, and whether they may: decided here and nowhere else, before a handler sees the request.
//!
//! Each route says beside itself what it needs ([`open`], [`ingest`], [`read`], [`admin`]) and whether it is of one tenant or
//! of the whole server ([`read_server`], [`admin`]). Only behind such a word is there a [`Caller`], without which no question
//! is answered and no record taken.

use crate::credentials;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::session;
use crate::shape::Port;
use crate::state::ApiState;
use crate::tenancy;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;
use clew_app::access::{Access, Refusal, Standing};
use clew_model::{Caller, ErrorKind, Scopes, TenantId};
use std::sync::Arc;

/// How a page asks by itself: `navigate` is a person who follows a link (Fetch Metadata, W3C).
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"clew\"");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"clew\", charset=\"UTF-8\"");

/// The door, carried by each request to its route.
#[derive(Clone)]
struct Door(Arc<Access>);

/// Whether a caller still may what they were let in for. What goes on for long asks again and again.
#[derive(Clone)]
pub(crate) struct StillMay {
    access: Arc<Access>,
    standing: Standing,
    scope: Scopes,
    tenant: TenantId,
}

impl StillMay {
    /// Whether they still may.
    pub(crate) fn holds(&self) -> bool {
        let may = |caller: Caller| caller.scopes.contain(self.scope) && self.access.still_uses(&caller, &self.tenant);
        self.access.stands(&self.standing).is_some_and(may)
    }
}

/// Brings the door to the route.
pub(crate) async fn bring(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Door(Arc::clone(&state.access)));
    next.run(request).await
}

/// Routes for everybody: they tell nothing that is kept.
pub(crate) fn open(routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    routes
}

/// Routes for those who may send records, to a tenant.
pub(crate) fn ingest(routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    needing(Scopes::INGEST, Of::Tenant, routes)
}

/// Routes for those who may ask, about a tenant.
pub(crate) fn read(routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    needing(Scopes::READ, Of::Tenant, routes)
}

/// Routes for those who may ask, about the whole server.
pub(crate) fn read_server(routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    needing(Scopes::READ, Of::Server, routes)
}

/// Routes for those who may change how the server runs.
pub(crate) fn admin(routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    needing(Scopes::ADMIN, Of::Server, routes)
}

/// What a route is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// One tenant's data: that which the request names.
    Tenant,
    /// The whole server: nobody sees it who is confined to some tenants.
    Server,
}

fn needing(scope: Scopes, of: Of, routes: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    routes.route_layer(middleware::from_fn(move |request, next| admit(scope, of, request, next)))
}

/// Lets through whoever has the scope, known to the handler as a [`Caller`].
async fn admit(scope: Scopes, of: Of, mut request: Request, next: Next) -> Response {
    let refused = match request.extensions().get::<Door>().cloned() {
        // A route without the layers around it is a mistake, which lets nobody in.
        None => ApiError::new(ErrorKind::Internal, "nobody decides here who may ask"),
        Some(Door(access)) => {
            let address = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
            let shown = credentials::of(request.headers(), session::came_encrypted(&request));
            match access.admit(shown, address).await {
                Ok((caller, standing)) if caller.scopes.contain(scope) => {
                    match about(of, &access, caller, request.headers()) {
                        Ok(caller) => {
                            let tenant = caller.tenant.clone();
                            request.extensions_mut().insert(caller);
                            request.extensions_mut().insert(StillMay { access, standing, scope, tenant });
                            let mut response = next.run(request).await;
                            // Whose answer it is stands in no address: nothing between may keep it for others.
                            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
                            return response;
                        }
                        Err(refused) => refused,
                    }
                }
                Ok((caller, _)) => {
                    access.count_missing_scope();
                    out_of_scope(&caller.principal, caller.scopes, scope)
                }
                Err(refusal) => return challenge(&request, refusal),
            }
        }
    };
    let is_unnamed = refused.kind == ErrorKind::Unauthenticated;
    let mut response = Port::of(&request).refuse(&request, refused);
    if is_unnamed {
        response.headers_mut().append(header::WWW_AUTHENTICATE, BEARER);
    }
    response
}

/// The caller within what a route is about.
fn about(of: Of, access: &Access, caller: Caller, headers: &HeaderMap) -> Result<Caller, ApiError> {
    match of {
        Of::Tenant => access.in_tenant(caller, &tenancy::shown(headers)).map_err(|refusal| tenancy::refused(&refusal)),
        Of::Server => {
            let principal = caller.principal.clone();
            let names_one = !tenancy::shown(headers).headers.is_empty();
            access.of_server(caller, names_one).ok_or_else(|| tenancy::confined(&principal))
        }
    }
}

fn out_of_scope(principal: &str, has: Scopes, needed: Scopes) -> ApiError {
    let (needed, has) = (needed.names().join(", "), has.names());
    let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    ApiError::new(ErrorKind::PermissionDenied, format!("this needs the scope {needed}; {principal} has {has}"))
}

/// 401 with the ways in, or 429 for those who failed too often.
pub(crate) fn challenge(request: &Request, refusal: Refusal) -> Response {
    let retry = match refusal {
        Refusal::TooMany { retry_after } => Some(retry_after.as_secs().max(1)),
        _ => None,
    };
    let mut response = Port::of(request).refuse(request, refused(refusal));
    let headers = response.headers_mut();
    match retry {
        Some(seconds) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        None => {
            headers.append(header::WWW_AUTHENTICATE, BEARER);
            if !is_page(request.headers()) {
                headers.append(header::WWW_AUTHENTICATE, BASIC);
            }
        }
    }
    response
}

fn refused(refusal: Refusal) -> ApiError {
    let how = "send `Authorization: Bearer <token>`, or a user's name and password by HTTP's basic authentication";
    let (message, hint) = match refusal {
        Refusal::Missing => ("this server asks who you are".to_owned(), how),
        Refusal::Unreadable(why) => (format!("the credentials cannot be read: {why}"), how),
        Refusal::Wrong => {
            ("the name and password, or the token, are nobody's here".to_owned(), "look for typing errors")
        }
        Refusal::TooMany { .. } => {
            let error = ApiError::new(
                ErrorKind::Unavailable,
                "too many attempts with wrong credentials are under way from your address",
            );
            return ApiError { status: Some(StatusCode::TOO_MANY_REQUESTS), ..error };
        }
    };
    ApiError { hint: Some(hint.to_owned()), ..ApiError::new(ErrorKind::Unauthenticated, message) }
}

/// Whether a script of a page asks: it shows a form of its own, and the browser's would stand in its way.
fn is_page(headers: &HeaderMap) -> bool {
    headers.get(MODE).is_some_and(|mode| mode != "navigate")
}
