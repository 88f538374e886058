"""Memory is one budget: clients and targets that ask for more than it has room for are told to come back, and the process
stays within it. Each test drives one share to its end and looks at the resident memory of the process."""

import gzip
import http.server
import json
import pathlib
import socket
import struct
import threading
import time
import urllib.parse

import pytest
import requests

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
    # Where all together would hold too much, one is told to come back.
    assert {status for status, _ in outcomes} <= {200, 503}
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


def scraping(tmp_path, port, targets, interval="2s"):
    names = ", ".join(f"'127.0.0.{number + 1}:{port}'" for number in range(targets))
    job = f"- {{job_name: j, scrape_interval: {interval}, static_configs: [{{targets: [{names}]}}]}}"
    (tmp_path / "prometheus.yml").write_text(f"scrape_configs:\n{job}\n")
    return f"prometheus: {{ config_file: {tmp_path}/prometheus.yml }}\n"


def test_scraped_pages_take_no_more_than_their_share(new_clew, tmp_path, exporters):
    port = exporters(b"a 1\n# " + b"x" * (250 * MIB) + b"\n")
    clew = new_clew("limits: { memory: 256MiB }\n" + scraping(tmp_path, port, 20))
    clew.expect_complaint("limits.memory")
    clew.start()
    time.sleep(6)
    targets = clew.get("/prometheus/api/v1/targets")["data"]["activeTargets"]
    assert len(targets) == 20
    assert all("(limits.memory)" in target["lastError"] for target in targets)
    assert peak(clew) < 300
    clew.stop()


def test_pages_that_fit_one_by_one_are_all_read(new_clew, tmp_path, exporters):
    page = b"".join(b'm{a="%05d"} 1\n' % number for number in range(1_000)) + b"# " + b"x" * (3 * MIB) + b"\n"
    clew = new_clew("limits: { memory: 256MiB }\n" + scraping(tmp_path, exporters(page), 20)).start()
    time.sleep(6)
    targets = clew.get("/prometheus/api/v1/targets")["data"]["activeTargets"]
    assert [target["health"] for target in targets] == ["up"] * 20, [target["lastError"] for target in targets]
    assert clew.get("/prometheus/api/v1/query", query="count(m)")["data"]["result"][0]["value"][1] == "20000"
    assert peak(clew) < 300
    clew.stop()
