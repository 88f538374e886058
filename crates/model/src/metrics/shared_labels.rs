//! Label sets that differ in little: what the series of one data point share is put together once.

use super::label_sets::{LabelSizes, SeriesKey};
use super::labels::{LabelError, METRIC_NAME, put_text};

/// The labels that some label sets share, beside the metric's name and one label that tells them apart (`le` or
/// `quantile`).
#[derive(Debug, Default)]
pub struct SharedLabels {
    /// The shared labels, encoded, without those two.
    shared: Vec<u8>,
    /// Where the name of the last label stands in them.
    last: Option<(usize, usize)>,
    sizes: LabelSizes,
    /// Where the metric's name belongs.
    metric_at: usize,
    /// The name of the label that tells them apart.
    apart: Option<&'static str>,
    /// Where it belongs.
    apart_at: usize,
    /// The value that was put for it: that of label sets that have none of their own.
    own: String,
    /// The label set that was asked for last.
    whole: Vec<u8>,
}

impl SharedLabels {
    /// Begins anew, for label sets that the label `apart` tells apart, whose name stands after [`METRIC_NAME`].
    pub fn begin(&mut self, apart: Option<&'static str>) {
        debug_assert!(apart.is_none_or(|apart| apart > METRIC_NAME), "the metric's name stands first");
        self.shared.clear();
        self.own.clear();
        *self = Self {
            shared: std::mem::take(&mut self.shared),
            own: std::mem::take(&mut self.own),
            whole: std::mem::take(&mut self.whole),
            apart,
            ..Self::default()
        };
    }

    /// Adds a label, in the order of names; one without a value is no label. A metric's name is passed over: each label set
    /// is given its own.
    ///
    /// # Errors
    /// A name that is empty, the same as the one before, or stands before it ([`LabelError::Malformed`]).
    pub fn put(&mut self, name: &str, value: &str) -> Result<(), LabelError> {
        if name.is_empty() {
            return Err(LabelError::EmptyName);
        }
        let last = self.last.and_then(|(from, to)| self.shared.get(from..to));
        match last.map(|last| last.cmp(name.as_bytes())) {
            Some(std::cmp::Ordering::Equal) => return Err(LabelError::Duplicate(name.to_owned())),
            Some(std::cmp::Ordering::Greater) => return Err(LabelError::Malformed(self.shared.len())),
            _ => {}
        }
        if name == METRIC_NAME || value.is_empty() {
            return Ok(());
        }
        if self.apart == Some(name) {
            value.clone_into(&mut self.own);
            return Ok(());
        }
        put_text(&mut self.shared, name);
        self.last = Some((self.shared.len() - name.len(), self.shared.len()));
        put_text(&mut self.shared, value);
        self.sizes.see(name.as_bytes(), value.as_bytes());
        if name < METRIC_NAME {
            self.metric_at = self.shared.len();
        }
        if self.apart.is_none_or(|apart| name < apart) {
            self.apart_at = self.shared.len();
        }
        Ok(())
    }

    /// The label set with this metric's name, none where it is empty, and this value of the label that tells apart; without
    /// one it has the value that was put. Also its sizes.
    pub fn with(&mut self, metric: &str, apart: Option<&str>) -> (SeriesKey<'_>, LabelSizes) {
        let Self { shared, sizes, metric_at, apart_at, own, whole, .. } = self;
        let mut sizes = *sizes;
        let (before, rest) = shared.split_at_checked(*metric_at).unwrap_or_default();
        let (between, after) = rest.split_at_checked(apart_at.saturating_sub(*metric_at)).unwrap_or((rest, &[]));
        let mut put = |name: &str, value: &str, whole: &mut Vec<u8>| {
            if !value.is_empty() {
                put_text(whole, name);
                put_text(whole, value);
                sizes.see(name.as_bytes(), value.as_bytes());
            }
        };
        whole.clear();
        whole.extend_from_slice(before);
        put(METRIC_NAME, metric, whole);
        whole.extend_from_slice(between);
        put(self.apart.unwrap_or_default(), apart.unwrap_or(own), whole);
        whole.extend_from_slice(after);
        (SeriesKey::of_canonical(whole), sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{BUCKET_LABEL, Labels};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn labels_out_of_order_or_without_a_name_are_refused() {
        let mut labels = SharedLabels::default();
        labels.put("b", "1").unwrap();
        assert_eq!(labels.put("b", "2"), Err(LabelError::Duplicate("b".into())));
        assert_eq!(labels.put("a", "2"), Err(LabelError::Malformed(4)));
        assert_eq!(labels.put("", "2"), Err(LabelError::EmptyName));
        labels.begin(None);
        assert_eq!(labels.put("a", "2"), Ok(()));
    }

    proptest! {
        #[test]
        fn a_label_set_is_what_all_its_labels_make(
            pairs in prop::collection::btree_map("[A-Z]|_|__name__|[kl]|le|lf|[x-z]{1,2}", "[a-zé]{0,3}|x{126,130}", 0..8),
            tells in any::<bool>(),
            series in prop::collection::vec(("[a-z]{0,3}", prop::option::of("[0-9]{1,3}")), 1..4),
        ) {
            let mut shared = SharedLabels::default();
            shared.put("left from before", "x").unwrap();
            shared.begin(tells.then_some(BUCKET_LABEL));
            pairs.iter().try_for_each(|(name, value)| shared.put(name, value)).unwrap();
            for (metric, apart) in &series {
                let apart = apart.as_deref().filter(|_| tells);
                let mut expected: BTreeMap<&str, &str> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                expected.insert(METRIC_NAME, metric);
                apart.map(|value| expected.insert(BUCKET_LABEL, value));
                expected.retain(|_, value| !value.is_empty());
                let (key, sizes) = shared.with(metric, apart);
                prop_assert_eq!(key.to_labels(), Labels::new(&expected).unwrap());
                prop_assert_eq!(key.hash(), SeriesKey::of(&key.to_labels()).hash());
                let most = |of: fn((&&str, &&str)) -> usize| expected.iter().map(of).max().unwrap_or_default();
                let sizes_expected = LabelSizes {
                    labels: expected.len(),
                    name: most(|(name, _)| name.len()),
                    value: most(|(_, value)| value.len()),
                };
                prop_assert_eq!(sizes, sizes_expected);
            }
        }
    }
}
