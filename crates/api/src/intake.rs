//! Room for the bodies of ingest requests: as many are held at once as the memory allows, and none is waited for that
//! hardly comes.

use crate::body::{self, ContentEncoding, too_large};
use crate::error::ApiError;
use crate::limits::{BODY_GRACE, BODY_MIN_RATE, FIRST_ROOM, ROOM_WAIT};
use crate::otlp::decode_off_thread;
use crate::state::ApiState;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use clew_codec::DecodeError;
use clew_model::{ErrorKind, MemoryShare, Signal, Taken};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// How much larger than its compressed form a body is taken to be at first; a body of few bytes may be much larger.
const UNPACKED: (usize, usize) = (16, 256 << 10);

/// How much larger than its bytes the records of a body are taken to be before it is there.
const DECODED: usize = 3;

/// What the records of the smallest body are given.
const LEAST_DECODED: usize = 64 << 10;

/// Records stand in memory once as they were decoded, and once more while they are encoded.
const COPIES: usize = 2;

/// By how much more is tried where that was too little.
const MORE: usize = 4;

/// The room that a body and its records take until it is dropped.
pub(crate) struct Room {
    bodies: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    /// The same for the accountant.
    counted: Taken,
    memory: MemoryShare,
    /// The most that one body may take, as it comes and unpacked.
    most: usize,
    /// The most that a body and its records may take together.
    whole: usize,
}

/// Why a body was not decoded.
pub(crate) enum Undecoded {
    /// Unpacked it is larger than it may be here.
    Unpacked,
    /// Its records take more memory than they may here.
    Memory,
    /// Something else.
    Refused(ApiError),
}

impl From<ApiError> for Undecoded {
    fn from(error: ApiError) -> Self {
        Undecoded::Refused(error)
    }
}

impl From<DecodeError> for Undecoded {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Memory { .. } => Undecoded::Memory,
            other => Undecoded::Refused(other.into()),
        }
    }
}

impl Room {
    async fn new(state: &ApiState, bytes: usize) -> Result<Self, ApiError> {
        let most = state.options.ingest_body;
        let permit = acquire(&state.bodies, kibibytes(bytes.min(most))).await?;
        let whole = room_permits(state.options.ingest_room, most).saturating_mul(1024);
        let memory = state.app.memory().ingest.clone();
        let counted = memory.count(permit.num_permits() as u64 * 1024);
        Ok(Self { bodies: Arc::clone(&state.bodies), permit: Some(permit), counted, memory, most, whole })
    }

    /// Makes the room so large. What it had is given back first: rooms that each held a part and waited for the rest would wait
    /// for each other.
    async fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let wanted = kibibytes(bytes.min(self.whole));
        let has = self.permit.as_ref().map_or(0, |permit| u32::try_from(permit.num_permits()).unwrap_or(u32::MAX));
        if wanted > has {
            self.permit = None;
            self.counted = self.memory.count(0);
            self.permit = Some(acquire(&self.bodies, wanted).await?);
            self.counted = self.memory.count(u64::from(wanted) * 1024);
        }
        Ok(())
    }
}

/// Permits, a kibibyte each, for the bodies that are held at once with their records: one of the largest must fit, however
/// small the room.
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
    let is_packed = headers.contains_key(header::CONTENT_ENCODING) || headers.contains_key("grpc-encoding");
    let bytes = read(body, announced, is_packed, limit, &mut room).await?;
    Ok((bytes, room))
}

/// Unpacks a body and decodes its records, within the room that it has and takes more of where it must: what a body becomes
/// is known only when it is there. `decode` is called anew where it was given too little memory.
///
/// # Errors
/// What `decode` answers; no room; a body that is too large unpacked, or whose records take more than there is for one.
pub(crate) async fn decode<T: Send + 'static>(
    state: &ApiState,
    room: &mut Room,
    signal: Signal,
    encoding: ContentEncoding,
    body: Bytes,
    decode: impl Fn(&Bytes, usize) -> Result<T, Undecoded> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let decode = Arc::new(decode);
    let is_packed = encoding != ContentEncoding::Identity;
    let mut unpacked = if is_packed { body.len().saturating_mul(UNPACKED.0).max(UNPACKED.1).min(room.most) } else { 0 };
    let expansion = state.expansions.of(signal);
    let mut memory = expansion.records(body.len().max(unpacked / 4)).max(LEAST_DECODED);
    loop {
        let held = body.len().saturating_add(unpacked);
        memory = memory.min(room.whole.saturating_sub(held) / COPIES);
        room.grow_to(held.saturating_add(memory.saturating_mul(COPIES))).await?;
        let (own, packed, limit) = (Arc::clone(&decode), body.clone(), if is_packed { unpacked } else { room.most });
        // Whoever decodes keeps the room, also where nobody waits for it any more.
        let held_room = (room.permit.take(), std::mem::replace(&mut room.counted, room.memory.count(0)));
        let decoded = decode_off_thread(state, body.len(), encoding, move || {
            let held_room = held_room;
            let bytes = match body::decompress(encoding, packed, limit) {
                Err(error) if error.kind == ErrorKind::TooLarge => return Ok((held_room, Err(Undecoded::Unpacked))),
                other => other?,
            };
            Ok((held_room, own(&bytes, memory)))
        });
        let ((permit, counted), decoded) = decoded.await?;
        (room.permit, room.counted) = (permit, counted);
        match decoded {
            Ok(records) => {
                expansion.was_enough();
                return Ok(records);
            }
            Err(Undecoded::Unpacked) if is_packed && unpacked < room.most => {
                unpacked = unpacked.saturating_mul(MORE).min(room.most);
                memory = memory.max(unpacked);
            }
            Err(Undecoded::Unpacked) => return Err(too_large(room.most)),
            Err(Undecoded::Memory) if memory < room.whole.saturating_sub(held) / COPIES => {
                expansion.was_too_little();
                memory = memory.saturating_mul(MORE);
            }
            Err(Undecoded::Memory) => return Err(too_many_records(memory)),
            Err(Undecoded::Refused(error)) => return Err(error),
        }
    }
}

