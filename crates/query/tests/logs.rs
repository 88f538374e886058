//! Log queries: what text is planned into, what is refused where, and which records a plan finds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use clew_model::ErrorKind;
use clew_model::logs::{Comparison, FieldTest, LogFilter, LogRecord, Pattern, Severity, TextTest};
use clew_model::value::{Attribute, Value};
use clew_query::logs::parse;
use proptest::prelude::*;
use regex::Regex;

fn any(text: &str) -> LogFilter {
    LogFilter::AnyText(TextTest::words(text))
}

fn field(name: &str, test: FieldTest) -> LogFilter {
    LogFilter::Field { name: name.to_owned(), test }
}

fn is(name: &str, value: &str) -> LogFilter {
    field(name, FieldTest::Is(value.to_owned()))
}

fn equals(name: &str, value: &str) -> LogFilter {
    field(name, FieldTest::Equals(value.to_owned()))
}

fn compare(name: &str, comparison: Comparison, number: f64) -> LogFilter {
    field(name, FieldTest::Compare(comparison, number))
}

fn between(name: &str, low: &str, high: &str) -> LogFilter {
    field(name, FieldTest::Between(low.to_owned(), high.to_owned()))
}

fn regex(source: &str) -> Pattern {
    Pattern(Regex::new(source).unwrap())
}

fn and<const N: usize>(all: [LogFilter; N]) -> LogFilter {
    LogFilter::And(all.into())
}

fn or<const N: usize>(any: [LogFilter; N]) -> LogFilter {
    LogFilter::Or(any.into())
}

fn not(filter: LogFilter) -> LogFilter {
    LogFilter::Not(Box::new(filter))
}

