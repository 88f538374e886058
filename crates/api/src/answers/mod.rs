//! Answers to questions: written in the query's turn, piece by piece, and sent as they are made.
//!
//! What is written and not yet sent is taken from its share of the memory (`limits.memory`). A writer that is far enough
//! ahead of its reader waits, and lets other queries have its turn; one for which there is no room gets that of the reader
//! who has read nothing for longest.

mod body;
mod unsent;
mod writer;

use crate::error::ApiError;
use crate::listen::Transfer;
use crate::state::ApiState;
use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use clew_app::AppError;
use clew_app::reads::Question;
use clew_model::{Caller, ErrorKind};
use serde::Serialize;
use std::sync::Arc;
use tracing::Instrument;

use body::AnswerBody;
use unsent::Unsent;

pub(crate) use unsent::Answers;

/// Who asks, and how the answer may be written.
pub(crate) struct Asker {
    state: ApiState,
    caller: Caller,
    takes_gzip: bool,
}

impl FromRequestParts<ApiState> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let caller = Extension::<Caller>::from_request_parts(parts, state).await;
        let Extension(caller) =
            caller.map_err(|_| ApiError::new(ErrorKind::Internal, "the request reached no decision who calls"))?;
        Ok(Self { state: state.clone(), caller, takes_gzip: takes_gzip(&parts.headers) })
    }
}

impl Asker {
    /// Asks, and answers with what `shape` makes of it, as JSON.
    ///
    /// # Errors
    /// What the question answers, as long as nothing of the answer was sent; later the answer breaks off.
    pub(crate) async fn ask<Q, D>(
        self,
        question: Q,
        shape: impl FnOnce(Q::Answer) -> D + Send + 'static,
    ) -> Result<Response, ApiError>
    where
        Q: Question + Send + 'static,
        D: Serialize,
    {
        self.find(question, |answer| Ok(shape(answer))).await
    }

    /// The same where `shape` may refuse.
    ///
    /// # Errors
    /// As [`Asker::ask`], and what `shape` answers.
    pub(crate) async fn find<Q, D>(
        self,
        question: Q,
        shape: impl FnOnce(Q::Answer) -> Result<D, ApiError> + Send + 'static,
    ) -> Result<Response, ApiError>
    where
        Q: Question + Send + 'static,
        D: Serialize,
    {
        let Self { state, caller, takes_gzip } = self;
        let unsent = Unsent::new(&state.answers, Transfer::current());
        let own = Arc::clone(&unsent);
        let ask = async move {
            let own = EndOnDrop(own);
            let to = Arc::clone(&own.0);
            let written = state.app.ask_and(&caller, question, move |answer, turn| match shape(answer) {
                Ok(shaped) => writer::write(&shaped, takes_gzip, &to, turn).map(Ok),
                Err(refused) => Ok(Err(refused)),
            });
            own.0.end(written.await.map_err(ApiError::from).flatten());
        };
        let body = AnswerBody::new(unsent, tokio::spawn(ask.in_current_span()));
        body.into_response().await
    }
}

/// Ends an answer whatever happens to the task that makes it.
struct EndOnDrop(Arc<Unsent>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        // After an end this says nothing; nobody waits for what was aborted.
        self.0.end(Err(ApiError::new(ErrorKind::Internal, "the answer broke off unexpectedly")));
    }
}

/// Whether a client takes gzip (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut any = false;
    for coding in all.flat_map(|text| text.split(',')) {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = quality.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        let taken = weight.is_none_or(|weight| weight > 0.0);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return taken,
            "*" => any = taken,
            _ => {}
        }
    }
    any
}

/// The head of an answer.
fn head(is_gzip: bool) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/json")], ()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The error of an answer that was given up in favour of others.
fn given_up() -> AppError {
    AppError::Read(clew_model::ReadError::new(
        ErrorKind::Unavailable,
        "the answer was given up: its client read nothing while others needed the memory for answers (limits.memory)",
    ))
}

/// The error of an answer for which no room was found.
fn no_room() -> AppError {
    AppError::Read(clew_model::ReadError::new(
        ErrorKind::Unavailable,
        "answers that were not read yet hold what there is for them (limits.memory); ask again in a moment",
    ))
}

#[cfg(test)]
mod tests;
