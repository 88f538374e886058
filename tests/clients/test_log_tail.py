"""`GET /api/v1/logs/tail`: log records as they come, as server-sent events."""

import json
import time
import uuid

import pytest
import requests


class Tail:
    """A client of server-sent events (WHATWG HTML, 9.2.6), as far as the server writes them."""

    def __init__(self, clew, headers=None, **params):
        url = clew.url("/api/v1/logs/tail")
        self.response = requests.get(url, params=params, headers=headers, stream=True, timeout=20)
        self.lines = self._lines()

    def __enter__(self):
        assert self.response.status_code == 200, self.response.text
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        return self

    def __exit__(self, *_):
        self.response.close()

    def _lines(self):
        """Lines as soon as they are there, in linear time however long they are."""
        parts = []
        for chunk in self.response.iter_content(chunk_size=None):
            *ended, rest = chunk.split(b"\n")
            for line in ended:
                yield b"".join([*parts, line]).decode()
                parts = []
            parts.append(rest)

    def event(self):
        """The next event: name, data, ID. None at the end of the stream."""
        name, data, identifier = "message", [], None
        for line in self.lines:
            if line == "" and data:
                return name, json.loads("\n".join(data)), identifier
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                identifier = value
        return None

    def rows(self, count):
        """Reads events until so many records came; the records, and how many were dropped meanwhile."""
        rows, dropped = [], 0
        while len(rows) < count:
            name, data, identifier = self.event()
            if name == "logs":
                assert 1 <= len(data["logs"]) <= 500
                assert identifier == data["logs"][-1]["id"]
                rows += data["logs"]
            elif name == "dropped":
                dropped += data["dropped"]
        return rows, dropped


def messages(rows):
    return [row["message"] for row in rows]


def test_what_matches_comes_as_a_search_answers_it(clew):
    mark = uuid.uuid4().hex
    clew.send_logs([{"message": "before", "mark": mark}])
    with Tail(clew, query=f'mark:"{mark}" level:error') as tail:
        assert tail.event() == ("ready", {}, None)
        clew.send_logs([{"message": f"line {n}", "mark": mark, "level": "error" if n % 2 else "info"} for n in range(10)])
        rows, dropped = tail.rows(5)
        assert messages(rows) == [f"line {n}" for n in (1, 3, 5, 7, 9)] and dropped == 0
        assert rows == clew.logs(f'mark:"{mark}" level:error')
        # The next batch is sent by itself, long before the comment that keeps the connection alive.
        sent = time.monotonic()
        clew.send_logs([{"message": "late", "mark": mark, "level": "error"}])
        assert messages(tail.rows(1)[0]) == ["late"] and time.monotonic() - sent < 10


def test_a_burst_is_told_in_full_while_it_fits_and_counted_beyond(clew):
    mark = uuid.uuid4().hex
    with Tail(clew, query=f'mark:"{mark}"') as tail:
        assert tail.event()[0] == "ready"
        clew.send_logs([{"message": f"{n}", "mark": mark} for n in range(6_000)])
        rows, dropped = tail.rows(5_000)
        assert dropped == 1_000
        assert messages(rows) == [str(n) for n in range(1_000, 6_000)]


@pytest.mark.parametrize("how", ["header", "parameter"])
def test_a_client_that_comes_back_goes_on_where_it_was(clew, how):
    mark = uuid.uuid4().hex
    query = f'mark:"{mark}"'
    with Tail(clew, query=query) as tail:
        assert tail.event()[0] == "ready"
        clew.send_logs([{"message": f"{n}", "mark": mark} for n in range(3)])
        last = tail.rows(3)[0][-1]["id"]
    clew.send_logs([{"message": f"{n}", "mark": mark} for n in range(3, 6)])
    headers = {"Last-Event-ID": last} if how == "header" else {}
    params = {"after": last} if how == "parameter" else {"after": "1-1"}
    with Tail(clew, headers=headers, query=query, **params) as tail:
        assert tail.event()[0] == "ready"
        assert messages(tail.rows(3)[0]) == ["3", "4", "5"]
        clew.send_logs([{"message": "6", "mark": mark}])
        assert messages(tail.rows(1)[0]) == ["6"]


def test_what_is_wrong_is_said_before_the_stream_begins(clew):
    for params, status, code in [
        ({"query": "level:("}, 400, "bad_query"),
        ({"after": "yesterday"}, 400, "bad_request"),
    ]:
        response = clew.request("GET", "/api/v1/logs/tail", params=params)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_tails_are_bounded_and_those_that_ended_make_room(new_clew):
    clew = new_clew().start()
    tails = [Tail(clew) for _ in range(32)]
    assert {tail.response.status_code for tail in tails} == {200}
    refused = clew.request("GET", "/api/v1/logs/tail")
    assert refused.status_code == 429 and "Retry-After" in refused.headers
    assert "32 tails" in refused.json()["error"]["message"]
    for tail in tails:
        tail.response.close()
    deadline = time.monotonic() + 20
    while True:
        # A connection that was closed is noticed at the next thing that is sent.
        clew.send_logs([{"message": "news"}])
        again = Tail(clew)
        again.response.close()
        if again.response.status_code == 200:
            break
        assert time.monotonic() < deadline, "closed tails still count"
        time.sleep(0.2)
    clew.stop()


def test_a_stop_ends_the_streams_and_does_not_wait_for_them(new_clew):
    clew = new_clew().start()
    with Tail(clew) as tail, Tail(clew) as other:
        assert tail.event()[0] == other.event()[0] == "ready"
        # Streams that were waited for would be cut off after 5 s, with a warning, which fails the stop.
        clew.stop()
        assert tail.event() is None and other.event() is None