#[test]
fn the_search_bar_is_planned() {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    for (text, expected) in [
        ("", LogFilter::All),
        ("  \t ", LogFilter::All),
        ("*", LogFilter::All),
        ("timeout", any("timeout")),
        ("\"connection reset\"", any("connection reset")),
        ("req-ab12", any("req-ab12")),
        ("redis timeout", and([any("redis"), any("timeout")])),
        ("redis AND timeout", and([any("redis"), any("timeout")])),
        ("a OR b c", or([any("a"), and([any("b"), any("c")])])),
        ("(a OR b) c", and([or([any("a"), any("b")]), any("c")])),
        ("NOT a b", and([not(any("a")), any("b")])),
        ("-a -level:info", and([not(any("a")), not(is("level", "info"))])),
        ("a - b", and([any("a"), any("-"), any("b")])),
        ("a -> b", and([any("a"), any("->"), any("b")])),
        ("or and not ORDER", and([any("or"), any("and"), any("not"), any("ORDER")])),
        ("level:error", is("level", "error")),
        ("context.task_id:abc", is("context.task_id", "abc")),
        ("@timestamp:x", is("@timestamp", "x")),
        ("task_id:task:001", is("task_id", "task:001")),
        ("task:001", or([is("task", "001"), any("task:001")])),
        ("-task:001", not(or([is("task", "001"), any("task:001")]))),
        ("std::io http://a.b:80/x 12:30", and([any("std::io"), any("http://a.b:80/x"), any("12:30")])),
        ("msg:\"lost the bus\"", is("msg", "lost the bus")),
        ("msg:\"say \\\"hi\\\" \\n\"", is("msg", "say \"hi\" \\n")),
        ("path:C\\:\\\\temp", is("path", "C:\\temp")),
        ("f:a\\ b\\*", is("f", "a b*")),
        ("f:=a:b", equals("f", "a:b")),
        ("f:=\"a b\"", equals("f", "a b")),
        ("f:*", field("f", FieldTest::Exists)),
        ("call:foo(bar) x", and([is("call", "foo(bar)"), any("x")])),
        ("n:>10", compare("n", Greater, 10.0)),
        ("n:>=-1.5", compare("n", GreaterOrEqual, -1.5)),
        ("n:<1e3", compare("n", Less, 1000.0)),
        ("n:<=0", compare("n", LessOrEqual, 0.0)),
        ("v:>=b", between("v", "b", "*")),
        ("v:>b", and([between("v", "b", "*"), not(equals("v", "b"))])),
        ("level:>=warn", LogFilter::SeverityBetween(13, 24)),
        ("level:>warn", LogFilter::SeverityBetween(17, 24)),
        ("severity:<=WARN", LogFilter::SeverityBetween(1, 16)),
        ("severity:<error", LogFilter::SeverityBetween(1, 16)),
        ("n:[1 TO 5]", between("n", "1", "5")),
        ("n:[* TO 5]", between("n", "*", "5")),
        ("n:{1 TO 5}", and([compare("n", Greater, 1.0), compare("n", Less, 5.0)])),
        ("n:[1 TO 5}", and([compare("n", GreaterOrEqual, 1.0), compare("n", Less, 5.0)])),
        ("n:{1 TO *]", compare("n", Greater, 1.0)),
        ("v:{a TO c]", and([between("v", "a", "c"), not(equals("v", "a"))])),
        (
            "f:(a OR \"b c\" -d*)",
            or([is("f", "a"), and([is("f", "b c"), not(field("f", FieldTest::Matches(regex("(?is)d.*"))))])]),
        ),
        ("f:(>1 <5)", and([compare("f", Greater, 1.0), compare("f", Less, 5.0)])),
        ("time*", LogFilter::AnyText(TextTest::Regex(regex(r"(?i)\btime\w*\b")))),
        ("svc:redis-?us", field("svc", FieldTest::Matches(regex("(?is)redis\\-.us")))),
        (
            "span_id:16453819474850114513",
            or([is("span_id", "16453819474850114513"), is("span_id", "e457b5a2e4d86bd1")]),
        ),
        ("\"a name\":x", is("a name", "x")),
        (
            "\"kubernetes.labels.app.kubernetes.io/instance\":=\"a b\"",
            equals("kubernetes.labels.app.kubernetes.io/instance", "a b"),
        ),
        ("\"a:b \\\"c\\\"\":>5", compare("a:b \"c\"", Greater, 5.0)),
        ("a\\ b\\:c:x", is("a b:c", "x")),
        ("-\"-a\":x", not(is("-a", "x"))),
        ("f:=\"\"", equals("f", "")),
        ("\"a phrase\": x", and([any("a phrase"), any(":"), any("x")])),
        ("app.kubernetes.io/name:web", or([is("app.kubernetes.io/name", "web"), any("app.kubernetes.io/name:web")])),
        ("error: no such file", and([any("error:"), any("no"), any("such"), any("file")])),
        ("C:\\Users\\app.log", or([any("C:Usersapp.log"), any("C:\\Users\\app.log")])),
        ("GET /users/28474/notes?_=238427835", and([any("GET"), any("/users/28474/notes?_=238427835")])),
        (
            "/api/*/users",
            or([any("/api/*/users"), LogFilter::AnyText(TextTest::Regex(regex(r"(?i)/api/\w*/users\b")))]),
        ),
        ("it failed (code=5", and([any("it"), any("failed"), any("(code=5")])),
        ("all is well :)", and([any("all"), any("is"), any("well"), or([any(":)"), any(":\\)")])])),
        ("he said \"no (", and([any("he"), any("said"), any("\"no"), any("(")])),
        ("call of main() is () done", and([any("call"), any("of"), any("main()"), any("is"), any("()"), any("done")])),
        ("call of f(a, b) failed", and([any("call"), any("of"), any("f(a,"), any("b)"), any("failed")])),
        (
            "at reflector.go:138] now",
            and([any("at"), or([is("reflector.go", "138]"), any("reflector.go:138]")]), any("now")]),
        ),
        ("{\"a\":1} is no object", any("{\"a\":1} is no object")),
        ("tags:[a,b]", is("tags", "[a,b]")),
        (
            "{\"level\":\"error\",\"n\":5,\"ctx\":{\"user\":\"m\"},\"ts\":17}",
            and([is("ctx.user", "m"), is("level", "error"), is("n", "5")]),
        ),
        ("/time(d )?out\\/x/", LogFilter::AnyText(TextTest::Regex(regex("time(d )?out/x")))),
        ("/api/v1/users", any("/api/v1/users")),
        ("f:/^a b/", field("f", FieldTest::Contains(TextTest::Regex(regex("^a b"))))),
        ("f:/var/log", is("f", "/var/log")),
    ] {
        let filter = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter, expected, "{text}");
    }
}

#[test]
fn logql_is_planned() {
    use Comparison::{Equal, Greater, Less};
    let line = |text: &str| LogFilter::AnyText(TextTest::Substring(text.to_owned()));
    let line_regex = |source: &str| LogFilter::AnyText(TextTest::Regex(regex(source)));
    let app = || equals("app", "api");
    let duration = || or([compare("duration_ms", Greater, 100.0), compare("duration.ms", Greater, 100.0)]);
    for (text, expected) in [
        ("{}", LogFilter::All),
        ("{app=\"api\"}", app()),
        (" { app = `api` , } ", app()),
        ("{service_name=\"a\"}", or([equals("service_name", "a"), equals("service.name", "a")])),
        ("{app!=\"api\", level=\"error\"}", and([not(app()), is("level", "error")])),
        ("{app=\"\"}", not(field("app", FieldTest::Exists))),
        ("{app=~\"a|b\"}", field("app", FieldTest::Matches(regex("(?s)^(?:a|b)$")))),
        (
            "{level=~\"err.*\"}",
            or([field("level", FieldTest::Matches(regex("(?is)^(?:err.*)$"))), LogFilter::SeverityBetween(17, 20)]),
        ),
        ("{app=\"api\"} |= \"x y\" != `z`", and([app(), line("x y"), not(line("z"))])),
        ("{app=\"api\"} |~ \"a+\" !~ \"b\"", and([app(), line_regex("a+"), not(line_regex("b"))])),
        ("{app=\"api\"} |= \"a\" or \"b\"", and([app(), or([line("a"), line("b")])])),
        ("{app=\"api\"} | json | duration_ms > 100", and([app(), duration()])),
        (
            "{app=\"api\"} | logfmt | (status == 500 or n < 3) and path = \"/x\"",
            and([app(), and([or([compare("status", Equal, 500.0), compare("n", Less, 3.0)]), equals("path", "/x")])]),
        ),
        ("{app=\"api\"} # all of it\n | level >= \"warn\"", and([app(), LogFilter::SeverityBetween(13, 24)])),
    ] {
        let filter = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter, expected, "{text}");
    }
}

