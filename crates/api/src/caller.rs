//! Who calls: decided here and nowhere else, before a handler sees the request.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use clew_model::Caller;

/// Puts the [`Caller`] into the request. Until authentication is built (`auth.mode`), whoever reaches a port is anonymous
/// and may do everything.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller::anonymous());
    next.run(request).await
}
