"""`GET /api/v1/services/{name}` and `/api/v1/service-map`, beside sums over the spans that were sent."""

import json
import math
import time
import uuid

import pytest

SERVER, CLIENT, INTERNAL = 2, 3, 1
KINDS = {SERVER: "server", CLIENT: "client", INTERNAL: "internal"}
SECOND = 10**9
STEP = 30 * SECOND
BASE = (time.time_ns() // STEP - 20) * STEP


def span(trace, number, parent, name, kind, start, millis, error=False):
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + millis * 1_000_000),
        "status": {"code": 2 if error else 0},
    }


@pytest.fixture(scope="module")
def sent(module_server):
    """The front calls the back, which calls the store, 100 times in five minutes; spans by service."""
    mark = uuid.uuid4().hex[:8]
    front, back, store = f"front-{mark}", f"back-{mark}", f"store-{mark}"
    spans = {front: [], back: [], store: []}
    for n in range(100):
        trace, start = uuid.uuid4().hex, BASE + 3 * SECOND * n
        spans[front].append(span(trace, 1, None, "GET /", SERVER, start, 100 + n, n % 10 == 0))
        spans[front].append(span(trace, 2, 1, "call back", CLIENT, start + 1, 90))
        spans[back].append(span(trace, 3, 2, "work", SERVER, start + 2, 10 + n, n % 5 == 0))
        spans[back].append(span(trace, 4, 3, "think", INTERNAL, start + 3, 5))
        if n % 2:
            spans[store].append(span(trace, 5, 4, "put", SERVER, start + 4, 1))
    for name, own in spans.items():
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": own}]}]}
        answer = module_server.request(
            "POST", "/v1/traces", data=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200, answer.text
    return front, back, store, spans


def nanos(own):
    return int(own["startTimeUnixNano"])


def duration(own):
    return int(own["endTimeUnixNano"]) - nanos(own)


def errors(spans):
    return sum(own["status"]["code"] == 2 for own in spans)


def check_quantiles(found, spans):
    """Each is within 1 % of the least duration that its share of the spans does not exceed."""
    ordered = sorted(duration(own) for own in spans)
    for name, share in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]:
        exact = ordered[math.ceil(len(ordered) * share) - 1]
        assert found[name] == pytest.approx(exact, rel=0.01), name


def test_a_service_over_time_and_by_operation(clew, sent):
    front, back, store, spans = sent
    end = BASE + 300 * SECOND - 1
    found = clew.get(f"/api/v1/services/{back}", start=BASE, end=end, step="30s")
    own = spans[back]
    assert (found["name"], found["spans"], found["errors"]) == (back, 200, 20)
    check_quantiles(found["duration_nanos"], own)
    assert found["step_nanos"] == str(STEP)
    assert found["callers"] == [{"service": front, "calls": 100, "errors": 20}]
    assert found["callees"] == [{"service": store, "calls": 50, "errors": 0}]

    assert [(row["name"], row["kind"]) for row in found["operations"]] == [("think", "internal"), ("work", "server")]
    for row in found["operations"]:
        matching = [one for one in own if one["name"] == row["name"]]
        assert (row["spans"], row["errors"]) == (len(matching), errors(matching))
        check_quantiles(row["duration_nanos"], matching)

    assert [int(row["start_unix_nano"]) for row in found["series"]] == [BASE + n * STEP for n in range(10)]
    for row in found["series"]:
        first = int(row["start_unix_nano"])
        matching = [one for one in own if first <= nanos(one) < first + STEP]
        assert (row["spans"], row["errors"]) == (len(matching), errors(matching)) and matching
        check_quantiles(row["duration_nanos"], matching)


def test_a_service_without_spans_in_the_range_is_an_empty_answer(clew, sent):
    found = clew.get("/api/v1/services/nobody")
    assert (found["spans"], found["errors"], found["operations"]) == (0, 0, [])
    assert found["callers"] == found["callees"] == []
    assert "last_seen" not in found and "duration_nanos" not in found
    # The last hour in about 60 buckets.
    assert found["step_nanos"] == str(60 * SECOND) and 60 <= len(found["series"]) <= 61
    assert all(row["spans"] == 0 and "duration_nanos" not in row for row in found["series"])


def test_the_map_has_every_service_and_call(clew, sent):
    front, back, store, spans = sent
    found = clew.get("/api/v1/service-map", start=BASE, end=BASE + 300 * SECOND)
    names = {front, back, store}
    nodes = [row for row in found["nodes"] if row["name"] in names]
    assert nodes == [{"name": n, "spans": len(spans[n]), "errors": errors(spans[n])} for n in sorted(names)]
    edges = [row for row in found["edges"] if row["client"] in names]
    assert edges == [
        {"client": back, "server": store, "calls": 50, "errors": 0},
        {"client": front, "server": back, "calls": 100, "errors": 20},
    ]


def test_what_cannot_be_answered_says_why(clew):
    for path, words in [
        ("/api/v1/services/x?step=1ns", "give a greater step"),
        ("/api/v1/services/x?start=now&end=now-1h", "ends"),
        ("/api/v1/service-map?start=never", "start"),
    ]:
        response = clew.request("GET", path)
        assert response.status_code == 400 and words in response.json()["error"]["message"], path
