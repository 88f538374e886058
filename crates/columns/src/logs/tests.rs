//! Blocks against the model: nothing is lost, filters hold exactly, no index misses a block.

use super::samples::{any_filter, any_rows};
use super::{BlockTerms, Evaluator, LogBlock, Outside, StoredBytes, encode_block, needs, needs_of_id};
use crate::error::ColumnsError;
use clew_model::CanonicalId;
use clew_model::RowSet;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{FieldValue, LogField, LogFilter, LogRow};
use proptest::prelude::*;
use std::sync::Arc;

fn block(rows: &[LogRow]) -> LogBlock {
    LogBlock::open(encode_block(rows, &rules()).bytes).unwrap()
}

/// Bytes that are handed out piece by piece.
#[derive(Debug)]
struct Pieces(Vec<u8>);

impl StoredBytes for Pieces {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, ColumnsError> {
        Ok(self.0[offset..offset + length].to_vec())
    }
}

fn stored(bytes: Vec<u8>) -> Result<LogBlock, ColumnsError> {
    LogBlock::open_stored(Box::new(Pieces(bytes)))
}

fn rules() -> CorrelationRules {
    CorrelationRules::new(["task_id"], [regex::Regex::new("req-[0-9a-f]+|u[0-9]").unwrap()])
}

fn terms(rows: &[LogRow]) -> BlockTerms {
    encode_block(rows, &rules()).terms
}

