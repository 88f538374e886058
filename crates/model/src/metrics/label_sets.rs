//! The label sets of a batch, one after the other in one buffer, each with its hash: from the wire to the journal and the
//! head a series is its bytes, and nobody builds or walks its labels again.

use super::labels::{LabelError, Labels};
use xxhash_rust::xxh3::xxh3_64;

/// The canonical encoding of a label set ([`Labels::as_bytes`]), and its hash.
#[derive(Debug, Clone, Copy)]
pub struct SeriesKey<'a> {
    bytes: &'a [u8],
    hash: u64,
}

impl<'a> SeriesKey<'a> {
    /// The key of a canonical encoding.
    pub(super) fn of_canonical(bytes: &'a [u8]) -> Self {
        Self { bytes, hash: xxh3_64(bytes) }
    }

    /// The key of a label set.
    #[must_use]
    pub fn of(labels: &'a Labels) -> Self {
        Self::of_canonical(labels.as_bytes())
    }

    /// The encoding; equal label sets have equal bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// XXH3 of the bytes; it only leads to where they are compared.
    #[must_use]
    pub fn hash(self) -> u64 {
        self.hash
    }

    /// The label set.
    #[must_use]
    pub fn to_labels(self) -> Labels {
        Labels::of_canonical(self.bytes)
    }
}

/// Sizes that limits look at: of one label set, or the most of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelSizes {
    /// Labels in a set.
    pub labels: usize,
    /// Bytes of a name.
    pub name: usize,
    /// Bytes of a value.
    pub value: usize,
}

impl LabelSizes {
    pub(super) fn see(&mut self, name: &[u8], value: &[u8]) {
        self.labels += 1;
        self.name = self.name.max(name.len());
        self.value = self.value.max(value.len());
    }

    fn widen(&mut self, other: Self) {
        self.labels = self.labels.max(other.labels);
        self.name = self.name.max(other.name);
        self.value = self.value.max(other.value);
    }
}

/// Label sets by their place.
#[derive(Debug, Clone, Default)]
pub struct LabelSets {
    bytes: Vec<u8>,
    /// Where each ends, and its hash.
    ends: Vec<(usize, u64)>,
    widest: LabelSizes,
}

impl LabelSets {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all encodings together.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<(usize, u64)>()
    }

    /// The most of each size among them, known without looking at them again.
    #[must_use]
    pub fn widest(&self) -> LabelSizes {
        self.widest
    }

    /// The label set at a place, as bytes.
    #[must_use]
    pub fn key(&self, place: usize) -> Option<SeriesKey<'_>> {
        let (end, hash) = *self.ends.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end);
        Some(SeriesKey { bytes: self.bytes.get(start..end)?, hash })
    }

    /// The label set at a place.
    #[must_use]
    pub fn labels(&self, place: usize) -> Option<Labels> {
        self.key(place).map(SeriesKey::to_labels)
    }

    /// All of them, in their order.
    pub fn keys(&self) -> impl Iterator<Item = SeriesKey<'_>> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |(end, hash)| {
            let bytes = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            SeriesKey { bytes, hash: *hash }
        })
    }

    /// All of them as label sets, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Labels> {
        self.keys().map(SeriesKey::to_labels)
    }

    /// Makes room for so many more, of so many bytes together.
    pub fn reserve(&mut self, sets: usize, bytes: usize) {
        self.ends.reserve(sets);
        self.bytes.reserve(bytes);
    }

    /// Adds a label set.
    pub fn push(&mut self, labels: &Labels) {
        self.add(SeriesKey::of(labels), sizes_of(labels));
    }

    /// Adds a label set from its canonical encoding, checked.
    ///
    /// # Errors
    /// Bytes that [`Labels::as_bytes`] could not have written.
    pub fn push_encoded(&mut self, bytes: &[u8]) -> Result<(), LabelError> {
        let sizes = Labels::check(bytes)?;
        self.add(SeriesKey::of_canonical(bytes), sizes);
        Ok(())
    }

    /// Adds a label set by its key; none of its sizes is more than `within`.
    pub fn push_key(&mut self, key: SeriesKey<'_>, within: LabelSizes) {
        self.add(key, within);
    }

    /// Adds all label sets of another list.
    pub fn append(&mut self, other: &Self) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|(end, hash)| (before + end, *hash)));
        self.widest.widen(other.widest);
    }

    fn add(&mut self, key: SeriesKey<'_>, sizes: LabelSizes) {
        self.bytes.extend_from_slice(key.bytes);
        self.ends.push((self.bytes.len(), key.hash));
        self.widest.widen(sizes);
    }
}

fn sizes_of(labels: &Labels) -> LabelSizes {
    let mut sizes = LabelSizes::default();
    labels.raw().for_each(|(name, value)| sizes.see(name, value));
    sizes
}

impl PartialEq for LabelSets {
    fn eq(&self, other: &Self) -> bool {
        (&self.bytes, &self.ends) == (&other.bytes, &other.ends)
    }
}

impl<L: std::borrow::Borrow<Labels>> FromIterator<L> for LabelSets {
    fn from_iter<I: IntoIterator<Item = L>>(all: I) -> Self {
        let mut sets = Self::default();
        all.into_iter().for_each(|labels| sets.push(labels.borrow()));
        sets
    }
}

impl<const N: usize> From<[Labels; N]> for LabelSets {
    fn from(all: [Labels; N]) -> Self {
        all.into_iter().collect()
    }
}

impl From<&[Labels]> for LabelSets {
    fn from(all: &[Labels]) -> Self {
        all.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared_labels::SharedLabels;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sets_are_what_was_put_in(
            all in prop::collection::vec(prop::collection::btree_map("[a-z]{1,3}", "[a-zé]{0,150}", 0..6), 0..8),
        ) {
            let labels: Vec<Labels> = all.iter().map(|pairs| Labels::new(pairs).unwrap()).collect();
            let mut built = LabelSets::default();
            let mut shared = SharedLabels::default();
            for pairs in &all {
                shared.begin(None);
                for (name, value) in pairs {
                    shared.put(name, value).unwrap();
                }
                let (key, sizes) = shared.with("", None);
                built.push_key(key, sizes);
            }
            let sets: LabelSets = labels.iter().collect();
            let (first, second) = labels.split_at(labels.len() / 2);
            let mut appended = LabelSets::from(first);
            appended.append(&second.into());
            prop_assert_eq!(&appended, &sets);
            let mut read = LabelSets::default();
            for labels in &labels {
                read.push_encoded(labels.as_bytes()).unwrap();
            }
            prop_assert_eq!(&built, &sets);
            prop_assert_eq!(&read, &sets);
            prop_assert!(sets.iter().eq(labels.iter().cloned()));
            prop_assert!((0..labels.len()).all(|place| sets.labels(place).as_ref() == labels.get(place)));
            let most = |of: &dyn Fn(&Labels) -> usize| labels.iter().map(of).max().unwrap_or_default();
            let expected = LabelSizes {
                labels: most(&|one| one.len()),
                name: most(&|one| one.iter().map(|(name, _)| name.len()).max().unwrap_or_default()),
                value: most(&|one| one.iter().map(|(_, value)| value.len()).max().unwrap_or_default()),
            };
            prop_assert_eq!([built.widest(), sets.widest(), read.widest()], [expected; 3]);
        }
    }
}