#[test]
fn faults_are_named_with_their_place() {
    use ErrorKind::{InvalidInput, LimitExceeded, TooLarge, Unsupported};
    let deep = "(".repeat(100_000);
    let minus = "-(".repeat(10_000);
    let many = "a ".repeat(2000);
    let long = "a".repeat(1 << 20);
    for (text, kind, position, message) in [
        ("\"open", InvalidInput, Some(0), "the quoted phrase has no end"),
        ("a (b", InvalidInput, Some(2), "the bracket is never closed"),
        ("a b)", InvalidInput, Some(3), "a closing bracket without an opening one"),
        ("()", InvalidInput, Some(1), "there is nothing between the brackets"),
        ("a AND", InvalidInput, Some(5), "AND needs a term after it"),
        ("a OR OR b", InvalidInput, Some(4), "OR needs a term after it"),
        ("AND a", InvalidInput, Some(0), "AND needs a term before it"),
        ("NOT", InvalidInput, Some(3), "NOT needs a term after it"),
        ("a level:", InvalidInput, Some(2), "no value after level:"),
        ("n:> 10", InvalidInput, Some(0), "a comparison needs a value"),
        ("n:[1 TO", InvalidInput, Some(2), "the range is not complete"),
        ("n:[1 5]", InvalidInput, Some(2), "the range is not complete"),
        ("x /(/", InvalidInput, Some(2), "the regular expression is not valid"),
        (&deep, LimitExceeded, None, "the query is nested deeper than 128 levels"),
        (&minus, LimitExceeded, None, "the query is nested deeper than 128 levels"),
        (&many, LimitExceeded, None, "the query has more than 1000 terms"),
        (&long, TooLarge, None, "the query has 1048576 bytes"),
        ("{app}", InvalidInput, Some(4), "unexpected \"}\", expected an operator"),
        ("{app>\"x\"}", InvalidInput, Some(4), "unexpected \">\", expected one of"),
        ("{app=\"x\"", InvalidInput, Some(8), "unexpected end of input"),
        ("{app=\"x} ", InvalidInput, Some(5), "the quoted text has no end"),
        ("{app=~\"(\"}", InvalidInput, Some(6), "the regular expression is not valid"),
        ("{app=\"x\"} | line_format \"x\"", Unsupported, Some(12), "the stage | line_format is not supported yet"),
        ("{app=\"x\"} | json a=\"b\"", Unsupported, Some(17), "| json with arguments is not supported yet"),
        ("{app=\"x\"} | d > 10ms", Unsupported, Some(16), "comparing with"),
        ("{app=\"x\"}[5m]", Unsupported, Some(9), "a range"),
        ("{app=\"x\"} | n > \"x\"", InvalidInput, Some(16), "cannot compare with \"x\""),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!(error.kind, kind, "{text}");
        if position.is_some() {
            assert_eq!(error.position, position, "{text}: {error}");
        }
    }
}

