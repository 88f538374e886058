//! What stands on the disk, block by block: frames of journals, blocks of log records and spans, columns of metrics, indexes.
//! What is written is read back as it was.

use crate::choice;
use crate::records::{NOW, batch, log, span};
use crate::template::{edit, resealed};
use clew_columns::bytes::Reader;
use clew_columns::frames::metrics::{MetricFrameDecoder, MetricFrameEncoder, SeriesNumbers};
use clew_columns::frames::{logs, traces};
use clew_columns::hash_list::{self, HashListBuilder, hash_of};
use clew_columns::logs::{BlockTerms, EncodedBlock, LogBlock, encode_block};
use clew_columns::metrics::{
    Effort, SampleDecoder, SampleEncoder, decode_exemplars, decode_histograms, decode_labels, decode_metadata,
    decode_values, encode_labels, encode_values,
};
use clew_columns::spans::sums::{ServiceCells, SpanSums, SumsBuilder, decode_all_cells, decode_call_cells, slot_width};
use clew_columns::spans::{SpanBlock, SpanDictionary, encode_group, weights_of};
use clew_columns::values::{read_attributes, read_value};
use clew_columns::{bits, dictionary, strings};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogRecord, LogRow};
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;
use clew_model::{RecordId, TenantId, TimeRange};
use std::sync::Arc;
use std::sync::LazyLock;

/// Records of an input that are looked at closely.
const CLOSELY: usize = 200;

static RULES: LazyLock<CorrelationRules> = LazyLock::new(CorrelationRules::default);

/// A block of these records gives them back.
pub(crate) fn are_kept_as_logs(records: &[LogRecord]) {
    let records = records.get(..CLOSELY).unwrap_or(records);
    if records.is_empty() {
        return;
    }
    let rows = records
        .iter()
        .zip(0..)
        .map(|(record, number)| LogRow { id: RecordId { time: record.time, number }, record: record.clone() });
    let rows: Vec<LogRow> = rows.collect();
    let block = encode_block(&rows, &RULES);
    let mut back = LogBlock::open(block.bytes).unwrap().decode_all().unwrap();
    back.sort_by_key(|row| row.id.number);
    // As text, since NaN is not itself.
    assert_eq!(format!("{rows:?}"), format!("{back:?}"));
}

/// A frame of these spans gives them back, and so does a block.
pub(crate) fn are_kept_as_spans(spans: &[Span]) {
    let spans = spans.get(..CLOSELY).unwrap_or(spans);
    if spans.is_empty() {
        return;
    }
    let mut bytes = Vec::new();
    traces::encode(&mut bytes, &TenantId::default(), 7, spans);
    let back = traces::decode(&bytes).unwrap();
    assert_eq!((back.arrived, format!("{:?}", back.spans)), (7, format!("{spans:?}")));
}

pub(crate) fn encoded_logs(numbers: std::ops::Range<u64>) -> EncodedBlock {
    let row = |number| LogRow { id: RecordId { time: log(number).time, number }, record: log(number) };
    encode_block(&numbers.map(row).collect::<Vec<_>>(), &RULES)
}

pub(crate) fn log_frame_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    logs::encode(&mut bytes, &TenantId::default(), 0, &[Arc::new(encoded_logs(0..12))]);
    bytes
}

pub(crate) fn trace_frame_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    traces::encode(&mut bytes, &TenantId::default(), NOW / 1_000_000, &(0..9).map(span).collect::<Vec<_>>());
    bytes
}

pub(crate) fn metric_frame_bytes(encoder: &mut MetricFrameEncoder, batch: &MetricBatch) -> Vec<u8> {
    let numbers: Vec<u32> = (0..batch.series.len() as u32).collect();
    let mut bytes = Vec::new();
    let series = SeriesNumbers { table: 1, numbers: &numbers };
    encoder.encode(1, &TenantId::default(), batch, series, &mut bytes).unwrap();
    bytes
}

pub(crate) fn log_frame(data: &[u8]) {
    static GOOD: LazyLock<Vec<u8>> = LazyLock::new(log_frame_bytes);
    let (choice, rest) = choice(data);
    let bytes = if choice == 0 { rest.to_vec() } else { edit(&GOOD, rest) };
    if let Ok(frame) = logs::decode(&bytes) {
        assert_eq!(frame.records, frame.blocks.iter().map(|block| block.rows as u64).sum::<u64>());
        frame.blocks.iter().for_each(|block| read_log_block(&block.bytes));
    }
}

