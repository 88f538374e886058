"""The two log schemas of the systems that Clew was made for, sent with curl, read back field by field."""

import json
import re
import subprocess
import time
import uuid

import pytest

import exact
import peers


def curl(clew, body, *arguments):
    """Posts a body with curl; the status and the answer."""
    peers.require("curl", "curl")
    command = ["curl", "-sS", "-w", "\n%{http_code}", clew.url("/api/v1/logs"), *arguments, "--data-binary", "@-"]
    done = subprocess.run(command, input=body, capture_output=True, check=True)
    answer, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(answer)


def now_text():
    """The present in the schemas' form, to the millisecond, and the same in nanoseconds."""
    millis = time.time_ns() // 1_000_000
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000))
    return f"{whole}.{millis % 1000:03d}Z", str(millis * 1_000_000)


def orchestrator_log(stamp, task):
    return f"""{{
  "timestamp": "{stamp}",
  "agent_name": "orchestrator",
  "event_type": "task_dispatch",
  "severity": "INFO",
  "message": "Dispatching task {task}",
  "metadata": {{
    "task_id": "{task}",
    "priority": "high",
    "budget": 12.50
  }}
}}"""


def infrafabric_log(stamp, request, level="INFO"):
    return f"""{{
  "timestamp": "{stamp}",
  "level": "{level}",
  "correlation_id": "{request}",
  "agent_id": "A1-haiku-001",
  "component": "redis_bus",
  "message": "Task claimed successfully",
  "context": {{
    "task_id": "task:001",
    "duration_ms": 2.1,
    "batch_size": 100
  }},
  "if_citation": "if://log/redis-task-claim",
  "tags": ["redis", "task-processing"],
  "hostname": "agent-node-01",
  "service": "infrafabric",
  "performance": {{"cpu_ms": 0.80, "memory_mb": 131, "queue": [1, 2, 3]}},
  "error": {{"type": "TimeoutError", "stack": ["a.py:1", "b.py:2"], "retryable": true, "code": null}}
}}"""


def number_texts(text):
    """Every number of a JSON text as it is written."""
    return re.findall(r"(?<=[\s:\[,])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=[\s,}\]])", text)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", None])
def test_the_agent_name_schema(clew, content_type):
    task = f"abc{uuid.uuid4().hex}"
    stamp, nanos = now_text()
    body = orchestrator_log(stamp, task)
    # What curl sends by itself with --data-binary is application/x-www-form-urlencoded.
    arguments = ["-H", f"Content-Type: {content_type}"] if content_type else ["-H", "Content-Type:"]
    assert curl(clew, body.encode(), *arguments) == (200, {"accepted": 1, "rejected": 0, "errors": []})
    (log,) = clew.logs(f"metadata.task_id:{task}")
    sent = json.loads(body)
    assert (log["time_unix_nano"], log["severity"], log["severity_text"]) == (nanos, "INFO", "INFO")
    assert (log["service"], log["message"]) == ("orchestrator", f"Dispatching task {task}")
    rest = {key: value for key, value in sent.items() if key not in ("timestamp", "severity", "message")}
    exact.assert_same(log["attributes"], rest)
    raw = clew.request("GET", "/api/v1/logs", params={"query": f"task_id:{task}"}).text
    assert '"budget":12.50' in raw, "the text of numbers survives"
    for query in [
        f"agent_name:orchestrator AND {task}",
        f"service:orchestrator task_id:{task}",
        f"event_type:task_dispatch task_id:{task}",
        f"metadata.priority:high metadata.task_id:{task}",
        f"priority:high level:info {task}",
        f'"Dispatching task {task}"',
        f"metadata.budget:>12 metadata.budget:<=12.5 task_id:{task}",
        f'{{agent_name="orchestrator"}} |= "{task}"',
    ]:
        assert [row["id"] for row in clew.logs(query)] == [log["id"]], query
    for query in [f"agent_name:worker {task}", f"NOT level:info AND {task}", f'"task Dispatching" {task}']:
        assert clew.logs(query) == [], query


