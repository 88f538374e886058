"""Senders of the three signals that put a server under load, and know what of theirs was acknowledged."""

import json
import random
import threading
import time

import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clew_server import wait_until

# A small budget of memory makes hot tails small: seals and compactions come early and often.
SMALL_MEMORY = "limits: { memory: 16MiB, query_memory: 512MiB }\n"
# Records of a request, and new series beside them.
RECORDS = 20
NEW_SERIES = 10
# Requests a second and sender: a load that a debug build carries beside the other tests.
PACE = 60
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


def sealed(clew):
    """Records in sealed parts since the start, by signal."""
    own = clew.own_metrics().items()
    return {dict(labels)["signal"]: value for (name, labels), value in own if name == "clew_store_sealed_records_total"}


def fill_until_sealed(clew):
    """Sends records of all signals until everything that was there before is sealed."""
    accepted = {}
    for (name, labels), value in clew.own_metrics().items():
        if name == "clew_ingest_records_accepted_total":
            signal = dict(labels)["signal"]
            accepted[signal] = accepted.get(signal, 0) + value
    name = f"filler{time.monotonic_ns()}"
    kinds = {"logs": LogSender, "traces": SpanSender, "metrics": SampleSender}
    senders = {signal: kind(clew, name) for signal, kind in kinds.items()}

    def is_sealed():
        now = sealed(clew)
        missing = [signal for signal in senders if now.get(signal, 0) <= accepted.get(signal, 0)]
        for sender in (senders[signal] for signal in missing):
            for _ in range(20):
                sender.send(sender.acknowledged)
                sender.acknowledged += 1
        return not missing

    wait_until(is_sealed, 60, "every signal is sealed")
