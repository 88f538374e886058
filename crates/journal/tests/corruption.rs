//! Damaged files: never a wrong payload, never a panic, and never silence about what was durable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clew_host::{Files, SeededRandom, SimFiles, atomic_write};
use clew_journal::{Beside, Journal, JournalError, JournalMetrics, Options, Recovery};
use proptest::prelude::*;

use common::{DIR, Owned, SMALL, names, open_with, replay};

const SALVAGE: Options = Options { segment_bytes: 400, salvage: true };

const TINY: Options = Options { segment_bytes: 400, salvage: false };

/// Three segments of three frames each, all synced one by one.
fn small_journal() -> (SimFiles, Vec<Owned>) {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, TINY).unwrap();
    for number in 0..9_u8 {
        journal.append(number, &[number; 100]).unwrap();
        journal.sync().unwrap();
    }
    let (frames, _) = replay(&journal, 0).unwrap();
    assert_eq!(names(&files).len(), 3);
    (files, frames)
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn read(files: &SimFiles, name: &str) -> Vec<u8> {
    files.open(&path(name)).unwrap().read_at(0, 1 << 20).unwrap()
}

/// The journal with one file changed.
fn with_changed(index: usize, change: impl FnOnce(&mut Vec<u8>)) -> (SimFiles, Vec<Owned>) {
    let (files, frames) = small_journal();
    let name = &names(&files)[index];
    let mut bytes = read(&files, name);
    change(&mut bytes);
    atomic_write(&files, &path(name), &bytes).unwrap();
    (files, frames)
}

fn expect_corrupt(files: &SimFiles, index: usize) -> (u64, String) {
    let name = names(files)[index].clone();
    match open_with(files, 2, TINY) {
        Err(error @ JournalError::Corrupt { .. }) => {
            let message = error.to_string();
            let JournalError::Corrupt { file, offset, .. } = error else { unreachable!() };
            assert_eq!(file, path(&name), "{message}");
            (offset, message)
        }
        other => panic!("expected damage in {name}, got {other:?}"),
    }
}

/// What salvage gives: all frames but those of the damaged rest.
fn salvage(files: &SimFiles) -> Vec<Owned> {
    let (journal, recovery) = open_with(files, 3, SALVAGE).unwrap();
    assert!(!recovery.skipped.is_empty());
    let (frames, _) = replay(&journal, 0).unwrap();
    let position = journal.append(77, b"after").unwrap().0;
    assert!(position > 9, "position {position} was acknowledged before");
    journal.sync().unwrap();
    drop(journal);
    let (journal, _) = open_with(files, 4, SALVAGE).unwrap();
    let (again, _) = replay(&journal, 0).unwrap();
    let (last, before) = again.split_last().unwrap();
    assert_eq!((before, last), (&frames[..], &(position, 77, b"after".to_vec())));
    frames
}

#[test]
fn every_flipped_byte_is_found_and_never_gives_a_wrong_frame() {
    for index in 0..3 {
        let (files, _) = small_journal();
        let size = read(&files, &names(&files)[index]).len();
        for position in 0..size {
            for mask in [0x01, 0x80, 0xFF] {
                let (files, frames) = with_changed(index, |bytes| bytes[position] ^= mask);
                let is_last_frame = index == 2 && position >= 48 + 2 * 121;
                if is_last_frame {
                    let (journal, recovery) = open_with(&files, 2, TINY).unwrap();
                    assert_eq!(recovery.torn_tail.unwrap().offset, 48 + 2 * 121);
                    assert_eq!(replay(&journal, 0).unwrap().0, frames[..8]);
                } else {
                    let (offset, _) = expect_corrupt(&files, index);
                    let intact = (position.max(48) - 48) / 121;
                    let begins = if position < 48 { 0 } else { 48 + intact * 121 };
                    assert_eq!(offset, begins as u64);
                    // Without its header a segment is lost, otherwise the one frame alone.
                    let lost = if position < 48 { 3 } else { 1 };
                    let mut expected = frames;
                    expected.drain(index * 3 + intact..index * 3 + intact + lost);
                    assert_eq!(salvage(&files), expected, "byte {position} of segment {index}");
                }
            }
        }
    }
}

