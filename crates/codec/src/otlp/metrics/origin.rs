//! What a resource and a scope add to the labels of every data point.

use super::OtlpMetricOptions;
use super::labels::{Entry, LabelNames, Layout};
use super::texts::label_value;
use clew_model::metrics::{LabelError, SharedLabels};
use clew_model::value::find;
use clew_model::{Attribute, Resource, Scope, UNKNOWN_SERVICE};
use compact_str::{CompactString, format_compact};

/// A label.
type Pair = (CompactString, CompactString);

/// Attributes that become `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// What a resource and a scope add to every data point.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// `job` and `instance`, which win over attributes of the same name.
    identity: Vec<Pair>,
    /// Resource attributes that are promoted, which yield to attributes of the same name.
    promoted: Vec<Pair>,
    /// Scope labels, which win.
    scope: Vec<Pair>,
    /// All of them by name, each once.
    labels: Vec<Added>,
}

/// A label that is added to those of a data point.
#[derive(Debug)]
struct Added {
    name: CompactString,
    value: CompactString,
    /// Whether it takes the place of an attribute of the same name.
    wins: bool,
}

impl Origin {
    /// What `resource` adds.
    pub(super) fn of_resource(resource: &Resource, names: &mut LabelNames, options: &OtlpMetricOptions) -> Self {
        let text = |key| find(&resource.attributes, key).cloned().map(label_value).unwrap_or_default();
        let (namespace, name) = (text("service.namespace"), resource.service_name());
        let job = match namespace.is_empty() {
            true => CompactString::from(name),
            false => format_compact!("{namespace}/{name}"),
        };
        let identity = [("job", job), ("instance", text("service.instance.id"))];
        let promoted = resource.attributes.iter().filter(|own| options.promote_resource_attributes.contains(&own.key));
        let promoted = entries(promoted, names);
        let mut origin = Self { promoted: names.pairs(&promoted), ..Self::default() };
        for (label, value) in identity.into_iter().filter(|(_, value)| !value.is_empty()) {
            // A service that is not named hides no `job` that the resource or the data point names.
            match label == "job" && name == UNKNOWN_SERVICE {
                true => origin.promoted.insert(0, (label.into(), value)),
                false => origin.identity.push((label.into(), value)),
            }
        }
        origin.merge();
        origin
    }

    /// Adds what `scope` adds: nothing unless it has a name.
    pub(super) fn set_scope(&mut self, scope: &Scope, names: &mut LabelNames) {
        self.scope.clear();
        if !scope.name.is_empty() {
            for attribute in &scope.attributes {
                let key = format_compact!("otel_scope_{}", attribute.key);
                self.scope.push((names.translate(&key), label_value(attribute.value.clone())));
            }
            self.scope.push(("otel_scope_name".into(), scope.name.clone()));
            self.scope.push(("otel_scope_version".into(), scope.version.clone()));
            self.scope.push(("otel_scope_schema_url".into(), scope.schema_url.clone()));
        }
        self.merge();
    }

    /// Puts everything in the order of names; what stands later wins over what stands before.
    fn merge(&mut self) {
        self.labels.clear();
        let promoted = self.promoted.iter().map(|pair| (pair, false));
        let others = self.scope.iter().chain(&self.identity).map(|pair| (pair, true));
        for ((name, value), wins) in promoted.chain(others) {
            let added = Added { name: name.clone(), value: value.clone(), wins };
            match self.labels.binary_search_by(|known| known.name.cmp(name)) {
                Ok(place) => {
                    if let Some(known) = self.labels.get_mut(place) {
                        *known = added;
                    }
                }
                Err(place) => self.labels.insert(place, added),
            }
        }
    }

    /// Puts the labels of a data point together with those that are added.
    pub(super) fn put_labels(
        &self,
        entries: &[Entry<'_>],
        layout: &Layout,
        names: &LabelNames,
        out: &mut SharedLabels,
    ) -> Result<(), LabelError> {
        let mut added = self.labels.iter().peekable();
        let mut result = Ok(());
        let mut put = |name: &str, value: &str| {
            if result.is_ok() {
                result = out.put(name, value);
            }
        };
        layout.for_each(entries, names, |name, text| {
            while let Some(before) = added.next_if(|added| added.name.as_str() < name) {
                put(&before.name, &before.value);
            }
            match added.next_if(|added| added.name == name) {
                Some(added) if added.wins => put(name, &added.value),
                _ => put(name, text),
            }
        });
        added.for_each(|added| put(&added.name, &added.value));
        result
    }

    /// The labels of `target_info`, if the resource says more than who it is and does say who it is.
    pub(super) fn target_info(
        &self,
        resource: &Resource,
        names: &mut LabelNames,
        options: &OtlpMetricOptions,
    ) -> Option<Result<SharedLabels, LabelError>> {
        let identifies = |own: &&Attribute| IDENTIFYING.contains(&own.key.as_str());
        if self.identity.is_empty() || resource.attributes.iter().all(|own| identifies(&own)) {
            return None;
        }
        let keep = options.keep_identifying_resource_attributes;
        let told = entries(resource.attributes.iter().filter(|own| keep || !identifies(own)), names);
        let mut identity = Self { identity: self.identity.clone(), ..Self::default() };
        identity.merge();
        let mut labels = SharedLabels::default();
        let put = identity.put_labels(&told, &Layout::of(&told, names), names, &mut labels);
        Some(put.map(|()| labels))
    }
}

fn entries<'r>(attributes: impl Iterator<Item = &'r Attribute>, names: &mut LabelNames) -> Vec<Entry<'static>> {
    attributes.map(|own| names.entry(&own.key, own.value.clone())).collect()
}
