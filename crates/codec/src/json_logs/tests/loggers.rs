//! What common loggers write, by their documentation, and what becomes of it.

use super::*;

/// 2025-11-30T12:34:56Z; `date -u -d 2025-11-30T12:34:56Z +%s`.
const SECOND: i64 = 1_764_506_096;
const MILLI: i64 = SECOND * 1_000_000_000 + 789_000_000;
const MICRO: i64 = MILLI + 12_000;

struct Expected {
    time: i64,
    severity: u8,
    message: &'static str,
    service: &'static str,
}

fn expect(time: i64, severity: u8, message: &'static str, service: &'static str) -> Expected {
    Expected { time, severity, message, service }
}

#[test]
fn records_of_common_loggers_are_understood() {
    for (logger, line, expected) in [
        (
            "python-json-logger, created wins over the local asctime",
            r#"{"asctime":"2025-11-30 13:34:56,789","created":1764506096.789012,"msecs":789.0,"levelname":"WARNING","levelno":30,"name":"app.db","message":"slow query","funcName":"run","lineno":7}"#,
            expect(MICRO, 13, "slow query", "app.db"),
        ),
        (
            "Python, asctime alone",
            r#"{"asctime":"2025-11-30 12:34:56,789","levelname":"CRITICAL","name":"root","message":"boom"}"#,
            expect(MILLI, 18, "boom", "root"),
        ),
        (
            "Python, levelno alone",
            r#"{"created":1764506096.789,"levelno":40,"name":"root","message":"boom"}"#,
            expect(MILLI, 17, "boom", "root"),
        ),
        (
            "Serilog's compact format",
            r#"{"@t":"2025-11-30T12:34:56.7890120Z","@mt":"Hello, {Name}!","@m":"Hello, nblumhardt!","@l":"Error","@i":"7a8b9c0d","SourceContext":"Shop.Cart","Name":"nblumhardt"}"#,
            expect(MICRO, 17, "Hello, nblumhardt!", "Shop.Cart"),
        ),
        (
            "Serilog's compact format, Information is left out",
            r#"{"@t":"2025-11-30T12:34:56.789Z","@mt":"Hello"}"#,
            expect(MILLI, 9, "Hello", ""),
        ),
        (
            "Serilog's JSON formatter",
            r#"{"Timestamp":"2025-11-30T13:34:56.7890120+01:00","Level":"Fatal","MessageTemplate":"Down {Host}","RenderedMessage":"Down h1","Properties":{"SourceContext":"Shop","Host":"h1"}}"#,
            expect(MICRO, 21, "Down h1", "Shop"),
        ),
        (
            "ASP.NET's JSON console",
            r#"{"EventId":14,"LogLevel":"Warning","Category":"Microsoft.Hosting.Lifetime","Message":"Now listening","State":{"Message":"Now listening","{OriginalFormat}":"Now {x}"},"Timestamp":"2025-11-30T12:34:56.789Z"}"#,
            expect(MILLI, 13, "Now listening", "Microsoft.Hosting.Lifetime"),
        ),
        (
            "Log4j 2's JsonLayout",
            r#"{"instant":{"epochSecond":1764506096,"nanoOfSecond":789012000},"thread":"main","level":"INFO","loggerName":"com.acme.Shop","message":"started","endOfBatch":false,"loggerFqcn":"org.apache.logging.log4j.spi.AbstractLogger","threadId":1,"threadPriority":5,"contextMap":{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}}"#,
            expect(MICRO, 9, "started", "com.acme.Shop"),
        ),
        (
            "Log4j 2's JsonLayout with timeMillis",
            r#"{"timeMillis":1764506096789,"thread":"main","level":"ERROR","loggerName":"com.acme.Shop","message":"boom"}"#,
            expect(MILLI, 17, "boom", "com.acme.Shop"),
        ),
        (
            "Log4j 2's JsonTemplateLayout, ECS",
            r#"{"@timestamp":"2025-11-30T12:34:56.789Z","ecs.version":"1.2.0","log.level":"WARN","message":"hm","process.thread.name":"main","log.logger":"com.acme.Shop"}"#,
            expect(MILLI, 13, "hm", "com.acme.Shop"),
        ),
        (
            "logstash-logback-encoder",
            r#"{"@timestamp":"2025-11-30T12:34:56.789+00:00","@version":"1","message":"hi","logger_name":"com.acme.Shop","thread_name":"main","level":"DEBUG","level_value":10000}"#,
            expect(MILLI, 5, "hi", "com.acme.Shop"),
        ),
        (
            "logback's JsonEncoder",
            r#"{"sequenceNumber":0,"timestamp":1764506096789,"nanoseconds":789000000,"level":"INFO","threadName":"main","loggerName":"com.acme.Shop","message":"user {}","arguments":["7"],"formattedMessage":"user 7"}"#,
            expect(MILLI, 9, "user 7", "com.acme.Shop"),
        ),
        (
            "Monolog",
            r#"{"message":"payment failed","context":{"order":7},"level":400,"level_name":"ERROR","channel":"shop","datetime":"2025-11-30T12:34:56.789012+00:00","extra":{}}"#,
            expect(MICRO, 17, "payment failed", "shop"),
        ),
        (
            "Monolog 1",
            r#"{"message":"hm","context":[],"level":250,"level_name":"NOTICE","channel":"shop","datetime":{"date":"2025-11-30 12:34:56.789012","timezone_type":3,"timezone":"UTC"},"extra":[]}"#,
            expect(MICRO, 10, "hm", "shop"),
        ),
        (
            "journald",
            r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1764506096789012","__MONOTONIC_TIMESTAMP":"1234567","_BOOT_ID":"x","PRIORITY":"3","SYSLOG_IDENTIFIER":"sshd","_PID":"7","MESSAGE":"denied"}"#,
            expect(MICRO, 17, "denied", "sshd"),
        ),
        (
            "journald, a message with a byte that does not print",
            r#"{"__REALTIME_TIMESTAMP":"1764506096789012","PRIORITY":"6","_SYSTEMD_UNIT":"web.service","MESSAGE":[27,91,51,49,109,104,105,27,91,48,109]}"#,
            expect(MICRO, 9, "\u{1b}[31mhi\u{1b}[0m", "web.service"),
        ),
        (
            "journald, as Vector passes it on",
            r#"{"PRIORITY":"3","SYSLOG_IDENTIFIER":"sshd","host":"h","message":"denied","source_type":"journald","timestamp":"2025-11-30T12:34:56.789012Z"}"#,
            expect(MICRO, 17, "denied", "sshd"),
        ),
        (
            "journald, a message and its priority alone",
            r#"{"message":"denied","PRIORITY":"4","timestamp":"2025-11-30T12:34:56.789012Z"}"#,
            expect(MICRO, 13, "denied", ""),
        ),
        (
            "GELF",
            r#"{"version":"1.1","host":"web-1","short_message":"disk full","full_message":"disk full\nat x","timestamp":1764506096.789,"level":2,"_user_id":7}"#,
            expect(MILLI, 18, "disk full", ""),
        ),
        (
            "bunyan",
            r#"{"name":"myapp","hostname":"banana","pid":40161,"level":40,"msg":"careful","time":"2025-11-30T12:34:56.789Z","v":0}"#,
            expect(MILLI, 13, "careful", "myapp"),
        ),
        (
            "pino",
            r#"{"level":20,"time":1764506096789,"pid":7,"hostname":"h","name":"api","msg":"hi"}"#,
            expect(MILLI, 5, "hi", "api"),
        ),
        (
            "zap, production",
            r#"{"level":"dpanic","ts":1764506096.789012,"logger":"shop.cart","caller":"cart/cart.go:7","msg":"boom","stacktrace":"x"}"#,
            expect(MICRO, 18, "boom", "shop.cart"),
        ),
        (
            "zap, development",
            r#"{"L":"WARN","T":"2025-11-30T13:34:56.789+0100","N":"shop","C":"x.go:7","M":"hm"}"#,
            expect(MILLI, 13, "hm", "shop"),
        ),
        (
            "zerolog",
            r#"{"level":"panic","time":1764506096,"message":"boom"}"#,
            expect(SECOND * 1_000_000_000, 21, "boom", ""),
        ),
        (
            "logrus",
            r#"{"level":"warning","msg":"hm","time":"2025-11-30T13:34:56+01:00","size":10}"#,
            expect(SECOND * 1_000_000_000, 13, "hm", ""),
        ),
        (
            "slog",
            r#"{"time":"2025-11-30T12:34:56.789012Z","level":"INFO+2","msg":"hi","n":1}"#,
            expect(MICRO, 11, "hi", ""),
        ),
        (
            "winston",
            r#"{"level":"http","message":"GET /","timestamp":"2025-11-30T12:34:56.789Z","service":"user-service"}"#,
            expect(MILLI, 7, "GET /", "user-service"),
        ),
        (
            "winston, coloured",
            r#"{"level":"\u001b[31merror\u001b[39m","message":"boom","timestamp":"2025-11-30 12:34:56"}"#,
            expect(SECOND * 1_000_000_000, 17, "boom", ""),
        ),
        (
            "ECS in objects",
            r#"{"@timestamp":"2025-11-30T12:34:56.789Z","log":{"level":"error","logger":"a.B"},"message":"boom","ecs":{"version":"8"},"service":{"name":"shop"},"event":{"dataset":"x"}}"#,
            expect(MILLI, 17, "boom", "shop"),
        ),
        (
            "structlog with its own format of time",
            r#"{"event":"logged in","level":"info","timestamp":"2025-11-30 12:34.56","logger":"auth"}"#,
            expect(SECOND * 1_000_000_000, 9, "logged in", "auth"),
        ),
        (
            "loguru",
            r#"{"text":"2025-11-30 13:34:56.789 | SUCCESS | m:f:9 - done\n","record":{"elapsed":{"repr":"0:00:00.004","seconds":0.004},"exception":null,"extra":{},"function":"f","level":{"icon":"x","name":"SUCCESS","no":25},"line":9,"message":"done","module":"m","name":"app","time":{"repr":"2025-11-30 13:34:56.789012+01:00","timestamp":1764506096.789012}}}"#,
            expect(MICRO, 10, "done", "app"),
        ),
        (
            "tracing-subscriber",
            r#"{"timestamp":"2025-11-30T12:34:56.789012Z","level":"WARN","fields":{"message":"slow","took":7},"target":"shop::cart","span":{"name":"add"},"spans":[{"name":"add"}]}"#,
            expect(MICRO, 13, "slow", "shop::cart"),
        ),
        (
            "tracing-subscriber, flattened",
            r#"{"timestamp":"2025-11-30T12:34:56.789Z","level":"INFO","message":"hi","target":"shop"}"#,
            expect(MILLI, 9, "hi", "shop"),
        ),
        (
            "Docker's json-file",
            r#"{"log":"hello\n","stream":"stdout","time":"2025-11-30T12:34:56.789012Z"}"#,
            expect(MICRO, 0, "hello\n", ""),
        ),
        (
            "CRI, as Fluent Bit parses it",
            r#"{"time":"2025-11-30T12:34:56.789012+00:00","stream":"stderr","_p":"F","log":"hello"}"#,
            expect(MICRO, 0, "hello", ""),
        ),
        (
            "Fluent Bit",
            r#"{"date":1764506096.789,"log":"hello","kubernetes":{"pod_name":"p"}}"#,
            expect(MILLI, 0, "hello", ""),
        ),
        (
            "Google Cloud",
            r#"{"severity":"NOTICE","textPayload":"hi","timestamp":"2025-11-30T12:34:56.789Z","receiveTimestamp":"2025-11-30T12:34:57Z"}"#,
            expect(MILLI, 10, "hi", ""),
        ),
        (
            "Google Cloud's agents",
            r#"{"severity":"ERROR","message":"boom","timestampSeconds":1764506096,"timestampNanos":789012000}"#,
            expect(MICRO, 17, "boom", ""),
        ),
        (
            "MongoDB",
            r#"{"t":{"$date":"2025-11-30T13:34:56.789+01:00"},"s":"E","c":"NETWORK","id":22,"ctx":"listener","msg":"gone","attr":{}}"#,
            expect(MILLI, 17, "gone", "NETWORK"),
        ),
        (
            "PostgreSQL",
            r#"{"timestamp":"2025-11-30 12:34:56.789 UTC","pid":7,"error_severity":"FATAL","message":"no pg_hba.conf entry"}"#,
            expect(MILLI, 21, "no pg_hba.conf entry", ""),
        ),
        (
            "hclog (Vault, Consul, Nomad, Terraform)",
            r#"{"@level":"warn","@message":"seal","@module":"vault.core","@timestamp":"2025-11-30T12:34:56.789012Z"}"#,
            expect(MICRO, 13, "seal", "vault.core"),
        ),
        (
            "MySQL's error log",
            r#"{"prio":2,"err_code":10068,"subsystem":"Server","msg":"hm","time":"2025-11-30T12:34:56.789012Z","label":"Warning"}"#,
            expect(MICRO, 13, "hm", ""),
        ),
        (
            "semantic_logger",
            r#"{"host":"h","application":"shop","timestamp":"2025-11-30T12:34:56.789012Z","level":"info","level_index":2,"name":"Cart","message":"hi"}"#,
            expect(MICRO, 9, "hi", "shop"),
        ),
        (
            "Laminas",
            r#"{"timestamp":"2025-11-30T13:34:56+01:00","priority":3,"priorityName":"ERR","message":"boom"}"#,
            expect(SECOND * 1_000_000_000, 17, "boom", ""),
        ),
        (
            "Application Insights",
            r#"{"TimeGenerated":"2025-11-30T12:34:56.789Z","SeverityLevel":3,"Message":"boom","AppName":"x"}"#,
            expect(MILLI, 17, "boom", "x"),
        ),
        (
            "winston with a format of its own",
            r#"{"level":"warn","message":"hm","timestamp":"2025-11-30 12:34:56:789"}"#,
            expect(MILLI, 13, "hm", ""),
        ),
        (
            "NLog",
            r#"{"time":"2025-11-30 12:34:56.7890","level":"Trace","logger":"A.B","message":"hi"}"#,
            expect(MILLI, 1, "hi", "A.B"),
        ),
        (
            "date and time of day apart",
            r#"{"date":"2025-11-30","time":"12:34:56","level":"info","msg":"hi"}"#,
            expect(SECOND * 1_000_000_000, 9, "hi", ""),
        ),
        (
            "a server's own format",
            r#"{"time_local":"30/Nov/2025:13:34:56 +0100","message":"GET /"}"#,
            expect(SECOND * 1_000_000_000, 0, "GET /", ""),
        ),
    ] {
        let decoded = read(line.as_bytes()).unwrap();
        let record = &decoded.records[0];
        assert_eq!(record.time, expected.time, "time of {logger}");
        assert_eq!(record.severity.number(), expected.severity, "severity of {logger}");
        assert_eq!(record.body, expected.message.into(), "message of {logger}");
        assert_eq!(record.service, expected.service, "service of {logger}");
        assert_eq!(decoded.warnings, [], "{logger}");
    }
}

