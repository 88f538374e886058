//! The body of an answer that is sent as it is written.

use super::head;
use super::unsent::{Next, Unsent};
use crate::error::ApiError;
use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;

/// What is sent of an answer. Dropping it stops the query.
pub(super) struct AnswerBody {
    unsent: Arc<Unsent>,
    asking: JoinHandle<()>,
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.asking.abort();
        self.unsent.close();
    }
}

impl AnswerBody {
    pub(super) fn new(unsent: Arc<Unsent>, asking: JoinHandle<()>) -> Self {
        Self { unsent, asking }
    }

    /// Waits until the answer can begin.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn into_response(self) -> Result<Response, ApiError> {
        let (is_gzip, length) = poll_fn(|context| self.unsent.poll_begin(context.waker())).await?;
        let mut response = head(is_gzip);
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Body::new(self.map_err(axum::Error::new));
        Ok(response)
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.unsent.poll_next(context.waker()).map(|next| match next {
            Next::Chunk(bytes) => Some(Ok(Frame::data(bytes))),
            Next::End => None,
            Next::Broken(error) => {
                tracing::debug!(error = %error.message, "an answer breaks off");
                Some(Err(io::Error::other(error.message)))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.unsent.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
