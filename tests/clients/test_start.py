"""Starting and stopping: everything is still there, and what is wrong is said clearly before any port opens."""

import os
import random
import socket
import subprocess
import time
import uuid

import pytest
import requests
from opentelemetry.sdk.resources import Resource

import sdk
from clew_server import Clew, binary, free_port, wait_until


def run(*arguments, timeout=30, environment=None):
    """Runs clew to its end: exit code and what it said."""
    done = subprocess.run(
        [str(binary()), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


def refused_to_start(clew):
    """Starts a server that must not come up: exit code and log. Its ports must never open."""
    clew.spawn()
    deadline = time.monotonic() + 20
    while clew.process.poll() is None:
        assert time.monotonic() < deadline, clew.log()
        for port in (clew.http, clew.grpc, clew.otlp):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is open"
        time.sleep(0.01)
    code, clew.process = clew.process.wait(), None
    assert "panicked" not in clew.log()
    return code, clew.log()


def test_everything_is_still_there_after_stop_and_start(new_clew):
    clew = new_clew().start()
    run_id = uuid.uuid4().hex
    clew.send_logs([{"message": f"m{n}", "correlation_id": run_id, "n": n} for n in range(500)])
    resource = Resource({"service.name": "restarted"})
    with sdk.tracing(clew, sdk.Wire(sdk.GRPC), resource=resource) as (provider, _):
        with provider.get_tracer("t").start_as_current_span("kept", attributes={"request_id": run_id}) as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
    with sdk.metering(clew, sdk.Wire(sdk.GRPC), resource=resource) as (provider, _):
        provider.get_meter("m").create_counter("kept").add(7)

    def everything():
        counts = clew.correlate(run_id)["counts"]
        samples = clew.query('kept_total{job="restarted"}[1h]')
        return clew.logs(f"correlation_id:{run_id}"), clew.trace(trace_id), counts, samples, clew.prometheus("metadata")

    before = everything()
    assert len(before[0]) == 500 and before[2] == {"logs": 500, "spans": 1, "exemplars": 0}
    for _ in range(3):
        clew.restart()
        assert everything() == before
    clew.send_logs([{"message": "after", "correlation_id": run_id}])
    assert len(clew.logs(f"correlation_id:{run_id}")) == 501
    clew.stop()


def test_requests_in_flight_are_finished_at_the_stop(new_clew):
    """What is on its way when SIGTERM comes is either acknowledged and kept, or refused."""
    import threading

    clew = new_clew().start()
    acknowledged, stop = [], threading.Event()

    def send(sender):
        number = 0
        while not stop.is_set():
            try:
                clew_session_send(clew, sender, number)
            except OSError:
                return
            acknowledged.append((sender, number))
            number += 1

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    clew.stop()
    stop.set()
    for thread in threads:
        thread.join()
    clew.start()
    kept = sorted((log["attributes"]["sender"], log["attributes"]["number"]) for log in clew.logs())
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(acknowledged) + len(threads)
    assert len(acknowledged) > 20
    clew.stop()


def clew_session_send(clew, sender, number):
    response = requests.post(clew.url("/api/v1/logs"), json={"sender": sender, "number": number}, timeout=10)
    if response.status_code != 200:
        raise OSError(response.status_code)


def test_a_start_says_where_things_are(new_clew):
    clew = new_clew().start()
    for port in (clew.http, clew.grpc, clew.otlp):
        assert f"127.0.0.1:{port}" in clew.log()
    assert clew.request("GET", "/-/healthy").status_code == 200
    assert clew.request("GET", "/").status_code == 200
    clew.stop()


def test_a_data_directory_has_one_server(new_clew):
    first = new_clew().start()
    second = new_clew()
    second.data = first.data
    code, log = refused_to_start(second)
    assert code in (1, 2)
    assert str(first.data) in log and any(word in log for word in ("lock", "in use", "another")), log
    first.send_logs([{"message": "the first goes on"}])
    first.stop()


def test_an_open_address_without_authentication_is_refused(new_clew):
    clew = new_clew(arguments=["--listen", "0.0.0.0"])
    code, log = refused_to_start(clew)
    assert code == 2, log
    # The message says both ways out.
    assert all(words in log for words in ("0.0.0.0", "auth", "mode: none", "configure")), log


def test_an_open_address_with_a_written_none_is_taken(new_clew):
    clew = new_clew("auth: { mode: none }\n", arguments=["--listen", "0.0.0.0"]).start()
    assert clew.request("GET", "/-/healthy").status_code == 200
    clew.expect_complaint("auth|0\\.0\\.0\\.0")
    clew.stop()


BAD_CONFIG = """\
storage:
  dri: /tmp/x
  retention: { logs: { age: soon } }
limits:
  query_timeout: 60 parsecs
  ingest_body: -3
correlation:
  patterns: ['(unclosed']
wat: 1
"""


def test_all_faults_of_a_configuration_are_told_at_once_with_their_lines(new_clew, tmp_path):
    clew = new_clew(BAD_CONFIG)
    offset = clew.config_path.read_text().index("storage:")
    first = clew.config_path.read_text()[:offset].count("\n") + 1
    faults = {0 + 1: "dri", 2: "soon", 4: "parsecs", 5: "ingest_body", 7: "unclosed", 8: "wat"}
    code, log = refused_to_start(clew)
    assert code == 2, log
    check_code, check = run("check-config", clew.config_path)
    assert check_code == 1
    for text in (log, check):
        for line, word in faults.items():
            assert any(f":{first + line}" in row and word in row for row in text.splitlines()) or any(
                f"line {first + line}" in row and word in row for row in text.splitlines()
            ), f"line {first + line}, {word!r} is not in:\n{text}"
    assert not clew.data.exists(), "a refused start leaves nothing behind"


def test_check_config_says_that_a_good_file_is_good(tmp_path):
    own = tmp_path / "clew.yml"
    own.write_text("storage: { retention: { logs: { age: 7d } } }\nlimits: { ingest_body: 1MiB }\n")
    prometheus = tmp_path / "prometheus.yml"
    prometheus.write_text("scrape_configs:\n  - job_name: a\n    static_configs: [{ targets: ['localhost:1'] }]\n")
    for path in (own, prometheus):
        code, text = run("check-config", path)
        assert code == 0, text
    prometheus.write_text("scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n  - job_name: a\n")
    code, text = run("check-config", prometheus)
    assert code == 1 and "3" in text and "scrape_interval" in text, text
    code, text = run("check-config", tmp_path / "missing.yml")
    assert code in (1, 2) and "missing.yml" in text
    code, text = run("check-config")
    assert code == 2
    code, text = run("no-such-command")
    assert code == 2


@pytest.mark.parametrize(
    ("key", "attribute"), [("server.http", "http"), ("server.otlp_grpc", "grpc"), ("server.otlp_http", "otlp")]
)
def test_a_taken_port_is_named_with_its_option(new_clew, key, attribute):
    clew = new_clew()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(clew, attribute)))
        taken.listen()
        clew.spawn()
        code = clew.process.wait(20)
        clew.process = None
    assert code in (1, 2)
    assert str(getattr(clew, attribute)) in clew.log() and key in clew.log()
    assert "panicked" not in clew.log()


