"""What real clients sent is read back from sealed parts as it was from memory, after a restart too, and once more when
it is delivered again."""

import time
import uuid

from opentelemetry._logs import LogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

import exact
import load
import sdk
import test_seed_schemas
import test_structlog
from test_otel_logs import NESTED, assert_logs_read_back
from test_otel_traces import EVERY_TYPE, assert_spans_read_back


class Story:
    """Everything that one request's clients sent."""

    def __init__(self, clew):
        self.clew, self.run = clew, uuid.uuid4().hex
        self.job = f"sealed-{self.run}"
        self.resource = Resource.create(
            {"service.name": self.job, "run": self.run, **EVERY_TYPE}, "https://example.org/r"
        )
        self.send_spans()
        self.send_logs()
        self.send_samples()
        stamp, _ = test_seed_schemas.now_text()
        self.documents = [test_seed_schemas.infrafabric_log(stamp, f"req-{self.run}", "ERROR")]
        self.documents += test_structlog.rendered(self.run).splitlines()
        headers = {"Content-Type": "application/x-ndjson"}
        body = "\n".join(line.replace("\n", " ") for line in self.documents).encode()
        assert clew.request("POST", "/api/v1/logs", data=body, headers=headers).json()["rejected"] == 0

    def send_spans(self):
        with sdk.tracing(self.clew, sdk.Wire(sdk.GRPC), resource=self.resource) as (provider, self.spans):
            tracer = provider.get_tracer("agents", "1", None, {"scope.kind": "test"})
            link = Link(SpanContext(uuid.uuid4().int, 7, True, TraceFlags(1)), EVERY_TYPE)
            with tracer.start_as_current_span(
                "root", kind=SpanKind.SERVER, attributes=EVERY_TYPE, links=[link]
            ) as root:
                for number in range(30):
                    with tracer.start_as_current_span(f"step {number % 3}", attributes={"n": number}) as child:
                        child.add_event("tick", EVERY_TYPE)
                        child.set_status(StatusCode.ERROR if number == 7 else StatusCode.OK)
            self.trace_id = f"{root.get_span_context().trace_id:032x}"

    def send_logs(self):
        with sdk.logging_to(self.clew, sdk.Wire(sdk.GRPC), resource=self.resource) as (provider, self.logs):
            logger = provider.get_logger("agents", "2")
            now = time.time_ns()
            for number in range(600):
                body = {"nested": [number, None]} if number % 5 == 0 else f"task {number} of {self.run[:6]} done ☂"
                attributes = {"number": number, **(EVERY_TYPE | NESTED if number % 50 == 0 else {})}
                logger.emit(LogRecord(timestamp=now + number, observed_timestamp=now, body=body, attributes=attributes))

    def send_samples(self):
        with sdk.metering(self.clew, sdk.Wire(sdk.HTTP), resource=self.resource) as (provider, self.metrics):
            meter = provider.get_meter("agents")
            counter, latency = meter.create_counter("steps"), meter.create_histogram("latency", "s")
            for number in range(20):
                counter.add(number, {"agent": "marie"})
                latency.record(number / 3)
                provider.force_flush()
            self.total = sum(range(20))

    def check(self):
        """Reads all of it back."""
        clew = self.clew
        assert len(assert_spans_read_back(clew, self.trace_id, self.spans)) == 31
        (listed,) = clew.get("/api/v1/traces", service=self.job, status="error", min_duration="0s")["traces"]
        assert (listed["trace_id"], listed["spans"], listed["errors"], listed["matched"]) == (self.trace_id, 31, 1, 1)
        (listed,) = clew.get("/api/v1/traces", service=self.job, operation="step 2", attribute="n=29")["traces"]
        assert listed["matched"] == 1
        assert clew.correlate(self.trace_id, depth=0)["counts"] == {"logs": 0, "spans": 31, "exemplars": 0}

        assert len(assert_logs_read_back(clew, f"run:{self.run}", self.logs)) == 600
        for query, count in {
            f"run:{self.run} number:[100 TO 149]": 50,
            f"run:{self.run} done": 480,
            f'run:{self.run} "task 77 of"': 1,
            f"run:{self.run} map.a.deep.deeper:☃": 12,
            f"run:{self.run} NOT done": 120,
        }.items():
            assert len(clew.logs(query)) == count, query
        histogram = clew.get("/api/v1/logs/histogram", query=f"run:{self.run}", start="now-1h", step="1h")
        assert histogram["total"] == 600

        assert clew.correlate(f"req-{self.run}")["counts"]["logs"] == len(self.documents)
        by_seed = clew.logs(f"correlation_id:req-{self.run} context.task_id:task\\:001 tags:redis")
        assert [log["attributes"]["performance"]["queue"] for log in by_seed] == [[1, 2, 3]]
        (failed,) = clew.logs(f"request_id:req-{self.run} exception.exc_type:KeyError")
        assert failed["message"] == "failed" and failed["severity"] == "ERROR"

        (row,) = clew.query(f'steps_total{{job="{self.job}"}}[1h]')
        values = [float(value) for _, value in row["values"]]
        assert values[:20] == [float(sum(range(n + 1))) for n in range(20)]
        assert set(values[20:]) <= {float(self.total)}
        (row,) = clew.query(f'latency_seconds_bucket{{job="{self.job}",le="5"}}')
        assert row["value"][1] == "16"
        (target,) = clew.query(f'target_info{{job="{self.job}"}}')
        assert target["metric"]["text_unicode"] == EVERY_TYPE["text.unicode"]
        return self.everything()

    def everything(self):
        clew, run = self.clew, self.run
        return {
            "logs": clew.logs(run),
            "trace": clew.trace(self.trace_id),
            "samples": clew.query(f'{{job="{self.job}"}}[1h]'),
            "fields": clew.get("/api/v1/logs/fields", query=f"run:{run}", start="now-1h", top=3),
        }

    def deliver_again(self):
        """The same bytes once more, as after an answer that was lost."""
        headers = {"Content-Type": "application/x-protobuf"}
        for signal, requests in (("traces", self.spans), ("metrics", self.metrics)):
            for request in requests:
                answer = self.clew.request("POST", f"/v1/{signal}", data=request.SerializeToString(), headers=headers)
                assert (answer.status_code, answer.content) == (200, b"")


def test_sealed_records_are_what_hot_ones_were(new_clew):
    clew = new_clew(load.SMALL_MEMORY).start()
    story = Story(clew)
    hot = story.check()
    load.fill_until_sealed(clew)
    exact.assert_same(story.check(), hot, "after the seal")
    clew.restart()
    exact.assert_same(story.check(), hot, "after the restart")
    story.deliver_again()
    exact.assert_same(story.check(), hot, "after the second delivery")
    load.fill_until_sealed(clew)
    exact.assert_same(story.check(), hot, "after its seal")
    clew.stop()
