"""A real server filled by real clients, for the tests of the page: runs until its standard input closes.

    serve.py FACTS

writes to FACTS, as JSON, where the server is and what it holds, once all of it can be read back.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "clients"))

import prometheus_client  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter  # noqa: E402
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: E402
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.sdk._logs import LoggerProvider  # noqa: E402
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor  # noqa: E402
from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: E402
from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: E402
from opentelemetry.sdk.resources import Resource  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: E402

import clew_server  # noqa: E402

CORRELATION_ID = "req-5eed0042"
TASK_ID = "task:0042"
SERVICES = ["orchestrator", "planner", "worker-coder", "llm-gateway"]
SECOND = 1_000_000_000


class Service:
    """One program with the stock SDK, as its users set it up."""

    def __init__(self, name, endpoint):
        resource = Resource.create({"service.name": name, "service.version": "1.4.2", "host.name": "node-1"})
        self.name = name
        self.spans = TracerProvider(resource=resource)
        self.spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, insecure=True)))
        self.tracer = self.spans.get_tracer("agents", "1.0")
        self.logs = LoggerProvider(resource=resource)
        self.logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint, insecure=True)))
        self.logger = self.logs.get_logger("agents")
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint, insecure=True), 1_000)
        self.metrics = MeterProvider(metric_readers=[reader], resource=resource)
        meter = self.metrics.get_meter("agents")
        self.tasks = meter.create_counter("agent_tasks", description="Tasks handled")
        self.seconds = meter.create_histogram("agent_task_duration", unit="s", description="Time a task took")

    def log(self, at, severity, message, span=None, **attributes):
        context = trace.set_span_in_context(span) if span is not None else None
        number = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}[severity]
        self.logger.emit(
            LogRecord(
                timestamp=at,
                observed_timestamp=at,
                context=context,
                severity_text=severity,
                severity_number=SeverityNumber(number),
                body=message,
                attributes=attributes,
            )
        )

    def flush(self):
        for provider in (self.spans, self.logs, self.metrics):
            provider.force_flush(10_000)

    def shutdown(self):
        for provider in (self.spans, self.logs, self.metrics):
            provider.shutdown()


def request(services, start, broken=False):
    """One request through the agents; answers its trace ID and the span in which it broke."""
    orchestrator, planner, coder, gateway = services
    root = orchestrator.tracer.start_span("POST /requests", kind=trace.SpanKind.SERVER, start_time=start)
    inside = trace.set_span_in_context(root)
    plan = planner.tracer.start_span("make plan", context=inside, start_time=start + 20_000_000)
    planner.log(start + 60_000_000, "INFO", "plan has 3 steps", plan)
    plan.end(start + 180_000_000)
    for step in range(3):
        begin = start + (200 + 400 * step) * 1_000_000
        failed = broken and step == 2
        run = coder.tracer.start_span(
            "run task", context=inside, kind=trace.SpanKind.CONSUMER, start_time=begin, attributes={"task_id": TASK_ID if broken else f"task:{step}"}
        )
        call = gateway.tracer.start_span(
            "chat completion", context=trace.set_span_in_context(run), kind=trace.SpanKind.CLIENT, start_time=begin + 15_000_000,
            attributes={"llm.model": "m-large", "llm.tokens": 512 + step},
        )
        coder.log(begin + 5_000_000, "INFO", "task taken over from file /var/spool/tasks/0042.json", run)
        if failed:
            call.record_exception(TimeoutError("no answer in 4 s"), timestamp=begin + 340_000_000)
            call.set_status(trace.StatusCode.ERROR, "deadline exceeded")
            run.set_status(trace.StatusCode.ERROR, "task failed")
            coder.log(begin + 350_000_000, "ERROR", "task failed: the language model did not answer in 4 s", run, attempt=3)
            with trace.use_span(run):
                coder.tasks.add(1, {"outcome": "failed"})
        call.end(begin + 345_000_000)
        run.end(begin + 360_000_000)
        with trace.use_span(run):
            coder.seconds.record(0.36, {"step": str(step)})
        coder.tasks.add(1, {"outcome": "ok"})
    if broken:
        root.set_status(trace.StatusCode.ERROR, "a task failed")
    root.end(start + 1_450_000_000)
    return format(root.get_span_context().trace_id, "032x")


def history(now, rng):
    """JSON logs of the last 50 minutes, from a program that knows nothing of OpenTelemetry."""
    words = ["checkout finished", "cache refreshed", "job dispatched", "session opened", "queue drained"]
    for index in range(3_000):
        at = now - 3_000 * SECOND + index * SECOND
        level = rng.choices(["DEBUG", "INFO", "WARN", "ERROR"], [10, 75, 10, 5])[0]
        yield {
            "timestamp": at,
            "level": level,
            "service": rng.choice(["billing", "scheduler"]),
            "message": f"{rng.choice(words)} after {rng.randrange(5_000)} ms",
            "context": {"tenant": f"acme-{rng.randrange(9)}", "shard": rng.randrange(4)},
        }


def tick(clew, stop):
    """A line each third of a second, for the live tail."""
    number = 0
    while not stop.wait(0.33):
        number += 1
        clew.send_logs([{"level": "INFO", "service": "ticker", "message": f"heartbeat {number}"}])


def fill(clew, now):
    rng = random.Random(42)
    clew.send_logs(list(history(now, rng)))
    services = [Service(name, f"http://127.0.0.1:{clew.grpc}") for name in SERVICES]
    for index in range(40):
        request(services, now - (2_400 - 50 * index) * SECOND)
    broken_at = now - 300 * SECOND
    trace_id = request(services, broken_at, broken=True)
    # The correlation ID stands in this one line alone; the line names the trace.
    clew.send_logs(
        [
            {
                "timestamp": broken_at + 1_460_000_000,
                "level": "ERROR",
                "agent_name": "supervisor",
                "message": "giving up on the request",
                "correlation_id": CORRELATION_ID,
                "trace_id": trace_id,
            }
        ]
    )
    for service in services:
        service.flush()
    return trace_id, services


def guarded_server(folder):
    """A server that asks who one is: `ada` may read, `amy` everything; both with the password `open sesame`."""
    command = [clew_server.binary(), "hash-password"]
    hashed = subprocess.run(command, input="open sesame\n", capture_output=True, text=True, check=True).stdout.strip()
    users = [("ada", "read"), ("amy", "ingest, read, admin")]
    users = ", ".join(f"{{ name: {name}, password_hash: '{hashed}', scopes: [{scopes}] }}" for name, scopes in users)
    guarded = clew_server.Clew(pathlib.Path(folder) / "guarded", f"auth: {{ mode: basic, users: [{users}] }}\n")
    guarded.expect_complaint("credentials were refused")
    return guarded


def tenants_server(folder):
    """A server that keeps tenants apart and lets everybody name one."""
    return clew_server.Clew(pathlib.Path(folder) / "tenants", "tenants: { mode: on }\n")


def fill_tenants(clew):
    for tenant in ("team-a", "team-b"):
        headers = clew_server.NDJSON | {"X-Scope-OrgID": tenant}
        clew.send_logs([{"message": f"a line of {tenant}", "service": "shop"}], headers=headers)


def main():
    facts_path = pathlib.Path(sys.argv[1])
    exporter = clew_server.free_port()
    registry = prometheus_client.CollectorRegistry()
    depth = prometheus_client.Gauge("queue_depth", "Tasks that wait", ["queue"], registry=registry)
    depth.labels("tasks").set(7)
    prometheus_client.start_http_server(exporter, "127.0.0.1", registry)
    with tempfile.TemporaryDirectory() as folder:
        clew = clew_server.Clew(folder, "prometheus: { config_file: prometheus.yml }\n")
        (clew.folder / "prometheus.yml").write_text(
            "global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n"
            f"  - job_name: queue\n    static_configs: [{{ targets: ['127.0.0.1:{exporter}'] }}]\n"
            "  - job_name: gone\n    static_configs: [{ targets: ['127.0.0.1:9'] }]\n"
        )
        clew.expect_complaint("target is down")
        guarded = guarded_server(folder)
        tenants = tenants_server(folder)
        try:
            clew.start()
            guarded.start()
            tenants.start()
            fill_tenants(tenants)
            now = time.time_ns()
            trace_id, services = fill(clew, now)
            # A graph's newest point may be some seconds old: what is shown must have been there by then.
            clew_server.wait_until(lambda: clew.query("queue_depth offset 8s"), 60, "the exporter is scraped")
            stop = threading.Event()
            ticker = threading.Thread(target=tick, args=(clew, stop), daemon=True)
            ticker.start()
            urls = {"url": clew.url(""), "guardedUrl": guarded.url(""), "tenantsUrl": tenants.url("")}
            facts = urls | {"correlationId": CORRELATION_ID, "taskId": TASK_ID, "traceId": trace_id}
            partial = facts_path.with_suffix(".partial")
            partial.write_text(json.dumps(facts))
            partial.rename(facts_path)
            sys.stdin.read()
            stop.set()
            ticker.join(5)
            for service in services:
                service.shutdown()
            clew.stop()
            guarded.stop()
            tenants.stop()
        finally:
            clew.close()
            guarded.close()
            tenants.close()


if __name__ == "__main__":
    main()
