//! The index region of a part, read by checked pages through a shared cache.

use crate::error::LogStoreError;
use crate::limits::PAGE_BYTES;
use clew_host::ReadFile;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages of all parts, the oldest given up first. Bounded in bytes.
#[derive(Debug)]
pub(crate) struct PageCache {
    inner: Mutex<Inner>,
    capacity: usize,
    next_owner: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    pages: HashMap<(u64, u32), Arc<[u8]>>,
    order: VecDeque<(u64, u32)>,
    bytes: usize,
}

impl PageCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { inner: Mutex::default(), capacity, next_owner: AtomicU64::new(0) }
    }

    fn get(&self, key: (u64, u32)) -> Option<Arc<[u8]>> {
        self.inner.lock().pages.get(&key).cloned()
    }

    fn put(&self, key: (u64, u32), page: &Arc<[u8]>) {
        let mut inner = self.inner.lock();
        if inner.pages.insert(key, Arc::clone(page)).is_none() {
            inner.bytes += page.len();
            inner.order.push_back(key);
        }
        while inner.bytes > self.capacity {
            let Some(oldest) = inner.order.pop_front() else { break };
            if let Some(page) = inner.pages.remove(&oldest) {
                inner.bytes -= page.len();
            }
        }
    }

    fn forget(&self, owner: u64) {
        let mut inner = self.inner.lock();
        let mut freed = 0;
        inner.pages.retain(|key, page| {
            let keep = key.0 != owner;
            freed += if keep { 0 } else { page.len() };
            keep
        });
        inner.order.retain(|key| key.0 != owner);
        inner.bytes -= freed;
    }
}

/// A region of a file with a checksum for each page.
#[derive(Debug)]
pub(crate) struct Pages {
    file: Arc<dyn ReadFile>,
    name: String,
    start: u64,
    length: usize,
    checksums: Vec<u32>,
    cache: Arc<PageCache>,
    owner: u64,
}

impl Pages {
    pub(crate) fn new(
        file: Arc<dyn ReadFile>,
        name: &str,
        start: u64,
        length: usize,
        checksums: Vec<u32>,
        cache: Arc<PageCache>,
    ) -> Self {
        let owner = cache.next_owner.fetch_add(1, Ordering::Relaxed);
        Self { file, name: name.to_owned(), start, length, checksums, cache, owner }
    }

    /// The bytes at `offset` of the region.
    pub(crate) fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, LogStoreError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| LogStoreError::damaged(&self.name, "its index refers beyond its end"))?;
        let mut bytes = Vec::with_capacity(length);
        let mut at = offset;
        while at < end {
            let page = self.page(at / PAGE_BYTES)?;
            let from = at % PAGE_BYTES;
            let to = (from + end - at).min(page.len());
            let part = page.get(from..to).filter(|part| !part.is_empty());
            let part = part.ok_or_else(|| LogStoreError::damaged(&self.name, "a page of its index is short"))?;
            bytes.extend_from_slice(part);
            at += part.len();
        }
        Ok(bytes)
    }

    fn page(&self, number: usize) -> Result<Arc<[u8]>, LogStoreError> {
        let key = (self.owner, number as u32);
        if let Some(page) = self.cache.get(key) {
            return Ok(page);
        }
        let start = number * PAGE_BYTES;
        let mut bytes = vec![0; PAGE_BYTES.min(self.length.saturating_sub(start))];
        self.file
            .read_exact_at(&mut bytes, self.start + start as u64)
            .map_err(LogStoreError::io("read a part's index"))?;
        if self.checksums.get(number) != Some(&crc32fast::hash(&bytes)) {
            return Err(LogStoreError::damaged(&self.name, format!("page {number} of its index has a wrong checksum")));
        }
        let page: Arc<[u8]> = bytes.into();
        self.cache.put(key, &page);
        Ok(page)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.cache.forget(self.owner);
    }
}

/// The checksums of a region's pages.
pub(crate) fn page_checksums(region: &[u8]) -> Vec<u32> {
    region.chunks(PAGE_BYTES).map(crc32fast::hash).collect()
}
