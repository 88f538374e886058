//! Samples of the selected series: sealed runs oldest first, then what is being sealed, then what is hot.

use super::meter::Meter;
use crate::engine::{PartitionKey, Run, Slice, Snapshot};
use crate::error::KvError;
use crate::metrics::buffer::SeriesBuffer;
use crate::metrics::head::{Generation, TenantHead};
use crate::metrics::run::{SeriesSamples, read_series, scan_series};
use crate::metrics::store::MetricStore;
use clew_columns::metrics::SampleDecoder;
use clew_model::metrics::{Labels, Matcher, SeriesData};
use clew_model::{Context, ReadError, TenantId, TimeRange, UnixMillis};
use hashbrown::HashMap;
use roaring::RoaringBitmap;
use std::cmp::Ordering;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Series read between two checks whether the query may go on.
const SERIES_PER_CHECK: usize = 256;
/// A run is scanned rather than asked series by series when at least one in this many of its series is wanted.
const SCAN_SHARE: u64 = 4;

/// What a query sees of the head, and the sealed runs that belong with it.
pub(super) struct View {
    pub(super) snapshot: Arc<Snapshot>,
    frozen: Option<Arc<Generation>>,
    hot: Vec<HotSeries>,
}

struct HotSeries {
    labels: Labels,
    number: u32,
    active: Option<SeriesBuffer>,
}

impl MetricStore {
    pub(super) fn select_series(
        &self,
        context: &Context,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<SeriesData>, ReadError> {
        let mut meter = Meter::new(context, &self.options);
        let (start, end) = (range.start_millis(), range.end_millis());
        let view = self.view(&context.tenant, matchers, start, end, &mut meter)?;
        let start = start.max(view.snapshot.manifest().retention_bound);
        let mut gathered = Gathered::default();
        if start <= end {
            for (key, partition) in view.snapshot.manifest().overlapping(&context.tenant, start, end) {
                self.read_partition(
                    &view.snapshot,
                    key,
                    &partition.runs,
                    matchers,
                    (start, end),
                    &mut gathered,
                    &mut meter,
                )?;
            }
            read_hot(&view, (start, end), &mut gathered, &mut meter)?;
        }
        Ok(gathered.finish())
    }

    /// Takes, under one lock, the sealed runs and the hot samples of the series that match.
    fn view(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        start: UnixMillis,
        end: UnixMillis,
        meter: &mut Meter<'_>,
    ) -> Result<View, ReadError> {
        let state = self.state.read();
        let snapshot = state.snapshot.clone();
        let Some(head) = state.tenants.get(tenant) else { return Ok(View { snapshot, frozen: None, hot: Vec::new() }) };
        let numbers = head.index.select(matchers, &|| meter.check())?;
        meter.check_series(numbers.len())?;
        let mut hot = Vec::with_capacity(numbers.len() as usize);
        for number in &numbers {
            let Some(labels) = head.index.labels(number) else { continue };
            if !touches(head, number, start, end) {
                continue;
            }
            let active = head.active.buffer(number).filter(|buffer| buffer.touches(start, end)).cloned();
            meter.add_bytes(active.as_ref().map_or(0, |buffer| buffer.heap_bytes() as u64) + 128)?;
            hot.push(HotSeries { labels: labels.clone(), number, active });
        }
        Ok(View { snapshot, frozen: head.frozen.clone(), hot })
    }

    #[allow(clippy::too_many_arguments)]
    fn read_partition(
        &self,
        snapshot: &Snapshot,
        key: &PartitionKey,
        runs: &[Run],
        matchers: &[Matcher],
        (start, end): (UnixMillis, UnixMillis),
        gathered: &mut Gathered,
        meter: &mut Meter<'_>,
    ) -> Result<(), ReadError> {
        let loaded = self.indexes.get(snapshot, key, runs)?;
        let (selected, series) = {
            let index = loaded.index.read();
            let selected = index.series.select(matchers, &|| meter.check())?;
            meter.check_series(selected.len())?;
            let labels = |number| index.series.labels(number).map(|labels| (number, labels.clone()));
            let series: Vec<(u32, Labels)> = selected.iter().filter_map(labels).collect();
            (selected, series)
        };
        let mut decoder = SampleDecoder::default();
        let touched = runs.iter().zip(&loaded.headers).filter(|(run, _)| run.min_time <= end && start <= run.max_time);
        for (run, header) in touched {
            let wanted = &selected & &header.present;
            for (at, found) in values_of(snapshot, run, &wanted)?.enumerate() {
                if at % SERIES_PER_CHECK == 0 {
                    meter.check()?;
                }
                let (number, value) = found?;
                let place = series.binary_search_by_key(&number, |(own, _)| *own).ok();
                let Some((_, labels)) = place.and_then(|place| series.get(place)) else { continue };
                gathered.add(labels, meter, &mut |samples| samples.decode(&value, start, end, &mut decoder))?;
            }
        }
        Ok(())
    }
}

/// Whether a series of the head may have a sample in `start..=end`.
pub(super) fn touches(head: &TenantHead, number: u32, start: UnixMillis, end: UnixMillis) -> bool {
    let generations = [Some(&head.active), head.frozen.as_deref()];
    let mut buffers = generations.into_iter().flatten().filter_map(|generation| generation.buffer(number));
    buffers.any(|buffer| buffer.touches(start, end))
}

type Values<'a> = Box<dyn Iterator<Item = Result<(u32, Slice), KvError>> + 'a>;

/// The values of these series: by scanning when most of what lies between is wanted, else one by one.
fn values_of<'a>(snapshot: &'a Snapshot, run: &'a Run, wanted: &'a RoaringBitmap) -> Result<Values<'a>, KvError> {
    let (Some(first), Some(last)) = (wanted.min(), wanted.max()) else { return Ok(Box::new(std::iter::empty())) };
    if wanted.len() * SCAN_SHARE >= u64::from(last - first) {
        let scan = scan_series(snapshot, run, first, last)?;
        let is_wanted = |found: &Result<(u32, Slice), KvError>| match found {
            Ok((number, _)) => wanted.contains(*number),
            Err(_) => true,
        };
        return Ok(Box::new(scan.filter(is_wanted)));
    }
    Ok(Box::new(wanted.iter().map(move |number| Ok((number, read_series(snapshot, run, number)?)))))
}