/// The refusal of a body whose records take more than there is.
fn too_many_records(memory: usize) -> ApiError {
    let message = format!(
        "the records of the request's body take more than {memory} bytes of memory, all that there is for one body \
         (limits.memory); send smaller batches"
    );
    ApiError::new(ErrorKind::TooLarge, message)
}

/// What a large body of so many bytes takes with its records, as far as can be told before it is there.
fn whole_room(bytes: usize, is_packed: bool) -> usize {
    let unpacked = if is_packed { bytes.saturating_mul(UNPACKED.0) } else { 0 };
    let records = bytes.max(unpacked / 4).saturating_mul(DECODED);
    bytes.saturating_add(unpacked).saturating_add(records.saturating_mul(COPIES))
}

/// Reads a body. As soon as it is seen to be large, room is taken for all that is announced, or for twice what is there.
async fn read(
    mut body: Body,
    announced: Option<usize>,
    is_packed: bool,
    limit: usize,
    room: &mut Room,
) -> Result<Bytes, ApiError> {
    let started = Instant::now();
    let (mut bytes, mut covered) = (BytesMut::new(), FIRST_ROOM);
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
        if bytes.len() >= covered {
            covered =
                announced.unwrap_or(bytes.len().saturating_mul(2)).clamp(bytes.len().saturating_add(1), limit.max(1));
            room.grow_to(whole_room(covered, is_packed)).await?;
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
        let memory = MemoryShare::new(16 << 20);
        Room {
            bodies: Arc::clone(bodies),
            permit: Some(permit),
            counted: memory.count(0),
            memory,
            most,
            whole: 16 << 20,
        }
    }

    fn chunks(sizes: Vec<usize>) -> Body {
        Body::from_stream(stream::iter(sizes.into_iter().map(|size| Ok::<_, Infallible>(vec![b'x'; size]))))
    }

    #[tokio::test]
    async fn a_small_body_without_a_length_takes_little_and_a_large_one_room_for_its_records() {
        let bodies = semaphore(16 << 10);
        let mut small = room(&bodies, FIRST_ROOM, 8 << 20).await;
        assert_eq!(read(chunks(vec![10, 20]), None, false, 8 << 20, &mut small).await.unwrap().len(), 30);
        assert_eq!(bodies.available_permits(), 15 << 10);
        let mut large = room(&bodies, FIRST_ROOM, 8 << 20).await;
        assert_eq!(
            read(chunks(vec![1 << 20, 1 << 19]), None, false, 8 << 20, &mut large).await.unwrap().len(),
            3 << 19
        );
        // Twice what was there, and six times that for its records.
        assert_eq!(bodies.available_permits(), 1 << 10);
        drop((small, large));
        assert_eq!(bodies.available_permits(), 16 << 10);
    }

    #[tokio::test]
    async fn a_body_that_fits_exactly_is_taken_and_one_byte_more_is_refused() {
        let bodies = semaphore(16 << 10);
        let mut own = room(&bodies, 1000, 1000).await;
        assert!(read(chunks(vec![600, 400]), None, false, 1000, &mut own).await.is_ok());
        let error = read(chunks(vec![600, 401]), None, false, 1000, &mut own).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(error.message.contains("1000 bytes (limits.ingest_body)"), "{}", error.message);
    }

    #[test]
    fn the_room_is_what_the_memory_allows_and_never_less_than_one_body() {
        assert_eq!(room_permits(196 << 20, 64 << 20), 196 << 10);
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
