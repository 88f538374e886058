"""One request's logs, spans and exemplars, whose IDs every part of the system writes in its own way: each spelling
leads to the same story."""

import json
import random
import time
import urllib.parse
import uuid

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind, StatusCode

import sdk

TASK = "task:001"


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@pytest.fixture(scope="module")
def story(module_server):
    """Sends the story: two agents traced, a histogram with exemplars, and logs that write the IDs in odd forms."""
    clew = module_server
    with sdk.tracing(clew, sdk.Wire(sdk.GRPC), resource=Resource({"service.name": "orchestrator"})) as (tracing, _):
        with sdk.metering(clew, sdk.Wire(sdk.HTTP), resource=Resource({"service.name": "orchestrator"})) as (
            metering,
            _,
        ):
            tracer = tracing.get_tracer("t")
            latency = metering.get_meter("m").create_histogram("task.latency", "s")
            with tracer.start_as_current_span("dispatch", kind=SpanKind.PRODUCER, attributes={"task.id": TASK}) as root:
                with tracer.start_as_current_span("work", attributes={"agent": "marie"}) as work:
                    work.set_status(StatusCode.ERROR, "gave up")
                    latency.record(1.5)
            metering.force_flush()
            # The sender's own integer, as `span.get_span_context().trace_id` is logged.
            trace_id = root.get_span_context().trace_id
            span_id = root.get_span_context().span_id
    forms = spellings(trace_id, span_id)
    lines = [
        {
            "timestamp": now_text(),
            "agent_name": "a",
            "severity": "INFO",
            "message": "uuid in metadata",
            "metadata": {"trace_id": forms["uuid"], "step": 1},
        },
        {"timestamp": now_text(), "message": "python integer", "trace_id": trace_id},
        {"timestamp": now_text(), "message": "python integer as text", "context": {"trace_id": str(trace_id)}},
        {"timestamp": now_text(), "message": "upper case", "traceId": forms["upper"]},
        {"timestamp": now_text(), "level": "ERROR", "message": "the task", "context": {"task_id": TASK}},
        # A task file that carries the context from one process to the other.
        {
            "timestamp": now_text(),
            "message": "task file",
            "metadata": {"traceparent": forms["traceparent"], "task_id": TASK},
        },
        {"timestamp": now_text(), "message": "plain", "trace_id": forms["hex"], "span_id": f"{span_id:016x}"},
    ]
    noise = [
        {
            "timestamp": now_text(),
            "message": "another",
            "trace_id": uuid.uuid4().hex,
            "context": {"task_id": "task:002"},
        },
        {"timestamp": now_text(), "message": f"mentions {TASK} in words", "context": {"task_id": "task:0011"}},
    ]
    clew.send_logs([*lines, *noise])
    return {"lines": lines, "trace_id": forms["hex"], "span_id": f"{span_id:016x}", "forms": forms}


def spellings(trace_id, span_id):
    assert trace_id >= 10**33, "random IDs of fewer digits are one in a hundred thousand; run again"
    return {
        "hex": f"{trace_id:032x}",
        "upper": f"{trace_id:032X}",
        "uuid": str(uuid.UUID(int=trace_id)),
        "upper uuid": str(uuid.UUID(int=trace_id)).upper(),
        "decimal": str(trace_id),
        "traceparent": f"00-{trace_id:032x}-{span_id:016x}-01",
    }


FORMS = ["hex", "upper", "uuid", "upper uuid", "decimal", "traceparent"]


def told(story):
    """What a story tells, without the order of its discovery."""
    events = story["timeline"]
    return {
        "logs": sorted(json.dumps(event["log"], sort_keys=True) for event in events if event["kind"] == "log"),
        "spans": sorted(event["span"]["span_id"] for event in events if event["kind"] == "span"),
        "exemplars": [event["exemplar"]["labels"] for event in events if event["kind"] == "exemplar"],
        "traces": story["traces"],
    }


def failed_at(event):
    exceptions = [one for one in event.get("span", {}).get("events", []) if one["name"] == "exception"]
    return min([int(one["time_unix_nano"]) for one in exceptions] or [int(event["end_unix_nano"])])