pub(crate) fn trace_frame(data: &[u8]) {
    static GOOD: LazyLock<Vec<u8>> = LazyLock::new(trace_frame_bytes);
    let (choice, rest) = choice(data);
    let bytes = if choice == 0 { rest.to_vec() } else { edit(&GOOD, rest) };
    if let Ok(frame) = traces::decode(&bytes) {
        are_kept_as_spans(&frame.spans);
    }
}

/// Two frames, one after the other, as in a segment.
pub(crate) fn metric_frame(data: &[u8]) {
    static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
        let mut encoder = MetricFrameEncoder::new();
        [batch(0..8), batch(4..14)].map(|batch| metric_frame_bytes(&mut encoder, &batch))
    });
    let (choice, rest) = choice(data);
    let mut decoder = MetricFrameDecoder::new();
    let frames = match choice % 3 {
        0 => vec![rest.to_vec()],
        1 => vec![edit(&GOOD[0], rest), GOOD[1].clone()],
        _ => vec![GOOD[0].clone(), edit(&GOOD[1], rest)],
    };
    for frame in frames.iter().filter_map(|bytes| decoder.decode(1, bytes).ok()) {
        let series = frame.numbers.len() as u32;
        assert!(frame.batch.samples.iter().all(|sample| sample.series < series));
    }
}

fn read_log_block(bytes: &Arc<[u8]>) {
    let Ok(block) = LogBlock::open(Arc::clone(bytes)) else { return };
    let _ = (block.time_span(), block.times().map(<[_]>::len), block.severities().map(Iterator::count));
    if let Ok(rows) = block.decode_all() {
        assert_eq!(rows.len(), block.rows());
    }
}

pub(crate) fn log_block(data: &[u8]) {
    static GOOD: LazyLock<EncodedBlock> = LazyLock::new(|| encoded_logs(0..40));
    let (choice, rest) = choice(data);
    match choice % 4 {
        0 => read_log_block(&Arc::from(rest)),
        1 => read_log_block(&Arc::from(resealed(rest))),
        2 => read_log_block(&Arc::from(resealed(&edit(&GOOD.bytes, rest)))),
        _ => {
            if let Ok(terms) = BlockTerms::open(&edit(GOOD.terms.bytes(), rest)) {
                let _ = (terms.plain().count(), terms.hashes().count(), terms.has("request"));
            }
        }
    }
}

struct Spans {
    dictionary: Vec<u8>,
    blocks: Vec<Vec<u8>>,
    sums: Vec<u8>,
    services: Vec<Vec<u8>>,
    all: Vec<u8>,
    calls: Vec<u8>,
}

static SPANS: LazyLock<Spans> = LazyLock::new(|| {
    let spans: Vec<Span> = (0..40).map(span).collect();
    let spans: Vec<&Span> = spans.iter().collect();
    let group = encode_group(&spans, &weights_of(&spans), &RULES);
    let mut sums = SumsBuilder::new(slot_width(TimeRange::new(NOW, NOW + 1_000_000_000)));
    sums.add_block(&spans);
    let sums = sums.finish().unwrap();
    Spans {
        dictionary: group.dictionary,
        blocks: group.blocks.into_iter().map(|block| block.bytes).collect(),
        sums: sums.head,
        services: sums.services,
        all: sums.all,
        calls: sums.calls,
    }
});

pub(crate) fn span_block(data: &[u8]) {
    let (choice, rest) = choice(data);
    let good = &*SPANS;
    match choice % 6 {
        0 => read_span_block(rest, &good.dictionary),
        1 => read_span_block(&resealed(&edit(&good.blocks[0], rest)), &good.dictionary),
        2 => read_span_block(&good.blocks[0], &resealed(&edit(&good.dictionary, rest))),
        3 => read_sums(&edit(&good.sums, rest), &good.services[0], &good.all, &good.calls),
        4 => read_sums(&good.sums, &edit(&good.services[0], rest), &good.all, &good.calls),
        _ => read_sums(&good.sums, &good.services[0], &edit(&good.all, rest), &edit(&good.calls, rest)),
    }
}

