"""Bad input of every kind: the right status, a message that helps, a count in /metrics, and a server that goes on."""

import contextlib
import gzip
import json
import math
import socket
import struct
import time
import uuid
import zlib

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

import otlp_sent

CONFIG = "limits: { ingest_body: 1MiB }\n"

MIB = 1 << 20
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
NOW = time.time_ns()


def log_request(count=1, now=NOW, body="good", **fields):
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in range(count):
        record = scope.log_records.add(time_unix_nano=now + number, **fields)
        record.body.string_value = body
    return request


def span_request(**fields):
    request = ExportTraceServiceRequest()
    good = {
        "trace_id": uuid.uuid4().bytes,
        "span_id": b"12345678",
        "name": "s",
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 5,
    }
    request.resource_spans.add().scope_spans.add().spans.add(**good | fields)
    return request


def gauge_request(*points, name="bad_input_gauge"):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    for value, nanos in points:
        metric.gauge.data_points.add(as_double=value, time_unix_nano=nanos)
    return request


GOOD = log_request(3).SerializeToString()


def gzip_bomb(size):
    """`size` zeros in about a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(MIB)
    return b"".join([packer.compress(block) for _ in range(size // MIB)]) + packer.flush()


def assert_goes_on(clew):
    """The server still takes a good record of each signal and finds it."""
    marker = uuid.uuid4().hex
    clew.send_logs([{"message": "still here", "marker": marker}])
    assert len(clew.logs(f"marker:{marker}")) == 1
    request = span_request()
    assert clew.request("POST", "/v1/traces", data=request.SerializeToString(), headers=PROTOBUF).status_code == 200
    (span,) = otlp_sent.spans([request])
    assert len(clew.trace(span["trace_id"])["spans"]) == 1


def status_message(response):
    """The message of a `google.rpc.Status` in the encoding of the answer."""
    if response.headers["Content-Type"] == "application/json":
        return response.json()["message"]
    # https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto: 1 code, 2 message; read by hand,
    # since no installed package has the class.
    body, place = response.content, 0
    while place < len(body):
        key, place = body[place], place + 1
        if key == 0x12:
            length, shift = 0, 0
            while True:
                byte, place = body[place], place + 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            return body[place : place + length].decode()
        assert key == 0x08, body
        place += 1
    raise AssertionError(f"no message in {body!r}")


# path, headers, body, status, words of the message
REFUSED = {
    "truncated protobuf": ("/v1/logs", PROTOBUF, GOOD[:-3], 400, ["protobuf", "byte"]),
    "truncated traces": ("/v1/traces", PROTOBUF, span_request().SerializeToString()[:-1], 400, ["protobuf", "byte"]),
    "truncated metrics": (
        "/v1/metrics",
        PROTOBUF,
        gauge_request((1, NOW)).SerializeToString()[:-1],
        400,
        ["protobuf", "byte"],
    ),
    "not protobuf at all": ("/v1/traces", PROTOBUF, b"\xff" * 100, 400, ["protobuf"]),
    "JSON sent as protobuf": ("/v1/logs", PROTOBUF, b'{"resourceLogs":[]}', 400, ["protobuf"]),
    "protobuf sent as JSON": ("/v1/logs", JSON, GOOD, 400, ["JSON"]),
    "broken OTLP JSON": ("/v1/traces", JSON, b'{"resourceSpans":[{', 400, ["JSON"]),
    "wrong type in OTLP JSON": ("/v1/traces", JSON, b'{"resourceSpans":7}', 400, ["resourceSpans"]),
    "wrong content type": (
        "/v1/logs",
        {"Content-Type": "text/html"},
        GOOD,
        415,
        ["text/html", "application/x-protobuf"],
    ),
    "no content type": ("/v1/logs", {"Content-Type": ""}, GOOD, 415, ["application/x-protobuf"]),
    "unknown encoding": ("/v1/logs", PROTOBUF | {"Content-Encoding": "br"}, GOOD, 415, ["br", "gzip"]),
    "not gzip": ("/v1/logs", PROTOBUF | {"Content-Encoding": "gzip"}, GOOD, 400, ["Gzip"]),
    "cut gzip": ("/v1/logs", PROTOBUF | {"Content-Encoding": "gzip"}, gzip.compress(GOOD)[:-9], 400, ["Gzip"]),
    "over the limit": ("/v1/logs", PROTOBUF, bytes(MIB + 1), 413, [str(MIB), "limits.ingest_body"]),
    "gzip bomb": (
        "/v1/logs",
        PROTOBUF | {"Content-Encoding": "gzip"},
        lambda: gzip_bomb(512 * MIB),
        413,
        ["limits.ingest_body"],
    ),
    "JSON log that ends early": ("/api/v1/logs", JSON, b'{"message": "x', 400, ["line 1"]),
    "JSON log that is no JSON": ("/api/v1/logs", JSON, b"<xml/>", 400, ["JSON", "line 1 column 1"]),
    "JSON log with Python's NaN": ("/api/v1/logs", JSON, b'{"message": "x", "value": NaN}', 400, ["line 1"]),
    "a number instead of a log": ("/api/v1/logs", JSON, b"42", 400, ["number", "object"]),
    "an empty body": ("/api/v1/logs", JSON, b"", 400, ["empty"]),
    "invalid UTF-8": ("/api/v1/logs", JSON, b'{"message": "caf\xe9"}', 400, ["UTF-8"]),
    "JSON logs of a wrong type": (
        "/api/v1/logs",
        {"Content-Type": "application/xml"},
        b"{}",
        415,
        ["application/xml", "application/json"],
    ),
    "JSON logs in an unknown encoding": (
        "/api/v1/logs",
        JSON | {"Content-Encoding": "compress"},
        b"{}",
        415,
        ["compress"],
    ),
    "JSON logs over the limit": ("/api/v1/logs", JSON, b" " * (MIB + 1), 413, ["limits.ingest_body"]),
    "JSON logs nested too deep": ("/api/v1/logs", JSON, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400, ["deep"]),
    "a bomb of JSON logs": (
        "/api/v1/logs",
        JSON | {"Content-Encoding": "gzip"},
        lambda: gzip_bomb(512 * MIB),
        413,
        ["limits.ingest_body"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_cannot_be_read_is_refused_whole(clew, case):
    path, headers, body, status, words = REFUSED[case]
    before = clew.rejected()
    started = time.monotonic()
    response = clew.request("POST", path, data=body() if callable(body) else body, headers=headers)
    assert response.status_code == status, response.content[:500]
    assert time.monotonic() - started < 20
    message = status_message(response) if path.startswith("/v1/") else response.json()["error"]["message"]
    for word in words:
        assert word in message, message
    assert len(message) < 2_000
    assert clew.rejected() == before + 1
    assert_goes_on(clew)


def assert_partial(clew, signal, request, response_class, accepted, rejected, words):
    """Sends OTLP and checks the partial success and its count."""
    before = clew.rejected()
    response = clew.request("POST", f"/v1/{signal}", data=request.SerializeToString(), headers=PROTOBUF)
    assert response.status_code == 200, response.content
    partial = response_class.FromString(response.content).partial_success
    count = next(
        value.number and getattr(partial, value.name) for value in partial.DESCRIPTOR.fields if value.number == 1
    )
    assert count == rejected
    for word in words:
        assert word in partial.error_message
    assert clew.rejected() == before + rejected
    return accepted


HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("nanos", "words"),
    [
        (NOW + HOUR, ["10 minutes", "clock"]),
        (NOW - 4_000 * 24 * HOUR, ["retention"]),
        (2**64 - 1, ["time"]),
        (2**63, ["time"]),
        (1, ["retention"]),
    ],
)
def test_records_out_of_time_are_refused_by_themselves(clew, nanos, words):
    marker = uuid.uuid4().hex
    request = log_request(2, time.time_ns(), body=marker)
    request.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=nanos).body.string_value = marker
    assert_partial(clew, "logs", request, ExportLogsServiceResponse, 2, 1, words)
    assert len(clew.logs(marker)) == 2
    assert_partial(clew, "traces", span_request(start_time_unix_nano=nanos), ExportTraceServiceResponse, 0, 1, words)
    name = f"late_{marker}"
    request = gauge_request((1, time.time_ns()), (2, nanos), name=name)
    assert_partial(clew, "metrics", request, ExportMetricsServiceResponse, 1, 1, words)
    assert len(clew.query(f"{name}[1h]")[0]["values"]) == 1


@pytest.mark.parametrize(
    "stamp", ["NaN", '"yesterday"', "null", "[]", '"2023-13-45T99:00:00Z"', '""', "true"]
)
def test_a_time_that_cannot_be_read_is_kept_as_text_and_arrival_used(clew, stamp):
    marker = uuid.uuid4().hex
    body = f'{{"message": "m", "marker": "{marker}", "timestamp": {stamp}}}'
    response = clew.request("POST", "/api/v1/logs", data=body, headers=JSON)
    if stamp == "NaN":
        assert response.status_code == 400
        return
    assert (response.status_code, response.json()["accepted"]) == (200, 1)
    (log,) = clew.logs(f"marker:{marker}")
    assert abs(int(log["time_unix_nano"]) - time.time_ns()) < 60 * 10**9
    assert json.dumps(log["attributes"]["timestamp"]) == json.dumps(json.loads(stamp))


@pytest.mark.parametrize(("seconds", "words"), [(3_600, "10 minutes"), (-4_000 * 86_400, "retention")])
def test_json_logs_out_of_time_are_refused_by_themselves(clew, seconds, words):
    marker = uuid.uuid4().hex
    records = [{"marker": marker, "timestamp": time.time() + offset} for offset in (0, seconds, -1)]
    response = clew.request("POST", "/api/v1/logs", json=records)
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["rejected"]) == (200, 2, 1)
    (error,) = answer["errors"]
    assert error["index"] == 1 and words in error["reason"]
    assert len(clew.logs(f"marker:{marker}")) == 2


@pytest.mark.parametrize("stamp", ["1e300", "-1e300", '"2999-01-01"', '"1500-01-01T00:00:00Z"', "32472144000"])
def test_a_time_that_cannot_be_said_is_refused_by_itself_and_counted(clew, stamp):
    marker = uuid.uuid4().hex
    before = clew.rejected()
    lines = [f'{{"marker": "{marker}"}}', f'{{"marker": "{marker}", "timestamp": {stamp}}}', f'{{"marker": "{marker}"}}']
    response = clew.request("POST", "/api/v1/logs", data="\n".join(lines), headers=JSON)
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["rejected"]) == (200, 2, 1)
    (error,) = answer["errors"]
    assert error["index"] == 1 and "outside 1677-09-21 to 2262-04-11" in error["reason"]
    assert stamp.strip('"') in error["reason"] and "timestamp" in error["reason"]
    assert len(clew.logs(f"marker:{marker}")) == 2
    assert clew.rejected() == before + 1


@pytest.mark.parametrize(
    "path",
    ["correlate/%FF", "traces/%80%81", "logs/fields/a%C3/values", "label/%FF/values"],
)
def test_a_path_that_is_no_text_is_refused_in_the_shape_of_its_api(clew, path):
    is_prometheus = path.startswith("label")
    response = clew.request("GET", ("/prometheus" if is_prometheus else "") + "/api/v1/" + path)
    assert response.status_code == 400
    body = response.json()
    if is_prometheus:
        assert (body["status"], body["errorType"]) == ("error", "bad_data") and path in body["error"]
    else:
        assert body["error"]["code"] == "bad_request" and path in body["error"]["message"]
        assert "percent-encode" in body["error"]["hint"]


def test_not_a_number_is_a_sample_like_any_other(clew):
    name = f"nan_{uuid.uuid4().hex}"
    now = time.time_ns()
    values = [math.nan, math.inf, -math.inf, 1.0]
    request = gauge_request(*[(value, now - (4 - place) * 10**9) for place, value in enumerate(values)], name=name)
    assert_partial(clew, "metrics", request, ExportMetricsServiceResponse, 4, 0, [])
    (row,) = clew.query(f"{name}[1m]")
    assert [text for _, text in row["values"]] == ["NaN", "+Inf", "-Inf", "1"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"trace_id": b""}, ["trace_id"]),
        ({"trace_id": bytes(16)}, ["trace_id"]),
        ({"trace_id": b"short"}, ["trace_id", "16"]),
        ({"span_id": b"1234567"}, ["span_id", "8"]),
        ({"parent_span_id": b"123456789"}, ["parent_span_id", "8"]),
    ],
)
def test_spans_with_wrong_ids_are_refused_by_themselves(clew, fields, words):
    assert_partial(clew, "traces", span_request(**fields), ExportTraceServiceResponse, 0, 1, words)
    assert_goes_on(clew)


def test_invalid_utf8_in_protobuf_is_refused(clew):
    body = log_request(1, body="0123456789").SerializeToString().replace(b"0123456789", b"\xff\xfe\xfd3456789")
    before = clew.rejected()
    response = clew.request("POST", "/v1/logs", data=body, headers=PROTOBUF)
    if response.status_code == 200:
        partial = ExportLogsServiceResponse.FromString(response.content).partial_success
        assert partial.rejected_log_records == 1
        message = partial.error_message
    else:
        assert response.status_code == 400
        message = status_message(response)
    assert "UTF-8" in message
    assert clew.rejected() == before + 1
    assert_goes_on(clew)


def test_an_unknown_path_and_a_wrong_method_say_so(clew):
    response = clew.request("GET", "/api/v1/nothing")
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "not_found" and "/api/v1/nothing" in error["message"] and "openapi" in error["hint"]
    for method, path in [("DELETE", "/api/v1/logs"), ("GET", "/v1/traces"), ("PUT", "/api/v1/services")]:
        response = clew.request(method, path)
        assert response.status_code == 405, path
        assert method in response.json()["error"]["message"]


QUERY_FAULTS = [
    ("/api/v1/logs", {"query": "level:["}, 400, "bad_query"),
    ("/api/v1/logs", {"query": "("}, 400, "bad_query"),
    ("/api/v1/logs", {"query": "message:/(/"}, 400, "bad_query"),
    ("/api/v1/logs", {"query": '{app="x"'}, 400, "bad_query"),
    ("/api/v1/logs", {"query": "AND"}, 400, "bad_query"),
    ("/api/v1/logs", {"limit": "0"}, 400, "bad_request"),
    ("/api/v1/logs", {"limit": "10001"}, 400, "bad_request"),
    ("/api/v1/logs", {"limit": "many"}, 400, "bad_request"),
    ("/api/v1/logs", {"start": "soonish"}, 400, "bad_request"),
    ("/api/v1/logs", {"start": "now", "end": "now-1h"}, 400, "bad_request"),
    ("/api/v1/logs", {"order": "up"}, 400, "bad_request"),
    ("/api/v1/logs", {"cursor": "???"}, 400, "bad_request"),
    ("/api/v1/logs/histogram", {"step": "1ns", "start": "now-1h"}, 400, "bad_request"),
    ("/api/v1/traces", {"min_duration": "5 parsecs"}, 400, "bad_request"),
    ("/api/v1/traces", {"status": "meh"}, 400, "bad_request"),
    ("/api/v1/traces", {"kind": "meh"}, 400, "bad_request"),
    ("/api/v1/correlate/x", {"depth": "99"}, 400, "bad_request"),
    ("/api/v1/correlate/" + "x" * 600, {}, 400, "bad_request"),
    ("/api/v1/resolve", {}, 400, "bad_request"),
]


@pytest.mark.parametrize(("path", "params", "status", "code"), QUERY_FAULTS, ids=lambda value: str(value)[:40])
def test_questions_that_cannot_be_understood(clew, path, params, status, code):
    response = clew.request("GET", path, params=params)
    assert response.status_code == status, response.text[:300]
    error = response.json()["error"]
    assert error["code"] == code and error["message"]
    if code == "bad_query":
        assert 0 <= error["position"] <= len(params["query"])


# -- gRPC ---------------------------------------------------------------------------------------------------------

SERVICES = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}


def call(clew, method, body, **options):
    """A unary call with bytes as they are: the answer, or the error."""
    with grpc.insecure_channel(f"127.0.0.1:{clew.grpc}") as channel:
        return channel.unary_unary(method, request_serializer=None, response_deserializer=None)(
            body, timeout=30, **options
        )


@pytest.mark.parametrize("signal", SERVICES)
@pytest.mark.parametrize("body", [GOOD[:-3], b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f"], ids=["cut", "noise", "length"])
def test_grpc_malformed_messages_are_invalid_arguments(clew, signal, body):
    before = clew.rejected()
    with pytest.raises(grpc.RpcError) as caught:
        call(clew, SERVICES[signal], body)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "protobuf" in caught.value.details()
    assert clew.rejected() == before + 1
    assert_goes_on(clew)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_grpc_messages_over_the_limit_are_refused_for_good(clew, compression):
    before = clew.rejected()
    with pytest.raises(grpc.RpcError) as caught:
        call(clew, SERVICES["logs"], bytes(8 * MIB), compression=compression)
    # OTLP calls OUT_OF_RANGE and UNAVAILABLE retryable; a message that is too large will be too large again.
    assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert "limit" in caught.value.details()
    assert clew.rejected() == before + 1
    assert_goes_on(clew)


def test_grpc_unknown_calls_are_unimplemented(clew):
    with pytest.raises(grpc.RpcError) as caught:
        call(clew, "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "OTLP" in caught.value.details()


def test_grpc_partial_success_tells_what_was_refused(clew):
    request = log_request(2, time.time_ns())
    request.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=NOW + HOUR)
    answer = ExportLogsServiceResponse.FromString(call(clew, SERVICES["logs"], request.SerializeToString()))
    assert answer.partial_success.rejected_log_records == 1
    assert "10 minutes" in answer.partial_success.error_message


def test_plain_http_on_the_grpc_port_is_survived(clew):
    for noise in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        bytes(100),
        struct.pack(">I", 2**31),
    ]:
        for port in (clew.grpc, clew.otlp, clew.http):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.settimeout(2)
                with contextlib.suppress(OSError):
                    connection.sendall(noise)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1_000)
    assert_goes_on(clew)
