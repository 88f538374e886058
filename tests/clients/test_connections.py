"""What connections may do: those whose request is refused go on, those that are too many make room."""

import socket
import time

import pytest

CONFIG = "limits: { connections: 40, ingest_body: 1MiB }\n"
LARGE = b"x" * (300 << 10)


def connect(clew, port=None):
    client = socket.create_connection((clew.host, port or clew.http), timeout=20)
    return client, client.makefile("rb")


def answer(reader):
    """Status, headers and body of the next answer; none where the connection ended."""
    line = reader.readline()
    if not line:
        return None
    headers = {}
    while (field := reader.readline().strip()) != b"":
        name, _, value = field.decode().partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return int(line.split()[1]), headers, body


def request(clew, method, path, body=b"", **headers):
    fields = {"Host": f"{clew.host}:{clew.http}", "Content-Length": str(len(body))} | headers
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


REFUSED = [
    ("POST", "/nothing/here", {}, 404),
    ("POST", "/api/v1/status", {}, 405),
    ("POST", "/api/v1/logs", {"Content_Type": "text/html"}, 415),
    ("POST", "/v1/logs", {"Content_Type": "text/html"}, 415),
    ("POST", "/api/v1/logs", {"Content_Type": "application/json", "Origin": "http://evil.example"}, 403),
    ("POST", "/api/v1/logs", {"Content_Type": "application/json", "Content_Encoding": "nonsense"}, 415),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSED)
def test_a_client_that_keeps_its_connection_loses_no_request_to_a_refusal(clew, method, path, headers, status):
    client, reader = connect(clew)
    for size in (10, 100 << 10, 200 << 10):
        client.sendall(request(clew, method, path, b"x" * size, **headers))
        assert answer(reader)[0] == status
        client.sendall(request(clew, "GET", "/-/healthy"))
        assert answer(reader)[0] == 200
    client.close()


@pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSED)
def test_a_refusal_of_a_large_body_says_that_the_connection_ends_and_arrives(clew, method, path, headers, status):
    client, reader = connect(clew)
    client.sendall(request(clew, method, path, LARGE, **headers))
    found, fields, body = answer(reader)
    assert (found, fields.get("connection")) == (status, "close") and body
    assert answer(reader) is None
    client.close()


def test_a_body_over_the_limit_is_refused_and_the_answer_arrives(clew):
    client, reader = connect(clew)
    body = b"x" * (8 << 20)
    client.sendall(request(clew, "POST", "/api/v1/logs", body, Content_Type="application/json"))
    status, fields, told = answer(reader)
    assert (status, fields["connection"]) == (413, "close") and b"limits.ingest_body" in told
    client.close()


def test_a_client_that_asks_for_leave_sends_nothing_in_vain(clew):
    client, reader = connect(clew)
    asked = request(clew, "POST", "/nothing/here", LARGE, Expect="100-continue")
    client.sendall(asked[: -len(LARGE)])
    status, fields, _ = answer(reader)
    assert (status, fields["connection"]) == (404, "close")
    client.close()
    client, reader = connect(clew)
    taken = request(clew, "POST", "/api/v1/logs", b'{"message":"a"}', Content_Type="application/json", Expect="100-continue")
    client.sendall(taken[:-15])
    assert answer(reader)[0] == 100
    client.sendall(taken[-15:])
    assert answer(reader)[0] == 200
    client.close()


def test_idle_connections_make_room_for_new_ones(clew):
    """As many as there may be stand idle: the oldest goes for each new one."""
    # Where the machine has much else to do, one ends only after the next has come, which is told.
    clew.expect_complaint("as many connections are open as there may be")
    idle = [connect(clew) for _ in range(60)]
    for client, reader in idle[40:]:
        client.sendall(request(clew, "GET", "/-/healthy"))
        assert answer(reader)[0] == 200
    # The youngest are still there.
    client, reader = idle[-1]
    client.sendall(request(clew, "GET", "/-/healthy"))
    assert answer(reader)[0] == 200
    assert clew.own_metrics()["clew_listener_connections", frozenset({("listener", "http")})] <= 40
    for client, _ in idle:
        client.close()


def test_a_connection_that_says_nothing_is_ended(clew):
    """On every port: without a byte, with a bare preface of HTTP/2, with half a head."""
    firsts = [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HT"]
    clients = [(connect(clew, port)[0], first) for port in (clew.http, clew.grpc, clew.otlp) for first in firsts]
    began = time.monotonic()
    for client, first in clients:
        client.settimeout(45)
        client.sendall(first)
    for client, _ in clients:
        try:
            while client.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        client.close()
    assert 20 < time.monotonic() - began < 45