@pytest.fixture
def drop_in(new_clew):
    """A server with the replaced systems' ports, on a loopback address of its own: the ports are fixed."""
    host = own_loopback()
    clew = new_clew(arguments=["--drop-in", "--listen", host])
    clew.host = host
    return clew


def test_drop_in_serves_prometheus_at_the_root_of_its_port(drop_in):
    clew, base = drop_in, f"http://{drop_in.host}:9090"
    clew.start()
    assert f"prometheus at {base}" in clew.log()
    clew.send_logs([{"message": "the main port serves too"}])
    for path in ("/-/healthy", "/-/ready", "/metrics"):
        assert requests.get(base + path, timeout=10).status_code == 200, path
    for method in (requests.get, requests.post):
        answer = method(base + "/api/v1/query", params={"query": "1 + 1"}, timeout=10).json()
        assert answer["status"] == "success" and answer["data"]["result"][1] == "2"
    nothing = requests.get(base + "/api/v1/nothing", timeout=10)
    assert nothing.status_code == 404 and nothing.json()["errorType"] == "not_found"
    # What is not built yet is not opened.
    for port in (3100, 9093, 9200, 16686):
        with socket.socket() as probe:
            assert probe.connect_ex((clew.host, port)) != 0, port
    clew.stop()


def test_a_taken_drop_in_port_is_named_with_its_option(drop_in):
    with socket.socket() as taken:
        taken.bind((drop_in.host, 9090))
        taken.listen()
        drop_in.spawn()
        code = drop_in.process.wait(20)
        drop_in.process = None
    assert code in (1, 2)
    assert f"{drop_in.host}:9090 (server.drop_in)" in drop_in.log(), drop_in.log()


def own_loopback():
    """A loopback address that nobody else listens on."""
    return f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(2, 254)}"


