"""`clew demo`: soon every API has something to tell, and the parts agree with each other."""

import pathlib
import re
import socket
import subprocess
import time

import pytest
import requests

from clew_server import Clew, binary, free_port, wait_until

# The promise to a newcomer, who runs a release; a debug build on a busy machine has time.
SOMETHING_TO_SEE = 10.0 if "release" in binary().parts else 90.0


class Demo:
    """A running demo."""

    def __init__(self, folder, *arguments):
        self.log_path = folder / "demo.log"
        self.port = free_port()
        environment = {
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(folder),
            "CLEW_SERVER__HTTP": f"127.0.0.1:{self.port}",
            "CLEW_SERVER__OTLP_GRPC": "127.0.0.1:0",
            "CLEW_SERVER__OTLP_HTTP": "127.0.0.1:0",
        }
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(binary()), "demo", *map(str, arguments)], stdout=log, stderr=log, env=environment
            )

    def output(self):
        return self.log_path.read_text(errors="replace")

    def lines(self):
        """What the start printed, once it did."""
        wait_until(lambda: "This is a demo" in self.output() and "try" in self.output(), 60, self.output())
        return self.output()

    def get(self, path, **params):
        response = requests.get(f"http://127.0.0.1:{self.port}{path}", params=params, timeout=30)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:1000]}"
        return response.json()

    def query(self, expression):
        return self.get("/prometheus/api/v1/query", query=expression)["data"]["result"]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, self.output()
        assert "panicked" not in self.output() and " ERROR " not in self.output(), self.output()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    started = Demo(tmp_path_factory.mktemp("demo"))
    try:
        wait_until(lambda: everything_tells(started), SOMETHING_TO_SEE, "every API has something to tell")
        started.id = re.search(r"/id/(req-[0-9a-f]+)", started.lines()).group(1)
        yield started
        started.stop()
    finally:
        started.process.kill()
        started.process.wait()


def everything_tells(demo):
    """Whether every API has something to tell; false while the server does not listen yet."""
    half_hour = {"start": "now-30m", "end": "now"}
    try:
        series = demo.get("/prometheus/api/v1/query_range", query="sum(up)", step="30s", **half_hour)["data"]["result"]
        exemplars = demo.get(
            "/prometheus/api/v1/query_exemplars", query="llm_request_duration_seconds_bucket", **half_hour
        )["data"]
        return (
            len(demo.get("/api/v1/logs", limit=100)["logs"]) == 100
            and demo.get("/api/v1/logs/histogram", **half_hour)["total"] > 1_000
            and len(demo.get("/api/v1/traces", limit=50)["traces"]) == 50
            and len(demo.get("/api/v1/services")["services"]) == 10
            and demo.get("/prometheus/api/v1/metadata")["data"]
            and series
            and exemplars
        )
    except requests.ConnectionError:
        assert demo.process.poll() is None, demo.output()
        return False


def test_every_service_and_every_kind_of_metric_is_there(demo):
    assert {field["name"] for field in demo.get("/api/v1/logs/fields")["fields"]} >= {"service", "correlation_id"}
    services = demo.get("/api/v1/services")["services"]
    assert {service["name"] for service in services} == {
        *("api-gateway", "orchestrator", "planner", "researcher", "coder", "reviewer", "publisher"),
        *("queue", "llm-gateway", "vector-store"),
    }
    assert len(demo.query("up")) == 14
    assert demo.query("histogram_quantile(0.95, sum by (le) (rate(agent_task_duration_seconds_bucket[5m])))")
    assert demo.get("/prometheus/api/v1/metadata")["data"]["queue_depth"][0]["type"] == "gauge"
    status = demo.get("/api/v1/status")
    assert status["demo"] is True
    assert {(one["signal"], one["protocol"]) for one in status["sources"] if one["accepted"]} == {
        ("logs", "demo"),
        ("metrics", "demo"),
        ("traces", "demo"),
    }


def test_the_place_it_names_tells_an_incident_in_all_signals(demo):
    story = demo.get(f"/api/v1/correlate/{demo.id}")
    assert not story["truncated"]["any"] or story["truncated"]["depth"]
    assert min(story["counts"].values()) > 0, story["counts"]
    assert "first_error" in story and len(story["lanes"]) >= 4
    found = {one["field"] for one in story["found_in"]}
    assert {"correlation_id", "metadata.correlation_id"} <= found


