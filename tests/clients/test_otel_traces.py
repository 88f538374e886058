"""Spans from the OpenTelemetry SDK, read back attribute by attribute."""

import math
import time
import uuid

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

import exact
import otlp_sent
import sdk

EVERY_TYPE = {
    "text": "plain",
    "text.empty": "",
    "text.unicode": 'naïve ☂ 日本語 \u0000\u001f "quoted" \\',
    "flag.yes": True,
    "flag.no": False,
    "int": 42,
    "int.zero": 0,
    "int.wide": 2**53 + 1,
    "int.least": -(2**63),
    "double": 0.1,
    "double.whole": 3.0,
    "double.huge": 1.7976931348623157e308,
    "double.tiny": 5e-324,
    "double.minus.zero": -0.0,
    "double.nan": math.nan,
    "double.infinite": -math.inf,
    "texts": ["a", "", "ü"],
    "flags": [True, False],
    "ints": [1, -2, 2**62],
    "doubles": [0.5, -1.25],
    "nothing": [],
}


def spans_sent(requests):
    return exact.by_key(list(otlp_sent.spans(requests)), "span_id")


def assert_spans_read_back(clew, trace_id, requests):
    sent = {key: span for key, span in spans_sent(requests).items() if span["trace_id"] == trace_id}
    answer = clew.trace(trace_id)
    read = exact.by_key(answer["spans"], "span_id")
    assert read.keys() == sent.keys()
    for span_id, span in read.items():
        # Times for people: checked apart, they say the same as the numbers.
        assert span.pop("start").endswith("Z")
        for event in span.get("events", []):
            event.pop("time")
        assert span.keys() == sent[span_id].keys()
        for field, value in span.items():
            exact.assert_same(value, sent[span_id][field], f"{field} of span {span['name']}")
    assert answer["trace_id"] == trace_id
    assert answer["errors"] == sum(span["status"]["code"] == "error" for span in sent.values())
    assert answer["services"] == sorted({span.get("service", "") for span in sent.values()})
    starts = [int(span["start_unix_nano"]) for span in answer["spans"]]
    assert starts == sorted(starts)
    return read


@pytest.mark.parametrize("wire", sdk.WIRES, ids=str)
def test_every_span_and_attribute_is_read_back(clew, wire):
    service = f"orchestrator-{uuid.uuid4().hex}"
    resource = Resource.create(
        {"service.name": service, "service.version": "1.2", **EVERY_TYPE}, "https://example.org/r"
    )
    with sdk.tracing(clew, wire, resource=resource) as (provider, requests):
        tracer = provider.get_tracer("agents", "0.9", "https://example.org/s", {"scope.kind": "test", "scope.n": 7})
        other = SpanContext(0x1234 << 100, 0x77, True, TraceFlags(1), TraceState([("vendor", "v=1")]))
        now = time.time_ns()
        with tracer.start_as_current_span("POST /tasks", kind=SpanKind.SERVER, attributes=EVERY_TYPE) as root:
            root.add_event("received", EVERY_TYPE, timestamp=now + 123)
            root.add_event("no attributes")
            links = [Link(other, {"why": "retry", "n": 2}), Link(other)]
            with tracer.start_as_current_span("call model", kind=SpanKind.CLIENT, links=links) as child:
                child.set_status(Status(StatusCode.ERROR, "model said: ☠"))
                child.record_exception(ValueError("no such model"))
                with tracer.start_as_current_span("", kind=SpanKind.INTERNAL) as nameless:
                    nameless.set_status(StatusCode.OK)
            tracer.start_span("publish", kind=SpanKind.PRODUCER, start_time=now + 1).end(now + 999_999_999)
        assert provider.force_flush()
        trace_id = f"{root.get_span_context().trace_id:032x}"
        read = assert_spans_read_back(clew, trace_id, requests)
    assert len(read) == 4
    by_name = {span["name"]: span for span in read.values()}
    assert by_name["POST /tasks"]["attributes"]["int.wide"] == 9007199254740993
    assert by_name["call model"]["events"][0]["attributes"]["exception.message"] == "no such model"
    assert by_name["call model"]["parent_span_id"] == by_name["POST /tasks"]["span_id"]
    assert by_name[""]["parent_span_id"] == by_name["call model"]["span_id"]
    assert by_name["publish"]["duration_nanos"] == 999_999_998

    listed = clew.get("/api/v1/traces", service=service, status="error", attribute="missing")["traces"]
    assert listed == []
    (listed,) = clew.get("/api/v1/traces", service=service)["traces"]
    assert (listed["trace_id"], listed["spans"], listed["errors"]) == (trace_id, 4, 1)
    assert (listed["root_service"], listed["root_operation"], listed["has_root"]) == (service, "POST /tasks", True)
    (known,) = [own for own in clew.get("/api/v1/services")["services"] if own["name"] == service]
    assert (known["spans"], known["errors"]) == (4, 1)


@pytest.mark.parametrize("wire", [sdk.Wire(sdk.GRPC), sdk.Wire(sdk.HTTP)], ids=str)
def test_a_remote_parent_and_what_the_sdk_dropped_are_kept(clew, wire):
    state = TraceState([("rojo", "00f067aa0ba902b7"), ("congo", "t61rcWkgMzE")])
    parent = SpanContext(uuid.uuid4().int, 0xABCDEF0123456789, True, TraceFlags(1), state)
    limits = SpanLimits(max_span_attributes=2, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=1)
    with sdk.tracing(clew, wire, span_limits=limits) as (provider, requests):
        context = trace.set_span_in_context(NonRecordingSpan(parent))
        links = [Link(parent, {"a": 1, "b": 2}), Link(parent, {"c": 3})]
        span = provider.get_tracer("").start_span("limited", context, SpanKind.CONSUMER, links=links)
        for number in range(5):
            span.set_attribute(f"key{number}", number)
            span.add_event(f"event{number}", {"a": number, "b": number})
        span.end()
        assert provider.force_flush()
        (read,) = assert_spans_read_back(clew, f"{parent.trace_id:032x}", requests).values()
    assert read["parent_span_id"] == "abcdef0123456789"
    assert read["trace_state"] == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert (read["dropped_attributes_count"], read["dropped_events_count"], read["dropped_links_count"]) == (3, 4, 1)


def test_a_thousand_traces_are_all_found_by_search(clew):
    service = f"many-{uuid.uuid4().hex}"
    with sdk.tracing(clew, sdk.Wire(sdk.GRPC), resource=Resource({"service.name": service})) as (provider, requests):
        tracer = provider.get_tracer("bulk")
        for number in range(1_000):
            attributes = {"number": number, "parity": "odd" if number % 2 else "even"}
            with tracer.start_as_current_span("outer", attributes=attributes):
                tracer.start_span("inner").end()
        assert provider.force_flush()
        sent = spans_sent(requests)
    assert len(sent) == 2_000
    found, cursor = [], {}
    while True:
        page = clew.get("/api/v1/traces", service=service, limit=300, **cursor)
        found += page["traces"]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert exact.by_key(found, "trace_id").keys() == {span["trace_id"] for span in sent.values()}
    assert all(trace["spans"] == 2 for trace in found)
    starts = [int(trace["start_unix_nano"]) for trace in found]
    assert starts == sorted(starts, reverse=True)
    odd = clew.get("/api/v1/traces", service=service, attribute="parity=odd", limit=1_000)["traces"]
    assert len(odd) == 500
    (one,) = clew.get("/api/v1/traces", service=service, attribute="number=777")["traces"]
    assert one["trace_id"] in {s["trace_id"] for s in sent.values() if s["attributes"].get("number") == 777}
