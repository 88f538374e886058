//! Records whose messages say the same but for what changes, counted together.

use super::held::Held;
use super::{locked, unlocked};
use crate::limits::{MAX_HISTOGRAM_BUCKETS, MAX_PATTERN_SERVICES, MAX_PATTERNS};
use crate::logs::MessagePattern;
use clew_model::logs::{LogBatch, LogFilter, LogRow, LogScan, LogSink, LogView, plain_text};
use clew_model::{Context, ErrorKind, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, UnixNanos};
use hashbrown::HashMap;
use std::sync::Mutex;

/// Bytes that an entry takes beside its texts, an estimate.
const ENTRY_BYTES: usize = 256;

/// What patterns are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternQuery {
    /// The test each record must pass.
    pub filter: LogFilter,
    /// The time it must lie in.
    pub range: TimeRange,
    /// Width of a bucket in nanoseconds, positive; buckets are aligned to its multiples.
    pub step: i64,
}

/// Records with one pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternGroup {
    /// The pattern of their messages.
    pub pattern: MessagePattern,
    /// How many there are.
    pub records: u64,
    /// The services that sent them, the busiest first, as far as they were told apart: their records may be fewer than all.
    pub services: Vec<(String, u64)>,
    /// Time of the first.
    pub first: UnixNanos,
    /// The newest of them.
    pub newest: LogRow,
    /// How many there are in each bucket, from the one that holds the start of the range.
    pub counts: Vec<u64>,
}

/// The patterns of the records that pass.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatternGroups {
    /// The groups, those with most records first.
    pub groups: Vec<PatternGroup>,
    /// All records that pass.
    pub records: u64,
    /// Records whose patterns were too many to be told apart: they are in no group.
    pub left_out: u64,
    /// Start of the first bucket.
    pub start: UnixNanos,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// Groups all records that pass by the patterns of their messages.
///
/// # Errors
/// A step that is not positive, a range of more than [`MAX_HISTOGRAM_BUCKETS`] buckets; cancelled, out of time or memory,
/// or a store that cannot be read.
pub fn patterns(context: &Context, view: &dyn LogView, query: &PatternQuery) -> Result<PatternGroups, ReadError> {
    let PatternQuery { filter, range, step } = query;
    if *step <= 0 {
        return Err(ReadError::new(ErrorKind::InvalidInput, "the step must be positive"));
    }
    let first = range.start.div_euclid(*step);
    let buckets = i128::from(range.end.div_euclid(*step)) - i128::from(first) + 1;
    let buckets = usize::try_from(buckets).ok().filter(|_| buckets <= i128::from(MAX_HISTOGRAM_BUCKETS));
    let buckets = buckets.ok_or_else(|| {
        let message = format!("the range has more than {MAX_HISTOGRAM_BUCKETS} buckets; use a longer step");
        ReadError::new(ErrorKind::LimitExceeded, message)
    })?;
    let sink = Patterns { context, step: *step, first, buckets, total: Mutex::default() };
    let report = view.scan(context, &LogScan::new(filter, *range), &sink)?;
    let total = unlocked(sink.total);
    let mut groups: Vec<PatternGroup> = total.groups.into_iter().map(|(pattern, group)| group.told(pattern)).collect();
    groups.sort_by(|one, other| {
        (other.records, other.newest.id).cmp(&(one.records, one.newest.id)).then(one.pattern.cmp(&other.pattern))
    });
    let start = first.saturating_mul(*step);
    Ok(PatternGroups { groups, records: total.records, left_out: total.left_out, start, warnings: report.warnings })
}

struct Group {
    records: u64,
    services: HashMap<String, u64>,
    first: UnixNanos,
    newest: Held,
    counts: Vec<u64>,
    _memory: Reservation,
}

impl Group {
    fn add(&mut self, other: Group) {
        self.records += other.records;
        self.first = self.first.min(other.first);
        if other.newest.row.id > self.newest.row.id {
            self.newest = other.newest;
        }
        self.counts.iter_mut().zip(other.counts).for_each(|(own, other)| *own += other);
        other.services.into_iter().for_each(|(name, records)| self.add_service(&name, records));
    }

    fn add_service(&mut self, name: &str, records: u64) {
        if let Some(count) = self.services.get_mut(name) {
            *count += records;
        } else if self.services.len() < MAX_PATTERN_SERVICES {
            self.services.insert(name.to_owned(), records);
        }
    }

    fn told(self, pattern: MessagePattern) -> PatternGroup {
        let mut services: Vec<(String, u64)> = self.services.into_iter().collect();
        services.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        PatternGroup {
            pattern,
            records: self.records,
            services,
            first: self.first,
            newest: self.newest.row,
            counts: self.counts,
        }
    }
}

#[derive(Default)]
struct Total {
    groups: HashMap<MessagePattern, Group>,
    records: u64,
    left_out: u64,
}

