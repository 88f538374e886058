//! What a request shows of its tenant: Mimir's, Loki's and Tempo's header, or the choice of who reads the page.

use crate::credentials;
use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clew_app::access::{Shown, TenantRefusal};
use clew_model::{ErrorKind, TenantId};

/// The header that names a tenant; in gRPC the metadata of the same name.
const ORG_ID: HeaderName = HeaderName::from_static("x-scope-orgid");

/// The cookie with the tenant that a reader of the page chose. It opens nothing: what it names counts only for who may use
/// it anyway.
const CHOICE: &str = "clew_tenant";

/// From where a browser asks (Fetch Metadata, W3C).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What these headers show.
#[must_use]
pub(crate) fn shown(headers: &HeaderMap) -> Shown {
    let named = headers.get_all(ORG_ID).iter();
    let has_session = [true, false].into_iter().any(|encrypted| credentials::session(headers, encrypted).is_some());
    let is_page = has_session || headers.get(SITE).is_some_and(|site| site == "same-origin");
    Shown {
        headers: named.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect(),
        chosen: credentials::cookie(headers, CHOICE),
        is_page,
    }
}

/// The cookie that has the page begin with a tenant; none where its reader has chosen one.
#[must_use]
pub(crate) fn first_choice(headers: &HeaderMap, tenant: &TenantId) -> Option<HeaderValue> {
    if credentials::cookie(headers, CHOICE).is_some() {
        return None;
    }
    HeaderValue::try_from(format!("{CHOICE}={tenant}; Path=/; SameSite=Strict")).ok()
}

/// How a request is refused that is of no tenant of its caller's.
#[must_use]
pub(crate) fn refused(refusal: &TenantRefusal) -> ApiError {
    let kind = match refusal {
        TenantRefusal::Missing => ErrorKind::Unauthenticated,
        TenantRefusal::Invalid(_) | TenantRefusal::Several(_) => ErrorKind::InvalidInput,
        TenantRefusal::NotTheirs { .. } => ErrorKind::PermissionDenied,
    };
    // Other APIs' errors are a message alone.
    ApiError::new(kind, format!("{refusal}: {}", refusal.hint()))
}

/// How a request about the whole server is refused whose caller is to know of their tenants alone.
#[must_use]
pub(crate) fn confined(principal: &str) -> ApiError {
    let message = format!(
        "this is about the whole server, and {principal} may use some tenants of it; it needs a user or token with tenants: ['*']"
    );
    ApiError::new(ErrorKind::PermissionDenied, message)
}
