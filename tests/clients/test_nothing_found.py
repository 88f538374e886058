"""A question that finds nothing says why: what is not there, what is near it, and the form that is valid here."""

import time

import pytest


@pytest.fixture
def told(clew):
    clew.send_logs(
        [
            {"message": "hello world", "level": "error", "service": "nothing-checkout", "nothing_user_id": 5},
            {"message": "bye", "level": "info", "service": "nothing-cart", "nothing_status": 200},
        ]
    )

    def hints(query, **more):
        return clew.get("/api/v1/logs", query=query, **more).get("hints", [])

    return hints


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("nothing_userid:5", ['no recent record has a field "nothing_userid"; near it: "nothing_user_id"']),
        ("nothing_usr_id:5", ['no recent record has a field "nothing_usr_id"; near it: "nothing_user_id"']),
        ("service:nothing-chekout", ['no recent record has service:nothing-chekout; near it: "nothing-checkout"']),
        ("nothing_status:404", ["no recent record has nothing_status:404"]),
        ("nothing_status:200 wordthatisnot", []),
        ("SELECT * FROM logs WHERE nothing_status = 404", ["this looks like SQL, which is not read here; words and fields are: nothing_status:404"]),
    ],
)
def test_a_search_of_logs_says_why_it_finds_nothing(told, query, expected):
    assert told(query) == expected


def test_a_metric_query_of_logql_is_told_its_selector(clew):
    answer = clew.request("GET", "/api/v1/logs", params={"query": 'rate({service="x"}[5m])'})
    assert answer.status_code == 400
    assert 'write its selector alone, {service="x"}' in answer.json()["error"]["hint"]


def test_an_answer_with_records_has_no_hints(clew, told):
    assert told("hello") == []


def test_promql_says_which_metric_or_label_is_not_there(clew):
    now = time.time()

    def infos(query, **more):
        answer = clew.request("GET", "/prometheus/api/v1/query", params={"query": query, **more}).json()
        assert answer["status"] == "success" and answer["data"]["result"] == []
        return answer.get("infos", [])

    def one(query, text, **more):
        assert infos(query, **more) == [f"PromQL info: {text}"], query

    clew_metric(clew, now)
    one("nothing_requests", 'there is no metric "nothing_requests"; near it: "nothing_requests_total"')
    one("rate(nothing_request_total[5m])", 'there is no metric "nothing_request_total"; near it: "nothing_requests_total"')
    one('nothing_requests_total{jbo="a"}', 'no series of "nothing_requests_total" has a label "jbo"; near it: "job"')
    # What a comparison leaves out was found.
    assert infos("nothing_requests_total < 0") == []
    one(
        "nothing_requests_total",
        'series of "nothing_requests_total" are there, but have no samples at these times; they lie outside of the range',
        time=now - 86_400,
    )


def clew_metric(clew, now):
    """A counter over OTLP/JSON."""
    point = {"asDouble": 7, "timeUnixNano": str(int(now * 1e9)), "startTimeUnixNano": str(int((now - 1) * 1e9))}
    metric = {"name": "nothing.requests", "sum": {"dataPoints": [point], "isMonotonic": True, "aggregationTemporality": 2}}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "nothing-checkout"}}]}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}
    assert clew.request("POST", "/v1/metrics", json=body).status_code == 200
