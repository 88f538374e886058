//! The memory that scraped pages and lists of targets take, as they come and decoded.

use super::client::chain;
use super::error::ScrapeError;
use super::limits::{DECODED_PAGE_FACTOR, LARGE_PAGE_SHARE, SMALL_PAGE_BYTES};
use bytes::{Bytes, BytesMut};
use clew_model::{MemoryShare, Taken};
use reqwest::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a page that waits for memory looks whether there is some.
const LOOK: Duration = Duration::from_millis(20);

/// What pages may take together. Many small ones are read side by side; of large ones only as many as have room whole, the
/// others wait, so that none holds a part while it waits for the rest.
#[derive(Debug)]
pub(super) struct Pages {
    share: MemoryShare,
    large: Arc<Semaphore>,
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
    taken: Taken,
    large: Option<OwnedSemaphorePermit>,
}

impl Pages {
    pub(super) fn new(share: MemoryShare) -> Self {
        let large = usize::try_from(share.limit() / LARGE_PAGE_SHARE).unwrap_or(usize::MAX).clamp(1, 64);
        Self { share, large: Arc::new(Semaphore::new(large)) }
    }

    /// The largest page that there is room for.
    fn largest(&self) -> u64 {
        self.share.limit() / DECODED_PAGE_FACTOR
    }

    /// Reads a page, decompressed, of at most `limit` bytes; more is not read. Waits for memory; the caller bounds the time.
    ///
    /// # Errors
    /// A page over the limit or over what the memory has room for, or one that breaks off.
    pub(super) async fn read(&self, mut response: Response, limit: u64) -> Result<Page, ScrapeError> {
        let (taken, mut body) = (self.wait_for(SMALL_PAGE_BYTES.min(self.share.limit())).await, BytesMut::new());
        let mut memory = PageMemory { taken, large: None };
        let broken = |error: reqwest::Error| ScrapeError::Request(chain(&error.without_url()));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let bytes = (body.len() + chunk.len()) as u64;
            if bytes > limit {
                return Err(ScrapeError::BodySize(limit));
            }
            if bytes > self.largest() {
                return Err(ScrapeError::NoMemory(self.largest()));
            }
            let wanted = bytes.saturating_mul(DECODED_PAGE_FACTOR);
            if wanted > memory.taken.bytes() {
                // By doubling, as the buffer itself grows.
                self.grow(&mut memory, wanted.saturating_mul(2).min(self.share.limit())).await;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Page { bytes: body.freeze(), memory: Some(memory) })
    }

    async fn grow(&self, memory: &mut PageMemory, bytes: u64) {
        if memory.large.is_none() {
            // Nobody closes it.
            memory.large = Arc::clone(&self.large).acquire_owned().await.ok();
        }
        while !memory.taken.grow_to(bytes) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn wait_for(&self, bytes: u64) -> Taken {
        loop {
            match self.share.take(bytes) {
                Some(taken) => return taken,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
