"""Groups of like messages over all of a range, and that each is what its query finds."""

import random
import time

import pytest

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def sent(module_server):
    rng = random.Random(19)
    now = time.time_ns()
    records = []
    for number in range(1_715):
        message = rng.choice(
            [
                f"task task:{rng.randrange(900)} failed: the model did not answer in {rng.randrange(9)}.5 s",
                f"GET /users/{rng.randrange(10**6)}/notes?_={rng.randrange(10**9)} 502",
                f'cannot open "/var/data/{rng.randrange(99)} x" (errno={rng.randrange(30)})',
                f"connection to 10.0.{rng.randrange(255)}.{rng.randrange(255)}:5432 refused\n  at line {number}",
                "out of memory",
                "out of memory!",
                "\x1b[31mout of\x1b[0m memory",
                f"用户 {rng.randrange(99)} 连接 失败",
            ]
        )
        records.append(
            {
                "timestamp": now - 3_000 * SECOND + number * SECOND,
                "level": rng.choice(["ERROR", "FATAL"]),
                "service": rng.choice(["billing", "billing-2", "store"]),
                "message": message,
            }
        )
    records += [{"timestamp": now - SECOND, "level": "INFO", "message": "all is well"}] * 3
    module_server.send_logs(records)
    return records[:1_715], {"start": now - 3_600 * SECOND, "end": now}


QUERY = "level:error OR level:fatal"


def test_groups_cover_the_range_and_each_is_what_its_query_finds(clew, sent):
    records, bounds = sent
    found = clew.get("/api/v1/logs/patterns", query=QUERY, **bounds)
    assert found["records"] == len(records) == sum(group["records"] for group in found["groups"])
    assert (found["patterns"], found["left_out"]) == (len(found["groups"]), 0)
    assert found["patterns"] == 7
    assert [group["records"] for group in found["groups"]] == sorted((g["records"] for g in found["groups"]), reverse=True)
    for group in found["groups"]:
        page = clew.get("/api/v1/logs", query=f"({QUERY}) AND {group['query']}", limit=10_000, **bounds)
        own = page["logs"]
        assert len(own) == group["records"], group
        assert own[0] == group["newest"]
        assert (own[-1]["time"], own[0]["time"]) == (group["first"], group["last"])
        assert sum(group["counts"]) == group["records"]
        services = {}
        for log in own:
            services[log["service"]] = services.get(log["service"], 0) + 1
        assert {one["value"]: one["records"] for one in group["services"]} == services


def test_the_list_is_cut_and_turned_as_asked(clew, sent):
    _, bounds = sent
    newest = clew.get("/api/v1/logs/patterns", query=QUERY, sort="newest", limit=2, **bounds)
    assert newest["patterns"] == 7 and len(newest["groups"]) == 2
    assert newest["groups"][0]["last"] >= newest["groups"][1]["last"]
    everything = clew.get("/api/v1/logs/patterns", **bounds)
    assert everything["records"] == 1_718
    answer = clew.request("GET", "/api/v1/logs/patterns", params={"sort": "size"})
    assert answer.status_code == 400