#[test]
fn a_cut_is_a_torn_tail_at_the_end_and_damage_before_it() {
    let (files, _) = small_journal();
    let size = read(&files, &names(&files)[2]).len();
    for len in 48..size {
        let (files, frames) = with_changed(2, |bytes| bytes.truncate(len));
        let (journal, recovery) = open_with(&files, 2, TINY).unwrap();
        let intact = (len - 48) / 121;
        assert_eq!(replay(&journal, 0).unwrap().0, frames[..6 + intact]);
        assert_eq!(recovery.torn_tail.is_some(), (len - 48) % 121 != 0);
        let (files, _) = with_changed(1, |bytes| bytes.truncate(len));
        // A cut at a frame's end shows by what the next segment says of its forerunner.
        expect_corrupt(&files, if (len - 48) % 121 == 0 { 2 } else { 1 });
        salvage(&files);
    }
    for len in 0..48 {
        let (files, _) = with_changed(2, |bytes| bytes.truncate(len));
        expect_corrupt(&files, 2);
        salvage(&files);
    }
}

#[test]
fn the_message_says_where_and_what_to_do() {
    let (files, _) = with_changed(1, |bytes| bytes[48 + 121 + 30] ^= 1);
    let (_, message) = expect_corrupt(&files, 1);
    assert_eq!(
        message,
        "the journal is damaged: a frame with a wrong checksum in \
         /data/journal/logs/00000000000000000004.journal at byte 169; restore the file from a backup, or open the \
         journal with salvage, which skips the rest of that file and says what was lost"
    );
}

#[test]
fn a_missing_segment_is_damage_and_missing_first_ones_are_trimmed() {
    let (files, frames) = small_journal();
    files.remove_file(&path(&names(&files)[1])).unwrap();
    expect_corrupt(&files, 1);
    assert_eq!(salvage(&files), [&frames[..3], &frames[6..]].concat());
    let (files, frames) = small_journal();
    files.remove_file(&path(&names(&files)[0])).unwrap();
    let (journal, _) = open_with(&files, 2, TINY).unwrap();
    assert_eq!(replay(&journal, 0).unwrap().0, frames[3..]);
}

#[test]
fn a_segment_of_another_journal_or_under_another_name_is_refused() {
    let other = SimFiles::new();
    let (journal, _) = open_with(&other, 99, TINY).unwrap();
    for number in 0..9_u8 {
        journal.append(number, &[number; 100]).unwrap();
    }
    let foreign = read(&other, &names(&other)[1]);
    let (files, _) = with_changed(1, |bytes| *bytes = foreign);
    let (_, message) = expect_corrupt(&files, 1);
    assert!(message.contains("another journal"), "{message}");
    let (files, _) = small_journal();
    let first = read(&files, &names(&files)[0]);
    let (files, _) = with_changed(1, |bytes| *bytes = first);
    let (_, message) = expect_corrupt(&files, 1);
    assert!(message.contains("does not fit the file's name"), "{message}");
}

#[test]
fn frames_of_an_earlier_file_in_the_same_blocks_are_not_accepted() {
    // The same positions, sizes and payloads, from a journal that never got durable.
    let stale = SimFiles::new();
    let (journal, _) = open_with(&stale, 5, SMALL).unwrap();
    journal.append(0, &[1; 50]).unwrap();
    journal.append(0, b"never acknowledged").unwrap();
    let stale = read(&stale, &names(&stale)[0]);
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 6, SMALL).unwrap();
    journal.append(0, &[1; 50]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let name = &names(&files)[0];
    let rest = &stale[48 + 71..];
    files.open_append(&path(name)).unwrap().write_all(rest).unwrap();
    let (journal, recovery) = open_with(&files, 7, SMALL).unwrap();
    assert_eq!(replay(&journal, 0).unwrap().0, vec![(1, 0, vec![1; 50])]);
    assert_eq!(recovery.torn_tail.unwrap().bytes, rest.len() as u64);
}

