//! Room for the bodies of ingest requests: as many are held at once as the memory allows, and none is waited for that
//! hardly comes.

use crate::body::too_large;
use crate::error::ApiError;
use crate::limits::{BODY_GRACE, BODY_MIN_RATE, FIRST_ROOM, ROOM_WAIT};
use crate::state::ApiState;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use clew_model::ErrorKind;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// How much larger than its compressed form a body is taken to be before it is known.
const COMPRESSION: usize = 8;

/// The room that a body takes until it is dropped.
pub(crate) struct Room {
    bodies: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
    /// The most that one body may take.
    most: usize,
}

impl Room {
    async fn new(state: &ApiState, bytes: usize) -> Result<Self, ApiError> {
        let most = state.options.ingest_body;
        let permit = acquire(&state.bodies, kibibytes(bytes.min(most))).await?;
        Ok(Self { bodies: Arc::clone(&state.bodies), permit, most })
    }

    /// Takes as much more as is missing to `bytes`.
    async fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let wanted = kibibytes(bytes.min(self.most));
        let more = wanted.saturating_sub(u32::try_from(self.permit.num_permits()).unwrap_or(u32::MAX));
        if more > 0 {
            self.permit.merge(acquire(&self.bodies, more).await?);
        }
        Ok(())
    }
}

/// Permits, a kibibyte each, for the bodies that are held at once: one of the largest must fit, however small the room.
pub(crate) fn room_permits(room: u64, largest: usize) -> usize {
    let room = usize::try_from(room / 1024).unwrap_or(usize::MAX);
    room.max(kibibytes(largest) as usize).min(Semaphore::MAX_PERMITS)
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1)
}

async fn acquire(bodies: &Arc<Semaphore>, kibibytes: u32) -> Result<OwnedSemaphorePermit, ApiError> {
    match timeout(ROOM_WAIT, Arc::clone(bodies).acquire_many_owned(kibibytes)).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(ApiError::new(ErrorKind::Unavailable, "the server is stopping; send again when it is back")),
        Err(_) => Err(ApiError::new(
            ErrorKind::Unavailable,
            "the server holds as many request bodies as its memory has room for (limits.memory); send again in a moment",
        )),
    }
}

/// Reads the whole body of an ingest request, of at most `limits.ingest_body` bytes and `framing` more, with the room it
/// takes. A small body takes what it needs; the room for a large one is reserved when its beginning is there, so that
/// clients that announce much and send nothing keep nobody out.
///
/// # Errors
/// A body over the limit, cut off, or too slow; no room.
pub(crate) async fn receive(
    state: &ApiState,
    headers: &HeaderMap,
    body: Body,
    framing: usize,
) -> Result<(Bytes, Room), ApiError> {
    let limit = state.options.ingest_body.saturating_add(framing);
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large(state.options.ingest_body));
    }
    let mut room = Room::new(state, announced.unwrap_or(FIRST_ROOM).min(FIRST_ROOM)).await?;
    let bytes = read(body, announced, limit, &mut room).await?;
    if headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key("grpc-encoding") {
        room.grow_to(bytes.len().saturating_mul(COMPRESSION)).await?;
    }
    Ok((bytes, room))
}

async fn read(mut body: Body, announced: Option<usize>, limit: usize, room: &mut Room) -> Result<Bytes, ApiError> {
    let started = Instant::now();
    let mut bytes = BytesMut::new();
    loop {
        let earned = Duration::from_millis(bytes.len() as u64 * 1000 / BODY_MIN_RATE);
        let Ok(frame) = timeout_at(started + BODY_GRACE + earned, body.frame()).await else {
            return Err(too_slow(bytes.len()));
        };
        let Some(frame) = frame else { return Ok(bytes.freeze()) };
        let frame =
            frame.map_err(|error| ApiError::bad_request(format!("the request's body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(room.most));
        }
        bytes.extend_from_slice(&data);
        if bytes.len() >= FIRST_ROOM {
            room.grow_to(announced.unwrap_or(limit)).await?;
        }
    }
}

fn too_slow(bytes: usize) -> ApiError {
    ApiError {
        status: Some(StatusCode::REQUEST_TIMEOUT),
        ..ApiError::bad_request(format!(
            "the request's body came too slowly: {bytes} bytes after {} s; send at least {BODY_MIN_RATE} bytes a second",
            BODY_GRACE.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn semaphore(kibibytes: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(kibibytes))
    }

    async fn room(bodies: &Arc<Semaphore>, bytes: usize, most: usize) -> Room {
        let permit = acquire(bodies, kibibytes(bytes)).await.unwrap();
        Room { bodies: Arc::clone(bodies), permit, most }
    }

    fn chunks(sizes: Vec<usize>) -> Body {
        Body::from_stream(stream::iter(sizes.into_iter().map(|size| Ok::<_, Infallible>(vec![b'x'; size]))))
    }

    #[tokio::test]
    async fn a_small_body_without_a_length_takes_little_and_a_large_one_the_most() {
        let bodies = semaphore(16 << 10);
        let mut small = room(&bodies, FIRST_ROOM, 8 << 20).await;
        assert_eq!(read(chunks(vec![10, 20]), None, 8 << 20, &mut small).await.unwrap().len(), 30);
        assert_eq!(bodies.available_permits(), 15 << 10);
        let mut large = room(&bodies, FIRST_ROOM, 8 << 20).await;
        assert_eq!(read(chunks(vec![1 << 20; 3]), None, 8 << 20, &mut large).await.unwrap().len(), 3 << 20);
        assert_eq!(bodies.available_permits(), 7 << 10);
        drop((small, large));
        assert_eq!(bodies.available_permits(), 16 << 10);
    }

    #[tokio::test]
    async fn a_body_that_fits_exactly_is_taken_and_one_byte_more_is_refused() {
        let bodies = semaphore(16 << 10);
        let mut own = room(&bodies, 1000, 1000).await;
        assert!(read(chunks(vec![600, 400]), None, 1000, &mut own).await.is_ok());
        let error = read(chunks(vec![600, 401]), None, 1000, &mut own).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(error.message.contains("1000 bytes (limits.ingest_body)"), "{}", error.message);
    }

    #[test]
    fn the_room_is_what_the_memory_allows_and_never_less_than_one_body() {
        assert_eq!(room_permits(96 << 20, 64 << 20), 96 << 10);
        assert_eq!(room_permits(1 << 20, 64 << 20), 64 << 10);
        assert_eq!(room_permits(0, 1), 1);
    }

    #[tokio::test]
    async fn without_room_a_sender_is_told_to_come_back() {
        let bodies = semaphore(1 << 10);
        let _first = room(&bodies, 1 << 20, 1 << 20).await;
        let error = acquire(&bodies, 1).await.map(|_| ()).unwrap_err();
        assert!(error.message.contains("(limits.memory)"), "{}", error.message);
        assert_eq!((error.kind, error.retry_after().is_some()), (ErrorKind::Unavailable, true));
    }
}
