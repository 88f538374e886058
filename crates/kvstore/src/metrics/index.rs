//! A series index: label sets by number, numbers by label set, and which series have which label value.

use clew_model::ReadError;
use clew_model::metrics::{Labels, Matcher, SeriesKey};
use hashbrown::{HashMap, HashTable};
use roaring::RoaringBitmap;

/// Values looked at between two checks whether the query may go on.
const VALUES_PER_CHECK: usize = 4_096;

/// What a series costs beside its label bytes: the reference-counted slice, the table, the list.
const SERIES_OVERHEAD: usize = 56;
/// What a distinct label value costs beside its bytes: map slot, bitmap with one container.
const VALUE_OVERHEAD: usize = 120;
/// What membership in one more bitmap costs, about.
const POSTING_BYTES: usize = 2;

/// Series are numbered in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct SeriesIndex {
    table: HashTable<u32>,
    labels: Vec<Labels>,
    postings: HashMap<Box<str>, HashMap<Box<str>, RoaringBitmap>>,
    bytes: usize,
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// About how many bytes it takes in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn labels(&self, number: u32) -> Option<&Labels> {
        // Those that are empty are lost.
        self.labels.get(number as usize).filter(|labels| !labels.is_empty())
    }

    pub(super) fn all_labels(&self) -> &[Labels] {
        &self.labels
    }

    /// The series with exactly these labels; compared by bytes, the hash only leads there.
    pub(super) fn find(&self, key: SeriesKey<'_>) -> Option<u32> {
        self.table.find(key.hash(), |number| self.is(*number, key.bytes())).copied()
    }

    /// As [`SeriesIndex::find`], but looks first at the series `guess`.
    pub(super) fn find_near(&self, key: SeriesKey<'_>, guess: u32) -> Option<u32> {
        if self.is(guess, key.bytes()) { Some(guess) } else { self.find(key) }
    }

    /// As [`SeriesIndex::find_near`], where no hash is known yet: it is computed when the guess is wrong.
    pub(super) fn find_labels(&self, labels: &Labels, guess: u32) -> Option<u32> {
        if self.is(guess, labels.as_bytes()) { Some(guess) } else { self.find(SeriesKey::of(labels)) }
    }

    fn is(&self, number: u32, bytes: &[u8]) -> bool {
        self.labels.get(number as usize).is_some_and(|labels| labels.as_bytes() == bytes)
    }

    /// Leaves numbers up to `end` to series whose labels are lost.
    pub(super) fn skip_to(&mut self, end: u32) {
        if self.labels.len() < end as usize {
            self.labels.resize(end as usize, Labels::empty());
        }
    }

    /// Adds a series that is not there.
    pub(super) fn insert(&mut self, labels: Labels) -> u32 {
        let number = self.labels.len() as u32;
        self.labels.push(Labels::empty());
        self.fill(number, labels);
        number
    }

    /// Gives the labels of a number that [`SeriesIndex::skip_to`] passed over.
    pub(super) fn fill(&mut self, number: u32, labels: Labels) {
        if self.labels.get(number as usize).is_none_or(|place| !place.is_empty()) {
            return;
        }
        for (name, value) in labels.iter() {
            if !self.postings.contains_key(name) {
                self.postings.insert(name.into(), HashMap::new());
                self.bytes += name.len() + VALUE_OVERHEAD;
            }
            let Some(values) = self.postings.get_mut(name) else { continue };
            match values.get_mut(value) {
                Some(series) => {
                    series.insert(number);
                    self.bytes += POSTING_BYTES;
                }
                None => {
                    values.insert(value.into(), RoaringBitmap::from_iter([number]));
                    self.bytes += value.len() + VALUE_OVERHEAD;
                }
            }
        }
        self.bytes += labels.as_bytes().len() + SERIES_OVERHEAD;
        let hash = SeriesKey::of(&labels).hash();
        if let Some(place) = self.labels.get_mut(number as usize) {
            *place = labels;
        }
        let Self { table, labels, .. } = self;
        let hash_of = |number: &u32| labels.get(*number as usize).map_or(0, |labels| SeriesKey::of(labels).hash());
        table.insert_unique(hash, number, hash_of);
    }

    /// The series that pass all matchers. `check` is asked now and then whether to go on.
    ///
    /// A matcher that an absent label fails is a union of postings; one that an absent label passes takes away the
    /// series whose value fails.
    pub(super) fn select(
        &self,
        matchers: &[Matcher],
        check: &dyn Fn() -> Result<(), ReadError>,
    ) -> Result<RoaringBitmap, ReadError> {
        let mut selected: Option<RoaringBitmap> = None;
        for matcher in matchers.iter().filter(|matcher| !matcher.matches_empty()) {
            let passing = self.union(&matcher.name, &|value| matcher.matches(value), exact_value(matcher), check)?;
            selected = Some(match selected {
                Some(selected) => selected & passing,
                None => passing,
            });
            if selected.as_ref().is_some_and(RoaringBitmap::is_empty) {
                return Ok(RoaringBitmap::new());
            }
        }
        let mut selected = selected.unwrap_or_else(|| RoaringBitmap::from_iter(0..self.labels.len() as u32));
        for matcher in matchers.iter().filter(|matcher| matcher.matches_empty()) {
            selected -= self.union(&matcher.name, &|value| !matcher.matches(value), None, check)?;
        }
        Ok(selected)
    }

    /// Series that have a value of the label for which `passes` answers true.
    fn union(
        &self,
        name: &str,
        passes: &dyn Fn(&str) -> bool,
        exact: Option<&str>,
        check: &dyn Fn() -> Result<(), ReadError>,
    ) -> Result<RoaringBitmap, ReadError> {
        let Some(values) = self.postings.get(name) else { return Ok(RoaringBitmap::new()) };
        if let Some(value) = exact {
            return Ok(values.get(value).cloned().unwrap_or_default());
        }
        let mut union = RoaringBitmap::new();
        for (at, (value, series)) in values.iter().enumerate() {
            if at % VALUES_PER_CHECK == 0 {
                check()?;
            }
            if passes(value) {
                union |= series;
            }
        }
        Ok(union)
    }

    /// The values of a label among these series, in any order.
    pub(super) fn label_values<'i>(&'i self, name: &str, among: &'i RoaringBitmap) -> impl Iterator<Item = &'i str> {
        let values = self.postings.get(name).into_iter().flatten();
        values.filter(|(_, series)| !series.is_disjoint(among)).map(|(value, _)| &**value)
    }

    /// The names of the labels of these series, in any order.
    pub(super) fn label_names<'i>(&'i self, among: &'i RoaringBitmap) -> impl Iterator<Item = &'i str> {
        let is_used = |values: &HashMap<Box<str>, RoaringBitmap>| values.values().any(|own| !own.is_disjoint(among));
        self.postings.iter().filter(move |(_, values)| is_used(values)).map(|(name, _)| &**name)
    }
}