@pytest.mark.parametrize("form", [*FORMS, "task"])
def test_every_spelling_leads_to_the_same_story(clew, story, form):
    answer = clew.correlate(TASK if form == "task" else story["forms"][form])
    events = answer["timeline"]
    messages = sorted(event["log"]["message"] for event in events if event["kind"] == "log")
    assert messages == sorted(line["message"] for line in story["lines"])
    assert [event["span"]["name"] for event in events if event["kind"] == "span"] == ["dispatch", "work"]
    assert answer["counts"] == {"logs": 7, "spans": 2, "exemplars": 1}
    assert answer["traces"] == [story["trace_id"]]
    assert told(answer) == told(clew.correlate(story["trace_id"]))
    assert not answer["truncated"]["any"] and "warnings" not in answer
    times = [int(event["time_unix_nano"]) for event in events]
    assert times == sorted(times)
    lanes = {lane["name"] for lane in answer["lanes"]}
    assert {"orchestrator", "a"} <= lanes
    # An error of a span happened at its first exception, else at its end: a parent starts before the child that failed.
    errors = [(failed_at(event), -index, index) for index, event in enumerate(events) if event["is_error"]]
    assert answer["first_error"] == min(errors)[2]


def test_the_original_texts_are_kept(clew, story):
    logs = {
        log["message"]: log for log in clew.logs() if log["message"] in {line["message"] for line in story["lines"]}
    }
    assert logs["uuid in metadata"]["attributes"]["metadata"]["trace_id"] == story["forms"]["uuid"]
    assert logs["python integer"]["attributes"]["trace_id"] == int(story["trace_id"], 16)
    assert logs["upper case"]["attributes"]["traceId"] == story["forms"]["upper"]
    assert logs["task file"]["attributes"]["metadata"]["traceparent"] == story["forms"]["traceparent"]
    with_trace = [log for log in logs.values() if log["message"] != "the task"]
    assert {log["trace_id"] for log in with_trace} == {story["trace_id"]}
    assert logs["task file"]["span_id"] == logs["plain"]["span_id"] == story["span_id"]


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_is_found_by_every_spelling(clew, story, form):
    answer = clew.get("/api/v1/traces/" + story["forms"][form])
    assert answer["trace_id"] == story["trace_id"]
    assert [span["name"] for span in answer["spans"]] == ["dispatch", "work"]


@pytest.mark.parametrize("form", FORMS)
def test_resolve_says_what_a_pasted_text_is(clew, story, form):
    answer = clew.get("/api/v1/resolve", id=story["forms"][form])
    expected = {"id": story["trace_id"], "kind": "trace", "logs": 6, "spans": 2, "exemplars": 1, "truncated": False}
    assert answer == expected | {"candidates": [expected]}
    answer = clew.get("/api/v1/resolve", id=TASK)
    assert (answer["kind"], answer["logs"], answer["spans"], answer["exemplars"]) == ("correlation", 2, 1, 0)
    answer = clew.get("/api/v1/resolve", id=story["span_id"])
    assert (answer["kind"], answer["logs"], answer["spans"]) == ("span", 2, 1)


def test_logs_are_found_by_every_spelling_of_their_trace(clew, story):
    for form in ("hex", "upper", "uuid", "decimal"):
        found = clew.logs(f'trace_id:"{story["forms"][form]}"')
        assert len(found) == 6, form


def test_depth_says_how_far_the_walk_goes(clew, story):
    at_once = clew.correlate(TASK, depth=0)
    assert at_once["counts"] == {"logs": 2, "spans": 1, "exemplars": 0}
    assert at_once["truncated"]["depth"]
    assert {(found["signal"], found["field"]) for found in at_once["found_in"]} == {
        ("logs", "context.task_id"),
        ("logs", "metadata.task_id"),
        ("traces", "task.id"),
    }
    further = clew.correlate(TASK, depth=1)
    assert further["counts"] == {"logs": 7, "spans": 2, "exemplars": 1}
    reached = {event["log"]["message"]: event["reached"] for event in further["timeline"] if event["kind"] == "log"}
    assert (reached["the task"]["depth"], reached["the task"]["id"]) == (0, TASK)
    assert (reached["python integer"]["depth"], reached["python integer"]["id"]) == (1, story["trace_id"])
    assert further["followed"] == {TASK: 0, story["trace_id"]: 1}