#[test]
fn foreign_files_are_left_alone_and_leftovers_are_removed() {
    let (files, frames) = small_journal();
    for name in ["notes.txt", "5.journal", "00000000000000000010.journal.tmp"] {
        files.create(&path(name)).unwrap().write_all(b"?").unwrap();
    }
    let (journal, _) = open_with(&files, 2, TINY).unwrap();
    assert_eq!(replay(&journal, 0).unwrap().0, frames);
    let names = names(&files);
    assert!(names.contains(&"notes.txt".to_owned()) && names.contains(&"5.journal".to_owned()));
    assert!(!names.iter().any(|name| name.ends_with(".tmp")));
}

#[test]
fn garbage_after_the_last_synced_frame_is_a_torn_tail_whatever_it_is() {
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..300 {
        let size = rng.usize(1..3_000);
        let kind = rng.u8(..3);
        let garbage: Vec<u8> = match kind {
            0 => vec![0; size],
            1 => vec![0xFF; size],
            _ => (0..size).map(|_| rng.u8(..)).collect(),
        };
        let (files, frames) = with_changed(2, |bytes| bytes.extend(garbage));
        let (journal, recovery) = open_with(&files, 2, TINY).unwrap();
        assert_eq!(recovery.torn_tail.unwrap().bytes, size as u64);
        assert_eq!(replay(&journal, 0).unwrap().0, frames);
        assert_eq!(recovery.skipped, []);
    }
}

/// A change of one file.
#[derive(Debug, Clone)]
enum Edit {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
    Swap(usize, usize),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        let clip = |at: &usize, size: &usize| (*at.min(&len), (at + size).min(len));
        match self {
            Self::Set(at, value) => bytes.iter_mut().skip(*at).take(1).for_each(|b| *b = *value),
            Self::Insert(at, new) => drop(bytes.splice(at.min(&len)..at.min(&len), new.clone())),
            Self::Remove(at, size) => {
                let (from, to) = clip(at, size);
                bytes.drain(from..to);
            }
            Self::Repeat(at, size) => {
                let (from, to) = clip(at, size);
                bytes.extend_from_within(from..to);
            }
            // Whole frames change places.
            Self::Swap(one, other) => {
                for offset in 0..121 {
                    let (a, b) = (48 + one * 121 + offset, 48 + other * 121 + offset);
                    if a.max(b) < len {
                        bytes.swap(a, b);
                    }
                }
            }
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = 0..420_usize;
    let size = prop_oneof![0..420_usize, Just(121)];
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, value)| Edit::Set(at, value)),
        (place.clone(), bytes).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (place.clone(), size.clone()).prop_map(|(at, size)| Edit::Remove(at, size)),
        (place, size).prop_map(|(at, size)| Edit::Repeat(at, size)),
        (0..3_usize, 0..3_usize).prop_map(|(one, other)| Edit::Swap(one, other)),
    ]
}

/// The journal after edits of its files, and what it held.
fn edited(edits: &[(usize, Edit)]) -> (SimFiles, Vec<Owned>) {
    let (files, frames) = small_journal();
    let names = names(&files);
    for (index, edit) in edits {
        let mut bytes = read(&files, &names[*index]);
        edit.apply(&mut bytes);
        atomic_write(&files, &path(&names[*index]), &bytes).unwrap();
    }
    (files, frames)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_edits_give_an_error_or_a_prefix_and_salvage_no_wrong_frame(
        edits in prop::collection::vec((0..3_usize, edit()), 1..5)
    ) {
        let (files, frames) = edited(&edits);
        match open_with(&files, 2, SALVAGE) {
            Ok((journal, _)) => {
                let (found, _) = replay(&journal, 0).unwrap();
                prop_assert!(found.iter().all(|frame| frames.contains(frame)));
                prop_assert!(found.is_sorted_by(|one, next| one.0 < next.0));
            }
            Err(error) => {
                let is_newer = matches!(error, JournalError::NewerFormat { .. });
                prop_assert!(is_newer, "{}", error);
            }
        }
        let (files, _) = edited(&edits);
        if let Ok((journal, _)) = open_with(&files, 2, TINY) {
            let (found, _) = replay(&journal, 0).unwrap();
            prop_assert!(found.len() >= 6 && frames.starts_with(&found));
        }
    }
}

