"""`clew query`: asks a running server from the shell, for people and for programs."""

import json
import os
import pty
import queue
import subprocess
import threading
import time
import uuid

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind

import sdk
from clew_server import binary, wait_until

WIDE = 100985939111033328018442752961257817910


def query(clew, *arguments, environment=None, pipe=None):
    """Runs `clew query …` to its end: exit code, standard output, standard error."""
    command = [str(binary()), "query", *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "CLEW_URL": clew.url("")} | (environment or {}),
    )
    return done.returncode, done.stdout, done.stderr


def lines(clew, *arguments):
    """The JSON objects that a successful query writes, one a line."""
    code, out, err = query(clew, *arguments)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture(scope="module")
def told(module_server):
    """A trace with its logs and a metric, all of one request; answers the request's ID and the trace's."""
    request = f"req-{uuid.uuid4().hex[:12]}"
    resource = Resource({"service.name": "shop"})
    with sdk.tracing(module_server, sdk.Wire(sdk.GRPC), resource=resource) as (provider, _):
        tracer = provider.get_tracer("t")
        with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER, attributes={"request_id": request}) as span:
            trace = f"{span.get_span_context().trace_id:032x}"
            with tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT) as inner:
                inner.record_exception(ValueError("card refused"))
                inner.set_status(sdk_error("card refused"))
    with sdk.metering(module_server, sdk.Wire(sdk.GRPC), resource=resource) as (provider, _):
        counter = provider.get_meter("m").create_counter("sold")
        counter.add(3, {"kind": "book"})
        counter.add(4, {"kind": "pen"})
    now = time.time()
    module_server.send_logs(
        [
            {"ts": now - 3, "level": "info", "service": "shop", "message": "cart filled", "request_id": request},
            {"ts": now - 2, "level": "error", "service": "shop", "message": "card refused\nby the bank \x1b[31mred",
             "request_id": request, "wide": WIDE, "trace_id": trace},
            {"ts": now - 1, "level": "warn", "service": "mailer", "message": "no mail sent", "request_id": request},
        ]
    )  # fmt: skip
    return request, trace


def sdk_error(message):
    from opentelemetry.trace import Status, StatusCode

    return Status(StatusCode.ERROR, message)


def test_logs_come_oldest_first_as_they_are_stored(clew, told):
    request, _ = told
    rows = lines(clew, "logs", f"request_id:{request}")
    assert [row["message"] for row in rows][::2] == ["cart filled", "no mail sent"]
    # Python reads integers of any width: what was sent comes out digit for digit.
    assert rows[1]["attributes"]["wide"] == WIDE
    assert rows == clew.logs(f"request_id:{request}")
    newest = lines(clew, "logs", f"request_id:{request}", "--reverse", "--limit", 1)
    assert [row["message"] for row in newest] == ["no mail sent"]
    code, out, err = query(clew, "logs", f"request_id:{request}", "-o", "json", "-n", 2)
    document = json.loads(out)
    assert (code, document["logs"], document["has_more"]) == (0, rows[1:], True)
    assert "more match" in err


def test_more_records_than_a_page_holds_are_asked_for_page_by_page(clew):
    mark = uuid.uuid4().hex
    start = time.time_ns() - 60_000_000_000
    for part in range(3):
        clew.send_logs([{"ts": start + part * 5000 + n, "mark": mark, "n": part * 5000 + n} for n in range(5000)])
    rows = lines(clew, "logs", f"mark:{mark}", "-n", 14_000)
    assert [row["attributes"]["n"] for row in rows] == list(range(1000, 15_000))
    code, _, err = query(clew, "logs", "-n", 100_001)
    assert code == 2 and "100000" in err


def test_the_table_is_for_people_and_harmless_to_terminals(clew, told):
    request, _ = told
    code, out, _ = query(clew, "logs", f"request_id:{request}", "-o", "table")
    assert code == 0 and "\x1b" not in out
    shown = out.splitlines()
    assert len(shown) == 4
    assert shown[0].split()[1:] == ["INFO", "shop", "cart", "filled"]
    assert shown[2] == "    by the bank \\u{1b}[31mred"