#[test]
fn names_of_one_logger_mean_nothing_elsewhere() {
    for line in [
        r#"{"name":"anna","message":"m"}"#,
        r#"{"channel":"C024BE91L","message":"m"}"#,
        r#"{"target":"shop","message":"m"}"#,
        r#"{"epoch":3,"loss":0.1,"message":"m"}"#,
        r#"{"Category":"shoes","message":"m"}"#,
        r#"{"category":"shoes","message":"m"}"#,
        r#"{"priority":1,"message":"m"}"#,
        r#"{"priority":"high","message":"m"}"#,
        r#"{"created":1764506096,"message":"m"}"#,
        r#"{"s":"E","c":"x","message":"m"}"#,
        r#"{"L":"WARN","T":"x","message":"m"}"#,
        r#"{"status":"error","message":"m"}"#,
    ] {
        let decoded = read(line.as_bytes()).unwrap();
        let record = &decoded.records[0];
        let found = (record.time, record.severity.number(), record.severity_text.as_str(), record.service.as_str());
        assert_eq!(found, (ARRIVAL, 0, "", ""), "{line}");
        assert_eq!(decoded.warnings, [], "{line}");
    }
}

#[test]
fn a_target_is_a_service_where_it_is_a_module() {
    for (target, service) in [("shop::cart", "shop::cart"), ("shop", "shop"), ("10.0.0.1", ""), ("/etc/passwd", "")] {
        let line =
            format!(r#"{{"timestamp":"2025-11-30T12:34:56Z","level":"INFO","message":"m","target":"{target}"}}"#);
        assert_eq!(read(line.as_bytes()).unwrap().records[0].service, service, "{target}");
    }
}

#[test]
fn a_time_that_is_not_understood_is_told() {
    for (member, shown) in [
        (r#""timestamp":"soon""#, r#""timestamp" is "soon""#),
        (r#""Timestamp":"09:08:33 ""#, r#""Timestamp" is "09:08:33 ""#),
        (r#""time":"11/30/2025 12:34:56""#, r#""time" is "11/30/2025 12:34:56""#),
        (r#""ts":"Nov 30 12:34:56""#, r#""ts" is "Nov 30 12:34:56""#),
        (r#""@t":"2025-11-30T25:00:00Z""#, r#""@t" is "2025-11-30T25:00:00Z""#),
        (r#""timestamp":true"#, r#""timestamp" is "true""#),
        (r#""timestamp":{"a":1}"#, r#""timestamp" is "{\"a\":1}""#),
        (r#""timestamp":[2025]"#, r#""timestamp" is "[2025]""#),
        (r#""instant":{"epochSecond":1764506096,"nanoOfSecond":-1}"#, r#""instant" is"#),
        (r#""time":0.25"#, r#""time" is "0.25""#),
        (r#""date":20251130"#, r#""date" is "20251130""#),
        (r#""date":"2025-11-30""#, r#""date" is "2025-11-30""#),
        (r#""Date":"2025-11-30""#, r#""Date" is "2025-11-30""#),
        (r#""date":"20251130""#, r#""date" is "20251130""#),
        (r#""time":"0.004""#, r#""time" is "0.004""#),
        (r#""metadata":{"timestamp":"soon"}"#, r#""timestamp" is "soon""#),
    ] {
        let body = format!("[{{\"n\":0}},{{{member},\"message\":\"m\"}}]");
        let decoded = read(body.as_bytes()).unwrap();
        assert_eq!((decoded.accepted, decoded.rejected, decoded.warned), (2, 0, 1), "{body}");
        assert_eq!(decoded.records[1].time, ARRIVAL, "{body}");
        let [warning] = decoded.warnings.as_slice() else { panic!("{:?}", decoded.warnings) };
        assert_eq!(warning.index, 1);
        for part in [shown, "its arrival", "RFC 3339"] {
            assert!(warning.reason.contains(part), "{part} is not in {}", warning.reason);
        }
    }
    // Where another name says the time, that is said too.
    let split = read(br#"{"Date":"2025-11-30","Time":"12:34:56"}"#).unwrap();
    assert_eq!((split.records[0].time, split.warned), (SECOND * 1_000_000_000, 0));
    let beyond = read(br#"[{"timestamp":"Sun, 30 Nov 2999 12:34:56 GMT"},{"n":0}]"#).unwrap();
    assert_eq!((beyond.accepted, beyond.rejected), (1, 1));
    let decoded = read(br#"{"timestamp":"soon","time":"2025-11-30T12:34:56Z"}"#).unwrap();
    assert_eq!((decoded.records[0].time, decoded.warned), (SECOND * 1_000_000_000, 1));
    assert!(decoded.warnings[0].reason.contains("another field"));
    // A name that is less preferred needs not be understood, and what says that there is no time is none.
    for silent in [
        r#"{"timestamp":"2025-11-30T12:34:56Z","time":"soon"}"#,
        r#"{"time":"soon","timestamp":"2025-11-30T12:34:56Z"}"#,
        r#"{"timestamp":null}"#,
        r#"{"timestamp":""}"#,
        r#"{"timestamp":" "}"#,
        r#"{"timestamp":"-"}"#,
        r#"{"message":"m"}"#,
    ] {
        assert_eq!(read(silent.as_bytes()).unwrap().warnings, [], "{silent}");
    }
}

#[test]
fn warnings_are_bounded_and_all_are_counted() {
    let body = "{\"ts\":\"soon\"}\n".repeat(100);
    let decoded = read(body.as_bytes()).unwrap();
    assert_eq!((decoded.accepted, decoded.warned), (100, 100));
    assert_eq!(decoded.warnings.len(), crate::limits::MAX_REJECT_REASONS);
}

#[test]
fn objects_that_say_a_time_move_where_the_time_says_all_of_them() {
    for (line, left) in [
        (r#"{"instant":{"epochSecond":1764506096,"nanoOfSecond":5}}"#, "{}"),
        (
            r#"{"instant":{"epochSecond":1764506096,"nanoOfSecond":5,"x":1}}"#,
            r#"{"instant":{"epochSecond":1764506096,"nanoOfSecond":5,"x":1}}"#,
        ),
        (r#"{"timestamp":{"seconds":1764506096,"nanos":5}}"#, "{}"),
        (r#"{"t":{"$date":"2025-11-30T12:34:56Z"}}"#, "{}"),
        (r#"{"timestamp":[2025,11,30,12,34,56,5]}"#, r#"{"timestamp":[2025,11,30,12,34,56,5]}"#),
    ] {
        let decoded = read(line.as_bytes()).unwrap();
        let record = &decoded.records[0];
        assert_eq!(record.time / 1_000_000_000, SECOND, "{line}");
        assert_eq!(json_of(record), left, "{line}");
    }
}
