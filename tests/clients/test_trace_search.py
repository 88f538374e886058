"""The order of trace search, its bounds and its plot, against a plain list of the traces that were sent."""

import json
import random
import time

import pytest

JSON = {"Content-Type": "application/json"}
MILLI = 1_000_000
SECOND = 1_000 * MILLI


class Sent:
    """A trace as the tests know it."""

    def __init__(self, number, start, spans):
        self.id = f"{number + 1:032x}"
        self.spans = spans
        self.start = min(begin for begin, _, _ in spans)
        self.duration = max(end for _, end, _ in spans) - self.start
        self.errors = sum(failed for _, _, failed in spans)

    def otlp(self):
        for number, (start, end, failed) in enumerate(self.spans):
            yield {
                "traceId": self.id,
                "spanId": f"{number + 1:016x}",
                "parentSpanId": "" if number == 0 else f"{1:016x}",
                "name": "root" if number == 0 else "child",
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(end),
                "status": {"code": 2} if failed else {},
            }


@pytest.fixture(scope="module")
def sent(module_server):
    rng = random.Random(17)
    now = time.time_ns()
    traces = []
    for number in range(700):
        start = now - 900 * SECOND + number * SECOND
        spans = [(start, start + rng.randrange(1, 2_000) * MILLI, rng.random() < 0.1)]
        for _ in range(rng.randrange(3)):
            begin = start + rng.randrange(500) * MILLI
            spans.append((begin, begin + rng.randrange(500) * MILLI, False))
        traces.append(Sent(number, start, spans))
    # The oldest of all is the longest, and began long before what is asked about.
    start = now - 1_800 * SECOND
    traces.append(Sent(9_000, start, [(start, start + 97_950 * MILLI, False), (now - 600 * SECOND, now - 599 * SECOND, True)]))
    for batch in range(0, len(traces), 50):
        spans = [span for trace in traces[batch : batch + 50] for span in trace.otlp()]
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        answer = module_server.request("POST", "/v1/traces", data=json.dumps(body), headers=JSON)
        assert answer.status_code == 200, answer.text
    bounds = {"start": (now - 900 * SECOND), "end": now}
    return traces, bounds


def walk(clew, **params):
    found, cursor = [], {}
    while True:
        page = clew.get("/api/v1/traces", **params, **cursor)
        found += page["traces"]
        if "next_cursor" not in page:
            return found, page.get("total")
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", [20, 500, 1000])
@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("duration", lambda trace: trace.duration),
        ("spans", lambda trace: len(trace.spans)),
        ("errors", lambda trace: trace.errors),
    ],
)
def test_every_trace_of_the_range_is_sorted_whatever_a_page_holds(clew, sent, sort, value, limit):
    traces, bounds = sent
    values = sorted((value(trace) for trace in traces), reverse=True)
    of = {"duration": "duration_nanos", "spans": "spans", "errors": "errors"}[sort]
    found, total = walk(clew, sort=sort, limit=limit, **bounds)
    assert [trace[of] for trace in found] == values
    assert len({trace["trace_id"] for trace in found}) == len(traces) == total
    turned, _ = walk(clew, sort=sort, order="asc", limit=limit, **bounds)
    assert [trace["trace_id"] for trace in turned] == [trace["trace_id"] for trace in reversed(found)]


def test_the_longest_is_found_though_it_began_before_the_range_and_is_not_among_the_newest(clew, sent):
    traces, bounds = sent
    longest = max(traces, key=lambda trace: trace.duration)
    page = clew.get("/api/v1/traces", sort="duration", limit=1, **bounds)
    assert [trace["trace_id"] for trace in page["traces"]] == [longest.id]
    assert page["traces"][0]["duration_nanos"] == longest.duration
    assert page["total"] == len(traces)


def test_bounds_of_whole_traces_select_what_a_plain_list_does(clew, sent):
    traces, bounds = sent
    middle = traces[300].start
    cases = [
        ({"min_trace_duration": "1s"}, lambda trace: trace.duration >= SECOND),
        ({"max_trace_duration": "250ms"}, lambda trace: trace.duration <= 250 * MILLI),
        ({"failed": "true"}, lambda trace: trace.errors > 0),
        ({"failed": "false", "started_from": middle}, lambda trace: trace.errors == 0 and trace.start >= middle),
        ({"started_to": middle, "min_trace_duration": "1999ms"}, lambda trace: trace.start <= middle and trace.duration >= 1_999 * MILLI),
    ]
    for params, passes in cases:
        expected = {trace.id for trace in traces if passes(trace)}
        assert expected, params
        found, total = walk(clew, limit=100, **params, **bounds)
        assert {trace["trace_id"] for trace in found} == expected, params
        assert total == len(expected)


