//! Label sets in one canonical form: sorted by name, one allocation, compared and hashed by bytes.

use super::label_sets::LabelSizes;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// The label that holds the metric's type, where series have one (Prometheus' feature `type-and-unit-labels`).
pub const TYPE_LABEL: &str = "__type__";
/// The label that holds the metric's unit.
pub const UNIT_LABEL: &str = "__unit__";
/// The labels that tell of the metric: a new value is no value of it any more, and loses them.
pub const METADATA_LABELS: [&str; 3] = [METRIC_NAME, TYPE_LABEL, UNIT_LABEL];

/// The metric of how long spans took, made of the spans themselves (decision 0009): its exemplars lead to spans, and spans
/// need not lead to it.
pub const SPAN_LATENCY: &str = "traces_spanmetrics_latency";
/// The label that holds a classic histogram bucket's upper bound.
pub const BUCKET_LABEL: &str = "le";
/// The label that holds a summary's quantile.
pub const QUANTILE_LABEL: &str = "quantile";

/// A label set: names unique, sorted by bytes, no empty values (Prometheus treats an empty value as an absent label).
///
/// Encoded as, for each label, the name's length (varint), the name, the value's length (varint), the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[u8]>);

/// Why pairs do not make a label set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The same name twice.
    #[error("the label {0:?} is given twice")]
    Duplicate(String),
    /// A label without a name.
    #[error("a label has an empty name")]
    EmptyName,
    /// Bytes that are not a canonical encoding.
    #[error("the encoded labels are malformed at byte {0}")]
    Malformed(usize),
}

impl Labels {
    /// The empty label set.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// A label set from pairs in any order. Empty values are dropped.
    ///
    /// # Errors
    /// A name given twice, or an empty name.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError> {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|left, right| left.0.as_ref().cmp(right.0.as_ref()));
        let mut previous: Option<&str> = None;
        let mut bytes = Vec::with_capacity(pairs.iter().map(|(n, v)| n.as_ref().len() + v.as_ref().len() + 4).sum());
        for (name, value) in &pairs {
            let name = name.as_ref();
            if name.is_empty() {
                return Err(LabelError::EmptyName);
            }
            if previous == Some(name) {
                return Err(LabelError::Duplicate(name.to_owned()));
            }
            previous = Some(name);
            if !value.as_ref().is_empty() {
                put_text(&mut bytes, name);
                put_text(&mut bytes, value.as_ref());
            }
        }
        Ok(Self(Arc::from(bytes)))
    }

    /// A label set from its canonical encoding, checked.
    ///
    /// # Errors
    /// Bytes that [`Labels::as_bytes`] could not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LabelError> {
        Self::check(bytes)?;
        Ok(Self(Arc::from(bytes)))
    }

    /// A label set from bytes that are known to be a canonical encoding.
    pub(super) fn of_canonical(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// Checks an encoding; answers the sizes in it.
    pub(super) fn check(bytes: &[u8]) -> Result<LabelSizes, LabelError> {
        let mut rest = bytes;
        let mut sizes = LabelSizes::default();
        let mut previous: Option<&str> = None;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let (name, after_name) = take_text(rest).ok_or(LabelError::Malformed(at))?;
            let (value, after_value) = take_text(after_name).ok_or(LabelError::Malformed(at))?;
            if name.is_empty() || value.is_empty() || previous.is_some_and(|previous| previous >= name) {
                return Err(LabelError::Malformed(at));
            }
            previous = Some(name);
            sizes.see(name.as_bytes(), value.as_bytes());
            rest = after_value;
        }
        Ok(sizes)
    }

    /// The canonical encoding; equal label sets have equal bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Name and value pairs, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (name, after_name) = take_text(rest)?;
            let (value, after_value) = take_text(after_name)?;
            rest = after_value;
            Some((name, value))
        })
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.raw().find(|(own, _)| *own == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    }

    /// Name and value pairs as bytes, sorted by name: what looks at many label sets needs no texts.
    pub fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (name, after_name) = take_bytes(rest)?;
            let (value, after_value) = take_bytes(after_name)?;
            rest = after_value;
            Some((name, value))
        })
    }

    /// Appends the encoding of the labels whose names `keep` takes: that of a label set of its own, without an
    /// allocation for it.
    pub fn append_kept(&self, mut keep: impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) {
        for (name, value) in self.raw().filter(|(name, _)| keep(name)) {
            put_bytes(out, name);
            put_bytes(out, value);
        }
    }

    /// The metric's name, empty when there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or_default()
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The label set without the labels for which `keep` answers false.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len());
        self.append_kept(|name| std::str::from_utf8(name).is_ok_and(&mut keep), &mut bytes);
        Self(Arc::from(bytes))
    }

    /// The label set without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len());
        self.append_kept(|name| name != METRIC_NAME.as_bytes(), &mut bytes);
        Self(Arc::from(bytes))
    }

    /// The label set without what tells of the metric: its name, and the labels `__type__` and `__unit__`.
    #[must_use]
    pub fn without_metadata(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len());
        self.append_kept(|name| !METADATA_LABELS.iter().any(|own| own.as_bytes() == name), &mut bytes);
        Self(Arc::from(bytes))
    }

    /// The label set with one label set to `value` (removed when `value` is empty).
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + name.len() + value.len() + 4);
        let mut put = false;
        for (own, own_value) in self.iter() {
            if !put && own >= name {
                put = true;
                put_label(&mut bytes, name, value);
            }
            if own != name {
                put_label(&mut bytes, own, own_value);
            }
        }
        if !put {
            put_label(&mut bytes, name, value);
        }
        Self(Arc::from(bytes))
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// Label by label: name, then value (the order of Prometheus' `labels.Compare`); found without looking at texts
    /// before the first difference.
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (&self.0[..], &other.0[..]);
        let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
        if same == left.len().min(right.len()) {
            return left.len().cmp(&right.len());
        }
        // Only texts shorter than 128 bytes have lengths of one byte; anything else takes the long way.
        let mut at = 0;
        while let Some(length) = left.get(at).copied().filter(|length| *length < 0x80) {
            let end = at + 1 + usize::from(length);
            if same == at {
                break;
            }
            if same < end {
                return left.get(same).cmp(&right.get(same));
            }
            at = end;
        }
        self.raw().cmp(other.raw())
    }
}

