"""Who is let in: users and tokens of the configuration and of a file, over HTTP, OTLP and gRPC, with real clients."""

import base64
import os
import pty
import re
import signal
import ssl
import subprocess
import time

import grpc
import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

import clew_server

REFUSED = "credentials were refused"


def run(*arguments, typed=None):
    done = subprocess.run([clew_server.binary(), *arguments], input=typed, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hashed(password):
    return run("hash-password", typed=password + "\n").strip()


def new_token():
    """A token and its digest."""
    return re.fullmatch(r"token:  (clew_[\w-]{43})\ndigest: (sha256:[0-9a-f]{64})\n", run("new-token")).groups()


@pytest.fixture
def door(new_clew):
    """A server with a user and a token for each scope; answers it and the tokens by scope."""
    tokens = {scope: new_token() for scope in ("ingest", "read", "admin")}
    listed = "".join(
        f"    - {{ name: {scope}, digest: '{digest}', scopes: [{scope}] }}\n" for scope, (_, digest) in tokens.items()
    )
    clew = new_clew(
        f"auth:\n  mode: basic\n  users:\n    - {{ name: ada, password_hash: '{hashed('s3cret: ☃')}', scopes: [read] }}\n"
        f"  tokens:\n{listed}"
    )
    return clew.start(), {scope: token for scope, (token, _) in tokens.items()}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_each_scope_opens_what_it_is_for(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    for headers, expected in [
        ({}, (401, 401, 401)),
        (bearer("clew_guess"), (401, 401, 401)),
        (bearer(tokens["ingest"]), (403, 200, 403)),
        (bearer(tokens["read"]), (200, 403, 403)),
        (bearer(tokens["admin"]), (403, 403, 200)),
    ]:
        asked = clew.request("GET", "/api/v1/logs", headers=headers)
        sent = clew.request("POST", "/api/v1/logs", data=b"{}", headers=headers | {"Content-Type": "application/json"})
        reloaded = clew.request("POST", "/-/reload", headers=headers)
        assert (asked.status_code, sent.status_code, reloaded.status_code) == expected, headers
        for refused in (asked, sent, reloaded):
            if refused.status_code == 401:
                assert "Basic" in refused.headers["WWW-Authenticate"] and "Bearer" in refused.headers["WWW-Authenticate"]
    for path in ("/-/healthy", "/-/ready"):
        assert clew.request("GET", path).status_code == 200
    assert clew.request("GET", "/", headers={"Accept": "text/html"}).status_code == 200


def test_passwords_are_taken_and_tokens_in_their_place(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    for user, password, status in [
        ("ada", "s3cret: ☃".encode(), 200),
        ("ada", b"wrong", 401),
        ("eve", "s3cret: ☃".encode(), 401),
        ("whoever", tokens["read"].encode(), 200),
    ]:
        credentials = base64.b64encode(user.encode() + b":" + password).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        answer = clew.request("GET", "/prometheus/api/v1/query?query=1", headers=headers)
        assert answer.status_code == status, (user, password)
        assert answer.json()["status"] == ("success" if status == 200 else "error")


def test_sdks_send_with_a_token_and_are_told_without_one(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    spans = []
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(type("Keep", (), {
        "export": lambda self, batch: spans.extend(batch) or SpanExportResult.SUCCESS,
        "shutdown": lambda self: None,
    })()))
    provider.get_tracer("t").start_span("guarded").end()
    http, rpc = f"http://127.0.0.1:{clew.otlp}/v1/traces", f"http://127.0.0.1:{clew.grpc}"
    for token, expected in [(tokens["ingest"], SpanExportResult.SUCCESS), (tokens["read"], SpanExportResult.FAILURE)]:
        assert HttpExporter(http, headers={"authorization": f"Bearer {token}"}).export(spans) == expected
        exporter = GrpcExporter(rpc, insecure=True, headers=(("authorization", f"Bearer {token}"),))
        assert exporter.export(spans) == expected
    stub = logs_service_pb2_grpc.LogsServiceStub(grpc.insecure_channel(f"127.0.0.1:{clew.grpc}"))
    for metadata, code in [
        (None, grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", f"Bearer {tokens['read']}"),), grpc.StatusCode.PERMISSION_DENIED),
    ]:
        with pytest.raises(grpc.RpcError) as refused:
            stub.Export(logs_service_pb2.ExportLogsServiceRequest(), metadata=metadata, timeout=20)
        assert refused.value.code() == code
    found = requests.get(clew.url("/api/v1/traces"), headers=bearer(tokens["read"]), timeout=20).json()
    assert len(found["traces"]) == 1 and "guarded" in str(found["traces"][0])


def test_a_file_of_tokens_is_read_anew_when_it_changes(new_clew, tmp_path):
    (first, first_digest), (second, second_digest) = new_token(), new_token()
    file = tmp_path / "door.yml"

    def write(digest):
        file.write_text(f"tokens: [{{ name: a, digest: '{digest}', scopes: [read] }}]\n")

    write(first_digest)
    clew = new_clew(f"auth: {{ mode: token, file: {file} }}\n").start()
    clew.expect_complaint(REFUSED)

    def status(token):
        return clew.request("GET", "/api/v1/status", headers=bearer(token)).status_code

    assert (status(first), status(second)) == (200, 401)
    write(second_digest)
    clew_server.wait_until(lambda: status(second) == 200, 20, "the new token counts")
    assert status(first) == 401
    clew.expect_complaint("auth.file is not usable")
    file.write_text("tokens: [{ name: a }]\n")
    clew_server.wait_until(lambda: "auth.file is not usable" in clew.log(), 20, "the fault is told")
    assert status(second) == 200


def test_guessing_is_slowed_and_counted_and_no_secret_is_written(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    began = time.monotonic()
    guesses = [f"hunter{n}" for n in range(8)]
    for guess in guesses:
        assert clew.request("GET", "/api/v1/status", auth=("ada", guess)).status_code == 401
    assert time.monotonic() - began > 0.25 + 0.5 + 1 + 2
    answer = clew.request("GET", "/metrics", headers=bearer(tokens["read"]))
    own = clew_server.parse_exposition(answer.text)
    assert own["clew_auth_refused_total", frozenset({("reason", "wrong")})] == len(guesses)
    status = clew.request("GET", "/api/v1/status", headers=bearer(tokens["read"]))
    assert status.json()["auth"] == {"mode": "basic", "explicit": True}
    for text in (clew.log(), answer.text, status.text):
        for secret in [*guesses, *tokens.values(), "argon2id", "sha256:"]:
            assert secret not in text
    assert "ada" in clew.log() and "127.0.0.1" in clew.log()


def test_behind_a_trusted_proxy_the_clients_address_counts(new_clew):
    user = f"{{ name: ada, password_hash: '{hashed('open sesame')}', scopes: [admin] }}"
    auth = f"auth: {{ mode: basic, users: [{user}] }}\n"
    for server, seen in [("  trusted_proxies: [127.0.0.0/8]\n", "192.0.2.7"), ("", "127.0.0.1")]:
        clew = new_clew(server + auth).start()
        # The proxy adds whom it saw to what the client wrote.
        headers = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}
        login = clew.request("POST", "/api/v1/session", json={"name": "ada", "password": "open sesame"}, headers=headers)
        assert login.status_code == 200
        entries = clew.request("GET", "/api/v1/audit", auth=("ada", "open sesame")).json()["entries"]
        assert [entry["origin"] for entry in entries if entry["what"] == "login"] == [seen]
        clew.stop()


def test_a_reload_changes_who_is_let_in(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    token, digest = new_token()
    clew.configure(f"auth: {{ mode: basic, tokens: [{{ name: new, digest: '{digest}', scopes: [read] }}] }}\n")
    assert clew.request("POST", "/-/reload", headers=bearer(tokens["admin"])).status_code == 200
    assert clew.request("GET", "/api/v1/status", headers=bearer(token)).status_code == 200
    assert clew.request("GET", "/api/v1/status", headers=bearer(tokens["read"])).status_code == 401


def test_a_password_is_never_taken_from_the_command_line_and_not_shown_while_typed():
    refused = subprocess.run([clew_server.binary(), "hash-password", "hunter2"], capture_output=True, timeout=30)
    assert refused.returncode == 2
    terminal, other = pty.openpty()
    asked = subprocess.Popen([clew_server.binary(), "hash-password"], stdin=other, stdout=subprocess.PIPE, stderr=other)
    shown = b""
    for prompt in (b"Password: ", b"again: "):
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        time.sleep(0.2)
        os.write(terminal, b"hunter2\n")
    assert asked.communicate(timeout=30)[0].startswith(b"$argon2id$v=19$")
    assert b"hunter2" not in shown
    os.close(terminal), os.close(other)


def test_the_command_line_asks_with_a_token_or_a_password(door):
    clew, tokens = door
    clew.expect_complaint(REFUSED)
    for arguments, environment, code in [
        ([], {}, 1),
        ([], {"CLEW_TOKEN": tokens["read"]}, 0),
        (["--token", tokens["read"]], {"CLEW_TOKEN": "clew_other"}, 0),
        (["--token", tokens["ingest"]], {}, 1),
        (["--user", "ada"], {"CLEW_PASSWORD": "s3cret: ☃"}, 0),
        (["--user", "ada"], {"CLEW_PASSWORD": "hunter2"}, 1),
        (["--user", "ada"], {}, 2),
        (["--server", clew.url("").replace("://", "://whoever:" + tokens["read"] + "@")], {}, 0),
        (["--server", clew.url("").replace("://", "://ada:hunter2@")], {}, 1),
        (["--server", "http://ada:hunter2@127.0.0.1:1"], {}, 1),
        (["--server", "ftp://ada:hunter2@h"], {}, 2),
    ]:
        done = subprocess.run(
            [clew_server.binary(), "query", "logs", *arguments],
            env={"PATH": os.environ["PATH"], "CLEW_URL": clew.url("")} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == code, (arguments, done.stderr)
        assert "hunter2" not in done.stderr and "clew_" not in done.stderr
    assert run("health", "--server", clew.url("")) is not None


def test_a_login_ends_when_it_is_not_used_and_with_its_user(new_clew):
    user = f"{{ name: ada, password_hash: '{hashed('s3cret')}', scopes: [read] }}"
    clew = new_clew(f"auth: {{ mode: basic, session_idle: 2s, users: [{user}] }}\n").start()
    browser = requests.Session()
    answer = browser.post(clew.url("/api/v1/session"), json={"name": "ada", "password": "s3cret"}, timeout=20)
    assert answer.json()["principal"] == "ada"
    assert "HttpOnly" in answer.headers["Set-Cookie"] and "SameSite=Strict" in answer.headers["Set-Cookie"]

    def status():
        return browser.get(clew.url("/api/v1/status"), timeout=20).status_code

    for _ in range(3):
        time.sleep(1)
        assert status() == 200
    time.sleep(2.5)
    assert status() == 401
    browser.post(clew.url("/api/v1/session"), json={"name": "ada", "password": "s3cret"}, timeout=20)
    assert status() == 200
    clew.configure(f"auth: {{ mode: basic, session_idle: 2s, users: [{user.replace('ada', 'bob')}] }}\n")
    clew.process.send_signal(signal.SIGHUP)
    clew_server.wait_until(lambda: status() == 401, 10, "the session ends with its user")


def test_a_name_that_is_not_the_servers_is_refused_on_every_port(new_clew):
    clew = new_clew().start()
    ports = {clew.http: "/api/v1/logs", clew.otlp: "/v1/logs"}
    for port, path in ports.items():
        for host, refused in [("evil.example", True), (f"evil.example:{port}", True), (f"localhost:{port}", False)]:
            answer = requests.get(f"http://127.0.0.1:{port}{path}", headers={"Host": host}, timeout=20)
            assert (answer.status_code == 403) == refused, (host, answer.text)
            assert answer.headers["X-Content-Type-Options"] == "nosniff" and "Referrer-Policy" in answer.headers
            assert not refused or "server.hosts" in answer.text or path == "/v1/logs"
    options = [("grpc.default_authority", "evil.example")]
    stub = logs_service_pb2_grpc.LogsServiceStub(grpc.insecure_channel(f"127.0.0.1:{clew.grpc}", options=options))
    with pytest.raises(grpc.RpcError) as refused:
        stub.Export(logs_service_pb2.ExportLogsServiceRequest(), timeout=20)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_certificates_are_read_anew_when_they_change(new_clew, tmp_path):
    testdata = clew_server.REPOSITORY / "crates/api/src/listen/testdata"
    cert, key = tmp_path / "tls.pem", tmp_path / "tls.key"

    def install(name):
        cert.write_bytes((testdata / f"{name}.pem").read_bytes())
        key.write_bytes((testdata / f"{name}.key").read_bytes())

    install("server")
    clew = new_clew(f"  tls: {{ cert: {cert}, key: {key} }}\n")
    clew.spawn()

    def shown(port):
        try:
            return ssl.get_server_certificate(("127.0.0.1", port), timeout=5).strip()
        except OSError:
            return None

    def expected(name):
        return (testdata / f"{name}.pem").read_text().strip()

    ports = (clew.http, clew.grpc, clew.otlp)
    clew_server.wait_until(lambda: all(shown(port) == expected("server") for port in ports), 30, "TLS is spoken")
    install("client")
    clew_server.wait_until(lambda: all(shown(port) == expected("client") for port in ports), 30, "the new one is shown")
    clew.expect_complaint("certificates are not usable")
    key.write_text("no key")
    clew_server.wait_until(lambda: "certificates are not usable" in clew.log(), 30, "the fault is told")
    assert shown(clew.http) == expected("client")