def test_metrics_agree_with_the_spans_that_can_be_searched(demo):
    # A whole past minute, aligned to the scrapes: what was counted between two scrapes is what ended between them.
    end = (time.time() // 15 - 1) * 15
    counted = sum(
        float(row["value"][1]) * sign
        for at, sign in ((end, 1), (end - 60, -1))
        for row in demo.get(
            "/prometheus/api/v1/query", query='agent_tasks_total{job="publisher"}', time=at
        )["data"]["result"]
    )
    # Ends are not searched by: spans that began some time before the minute are asked for too.
    page = demo.get(
        "/api/v1/traces", service="publisher", kind="consumer", start=end - 200, end=end, limit=1000
    )
    assert "next_cursor" not in page
    spans = 0
    for trace in page["traces"]:
        for span in demo.get(f"/api/v1/traces/{trace['trace_id']}")["spans"]:
            ended = int(span["end_unix_nano"]) / 1e9
            if span["service"] == "publisher" and span["kind"] == "consumer" and end - 60 < ended <= end:
                spans += 1
    assert spans == counted > 0


def test_it_goes_on_live(demo):
    newest = lambda: demo.get("/api/v1/logs", limit=1)["logs"][0]["time"]
    before = newest()
    wait_until(lambda: newest() > before, 5, "newer logs come")


def test_the_data_is_removed_at_the_end_unless_a_folder_is_named(tmp_path):
    demo = Demo(tmp_path)
    try:
        folder = pathlib.Path(re.search(r"data +(\S+) \(removed at the end\)", demo.lines()).group(1))
        assert folder.parent == tmp_path and (folder / "LOCK").exists()
        demo.stop()
        assert not folder.exists()
    finally:
        demo.process.kill()


def test_with_a_folder_the_story_goes_on_where_it_ended(tmp_path):
    folder = tmp_path / "kept"
    demo = Demo(tmp_path, "--data-dir", folder)
    try:
        demo.lines()
        time.sleep(1)
        newest = demo.get("/api/v1/traces", limit=1)["traces"][0]
        demo.stop()
        demo = Demo(tmp_path, "--data-dir", folder)
        wait_until(lambda: "This is a demo" in demo.output(), 60, demo.output())
        assert "removed" not in demo.output()
        # The history of half an hour is not told twice: a target has at most one sample every 15 s.
        assert float(demo.query('count_over_time(up{job="queue"}[40m])')[0]["value"][1]) <= 121
        assert demo.get(f"/api/v1/traces/{newest['trace_id']}")["spans"]
        demo.stop()
        assert "refused records" not in demo.output()
    finally:
        demo.process.kill()


def test_a_stop_is_heard_while_the_history_is_written(tmp_path):
    demo = Demo(tmp_path)
    try:
        wait_until(lambda: is_listening(demo), 60, demo.output())
        demo.stop()
        assert "This is a demo" not in demo.output(), "the history was finished first"
        assert "stopped" in demo.output()
        assert not list(tmp_path.glob("clew-demo*")), "the temporary folder is left"
    finally:
        demo.process.kill()


def is_listening(demo):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", demo.port)) == 0


def test_in_a_folder_with_fresh_traces_of_others_the_whole_history_is_told(tmp_path):
    clew = Clew(tmp_path / "others")
    now = time.time_ns()
    span = {"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "name": "x", "kind": 1}
    # As far ahead as a span may be.
    span |= {"startTimeUnixNano": str(now + 300 * 10**9), "endTimeUnixNano": str(now + 301 * 10**9)}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "other"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    try:
        clew.start()
        assert requests.post(f"http://{clew.host}:{clew.otlp}/v1/traces", json=body, timeout=10).status_code == 200
        clew.stop()
    finally:
        clew.close()
    demo = Demo(tmp_path, "--data-dir", clew.data)
    try:
        assert "/id/req-" in demo.lines()
        counts = demo.query('count_over_time(up{job="queue"}[40m])')
        assert float(counts[0]["value"][1]) > 100
        demo.stop()
    finally:
        demo.process.kill()
