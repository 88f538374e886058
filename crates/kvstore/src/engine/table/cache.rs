//! Blocks and indexes of tables that were read last, in bounded memory.

use super::format::TableIndex;
use super::slice::Slice;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// What one entry costs beside its bytes: the map, the queue, the counts of references.
const ENTRY_BYTES: usize = 96;

/// The number of a table, and of a block of it; its index has none.
type Key = (u64, Option<usize>);

/// A cache bounded in bytes. What was not used since the last look gives way first ("second chance").
#[derive(Debug)]
pub(crate) struct BlockCache {
    most_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<Key, Kept>,
    /// The order in which entries are looked at for room.
    queue: VecDeque<Key>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    content: Content,
    bytes: usize,
    is_used: bool,
}

#[derive(Debug, Clone)]
enum Content {
    Index(Arc<TableIndex>),
    Block(Slice),
}

impl BlockCache {
    /// A cache of at most so many bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, inner: Mutex::default() }
    }

    /// The index of a table, if it is here.
    pub(crate) fn index(&self, table: u64) -> Option<Arc<TableIndex>> {
        match self.inner.lock().get(&(table, None))? {
            Content::Index(index) => Some(index),
            Content::Block(_) => None,
        }
    }

    /// A block, if it is here.
    pub(crate) fn block(&self, table: u64, block: usize) -> Option<Slice> {
        match self.inner.lock().get(&(table, Some(block)))? {
            Content::Block(block) => Some(block),
            Content::Index(_) => None,
        }
    }

    /// Keeps an index.
    pub(crate) fn put_index(&self, table: u64, index: &Arc<TableIndex>) {
        // Nothing of a table can be read without it: it may take more room than a block.
        let (bytes, most) = (index.memory_bytes(), self.most_bytes / 2);
        self.put((table, None), Content::Index(Arc::clone(index)), bytes, most);
    }

    /// Keeps a block.
    pub(crate) fn put_block(&self, table: u64, number: usize, block: &Slice) {
        // What would drive out a large share of the rest is cheap to read again, measured by what it gives.
        self.put((table, Some(number)), Content::Block(block.clone()), block.len(), self.most_bytes / 8);
    }

    /// Forgets a table that is gone.
    pub(crate) fn forget(&self, table: u64) {
        let mut inner = self.inner.lock();
        let mut freed = 0;
        inner.entries.retain(|(own, _), kept| {
            let stays = *own != table;
            freed += if stays { 0 } else { kept.bytes };
            stays
        });
        inner.queue.retain(|(own, _)| *own != table);
        inner.bytes -= freed;
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    fn put(&self, key: Key, content: Content, bytes: usize, most: usize) {
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        if bytes > most {
            return;
        }
        let given_up = self.inner.lock().put(key, Kept { content, bytes, is_used: false }, self.most_bytes);
        // Freed outside the lock.
        drop(given_up);
    }
}

impl Inner {
    fn get(&mut self, key: &Key) -> Option<Content> {
        let kept = self.entries.get_mut(key)?;
        kept.is_used = true;
        Some(kept.content.clone())
    }

    fn put(&mut self, key: Key, kept: Kept, most_bytes: usize) -> Vec<Kept> {
        let mut given_up = Vec::new();
        self.bytes += kept.bytes;
        match self.entries.insert(key, kept) {
            Some(old) => {
                self.bytes -= old.bytes;
                given_up.push(old);
            }
            None => self.queue.push_back(key),
        }
        while self.bytes > most_bytes {
            let Some(oldest) = self.queue.pop_front() else { break };
            match self.entries.get_mut(&oldest) {
                Some(kept) if kept.is_used => {
                    kept.is_used = false;
                    self.queue.push_back(oldest);
                }
                _ => {
                    if let Some(kept) = self.entries.remove(&oldest) {
                        self.bytes -= kept.bytes;
                        given_up.push(kept);
                    }
                }
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 1_000 - ENTRY_BYTES;

    fn block(fill: u8) -> Slice {
        Slice::new(vec![fill; BLOCK])
    }

    #[test]
    fn what_was_used_stays_and_bytes_are_bounded() {
        let cache = BlockCache::new(8_000);
        for number in 0..8 {
            cache.put_block(1, number, &block(number as u8));
        }
        assert_eq!(cache.bytes(), 8_000);
        assert_eq!(&*cache.block(1, 0).unwrap(), &*block(0));
        cache.put_block(2, 0, &block(9));
        assert_eq!(cache.bytes(), 8_000);
        assert!(cache.block(1, 1).is_none(), "the oldest that was not used goes");
        assert!(cache.block(1, 0).is_some() && cache.block(2, 0).is_some());
        cache.forget(1);
        assert_eq!(cache.bytes(), 1_000);
        assert!(cache.block(1, 0).is_none());
        cache.put_block(2, 1, &Slice::new(vec![0; 2_000]));
        assert!(cache.block(2, 1).is_none(), "a block that is large beside the cache is not kept");
        cache.put_block(2, 0, &block(8));
        assert_eq!(cache.bytes(), 1_000);
    }
}