def test_without_drop_in_only_own_ports_are_opened(new_clew):
    clew = new_clew(arguments=["--listen", own_loopback()])
    clew.host = clew.arguments[-1]
    clew.start()
    for port, is_open in [(clew.http, True), (9090, False), (3100, False), (9093, False), (9200, False), (16686, False)]:
        with socket.socket() as probe:
            assert (probe.connect_ex((clew.host, port)) == 0) == is_open, port
    clew.stop()


def test_environment_wins_over_the_file_and_flags_over_both(tmp_path):
    ports = {"http": free_port(), "grpc": free_port(), "otlp": free_port()}
    clew = Clew(tmp_path, "limits: { ingest_body: 1KiB }\n", environment={"CLEW_LIMITS__INGEST_BODY": "4KiB"})
    clew.http, clew.environment["CLEW_SERVER__HTTP"] = ports["http"], f"127.0.0.1:{ports['http']}"
    try:
        clew.start()
        for size, status in [(3_000, 200), (5_000, 413)]:
            response = clew.request("POST", "/api/v1/logs", json={"message": "x" * size})
            assert response.status_code == status, size
        clew.stop()
    finally:
        clew.close()


def test_a_bad_reload_leaves_the_old_configuration_running(new_clew):
    clew = new_clew("correlation: { fields: [first_id] }\n").start()
    clew.configure("correlation: { feilds: [second_id] }\n")
    clew.expect_complaint("feilds|configuration")
    response = clew.request("POST", "/-/reload")
    assert response.status_code == 500 and "feilds" in response.text
    clew.send_logs([{"message": "goes on", "first_id": "abc"}])
    assert clew.correlate("abc")["counts"]["logs"] == 1
    clew.configure("correlation: { fields: [first_id] }\n")
    assert clew.request("POST", "/-/reload").status_code == 200
    own = {
        dict(labels).get("outcome"): value
        for (name, labels), value in clew.own_metrics().items()
        if name == "clew_config_reloads_total"
    }
    assert own == {"failed": 1.0, "ok": 1.0}
    clew.stop()


def test_runtimeinfo_tells_the_last_reload_and_the_warnings_in_force(new_clew):
    clew = new_clew("log: { level: info }\n").start()

    def status():
        info = clew.prometheus("status/runtimeinfo")
        return info["reloadConfigSuccess"], info["configWarnings"]

    def reload(config):
        clew.configure(config)
        return clew.request("POST", "/-/reload").status_code

    assert status() == (True, [])
    assert reload("alertmanager: { config_file: a.yml }\n") == 200
    succeeded, (warning,) = status()
    assert succeeded and "alertmanager.config_file" in warning
    clew.expect_complaint("lgo|configuration")
    assert reload("lgo: { level: info }\n") == 500
    assert status() == (False, [warning])
    assert reload("") == 200
    assert status() == (True, [])
    assert reload("limits: { query_timeout: 10s }\n") == 200
    succeeded, (warning,) = status()
    assert succeeded and "next start" in warning
    clew.stop()


def test_reload_brings_new_targets(new_clew):
    clew = new_clew("prometheus: { config_file: prometheus.yml }\n")
    path = clew.folder / "prometheus.yml"
    text = (
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n"
        "  - job_name: own\n    static_configs: [{{ targets: [{}] }}]\n"
    )
    path.write_text(text.format(""))
    clew.start()
    assert clew.prometheus("targets")["activeTargets"] == []
    path.write_text(text.format(f"'127.0.0.1:{clew.http}'"))
    assert clew.request("POST", "/-/reload").status_code == 200
    wait_until(lambda: clew.query('up{job="own"} == 1'), 10, "Clew scrapes itself")
    assert clew.query('clew_build_info{job="own"} == 1') != []
    path.write_text(text.format(""))
    assert clew.request("POST", "/-/reload").status_code == 200
    wait_until(lambda: not clew.query('up{job="own"}'), 10, "the series of a removed target are stale")
    clew.stop()


@pytest.mark.parametrize(("command", "stream", "code"), [("serve", "stderr", 2), ("check-config", "stdout", 1)])
def test_faults_keep_their_exit_code_though_nobody_reads_them(tmp_path, command, stream, code):
    config = tmp_path / "bad.yml"
    config.write_text("storage: { dri: x }\n")
    arguments = ["serve", "--config", config] if command == "serve" else ["check-config", config]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | {stream: writer}
        done = subprocess.run([str(part) for part in [binary(), *arguments]], timeout=20, **streams)
    finally:
        os.close(writer)
    assert done.returncode == code
