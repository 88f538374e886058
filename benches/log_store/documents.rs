//! The baseline: one tantivy document a record.

use crate::{Batch, Built, Contender};
use anyhow::{Context as _, Result};
use clew_model::logs::LogRecord;
use clew_model::{TimeRange, Value};
use clew_testkit::process::own_cpu_time;
use tantivy::collector::{Collector, Count, SegmentCollector, TopDocs};
use tantivy::columnar::Column;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::merge_policy::NoMergePolicy;
use tantivy::query::{BooleanQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TEXT};
use tantivy::{
    DocId, HasLen as _, Index, IndexSettings, IndexWriter, Order, Score, Searcher, SegmentReader, TantivyDocument, Term,
};

/// Memory of the index writer: a whole part fits, so that a commit makes one segment.
const WRITER_BYTES: usize = 512 << 20;

/// Bytes of text in a block of the document store.
const TEXT_BLOCK: usize = 16 << 10;

/// The index and the text of the records.
pub(crate) struct Documents {
    searcher: Searcher,
    fields: Fields,
    store: TextStore,
}

#[derive(Clone, Copy)]
struct Fields {
    time: Field,
    severity: Field,
    line: Field,
    text: Field,
    term: Field,
}

/// Indexes the batches.
pub(crate) fn build(batches: &[Batch], batches_per_part: usize) -> Result<(Documents, Built)> {
    let (schema, fields) = schema();
    let directory = RamDirectory::create();
    let before = own_cpu_time();
    let index = Index::create(directory.clone(), schema, IndexSettings::default())?;
    let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let mut store = TextStore::default();
    for (number, batch) in batches.iter().enumerate() {
        let lines = batch.json.split(|byte| *byte == b'\n');
        for (record, line) in batch.records.iter().zip(lines) {
            writer.add_document(document(&fields, record, store.lines.len() as u64))?;
            store.push(line)?;
        }
        if (number + 1) % batches_per_part == 0 || number + 1 == batches.len() {
            writer.commit()?;
        }
    }
    store.close_block()?;
    writer.wait_merging_threads()?;
    let cpu = own_cpu_time().saturating_sub(before);
    let mut bytes = store.blocks.iter().map(Vec::len).sum::<usize>();
    for file in index.load_metas()?.list_segment_files() {
        if directory.exists(&file)? {
            bytes += directory.open_read(&file)?.len();
        }
    }
    let searcher = index.reader()?.searcher();
    Ok((Documents { searcher, fields, store }, Built { cpu, bytes: bytes as u64 }))
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fields = Fields {
        time: schema.add_i64_field("time", FAST | INDEXED),
        severity: schema.add_u64_field("severity", FAST | INDEXED),
        line: schema.add_u64_field("line", FAST),
        text: schema.add_text_field("text", TEXT),
        term: schema.add_text_field("term", STRING),
    };
    (schema.build(), fields)
}

fn document(fields: &Fields, record: &LogRecord, line: u64) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    document.add_i64(fields.time, record.time);
    document.add_u64(fields.severity, u64::from(record.severity.number()).div_ceil(4));
    document.add_u64(fields.line, line);
    if let Value::String(message) = &record.body {
        document.add_text(fields.text, message);
    }
    for attribute in &record.attributes {
        add_value(&mut document, fields, &attribute.key, &attribute.value);
    }
    if let Some(trace) = &record.trace_id {
        document.add_text(fields.term, format!("trace_id={trace}"));
    }
    if let Some(span) = &record.span_id {
        document.add_text(fields.term, format!("span_id={span}"));
    }
    document
}

fn add_value(document: &mut TantivyDocument, fields: &Fields, path: &str, value: &Value) {
    let text = match value {
        Value::Map(attributes) => {
            for attribute in attributes {
                add_value(document, fields, &format!("{path}.{}", attribute.key), &attribute.value);
            }
            return;
        }
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        // The corpus has no others.
        _ => return,
    };
    document.add_text(fields.text, &text);
    document.add_text(fields.term, format!("{path}={text}"));
}

/// The text of the records: blocks under zstd-1, as tantivy's own document store would do.
#[derive(Default)]
struct TextStore {
    blocks: Vec<Vec<u8>>,
    pending: Vec<u8>,
    /// Block, offset and length of each record.
    lines: Vec<(usize, usize, usize)>,
}

