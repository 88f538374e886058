//! Labels of data points: attributes under Prometheus names, plus what the resource and scope add to each.

use super::OtlpMetricOptions;
use super::naming::{TranslationStrategy, label_name};
use base64::Engine as _;
use clew_model::metrics::{LabelError, LabelSetBuffer, METRIC_NAME};
use clew_model::value::find;
use clew_model::{Attribute, Attributes, Resource, Scope, Value};
use compact_str::{CompactString, format_compact};
use hashbrown::HashMap;

/// A label.
pub(super) type Pair = (CompactString, CompactString);

/// Attributes that become `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// Label names by attribute keys, each translated once a body.
#[derive(Debug)]
pub(super) struct LabelNames {
    strategy: TranslationStrategy,
    known: HashMap<CompactString, CompactString>,
    /// Label name, attribute key and value of a point's attributes, while they are put in order.
    named: Vec<(CompactString, CompactString, CompactString)>,
}

impl LabelNames {
    pub(super) fn new(strategy: TranslationStrategy) -> Self {
        Self { strategy, known: HashMap::new(), named: Vec::new() }
    }

    /// The label name of an attribute key.
    pub(super) fn get(&mut self, key: &CompactString) -> CompactString {
        if let Some(name) = self.known.get(key) {
            return name.clone();
        }
        let name = label_name(key, self.strategy);
        self.known.insert(key.clone(), name.clone());
        name
    }

    /// Attributes as labels sorted by name, without those that have no name. The values of attributes whose names
    /// become one are joined by `;` in the order of the original keys (specification, "Metric Attributes").
    pub(super) fn pairs(&mut self, attributes: Attributes) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(attributes.len() + 4);
        self.put_pairs(attributes, &mut pairs);
        pairs
    }

    /// As [`LabelNames::pairs`], into a list that is empty.
    pub(super) fn put_pairs(&mut self, attributes: Attributes, pairs: &mut Vec<Pair>) {
        let mut named = std::mem::take(&mut self.named);
        for Attribute { key, value } in attributes.into_iter().filter(|own| !own.key.is_empty()) {
            named.push((self.get(&key), key, label_value(value)));
        }
        named.sort_by(|left, right| (&left.0, &left.1).cmp(&(&right.0, &right.1)));
        for (name, _, value) in named.drain(..) {
            match pairs.last_mut() {
                Some((last, joined)) if *last == name => {
                    joined.push(';');
                    joined.push_str(&value);
                }
                _ => pairs.push((name, value)),
            }
        }
        self.named = named;
    }
}

/// What a resource and a scope add to every data point.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// `job` and `instance`, which win over attributes of the same name.
    identity: Vec<Pair>,
    /// Resource attributes that are promoted, which yield to attributes of the same name.
    promoted: Vec<Pair>,
    /// Scope labels, which win.
    scope: Vec<Pair>,
}

impl Origin {
    /// What `resource` adds.
    pub(super) fn of_resource(resource: &Resource, names: &mut LabelNames, options: &OtlpMetricOptions) -> Self {
        let text = |key| find(&resource.attributes, key).cloned().map(label_value).unwrap_or_default();
        let (namespace, name) = (text("service.namespace"), text("service.name"));
        let job = match (namespace.is_empty(), name.is_empty()) {
            (_, true) => CompactString::default(),
            (true, false) => name,
            (false, false) => format_compact!("{namespace}/{name}"),
        };
        let identity = [("job", job), ("instance", text("service.instance.id"))];
        let promoted = resource.attributes.iter().filter(|own| options.promote_resource_attributes.contains(&own.key));
        Self {
            identity: identity.into_iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.into(), v)).collect(),
            promoted: names.pairs(promoted.cloned().collect()),
            scope: Vec::new(),
        }
    }

    /// Adds what `scope` adds: nothing unless it has a name.
    pub(super) fn set_scope(&mut self, scope: &Scope, names: &mut LabelNames) {
        self.scope.clear();
        if scope.name.is_empty() {
            return;
        }
        for attribute in &scope.attributes {
            let key = format_compact!("otel_scope_{}", attribute.key);
            self.scope.push((names.get(&key), label_value(attribute.value.clone())));
        }
        self.scope.push(("otel_scope_name".into(), scope.name.clone()));
        self.scope.push(("otel_scope_version".into(), scope.version.clone()));
        self.scope.push(("otel_scope_schema_url".into(), scope.schema_url.clone()));
    }

    /// Adds itself to the labels of a data point, which are sorted by name and stay so.
    pub(super) fn extend(&self, pairs: &mut Vec<Pair>) {
        for (name, value) in &self.promoted {
            if let Err(place) = position(pairs, name) {
                pairs.insert(place, (name.clone(), value.clone()));
            }
        }
        for (name, value) in self.scope.iter().chain(&self.identity) {
            match position(pairs, name) {
                Ok(place) => {
                    if let Some(pair) = pairs.get_mut(place) {
                        pair.1 = value.clone();
                    }
                }
                Err(place) => pairs.insert(place, (name.clone(), value.clone())),
            }
        }
    }

    /// The labels of `target_info`, if the resource says more than who it is and does say who it is.
    pub(super) fn target_info(
        &self,
        resource: &Resource,
        names: &mut LabelNames,
        options: &OtlpMetricOptions,
    ) -> Option<Vec<Pair>> {
        let identifies = |own: &Attribute| IDENTIFYING.contains(&own.key.as_str());
        if self.identity.is_empty() || resource.attributes.iter().all(identifies) {
            return None;
        }
        let keep = options.keep_identifying_resource_attributes;
        let told = resource.attributes.iter().filter(|own| keep || !identifies(own));
        let mut pairs = names.pairs(told.cloned().collect());
        Self { identity: self.identity.clone(), ..Self::default() }.extend(&mut pairs);
        Some(pairs)
    }
}