fn check_filter(rows: &[LogRow], filter: &LogFilter) {
    let block = block(rows);
    let passing = block.evaluate(filter).unwrap();
    let expected = RowSet::of(rows.len(), |row| filter.matches(&rows[row].record));
    assert_eq!(passing.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>(), "{filter:?}");
    let terms = terms(rows);
    let evaluator = Evaluator::new(filter);
    let outside = Outside::of(evaluator.outside().len(), |test| terms.fulfil(&evaluator.outside()[test]));
    let indexed =
        evaluator.worker().evaluate(&stored(encode_block(rows, &rules()).bytes.to_vec()).unwrap(), outside).unwrap();
    assert_eq!(indexed.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>(), "{filter:?} with an index");
    if !expected.is_empty() {
        let need = needs(filter);
        assert!(terms.fulfil(&need), "{filter:?} needs {need:?}, the block has {terms:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_field_of_every_row_survives(rows in any_rows(0..40)) {
        let decoded = block(&rows).decode_all().unwrap();
        // Debug text tells -0.0 from 0.0 and lets NaN equal itself.
        prop_assert_eq!(format!("{decoded:?}"), format!("{rows:?}"));
    }

    #[test]
    fn some_rows_decode_as_they_do_among_all(rows in any_rows(1..30), picks: Vec<prop::sample::Index>) {
        let block = block(&rows);
        let mut wanted = RowSet::none(rows.len());
        picks.iter().for_each(|pick| wanted.insert(pick.index(rows.len())));
        let expected: Vec<&LogRow> = wanted.iter().map(|row| &rows[row]).collect();
        prop_assert_eq!(format!("{:?}", block.decode(&wanted).unwrap()), format!("{expected:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn filters_hold_for_the_same_rows_as_in_the_model(rows in any_rows(1..12), filter in any_filter()) {
        check_filter(&rows, &filter);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rows_that_carry_an_id_are_found_by_it(rows in any_rows(1..12)) {
        let rules = rules();
        let block = block(&rows);
        let terms = terms(&rows);
        let mut carried: Vec<(usize, CanonicalId)> = Vec::new();
        for (row, log) in rows.iter().enumerate() {
            rules.visit_log(&log.record, &mut |id| carried.push((row, id.id)));
        }
        for (_, id) in &carried {
            let expected = RowSet::of(rows.len(), |row| carried.contains(&(row, id.clone())));
            let found = block.rows_with_ids(std::slice::from_ref(id), &rules).unwrap();
            prop_assert_eq!(&found, &expected, "{}", id);
            prop_assert!(terms.fulfil(&needs_of_id(id)), "{}", id);
        }
    }

    #[test]
    fn a_damaged_block_is_noticed_and_never_panics(rows in any_rows(1..12), at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = encode_block(&rows, &rules()).bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let read = LogBlock::open(Arc::from(bytes.clone())).and_then(|block| block.decode_all());
        prop_assert!(read.is_err());
        prop_assert!(stored(bytes).and_then(|block| block.decode_all()).is_err());
    }
}

/// Hundreds of rows with messages of a few templates, as real logs have.
fn busy_rows(random: &mut fastrand::Rng, count: usize) -> Vec<LogRow> {
    use clew_model::logs::LogRecord;
    use clew_model::{Attribute, RecordId, TraceId};
    let messages = |random: &mut fastrand::Rng| match random.u8(..5) {
        0 => format!("request {} took {}ms", random.u32(..), random.u32(..500)),
        1 => format!("user u{} logged in from 10.0.{}.{}", random.u32(..100), random.u8(..), random.u8(..)),
        2 => format!("cache miss for key {:016x} in shard {:03}", random.u64(..), random.u32(..20)),
        3 => "connection reset by peer".to_owned(),
        _ => format!("task task:{:03} claimed by Worker_{}", random.u32(..10), random.char('A'..'D')),
    };
    let row = |number: usize, random: &mut fastrand::Rng| {
        let time = number as i64 * 1_000_000 + random.i64(..1_000);
        let attributes = vec![
            Attribute::new("http.status", i64::from(random.u16(200..205))),
            Attribute::new("duration", f64::from(random.u32(..10_000)) / 100.0),
            Attribute::new("host", format!("node-{}", random.u8(..20))),
            Attribute::new("request_id", format!("{:032x}", random.u128(..))),
        ];
        let record = LogRecord {
            time,
            body: messages(random).into(),
            service: format!("svc-{}", random.u8(..5)).into(),
            trace_id: random.bool().then(|| TraceId(random.u128(1..).to_be_bytes())),
            attributes,
            ..LogRecord::default()
        };
        LogRow { id: RecordId { time, number: number as u64 }, record }
    };
    (0..count).map(|number| row(number, random)).collect()
}

#[test]
fn filters_hold_on_blocks_with_templates() {
    use clew_model::logs::{Pattern, TextTest};
    let mut random = fastrand::Rng::with_seed(7);
    let rows = busy_rows(&mut random, 512);
    assert_eq!(block(&rows).decode_all().unwrap(), rows);
    for word in ["request", "took", "u7", "7", "reset by", "miss for key", "shard 007", "Worker_A", "ms", "task", "x"] {
        let pattern = Pattern(regex::Regex::new(&format!("{word}( to)?")).unwrap());
        for test in [TextTest::words(word), TextTest::Substring(word.to_owned()), TextTest::Regex(pattern)] {
            check_filter(&rows, &LogFilter::Message(test.clone()));
            check_filter(&rows, &LogFilter::AnyText(test));
        }
    }
}

/// The same rows as a logger on a terminal writes them: a level in colour, numbers and parts of words too.
fn coloured(mut rows: Vec<LogRow>, random: &mut fastrand::Rng) -> Vec<LogRow> {
    for row in &mut rows {
        let mut text = format!("\u{1b}[3{}mINFO\u{1b}[0m ", random.u8(1..4));
        for character in row.record.body.display_text().chars() {
            let begins_number = character.is_ascii_digit() && !text.ends_with(|last: char| last.is_ascii_digit());
            if begins_number || (character == 'k' && random.bool()) {
                text.push_str(["\u{1b}[1m", "\u{1b}[38;5;196m", "\u{9b}0m"][usize::from(begins_number)]);
            }
            text.push(character);
        }
        row.record.body = text.into();
    }
    rows
}

#[test]
fn filters_hold_on_blocks_with_coloured_messages() {
    use clew_model::logs::{Pattern, TextTest};
    let mut random = fastrand::Rng::with_seed(7);
    let rows = busy_rows(&mut random, 512);
    let rows = coloured(rows, &mut random);
    let block = block(&rows);
    assert!(matches!(block.messages().unwrap().strings, super::messages::Strings::Templates(_)));
    assert_eq!(block.decode_all().unwrap(), rows);
    let found = |test: TextTest| block.evaluate(&LogFilter::Message(test)).unwrap().len();
    assert_eq!(found(TextTest::words("info")), 512);
    assert_eq!((found(TextTest::words("31minfo")), found(TextTest::Substring("[0m".to_owned()))), (0, 0));
    for word in
        ["request", "took", "u7", "7", "INFO connection reset", "task task", "001", "Worker_A", "ms", "for key", "x"]
    {
        let pattern = Pattern(regex::Regex::new(&format!("{word}( to)?")).unwrap());
        for test in [TextTest::words(word), TextTest::Substring(word.to_owned()), TextTest::Regex(pattern)] {
            check_filter(&rows, &LogFilter::Message(test.clone()));
            check_filter(&rows, &LogFilter::AnyText(test));
        }
    }
}

#[test]
fn a_row_takes_a_fraction_of_its_json() {
    let rows = busy_rows(&mut fastrand::Rng::with_seed(7), 512);
    let bytes = encode_block(&rows, &rules()).bytes;
    // Random bytes among these rows: 16 of request_id, 8 of half the trace IDs, about 6 in messages, 3 of times and so
    // on: about 40 cannot be saved.
    assert!(bytes.len() / rows.len() < 48, "{} bytes a row", bytes.len() / rows.len());
}

/// Name, rows that have it, and rows by value.
type Counts = std::collections::BTreeMap<String, (u64, std::collections::BTreeMap<String, u64>)>;

fn add(counts: &mut Counts, name: &str, values: std::collections::BTreeSet<String>) {
    if !values.is_empty() {
        let field = counts.entry(name.to_owned()).or_default();
        field.0 += 1;
        values.into_iter().for_each(|value| *field.1.entry(value).or_default() += 1);
    }
}

/// Holds the counts of a block of these rows against the model's.
fn check_counts(rows: &[LogRow], name: &str, wanted: &RowSet) {
    use std::collections::{BTreeMap, BTreeSet};
    let block = block(rows);
    let (mut one, mut all) = (Counts::new(), Counts::new());
    for row in wanted.iter() {
        let record = &rows[row].record;
        let mut values = BTreeSet::new();
        record.visit_counted(name, &mut |text| {
            values.insert(text.to_owned());
        });
        add(&mut one, name, values);
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        record.visit_listed(&mut |name, text| {
            fields.entry(name.to_owned()).or_default().insert(text.to_owned());
        });
        fields.into_iter().for_each(|(name, values)| add(&mut all, &name, values));
    }
    let mut found = BTreeMap::new();
    let records = block.field_counts(name, wanted, &mut |value, n| *found.entry(text_of(value)).or_default() += n);
    let found_one: Counts = match records.unwrap() {
        0 => Counts::new(),
        records => [(name.to_owned(), (records, found))].into(),
    };
    let mut found_all = Counts::new();
    let mut visit = |field: &dyn LogField| {
        let mut values = BTreeMap::new();
        field.counts(&mut |value, n| *values.entry(text_of(value)).or_default() += n)?;
        let before = found_all.insert(field.name().to_owned(), (field.records()?, values));
        assert!(before.is_none(), "{} comes twice", field.name());
        Ok(())
    };
    block.visit_fields(wanted, &|_| true, &mut visit).unwrap();
    assert_eq!(found_one, one);
    assert_eq!(found_all, all);
}

fn text_of(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::Text(text) => text.to_owned(),
        FieldValue::Int(number) => number.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn values_are_counted_as_in_the_model(
        rows in any_rows(1..12),
        name in super::samples::any_name(),
        picks: Vec<prop::sample::Index>,
    ) {
        let mut wanted = RowSet::none(rows.len());
        picks.iter().for_each(|pick| wanted.insert(pick.index(rows.len())));
        check_counts(&rows, &name, &wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whole_blocks_know_the_counts_of_their_values(
        rows in any_rows(1..12),
        name in super::samples::any_name(),
        left_out: prop::sample::Index,
    ) {
        let count = crate::limits::MIN_COUNTED_ROWS;
        let rows: Vec<LogRow> = rows.into_iter().cycle().take(count).collect();
        prop_assert!(block(&rows).value_counts().unwrap().is_some());
        check_counts(&rows, &name, &RowSet::all(count));
        let all_but_one = RowSet::of(count, |row| row != left_out.index(count));
        check_counts(&rows, &name, &all_but_one);
    }
}

#[test]
fn a_short_name_means_the_same_in_whole_blocks_as_row_by_row() {
    use clew_model::logs::LogRecord;
    use clew_model::{Attribute, RecordId, Resource, Value};
    let inside = |key: &str, value: Value| Attribute::new("context", Value::Map(vec![Attribute::new(key, value)]));
    let map = |outer: &str, key: &str| Attribute::new(outer, Value::Map(vec![Attribute::new(key, "x")]));
    let resource = Resource { attributes: vec![Attribute::new("host.name", "n1")], ..Resource::default() };
    let nested = inside("resource", Value::Map(vec![Attribute::new("id", Value::Int(5))]));
    for (name, first, others, resource) in [
        ("task_id", inside("task_id", "a".into()), Attribute::new("context.task_id", "b"), Resource::default()),
        ("context.task_id", inside("task_id", "a".into()), Attribute::new("context.task_id", "b"), Resource::default()),
        ("host.name", map("resource", "host.name"), Attribute::new("n", "1"), resource.clone()),
        ("resource.host.name", map("resource", "host.name"), Attribute::new("n", "1"), resource),
        ("resource.id", nested.clone(), nested, Resource::default()),
    ] {
        let resource = Arc::new(resource);
        let row = |number: usize| {
            let attributes = vec![if number == 0 { first.clone() } else { others.clone() }];
            let record = LogRecord { attributes, resource: Arc::clone(&resource), ..LogRecord::default() };
            LogRow { id: RecordId { time: 0, number: number as u64 }, record }
        };
        let rows: Vec<LogRow> = (0..crate::limits::MIN_COUNTED_ROWS).map(row).collect();
        check_counts(&rows, name, &RowSet::all(rows.len()));
    }
}
