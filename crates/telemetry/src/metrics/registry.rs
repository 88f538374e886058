//! All series of one server, and their rendering.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use super::format::Format;
use super::process;
use super::table::{self, CounterMetric, Descriptor, GaugeMetric, HistogramMetric, Kind};
use super::values::{Counter, Gauge, Histogram};
use super::writer::Writer;
use crate::limits::{MAX_LABEL_VALUE_BYTES, MAX_SERIES_PER_METRIC, OVERFLOW_LABEL};

/// Which build is running.
#[derive(Debug, Clone, Copy)]
pub struct BuildInfo {
    /// The version, as in `0.1.0`.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub revision: &'static str,
}

/// All series of one server. Made once at start and shared as `Arc<Registry>`.
///
/// Asking for a series takes a lock and a look-up; hot code asks once and keeps the handle.
pub struct Registry {
    families: RwLock<BTreeMap<&'static str, Family>>,
    refreshers: Mutex<Vec<Refresher>>,
    started: Instant,
}

type Family = BTreeMap<Vec<Box<str>>, Series>;
type Refresher = Box<dyn Fn() + Send + Sync>;

#[derive(Clone)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Registry {
    /// A registry in which nothing has been counted. Metrics without labels are there from the start, with zero.
    pub fn new(build: BuildInfo) -> Self {
        let registry = Self { families: RwLock::default(), refreshers: Mutex::default(), started: Instant::now() };
        for descriptor in table::ALL {
            if descriptor.labels.is_empty() && !process::owns(descriptor) {
                registry.series(descriptor, &[]);
            }
        }
        let labels = [build.version, build.revision];
        registry.gauge(&table::BUILD_INFO, labels).set(1.0);
        registry
    }

    /// The counter with these label values, in the order of the table.
    pub fn counter<const N: usize>(&self, metric: &CounterMetric<N>, labels: [&str; N]) -> Counter {
        match self.series(&metric.0, &labels) {
            Series::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// The gauge with these label values, in the order of the table.
    pub fn gauge<const N: usize>(&self, metric: &GaugeMetric<N>, labels: [&str; N]) -> Gauge {
        match self.series(&metric.0, &labels) {
            Series::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// The histogram with these label values, in the order of the table.
    pub fn histogram<const N: usize>(&self, metric: &HistogramMetric<N>, labels: [&str; N]) -> Histogram {
        match self.series(&metric.0, &labels) {
            Series::Histogram(histogram) => histogram,
            _ => Histogram::new(&[]),
        }
    }

    /// Forgets a gauge whose subject is gone, such as a scrape pool.
    pub fn remove_gauge<const N: usize>(&self, metric: &GaugeMetric<N>, labels: [&str; N]) {
        if let Some(family) = self.families.write().get_mut(metric.0.name) {
            family.remove(&key(&labels));
        }
    }

    /// Has `refresh` called before each rendering, to set gauges that nobody keeps up to date otherwise.
    pub fn before_render(&self, refresh: impl Fn() + Send + Sync + 'static) {
        self.refreshers.lock().push(Box::new(refresh));
    }

    /// The text for a scraper.
    pub fn render(&self, format: Format) -> String {
        for refresh in self.refreshers.lock().iter() {
            refresh();
        }
        let uptime = self.started.elapsed().as_secs_f64();
        self.gauge(&table::UPTIME, []).set(uptime);
        let mut writer = Writer::new(format);
        for descriptor in table::ALL {
            if process::owns(descriptor) {
                continue;
            }
            // The lock is taken anew for each family, so that a long rendering holds nobody up.
            let family = self.families.read().get(descriptor.name).cloned();
            if let Some(family) = family
                && !family.is_empty()
            {
                write_family(&mut writer, descriptor, &family);
            }
        }
        process::write(&mut writer);
        writer.finish()
    }

    fn series(&self, descriptor: &Descriptor, labels: &[&str]) -> Series {
        let wanted = key(labels);
        let families = self.families.read();
        let family = families.get(descriptor.name);
        if let Some(series) = family.and_then(|family| family.get(&wanted)) {
            return series.clone();
        }
        drop(families);
        let mut families = self.families.write();
        let family = families.entry(descriptor.name).or_default();
        let overflows = family.len() >= MAX_SERIES_PER_METRIC && !family.contains_key(&wanted);
        let wanted = if overflows { vec![Box::from(OVERFLOW_LABEL); labels.len()] } else { wanted };
        let series = family.entry(wanted).or_insert_with(|| empty(descriptor.kind));
        let series = series.clone();
        drop(families);
        if overflows {
            let metric = [descriptor.name];
            self.counter(&table::TELEMETRY_OVERFLOWS, metric).inc();
        }
        series
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

fn empty(kind: Kind) -> Series {
    match kind {
        Kind::Counter => Series::Counter(Counter::default()),
        Kind::Gauge => Series::Gauge(Gauge::default()),
        Kind::Histogram(bounds) => Series::Histogram(Histogram::new(bounds)),
    }
}

fn key(labels: &[&str]) -> Vec<Box<str>> {
    let cut = |label: &&str| Box::from(&label[..label.floor_char_boundary(MAX_LABEL_VALUE_BYTES)]);
    labels.iter().map(cut).collect()
}

fn write_family(writer: &mut Writer, descriptor: &Descriptor, family: &Family) {
    writer.family(descriptor);
    for (values, series) in family {
        let values = values.iter().map(|value| &**value);
        let labels: Vec<_> = descriptor.labels.iter().copied().zip(values).collect();
        match series {
            Series::Counter(counter) => writer.count(descriptor.name, &labels, counter.get()),
            Series::Gauge(gauge) => writer.value(descriptor.name, &labels, gauge.get()),
            Series::Histogram(histogram) => writer.histogram(descriptor.name, &labels, histogram),
        }
    }
}
