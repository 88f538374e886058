"""What a record says of itself, asked over HTTP: its level however it was written, its time or that it was not
understood, its service, the fields of a body that is a map, and its words without their colours."""

import json
import time
import uuid

import pytest

JSON = {"Content-Type": "application/json"}
SPAN = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "s"}


def send_otlp(clew, signal, records, resource=None):
    """Sends records in OTLP/JSON; the answer."""
    resources, scopes, field = {
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[signal]
    body = {resources: [{"resource": resource or {}, scopes: [{field: records}]}]}
    response = clew.session.post(
        f"http://127.0.0.1:{clew.otlp}/v1/{signal}", data=json.dumps(body), headers=JSON, timeout=60
    )
    assert response.status_code == 200, response.text[:2000]
    return response.json()


def text(value):
    return {"stringValue": value}


def kvlist(**values):
    return {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in values.items()]}}


def marker():
    """A word that nothing else has."""
    return f"m{uuid.uuid4().hex}"


LEVELS = {
    "ERROR": "ERROR",
    "err": "ERROR",
    "Warning": "WARN",
    "FTL": "FATAL",
    "VRB": "TRACE",
    "dpanic": "ERROR",
    "notice": "INFO",
    "http": "DEBUG",
    "Information": "INFO",
    "\x1b[31merror\x1b[39m": "ERROR",
    "[WARN]": "WARN",
}


@pytest.mark.parametrize("word", LEVELS)
def test_a_word_is_the_same_level_in_every_protocol(clew, word):
    mark = marker()
    clew.send_logs([{"level": word, "message": mark}, {"LogLevel": word, "Message": mark}, {"@l": word, "@m": mark}])
    send_otlp(clew, "logs", [{"severityText": word, "body": text(mark)}])
    send_otlp(clew, "logs", [{"attributes": [{"key": "level", "value": text(word)}], "body": text(mark)}])
    assert [log["severity"] for log in clew.logs(mark)] == [LEVELS[word]] * 5
    assert len(clew.logs(f"{mark} level:{LEVELS[word].lower()}")) == 5


def test_a_level_is_one_value_in_lists_and_filters(clew):
    mark = marker()
    spellings = [{"level": "INFO"}, {"level": "info"}, {"lvl": "Info"}, {"level": 30, "pid": 1, "hostname": "h"}]
    clew.send_logs([own | {"message": mark} for own in spellings])
    send_otlp(clew, "logs", [{"severityNumber": 9, "body": text(mark)}, {"severityText": "inf", "body": text(mark)}])
    answer = clew.get("/api/v1/logs/fields/level/values", query=mark)
    assert answer["values"] == [{"value": "INFO", "records": 6}]
    fields = {field["name"]: field for field in clew.get("/api/v1/logs/fields", query=mark)["fields"]}
    assert fields["level"]["values"] == [{"value": "INFO", "records": 6}]
    for query in ["level:info", "level:INFO", 'level:"INFO"', "severity:Information", "NOT level:error"]:
        assert len(clew.logs(f"{mark} {query}")) == 6, query


def test_a_number_is_on_the_scale_that_its_neighbours_show(clew):
    mark = marker()
    clew.send_logs(
        [
            {"level": 400, "level_name": "ERROR", "channel": "app", "message": mark},
            {"level": 30, "levelname": "WARNING", "message": mark},
            {"level": 30, "pid": 1, "hostname": "h", "msg": mark},
            {"level": 4, "short_message": mark, "version": "1.1"},
            {"severity": 400, "message": mark},
        ]
    )
    assert [log["severity"] for log in clew.logs(mark)] == ["ERROR", "WARN", "INFO", "WARN", "WARN"]


def test_a_time_that_is_not_understood_is_told_and_the_record_taken(clew):
    mark = marker()
    records = [{"message": mark}, {"timestamp": "soon", "message": mark}, {"ts": "11/30/2025 12:00", "message": mark}]
    response = clew.request("POST", "/api/v1/logs", data=json.dumps(records), headers=JSON)
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["rejected"], answer["warned"]) == (200, 3, 0, 2)
    assert [own["index"] for own in answer["warnings"]] == [1, 2]
    assert "soon" in answer["warnings"][0]["reason"]
    assert len(clew.logs(mark)) == 3


