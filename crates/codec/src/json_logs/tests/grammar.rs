//! The JSON grammar (RFC 8259), against cases written from its text and against serde_json.

use super::*;
use clew_model::{Attribute, Number};
use proptest::prelude::*;

#[test]
fn texts_that_the_grammar_allows_are_read() {
    for text in [
        "0",
        "-0",
        "-1",
        "1.5",
        "0.5e-3",
        "1E400",
        "123456789012345678901234567890",
        r#""""#,
        r#""\u0061\/\b\f\n\r\t""#,
        r#""\ud834\udd1e""#,
        "\"\u{7f}\u{80}\u{10ffff}\"",
        "[]",
        "[ ]",
        "[[]]",
        "[1,2]",
        "{}",
        "{ }",
        r#"{"":0}"#,
        r#"{"a":{},"a":[]}"#,
        "true",
        "false",
        "null",
        " \t\r\n1",
        r#""\u0000""#,
    ] {
        let decoded = read(format!("{{\"v\":{text}}}").as_bytes());
        assert!(decoded.is_ok(), "{text}: {decoded:?}");
    }
}

#[test]
fn texts_that_the_grammar_forbids_are_refused() {
    for text in [
        "",
        "+1",
        "01",
        "-01",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "Infinity",
        "-Infinity",
        "NaN",
        "tru",
        "True",
        "nulll",
        "'a'",
        "\"a",
        "\"\u{1}\"",
        "\"\u{0}\"",
        "\"\t\"",
        r#""\a""#,
        r#""\u12""#,
        r#""\u{61}""#,
        r#""\U0061""#,
        r#""\x00""#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "1]",
        "[",
        "]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" \"b\"}",
        "{,}",
        "{\"a\"::1}",
        "/* c */ 1",
        "1 // c",
        "\u{a0}1",
        "\u{feff}1",
        "\u{2028}1",
        "\"a\" \"b\"",
        "1,\"w\"",
        "--1",
        "1-",
        "1e1.5",
        "\u{c}1",
    ] {
        let decoded = read(format!("{{\"v\":{text}}}").as_bytes());
        assert!(decoded.is_err(), "{text}: {decoded:?}");
    }
}

fn as_serde(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        // serde_json keeps 64-bit integers and reads other numbers as doubles.
        Value::Number(Number(text)) => {
            text.parse::<u64>().map_or_else(|_| text.parse::<f64>().unwrap().into(), Into::into)
        }
        Value::String(text) => text.as_str().into(),
        Value::Bytes(_) => unreachable!("JSON has no bytes"),
        Value::Array(items) => items.iter().map(as_serde).collect(),
        Value::Map(members) => {
            serde_json::Value::Object(members.iter().map(|own| (own.key.to_string(), as_serde(&own.value))).collect())
        }
    }
}

/// Equal, but for the last bits of doubles: serde_json reads them fast rather than exactly (`float_roundtrip` is off).
fn is_alike(ours: &serde_json::Value, oracle: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, oracle) {
        (Number(ours), Number(oracle)) if ours.is_f64() && oracle.is_f64() => {
            let (ours, oracle) = (ours.as_f64().unwrap(), oracle.as_f64().unwrap());
            (ours - oracle).abs() <= oracle.abs() * 1e-15
        }
        (Array(ours), Array(oracle)) => {
            ours.len() == oracle.len() && ours.iter().zip(oracle).all(|(ours, oracle)| is_alike(ours, oracle))
        }
        (Object(ours), Object(oracle)) => {
            let pairs = ours.iter().zip(oracle);
            ours.len() == oracle.len()
                && pairs.into_iter().all(|(ours, oracle)| ours.0 == oracle.0 && is_alike(ours.1, oracle.1))
        }
        _ => ours == oracle,
    }
}

/// Any JSON value, in the text that `write_json` writes; keys are never well-known names.
fn values() -> impl Strategy<Value = Value> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        number.prop_map(|text| Value::Number(Number(text.into()))),
        any::<String>().prop_map(Value::from),
        "[a-z \"\\\\/\n\u{1}é😀]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec(("k.{0,12}", inner), 0..6).prop_map(|members| Value::Map(
                members.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn attributes_come_out_as_they_went_in(members in prop::collection::vec(("k.{0,12}", values()), 0..8)) {
        let members = members.into_iter().map(|(key, value)| Attribute::new(key, value)).collect();
        let mut text = String::new();
        write_json(&Value::Map(members), &mut text);
        let decoded = read(text.as_bytes()).unwrap();
        prop_assert_eq!(json_of(&decoded.records[0]), text);
    }

    #[test]
    fn values_agree_with_serde_json(value in values(), pretty: bool) {
        let mut text = String::new();
        write_json(&value, &mut text);
        // serde_json refuses doubles out of range where Clew keeps their text.
        let Ok(oracle) = serde_json::from_str::<serde_json::Value>(&text) else { return Ok(()) };
        let body = if pretty { format!("{{\n \"v\" : \t{text}\r\n}}") } else { format!("{{\"v\":{text}}}") };
        let decoded = read(body.as_bytes()).unwrap();
        prop_assert!(is_alike(&as_serde(&decoded.records[0].attributes[0].value), &oracle), "{}", text);
    }

    #[test]
    fn what_serde_json_refuses_is_refused(text in "[\\[\\]{}\",:0-9eE+.a \\\\ut-]{0,24}") {
        let body = format!("{{\"v\":{text}}}");
        let ours = read(body.as_bytes()).is_ok_and(|decoded| decoded.rejected == 0 && decoded.accepted == 1);
        match serde_json::from_str::<serde_json::Value>(&body) {
            Ok(_) => prop_assert!(ours, "{}", body),
            // These two are ours by choice: a lone surrogate is replaced, and a double out of range keeps its text.
            Err(error) if error.to_string().contains("surrogate") || error.to_string().contains("out of range") => {}
            Err(error) if error.to_string().contains("hex escape") => {}
            Err(error) => prop_assert!(!ours, "{}: {}", body, error),
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a\n \\\\u-]{0,80}") {
        let _ = read(&bytes);
        let _ = read(text.as_bytes());
    }
}

#[test]
fn truncation_and_damage_at_every_byte_never_panic_and_keep_the_lines_before() {
    let line =
        r#"{"timestamp":"2025-11-30T12:34:56.789Z","level":"INFO","context":{"n":[1,2.5e3,"é\u00e9"]},"ok":true}"#;
    let body = format!("{line}\n{line}\n");
    for length in line.len() + 1..body.len() {
        let decoded = read(&body.as_bytes()[..length]).unwrap();
        assert!(decoded.accepted >= 1 && decoded.accepted + decoded.rejected <= 2, "{length}");
    }
    for at in 0..body.len() {
        for byte in [0, b'"', b'\\', b'{', b'}', b'[', b'\n', 0x80, 0xff] {
            let mut damaged = body.clone().into_bytes();
            damaged[at] = byte;
            // A bracket at the very start makes a broken array of it all.
            let Ok(decoded) = read(&damaged) else {
                assert_eq!((at, byte), (0, b'['));
                continue;
            };
            assert!(decoded.accepted >= 1 || at <= line.len(), "{at} {byte}");
        }
    }
}
