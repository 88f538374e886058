//! The journal's calls, one by one.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;

use clew_host::{DiskFiles, Fault, Files, Operation, SeededRandom, SimFiles};
use clew_journal::limits::MAX_PAYLOAD_BYTES;
use clew_journal::{AppendSlot, Journal, JournalError, JournalMetrics, JournalPosition, Options};
use clew_telemetry::table;
use common::{DIR, SMALL, names, open_with, registry, replay};

#[test]
fn frames_come_back_in_order_with_kind_and_bytes() {
    let files = SimFiles::new();
    let (journal, recovery) = open_with(&files, 1, SMALL).unwrap();
    assert_eq!((recovery.frames, recovery.last.0), (0, 0));
    assert_eq!(journal.last_position(), JournalPosition::START);
    assert_eq!(journal.append(3, b"one").unwrap().0, 1);
    assert_eq!(journal.append(0, b"").unwrap().0, 2);
    assert_eq!(journal.sync().unwrap().0, 2);
    assert_eq!(journal.append(9, b"three").unwrap().0, 3);
    let expected = vec![(1, 3, b"one".to_vec()), (2, 0, Vec::new()), (3, 9, b"three".to_vec())];
    let (frames, replayed) = replay(&journal, 0).unwrap();
    assert_eq!((&frames, replayed.frames, replayed.missing), (&expected, 3, 0));
    drop(journal);
    let (journal, recovery) = open_with(&files, 2, SMALL).unwrap();
    assert_eq!((recovery.frames, recovery.last.0), (3, 3));
    assert_eq!(recovery.torn_tail, None);
    assert_eq!(replay(&journal, 0).unwrap().0, expected);
    assert_eq!(journal.append(1, b"four").unwrap().0, 4);
}

#[test]
fn the_same_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("deep/journal");
    let open = |seed| {
        let (files, random) = (Arc::new(DiskFiles), Arc::new(SeededRandom::new(seed)));
        let metrics = JournalMetrics::new(&registry(), "logs");
        Journal::open(files, random, &dir, SMALL, metrics).unwrap().0
    };
    let journal = open(1);
    for number in 0..100_u8 {
        journal.append(number, &[number; 100]).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let journal = open(2);
    let (frames, _) = replay(&journal, 0).unwrap();
    let expected: Vec<_> = (0..100_u8).map(|n| (u64::from(n) + 1, n, vec![n; 100])).collect();
    assert_eq!(frames, expected);
    assert_eq!(journal.trim(JournalPosition(100)).unwrap(), 4);
    assert_eq!(journal.stats().segments, 1);
}

#[test]
fn segments_close_at_their_size_and_replay_begins_at_a_segment() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    let mut slots = Vec::new();
    for _ in 0..9 {
        let remember = |slot: AppendSlot, bytes: &mut Vec<u8>| {
            slots.push((slot.position.0, slot.segment.0, slot.first_in_segment));
            bytes.resize(1_500, 7);
            Ok(())
        };
        journal.append_with(0, remember).unwrap();
    }
    // 48 + 3 × 1521 is the first sum over 4,000.
    let expected = (1..=9).map(|p| (p, (p - 1) / 3 * 3 + 1, p % 3 == 1));
    assert_eq!(slots, expected.collect::<Vec<_>>());
    let positions = |from| {
        let (frames, replayed) = replay(&journal, from).unwrap();
        assert_eq!(replayed.missing, 0);
        frames.iter().map(|frame| frame.0).collect::<Vec<_>>()
    };
    assert_eq!(positions(0), (1..=9).collect::<Vec<_>>());
    assert_eq!(positions(4), (4..=9).collect::<Vec<_>>());
    assert_eq!(positions(6), (7..=9).collect::<Vec<_>>());
    assert_eq!(positions(9), Vec::<u64>::new());
    assert_eq!(positions(70), Vec::<u64>::new());
    let mut decoder_resets = Vec::new();
    let note = |frame: clew_journal::Frame| {
        decoder_resets.push((frame.position.0, frame.segment.0, frame.first_in_segment));
        Ok::<_, JournalError>(())
    };
    journal.replay(JournalPosition::START, note).unwrap();
    assert_eq!(decoder_resets, slots);
}

#[test]
fn trim_removes_whole_segments_that_are_done_and_positions_go_on() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    for _ in 0..9 {
        journal.append(0, &[7; 1_500]).unwrap();
    }
    let trim = |upto| journal.trim(JournalPosition(upto)).unwrap();
    assert_eq!(trim(2), 0);
    assert_eq!(trim(5), 1);
    assert_eq!(journal.stats().first.0, 4);
    let (frames, replayed) = replay(&journal, 1).unwrap();
    assert_eq!((frames[0].0, replayed.missing), (4, 2));
    assert_eq!(trim(9), 1);
    journal.rotate().unwrap();
    journal.rotate().unwrap();
    assert_eq!(trim(9), 1);
    assert_eq!(names(&files), ["00000000000000000010.journal"]);
    let stats = journal.stats();
    assert_eq!((stats.segments, stats.bytes, stats.first.0, stats.last.0), (1, 48, 10, 9));
    drop(journal);
    for seed in 2..5 {
        let (journal, recovery) = open_with(&files, seed, SMALL).unwrap();
        assert_eq!((journal.last_position().0, recovery.torn_tail), (9, None));
    }
    let (journal, _) = open_with(&files, 5, SMALL).unwrap();
    assert_eq!(journal.append(0, b"x").unwrap().0, 10);
}