fn exact_value(matcher: &Matcher) -> Option<&str> {
    (matcher.op == clew_model::metrics::MatchOp::Equal).then_some(matcher.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::metrics::MatchOp;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn any_matcher() -> impl Strategy<Value = Matcher> {
        let ops =
            prop_oneof![Just(MatchOp::Equal), Just(MatchOp::NotEqual), Just(MatchOp::Regex), Just(MatchOp::NotRegex)];
        (
            "[a-d]",
            ops,
            prop_oneof![
                "[xyz]{0,2}",
                "[xyz]\\|[xyz]",
                Just(".*".to_owned()),
                Just(".+".to_owned()),
                Just("x?".to_owned())
            ],
        )
            .prop_map(|(name, op, value)| Matcher::new(name, op, value).unwrap())
    }

    proptest! {
        #[test]
        fn postings_select_what_filtering_selects(
            sets in prop::collection::btree_set(prop::collection::btree_map("[a-c]", "[xyz]{1,2}", 0..4), 0..40),
            matchers in prop::collection::vec(any_matcher(), 0..4),
        ) {
            let mut index = SeriesIndex::default();
            let all: Vec<Labels> = sets.into_iter().map(|pairs| Labels::new(pairs).unwrap()).collect();
            for labels in &all {
                prop_assert_eq!(index.find(SeriesKey::of(labels)), None);
                let number = index.insert(labels.clone());
                prop_assert_eq!(index.find(SeriesKey::of(labels)), Some(number));
                prop_assert_eq!(index.find_labels(labels, number / 2), Some(number));
            }
            let passes = |number: &u32| matchers.iter().all(|matcher| matcher.matches_labels(&all[*number as usize]));
            let expected: Vec<u32> = (0..all.len() as u32).filter(passes).collect();
            let selected = index.select(&matchers, &|| Ok(())).unwrap();
            prop_assert_eq!(selected.iter().collect::<Vec<_>>(), expected);
            let names: BTreeSet<String> = index.label_names(&selected).map(str::to_owned).collect();
            let values: BTreeSet<String> = index.label_values("a", &selected).map(str::to_owned).collect();
            let chosen = || selected.iter().map(|number| &all[number as usize]);
            let all_names: BTreeSet<String> = chosen().flat_map(|one| one.iter().map(|(name, _)| name.to_owned())).collect();
            let all_values: BTreeSet<String> = chosen().filter_map(|one| one.get("a")).map(str::to_owned).collect();
            prop_assert_eq!((names, values), (all_names, all_values));
        }
    }
}