def test_the_correlation_id_schema(clew):
    request = f"req-{uuid.uuid4().hex}"
    stamp, nanos = now_text()
    body = infrafabric_log(stamp, request, "ERROR")
    status, answer = curl(clew, body.encode(), "-H", "Content-Type: application/json")
    assert (status, answer["accepted"]) == (200, 1)
    (log,) = clew.logs(f"correlation_id:{request}")
    sent = json.loads(body)
    assert (log["time_unix_nano"], log["severity"], log["service"]) == (nanos, "ERROR", "infrafabric")
    assert log["message"] == "Task claimed successfully"
    rest = {key: value for key, value in sent.items() if key not in ("timestamp", "level", "message")}
    exact.assert_same(log["attributes"], rest)
    raw = clew.request("GET", "/api/v1/logs", params={"query": request}).text
    attributes = raw[raw.index('"attributes":') :]
    assert [text for text in number_texts(attributes) if text in number_texts(body)] == number_texts(body)
    for query in [
        "context.task_id:task\\:001",
        'context.task_id:"task:001"',
        'task_id:"task:001"',
        "context.duration_ms:>2",
        "context.duration_ms:[2 TO 2.1]",
        "tags:redis",
        "tags:task-processing",
        "agent_id:A1-haiku-001",
        "component:redis_bus",
        'if_citation:"if://log/redis-task-claim"',
        "if_citation:*",
        "hostname:agent-node-*",
        "hostname:/agent-node-[0-9]+/",
        "performance.queue:2",
        "error.type:TimeoutError AND error.retryable:true",
        'error.stack:"b.py:2"',
        "level:error AND claimed",
        'NOT tags:mongo "claimed successfully"',
    ]:
        found = clew.logs(f"correlation_id:{request} AND ({query})")
        assert [row["id"] for row in found] == [log["id"]], query
    for query in ["tags:mongo", "context.duration_ms:>2.1", "error.nothing:*", "level:info", '"successfully claimed"']:
        assert clew.logs(f"correlation_id:{request} AND ({query})") == [], query
    assert [row["id"] for row in clew.logs(f'{{correlation_id="{request}"}}')] == [log["id"]]


@pytest.mark.parametrize("shape", ["array", "ndjson", "concatenated"])
def test_many_records_in_one_body_and_a_bad_one_among_them(clew, shape):
    request = f"req-{uuid.uuid4().hex}"
    stamp, _ = now_text()
    good = [json.dumps({"timestamp": stamp, "message": f"m{n}", "correlation_id": request, "n": n}) for n in range(5)]
    bad = {"array": "17", "ndjson": '{"message": broken', "concatenated": '{"message": "\\q"}'}[shape]
    records = [*good[:3], bad, *good[3:]]
    body = {"array": f"[{','.join(records)}]", "ndjson": "\n".join(records) + "\n", "concatenated": "\n".join(records)}
    status, answer = curl(clew, body[shape].encode())
    assert (status, answer["accepted"], answer["rejected"]) == (200, 5, 1)
    (error,) = answer["errors"]
    assert error["index"] == 3 and error["reason"]
    assert sorted(log["attributes"]["n"] for log in clew.logs(f"correlation_id:{request}")) == [0, 1, 2, 3, 4]


def test_fields_and_their_values_are_listed(clew):
    marker = f"fields{uuid.uuid4().hex}"
    records = [
        {"message": "m", "marker": marker, "level": level, "context": {"n": n}, "tags": ["x", f"t{n % 2}"]}
        for n, level in enumerate(["INFO", "WARN", "INFO", "ERROR"])
    ]
    clew.send_logs(records)
    fields = {own["name"]: own for own in clew.get("/api/v1/logs/fields", query=f"marker:{marker}", top=10)["fields"]}
    assert {"marker", "context.n", "tags"} <= fields.keys()
    assert fields["marker"]["records"] == 4
    values = {own["value"]: own["records"] for own in fields["tags"]["values"]}
    assert values == {"x": 4, "t0": 2, "t1": 2}
    path = "/api/v1/logs/fields/level/values"
    values = {own["value"]: own["records"] for own in clew.get(path, query=f"marker:{marker}")["values"]}
    assert values == {"INFO": 2, "WARN": 1, "ERROR": 1}