fn read_hot(
    view: &View,
    (start, end): (UnixMillis, UnixMillis),
    gathered: &mut Gathered,
    meter: &mut Meter<'_>,
) -> Result<(), ReadError> {
    let mut decoder = SampleDecoder::default();
    for (at, series) in view.hot.iter().enumerate() {
        if at % SERIES_PER_CHECK == 0 {
            meter.check()?;
        }
        let frozen = view.frozen.as_ref().and_then(|frozen| frozen.buffer(series.number));
        for buffer in frozen.into_iter().chain(&series.active) {
            gathered.add(&series.labels, meter, &mut |samples| {
                let SeriesSamples { times, values, histograms } = samples;
                buffer.read(start, end, &mut decoder, times, values, histograms)
            })?;
        }
    }
    Ok(())
}

/// Series as they are put together.
#[derive(Default)]
struct Gathered {
    places: HashMap<Labels, usize>,
    series: Vec<(Labels, SeriesSamples)>,
}

impl Gathered {
    /// Lets `read` append a later part of a series, in order of time, and puts it in order with what is there.
    fn add(
        &mut self,
        labels: &Labels,
        meter: &mut Meter<'_>,
        read: &mut dyn FnMut(&mut SeriesSamples) -> Result<(), KvError>,
    ) -> Result<(), ReadError> {
        let place = match self.places.get(labels) {
            Some(place) => *place,
            None => {
                meter.check_series(self.series.len() as u64 + 1)?;
                self.places.insert(labels.clone(), self.series.len());
                self.series.push((labels.clone(), SeriesSamples::default()));
                self.series.len() - 1
            }
        };
        let Some((_, samples)) = self.series.get_mut(place) else { return Ok(()) };
        let before = (samples.times.len(), samples.histograms.len());
        let known = samples.count();
        read(samples)?;
        meter.add_samples(samples.count() - known)?;
        samples.settle(before);
        Ok(())
    }

    fn finish(mut self) -> Vec<SeriesData> {
        self.series.retain(|(_, samples)| !samples.is_empty());
        self.series.sort_by(|(one, _), (other, _)| compare_labels(one, other));
        let mut shared = SharedTimes::default();
        let data = |(labels, samples): (Labels, SeriesSamples)| SeriesData {
            labels,
            times: shared.share(&samples.times),
            values: samples.values,
            histograms: samples.histograms,
        };
        self.series.into_iter().map(data).collect()
    }
}

/// Gives equal lists of times one allocation.
#[derive(Default)]
struct SharedTimes {
    last: Option<Arc<[UnixMillis]>>,
    known: HashMap<u64, Arc<[UnixMillis]>>,
}

impl SharedTimes {
    fn share(&mut self, times: &[UnixMillis]) -> Arc<[UnixMillis]> {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *times) {
            return last.clone();
        }
        let mut bytes = Vec::with_capacity(times.len() * 8);
        times.iter().for_each(|time| bytes.extend_from_slice(&time.to_le_bytes()));
        let known = self.known.entry(xxh3_64(&bytes)).or_insert_with(|| Arc::from(times));
        let found = if **known == *times { known.clone() } else { Arc::from(times) };
        self.last = Some(found.clone());
        found
    }
}

/// The order of [`Labels`], found without looking at text before the first difference.
fn compare_labels(one: &Labels, other: &Labels) -> Ordering {
    let (left, right) = (one.as_bytes(), other.as_bytes());
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
    one.cmp(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_are_compared_as_the_model_does(
            one in prop::collection::btree_map("[a-c]{1,3}", "[a-zé]{1,3}|x{126,130}", 0..4),
            other in prop::collection::btree_map("[a-c]{1,3}", "[a-zé]{1,3}|x{126,130}", 0..4),
        ) {
            let (one, other) = (Labels::new(one).unwrap(), Labels::new(other).unwrap());
            prop_assert_eq!(compare_labels(&one, &other), one.cmp(&other));
        }
    }
}
