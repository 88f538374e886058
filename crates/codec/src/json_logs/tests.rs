//! Bodies and what becomes of them. Framing, limits and refusals are here; the recognition of fields is in `recognition`.

mod grammar;
mod loggers;
mod recognition;

use super::*;
use clew_model::Value;
use clew_model::value::write_json;

const ARRIVAL: UnixNanos = 1_700_000_000_000_000_000;

fn read(body: &[u8]) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    decode(body, ARRIVAL, &JsonLogOptions::default())
}

fn json_of(record: &LogRecord) -> String {
    let mut out = String::new();
    write_json(&Value::Map(record.attributes.clone()), &mut out);
    out
}

/// What a body becomes: the attributes of the good records, and index and reason of each refusal.
fn check(body: &[u8], good: &[&str], bad: &[(u64, &str)]) {
    let shown = String::from_utf8_lossy(body);
    let decoded = read(body).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(decoded.records.iter().map(json_of).collect::<Vec<_>>(), good, "{shown}");
    assert_eq!(decoded.accepted, good.len() as u64);
    assert_eq!(decoded.rejected, bad.len() as u64, "{shown}: {:?}", decoded.rejects);
    for (reject, (index, reason)) in decoded.rejects.iter().zip(bad) {
        assert_eq!(reject.index, *index, "{shown}: {:?}", decoded.rejects);
        assert!(reject.reason.contains(reason), "{shown}: {}", reject.reason);
    }
}

