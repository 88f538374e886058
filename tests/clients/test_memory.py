"""Memory is one budget: clients and targets that ask for more than it has room for are told to come back, and the process
stays within it. Each test drives one share to its end and looks at the resident memory of the process."""

import gzip
import http.server
import pathlib
import socket
import struct
import threading
import time
import urllib.parse

import pytest
import requests

from clew_server import wait_until

MIB = 1 << 20
# 11,000 points of a series, as many as an answer may have.
STEPS, STEP = 11_000, 0.027


def peak(clew):
    """The most resident memory that the process has had, in MiB."""
    status = pathlib.Path(f"/proc/{clew.process.pid}/status").read_text()
    (kib,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kib) // 1024


def send_series(clew, count):
    """So many series with one sample each; answers the path of a range that has 11,000 points of each."""
    now = time.time_ns()
    points = [
        {"timeUnixNano": str(now), "asDouble": 1.2345678901234, "attributes": [text("s", f"{number:06}")]}
        for number in range(count)
    ]
    metric = {"name": "big", "gauge": {"dataPoints": points}}
    resource = {"resource": {"attributes": [text("service.name", "t")]}, "scopeMetrics": [{"metrics": [metric]}]}
    assert clew.request("POST", "/v1/metrics", json={"resourceMetrics": [resource]}).status_code == 200
    start = now / 1e9
    params = {"query": "big", "start": start, "end": start + (STEPS - 1) * STEP, "step": STEP}
    return "/prometheus/api/v1/query_range?" + urllib.parse.urlencode(params)


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def answers_small_questions(clew, seconds):
    """Asks a small question again and again: each is answered soon."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        assert clew.get("/prometheus/api/v1/query", query="1")["data"]["result"][1] == "1"
        assert time.monotonic() - began < 3
        time.sleep(0.2)


@pytest.fixture
def small(new_clew):
    """A server with 256 MiB, and the path of an answer of 16 MB."""
    clew = new_clew("limits: { memory: 256MiB }\n").start()
    return clew, send_series(clew, 45)


def test_a_long_answer_is_the_same_however_it_is_sent(small):
    clew, path = small
    whole = clew.request("GET", path, headers={"Accept-Encoding": "identity"})
    packed = clew.request("GET", path)
    assert (packed.headers["Content-Encoding"], whole.headers.get("Content-Encoding")) == ("gzip", None)
    assert whole.content == packed.content and len(whole.content) > 16 * 10**6
    result = whole.json()["data"]["result"]
    assert [len(series["values"]) for series in result] == [STEPS] * 45
    assert {value for series in result for _, value in series["values"]} == {"1.2345678901234"}
    short = clew.request("GET", "/prometheus/api/v1/query?query=1")
    assert "Content-Length" in short.headers and "Content-Encoding" not in short.headers
    clew.stop()


def test_answers_that_nobody_reads_take_no_more_than_their_share(small):
    clew, path = small
    unread = []
    for _ in range(60):
        client = socket.create_connection((clew.host, clew.http))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {clew.host}:{clew.http}\r\n\r\n".encode())
        unread.append(client)
    answers_small_questions(clew, 8)
    # Who reads gets the whole answer beside those who do not.
    assert len(clew.request("GET", path).json()["data"]["result"]) == 45
    assert peak(clew) < 300
    for client in unread:
        client.close()
    clew.stop()


def literal(name, value):
    """A header field of HPACK, as it is (RFC 7541, 6.2.2)."""

    def string(data):
        length, out = len(data), bytearray()
        if length < 127:
            return bytes([length]) + data
        out.append(127)
        length -= 127
        while length >= 128:
            out.append(length % 128 + 128)
            length //= 128
        out.append(length)
        return bytes(out) + data

    return b"\x00" + string(name.encode()) + string(value.encode())


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def test_streams_whose_window_is_closed_take_no_more_than_their_share(small):
    clew, path = small
    client = socket.create_connection((clew.host, clew.http))
    # Settings: a window of nothing for every stream.
    client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 4, 0)))
    head = (":method", "GET"), (":scheme", "http"), (":authority", f"{clew.host}:{clew.http}"), (":path", path)
    fields = b"".join(literal(name, value) for name, value in head)
    for number in range(300):
        client.sendall(frame(1, 5, 2 * number + 1, fields))
    answers_small_questions(clew, 8)
    assert peak(clew) < 300
    # More than a connection may have at once were refused, one by one (RFC 9113, 5.1.2).
    client.settimeout(5)
    heard = b""
    while heard.count(frame(3, 0, 0)[3:5]) < 1:
        heard += client.recv(1 << 16)
    client.close()
    clew.stop()


def test_many_readers_of_large_answers(new_clew):
    clew = new_clew("limits: { memory: 512MiB }\n").start()
    path = send_series(clew, 300)
    outcomes = []

    def read():
        with requests.get(clew.url(path), headers={"Accept-Encoding": "identity"}, stream=True, timeout=120) as answer:
            length = sum(len(piece) for piece in answer.iter_content(MIB))
            outcomes.append((answer.status_code, length))

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    lengths = {length for status, length in outcomes if status == 200}
    assert len(outcomes) == 6 and len(lengths) == 1 and lengths.pop() > 100 * 10**6
    # Where all together would hold too much, some wait for others.
    assert {status for status, _ in outcomes} == {200}
    assert peak(clew) < 560
    clew.stop()


def test_a_client_that_goes_away_leaves_no_work_behind(small):
    clew, path = small
    for _ in range(8):
        client = socket.create_connection((clew.host, clew.http))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {clew.host}:{clew.http}\r\n\r\n".encode())
        client.close()
    time.sleep(1)
    before = cpu(clew)
    time.sleep(1)
    assert cpu(clew) - before < 0.3
    clew.stop()


def cpu(clew):
    """Seconds of processor time of the process."""
    fields = pathlib.Path(f"/proc/{clew.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_query_over_its_time_frees_its_place(new_clew):
    clew = new_clew("limits: { memory: 2GiB, query_timeout: 1s, query_concurrency: 2 }\n").start()
    path = send_series(clew, 1_000)
    clients = []
    for _ in range(4):
        client = socket.create_connection((clew.host, clew.http))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {clew.host}:{clew.http}\r\n\r\n".encode())
        clients.append(client)
    time.sleep(1.2)
    answers_small_questions(clew, 3)
    for client in clients:
        client.close()
    clew.stop()


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers the body of the server, compressed."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def exporters():
    """Makes exporters that answer this page on every address of the loopback network."""
    servers = []

    def make(body):
        server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Pages)
        server.body = gzip.compress(body, 1)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def scraping(tmp_path, port, targets, interval="5s"):
    names = ", ".join(f"'127.0.0.{number + 1}:{port}'" for number in range(targets))
    job = f"- {{job_name: j, scrape_interval: {interval}, static_configs: [{{targets: [{names}]}}]}}"
    (tmp_path / "prometheus.yml").write_text(f"scrape_configs:\n{job}\n")
    return f"prometheus: {{ config_file: {tmp_path}/prometheus.yml }}\n"


def test_scraped_pages_take_no_more_than_their_share(new_clew, tmp_path, exporters):
    port = exporters(b"a 1\n# " + b"x" * (250 * MIB) + b"\n")
    clew = new_clew("limits: { memory: 256MiB }\n" + scraping(tmp_path, port, 20))
    clew.expect_complaint("limits.memory")
    clew.start()

    def all_refused():
        targets = clew.get("/prometheus/api/v1/targets")["data"]["activeTargets"]
        return len(targets) == 20 and all("(limits.memory)" in target["lastError"] for target in targets)

    wait_until(all_refused, 30, "every page was refused by the name of the limit")
    assert peak(clew) < 300
    clew.stop()


def test_pages_that_fit_one_by_one_are_all_read(new_clew, tmp_path, exporters):
    page = b"".join(b'm{a="%05d"} 1\n' % number for number in range(1_000)) + b"# " + b"x" * (3 * MIB // 2) + b"\n"
    clew = new_clew("limits: { memory: 256MiB }\n" + scraping(tmp_path, exporters(page), 20)).start()

    def all_up():
        targets = clew.get("/prometheus/api/v1/targets")["data"]["activeTargets"]
        return [target["health"] for target in targets] == ["up"] * 20

    wait_until(all_up, 30, "every page was read")
    assert clew.get("/prometheus/api/v1/query", query="count(m)")["data"]["result"][0]["value"][1] == "20000"
    assert peak(clew) < 300
    clew.stop()


# -- what is sent ---------------------------------------------------------------------------------------------------


def bodies():
    """Bodies whose records take far more memory than their bytes, and ordinary ones."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    logs, spans = ExportLogsServiceRequest(), ExportTraceServiceRequest()
    scope = logs.resource_logs.add().scope_logs.add()
    for _ in range(20_000):
        scope.log_records.add()
    scope = spans.resource_spans.add().scope_spans.add()
    for number in range(20_000):
        now = time.time_ns()
        ids = {"trace_id": number.to_bytes(16, "big"), "span_id": number.to_bytes(8, "big")}
        scope.spans.add(**ids, start_time_unix_nano=now, end_time_unix_nano=now)
    wide = b"{" + b",".join(b'"k%d":%d' % (number, number) for number in range(300)) + b"}\n"
    plain = b'{"message":"hello world","level":"info","service":"x","user":"u17","n":12345}\n'
    protobuf = {"Content-Type": "application/x-protobuf"}
    ndjson = {"Content-Type": "application/x-ndjson"}
    return {
        "empty records": ("/api/v1/logs", ndjson, b"{}\n"),
        "plain records": ("/api/v1/logs", ndjson, plain),
        "wide records": ("/api/v1/logs", ndjson, wide),
        "empty OTLP logs": ("/v1/logs", protobuf, logs.SerializeToString()),
        "empty OTLP spans": ("/v1/traces", protobuf, spans.SerializeToString()),
    }


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("empty records", False),
        ("plain records", True),
        ("wide records", False),
        ("wide records", True),
        ("empty OTLP logs", True),
        ("empty OTLP spans", False),
    ],
)
def test_bodies_side_by_side_take_no_more_than_their_share(new_clew, kind, packed):
    path, headers, unit = bodies()[kind]
    body = unit * (12 * MIB // len(unit))
    if packed:
        body, headers = gzip.compress(body, 1), headers | {"Content-Encoding": "gzip"}
    clew = new_clew("limits: { memory: 256MiB }\n").start()
    outcomes = []

    def send():
        answer = requests.post(clew.url(path), data=body, headers=headers, timeout=120)
        outcomes.append(answer.status_code)
        assert answer.status_code != 429 or int(answer.headers["Retry-After"]) > 0

    senders = [threading.Thread(target=send) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    # Taken, told to come back, or more than there is memory for, which smaller batches are not.
    assert len(outcomes) == 6 and set(outcomes) <= {200, 413, 429}
    assert 200 in outcomes or 413 in outcomes
    assert peak(clew) < 300
    answer = clew.request("POST", path, data=unit, headers={"Content-Type": headers["Content-Type"]})
    assert answer.status_code == 200
    clew.stop()


def test_a_body_whose_records_find_no_room_is_told_so(new_clew):
    clew = new_clew("limits: { memory: 64MiB }\n").start()
    answer = clew.request("POST", "/api/v1/logs", data=b"{}\n" * (4 * MIB), headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 413
    assert "(limits.memory)" in answer.json()["error"]["message"]
    assert clew.own_metrics()["clew_limit_hits_total", frozenset({("limit", "memory")})] >= 1
    clew.stop()


# -- what is shown --------------------------------------------------------------------------------------------------


def test_shares_are_shown_and_move(small):
    clew, path = small
    names = {"ingest", "hot", "queries", "answers", "scraping", "caches"}

    def shares():
        own = clew.own_metrics()
        used = {name: own["clew_memory_bytes", frozenset({("share", name)})] for name in names}
        limits = {name: own["clew_memory_limit_bytes", frozenset({("share", name)})] for name in names}
        told = {share["name"]: share["limit"] for share in clew.get("/api/v1/status")["memory_shares"]}
        assert told == limits and sum(limits.values()) <= 256 * MIB
        return used

    before = shares()
    assert before["hot"] > 0 and before["answers"] == 0 and before["queries"] == 0
    client = socket.create_connection((clew.host, clew.http))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {clew.host}:{clew.http}\r\n\r\n".encode())
    time.sleep(1)
    during = shares()
    assert during["answers"] > 256 << 10 and during["queries"] > MIB
    own = clew.own_metrics()
    assert own["clew_query_memory_bytes", frozenset()] == during["queries"]
    client.close()
    time.sleep(0.5)
    after = shares()
    assert after["answers"] == 0 and after["queries"] == 0
    clew.stop()


# -- what everything carries ----------------------------------------------------------------------------------------


def test_an_id_that_everything_carries_has_its_story(new_clew):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    clew = new_clew("limits: { memory: 128MiB, query_memory: 8MiB }\n").start()
    base = time.time_ns() - 60 * 10**9
    for part in range(8):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for number in range(part * 5_000, (part + 1) * 5_000):
            ids = {"trace_id": (number // 5 + 1).to_bytes(16, "big"), "span_id": (number + 1).to_bytes(8, "big")}
            start = base + number * 1000
            span = scope.spans.add(**ids, name="step", start_time_unix_nano=start, end_time_unix_nano=start + 10)
            span.attributes.add(key="session_id").value.string_value = "session-of-all"
        body = request.SerializeToString()
        headers = {"Content-Type": "application/x-protobuf"}
        assert clew.request("POST", "/v1/traces", data=body, headers=headers).status_code == 200
    story = clew.get("/api/v1/correlate/session-of-all", limit=100)
    assert story["truncated"]["spans"] and story["counts"]["spans"] == 100
    # A trace comes whole though its spans carry what all others carry too.
    trace = clew.get(f"/api/v1/correlate/{1:032x}", limit=100)
    direct = [event for event in trace["timeline"] if event["reached"]["depth"] == 0]
    assert len(direct) == 5 and trace["truncated"]["spans"]
    named = clew.get("/api/v1/resolve", id="session-of-all")
    assert named["spans"] == 1_000 and named["truncated"]
    clew.stop()
