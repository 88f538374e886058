//! Rows in memory as a view: the definitions themselves, without a store. What stores and sinks are tested against.

use super::answers::{LogRow, Order};
use super::batch::{Codes, Dictionary, FieldValue, FieldValues, LogBatch, LogField};
use super::scan::{LogReader, LogScan, LogSink, LogView, ScanReport};
use crate::context::Context;
use crate::correlation::CorrelationRules;
use crate::error::ReadError;
use crate::rows::RowSet;
use crate::scan::Flow;
use crate::time::{TimeRange, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of one tenant, cut into batches as they stand.
#[derive(Debug, Clone, Default)]
pub struct RowsView {
    batches: Vec<Arc<Rows>>,
    rules: Arc<CorrelationRules>,
}

#[derive(Debug, Default)]
struct Rows {
    rows: Vec<LogRow>,
    times: Vec<UnixNanos>,
    numbers: Vec<u64>,
    severities: Vec<u8>,
}

impl RowsView {
    /// A view of these batches; `rules` say which IDs a record carries.
    #[must_use]
    pub fn new(batches: Vec<Vec<LogRow>>, rules: Arc<CorrelationRules>) -> Self {
        let rows = |rows: Vec<LogRow>| {
            Arc::new(Rows {
                times: rows.iter().map(|row| row.id.time).collect(),
                numbers: rows.iter().map(|row| row.id.number).collect(),
                severities: rows.iter().map(|row| row.record.severity.number()).collect(),
                rows,
            })
        };
        Self { batches: batches.into_iter().filter(|rows| !rows.is_empty()).map(rows).collect(), rules }
    }

    fn passes(&self, scan: &LogScan<'_>, row: &LogRow) -> bool {
        let carries = |ids: &[_]| {
            let mut found = false;
            self.rules.visit_log(&row.record, &mut |carried| found = found || ids.contains(&carried.id));
            found
        };
        scan.filter.matches(&row.record) && scan.ids.is_none_or(carries)
    }
}

impl LogReader for RowsView {
    fn view(&self, _context: &Context) -> Box<dyn LogView> {
        Box::new(self.clone())
    }
}

impl LogView for RowsView {
    fn scan(&self, context: &Context, scan: &LogScan<'_>, sink: &dyn LogSink) -> Result<ScanReport, ReadError> {
        let mut report = ScanReport::default();
        let mut batches: Vec<&Arc<Rows>> = self.batches.iter().collect();
        match scan.order {
            Some(Order::Descending) => batches.sort_by_key(|rows| std::cmp::Reverse(rows.span().end)),
            Some(Order::Ascending) => batches.sort_by_key(|rows| rows.span().start),
            None => {}
        }
        let mut worker = sink.worker();
        for rows in batches {
            context.check()?;
            report.is_cut = report.rows >= scan.most_rows;
            let bound = if scan.order == Some(Order::Ascending) { rows.span().start } else { rows.span().end };
            if report.is_cut || (scan.order.is_some() && !sink.wants(bound)) {
                break;
            }
            let asked = |row: &LogRow| scan.range.contains(row.id.time) && scan.numbers.contains(&row.id.number);
            let within = RowSet::of(rows.rows.len(), |row| rows.rows.get(row).is_some_and(asked));
            let passes = |row: usize| rows.rows.get(row).is_some_and(|row| self.passes(scan, row));
            let selected = RowSet::of(rows.rows.len(), |row| within.contains(row) && passes(row));
            report.rows += rows.rows.len() as u64;
            report.within += within.len() as u64;
            let batch = Batch { rows: Arc::clone(rows), selected };
            if !batch.selected.is_empty() && worker.take(&batch)? == Flow::Stop {
                break;
            }
        }
        worker.merge()?;
        Ok(report)
    }
}

impl Rows {
    fn span(&self) -> TimeRange {
        let times = || self.times.iter().copied();
        TimeRange::new(times().min().unwrap_or(0), times().max().unwrap_or(0))
    }
}

#[derive(Debug)]
struct Batch {
    rows: Arc<Rows>,
    selected: RowSet,
}

struct Texts(Vec<String>);

impl Dictionary for Texts {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text<'s>(&'s self, code: usize, _scratch: &'s mut String) -> &'s str {
        self.0.get(code).map_or("", String::as_str)
    }
}

/// The rows that have a value, by the value.
#[derive(Debug, Default)]
struct Table {
    rows_of: BTreeMap<String, Vec<u32>>,
}

impl Table {
    fn add(&mut self, row: u32, text: String) {
        let rows = self.rows_of.entry(text).or_default();
        if rows.last() != Some(&row) {
            rows.push(row);
        }
    }

    fn values(&self) -> FieldValues<'static> {
        let numbered = (0u32..).zip(self.rows_of.values());
        let mut pairs: Vec<(u32, u32)> =
            numbered.flat_map(|(code, rows)| rows.iter().map(move |row| (*row, code))).collect();
        pairs.sort_unstable();
        let texts = self.rows_of.keys().cloned().collect();
        FieldValues { dictionary: Box::new(Texts(texts)), codes: Codes::Several(pairs) }
    }
}

struct Field<'b> {
    name: &'b str,
    table: &'b Table,
    rows: &'b RowSet,
}

impl LogField for Field<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn records(&self) -> Result<u64, ReadError> {
        Ok(self.table.values().count(self.rows).0)
    }

    fn counts(&self, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<(), ReadError> {
        self.table.values().visit_counts(self.rows, each);
        Ok(())
    }
}

impl Batch {
    fn selected_rows(&self) -> impl Iterator<Item = (u32, &LogRow)> {
        self.selected.iter().filter_map(|row| self.rows.rows.get(row).map(|log| (row as u32, log)))
    }
}

impl LogBatch for Batch {
    fn selected(&self) -> &RowSet {
        &self.selected
    }

    fn span(&self) -> TimeRange {
        self.rows.span()
    }

    fn times(&self) -> Result<&[UnixNanos], ReadError> {
        Ok(&self.rows.times)
    }

    fn numbers(&self) -> Result<&[u64], ReadError> {
        Ok(&self.rows.numbers)
    }

    fn severities(&self) -> Result<&[u8], ReadError> {
        Ok(&self.rows.severities)
    }

    fn field_counts(&self, name: &str, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<u64, ReadError> {
        let mut table = Table::default();
        for (row, log) in self.selected_rows() {
            log.record.visit_counted(name, &mut |text| table.add(row, text.to_owned()));
        }
        Ok(table.values().visit_counts(&self.selected, each))
    }

    fn fields(
        &self,
        _wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&dyn LogField) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for (row, log) in self.selected_rows() {
            log.record.visit_listed(&mut |name, text| {
                tables.entry(name.to_owned()).or_default().add(row, text.to_owned());
            });
        }
        tables.iter().try_for_each(|(name, table)| visit(&Field { name, table, rows: &self.selected }))
    }

    fn records(&self, rows: &RowSet) -> Result<Vec<LogRow>, ReadError> {
        Ok(rows.iter().filter_map(|row| self.rows.rows.get(row)).cloned().collect())
    }
}