/// What a journal with a mark beside it says to be lost behind a position, after it was opened with salvage: of each file
/// that is damaged, and when it is replayed.
fn counted(files: &SimFiles, position: u64) -> (Vec<Option<u64>>, u64, Recovery) {
    let (journal, recovery) = open_marked(files);
    let lost = recovery.skipped.iter().map(|skipped| skipped.frames_behind(position)).collect();
    let (_, replayed) = replay(&journal, position).unwrap();
    (lost, replayed.missing, recovery)
}

fn open_marked(files: &SimFiles) -> (Journal, Recovery) {
    let metrics = JournalMetrics::new(&common::registry(), "logs");
    let beside = Beside { mark: PathBuf::from("/data/logs.mark"), journal: None };
    let (files, random) = (Arc::new(files.clone()), Arc::new(SeededRandom::new(8)));
    Journal::open_beside(files, random, Path::new(DIR), SALVAGE, metrics, Some(&beside)).unwrap()
}

/// Three segments of three frames each, with a mark that says so.
fn marked_journal() -> SimFiles {
    let files = SimFiles::new();
    let (journal, _) = open_marked(&files);
    for number in 0..9_u8 {
        journal.append(number, &[number; 100]).unwrap();
        journal.sync().unwrap();
    }
    files
}

#[test]
fn what_was_acknowledged_and_is_gone_is_damage_counted_to_the_frame() {
    let cut =
        |index: usize, len: u64| move |files: &SimFiles| files.truncate(&path(&names(files)[index]), len).unwrap();
    let remove = |wanted: &'static [usize]| {
        move |files: &SimFiles| {
            let names = names(files);
            wanted.iter().for_each(|index| files.remove_file(&path(&names[*index])).unwrap());
        }
    };
    let flip = |index: usize, at: usize| {
        move |files: &SimFiles| {
            let name = names(files)[index].clone();
            let mut bytes = read(files, &name);
            bytes[at] ^= 0x10;
            atomic_write(files, &path(&name), &bytes).unwrap();
        }
    };
    type Spoil = Box<dyn Fn(&SimFiles)>;
    // How it is spoilt, and how many of the nine frames are lost.
    let table: Vec<(&str, Spoil, u64)> = vec![
        ("nothing", Box::new(|_| {}), 0),
        ("last segment cut within its second frame", Box::new(cut(2, 48 + 121 + 60)), 2),
        ("last segment cut behind its first frame", Box::new(cut(2, 48 + 121)), 2),
        ("last segment cut to its header", Box::new(cut(2, 48)), 3),
        ("last segment cut within its header", Box::new(cut(2, 10)), 3),
        ("last segment emptied", Box::new(cut(2, 0)), 3),
        ("middle segment cut in half", Box::new(cut(1, 200)), 2),
        ("middle segment emptied", Box::new(cut(1, 0)), 3),
        ("first segment cut in half", Box::new(cut(0, 200)), 2),
        ("first segment gone", Box::new(remove(&[0])), 3),
        ("middle segment gone", Box::new(remove(&[1])), 3),
        ("last segment gone", Box::new(remove(&[2])), 3),
        ("all but the first gone", Box::new(remove(&[1, 2])), 6),
        ("all gone", Box::new(remove(&[0, 1, 2])), 9),
        ("the folder gone", Box::new(|files| files.remove_dir_all(Path::new(DIR)).unwrap()), 9),
        ("a bit of the last frame", Box::new(flip(2, 48 + 2 * 121 + 50)), 1),
        ("a bit of the last segment's header", Box::new(flip(2, 20)), 3),
        ("a bit of a frame in the middle", Box::new(flip(1, 48 + 121 + 50)), 1),
        ("a bit of a header in the middle", Box::new(flip(1, 9)), 3),
    ];
    for (name, spoil, lost) in table {
        let files = marked_journal();
        spoil(&files);
        let (told, missing, recovery) = counted(&files.clone(), 0);
        assert_eq!(missing, lost, "{name}: {recovery:?}");
        // First segments may have been trimmed: whoever needs them counts what the replay lacks.
        let told: u64 =
            told.into_iter().map(|one| one.unwrap_or_else(|| panic!("{name}: unknown: {recovery:?}"))).sum();
        assert_eq!(told, if name == "first segment gone" { 0 } else { lost }, "{name}: {recovery:?}");
        assert_eq!(recovery.torn_tail, None, "{name}");
        assert_eq!(recovery.mark_fault, None, "{name}");
        // The next start counts the same, and no position is given out again.
        let (_, missing, _) = counted(&files, 0);
        assert_eq!(missing, lost, "{name}, at the second start");
        let (journal, _) = open_marked(&files);
        assert!(journal.append(1, b"new").unwrap().0 > 9, "{name}");
        journal.sync().unwrap();
        drop(journal);
        assert_eq!(counted(&files, 9).1, 0, "{name}: what is sealed is not lost");
        // What is damaged is kept when the rest of its file is not needed any more.
        let (journal, recovery) = open_marked(&files);
        let damaged = recovery.skipped.iter().filter(|skipped| skipped.bytes > 0).count();
        journal.trim(journal.last_position()).unwrap();
        let kept = files.list(&path("set-aside")).map_or(0, |entries| entries.len());
        assert!(kept >= damaged, "{name}: {kept} of {damaged}");
    }
}