impl Total {
    fn add(&mut self, pattern: MessagePattern, group: Group) {
        self.records += group.records;
        if let Some(own) = self.groups.get_mut(&pattern) {
            own.add(group);
        } else if self.groups.len() < MAX_PATTERNS {
            self.groups.insert(pattern, group);
        } else {
            self.left_out += group.records;
        }
    }
}

struct Patterns<'a> {
    context: &'a Context,
    step: i64,
    /// The number of the first bucket.
    first: i64,
    buckets: usize,
    total: Mutex<Total>,
}

impl Patterns<'_> {
    fn group(&self, row: LogRow, pattern: &MessagePattern) -> Result<Group, ReadError> {
        let bytes = ENTRY_BYTES + self.buckets * size_of::<u64>() + pattern.heap_bytes();
        let memory = self.context.memory.reserve(bytes as u64)?;
        let time = row.record.time;
        let services = HashMap::from([(row.record.service.to_string(), 1)]);
        let mut counts = vec![0; self.buckets];
        self.count(&mut counts, time);
        let newest = Held::new(self.context, row)?;
        Ok(Group { records: 1, services, first: time, newest, counts, _memory: memory })
    }

    fn count(&self, counts: &mut [u64], time: UnixNanos) {
        let bucket = usize::try_from(time.div_euclid(self.step).saturating_sub(self.first)).unwrap_or(usize::MAX);
        counts.get_mut(bucket).into_iter().for_each(|count| *count += 1);
    }
}

impl Sink<dyn LogBatch> for Patterns<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, own: Total::default() })
    }
}

impl LogSink for Patterns<'_> {}

struct Worker<'a> {
    sink: &'a Patterns<'a>,
    own: Total,
}

impl Worker<'_> {
    fn add(&mut self, row: LogRow) -> Result<(), ReadError> {
        let pattern = MessagePattern::of(&plain_text(&row.record.body.display_text()));
        let Some(group) = self.own.groups.get_mut(&pattern) else {
            let group = self.sink.group(row, &pattern)?;
            self.own.add(pattern, group);
            return Ok(());
        };
        self.own.records += 1;
        group.records += 1;
        group.first = group.first.min(row.record.time);
        group.add_service(&row.record.service, 1);
        self.sink.count(&mut group.counts, row.record.time);
        if row.id > group.newest.row.id {
            group.newest = Held::new(self.sink.context, row)?;
        }
        Ok(())
    }
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        // All of the batch is decoded before anything of it is taken.
        let rows = batch.records(batch.selected())?;
        rows.into_iter().try_for_each(|row| self.add(row))?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut total = locked(&self.sink.total);
        total.left_out += self.own.left_out;
        total.records += self.own.left_out;
        self.own.groups.into_iter().for_each(|(pattern, group)| total.add(pattern, group));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, views};
    use super::super::search;
    use super::*;
    use clew_model::logs::{LogQuery, Order};

    #[test]
    fn each_group_is_what_its_query_finds() {
        for (all, view) in views() {
            let filter = LogFilter::SeverityBetween(5, 20);
            let range = TimeRange::new(20, 2_000);
            let query = PatternQuery { filter: filter.clone(), range, step: 500 };
            let found = patterns(&context(), &view, &query).unwrap();
            let passing = all.iter().filter(|row| range.contains(row.id.time) && filter.matches(&row.record)).count();
            assert_eq!((found.records, found.left_out, found.start), (passing as u64, 0, 0));
            assert_eq!(found.groups.iter().map(|group| group.records).sum::<u64>(), passing as u64);
            assert_eq!(found.groups.len(), 1, "all say `message` and a number");
            for group in found.groups {
                let own = crate::logs::parse(&group.pattern.query()).unwrap();
                let filter = LogFilter::And(vec![filter.clone(), own]);
                let query = LogQuery { filter, range, order: Order::Descending, limit: 1_000, after: None };
                let page = search(&context(), &view, &query).unwrap();
                assert_eq!(page.rows.len() as u64, group.records);
                assert_eq!(page.rows[0], group.newest);
                assert_eq!(page.rows[page.rows.len() - 1].record.time, group.first);
                let services: u64 = group.services.iter().map(|(_, records)| records).sum();
                assert_eq!((services, group.counts.iter().sum::<u64>()), (group.records, group.records));
                let in_first = page.rows.iter().filter(|row| row.record.time < 500).count();
                assert_eq!(group.counts[0], in_first as u64);
            }
        }
    }

    #[test]
    fn patterns_beyond_the_limit_are_counted_as_left_out() {
        let context = context();
        let sink = Patterns { context: &context, step: 10, first: 0, buckets: 1, total: Mutex::default() };
        let (all, _) = &views()[0];
        let mut total = Total::default();
        for number in 0..MAX_PATTERNS + 3 {
            let letters: String = number.to_string().chars().map(|c| char::from(b'a' + (c as u8 - b'0'))).collect();
            let pattern = MessagePattern::of(&letters);
            let group = sink.group(all[0].clone(), &pattern).unwrap();
            total.add(pattern, group);
        }
        assert_eq!((total.groups.len(), total.left_out), (MAX_PATTERNS, 3));
    }
}