fn position(pairs: &[Pair], name: &str) -> Result<usize, usize> {
    pairs.binary_search_by(|pair| pair.0.as_str().cmp(name))
}

/// Puts a label set together from a metric's name, the labels of the data point, which are sorted by name, and one more
/// label where `extra` has a name. Those two win over labels of the same name.
pub(super) fn put_labels(
    out: &mut LabelSetBuffer,
    name: &str,
    pairs: &[Pair],
    extra: (&str, &str),
) -> Result<(), LabelError> {
    let mut own = [(METRIC_NAME, name), extra];
    own.sort_unstable_by_key(|(name, _)| *name);
    let mut own = own.into_iter().filter(|(name, _)| !name.is_empty()).peekable();
    for (name, value) in pairs {
        while let Some((own, text)) = own.next_if(|(own, _)| *own <= name.as_str()) {
            out.put(own, text)?;
            if own == name {
                break;
            }
        }
        if *name != METRIC_NAME && *name != extra.0 {
            out.put(name, value)?;
        }
    }
    own.try_for_each(|(name, value)| out.put(name, value))
}

/// A value as a label's text: strings bare, bytes in base64, arrays and maps as JSON, nothing as empty
/// ("Attribute Collections", representation for protocols other than OTLP).
pub(super) fn label_value(value: Value) -> CompactString {
    match value {
        Value::Null => CompactString::default(),
        Value::String(text) => text,
        Value::Double(number) => double_text(number),
        Value::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        other => other.display_text().as_ref().into(),
    }
}

/// A double as JSON writes it: the shortest digits, without a fraction where there is none, with an exponent below
/// 1e-6 and from 1e21.
fn double_text(number: f64) -> CompactString {
    let size = number.abs();
    if !number.is_finite() {
        let text = if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        return CompactString::const_new(text);
    }
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") { text.into() } else { text.replace('e', "e+").into() };
    }
    // not `to_compact_string`, which writes a fraction always
    format_compact!("{number}")
}

/// The bounds of histograms with their texts: most histograms of a body have the same.
#[derive(Debug, Default)]
pub(super) struct BoundTexts(Vec<(f64, CompactString)>);

impl BoundTexts {
    /// These bounds, which rise, with their texts.
    pub(super) fn take(&mut self, bounds: &[f64]) -> Vec<(f64, CompactString)> {
        let mut texts = std::mem::take(&mut self.0);
        let is_same = texts.len() == bounds.len()
            && texts.iter().zip(bounds).all(|((known, _), bound)| known.to_bits() == bound.to_bits());
        if !is_same {
            texts.clear();
            texts.extend(bounds.iter().map(|bound| (*bound, bound_text(*bound))));
        }
        texts
    }

    /// Keeps them for the next histogram.
    pub(super) fn give_back(&mut self, texts: Vec<(f64, CompactString)>) {
        self.0 = texts;
    }
}

/// A bucket's bound or a quantile as a label's text: decimal, never with an exponent; `+Inf` for infinity.
pub(super) fn bound_text(bound: f64) -> CompactString {
    if bound == f64::INFINITY {
        CompactString::const_new("+Inf")
    } else if bound == f64::NEG_INFINITY {
        CompactString::const_new("-Inf")
    } else {
        format_compact!("{bound}")
    }
}
