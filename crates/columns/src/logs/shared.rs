//! What many rows of a block refer to: resources and scopes, each once.

use crate::bytes::put_varint;
use crate::compress::put_compressed;
use crate::dictionary::put_ids;
use hashbrown::{HashMap, HashTable};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Distinct items once, then a reference a row.
#[derive(Debug)]
pub(super) struct SharedBuilder<T> {
    pub distinct: Vec<Arc<T>>,
    pub ids: Vec<u32>,
    /// The distinct items, encoded one after the other: two that are equal have the same bytes.
    encoded: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Places of distinct items, by the hashes of their bytes.
    places: HashTable<u32>,
    /// Places by allocation, so that an item that was met before is found at once.
    met: HashMap<usize, u32>,
    /// The allocation of the row before; none has the address 0.
    last: usize,
    /// What keeps the allocations of `met` from being used for others.
    kept: Vec<Arc<T>>,
}

impl<T> Default for SharedBuilder<T> {
    fn default() -> Self {
        Self {
            distinct: Vec::new(),
            ids: Vec::new(),
            encoded: Vec::new(),
            ends: Vec::new(),
            places: HashTable::new(),
            met: HashMap::new(),
            last: 0,
            kept: Vec::new(),
        }
    }
}

impl<T> SharedBuilder<T> {
    /// Adds a row; `put` encodes the item.
    pub(super) fn push(&mut self, item: &Arc<T>, put: fn(&mut Vec<u8>, &T)) {
        let address = Arc::as_ptr(item).addr();
        if let (true, Some(id)) = (self.last == address, self.ids.last()) {
            self.ids.push(*id);
            return;
        }
        self.last = address;
        let place = match self.met.get(&address) {
            Some(place) => *place,
            None => {
                let place = self.place(item, put);
                self.met.insert(address, place);
                self.kept.push(Arc::clone(item));
                place
            }
        };
        self.ids.push(place);
    }

    /// The place of an item whose allocation was not met yet.
    fn place(&mut self, item: &Arc<T>, put: fn(&mut Vec<u8>, &T)) -> u32 {
        let Self { encoded, ends, places, distinct, .. } = self;
        let start = encoded.len();
        put(encoded, item);
        let bytes_of = |place: u32| {
            let from = place.checked_sub(1).and_then(|before| ends.get(before as usize)).copied().unwrap_or(0);
            let to = ends.get(place as usize).copied().unwrap_or(start);
            encoded.get(from..to).unwrap_or_default()
        };
        let own = encoded.get(start..).unwrap_or_default();
        let hash = xxh3_64(own);
        if let Some(place) = places.find(hash, |place| bytes_of(*place) == own) {
            let place = *place;
            encoded.truncate(start);
            return place;
        }
        let place = distinct.len() as u32;
        places.insert_unique(hash, place, |place| xxh3_64(bytes_of(*place)));
        ends.push(encoded.len());
        distinct.push(Arc::clone(item));
        place
    }

    /// Appends the section.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut plain = Vec::with_capacity(self.encoded.len() + 4);
        put_varint(&mut plain, self.distinct.len() as u64);
        plain.extend_from_slice(&self.encoded);
        put_compressed(out, &plain);
        put_ids(out, &self.ids, self.distinct.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_have_one_place_whatever_their_allocation() {
        let put = |out: &mut Vec<u8>, text: &String| crate::bytes::put_text(out, text);
        let mut builder = SharedBuilder::default();
        let texts = ["a", "b", "a", "", "b", "a"].map(|text| Arc::new(text.to_owned()));
        // Alternating, as rows of several blocks that are merged.
        for round in 0..3 {
            texts.iter().for_each(|text| builder.push(text, put));
            // Its place must not be given to another one when its allocation is used again.
            builder.push(&Arc::new(format!("round {round}")), put);
        }
        let distinct: Vec<&str> = builder.distinct.iter().map(|text| text.as_str()).collect();
        assert_eq!(distinct, ["a", "b", "", "round 0", "round 1", "round 2"]);
        assert_eq!(builder.ids, [0, 1, 0, 2, 1, 0, 3, 0, 1, 0, 2, 1, 0, 4, 0, 1, 0, 2, 1, 0, 5]);
    }
}
