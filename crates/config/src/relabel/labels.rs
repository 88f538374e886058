//! A label set while it is being changed.

use clew_model::metrics::{LabelError, Labels};
use std::collections::BTreeMap;

/// A label set while it is being changed. A label without a value is a label that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelBuilder(BTreeMap<String, String>);

impl LabelBuilder {
    /// A set of these labels; the last of a name wins.
    pub fn new<N: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = Self::default();
        for (name, value) in labels {
            builder.set(name, value);
        }
        builder
    }

    /// The value of a label, empty when it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Sets a label, or removes it when the value is empty.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, value);
        }
    }

    /// Sets a label unless it is there.
    pub fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_empty() {
            self.set(name, value);
        }
    }

    /// Keeps the labels whose names pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The finished label set.
    ///
    /// # Errors
    /// A label with an empty name.
    pub fn labels(&self) -> Result<Labels, LabelError> {
        Labels::new(&self.0)
    }
}