def test_an_id_that_nothing_carries_is_an_empty_story(clew):
    unknown = f"req-{random.SystemRandom().getrandbits(64):x}"
    answer = clew.correlate(unknown)
    assert answer["counts"] == {"logs": 0, "spans": 0, "exemplars": 0}
    assert (answer["timeline"], answer["traces"], answer["lanes"]) == ([], [], [])
    response = clew.request("GET", "/api/v1/traces/" + uuid.uuid4().hex)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    response = clew.request("GET", "/api/v1/traces/not-a-trace")
    assert response.status_code == 400 and "32 hex digits" in response.json()["error"]["message"]


@pytest.mark.parametrize("nothing", ["0" * 32, "00000000-0000-0000-0000-000000000000", "none", "NULL", "-", "<nil>"])
def test_what_is_written_where_there_is_no_id_makes_no_story(clew, nothing):
    own = [f"req-{random.SystemRandom().getrandbits(64):x}" for _ in range(2)]
    ids = {"task_id": nothing, "trace_id": nothing}
    clew.send_logs([{"timestamp": now_text(), "message": "m", "request_id": request} | ids for request in own])
    for request in own:
        assert clew.correlate(request)["counts"]["logs"] == 1, nothing
    response = clew.request("GET", "/api/v1/correlate/" + urllib.parse.quote(nothing, safe=""))
    assert response.status_code == 400 and "placeholder" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"requestId": "OWN"},
        {"request-id": "OWN"},
        {"X-Request-ID": "OWN"},
        {"x_request_id": "OWN"},
        {"http.request.id": "OWN"},
        {"http": {"headers": {"X-Request-Id": "OWN"}}},
    ],
)
def test_a_correlation_field_is_known_in_every_spelling(clew, fields):
    # Too plain to be taken for an ID by its looks.
    own = f"r{random.SystemRandom().randrange(10**5)}"
    record = {"timestamp": now_text(), "message": "spelt"} | json.loads(json.dumps(fields).replace("OWN", own))
    clew.send_logs([record])
    found = clew.correlate(own)
    assert found["counts"]["logs"] == 1 and own in found["followed"], record


def spelt_64(trace_id, span_id):
    """A 64-bit trace ID in what clients send and people paste."""
    return {
        "short": f"{trace_id:016x}",
        "padded": f"{trace_id:032x}",
        "upper": f"{trace_id:016X}",
        "0x": f"0x{trace_id:x}",
        "decimal": str(trace_id),
        "uber-trace-id": f"{trace_id:x}:{span_id:x}:0:1",
        "b3": f"{trace_id:016x}-{span_id:016x}-1",
        "traceparent": f"00-{trace_id:032x}-{span_id:016x}-01",
        "X-Amzn-Trace-Id": f"Root=1-00000000-{trace_id:024x};Parent={span_id:016x};Sampled=1",
        "X-Cloud-Trace-Context": f"{trace_id:032x}/{span_id};o=1",
        "logging.googleapis.com/trace": f"projects/shop/traces/{trace_id:032x}",
    }