#[test]
fn a_mark_that_is_missing_damaged_or_of_another_journal_is_said_and_costs_nothing() {
    let other = marked_journal();
    let mark = Path::new("/data/logs.mark");
    let foreign = {
        let (files, random) = (SimFiles::new(), Arc::new(SeededRandom::new(77)));
        let metrics = JournalMetrics::new(&common::registry(), "logs");
        let beside = Beside { mark: mark.to_owned(), journal: None };
        Journal::open_beside(Arc::new(files.clone()), random, Path::new(DIR), SALVAGE, metrics, Some(&beside)).unwrap();
        files.open(mark).unwrap().read_at(0, 1 << 20).unwrap()
    };
    drop(other);
    type Spoil = Box<dyn Fn(&SimFiles)>;
    let spoil: [(&str, Spoil); 3] = [
        ("it is not there", Box::new(|files| files.remove_file(mark).unwrap())),
        ("it is damaged", Box::new(|files| files.truncate(mark, 3).unwrap())),
        ("it belongs to another journal", Box::new(move |files| atomic_write(files, mark, &foreign).unwrap())),
    ];
    for (fault, spoil) in spoil {
        let files = marked_journal();
        spoil(&files);
        let (journal, recovery) = open_marked(&files);
        assert_eq!((recovery.mark_fault, recovery.skipped), (Some(fault), vec![]));
        assert_eq!(replay(&journal, 0).unwrap().0.len(), 9);
        drop(journal);
        assert_eq!(open_marked(&files).1.mark_fault, None);
    }
}

#[test]
fn segments_of_another_journal_than_is_written_down_are_damage_all_of_them() {
    let files = marked_journal();
    let metrics = JournalMetrics::new(&common::registry(), "logs");
    let beside = Beside { mark: PathBuf::from("/data/other.mark"), journal: Some(4711) };
    let (shared, random) = (Arc::new(files.clone()), Arc::new(SeededRandom::new(8)));
    let opened = Journal::open_beside(shared, random, Path::new(DIR), SALVAGE, metrics, Some(&beside));
    let (journal, recovery) = opened.unwrap();
    assert_eq!(recovery.skipped.len(), 3, "{recovery:?}");
    assert_eq!(journal.identity(), 4711);
    assert!(replay(&journal, 0).unwrap().0.is_empty());
}