def on_terminal(clew, environment, *arguments):
    """What the query writes to a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [str(binary()), "query", *map(str, arguments)],
        stdout=child,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "CLEW_URL": clew.url(""), "TERM": "xterm"} | environment,
    )
    os.close(child)
    written = b""
    try:
        while part := os.read(parent, 65536):
            written += part
    except OSError:
        pass  # Linux: the other end of the terminal is closed.
    os.close(parent)
    assert process.wait(30) == 0
    return written.decode()


def test_a_terminal_gets_a_table_with_colours_unless_they_are_unwanted(clew, told):
    request, _ = told
    coloured = on_terminal(clew, {}, "logs", f"request_id:{request}")
    assert "\x1b[31mERROR\x1b[0m" in coloured and not coloured.startswith("{")
    assert "\x1b" not in on_terminal(clew, {"NO_COLOR": "1"}, "logs", f"request_id:{request}")
    assert "\x1b" not in on_terminal(clew, {"TERM": "dumb"}, "logs", f"request_id:{request}")


def test_metrics_now_and_over_a_range(clew, told):
    code, out, err = query(clew, "metrics", "sort(sum by (kind) (sold_total))", "-o", "table")
    assert code == 0, err
    assert [line.split() for line in out.splitlines()] == [
        ["SERIES", "VALUE"],
        ['{kind="book"}', "3"],
        ['{kind="pen"}', "4"],
    ]
    rows = lines(clew, "metrics", "sold_total")
    assert {row["metric"]["kind"]: row["value"][1] for row in rows} == {"book": "3", "pen": "4"}
    rows = lines(clew, "metrics", "sum(sold_total)", "--start", "now-2m", "--end", "now+1m", "--step", "30s")
    assert {value for _, value in rows[0]["values"]} == {"7"}
    code, out, _ = query(clew, "metrics", "sum(sold_total)", "--start", "now-1m", "-o", "table")
    assert code == 0 and out.splitlines()[1].split()[2:5] == ["7", "7", "7"]
    assert query(clew, "metrics", "1 + 1", "-o", "table")[1] == "2\n"


def test_traces_as_a_list_and_one_as_a_tree(clew, told):
    request, trace = told
    rows = lines(clew, "traces", "--service", "shop", "--attribute", f"request_id={request}", "--status", "unset")
    assert [row["trace_id"] for row in rows] == [trace]
    assert lines(clew, "traces", "--attribute", "request_id=nobody") == []
    code, out, _ = query(clew, "traces", trace.upper(), "-o", "table")
    head, _, root, child = out.splitlines()
    assert code == 0 and head.startswith(f"trace {trace}") and "2 spans  1 errors" in head
    assert root.endswith("checkout [server]")
    assert child.index("charge card") == root.index("checkout") + 2 and "✗ card refused" in child
    assert {span["name"] for span in lines(clew, "traces", trace)} == {"checkout", "charge card"}
    code, _, err = query(clew, "traces", "1" * 32)
    assert code == 1 and "1" * 32 in err


def test_correlate_tells_one_timeline(clew, told):
    request, trace = told
    code, out, _ = query(clew, "correlate", request, "-o", "table")
    assert code == 0
    shown = out.splitlines()
    assert shown[0].startswith(request) and "3 logs  2 spans" in shown[0]
    assert sum("◀ first error" in line for line in shown) == 1
    assert any("mailer" in line and "no mail sent" in line for line in shown)
    events = lines(clew, "correlate", request)
    assert sorted(event["kind"] for event in events) == ["log", "log", "log", "span", "span"]
    code, out, err = query(clew, "correlate", "req-nobody", "-o", "table")
    assert (code, out) == (0, "") and "nothing carries req-nobody" in err


@pytest.mark.parametrize(
    "arguments, pointed_at, hint",
    [
        (["logs", "level:error", "AND"], "level:error AND", "quote the word"),
        (["metrics", "sum(rate(x[5m])"], "sum(rate(x[5m])", ""),
        (["logs", "--follow", "level:error", "AND"], "level:error AND", "quote the word"),
    ],
)
def test_a_query_that_is_not_understood_is_pointed_into(clew, arguments, pointed_at, hint):
    code, out, err = query(clew, *arguments)
    assert (code, out) == (2, "")
    shown, caret = err.splitlines()[1:3]
    assert shown == "  " + pointed_at and caret.strip() == "^" and len(caret) <= len(shown) + 1
    assert hint in err


def test_wrong_usage_and_nobody_there_are_told_apart(clew):
    assert query(clew, "logs", "--limit", "0")[0] == 2
    assert query(clew, "logs", "--start", "soon")[0] == 2
    assert query(clew, "logs", "--follow", "-o", "json")[0] == 2
    assert query(clew, "metrics", "up", "--step", "5s")[0] == 2
    code, _, err = query(clew, "metrics", "up", "-o", "json", "--limit", "1")
    assert code == 2 and "ndjson" in err
    for option in (["--service", "shop"], ["--start", "now-1h"], ["--limit", "3"], ["--attribute", "a=b"]):
        code, _, err = query(clew, "traces", "4bf92f3577b34da6a3ce929d0e0e4736", *option)
        assert code == 2 and option[0] in err, err
    code, _, err = query(clew, "logs", "--server", "ftp://x")
    assert code == 2 and "http" in err
    code, _, err = query(clew, "logs", "--server", "127.0.0.1:1")
    assert code == 1 and "127.0.0.1:1" in err and "CLEW_URL" in err
    healthy = [str(binary()), "health", "--server"]
    assert subprocess.run([*healthy, clew.url("")], timeout=30).returncode == 0
    assert subprocess.run([*healthy, "127.0.0.1:1"], timeout=30, stderr=subprocess.DEVNULL).returncode == 1


def test_a_reader_that_has_enough_is_no_fault(clew):
    mark = uuid.uuid4().hex
    clew.send_logs([{"mark": mark, "message": "x" * 200, "n": n} for n in range(5000)])
    command = f'"{binary()}" query logs mark:{mark} -n 5000 | head -n 1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "CLEW_URL": clew.url("")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["attributes"]["mark"] == mark


def test_nobody_on_standard_error_is_no_fault(clew):
    # What is asked is not understood, and a search without matches has a note.
    for arguments, expected in (["logs", "level:error", "AND"], 2), (["metrics", "nothing_of_that_name"], 0):
        reader, writer = os.pipe()
        os.close(reader)
        command = [str(binary()), "query", *arguments, "-o", "table"]
        environment = {"PATH": os.environ["PATH"], "CLEW_URL": clew.url("")}
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=writer, timeout=60, env=environment)
        os.close(writer)
        assert done.returncode == expected, arguments


def test_following_shows_everything_once_also_after_a_restart(new_clew):
    clew = new_clew().start()
    numbers = iter(range(1_000_000))
    send = lambda: clew.send_logs([{"message": f"n{next(numbers)}", "level": "info"}, {"message": "other"}])
    for _ in range(20):
        send()
    process = subprocess.Popen(
        [str(binary()), "query", "logs", "--follow", "level:info", "-n", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "CLEW_URL": clew.url("")},
    )
    shown = queue.Queue()
    # A thread reads, so that a line that never comes fails the test instead of blocking it.
    threading.Thread(target=lambda: [shown.put(line) for line in process.stdout], daemon=True).start()
    read = lambda count: [json.loads(shown.get(timeout=60))["message"] for _ in range(count)]
    try:
        assert read(5) == [f"n{n}" for n in range(15, 20)]
        for _ in range(10):
            send()
        assert read(10) == [f"n{n}" for n in range(20, 30)]
        clew.restart()
        for _ in range(3):
            send()
        assert read(3) == [f"n{n}" for n in range(30, 33)]
    finally:
        process.kill()
        notes = process.stderr.read()
        process.wait(30)
    assert "trying again" in notes
    clew.stop()
