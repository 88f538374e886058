"""`kill -9` at 20 random moments under load of all three signals: what was acknowledged is there, spans, samples once, and
the counters made of spans count each once.

Senders do what real ones do: a request that got no answer is sent again, the same bytes, until it is acknowledged. Log
records of such a request may be there more than once; everything else exactly once.
"""

import collections
import concurrent.futures
import random
import time

from clew_server import wait_until
from load import NEW_SERIES, RECORDS, SMALL_MEMORY, LogSender, SampleSender, SpanSender, sealed

SEED = 20
KILLS = 20
SENDERS = 2


def check_logs(clew, sender):
    seen = collections.Counter()
    for log in clew.logs(f"sender:{sender.name}"):
        own = log["attributes"]
        assert own["payload"] == sender.payload(own["number"], own["place"])
        assert log["message"] == f"step {own['place']} of {own['number']}"
        assert int(log["time_unix_nano"]) == sender.origin + own["number"] * 1_000_000 + own["place"]
        seen[own["number"], own["place"]] += 1
    sent = {(number, place) for number in range(sender.acknowledged) for place in range(RECORDS)}
    assert sent - seen.keys() == set(), "acknowledged records are lost"
    # The last request may have been under way when the load ended.
    assert {number for number, _ in seen.keys() - sent} <= {sender.acknowledged}
    twice = {number for (number, _), count in seen.items() if count > 1}
    assert twice <= sender.repeated, "records are there twice that were sent once"


def check_spans(clew, sender):
    def check(number):
        trace = clew.trace(sender.trace_id(number).hex())
        places = [int(span["span_id"], 16) - 1 for span in trace["spans"]]
        assert sorted(places) == list(range(RECORDS)), f"trace {number}: {places}"
        assert all(span["attributes"] == {"number": number} for span in trace["spans"])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(check, range(sender.acknowledged)))


def check_span_metrics(clew, sender):
    """Counters of calls by operation equal the spans that can be read: none is counted twice or not at all."""
    start = sender.origin // 10**9
    read = {
        row["name"]: row["spans"]
        for row in clew.get(f"/api/v1/services/{sender.name}", start=start, end=start + 3_600, step="1h")["operations"]
    }
    assert len(read) == RECORDS and set(read.values()) <= {sender.acknowledged, sender.acknowledged + 1}, read
    counted = {}

    def is_told():
        rows = clew.query(f'traces_spanmetrics_calls_total{{service="{sender.name}"}}')
        counted.update((row["metric"]["span_name"], int(row["value"][1])) for row in rows)
        return counted == read

    # They are written every 15 seconds.
    wait_until(is_told, 60, f"the counters of calls show the spans that can be read: {read}")
    selector = f'traces_spanmetrics_latency{{service="{sender.name}"}}'
    durations = {row["metric"]["span_name"]: float(row["value"][1]) for row in clew.query(f"histogram_count({selector})")}
    assert durations == read


def check_samples(clew, sender):
    rows = clew.query(f'killed{{sender="{sender.name}"}}[3h]')
    assert sorted(int(row["metric"]["place"]) for row in rows) == list(range(RECORDS))
    for row in rows:
        place = int(row["metric"]["place"])
        read = [(round(moment * 1_000), float(value)) for moment, value in row["values"]]
        sent = [(sender.origin // 10**6 + number, number * 100.0 + place) for number in range(sender.acknowledged)]
        assert read == sent, f"place {place}: {len(read)} samples for {len(sent)}"
    selector = f'killed{{short_lived=~"{sender.name} .*"}}'
    short_lived = clew.query(f"count_over_time({selector}[3h])")
    assert len(short_lived) == sender.acknowledged * NEW_SERIES
    assert {row["value"][1] for row in short_lived} == {"1"}


def check_all(clew, senders):
    for sender in senders:
        if isinstance(sender, SpanSender):
            check_span_metrics(clew, sender)
        {LogSender: check_logs, SpanSender: check_spans, SampleSender: check_samples}[type(sender)](clew, sender)


def test_nothing_acknowledged_is_lost(new_clew):
    dice = random.Random(SEED)
    clew = new_clew(SMALL_MEMORY)
    # The journal reports a torn tail when it cuts one off.
    clew.expect_complaint("torn|tail")
    clew.start()
    kinds = (LogSender, SpanSender, SampleSender)
    senders = [kind(clew, f"{kind.__name__}{number}") for kind in kinds for number in range(SENDERS)]
    for sender in senders:
        sender.thread.start()
    met = collections.Counter()
    try:
        for kill in range(KILLS):
            # Every fourth kill comes soon after the start, when the journal is being replayed or the load returns.
            time.sleep(dice.uniform(0.0, 0.3) if kill % 4 == 3 else dice.uniform(0.3, 2.0))
            if kill % 4 != 3:
                met.update(sealed(clew))
            clew.kill()
            clew.spawn() if kill % 4 == 2 else clew.start()
    finally:
        for sender in senders:
            sender.stop.set()
        if clew.process is None:
            clew.start()
        for sender in senders:
            sender.thread.join(30)
    assert [sender.failure for sender in senders if sender.failure] == []
    assert all(sender.acknowledged > 5 * KILLS for sender in senders), [s.acknowledged for s in senders]
    assert any(sender.repeated for sender in senders), "no kill met a request under way"
    check_all(clew, senders)
    clew.restart()
    check_all(clew, senders)
    clew.stop()
    assert all(met[signal] > 0 for signal in ("logs", "metrics", "traces")), f"no kill came after a seal: {met}"