#[test]
fn a_fault_of_a_query_with_operators_is_told_and_stands_where_it_is() {
    for (text, position, message) in [
        ("level:error AND (a OR b c", 16, "the bracket is never closed"),
        ("a OR b) AND c", 6, "a closing bracket without an opening one"),
        ("a NOT \"b c d", 6, "the quoted phrase has no end"),
        ("one (two three: n:[1 5]", 18, "the range is not complete"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!(error.position, Some(position), "{text}: {error}");
    }
}

fn record() -> LogRecord {
    LogRecord {
        severity: Severity::ERROR,
        severity_text: "ERR".into(),
        body: "Task task:001 timed out after 250 ms, see std::io".into(),
        service: "redis_bus".into(),
        attributes: vec![
            Attribute::new("status", Value::Int(503)),
            Attribute::new(
                "context",
                Value::Map(vec![
                    Attribute::new("task_id", "task:001"),
                    Attribute::new("duration_ms", Value::Double(250.5)),
                ]),
            ),
            Attribute::new("request", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"),
            Attribute::new("service.name", "redis_bus"),
            Attribute::new("tags", Value::Array(vec!["slow".into(), "bus".into()])),
        ],
        ..LogRecord::default()
    }
}

#[test]
fn plans_find_the_records_that_a_person_means() {
    let record = record();
    for (text, found) in [
        ("timed", true),
        ("time", false),
        ("time*", true),
        ("TIME?", true),
        ("\"timed out\"", true),
        ("\"out timed\"", false),
        ("task:001", true),
        ("task:002", false),
        ("task_id:task:001", true),
        ("context.task_id:task:001", true),
        ("request:4bf92f3577b34da6a3ce929d0e0e4736", true),
        ("level:error", true),
        ("level:>=warn", true),
        ("level:<error", false),
        ("status:>=500 -status:504", true),
        ("status:{503 TO 600}", false),
        ("status:[503 TO 600]", true),
        ("duration_ms:>250", true),
        ("tags:(slow OR fast)", true),
        ("tags:(slow fast)", false),
        ("tags:s*w", true),
        ("service:redis*", true),
        ("service:=redis", false),
        ("nothing:*", false),
        ("NOT nothing:*", true),
        ("/after \\d+ ms/", true),
        ("std::io", true),
        ("{service_name=\"redis_bus\"} |= \"timed out\" | json | status >= 500 and duration_ms < 300", true),
        ("{service_name=\"redis_bus\"} != \"timed out\"", false),
        ("{level=~\"error|fatal\"}", true),
        ("{level!~\"error|fatal\"}", false),
        ("{missing=\"\"}", true),
        ("{missing=~\".*\"}", true),
        ("{missing=~\".+\"}", false),
    ] {
        let filter = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.matches(&record), found, "{text}: {filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn garbage_never_panics(text in "\\PC{0,60}") {
        let _ = parse(&text);
        let _ = parse(&format!("{{{text}"));
    }

    #[test]
    fn pieces_of_the_languages_never_panic(brace in prop::bool::ANY, pieces in prop::collection::vec(prop::sample::select(vec![
        "a", ":", "\"", "(", ")", "[", "]", "{", "}", "TO", " ", "AND", "OR", "NOT", "-", "*", "?", "/", "\\", ">", "=", "1",
        "|", "json", "`", "ü", "or", "and", "!", "~", ",",
    ]), 0..24)) {
        let text = format!("{}{}", if brace { "{a=\"b\"}" } else { "" }, pieces.concat());
        if let Err(error) = parse(&text) {
            prop_assert!(error.position.is_none_or(|at| at <= text.len() && text.is_char_boundary(at)), "{}", text);
        }
    }

    /// Every field can be asked for, whatever its name.
    #[test]
    fn a_quoted_name_is_taken_as_it_is(name in "\\PC{0,20}|[a-z.:/ \"\\\\()*-]{0,12}", value in "[a-z0-9 :]{1,8}") {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let filter = parse(&format!("{}:={}", quoted(&name), quoted(&value))).unwrap();
        prop_assert_eq!(filter, equals(&name, &value));
        let filter = parse(&format!("x {}:{}", quoted(&name), quoted(&value))).unwrap();
        prop_assert_eq!(filter, and([any("x"), is(&name, &value)]));
    }

    /// A line that was pasted finds the record that says it, operators and minus signs aside.
    #[test]
    fn a_pasted_line_finds_its_record(words in prop::collection::vec(prop_oneof![
        "[a-z0-9()\\[\\]{}\"'%=&:;,.#+<>|~^@$!_]{1,12}",
        prop::sample::select(vec!["/notes?_=238", "worker-7", "100%?", "a=b?", "(what?)", r"a\temp\b.log", r"\d+\.txt"]).prop_map(str::to_owned),
    ], 3..8)) {
        let line = words.iter().map(|word| word.trim_start_matches('-')).collect::<Vec<_>>().join(" ");
        // `name:value` is a field.
        let line = format!("at {}", line.replace(':', ": "));
        let record = LogRecord { body: line.trim().into(), ..LogRecord::default() };
        let filter = parse(&line);
        prop_assert!(filter.as_ref().is_ok_and(|filter| filter.matches(&record)), "{} {:?}", line, filter);
    }

    /// Any word, escaped, is found where it stands.
    #[test]
    fn an_escaped_word_is_taken_as_it_is(word in "[a-z\":()*?/\\\\ {}-]{1,10}") {
        let escaped: String = word.chars().flat_map(|c| ['\\', c]).collect();
        prop_assert_eq!(parse(&escaped).unwrap(), LogFilter::AnyText(TextTest::words(&word)));
    }
}