def test_the_plot_counts_every_trace_once_and_each_cell_opens_what_it_counted(clew, sent):
    traces, bounds = sent
    plot = clew.get("/api/v1/traces/density", columns=30, rows=8, **bounds)
    assert plot["traces"] == len(traces) == sum(count for _, _, count, _ in plot["cells"])
    assert plot["failed"] == sum(trace.errors > 0 for trace in traces) == sum(failed for *_, failed in plot["cells"])
    assert plot["started_before"] == 1
    assert plot["durations"][0] == min(trace.duration for trace in traces)
    assert plot["durations"][-1] == max(trace.duration for trace in traces)
    start, step = bounds["start"], plot["step_millis"] * MILLI
    for column, row, count, failed in plot["cells"][::7]:
        least, above = plot["durations"][row], plot["durations"][row + 1]
        is_top = row + 2 == len(plot["durations"])
        area = {
            "min_trace_duration": f"{least}ns",
            "max_trace_duration": f"{above if is_top else above - 1}ns",
            "started_to": start + (column + 1) * step - 1,
        }
        if column > 0:
            area["started_from"] = start + column * step
        found, total = walk(clew, limit=1000, **area, **bounds)
        assert total == len(found) == count
        assert sum(trace["errors"] > 0 for trace in found) == failed


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"sort": "size"}, "time, duration, spans, errors"),
        ({"order": "up"}, "asc"),
        ({"cursor": "12-abc"}, "next_cursor"),
        ({"cursor": "duration_desc_5_7_4bf92f3577b34da6a3ce929d0e0e4736", "sort": "spans"}, "same sort"),
        ({"cursor": "time_desc_5_7_4bf92f3577b34da6a3ce929d0e0e4736_8"}, "next_cursor"),
        ({"failed": "maybe"}, "failed"),
        ({"min_trace_duration": "long"}, "250ms"),
    ],
)
def test_what_cannot_be_understood_is_said(clew, params, said):
    answer = clew.request("GET", "/api/v1/traces", params=params)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_what_sets_slow_traces_apart_is_ranked(clew):
    """Of 200 traces those of one region and version are slow; the request ID of each says nothing."""
    now = time.time_ns()
    spans = []
    for number in range(200):
        region, version = ["eu", "us", "ap"][number % 3], str(number % 2)
        slow = region == "ap" and version == "1"
        start = now - 300 * SECOND + number * SECOND
        attributes = {"region": region, "app.version": version, "request_id": f"req-{number}"}
        spans.append(
            {
                "traceId": f"{0xABC000 + number:032x}",
                "spanId": f"{number + 1:016x}",
                "name": "work",
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + (5_000 if slow else 50) * MILLI),
                "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
            }
        )
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "contrasted"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    assert clew.request("POST", "/v1/traces", data=json.dumps(body), headers=JSON).status_code == 200
    found = clew.get("/api/v1/traces/contrast", service="contrasted", min_trace_duration="1s", start="now-10m")
    slow = sum(number % 3 == 2 and number % 2 == 1 for number in range(200))
    assert (found["selected"], found["rest"]) == (slow, 200 - slow)
    assert [(one["key"], one["value"], one["selected"]) for one in found["attributes"]] == [
        ("region", "ap", slow),
        ("app.version", "1", slow),
    ]
    # Each is a search: of the slow ones all have it.
    for one in found["attributes"]:
        page = clew.get(
            "/api/v1/traces",
            service="contrasted",
            attribute=f"{one['key']}={one['value']}",
            min_trace_duration="1s",
            start="now-10m",
        )
        assert page["total"] == one["selected"]


def test_rates_know_from_when_on_there_are_spans(clew, sent):
    traces, _ = sent
    oldest = min(trace.start for trace in traces)
    answer = clew.get("/api/v1/services", start="now-3h", end="now")
    covered = answer["covered_from"]
    assert abs(clew_time(covered) - oldest) < SECOND
    later = clew.get("/api/v1/services/shop", start="now-1m", end="now")
    assert later["covered_from"] == later["start"]


def clew_time(text):
    import datetime

    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")[:26].rstrip("Z") + "+00:00").timestamp() * SECOND)
