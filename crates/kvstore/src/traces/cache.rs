//! Decoded things kept while there is room: the least recently used go first.

use hashbrown::HashMap;
use parking_lot::Mutex;
use std::hash::Hash;
use std::sync::Arc;

/// A cache bounded by the bytes of what it holds.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    inner: Mutex<Inner<K, V>>,
    limit: usize,
}

#[derive(Debug)]
struct Inner<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    /// A cache of at most `limit` bytes (and at least one entry).
    pub(super) fn new(limit: usize) -> Self {
        Self { inner: Mutex::new(Inner { entries: HashMap::new(), bytes: 0, clock: 0 }), limit }
    }

    /// The value under a key, made (outside the lock) when it is not there; `make` also answers its bytes.
    pub(super) fn get_or_make<E>(&self, key: &K, make: impl FnOnce() -> Result<(V, usize), E>) -> Result<Arc<V>, E> {
        if let Some(value) = self.inner.lock().get(key) {
            return Ok(value);
        }
        let (value, bytes) = make()?;
        let value = Arc::new(value);
        self.inner.lock().insert(key.clone(), value.clone(), bytes, self.limit);
        Ok(value)
    }

    /// Forgets the entries whose key is refused.
    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    pub(super) fn retain(&self, keep: impl Fn(&K) -> bool) {
        let mut inner = self.inner.lock();
        let mut freed = 0;
        inner.entries.retain(|key, entry| {
            let kept = keep(key);
            freed += if kept { 0 } else { entry.bytes };
            kept
        });
        inner.bytes -= freed;
    }
}

impl<K: Eq + Hash + Clone, V> Inner<K, V> {
    fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(entry.value.clone())
    }

    fn insert(&mut self, key: K, value: Arc<V>, bytes: usize, limit: usize) {
        self.clock += 1;
        let used = self.clock;
        if let Some(old) = self.entries.insert(key, Entry { value, bytes, used }) {
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > limit && self.entries.len() > 1 {
            // Entries are large and few, so a walk costs less than an order kept at every use.
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(entry) = oldest.and_then(|key| self.entries.remove(&key)) else { break };
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_when_there_is_no_room() {
        let cache: Cache<u32, u32> = Cache::new(10);
        let get = |key: u32| *cache.get_or_make(&key, || Ok::<_, ()>((key, 4))).unwrap();
        get(1);
        get(2);
        get(1);
        get(3);
        assert!(cache.get_or_make(&1, || Err(())).is_ok());
        assert!(cache.get_or_make(&2, || Err(())).is_err());
        cache.retain(|key| *key == 3);
        assert!(cache.get_or_make(&1, || Err(())).is_err());
        assert_eq!(cache.inner.lock().bytes, 4);
    }
}