#[test]
fn positions_can_be_advanced_for_a_store_that_is_ahead() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    journal.append(0, b"one").unwrap();
    journal.advance_past(JournalPosition(0)).unwrap();
    journal.advance_past(JournalPosition(41)).unwrap();
    journal.advance_past(JournalPosition(50)).unwrap();
    assert_eq!(journal.append(0, b"later").unwrap().0, 51);
    journal.sync().unwrap();
    drop(journal);
    let (journal, _) = open_with(&files.crash(3), 2, SMALL).unwrap();
    let (frames, replayed) = replay(&journal, 0).unwrap();
    let positions: Vec<_> = frames.iter().map(|frame| frame.0).collect();
    assert_eq!((positions, replayed.missing), (vec![1, 51], 0));
    let end = journal.advance_past(JournalPosition(u64::MAX));
    assert!(matches!(end, Err(JournalError::OutOfPositions)));
    assert_eq!(journal.append(0, b"still works").unwrap().0, 52);
}

#[test]
fn a_full_disk_refuses_frames_until_there_is_room() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    journal.append(1, &[1; 500]).unwrap();
    files.set_capacity(Some(48 + 521 + 100));
    for _ in 0..3 {
        let error = journal.append(2, &[2; 400]).unwrap_err();
        assert!(error.is_storage_full(), "{error:?}");
    }
    files.set_capacity(None);
    assert_eq!(journal.append(3, &[3; 300]).unwrap().0, 2);
    journal.sync().unwrap();
    let files = files.crash(1);
    let (journal, recovery) = open_with(&files, 2, SMALL).unwrap();
    assert_eq!(recovery.torn_tail, None);
    let expected = vec![(1, 1, vec![1; 500]), (2, 3, vec![3; 300])];
    assert_eq!(replay(&journal, 0).unwrap().0, expected);
}

#[test]
fn after_a_refused_frame_a_stateful_encoder_begins_anew() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    let mut begins = Vec::new();
    let mut append = |fault| {
        if fault {
            files.fail_next(Operation::Write, Fault::OutOfSpace);
        }
        let encode = |slot: AppendSlot, bytes: &mut Vec<u8>| {
            begins.push((slot.position.0, slot.first_in_segment));
            bytes.extend(b"delta");
            Ok(())
        };
        journal.append_with(0, encode).is_ok()
    };
    // The second write to fail is that of the frame; were it the header's, the frame would not be tried.
    assert!(append(false) && append(false));
    assert!(!append(true));
    assert!(append(false));
    assert_eq!(begins, [(1, true), (2, false), (3, false), (3, true)]);
    let refused = journal.append_with(0, |_, _| Err("no".into()));
    assert!(matches!(refused, Err(JournalError::Encode(_))));
    journal.append(0, b"fine").unwrap();
    assert_eq!(replay(&journal, 0).unwrap().0.len(), 4);
}

#[test]
fn the_journal_opens_on_a_disk_without_room_for_a_copy() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    journal.append(1, &[1; 3_000]).unwrap();
    files.set_capacity(Some(48 + 3_021 + 100));
    drop(journal);
    let (journal, _) = open_with(&files, 2, SMALL).unwrap();
    assert_eq!(replay(&journal, 0).unwrap().0, vec![(1, 1, vec![1; 3_000])]);
    assert_eq!(names(&files).len(), 2);
}

#[test]
fn on_a_full_disk_the_journal_opens_gives_what_it_holds_and_goes_on_with_room() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    for number in 1..=3 {
        journal.append(number, &[number; 500]).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    files.set_capacity(Some(0));
    for seed in 2..4 {
        let (journal, _) = open_with(&files, seed, SMALL).unwrap();
        assert_eq!(replay(&journal, 0).unwrap().0.len(), 3);
        for _ in 0..2 {
            assert!(journal.append(9, b"no").unwrap_err().is_storage_full());
        }
        assert_eq!(journal.sync().unwrap().0, 3);
    }
    let (journal, _) = open_with(&files, 4, SMALL).unwrap();
    journal.advance_past(JournalPosition(7)).unwrap();
    assert!(journal.append(9, b"no").unwrap_err().is_storage_full());
    files.set_capacity(None);
    assert_eq!(journal.append(4, b"again").unwrap().0, 8);
    journal.sync().unwrap();
    drop(journal);
    let (journal, _) = open_with(&files.crash(1), 5, SMALL).unwrap();
    let (frames, replayed) = replay(&journal, 0).unwrap();
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [1, 2, 3, 8]);
    assert_eq!(replayed.missing, 0);
}

