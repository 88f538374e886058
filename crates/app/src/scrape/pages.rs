//! The memory that scraped pages and lists of targets take, as they come and decoded.

use super::client::chain;
use super::error::ScrapeError;
use super::limits::{DECODED_PAGE_FACTOR, LARGE_PAGE_BYTES, SMALL_PAGE_BYTES};
use bytes::{Bytes, BytesMut};
use clew_model::{MemoryShare, Taken};
use reqwest::Response;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What pages may take together. A page begins small, among many; one that turns out to be larger waits for a place among
/// those, and a very large one to be the only such. Who waits for a place of one kind keeps that of a smaller kind, and never
/// the other way round: nobody waits in a circle.
#[derive(Debug)]
pub(super) struct Pages {
    share: MemoryShare,
    /// Places of [`SMALL_PAGE_BYTES`] in a quarter of the share.
    small: Arc<Semaphore>,
    /// Places of [`LARGE_PAGE_BYTES`] in another quarter.
    large: Arc<Semaphore>,
    /// The one place in the other half.
    largest: Arc<Semaphore>,
}

/// A page, with the memory that it takes until it is decoded and stored.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) bytes: Bytes,
    pub(super) memory: Option<PageMemory>,
}

/// The memory of a page; given back on drop.
#[derive(Debug)]
pub(super) struct PageMemory {
    /// Bytes of memory that the places are.
    bytes: u64,
    places: Vec<(OwnedSemaphorePermit, Taken)>,
}

impl Pages {
    pub(super) fn new(share: MemoryShare) -> Self {
        let places = |bytes: u64| usize::try_from(share.limit() / 4 / bytes).unwrap_or(usize::MAX);
        let semaphore = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        let (small, large) = (semaphore(places(SMALL_PAGE_BYTES)), semaphore(places(LARGE_PAGE_BYTES)));
        Self { share, small, large, largest: semaphore(1) }
    }

    /// The largest page that there is room for.
    fn largest_page(&self) -> u64 {
        (self.share.limit() / 2).max(SMALL_PAGE_BYTES) / DECODED_PAGE_FACTOR
    }

    /// Reads a page, decompressed, of at most `limit` bytes; more is not read. Waits for memory; the caller bounds the time.
    ///
    /// # Errors
    /// A page over the limit or over what the memory has room for, or one that breaks off.
    pub(super) async fn read(&self, mut response: Response, limit: u64) -> Result<Page, ScrapeError> {
        let mut memory = PageMemory { bytes: 0, places: Vec::new() };
        let mut body = BytesMut::new();
        let broken = |error: reqwest::Error| ScrapeError::Request(chain(&error.without_url()));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let bytes = (body.len() + chunk.len()) as u64;
            if bytes > limit {
                return Err(ScrapeError::BodySize(limit));
            }
            if bytes > self.largest_page() {
                return Err(ScrapeError::NoMemory(self.largest_page()));
            }
            self.grow(&mut memory, bytes.saturating_mul(DECODED_PAGE_FACTOR)).await;
            body.extend_from_slice(&chunk);
        }
        Ok(Page { bytes: body.freeze(), memory: Some(memory) })
    }

    /// Takes places until they are enough for so many bytes.
    async fn grow(&self, memory: &mut PageMemory, wanted: u64) {
        while memory.bytes < wanted {
            let (places, bytes) = match memory.bytes {
                0 => (&self.small, SMALL_PAGE_BYTES),
                bytes if bytes < LARGE_PAGE_BYTES && wanted <= LARGE_PAGE_BYTES => (&self.large, LARGE_PAGE_BYTES),
                _ => (&self.largest, (self.share.limit() / 2).max(wanted)),
            };
            // Nobody closes them.
            let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
            memory.places.push((place, self.share.count(bytes)));
            memory.bytes = bytes;
        }
    }
}
