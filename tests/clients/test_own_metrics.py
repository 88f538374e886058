"""Every metric that Clew has of itself moves: a server is put through a day of its life, and what did not move is looked up in
a list of tests that move it."""

import pathlib
import re
import socket
import threading
import time
import urllib.parse

import grpc
import pytest
import requests
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clew_server import REPOSITORY, wait_until

TABLE = REPOSITORY / "crates/telemetry/src/metrics/table.rs"
PROTOBUF = {"Content-Type": "application/x-protobuf"}

# Metrics that a healthy server on a real disk does not move, and what moves them.
ELSEWHERE = {
    "clew_build_info": "crates/telemetry/tests/render.rs",
    "clew_telemetry_overflows_total": "crates/telemetry/tests/render.rs",
    "clew_ingest_stage_dropped_records_total": "crates/app/tests/write_path/rooms.rs",
    "clew_listener_dropped_datagrams_total": "crates/api/src/listen/tests.rs",
    "clew_journal_failures_total": "crates/app/tests/write_path/pipeline.rs",
    "clew_journal_torn_tails_total": "crates/journal/tests/journal.rs",
    "clew_store_seal_failures_total": "crates/app/tests/write_path/full_disk.rs",
    "clew_retention_deleted_parts_total": "crates/app/tests/write_path/signals.rs",
    "clew_retention_deleted_bytes_total": "crates/app/tests/write_path/signals.rs",
    "clew_auth_password_checks_total": "crates/app/src/access/tests.rs",
    "clew_auth_refused_total": "crates/app/src/access/tests.rs",
    "clew_tenants": "tests/clients/test_tenants.py",
    "clew_tenant_records_accepted_total": "tests/clients/test_tenants.py",
    "clew_tenant_ingest_bytes_total": "tests/clients/test_tenants.py",
    "clew_tenant_refused_total": "tests/clients/test_tenants.py",
    "clew_tenant_queries_total": "tests/clients/test_tenants.py",
    "clew_tenant_active_series": "tests/clients/test_tenants.py",
    "clew_tenant_log_streams": "tests/clients/test_tenants.py",
    "process_start_time_seconds": "it stands still by its meaning",
    "process_max_fds": "it stands still by its meaning",
    "clew_memory_limit_bytes": "it stands still by its meaning; tests/clients/test_memory.py",
}


def table():
    """The names of all metrics, as the code has them."""
    return set(re.findall(r'^\s+(?:counter|gauge|histogram) [A-Z_]+ = "([a-z_]+)"', TABLE.read_text(), re.M))


class Day:
    """What has moved since the server began to be watched."""

    def __init__(self, clew):
        self.clew, self.moved, self.last = clew, set(), {}
        self.look()
        self.moved.clear()

    def look(self):
        now = self.clew.own_metrics()
        for (name, labels), value in now.items():
            if self.last.get((name, labels)) != value:
                self.moved.add(re.sub(r"_(bucket|count|sum|created)$", "", name))
                self.moved.add(name)
        self.last = now


def spans(first, count):
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    now = time.time_ns()
    for number in range(first, first + count):
        ids = {"trace_id": number.to_bytes(16, "big"), "span_id": number.to_bytes(8, "big")}
        scope.spans.add(**ids, name="step", start_time_unix_nano=now, end_time_unix_nano=now + 1)
    return request.SerializeToString()


def samples(count):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for number in range(count):
        point = metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=number)
        point.attributes.add(key="n").value.string_value = str(number)
    return request.SerializeToString()


def send_all(clew, turn):
    # Words that do not compress, so that size counts.
    records = [{"message": f"{turn} {number * 2654435761 % 2**32:x} " * 40, "n": number} for number in range(2_000)]
    clew.send_logs(records)
    assert clew.request("POST", "/v1/traces", data=spans(turn * 10_000 + 1, 3_000), headers=PROTOBUF).status_code == 200
    assert clew.request("POST", "/v1/metrics", data=samples(500), headers=PROTOBUF).status_code == 200


