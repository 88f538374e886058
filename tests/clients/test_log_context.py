"""`GET /api/v1/logs/{id}/context`: what stands around a log record."""

import time
import uuid

import pytest

# Some records of two services share an instant, so that only the order of arrival tells them apart.
BASE = 1_000_000 * (time.time_ns() // 1_000_000 - 3_600_000)


def story(mark, count=60):
    """Records of the services `a` and `b` in turns, three to an instant; every seventh has no service."""
    for n in range(count):
        record = {"timestamp": BASE + n // 3 * 1_000_000, "message": f"line {n}", "mark": mark, "n": n}
        if n % 7 != 6:
            record["service"] = f"a-{mark}" if n % 2 == 0 else f"b-{mark}"
        yield record


@pytest.fixture(scope="module")
def told(module_server):
    mark = uuid.uuid4().hex
    records = list(story(mark))
    module_server.send_logs(records)
    rows = module_server.logs(f'mark:"{mark}"')
    assert [row["message"] for row in rows] == [record["message"] for record in records]
    return records, rows


def numbers(rows):
    return [int(row["message"].removeprefix("line ")) for row in rows]


@pytest.mark.parametrize("at", [0, 1, 6, 31, 59])
def test_the_neighbours_are_those_of_the_same_service(clew, told, at):
    records, rows = told
    own = [n for n, record in enumerate(records) if record.get("service") == records[at].get("service")]
    answer = clew.get(f"/api/v1/logs/{rows[at]['id']}/context", before=4, after=5)
    assert answer["log"] == rows[at]
    before, after = [n for n in own if n < at], [n for n in own if n > at]
    assert numbers(answer["before"]) == before[-4:]
    assert numbers(answer["after"]) == after[:5]
    assert (answer["has_more_before"], answer["has_more_after"]) == (len(before) > 4, len(after) > 5)


def test_all_records_are_the_scope_when_asked(clew, told):
    _, rows = told
    answer = clew.get(f"/api/v1/logs/{rows[30]['id']}/context", before=3, after=3, scope="all")
    assert numbers(answer["before"]) == [27, 28, 29] and numbers(answer["after"]) == [31, 32, 33]
    answer = clew.get(f"/api/v1/logs/{rows[30]['id']}/context", before=0, after=0, scope="all")
    assert answer["before"] == answer["after"] == []
    assert answer["has_more_before"] and answer["has_more_after"]


def test_fifty_on_each_side_unless_told(clew, told):
    _, rows = told
    answer = clew.get(f"/api/v1/logs/{rows[55]['id']}/context", scope="all")
    assert numbers(answer["before"]) == list(range(5, 55)) and numbers(answer["after"]) == [56, 57, 58, 59]


def test_what_cannot_be_answered_says_why(clew, told):
    _, rows = told
    moment, number = rows[0]["id"].split("-")
    for path, status, words in [
        (f"{moment}-{int(number) + 100_000}/context", 404, "is kept"),
        ("17-17/context", 404, "is kept"),
        ("yesterday/context", 400, "not the ID of a log record"),
        (f"{rows[0]['id']}/context?before=1001", 400, "between 0 and 1000"),
        (f"{rows[0]['id']}/context?scope=host", 400, "neither service nor all"),
    ]:
        response = clew.request("GET", f"/api/v1/logs/{path}")
        assert response.status_code == status, path
        assert words in response.json()["error"]["message"], path
