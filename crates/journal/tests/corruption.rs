//! Damaged files: never a wrong payload, never a panic, and never silence about what was durable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use clew_host::{Files, SimFiles, atomic_write};
use clew_journal::{JournalError, Options};
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
                // A changed version number is told from damage.
                let is_version = (8..12).contains(&position);
                let is_last_frame = index == 2 && position >= 48 + 2 * 121;
                if is_last_frame {
                    let (journal, recovery) = open_with(&files, 2, TINY).unwrap();
                    assert_eq!(recovery.torn_tail.unwrap().offset, 48 + 2 * 121);
                    assert_eq!(replay(&journal, 0).unwrap().0, frames[..8]);
                } else if is_version {
                    let result = open_with(&files, 2, SALVAGE);
                    assert!(matches!(result, Err(JournalError::NewerFormat { .. })));
                } else {
                    let (offset, _) = expect_corrupt(&files, index);
                    let intact = (position.max(48) - 48) / 121;
                    let begins = if position < 48 { 0 } else { 48 + intact * 121 };
                    assert_eq!(offset, begins as u64);
                    let mut expected = frames;
                    expected.drain(index * 3 + intact..index * 3 + 3);
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