def of_a_damaged_journal(clew):
    """What moves at a start that finds the middle of a journal damaged."""
    clew.expect_complaint("damage|set aside|passed over")
    clew.start()
    day = Day(clew)
    for number in range(5):
        clew.send_logs([{"message": f"word{number}"}])
    clew.kill()
    (journal,) = pathlib.Path(clew.data / "logs/journal").glob("*.journal")
    damaged = bytearray(journal.read_bytes())
    middle = len(damaged.rstrip(b"\0")) // 2
    for place in range(middle, middle + 20):
        damaged[place] ^= 0xFF
    journal.write_bytes(damaged)
    clew.start()
    day.look()
    clew.stop()
    return day.moved


@pytest.fixture
def scraped(tmp_path):
    """A prometheus.yml whose one target is nobody."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{nobody.getsockname()[1]}"
        path = tmp_path / "prometheus.yml"
        path.write_text(f"scrape_configs: [{{job_name: j, scrape_interval: 1s, static_configs: [{{targets: ['{target}']}}]}}]\n")
        yield path


def test_every_metric_moves(new_clew, scraped):
    clew = new_clew(
        "limits: { memory: 16MiB, query_memory: 256MiB }\n"
        "storage: { retention: { logs: { size: 1MiB } } }\n"
        f"prometheus: {{ config_file: {scraped} }}\n"
    )
    clew.expect_complaint("too many|cannot be|damaged|set aside|refused|limits.|missing")
    clew.start()
    day = Day(clew)
    for turn in range(12):
        send_all(clew, turn)
        day.look()
    refused = clew.request("POST", "/v1/logs", data=b"\xff", headers=PROTOBUF)
    assert refused.status_code == 400
    with grpc.insecure_channel(f"{clew.host}:{clew.grpc}") as channel:
        LogsServiceStub(channel).Export(ExportLogsServiceRequest())
    assert clew.get("/api/v1/logs", query="0")["logs"]
    assert requests.post(clew.url("/api/v1/logs"), data=b"x" * (65 << 20), timeout=60).status_code == 413
    assert clew.request("POST", "/-/reload").status_code == 200
    # Heavy questions, one of them by a reader who does not read.
    params = {"query": "m", "start": time.time() - 290, "end": time.time(), "step": 0.03}
    ask = "/prometheus/api/v1/query_range?" + urllib.parse.urlencode(params)
    client = socket.create_connection((clew.host, clew.http))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET {ask} HTTP/1.1\r\nHost: {clew.host}:{clew.http}\r\n\r\n".encode())
    asking = threading.Thread(target=lambda: [requests.get(clew.url(ask), timeout=60) for _ in range(3)])
    asking.start()
    while asking.is_alive():
        day.look()
    asking.join()
    client.close()
    wait_until(lambda: (day.look(), "clew_scrapes_total" in day.moved)[1], 20, "a scrape")
    clew.stop()
    # What was damaged is set aside, and said.
    (table_file, *_) = sorted(pathlib.Path(clew.data / "traces/store").rglob("*.table")) or [None]
    assert table_file is not None, list(pathlib.Path(clew.data / "traces/store").rglob("*"))
    table_file.write_bytes(table_file.read_bytes()[:-10])
    clew.start()
    day.look()
    clew.request("GET", "/api/v1/traces")
    day.look()
    clew.stop()
    day.moved |= of_a_damaged_journal(new_clew("limits: { memory: 256MiB }\n"))
    still = {name for name in table() if name not in day.moved} - set(ELSEWHERE)
    assert not still, f"these did not move: {sorted(still)}"
    constants = dict(re.findall(r'^\s+\w+ ([A-Z_]+) = "([a-z_]+)"', TABLE.read_text(), re.M))
    for name, where in ELSEWHERE.items():
        assert name in table(), f"{name} is no metric"
        if not where.startswith("it stands still"):
            text = (REPOSITORY / where).read_text()
            constant = next(constant for constant, own in constants.items() if own == name)
            assert name in text or constant in text, f"{where} does not look at {name}"