#[test]
fn one_object_an_array_and_lines_are_read() {
    let two = &[r#"{"a":1}"#, r#"{"b":2}"#];
    check(br#"{"a":1}"#, &two[..1], &[]);
    check(b"\xef\xbb\xbf{\"a\":1}\n", &two[..1], &[]);
    check(b"{\n  \"a\": 1\n}\n", &two[..1], &[]);
    check(br#"[{"a":1},{"b":2}]"#, two, &[]);
    check(b" [\n {\"a\" : 1} ,\r\n {\"b\":2}\n]\n", two, &[]);
    check(b"{\"a\":1}\n{\"b\":2}\n", two, &[]);
    check(b"{\"a\":1}\r\n\r\n{\"b\":2}", two, &[]);
    check(br#"{"a":1}{"b":2}"#, two, &[]);
    check(b"[{\"a\":1}]\n[{\"b\":2}]\n", two, &[]);
    check(b"{\n\"a\":1\n}\n{\n\"b\":2\n}", two, &[]);
    check(b"[]", &[], &[]);
    check(b"{}", &["{}"], &[]);
}

#[test]
fn a_bad_line_is_refused_by_itself() {
    let two = &[r#"{"a":1}"#, r#"{"b":2}"#];
    for (bad, reason) in [
        (&br#"{"x":}"#[..], "line 2 column 6 (byte 13): expected a JSON value, found '}'"),
        (br#"{"x":1"#, "expected ',' or '}' after a member, found '{'"),
        (br#"{"x":1,"#, "expected a key in quotes, found '{'"),
        (br#"{"x" 1}"#, "':' after the key, found '1'"),
        (br#"{"x":"y}"#, "the end of the string"),
        (br#"{x:1}"#, "a key in quotes or '}', found 'x'"),
        (br#"{"x":'y'}"#, "a JSON value, found '''"),
        (br#"{"x":NaN}"#, "a JSON value, found 'N'"),
        (br#"{"x":nul}"#, "true, false or null, found '}'"),
        (br#"{"x":01}"#, "',' or '}' after a member, found '1'"),
        (br#"{"x":"\q"}"#, "one of the escapes"),
        (b"{\"x\":\"a\tb\"}", "control characters"),
        (b"{\"x\":\"a\xffb\"}", "line 2 column 8 (byte 15): the text is not valid UTF-8"),
        (b"{\"\xffx\":[{\"deep\":\"}\"}]}", "not valid UTF-8"),
        (b"INFO plain text", "a JSON object, found 'I'"),
        (br#""text""#, "a log record is a JSON object, found a string"),
        (b"12", "a log record is a JSON object, found a number"),
        (b"null", "a log record is a JSON object, found a word"),
    ] {
        let mut body = b"{\"a\":1}\n".to_vec();
        body.extend_from_slice(bad);
        body.extend_from_slice(b"\n{\"b\":2}\n");
        check(&body, two, &[(1, reason)]);
    }
    check(b"{\"a\":1} trailing\n{\"b\":2}", two, &[(1, "found 't'")]);
    // A broken pretty-printed object is one refusal.
    check(b"{\n  \"x\": 1\n  \"y\": {\n  }\n}\n{\"a\":1}\n{\"b\":2}\n", two, &[(0, "line 3 column 3")]);
    // The text after the first line of a broken object holds good records.
    check(b"{\"x\":[1,\n{\"a\":1}\n{\"b\":2}", two, &[(0, "line 3 column 1")]);
}

#[test]
fn a_bad_element_is_refused_by_itself_and_a_syntax_error_ends_an_array() {
    let two = &[r#"{"a":1}"#, r#"{"b":2}"#];
    for (bad, reason) in [
        (&b"17"[..], "found a number"),
        (b"null", "found null"),
        (b"true", "found true or false"),
        (b"\"x\"", "found a string"),
        (b"[{\"y\":1}]", "found an array"),
        (b"{\"x\":\"\xff]\",\"y\":[1]}", "not valid UTF-8"),
    ] {
        let body = [b"[{\"a\":1},", bad, b",{\"b\":2}]"].concat();
        check(&body, two, &[(1, reason)]);
    }
    check(br#"[{"a":1},{"x":},{"b":2}]"#, &two[..1], &[(1, "column 15 (byte 14): expected a JSON value, found '}'")]);
    check(br#"[{"a":1} {"b":2}]"#, &two[..1], &[(1, "expected ',' or ']', found '{'")]);
    check(br#"[{"a":1},]"#, &two[..1], &[(1, "expected a JSON value, found ']'")]);
    check(br#"[{"a":1},{"b":2}"#, two, &[(2, "expected ',' or ']', found the end")]);
}

#[test]
fn a_body_of_which_nothing_could_be_read_is_an_error() {
    for (body, message) in [
        (&b""[..], "malformed JSON logs at byte 0: the body is empty"),
        (b"\xef\xbb\xbf \n", "the body is empty"),
        (b"hello", "malformed JSON logs at line 1 column 1 in record 0: expected a JSON object, found 'h'"),
        (b"[1,2]", "found a number"),
        (b"{\"a\":1", "expected ',' or '}' after a member, found the end"),
        (b"\x1f\x8b\x08\x00", "found byte 0x1f"),
        (b"{", "a key in quotes or '}', found the end"),
    ] {
        let error = read(body).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.kind(), clew_model::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_ten_megabyte_line_is_kept_and_a_twenty_megabyte_line_refused() {
    let line = |megabytes: usize| format!("{{\"message\":\"{}\"}}", "x".repeat(megabytes * 1024 * 1024));
    let both = format!("{}\n{}\n{{\"a\":1}}\n", line(20), line(10));
    let decoded = read(both.as_bytes()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (2, 1));
    assert!(decoded.rejects[0].reason.contains("longer than the limit of 16777216 bytes"), "{:?}", decoded.rejects);
    assert!(matches!(&decoded.records[0].body, Value::String(text) if text.len() == 10 * 1024 * 1024));
    let in_array = format!("[{},{{\"a\":1}}]", line(20));
    assert_eq!(read(in_array.as_bytes()).unwrap().rejected, 1);
    let alone = read(line(20).as_bytes()).unwrap_err();
    assert_eq!(alone.kind(), clew_model::ErrorKind::TooLarge);
    assert!(alone.to_string().contains("exceeds the limit of 16777216"), "{alone}");
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{{\"v\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let bodies = [nested(64), nested(65), nested(100_000), r#"{"a":1}"#.to_owned()];
    for joined in [bodies.join("\n"), format!("[{}]", bodies.join(","))] {
        let decoded = read(joined.as_bytes()).unwrap();
        assert_eq!(decoded.accepted, 2);
        assert_eq!(decoded.rejects.iter().map(|reject| reject.index).collect::<Vec<_>>(), [1, 2]);
        assert!(decoded.rejects[0].reason.contains("deeper than the limit of 64"), "{:?}", decoded.rejects);
    }
}

#[test]
fn too_many_values_refuse_the_body() {
    let mut body = b"{\"a\":1}\n{\"v\":[".to_vec();
    body.extend(b"0,".repeat(1_000_000));
    body.extend(b"0]}");
    let error = decode(&body, ARRIVAL, &JsonLogOptions { max_record_bytes: usize::MAX, memory: 32 << 20 }).unwrap_err();
    assert_eq!(error.kind(), clew_model::ErrorKind::TooLarge);
    assert!(error.to_string().contains("more than 33554432 bytes of memory"), "{error}");
    assert!(decode(&body, ARRIVAL, &JsonLogOptions { max_record_bytes: usize::MAX, memory: 128 << 20 }).is_ok());
}

#[test]
fn bodies_made_to_be_read_again_and_again_cost_linear_time() {
    let started = std::time::Instant::now();
    for line in ["{\"a\":\n", "{\"a\":[\n", "{\"a\":[{},\n", "[\n", "{\"a\":\"\n", "{\"\u{e9}\":[[[[\n"] {
        let _ = read(line.repeat(300_000).as_bytes());
        let mut broken = line.repeat(300_000).into_bytes();
        broken.push(0xff);
        let _ = read(&broken);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_hundred_thousand_distinct_keys_are_kept_in_order() {
    let members: Vec<String> = (0..100_000).map(|number| format!("\"key{number}\":{number}")).collect();
    let body = format!("{{{}}}", members.join(","));
    check(body.as_bytes(), &[&body], &[]);
}
