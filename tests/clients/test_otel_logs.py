"""Log records from the OpenTelemetry SDK and its handler for Python's logging, read back attribute by attribute."""

import collections
import logging
import time
import uuid
import warnings

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import exact
import otlp_sent
import sdk
from test_otel_traces import EVERY_TYPE

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from opentelemetry.sdk._logs import LoggingHandler

NESTED = {
    "map": {"z": 1, "a": {"deep": [True, None, {"deeper": "☃"}]}, "empty": {}},
    "bytes": b"\x00\xff\x10",
    "mixed": ["text", 1, 2.5, False, None, ["inner"]],
}


def assert_logs_read_back(clew, query, requests):
    """Compares everything that was sent with what the query finds; answers the records."""
    sent = sorted(otlp_sent.logs(requests), key=lambda log: int(log["time_unix_nano"]))
    read = clew.logs(query)
    assert len(read) == len(sent)
    exact.by_key(read, "id")
    for log, expected in zip(read, sent, strict=True):
        assert log["id"].startswith(log["time_unix_nano"] + "-")
        shown = {key: value for key, value in log.items() if key not in ("id", "time", "observed_time")}
        assert shown.keys() == expected.keys()
        for field, value in shown.items():
            exact.assert_same(value, expected[field], f"{field} of {expected}")
    return read


@pytest.mark.parametrize("wire", sdk.WIRES, ids=str)
def test_every_record_and_attribute_is_read_back(clew, wire):
    run = uuid.uuid4().hex
    resource = Resource.create({"service.name": "worker", "run": run, **EVERY_TYPE}, "https://example.org/r")
    bodies = [
        "plain text",
        "",
        "two\nlines ☂",
        {"nested": {"body": [1, None, "x"]}},
        ["list", 2.5],
        7,
        1.5,
        True,
        None,
        b"\x01\xfe",
    ]
    with sdk.logging_to(clew, wire, resource=resource) as (provider, requests):
        logger = provider.get_logger("agents.worker", "3.1", "https://example.org/s", {"scope.kind": "test"})
        now = time.time_ns()
        for number, body in enumerate(bodies):
            logger.emit(
                LogRecord(
                    timestamp=now + number,
                    observed_timestamp=now + 1_000 + number,
                    severity_number=list(SeverityNumber)[number * 2],
                    severity_text=f"Level {number}",
                    body=body,
                    event_name=f"event.{number}" if number % 2 else "",
                    attributes={"number": number, **EVERY_TYPE, **NESTED},
                )
            )
        logger.emit(LogRecord(timestamp=None, observed_timestamp=now + 5_000, body="without a time of its own"))
        assert provider.force_flush()
        read = assert_logs_read_back(clew, f"run:{run}", requests)
    assert [log["message"] for log in read[:8]] == bodies[:8]
    assert read[9]["message"] == "01fe"
    assert read[0]["attributes"]["bytes"] == "00ff10"
    for query, numbers in {
        "number:3": [3],
        "map.a.deep.deeper:☃ number:>=8": [8, 9],
        "flag.yes:true number:[2 TO 4]": [2, 3, 4],
        'scope.name:agents.worker "plain text"': [0],
    }.items():
        found = clew.logs(f"run:{run} AND ({query})")
        assert [log["attributes"]["number"] for log in found] == numbers, query


@pytest.mark.parametrize("wire", [sdk.Wire(sdk.GRPC), sdk.Wire(sdk.HTTP, "gzip")], ids=str)
def test_pythons_own_logging_carries_its_trace(clew, wire):
    run = uuid.uuid4().hex
    resource = Resource({"service.name": "handler", "run": run})
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("handler")
    with sdk.logging_to(clew, wire, resource=resource) as (provider, requests):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            handler = LoggingHandler(logger_provider=provider)
        logger = logging.Logger(f"app.{run}")
        logger.addHandler(handler)
        with tracer.start_as_current_span("work") as span:
            logger.info("starting %s of %d", "task:001", 3, extra={"task_id": "task:001", "attempt": 2})
            try:
                raise KeyError("missing")
            except KeyError:
                logger.exception("failed")
            context = span.get_span_context()
        logger.critical("outside of any span")
        assert provider.force_flush()
        read = assert_logs_read_back(clew, f"run:{run}", requests)
    started, failed, outside = read
    assert started["message"] == "starting task:001 of 3"
    assert started["attributes"]["task_id"] == "task:001"
    for log in (started, failed):
        assert (log["trace_id"], log["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert "trace_id" not in outside
    assert [log["severity"] for log in read] == ["INFO", "ERROR", "FATAL"]
    assert failed["attributes"]["exception.type"] == "KeyError"
    assert "Traceback" in failed["attributes"]["exception.stacktrace"]
    assert [log["id"] for log in clew.logs(f"run:{run} level:error")] == [failed["id"]]
    assert [log["id"] for log in clew.logs(f'run:{run} "outside of any"')] == [outside["id"]]


def test_ten_thousand_records_are_all_read_back(clew):
    run = uuid.uuid4().hex
    with sdk.logging_to(clew, sdk.Wire(sdk.GRPC), resource=Resource({"run": run})) as (provider, requests):
        logger = provider.get_logger("bulk")
        now = time.time_ns()
        for number in range(10_000):
            body = f"record {number} of run {run}"
            logger.emit(LogRecord(timestamp=now + number, observed_timestamp=now, body=body, attributes={"n": number}))
            if number % 1_000 == 999:
                assert provider.force_flush()
        read = assert_logs_read_back(clew, f"run:{run}", requests)
    assert [log["attributes"]["n"] for log in read] == list(range(10_000))
    paged = clew.logs(f"run:{run}", limit=777)
    assert [log["id"] for log in paged] == [log["id"] for log in read]
    newest_first = clew.logs(f"run:{run}", limit=3_333, order="desc")
    assert [log["id"] for log in newest_first] == [log["id"] for log in reversed(read)]
    histogram = clew.get("/api/v1/logs/histogram", query=f"run:{run}", start=str(now), end=str(now + 9_999), step="1us")
    assert histogram["total"] == 10_000
    expected = collections.Counter(int(log["time_unix_nano"]) // 1_000 * 1_000 for log in read)
    assert {int(bucket["start_unix_nano"]): bucket["total"] for bucket in histogram["buckets"]} == expected