impl fmt::Display for Labels {
    /// `name{a="b"}` with the escapes of the exposition format.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.metric_name())?;
        let mut first = true;
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            write!(formatter, "{}{name}={value:?}", if first { "{" } else { ", " })?;
            first = false;
        }
        if first { if self.is_empty() { formatter.write_str("{}") } else { Ok(()) } } else { formatter.write_str("}") }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn put_label(bytes: &mut Vec<u8>, name: &str, value: &str) {
    if !value.is_empty() {
        put_text(bytes, name);
        put_text(bytes, value);
    }
}

pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_bytes(bytes, text.as_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(text);
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (text, rest) = take_bytes(bytes)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn take_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut length = usize::from(first & 0x7f);
    let mut byte = first;
    let mut shift = 7;
    while byte & 0x80 != 0 {
        if shift > 28 {
            return None;
        }
        let (&next, tail) = rest.split_first()?;
        (byte, rest) = (next, tail);
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_order_and_empty_values_of_the_input_do_not_matter() {
        let one = Labels::new([("b", "2"), ("a", "1"), ("c", "")]).unwrap();
        let two = Labels::new([("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!(Labels::new([("a", "1"), ("a", "2")]), Err(LabelError::Duplicate("a".into())));
        assert_eq!(Labels::new([("", "1")]), Err(LabelError::EmptyName));
    }

    #[test]
    fn malformed_bytes_are_refused_where_they_break() {
        let good = Labels::new([("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(Labels::from_bytes(good.as_bytes()).unwrap(), good);
        for length in 1..good.as_bytes().len() {
            let cut = Labels::from_bytes(&good.as_bytes()[..length]);
            assert!(cut.is_err() || length == 4, "{length}");
        }
        assert_eq!(Labels::from_bytes(b"\x01b\x012\x01a\x011"), Err(LabelError::Malformed(4)));
    }

    proptest! {
        #[test]
        fn label_sets_are_compared_label_by_label(
            one in prop::collection::btree_map("[a-c]{1,3}", "[a-zé]{1,3}|x{126,130}", 0..4),
            other in prop::collection::btree_map("[a-c]{1,3}", "[a-zé]{1,3}|x{126,130}", 0..4),
        ) {
            let order = one.iter().cmp(other.iter());
            prop_assert_eq!(Labels::new(one).unwrap().cmp(&Labels::new(other).unwrap()), order);
        }

        #[test]
        fn labels_behave_as_a_sorted_map(pairs in prop::collection::btree_map("[a-z]{1,3}", "[a-zé]{0,200}", 0..6), name in "[a-z]{1,3}", value in "[a-z]{0,3}") {
            let labels = Labels::new(pairs.iter()).unwrap();
            let mut model: BTreeMap<String, String> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            prop_assert_eq!(labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>(), model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(&Labels::from_bytes(labels.as_bytes()).unwrap(), &labels);
            let changed = labels.with(&name, &value);
            if value.is_empty() { model.remove(&name); } else { model.insert(name, value); }
            prop_assert_eq!(changed, Labels::new(model.iter()).unwrap());
        }
    }
}