fn read_span_block(block: &[u8], dictionary: &[u8]) {
    let (Ok(block), Ok(dictionary)) = (SpanBlock::open(block), SpanDictionary::open(dictionary)) else { return };
    let _ = (block.starts(), block.lasting());
    if let Ok(heads) = block.heads(&dictionary) {
        (0..block.len()).for_each(|row| {
            let _ = (heads.kind(row), heads.status(row), heads.name(row, &dictionary).len());
        });
    }
    if let Ok(ids) = block.span_ids() {
        let _ = block.parents(&ids);
    }
    if let Ok(spans) = block.spans(&dictionary, 0..block.len()) {
        assert_eq!(spans.len(), block.len());
    }
}

fn read_sums(head: &[u8], service: &[u8], all: &[u8], calls: &[u8]) {
    let Ok(sums) = SpanSums::decode(head) else { return };
    let _ = sums.service("api");
    if let Ok(cells) = ServiceCells::decode(service, &sums) {
        assert!((0..4).filter_map(|slot| cells.last_in(slot)).count() <= 4);
    }
    if let Ok(cells) = decode_all_cells(all, &sums) {
        let _ = cells.iter().count();
    }
    let _ = decode_call_cells(calls, &sums);
}

pub(crate) fn metric_columns(data: &[u8]) {
    let (choice, rest) = choice(data);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    match choice % 8 {
        0 => {
            if let Ok(labels) = decode_labels(rest) {
                let again = encode_labels(&labels);
                assert_eq!(decode_labels(&again).unwrap(), labels);
            }
        }
        1 => drop(decode_exemplars(rest)),
        2 => drop(decode_metadata(rest)),
        3 => drop(decode_histograms(rest, i64::MIN, i64::MAX, &mut Vec::new())),
        4 => {
            let decoded = SampleDecoder::default().decode(rest, i64::MIN, i64::MAX, &mut times, &mut values);
            assert!(decoded.is_err() || times.len() == values.len());
        }
        5 => drop(decode_values(&mut Reader::new(rest), rest.len())),
        6 => {
            // Any values are read back bit by bit.
            let own: Vec<f64> = rest.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            let mut bytes = Vec::new();
            encode_values(&mut bytes, &own, Effort::Best);
            let back = decode_values(&mut Reader::new(&bytes), own.len()).unwrap();
            assert!(
                own.iter().zip(&back).all(|(own, back)| own.to_bits() == back.to_bits()) && own.len() == back.len()
            );
        }
        _ => {
            let is_decoded = edit_samples(rest, &mut times, &mut values);
            assert!(!is_decoded || times.len() == values.len());
        }
    }
}

fn edit_samples(script: &[u8], times: &mut Vec<i64>, values: &mut Vec<f64>) -> bool {
    static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let times: Vec<i64> = (0..300).map(|number| NOW / 1_000_000 + number * 15_000).collect();
        let values: Vec<f64> = (0..300).map(|number| f64::from(number) * 0.25).collect();
        let mut bytes = Vec::new();
        SampleEncoder::default().encode(&mut bytes, 0, &times, &values, Effort::Best);
        bytes
    });
    SampleDecoder::default().decode(&edit(&GOOD, script), i64::MIN, i64::MAX, times, values).is_ok()
}

pub(crate) fn indexes(data: &[u8]) {
    static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut builder = HashListBuilder::new();
        (0..200u32).for_each(|number| builder.push(hash_of(1, &number.to_le_bytes()), number / 4));
        builder.finish()
    });
    let (choice, rest) = choice(data);
    let reader = &mut Reader::new(rest);
    let count = rest.len().min(1_000);
    match choice % 9 {
        0 => drop(hash_list::lookup(rest, 5)),
        1 => (0..20u32).for_each(|number| {
            drop(hash_list::lookup(&edit(&LIST, rest), hash_of(1, &number.to_le_bytes())));
        }),
        2 => drop(bits::read_unsigned(reader, count)),
        3 => drop((bits::read_integers(reader, count), bits::read_deltas(reader, count))),
        4 => drop((bits::read_numbers(reader, count), bits::read_flags(reader, count))),
        5 => drop(strings::read_texts(reader, count)),
        6 => drop(dictionary::read_text_column(reader, count)),
        7 => drop(dictionary::read_ids(reader, count, 100)),
        _ => drop((read_value(reader), read_attributes(reader))),
    }
}