impl TextStore {
    fn push(&mut self, line: &[u8]) -> Result<()> {
        self.lines.push((self.blocks.len(), self.pending.len(), line.len()));
        self.pending.extend_from_slice(line);
        if self.pending.len() >= TEXT_BLOCK { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<()> {
        self.blocks.push(zstd::bulk::compress(&self.pending, 1)?);
        self.pending.clear();
        Ok(())
    }

    fn get(&self, line: u64) -> Result<Vec<u8>> {
        let &(block, offset, length) = self.lines.get(usize::try_from(line)?).context("no such record")?;
        let block = self.blocks.get(block).context("no such block")?;
        let text = zstd::bulk::decompress(block, 4 * TEXT_BLOCK)?;
        Ok(text.get(offset..offset + length).context("a block that is too short")?.to_vec())
    }
}

impl Documents {
    fn term(&self, text: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(self.fields.term, text), IndexRecordOption::Basic))
    }

    /// The newest records with their text, since that is what a person sees.
    fn newest(&self, query: &dyn Query, limit: usize) -> Result<Vec<i64>> {
        let collector = TopDocs::with_limit(limit).order_by_fast_field::<i64>("time", Order::Desc);
        let mut times = Vec::new();
        for (time, address) in self.searcher.search(query, &collector)? {
            let lines = self.searcher.segment_reader(address.segment_ord).fast_fields().u64("line")?;
            let line = self.store.get(lines.first(address.doc_id).context("no line")?)?;
            std::hint::black_box(line);
            times.push(time.context("no time")?);
        }
        Ok(times)
    }
}

impl Contender for Documents {
    fn name(&self) -> &'static str {
        "one document a record"
    }

    fn needle(&self, correlation: &str) -> Result<Vec<i64>> {
        let mut times = self.newest(&*self.term(&format!("correlation_id={correlation}")), 1_000)?;
        times.reverse();
        Ok(times)
    }

    fn word_and_service(&self, word: &str, service: &str, limit: usize) -> Result<Vec<i64>> {
        let word = Term::from_field_text(self.fields.text, word);
        let word: Box<dyn Query> = Box::new(TermQuery::new(word, IndexRecordOption::Basic));
        let both = BooleanQuery::intersection(vec![word, self.term(&format!("service={service}"))]);
        self.newest(&both, limit)
    }

    fn phrase_count(&self, phrase: &str) -> Result<u64> {
        let words = phrase.split(' ').map(|word| Term::from_field_text(self.fields.text, word)).collect();
        Ok(self.searcher.search(&PhraseQuery::new(words), &Count)? as u64)
    }

    fn histogram(&self, range: TimeRange, step: i64) -> Result<Vec<[u64; 7]>> {
        let first = range.start.div_euclid(step);
        let buckets = usize::try_from(range.end.div_euclid(step) - first + 1)?;
        Ok(self.searcher.search(&tantivy::query::AllQuery, &Histogram { range, step, first, buckets })?)
    }
}

#[derive(Clone, Copy)]
struct Histogram {
    range: TimeRange,
    step: i64,
    first: i64,
    buckets: usize,
}

struct SegmentHistogram {
    of: Histogram,
    time: Column<i64>,
    severity: Column<u64>,
    counts: Vec<[u64; 7]>,
}

impl Collector for Histogram {
    type Fruit = Vec<[u64; 7]>;
    type Child = SegmentHistogram;

    fn for_segment(&self, _: u32, segment: &SegmentReader) -> tantivy::Result<SegmentHistogram> {
        let fields = segment.fast_fields();
        let (time, severity) = (fields.i64("time")?, fields.u64("severity")?);
        Ok(SegmentHistogram { of: *self, time, severity, counts: vec![[0; 7]; self.buckets] })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<[u64; 7]>>) -> tantivy::Result<Vec<[u64; 7]>> {
        let mut sum = vec![[0; 7]; self.buckets];
        for counts in fruits {
            for (sum, counts) in sum.iter_mut().zip(counts) {
                sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
        }
        Ok(sum)
    }
}

impl SegmentCollector for SegmentHistogram {
    type Fruit = Vec<[u64; 7]>;

    fn collect(&mut self, document: DocId, _: Score) {
        let (Some(time), Some(severity)) = (self.time.first(document), self.severity.first(document)) else { return };
        if !self.of.range.contains(time) {
            return;
        }
        let bucket = usize::try_from(time.div_euclid(self.of.step) - self.of.first).ok();
        let bucket = bucket.and_then(|bucket| self.counts.get_mut(bucket));
        if let Some(count) = bucket.and_then(|counts| counts.get_mut(severity as usize)) {
            *count += 1;
        }
    }

    fn harvest(self) -> Vec<[u64; 7]> {
        self.counts
    }
}
