"""`kill -9` at 20 random moments under load of all three signals: what was acknowledged is there, spans, samples once.

Senders do what real ones do: a request that got no answer is sent again, the same bytes, until it is acknowledged. Log
records of such a request may be there more than once; everything else exactly once.
"""

import collections
import concurrent.futures
import json
import random
import threading
import time

import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SEED = 20
KILLS = 20
SENDERS = 2
RECORDS = 20
NEW_SERIES = 10
# Requests a second and sender: a load that a debug build carries beside the other tests.
PACE = 60
# A small budget of memory makes hot tails small, so that kills also meet seals and compactions.
CONFIG = "limits: { memory: 16MiB, query_memory: 512MiB }\n"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


class Sender:
    """One client of one signal, with the numbers of the requests that were acknowledged and of those sent twice."""

    path, headers = "", PROTOBUF

    def __init__(self, clew, name):
        self.clew, self.name = clew, name
        # An hour ago, so that times of many requests stay in the past.
        self.origin = time.time_ns() // 10**9 * 10**9 - 3_600 * 10**9
        self.acknowledged, self.repeated = 0, set()
        self.failure = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def body(self, number):
        raise NotImplementedError

    def is_whole(self, response):
        """Whether the answer acknowledges every record."""
        return response.content == b""

    def run(self):
        try:
            while not self.stop.is_set():
                self.send(self.acknowledged)
                self.acknowledged += 1
                time.sleep(1 / PACE)
        except Exception as error:
            self.failure = error
            raise

    def send(self, number):
        body = self.body(number)
        while True:
            try:
                response = requests.post(self.clew.url(self.path), data=body, headers=self.headers, timeout=30)
            except requests.ConnectionError as error:
                # Refused means never received; anything else means received or not, nobody knows.
                if "Connection refused" not in str(error):
                    self.repeated.add(number)
                time.sleep(0.02)
                continue
            if response.status_code == 200:
                assert self.is_whole(response), response.content
                return
            assert response.status_code in (429, 503), (response.status_code, response.content)
            time.sleep(0.1)


class LogSender(Sender):
    path, headers = "/api/v1/logs", {"Content-Type": "application/x-ndjson"}

    def body(self, number):
        stamp = self.origin + number * 1_000_000
        records = [
            {
                "timestamp": stamp + place,
                "service": self.name,
                "level": "INFO",
                "message": f"step {place} of {number}",
                "sender": self.name,
                "number": number,
                "place": place,
                "request_id": f"{self.name}-{number}",
                "payload": self.payload(number, place),
            }
            for place in range(RECORDS)
        ]
        return "\n".join(map(json.dumps, records))

    def payload(self, number, place):
        """What does not compress, as real logs have it: some hundred bytes."""
        return random.Random(f"{self.name} {number} {place}").randbytes(150).hex()

    def is_whole(self, response):
        return response.json() == {"accepted": RECORDS, "rejected": 0, "errors": []}


class SpanSender(Sender):
    path = "/v1/traces"

    def trace_id(self, number):
        return random.Random(f"{self.name} {number}").randbytes(16)

    def body(self, number):
        request = ExportTraceServiceRequest()
        of_resource = request.resource_spans.add()
        of_resource.resource.attributes.add(key="service.name").value.string_value = self.name
        scope = of_resource.scope_spans.add()
        start = self.origin + number * 1_000_000
        for place in range(RECORDS):
            span = scope.spans.add(
                trace_id=self.trace_id(number), span_id=(place + 1).to_bytes(8, "big"), name=f"op {place}"
            )
            span.start_time_unix_nano, span.end_time_unix_nano = start + place, start + place + 1_000
            span.attributes.add(key="number").value.int_value = number
        return request.SerializeToString()


class SampleSender(Sender):
    path = "/v1/metrics"

    def body(self, number):
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="killed")
        nanos = self.origin + number * 1_000_000
        for place in range(RECORDS):
            point = metric.gauge.data_points.add(time_unix_nano=nanos, as_double=number * 100 + place)
            point.attributes.add(key="sender").value.string_value = self.name
            point.attributes.add(key="place").value.string_value = str(place)
        # Series that begin and end, as when programs are deployed: they are what fills the memory of real servers.
        for place in range(NEW_SERIES):
            point = metric.gauge.data_points.add(time_unix_nano=nanos, as_double=number * 100 + place)
            point.attributes.add(key="short_lived").value.string_value = f"{self.name} {number} {place}"
        return request.SerializeToString()


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
        {LogSender: check_logs, SpanSender: check_spans, SampleSender: check_samples}[type(sender)](clew, sender)


def test_nothing_acknowledged_is_lost(new_clew):
    dice = random.Random(SEED)
    clew = new_clew(CONFIG)
    # The journal reports a torn tail when it cuts one off.
    clew.expect_complaint("torn|tail")
    clew.start()
    kinds = (LogSender, SpanSender, SampleSender)
    senders = [kind(clew, f"{kind.__name__}{number}") for kind in kinds for number in range(SENDERS)]
    for sender in senders:
        sender.thread.start()
    sealed = collections.Counter()
    try:
        for kill in range(KILLS):
            # Every fourth kill comes soon after the start, when the journal is being replayed or the load returns.
            time.sleep(dice.uniform(0.0, 0.3) if kill % 4 == 3 else dice.uniform(0.3, 2.0))
            if kill % 4 != 3:
                for (name, labels), value in clew.own_metrics().items():
                    if name == "clew_store_sealed_records_total":
                        sealed[dict(labels)["signal"]] += value
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
    assert all(sealed[signal] > 0 for signal in ("logs", "metrics", "traces")), f"no kill came after a seal: {sealed}"
