//! From a body to a batch in one call, and the metadata that the lines of a family add up to.

use super::{Entry, ExemplarText, Format, Parser};
use crate::error::DecodeError;
use clew_model::UnixMillis;
use clew_model::metrics::{Exemplar, Labels, Metadata, MetricBatch, Sample};
use hashbrown::HashMap;

/// How a scraped body is read.
#[derive(Debug, Clone)]
pub struct ScrapeOptions {
    /// The format that the response's `Content-Type` named.
    pub format: Format,
    /// When the scrape began; the time of samples without a time of their own.
    pub scrape_time: UnixMillis,
    /// Whether the samples' own times count (`honor_timestamps`).
    pub honor_timestamps: bool,
}

/// What the `# HELP`, `# TYPE` and `# UNIT` lines say about each family, in the order of their first lines. It holds no
/// more families than the body has lines.
#[derive(Debug, Default)]
pub struct Families {
    metadata: Vec<Metadata>,
    places: HashMap<String, usize>,
}

impl Families {
    /// Adds what an entry says; samples say nothing.
    pub fn note(&mut self, entry: &Entry<'_>) {
        match entry {
            Entry::Help { family, help } => self.change(family, |own| own.help = help.as_ref().to_owned()),
            Entry::Type { family, metric_type } => self.change(family, |own| own.metric_type = *metric_type),
            Entry::Unit { family, unit } => self.change(family, |own| own.unit = (*unit).to_owned()),
            Entry::Sample(_) => {}
        }
    }

    /// The families, each once.
    #[must_use]
    pub fn into_metadata(self) -> Vec<Metadata> {
        self.metadata
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Metadata)) {
        match self.places.get(name).and_then(|place| self.metadata.get_mut(*place)) {
            Some(metadata) => change(metadata),
            None => {
                let mut metadata = Metadata { metric: name.to_owned(), ..Metadata::default() };
                change(&mut metadata);
                self.places.insert(name.to_owned(), self.metadata.len());
                self.metadata.push(metadata);
            }
        }
    }
}

/// Decodes a whole body.
///
/// Exemplars with labels longer than allowed are left out, as in Prometheus; an exemplar without a time has its
/// sample's.
///
/// # Errors
/// [`DecodeError::Malformed`] with line, column, and what was expected there; nothing of the body is taken.
pub fn decode(body: &[u8], options: &ScrapeOptions) -> Result<MetricBatch, DecodeError> {
    let mut parser = Parser::new(body, options.format)?;
    let mut batch = MetricBatch::default();
    let mut families = Families::default();
    let mut by_labels: HashMap<Labels, u32> = HashMap::new();
    while let Some(entry) = parser.next_entry()? {
        let Entry::Sample(sample) = entry else {
            families.note(&entry);
            continue;
        };
        let labels = sample.series.to_labels()?;
        // A body of less than 2^32 bytes has fewer series.
        let next = u32::try_from(batch.series.len()).unwrap_or(u32::MAX);
        let series = *by_labels.entry(labels).or_insert_with_key(|labels| {
            batch.series.push(labels);
            next
        });
        let own_time = sample.timestamp.filter(|_| options.honor_timestamps);
        let time = own_time.unwrap_or(options.scrape_time);
        batch.samples.push(Sample { series, time, value: sample.value });
        if let Some(exemplar) = sample.exemplar {
            let labels = exemplar.to_labels()?;
            if !ExemplarText::is_too_long(&labels) {
                let time = exemplar.timestamp.unwrap_or(time);
                batch.exemplars.push(Exemplar { series, time, value: exemplar.value, labels });
            }
        }
    }
    batch.metadata = families.into_metadata();
    Ok(batch)
}