def test_objects_and_other_forms_of_time_are_understood(clew):
    seconds = int(time.time()) - 60
    forms = [
        {"instant": {"epochSecond": seconds, "nanoOfSecond": 7}},
        {"timeMillis": seconds * 1000},
        {"__REALTIME_TIMESTAMP": str(seconds * 1_000_000)},
        {"created": float(seconds), "levelname": "INFO"},
        {"t": {"$date": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(seconds))}},
        {"time_local": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))},
        {"datetime": time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime(seconds))},
    ]
    mark = marker()
    clew.send_logs([form | {"message": mark} for form in forms])
    assert {int(log["time_unix_nano"]) // 10**9 for log in clew.logs(mark)} == {seconds}


@pytest.mark.parametrize("name", [None, text(""), text("  "), {"intValue": "7"}, {"boolValue": True}])
def test_a_resource_without_a_name_is_the_unknown_service(clew, name):
    mark = marker()
    attributes = [] if name is None else [{"key": "service.name", "value": name}]
    now = str(time.time_ns())
    send_otlp(clew, "logs", [{"body": text(mark)}], {"attributes": attributes})
    trace_id = uuid.uuid4().hex
    span = SPAN | {"traceId": trace_id, "startTimeUnixNano": now, "endTimeUnixNano": now}
    send_otlp(clew, "traces", [span], {"attributes": attributes})
    metric = f"g_{mark}"
    gauge = {"name": metric, "gauge": {"dataPoints": [{"timeUnixNano": now, "asInt": "1"}]}}
    send_otlp(clew, "metrics", [gauge], {"attributes": attributes})
    assert [log["service"] for log in clew.logs(mark)] == ["unknown_service"]
    assert len(clew.logs(f"{mark} service:unknown_service")) == 1
    found = clew.get("/api/v1/traces", service="unknown_service", limit=1_000)["traces"]
    assert trace_id in {trace["trace_id"] for trace in found}
    services = {service["name"] for service in clew.get("/api/v1/services")["services"]}
    assert "unknown_service" in services and "" not in services
    (series,) = clew.query(metric + '{job="unknown_service"}')
    assert series["metric"]["job"] == "unknown_service"


def test_fields_of_a_body_are_listed_and_found(clew):
    mark = marker()
    user = kvlist(id={"intValue": "7"}, name=text("anna b"))
    send_otlp(clew, "logs", [{"body": kvlist(user=user, note=text(f"one\ntwo {mark}"))}])
    clew.send_logs([{"message": {"user": {"id": 7, "name": "anna b"}, "note": f"one\ntwo {mark}"}}])
    queries = ["body.user.id:7", "message.user.id:7", "user.id:7", 'body.user.name:"anna b"', "two", "body.user.id:>6"]
    for query in queries:
        assert len(clew.logs(f"{mark} {query}")) == 2, query
    assert clew.logs(f"{mark} body.user.id:8") == []
    fields = {field["name"]: field for field in clew.get("/api/v1/logs/fields", query=mark)["fields"]}
    assert fields["body.user.id"]["values"] == [{"value": "7", "records": 2}]
    values = clew.get("/api/v1/logs/fields/message.user.name/values", query=mark)
    assert values["values"] == [{"value": "anna b", "records": 2}]


def test_an_id_in_a_body_leads_to_its_record(clew):
    request = f"req-{uuid.uuid4().hex}"
    send_otlp(clew, "logs", [{"body": kvlist(request_id=text(request))}])
    answer = clew.correlate(request)
    assert len(answer["timeline"]) == 1, answer


def test_colours_are_no_part_of_words(clew):
    mark = marker()
    message = f"\x1b[31m{mark}\x1b[0m fail\x1b[1med aga\x1b[22min"
    clew.send_logs([{"message": message}, {"message": "x", "note": message}])
    for query in [mark, f'"{mark} failed"', f'"{mark} failed again"', f"/{mark} failed aga/", f"{mark} AND failed"]:
        assert len(clew.logs(query)) == 2, query
    assert clew.logs(f"31m{mark}") == []
    assert [log["message"] for log in clew.logs(f"message:{mark}")] == [message], "the text is kept"
    assert len(clew.logs(f'{{message=~".+"}} |= "{mark} failed again"')) == 2


@pytest.mark.parametrize("levels", [65, 200, 20_000])
def test_values_nested_too_deep_cost_their_record_alone(clew, levels):
    deep = '{"kvlistValue":{"values":[{"key":"k","value":' * levels + '{"intValue":1}' + "}]}}" * levels
    attributes = f'"attributes":[{{"key":"deep","value":{deep}}}]'
    now = time.time_ns()
    times = f'"startTimeUnixNano":"{now}","endTimeUnixNano":"{now}"'
    span = f'"traceId":"{uuid.uuid4().hex}","spanId":"eee19b7ec3c1b174",{times}'
    point = f'"timeUnixNano":"{now}","asInt":"1"'
    points = f'{{"name":"g","gauge":{{"dataPoints":[{{{point}}},{{{point},{attributes}}}]}}}}'
    for signal, (resources, scopes, field), records, rejected in [
        ("logs", ("resourceLogs", "scopeLogs", "logRecords"), f'{{}},{{"body":{deep}}}', "rejectedLogRecords"),
        ("traces", ("resourceSpans", "scopeSpans", "spans"), f"{{{span}}},{{{span},{attributes}}}", "rejectedSpans"),
        ("metrics", ("resourceMetrics", "scopeMetrics", "metrics"), points, "rejectedDataPoints"),
    ]:
        body = f'{{"{resources}":[{{"{scopes}":[{{"{field}":[{records}]}}]}}]}}'
        response = clew.session.post(f"http://127.0.0.1:{clew.otlp}/v1/{signal}", data=body, headers=JSON, timeout=60)
        assert response.status_code == 200, response.text[:500]
        success = response.json()["partialSuccess"]
        assert (str(success[rejected]), "deeper than 64" in success["errorMessage"]) == ("1", True), signal
    json_logs = b'[{"n":1},{"a":' + b'{"a":' * levels + b"1" + b"}" * levels + b'},{"n":2}]'
    answer = clew.request("POST", "/api/v1/logs", data=json_logs, headers=JSON).json()
    assert (answer["accepted"], answer["rejected"], answer["errors"][0]["index"]) == (2, 1, 1)
