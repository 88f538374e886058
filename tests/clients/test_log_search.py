"""Searching logs as people do: any field that is listed, numbers, lines copied from a log, scripts without spaces."""

import itertools
import json
import random
import time
import urllib.parse

import pytest


def now_text():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


RUN = itertools.count(random.SystemRandom().getrandbits(40))


def send(clew, *records):
    """Sends records and returns the field that tells them from those of other tests."""
    run = f"r{next(RUN):x}"
    clew.send_logs([{"timestamp": now_text(), "run": run} | record for record in records])
    return run


def found(clew, run, query):
    return sorted(log["message"] for log in clew.logs(f"run:={run} {query}"))


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


NAMES = [
    "kubernetes.labels.app.kubernetes.io/instance",
    "user agent",
    "a:b",
    "x[0].y",
    "(round)",
    "-minus",
    "*star?",
    'say "hi"',
    "back\\slash",
    "größe",
    "日本",
    "AND",
    "a=b",
    "100%",
    "$ref",
    "#tag",
    ".dot.",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_that_is_listed_can_be_asked_for(clew, name):
    run = send(clew, {"message": "has", name: "some value"}, {"message": "other", name: "another"}, {"message": "none"})
    listed = {field["name"] for field in clew.get("/api/v1/logs/fields", query=f"run:={run}")["fields"]}
    assert name in listed
    assert found(clew, run, f'{quoted(name)}:="some value"') == ["has"]
    assert found(clew, run, f"{quoted(name)}:some") == ["has"]
    assert found(clew, run, f"{quoted(name)}:*") == ["has", "other"]
    assert found(clew, run, f"NOT {quoted(name)}:*") == ["none"]
    values = clew.get(f"/api/v1/logs/fields/{urllib.parse.quote(name, safe='')}/values", query=f"run:={run}")
    assert {one["value"] for one in values["values"]} == {"some value", "another"}


def test_numbers_compare_as_numbers_and_are_words_in_text(clew):
    run = f"n{next(RUN):x}"
    lines = []
    for text in ["5", "5.0", "5e0", "0.5e1", "12.5", "50", "-5", '"5 "', '"5.00"', '"5 of 7"', '"1.5"']:
        message = "text " + text.strip('"') if text.startswith('"') else text
        lines.append(f'{{"timestamp": "{now_text()}", "run": "{run}", "message": "{message}", "took": {text}}}')
    response = clew.request(
        "POST", "/api/v1/logs", data="\n".join(lines).encode(), headers={"Content-Type": "application/x-ndjson"}
    )
    assert response.status_code == 200 and response.json()["accepted"] == len(lines)
    fives = ["0.5e1", "5", "5.0", "5e0", "text 5 ", "text 5 of 7", "text 5.00"]
    for asked in ("5", "5.0", "5e0", "50e-1", '"5"'):
        wanted = fives if asked in ("5", '"5"') else [one for one in fives if one not in ("text 5 ", "text 5 of 7")]
        assert found(clew, run, f"took:{asked}") == wanted, asked
    assert "12.5" in found(clew, run, "NOT took:5") and "5.0" not in found(clew, run, "NOT took:5")
    assert found(clew, run, "took:12.50") == ["12.5"]
    assert {"12.5", "5", "text 1.5"} <= set(found(clew, run, "5"))


LINES = [
    "GET /users/28474/notes?_=238427835 HTTP/1.1 200",
    'at f(a, b) in C:\\temp\\app.log: what? "why" (code=5',
    "error: 100% of [a] {b} <c> failed :)",
    "[2026-11-30 14:21:53,496] worker-7 {'a': 1} -> ok; x=%20&y=[1,2]",
    "Traceback (most recent call last):",
    'said "hello and left | grep x | sort',
    "path=/var/log/app/*.log glob?",
    "E1130 10:00:00.123456 1 reflector.go:138] k8s.io/client-go/factory.go:134: Failed to watch *v1.Pod: (get pods)",
    '{"a":1} is no object: expected `}` at line 1',
    '10.1.2.3 - frank [30/Nov/2026:10:00:00 +0000] "GET /i.html?x=1&y=*.js HTTP/1.1" 200 "Mozilla/5.0 (X11; Linux)"',
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_copied_from_a_log_finds_that_log(clew, line):
    run = send(clew, {"message": line}, {"message": "something else"})
    if not line.startswith("{"):
        assert found(clew, run, line) == [line]
    assert [log["message"] for log in clew.logs(line) if log["attributes"]["run"] == run] == [line]


def test_a_json_record_copied_from_a_log_finds_that_log(clew):
    record = {"message": "task failed", "level": "error", "ctx": {"user": "marie", "n": 3}, "tags": ["a", "b"]}
    run = send(clew, record, record | {"ctx": {"user": "paul", "n": 3}})
    pasted = json.dumps({"timestamp": now_text(), "run": run} | record)
    assert [log["attributes"]["ctx"]["user"] for log in clew.logs(pasted)] == ["marie"]


SENTENCES = ["用户marie登录失败2次，数据库连接超时", "データベースへの接続に失敗しました", "사용자가 로그인하지 못했습니다", "เชื่อมต่อฐานข้อมูลล้มเหลว"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("连接", 0), ("marie", 0), ("登录失败", 0), ("接続", 1), ("データベース", 1), ("사용자", 2), ("로그인", 2), ("ฐานข้อมูล", 3)],
)
def test_words_are_found_inside_sentences_without_spaces(clew, word, sentence):
    run = send(clew, *({"message": text} for text in SENTENCES))
    assert found(clew, run, word) == [SENTENCES[sentence]]
    assert found(clew, run, f"message:{word}") == [SENTENCES[sentence]]
    assert found(clew, run, f'"{word[::-1]}"') == []
