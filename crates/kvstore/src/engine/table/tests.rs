use super::*;
use crate::engine::damage::Damage;
use crate::error::KvError;
use crate::limits::BLOCK_BYTES;
use clew_host::{Files, OpenFiles, SimFiles};
use clew_model::ErrorKind;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

const PATH: &str = "/1.default.0.table";

fn tables(files: &SimFiles, cache_bytes: usize) -> Arc<Tables> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    let open_files = Arc::new(OpenFiles::new(Arc::clone(&files), 1));
    Arc::new(Tables { files, open_files, cache: BlockCache::new(cache_bytes), damage: Damage::default() })
}

fn write(files: &SimFiles, entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> u64 {
    let mut writer = TableWriter::create(files, Path::new(PATH), 1).unwrap();
    entries.iter().for_each(|(key, value)| writer.put(key, value).unwrap());
    writer.finish().unwrap()
}

fn table(files: &SimFiles, cache_bytes: usize) -> Arc<Table> {
    Arc::new(Table::new(&tables(files, cache_bytes), Path::new(PATH), 1))
}

fn scan(table: &Arc<Table>, from: &[u8], to: Option<&[u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = Entries::new(table, from, to).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.key().to_vec(), entry.value.to_vec())).collect()
}

fn bytes_of(files: &SimFiles) -> Vec<u8> {
    files.open(Path::new(PATH)).unwrap().read_at(0, usize::MAX).unwrap()
}

fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(0u8..4, 0..6), prop::collection::vec(any::<u8>(), 0..40)]
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (1usize..3).prop_map(|times| vec![7; times * BLOCK_BYTES + 3]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_table_answers_what_a_map_answers(
        entries in prop::collection::btree_map(any_key(), any_value(), 0..200),
        asked in prop::collection::vec(any_key(), 0..20),
        cache_bytes in prop_oneof![Just(0usize), Just(200_000), Just(1 << 30)],
    ) {
        let files = SimFiles::new();
        let length = write(&files, &entries);
        prop_assert_eq!(length, bytes_of(&files).len() as u64);
        let table = table(&files, cache_bytes);
        for key in entries.keys().chain(&asked) {
            prop_assert_eq!(table.get(key).unwrap().map(|value| value.to_vec()), entries.get(key).cloned());
        }
        prop_assert_eq!(scan(&table, &[], None), entries.clone().into_iter().collect::<Vec<_>>());
        for pair in asked.windows(2) {
            let (from, to) = (&pair[0], &pair[1]);
            let wanted: Vec<_> = match from < to {
                true => entries.range::<Vec<u8>, _>((Bound::Included(from), Bound::Excluded(to))).collect(),
                false => Vec::new(),
            };
            let wanted: Vec<_> = wanted.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            prop_assert_eq!(scan(&table, from, Some(to)), wanted);
        }
    }

    #[test]
    fn wild_bytes_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..300), count in 0u64..1_000) {
        let _ = format::TableIndex::decode(&bytes, count);
        prop_assert!(format::Footer::decode(&bytes).is_err());
        let mut cursor = block::Cursor::new(Slice::new(bytes));
        while let Ok(Some(_)) = cursor.next() {}
    }
}

fn some_entries() -> BTreeMap<Vec<u8>, Vec<u8>> {
    (0..400u32).map(|number| (number.to_be_bytes().to_vec(), vec![number as u8; 150])).collect()
}

#[test]
fn every_damaged_byte_is_found_by_whoever_reads_it() {
    let entries = some_entries();
    let files = SimFiles::new();
    write(&files, &entries);
    let bytes = bytes_of(&files);
    for at in (0..bytes.len()).step_by(61).chain(bytes.len() - 60..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        files.create(Path::new(PATH)).unwrap().write_all(&damaged).unwrap();
        let table = table(&files, 0);
        let found = match Entries::new(&table, &[], None) {
            Ok(found) => found.collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        };
        let errors: Vec<&KvError> = found.iter().filter_map(|entry| entry.as_ref().err()).collect();
        assert_eq!(errors.len(), 1, "byte {at}");
        assert!(errors[0].is_damage() && errors[0].to_string().contains(PATH), "byte {at}: {}", errors[0]);
        for entry in found.iter().flatten() {
            assert_eq!(entries.get(entry.key()).unwrap(), &*entry.value, "byte {at}");
        }
    }
    for length in (0..bytes.len()).step_by(997) {
        files.create(Path::new(PATH)).unwrap().write_all(&bytes[..length]).unwrap();
        assert!(table(&files, 0).index().unwrap_err().is_damage(), "{length} bytes");
    }
}

#[test]
fn another_table_under_its_name_is_damage_and_a_newer_one_unsupported() {
    let files = SimFiles::new();
    write(&files, &some_entries());
    let other = Arc::new(Table::new(&tables(&files, 0), Path::new(PATH), 2));
    let error = other.index().unwrap_err();
    assert!(error.to_string().contains("it is table 1"), "{error}");

    let mut bytes = bytes_of(&files);
    let footer = bytes.len() - format::FOOTER_BYTES;
    bytes[footer + 8] = 5;
    let checksum = crc32fast::hash(&bytes[footer..bytes.len() - 4]);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&checksum.to_le_bytes());
    files.create(Path::new(PATH)).unwrap().write_all(&bytes).unwrap();
    let error = table(&files, 0).get(b"a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("table format version 5"), "{error}");
}

#[test]
fn entries_out_of_order_or_too_large_are_refused() {
    let files = SimFiles::new();
    let mut writer = TableWriter::create(&files, Path::new(PATH), 1).unwrap();
    writer.put(b"", b"first").unwrap();
    writer.put(b"b", &vec![1; BLOCK_BYTES]).unwrap();
    for key in [b"".as_slice(), b"a", b"b"] {
        assert!(matches!(writer.put(key, b""), Err(KvError::BadEntry(_))), "{key:?}");
    }
    assert!(matches!(writer.put(&[255; 1_025], b""), Err(KvError::BadEntry(_))));
    writer.put(&[255; 1_024], b"last").unwrap();
    writer.finish().unwrap();
    assert_eq!(scan(&table(&files, 0), &[], None).len(), 3);
}

#[test]
fn reading_one_value_reads_one_block_and_the_cache_answers_the_second_time() {
    let files = SimFiles::new();
    write(&files, &some_entries());
    let shared = tables(&files, 1 << 20);
    let table = Table::new(&shared, Path::new(PATH), 1);
    let before = shared.cache.bytes();
    assert!(table.get(&7u32.to_be_bytes()).unwrap().is_some());
    let after = shared.cache.bytes();
    assert!(after - before < 2 * BLOCK_BYTES, "{} bytes", after - before);
    // Neighbours come from memory, even when the disk does not answer any more.
    files.fail_next(clew_host::Operation::Read, clew_host::Fault::Device);
    assert!(table.get(&8u32.to_be_bytes()).unwrap().is_some());
    let error = table.get(&399u32.to_be_bytes()).unwrap_err();
    assert!(!error.is_damage(), "a disk that refuses is no damage: {error}");
    assert!(table.get(&399u32.to_be_bytes()).unwrap().is_some());
}