def test_a_64_bit_trace_is_one_story_however_it_is_written(clew):
    random_bits = random.SystemRandom()
    trace_id = random_bits.randrange(10**17, 2**63) | (0xA << 60)
    span_id = random_bits.randrange(10**17, 2**63)
    forms = spelt_64(trace_id, span_id)
    span = {
        "traceId": f"{trace_id:032x}",
        "spanId": f"{span_id:016x}",
        "name": "old tracer",
        "kind": 2,
        "startTimeUnixNano": str(time.time_ns()),
        "endTimeUnixNano": str(time.time_ns() + 1000),
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert clew.request("POST", "/v1/traces", json=body).status_code == 200
    names = {"short": "trace_id", "padded": "traceId", "upper": "TraceID", "0x": "dd.trace_id", "decimal": "dd.trace_id"}
    lines = [{"timestamp": now_text(), "message": form, names.get(form, form): text} for form, text in forms.items()]
    lines.append({"timestamp": now_text(), "message": "number", "dd.trace_id": trace_id})
    clew.send_logs(lines)
    for form, text in forms.items():
        answer = clew.correlate(text)
        assert answer["counts"]["spans"] == 1, form
        said = sorted(event["log"]["message"] for event in answer["timeline"] if event["kind"] == "log")
        assert said == sorted(line["message"] for line in lines), form
        best = clew.get("/api/v1/resolve", id=text)
        assert (best["kind"], best["logs"], best["spans"]) == ("trace", len(lines), 1), form
    for form in ("short", "padded", "upper", "0x", "uber-trace-id"):
        assert clew.get("/api/v1/traces/" + forms[form])["spans"][0]["name"] == "old tracer", form
    # The span is found by its decimal number too.
    assert clew.correlate(str(span_id), depth=0)["counts"]["spans"] == 1
    # The header's span is the record's, so that the log stands beside it.
    of_span = [log["message"] for log in clew.logs(f"span_id:{span_id:016x}")]
    headers = {"uber-trace-id", "b3", "traceparent", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context"}
    assert set(of_span) == headers


@pytest.mark.parametrize(
    "pasted",
    [
        "OWN",
        '"OWN",',
        "'OWN'",
        "[OWN]",
        "(OWN).",
        "`OWN`",
        "task_id=OWN",
        "task_id: OWN",
        '"task_id": "OWN",',
        '{"task_id":"OWN","n":1}',
        "http://localhost:4300/id/OWN?depth=3",
        "https://shop.example/tasks?task_id=OWN&lang=de",
        "2026-11-30T14:21:53.496Z ERROR [worker] task failed after 250ms task_id=OWN (attempt 3 of 5)",
        "  OWN  ",
    ],
)
def test_what_exists_comes_first_whatever_is_pasted_with_it(clew, pasted):
    own = f"task:{random.SystemRandom().getrandbits(40):x}a1"
    clew.send_logs([{"timestamp": now_text(), "message": "pasted", "service": "paste-shop", "task_id": own}])
    best = clew.get("/api/v1/resolve", id=pasted.replace("OWN", own))
    assert (best["id"], best["kind"], best["logs"]) == (own, "correlation", 1)
    assert clew.correlate(pasted.replace("OWN", own))["id"] == own


def test_a_pasted_log_line_offers_every_id_in_it_and_names_lead_to_services_and_metrics(clew):
    first, second = (f"{word}-{random.SystemRandom().getrandbits(40):x}a1" for word in ("req", "job"))
    clew.send_logs([
        {"timestamp": now_text(), "message": "one", "service": "paste-shop", "request_id": first},
        {"timestamp": now_text(), "message": "two", "service": "paste-shop", "task_id": second},
    ])
    line = f"Nov 30 14:21:53 host app[77]: request {first} failed in job={second}"
    found = clew.get("/api/v1/resolve", id=line)["candidates"]
    assert {one["id"] for one in found if one["logs"] == 1} >= {first, second}
    service = clew.get("/api/v1/resolve", id="paste-shop")["candidates"]
    assert "service" in {one["kind"] for one in service if one["logs"] >= 2}
    metric = clew.get("/api/v1/resolve", id='task_latency_seconds_count{job="x"}')["candidates"]
    assert ("metric", "task_latency_seconds_count") in {(one["kind"], one["id"]) for one in metric}
    # Upper case of an ID that is stored in lower case.
    assert clew.get("/api/v1/resolve", id=first.upper())["id"] == first
    response = clew.request("GET", "/api/v1/resolve", params={"id": "null"})
    assert response.status_code == 400 and "placeholder" in response.json()["error"]["message"]
