//! Answers with readers of all kinds.

use super::unsent::Next;
use super::*;
use axum::http::HeaderName;
use clew_model::MemoryShare;
use std::task::{Poll, Waker};
use std::time::Duration;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

#[test]
fn gzip_is_taken_where_the_client_says_so() {
    for (value, taken) in [
        ("gzip", true),
        ("deflate, gzip;q=0.5, br", true),
        ("x-gzip", true),
        ("*", true),
        ("GZIP; q=1.0", true),
        ("gzip;q=0, *", false),
        ("*;q=0", false),
        ("identity", false),
        ("br", false),
        ("", false),
    ] {
        assert_eq!(takes_gzip(&headers(&[("accept-encoding", value)])), taken, "{value}");
    }
    assert!(!takes_gzip(&headers(&[])));
}

fn push(unsent: &Arc<Unsent>, bytes: usize) -> bool {
    match unsent.room(bytes as u64, false).unwrap() {
        Some(memory) => {
            unsent.push(vec![b'x'; bytes], memory, false);
            true
        }
        None => false,
    }
}

#[test]
fn an_answer_is_ahead_of_its_reader_by_no_more_than_it_may_and_gives_back_what_was_sent() {
    let share = MemoryShare::new(8 << 20);
    let answers = Answers::new(share.clone());
    let unsent = Unsent::new(&answers, None);
    let pushed = (0..100).take_while(|_| push(&unsent, 64 << 10)).count();
    // A sixteenth of the share.
    assert_eq!((pushed, share.used()), (8, 512 << 10));
    let Poll::Ready(Next::Chunk(chunk)) = unsent.poll_next(Waker::noop()) else { panic!("no piece") };
    // The memory is held until whoever sends the bytes lets them go.
    assert_eq!((chunk.len(), share.used()), (64 << 10, 512 << 10));
    drop(chunk);
    assert_eq!(share.used(), 448 << 10);
    assert!(push(&unsent, 64 << 10));
    unsent.close();
    assert_eq!(share.used(), 0);
}

#[test]
fn long_answers_leave_room_for_short_ones() {
    let share = MemoryShare::new(8 << 20);
    let answers = Answers::new(share.clone());
    let all: Vec<_> = (0..20).map(|_| Unsent::new(&answers, None)).collect();
    let pushed: usize = all.iter().map(|one| (0..100).take_while(|_| push(one, 64 << 10)).count()).sum();
    assert_eq!(pushed as u64 * (64 << 10), (8 << 20) / 8 * 7);
    let short = Unsent::new(&answers, None);
    assert!(short.room(64 << 10, false).unwrap().is_none() && short.room(64 << 10, true).unwrap().is_some());
}

#[test]
fn one_that_finds_no_room_gets_that_of_the_reader_who_reads_nothing() {
    let answers = Answers::new(MemoryShare::new(4 << 20));
    let all: Vec<_> = (0..16).map(|_| Unsent::new(&answers, None)).collect();
    for one in &all {
        while push(one, 64 << 10) {}
    }
    let reads = |one: &Unsent| matches!(one.poll_next(Waker::noop()), Poll::Ready(Next::Chunk(_)));
    std::thread::sleep(crate::limits::ANSWER_YIELD + Duration::from_millis(50));
    // All but the first read, and find room for a piece more.
    assert!(all[1..].iter().filter(|one| reads(one) && push(one, 64 << 10)).count() > 10);
    let context = clew_model::Context::new(Duration::from_secs(60), 0);
    let late = Unsent::new(&answers, None);
    assert!(late.wait_for_room(64 << 10, false, &context).is_ok());
    let Poll::Ready(Next::Broken(error)) = all[0].poll_next(Waker::noop()) else { panic!("it was not given up") };
    assert!(error.message.contains("(limits.memory)"), "{}", error.message);
    assert!(all[0].room(1, false).is_err());
    assert!(all[1..].iter().filter(|one| reads(one)).count() > 10, "the others go on");
}

#[test]
fn an_answer_begins_with_its_first_piece_and_a_short_one_with_its_length() {
    let answers = Answers::new(MemoryShare::new(4 << 20));
    let long = Unsent::new(&answers, None);
    assert!(long.poll_begin(Waker::noop()).is_pending());
    assert!(push(&long, 1000));
    assert_eq!(long.poll_begin(Waker::noop()), Poll::Ready(Ok((false, None))));
    let short = Unsent::new(&answers, None);
    assert!(push(&short, 1000));
    short.compressed();
    short.end(Ok(()));
    assert_eq!(short.poll_begin(Waker::noop()), Poll::Ready(Ok((true, Some(1000)))));
    // An error that comes before anything was sent is the answer.
    let failed = Unsent::new(&answers, None);
    assert!(push(&failed, 1000));
    failed.end(Err(ApiError::bad_request("no")));
    assert_eq!(failed.poll_begin(Waker::noop()), Poll::Ready(Err(ApiError::bad_request("no"))));
}
