"""Every answer of the APIs that is worth it comes compressed, and says the same as one that does not."""

import random
import time

import pytest

PATHS = [
    "/api/v1/logs?limit=500",
    "/api/v1/logs/histogram?start=now-1h",
    "/api/v1/logs/fields",
    "/api/v1/logs/fields/request_id/values?limit=500",
    "/api/v1/logs/patterns",
    "/api/v1/openapi.json",
    "/prometheus/api/v1/metadata",
    "/prometheus/api/v1/query_range?query=clew_store_bytes&start=now-1h&end=now&step=1",
    "/prometheus/api/v1/series?match[]=clew_http_requests_total",
    "/metrics",
]


@pytest.fixture(scope="module")
def filled(module_server):
    rng = random.Random(24)
    now = time.time_ns()
    levels = ["INFO", "WARN", "ERROR"]
    words = ["cache", "queue", "payment", "user", "timeout", "retry", "disk", "socket"]
    module_server.send_logs(
        [
            {
                "timestamp": now - number * 1_000_000_000,
                "level": rng.choice(levels),
                "service": rng.choice(["billing", "store"]),
                "message": f"{rng.choice(words)} {rng.choice(words)} after {rng.randrange(5_000)} ms",
                "request_id": f"req-{rng.getrandbits(48):012x}",
                "context": {"tenant": f"acme-{rng.randrange(9)}", "attempt": rng.randrange(5)},
            }
            for number in range(1_000)
        ]
    )
    return module_server


@pytest.mark.parametrize("path", PATHS)
def test_what_is_large_is_compressed(clew, filled, path):
    plain = clew.request("GET", path, headers={"Accept-Encoding": "identity"})
    assert plain.status_code == 200, plain.text
    assert "Content-Encoding" not in plain.headers
    packed = clew.request("GET", path, headers={"Accept-Encoding": "gzip"}, stream=True)
    sent = len(packed.raw.read(decode_content=False))
    if len(plain.content) < 2_048:
        pytest.skip("small enough for a packet or two")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["Vary"].lower()
    assert sent < len(plain.content) / 2.5, (sent, len(plain.content))


def test_a_page_of_logs_is_a_fifth_of_its_size(clew, filled):
    path = "/api/v1/logs?limit=500&end=now"
    whole = len(clew.request("GET", path, headers={"Accept-Encoding": "identity"}).content)
    packed = clew.request("GET", path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert len(packed.raw.read(decode_content=False)) < whole / 5
    again = clew.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert len(again.json()["logs"]) == 500
