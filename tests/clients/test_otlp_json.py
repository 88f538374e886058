"""OTLP/HTTP as other senders write it: JSON, zstd, several requests at once; and what Clew counts of it."""

import concurrent.futures
import json
import time
import uuid

import pytest
import zstandard
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

import exact
import otlp_sent
from test_otel_logs import assert_logs_read_back
from test_otel_traces import assert_spans_read_back

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def as_json(message):
    """OTLP's JSON: protobuf's, but IDs as hex (specification 1.5, "JSON Protobuf Encoding"), enums as numbers."""
    document = MessageToDict(message, use_integers_for_enums=True)

    def mend(node, original):
        for key, value in node.items() if isinstance(node, dict) else ():
            if key in ("traceId", "spanId", "parentSpanId"):
                node[key] = getattr(
                    original, {"traceId": "trace_id", "spanId": "span_id"}.get(key, "parent_span_id")
                ).hex()
            elif isinstance(value, dict | list):
                field = next(own for own in original.DESCRIPTOR.fields if own.json_name == key)
                below = getattr(original, field.name)
                for child, own in zip(value, below, strict=True) if isinstance(value, list) else [(value, below)]:
                    mend(child, own)

    mend(document, message)
    return json.dumps(document)


def add_every_type(attributes):
    """One attribute of each type of `AnyValue`."""
    for key, kind, value in [
        ("text", "string_value", "naïve ☂"),
        ("flag", "bool_value", True),
        ("wide", "int_value", 2**53 + 1),
        ("double", "double_value", 0.1),
        ("nan", "double_value", float("nan")),
        ("bytes", "bytes_value", b"\x00\xff"),
    ]:
        setattr(attributes.add(key=key).value, kind, value)
    items = attributes.add(key="items").value.array_value.values
    items.add().int_value = -1
    items.add().string_value = "two"
    attributes.add(key="map").value.kvlist_value.values.add(key="deep").value.bool_value = False
    attributes.add(key="none").value.SetInParent()


def trace_request():
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add(schema_url="https://example.org/r")
    of_resource.resource.attributes.add(key="service.name").value.string_value = "json"
    scope = of_resource.scope_spans.add()
    scope.scope.name = "s"
    now, trace_id = time.time_ns(), uuid.uuid4().bytes
    for number in range(3):
        span = scope.spans.add(trace_id=trace_id, span_id=bytes([0, 1, 2, 3, 4, 5, 6, number + 1]), name=f"n{number}")
        span.start_time_unix_nano, span.end_time_unix_nano, span.kind = now + number, now + 50 + number, number + 1
        if number:
            span.parent_span_id = bytes([0, 1, 2, 3, 4, 5, 6, 1])
        add_every_type(span.attributes)
        add_every_type(span.events.add(name="e", time_unix_nano=now + 7).attributes)
        span.links.add(trace_id=bytes(range(16)), span_id=bytes(range(1, 9)))
        span.status.code, span.status.message = 2, "gave up"
    return request, trace_id.hex()


def log_request(run):
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.add(key="run").value.string_value = run
    records = of_resource.scope_logs.add().log_records
    now = time.time_ns()
    for number in range(4):
        record = records.add(time_unix_nano=now + number, severity_number=9 + number, severity_text="Info")
        record.body.string_value = f"body {number}"
        record.trace_id, record.span_id = bytes(range(1, 17)), bytes(range(1, 9))
        add_every_type(record.attributes)
    return request


def metric_request(job):
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = job
    metrics = of_resource.scope_metrics.add().metrics
    now = time.time_ns()
    metrics.add(name="g").gauge.data_points.add(time_unix_nano=now, as_int=-7)
    data = metrics.add(name="c", unit="s").sum
    data.is_monotonic = True
    data.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    data.data_points.add(time_unix_nano=now, as_double=2.5)
    data = metrics.add(name="s").summary.data_points.add(time_unix_nano=now, count=3, sum=1.5)
    data.quantile_values.add(quantile=0.5, value=0.25)
    return request


def post(clew, signal, request, encoding):
    body, headers = (as_json(request), JSON) if encoding == "json" else (request.SerializeToString(), PROTOBUF)
    if encoding == "zstd":
        body, headers = zstandard.ZstdCompressor().compress(body), headers | {"Content-Encoding": "zstd"}
    response = clew.request("POST", f"/v1/{signal}", data=body, headers=headers)
    assert response.status_code == 200, response.text
    assert response.content in (b"", b"{}", b'{"partialSuccess":{}}')
    assert response.headers["Content-Type"] == headers["Content-Type"]


def accepted(clew, signal):
    own = clew.own_metrics()
    labels = frozenset({"signal": signal, "protocol": "otlp_http"}.items())
    return own.get(("clew_ingest_records_accepted_total", labels), 0)


@pytest.mark.parametrize("encoding", ["json", "zstd"])
def test_spans_are_read_back(clew, encoding):
    request, trace_id = trace_request()
    before = accepted(clew, "traces")
    post(clew, "traces", request, encoding)
    read = assert_spans_read_back(clew, trace_id, [request])
    assert len(read) == 3 and accepted(clew, "traces") == before + 3


@pytest.mark.parametrize("encoding", ["json", "zstd"])
def test_logs_are_read_back(clew, encoding):
    run = uuid.uuid4().hex
    request = log_request(run)
    before = accepted(clew, "logs")
    post(clew, "logs", request, encoding)
    assert len(assert_logs_read_back(clew, f"run:{run}", [request])) == 4
    assert accepted(clew, "logs") == before + 4


@pytest.mark.parametrize("encoding", ["json", "zstd"])
def test_samples_are_read_back(clew, encoding):
    job = f"json-{uuid.uuid4().hex}"
    before = accepted(clew, "metrics")
    post(clew, "metrics", metric_request(job), encoding)
    rows = {row["metric"]["__name__"]: row for row in clew.query(f'{{job="{job}"}}')}
    values = {name: float(row["value"][1]) for name, row in rows.items()}
    assert values == {"g": -7.0, "c_seconds_total": 2.5, "s": 0.25, "s_sum": 1.5, "s_count": 3.0}
    assert rows["s"]["metric"]["quantile"] == "0.5"
    assert accepted(clew, "metrics") == before + 5


def test_a_redelivery_repeats_logs_at_most(clew):
    """What senders do when an answer is lost: the same bytes again."""
    request, trace_id = trace_request()
    job, run = f"again-{uuid.uuid4().hex}", uuid.uuid4().hex
    metrics, logs = metric_request(job), log_request(run)
    for _ in range(3):
        post(clew, "traces", request, "protobuf")
        post(clew, "metrics", metrics, "protobuf")
        post(clew, "logs", logs, "protobuf")
    assert_spans_read_back(clew, trace_id, [request])
    (row,) = clew.query(f'count_over_time(g{{job="{job}"}}[5m])')
    assert row["value"][1] == "1"
    assert clew.correlate(trace_id, depth=0)["counts"]["spans"] == 3
    assert len(clew.logs(f"run:{run}")) in (4, 8, 12)


def test_many_senders_at_once_read_their_own_writes(clew):
    """Each sender finds what was acknowledged in its very next question."""

    def send(sender):
        for _ in range(20):
            run = uuid.uuid4().hex
            request, trace_id = trace_request()
            post(clew, "logs", log_request(run), "protobuf")
            assert len(clew.logs(f"run:{run}")) == 4
            post(clew, "traces", request, "json")
            exact.by_key(clew.trace(trace_id)["spans"], "span_id")
            assert len(clew.trace(trace_id)["spans"]) == len(list(otlp_sent.spans([request])))
        return sender

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == list(range(8))
