"""`GET /api/v1/status`: what the server is, holds and has taken."""

import datetime
import time

CONFIG = """
storage:
  max_size: 7GiB
  retention:
    logs: { age: 3d, size: 2GiB }
    metrics: { age: unlimited }
auth: { mode: none }
"""

DAY = 86_400 * 10**9


def by_signal(status):
    return {row["signal"]: row for row in status["signals"]}


def sources(status):
    return {(row["signal"], row["protocol"]): row for row in status["sources"]}


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def test_the_configuration_in_force_is_told(clew):
    status = clew.get("/api/v1/status")
    assert status["addresses"] == {
        "http": f"127.0.0.1:{clew.http}",
        "otlp_grpc": f"127.0.0.1:{clew.grpc}",
        "otlp_http": f"127.0.0.1:{clew.otlp}",
    }
    assert status["data_dir"] == str(clew.data)
    assert status["auth"] == {"mode": "none", "explicit": True}
    assert (status["ready"], status["demo"], status["config_warnings"]) == (True, False, [])
    assert status["max_bytes"] == 7 << 30
    # A debug build of an empty server: more than a few megabytes, less than a gigabyte.
    assert 4 << 20 < status["memory_bytes"] < 1 << 30
    assert 0 <= time.time() - seconds(status["started"]) < 60
    assert abs(time.time() - seconds(status["started"]) - status["uptime_seconds"]) < 2
    signals = by_signal(status)
    assert list(signals) == ["logs", "metrics", "traces"]
    assert (signals["logs"]["retention_nanos"], signals["logs"]["retention_bytes"]) == (3 * DAY, 2 << 30)
    assert "retention_nanos" not in signals["metrics"] and "retention_bytes" not in signals["metrics"]
    assert signals["traces"]["retention_nanos"] == 14 * DAY
    assert not any(row["failed"] for row in status["signals"])


def test_what_comes_is_counted_by_signal_and_protocol(new_clew):
    clew = new_clew().start()
    before = clew.get("/api/v1/status")
    assert before["sources"] == [] and before["auth"]["explicit"] is False
    assert all(row["accepted"] == row["rejected"] == 0 for row in before["signals"])

    began = time.time()
    clew.send_logs([{"message": "one"}, {"message": "two"}])
    answer = clew.request("POST", "/api/v1/logs", data=b'{"message":"three"}\n17\n')
    assert answer.json()["rejected"] == 1
    assert clew.request("POST", "/v1/traces", data=b"{", headers={"Content-Type": "application/json"}).status_code == 400

    status = clew.get("/api/v1/status")
    logs = by_signal(status)["logs"]
    assert (logs["accepted"], logs["rejected"], logs["hot_records"], logs["sealed_records"]) == (3, 1, 3, 0)
    assert logs["hot_bytes"] > 0
    seen = sources(status)
    assert set(seen) == {("logs", "json_logs"), ("traces", "otlp_http")}
    assert (seen["logs", "json_logs"]["accepted"], seen["logs", "json_logs"]["rejected"]) == (3, 1)
    assert began - 1 <= seconds(seen["logs", "json_logs"]["last_received"]) <= time.time() + 1
    assert (seen["traces", "otlp_http"]["accepted"], seen["traces", "otlp_http"]["rejected"]) == (0, 1)
    assert "last_received" not in seen["traces", "otlp_http"]
    clew.stop()


def test_a_store_that_holds_nothing_takes_nothing(new_clew):
    server = new_clew()
    server.start()
    status = server.get("/api/v1/status")
    assert [row["sealed_bytes"] + row["hot_bytes"] for row in status["signals"]] == [0, 0, 0]
    assert (status["demo"], status["temporary"]) == (False, False)
    # The disk agrees: nothing is reserved in advance, but for what is given up when the disk is full. The catalog is a
    # database of its own.
    files = {path: path.stat().st_size for path in server.data.rglob("*") if path.is_file()}
    stored = [path for path in files if path.relative_to(server.data).parts[0] not in ("reserve", "catalog")]
    assert sum(files[path] for path in stored) < 64 << 10
    assert files.get(server.data / "reserve", 0) <= 16 << 20
    server.stop()