/// A journal with one acknowledged frame and one whose sync failed.
fn with_failed_sync(files: &SimFiles) -> (Journal, JournalError) {
    let (journal, _) = open_with(files, 1, SMALL).unwrap();
    journal.append(0, b"acknowledged").unwrap();
    journal.sync().unwrap();
    journal.append(0, b"in doubt").unwrap();
    files.fail_next(Operation::Sync, Fault::Device);
    let error = journal.sync().unwrap_err();
    (journal, error)
}

#[test]
fn a_failed_sync_stops_the_journal_and_says_why() {
    let (journal, first) = with_failed_sync(&SimFiles::new());
    let refusals = [
        first,
        journal.sync().unwrap_err(),
        journal.append(0, b"refused").unwrap_err(),
        journal.rotate().unwrap_err(),
        journal.advance_past(JournalPosition(9)).unwrap_err(),
    ];
    for error in refusals {
        let message = error.to_string();
        assert!(matches!(error, JournalError::Poisoned { .. }), "{message}");
        assert!(message.contains("cannot sync") && message.contains("input/output error"));
    }
    assert_eq!(journal.stats().synced.0, 1);
}

/// The kernel goes on showing a frame whose sync failed, and takes it for written: a start must not build on that.
#[test]
fn a_start_after_a_failed_sync_makes_durable_what_it_reads() {
    for has_room in [true, false] {
        for seed in 0..20 {
            let files = SimFiles::new();
            drop(with_failed_sync(&files));
            files.set_capacity((!has_room).then_some(200));
            let (journal, _) = open_with(&files, 2, SMALL).unwrap();
            files.set_capacity(None);
            journal.append(0, b"after").unwrap();
            journal.sync().unwrap();
            let (journal, _) = open_with(&files.crash(seed), 3, SMALL).unwrap();
            let (frames, _) = replay(&journal, 0).unwrap();
            let payloads: Vec<_> = frames.iter().map(|frame| frame.2.as_slice()).collect();
            assert_eq!(payloads, [&b"acknowledged"[..], b"in doubt", b"after"]);
        }
    }
}

#[test]
fn a_payload_over_the_limit_is_refused_and_the_next_is_taken() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, Options::default()).unwrap();
    let refused = journal.append(0, &vec![0; MAX_PAYLOAD_BYTES + 1]);
    assert!(matches!(refused, Err(JournalError::FrameTooLarge { .. })));
    assert_eq!(journal.append(0, b"small").unwrap().0, 1);
}

#[test]
fn appends_from_many_threads_get_one_position_each_and_survive() {
    let files = SimFiles::new();
    let (journal, _) = open_with(&files, 1, SMALL).unwrap();
    let append = |thread: u8| {
        let mut positions = Vec::new();
        for _ in 0..100 {
            positions.push((journal.append(thread, &[thread; 90]).unwrap().0, thread));
            assert!(journal.sync().unwrap().0 >= positions.last().unwrap().0);
        }
        positions
    };
    let mut given: Vec<(u64, u8)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || append(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    given.sort_unstable();
    let (journal, _) = open_with(&files.crash(1), 2, SMALL).unwrap();
    let (frames, _) = replay(&journal, 0).unwrap();
    let found: Vec<_> = frames.iter().map(|frame| (frame.0, frame.1)).collect();
    assert_eq!(found, given);
    assert!(found.iter().map(|frame| frame.0).eq(1..=400));
}

#[test]
fn the_journal_counts_what_it_does() {
    let registry = registry();
    let files = SimFiles::new();
    let open = || {
        let random = Arc::new(SeededRandom::new(1));
        let metrics = JournalMetrics::new(&registry, "traces");
        let files = Arc::new(files.clone());
        Journal::open(files, random, Path::new(DIR), SMALL, metrics).unwrap()
    };
    let (journal, _) = open();
    journal.append(0, &[1; 100]).unwrap();
    journal.append(0, &[1; 200]).unwrap();
    journal.sync().unwrap();
    let label = ["traces"];
    assert_eq!(registry.counter(&table::JOURNAL_APPENDED_FRAMES, label).get(), 2);
    assert_eq!(registry.counter(&table::JOURNAL_APPENDED_BYTES, label).get(), 342);
    assert_eq!(registry.gauge(&table::JOURNAL_BYTES, label).get(), 390.0);
    assert_eq!(registry.histogram(&table::JOURNAL_FSYNC_DURATION, label).count(), 1);
    drop(journal);
    let segment = Path::new(DIR).join("00000000000000000001.journal");
    files.open_append(&segment).unwrap().write_all(b"torn").unwrap();
    let (journal, recovery) = open();
    let torn = recovery.torn_tail.unwrap();
    assert_eq!((torn.file, torn.offset, torn.bytes), (segment, 390, 4));
    assert_eq!(registry.counter(&table::JOURNAL_TORN_TAILS, label).get(), 1);
    assert_eq!(registry.gauge(&table::JOURNAL_SEGMENTS, label).get(), 2.0);
    replay(&journal, 0).unwrap();
    assert_eq!(registry.counter(&table::JOURNAL_REPLAYED_FRAMES, label).get(), 2);
}
